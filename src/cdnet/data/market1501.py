"""Market-1501 as it lies on disk (Zheng et al., ICCV 2015).

Names are ``IDENTITY_cCAMERAsSEQUENCE_FRAME_BOX.jpg``; some end in ``.jpg.jpg``, and a folder may hold a Thumbs.db.
Identity -1 is junk, which the protocol ignores; identity 0 is a distractor, which stays in the gallery.
"""

from __future__ import annotations

import re

from cdnet.data.named_files import NamedFiles

PUBLISHED = {"train": (12_936, 751, 6), "query": (3_368, 750, 6), "gallery": (15_913, 751, 6)}
"""Pictures, identities and cameras; the gallery's are without the junk and with the distractors as one identity."""

FILES = NamedFiles(
    "market1501",
    re.compile(r"(?P<identity>-1|\d+)_c(?P<camera>\d+)s\d+_\d+_\d+", re.ASCII),
    "0002_c1s1_000451_03.jpg",
    "Market-1501 is on its authors' page, https://zheng-lab.cecs.anu.edu.au/Project/project_reid.html",
    "Market-1501-v15.09.15",
    published=PUBLISHED,
    telling=("bounding_box_train", "bounding_box_test"),
)
