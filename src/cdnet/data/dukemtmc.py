"""DukeMTMC-reID as it lies on disk (Ristani et al., ECCV workshops 2016; Zheng et al., ICCV 2017).

Its authors withdrew DukeMTMC in 2019. This reads a copy that is already there, so that results of before can be
compared with; nothing here offers one. The folders are Market-1501's, the names ``IDENTITY_cCAMERA_fFRAME.jpg``.
There is no junk; the gallery has 408 identities more than the queries, which are distractors and stay.
"""

from __future__ import annotations

import re

from cdnet.data.named_files import NamedFiles

PUBLISHED = {"train": (16_522, 702, 8), "query": (2_228, 702, 8), "gallery": (17_661, 1_110, 8)}
"""Pictures, identities and cameras."""

FILES = NamedFiles(
    "DukeMTMC-reID",
    re.compile(r"(?P<identity>\d+)_c(?P<camera>\d+)_f\d+", re.ASCII),
    "0001_c2_f0046182.jpg",
    "DukeMTMC-reID was withdrawn by its authors in 2019 and is no longer given out",
    "DukeMTMC-reID",
    published=PUBLISHED,
)
