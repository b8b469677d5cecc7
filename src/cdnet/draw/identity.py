"""Who a drawn pedestrian is: a combination of salient things, in colours that everybody shares.

The palette is small on purpose, and everybody dresses in three colours of it. Two people are told apart by
pattern, bag, hat, hair and by *where* a colour is worn, since many others wear the same three.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Rgb = tuple[int, int, int]
Side = Literal["left", "right"]

PALETTE: dict[str, Rgb] = {
    "black": (42, 41, 48),
    "white": (233, 230, 222),
    "grey": (134, 137, 143),
    "red": (194, 50, 48),
    "blue": (48, 90, 176),
    "green": (60, 134, 80),
    "yellow": (228, 182, 62),
}
SKINS: dict[str, Rgb] = {
    "fair": (240, 205, 180),
    "tan": (214, 166, 128),
    "brown": (160, 110, 78),
    "dark": (100, 68, 52),
}
HAIR_COLOURS: dict[str, Rgb] = {
    "black": (32, 28, 30),
    "brown": (92, 60, 40),
    "blond": (214, 176, 104),
    "ginger": (178, 88, 40),
    "silver": (178, 178, 182),
}

BUILDS = ("slim", "average", "broad")
STATURES = ("short", "medium", "tall")
HAIR_STYLES = ("bald", "cropped", "bob", "long", "ponytail", "bun", "curls")
HATS = ("cap", "beanie", "sunhat")
UPPER_CUTS = ("tee", "jumper", "vest", "hoodie", "jacket", "coat")
LOWER_CUTS = ("trousers", "shorts", "skirt")
UPPER_PATTERNS = ("plain", "hoops", "stripes", "checks", "dots", "diagonal", "yoke", "band", "logo")
LOWER_PATTERNS = ("plain", "seam", "checks", "stripes", "hem")
BAGS = ("backpack", "shoulder bag", "handbag")
CARRIED = ("shopping", "suitcase", "umbrella", "parcel")

_UPPER_PATTERN_ODDS = (0.20, 0.13, 0.10, 0.12, 0.10, 0.10, 0.09, 0.09, 0.07)
_LOWER_PATTERN_ODDS = (0.56, 0.13, 0.11, 0.08, 0.12)


@dataclass(frozen=True)
class Garment:
    """One piece of clothing; `second` is the colour of its pattern, None where the garment is plain."""

    cut: str
    colour: str
    pattern: str
    second: str | None


@dataclass(frozen=True)
class Belonging:
    """A bag or a carried thing, worn or held on one side of the body (the person's own left or right)."""

    kind: str
    colour: str
    side: Side


@dataclass(frozen=True)
class Identity:
    """Everything about a person that stays from picture to picture.

    Colours are names in `PALETTE`, `SKINS` or `HAIR_COLOURS`; an absent thing is None, so that two people
    who look the same also compare equal.
    """

    build: str
    stature: str
    skin: str
    hair: str
    hair_colour: str | None
    hat: str | None
    hat_colour: str | None
    upper: Garment
    lower: Garment
    shoes: str
    scarf: str | None
    bag: Belonging | None
    carried: Belonging | None

    @property
    def outfit(self) -> tuple[object, ...]:
        """What can be read at a distance: the identity without build, stature, skin and hair."""
        headgear = self.hat, self.hat_colour
        return (*headgear, self.upper, self.lower, self.shoes, self.scarf, self.bag, self.carried)


def _pick(rng: np.random.Generator, choices: Sequence[str], odds: Sequence[float] | None = None) -> str:
    return choices[int(rng.choice(len(choices), p=odds))]


def _garment(
    rng: np.random.Generator,
    cuts: Sequence[str],
    patterns: Sequence[str],
    odds: Sequence[float],
    colours: Sequence[str],
) -> Garment:
    cut, pattern = _pick(rng, cuts), _pick(rng, patterns, odds)
    first, second = rng.choice(colours, 2, replace=False).tolist()
    return Garment(cut, first, pattern, None if pattern == "plain" else second)


def sample_identity(rng: np.random.Generator) -> Identity:
    """Draw one person at random. Two calls may give the same person: see `sample_identities`."""
    colours = rng.choice(list(PALETTE), 3, replace=False).tolist()
    hair = _pick(rng, HAIR_STYLES)
    hat = _pick(rng, HATS) if rng.random() < 0.4 else None
    bag_side, other_side = rng.permutation(["left", "right"]).tolist()
    return Identity(
        build=_pick(rng, BUILDS),
        stature=_pick(rng, STATURES),
        skin=_pick(rng, list(SKINS)),
        hair=hair,
        hair_colour=None if hair == "bald" else _pick(rng, list(HAIR_COLOURS)),
        hat=hat,
        hat_colour=_pick(rng, colours) if hat else None,
        upper=_garment(rng, UPPER_CUTS, UPPER_PATTERNS, _UPPER_PATTERN_ODDS, colours),
        lower=_garment(rng, LOWER_CUTS, LOWER_PATTERNS, _LOWER_PATTERN_ODDS, colours),
        shoes=_pick(rng, colours),
        scarf=_pick(rng, colours) if rng.random() < 0.2 else None,
        bag=Belonging(_pick(rng, BAGS), _pick(rng, colours), bag_side) if rng.random() < 0.65 else None,
        carried=Belonging(_pick(rng, CARRIED), _pick(rng, colours), other_side) if rng.random() < 0.35 else None,
    )


def sample_identities(seed: int, count: int) -> list[Identity]:
    """Draw `count` people of whom no two wear the same outfit.

    Person n depends on the seed and on the people before it only, so a longer list begins with the shorter.
    """
    people: list[Identity] = []
    outfits: set[tuple[object, ...]] = set()
    for number in range(count):
        rng = np.random.default_rng(np.random.SeedSequence([seed, 0, number]))
        person = sample_identity(rng)
        while person.outfit in outfits:
            person = sample_identity(rng)
        outfits.add(person.outfit)
        people.append(person)
    return people
