"""VeRi-776 as it lies on disk (Liu et al., ECCV 2016), and data sets that name their files as it does.

The folders are ``image_train``, ``image_query`` and ``image_test``, the names ``IDENTITY_cCAMERA_FRAME_BOX.jpg``, such
as ``0001_c001_00030600_0.jpg``; what follows the camera makes no difference. It shows vehicles; the layout serves
people as well.
"""

from __future__ import annotations

import re

from cdnet.data.named_files import NamedFiles

FILES = NamedFiles(
    "veri",
    re.compile(r"(?P<identity>-1|\d+)_c(?P<camera>\d+)_\w+", re.ASCII),
    "0001_c001_00030600_0.jpg",
    "VeRi-776 is given out by its authors on request, see https://github.com/JDAI-CV/VeRidataset",
    "VeRi",
    folders="image_train, image_query, image_test",
)
