"""Pictures of nobody: junk, which is ignored, and distractors, which are searched through and never for.

In Market-1501 the identity -1 is junk, where the detector found no person well enough, and 0 are distractors.
"""

from __future__ import annotations

from cdnet.data.spelling import identity_of

JUNK = "-1"
JUNK_REASON = "junk (identity -1)"
DISTRACTOR_REASON = "distractors outside the gallery, who are many persons or none"
_DISTRACTOR = "0"
_JUNK_NAMES = {JUNK, "junk"}
_DISTRACTOR_NAMES = {"distractor", "distractors"}


def is_junk(identity: str) -> bool:
    """Tell whether an identity is junk: ``-1``, also with an underscore in front, or ``junk``."""
    return identity_of(identity.lstrip("_")).casefold() in _JUNK_NAMES


def is_called_distractor(identity: str) -> bool:
    """Tell whether an identity is called ``distractor`` or ``distractors``."""
    return identity_of(identity).casefold() in _DISTRACTOR_NAMES


def nobody(identities: set[str]) -> set[str]:
    """Return those of a data set's identities that are junk or distractors.

    Distractors are called so, or 0 where there is junk -1: people are counted from 0 elsewhere.
    """
    found = {name for name in identities if is_junk(name) or is_called_distractor(name)}
    if any(identity_of(name) == JUNK for name in identities):
        found |= {name for name in identities if identity_of(name) == _DISTRACTOR}
    return found
