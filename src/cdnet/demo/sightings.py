"""A table of the demo's gallery: who was seen by which camera, and when, for the line of time of a served gallery."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cdnet.data import market1501
from cdnet.data.names import by_name
from cdnet.files import write_text

TABLE = "gallery.csv"
BEGUN = datetime(2025, 6, 2, 8, tzinfo=UTC)
"""When the drawn cameras began."""
FRAMES_A_SECOND = 25


def write_sightings(pictures: Path) -> Path:
    """Write the table of a drawn gallery into its folder ``pictures``, and return where it is.

    A drawn picture's name says its frame, which is counted from the moment when all cameras began; pieces of people
    are left out.

    Raises:
        CdnetError: if it cannot be written.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["path", "camera", "time", "person"])
    for path in sorted((pictures / "bounding_box_test").glob("*.jpg")):
        named = by_name(path, market1501.FILES)
        if not named.junk:
            seconds = int(path.stem.split("_")[2]) / FRAMES_A_SECOND
            seen = BEGUN + timedelta(seconds=seconds)
            rows.writerow([path.relative_to(pictures).as_posix(), named.camera, seen.isoformat(), named.person or ""])
    write_text(pictures / TABLE, text.getvalue())
    return pictures / TABLE
