"""What is in a gallery, how large it is, and how it is searched."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from cdnet.gallery import indexing, listing
from cdnet.gallery.connections import Connection
from cdnet.gallery.indexing import IndexState
from cdnet.gallery.listing import Calibrated
from cdnet.gallery.months import months
from cdnet.gallery.network import GalleryNetwork
from cdnet.gallery.recall import NEAREST
from cdnet.gallery.removing import size_of
from cdnet.gallery.schema import VERSION


@dataclass(frozen=True)
class Stats:
    """What is in a gallery.

    Args:
        entries: how many.
        persons: different ones that are known.
        unknown_persons: entries whose person is not known.
        cameras: their names.
        unknown_times: entries whose time is not known.
        first: earliest time of a picture; None if none is known.
        last: latest time.
        months: tables that the entries are divided among.
        size: bytes on the disk.
        index: how the index is used.
        measured: the index' recall and the sample it was measured on just now; None if that was not asked for or there
            is no index.
        calibration: of the threshold; None if there was none.
        network: whose features it holds.
    """

    entries: int
    persons: int
    unknown_persons: int
    cameras: tuple[str, ...]
    unknown_times: int
    first: datetime | None
    last: datetime | None
    months: int
    size: int
    index: IndexState
    measured: tuple[float, int] | None
    calibration: Calibrated | None
    network: GalleryNetwork

    def to_json(self) -> dict[str, object]:
        """Return all of it as plain values; ``search`` is exact or index."""
        found: dict[str, object] = asdict(self) | {
            "first": self.first and self.first.isoformat(),
            "last": self.last and self.last.isoformat(),
            "network": self.network.to_json(),
            "search": "index" if self.index.used else "exact",
            "version": VERSION,
        }
        if self.measured is not None:
            found["measured"] = {"recall": self.measured[0], "samples": self.measured[1]}
        return found

    def as_text(self) -> str:
        """Return it as lines."""
        lines = [
            f"{self.entries:,} entries, {self.size / 2**20:,.1f} MiB on the disk, in {self.months} months",
            f"{self.persons:,} persons; {self.unknown_persons:,} entries of unknown ones",
            f"{len(self.cameras):,} cameras",
            f"features of {self.network.dimensions} numbers by {self.network.weights} ({self.network.digest[:12]})",
        ]
        if self.first is not None and self.last is not None:
            lines.append(f"taken from {self.first.isoformat()} to {self.last.isoformat()}")
        if self.unknown_times:
            lines.append(f"{self.unknown_times:,} entries of unknown time")
        state = self.index
        if state.recall is None:
            lines.append("searched exactly")
        else:
            how = "searched by index" if state.used else f"searched exactly, for the index misses {state.wanted:g}"
            lines.append(
                f"{how}: recall {state.recall:.4f} of the {NEAREST} nearest at ef {state.ef}, measured on "
                f"{state.samples} entries when there were {state.entries:,}"
            )
        if self.measured is not None:
            lines.append(f"now: recall {self.measured[0]:.4f}, measured on {self.measured[1]} entries")
        if self.calibration is not None:
            found = self.calibration
            lines.append(
                f"same person from a similarity of {found['threshold']:.4f} on: false-match rate "
                f"{found['false_match_rate']:.3g}, true-match rate {found['true_match_rate']:.4f}, measured on "
                f"{found['on'].get('data', 'pictures not named')}"
            )
        else:
            lines.append("no threshold was calibrated")
        return "\n".join(lines)


def read_stats(connection: Connection, network: GalleryNetwork, measure_recall: bool) -> Stats:
    """Return what is in a gallery; all counts are of one moment."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = connection.execute(
            "SELECT count(*), count(DISTINCT person), count(*) - count(person), count(*) - count(time), min(time), "
            "max(time) FROM entry"
        ).fetchone()
        assert row is not None
        cameras = connection.execute("SELECT DISTINCT camera FROM entry WHERE camera IS NOT NULL ORDER BY 1").fetchall()
    state = indexing.read_state(connection)
    measured = None
    if measure_recall and state.recall is not None and row[0] > 1:
        measured = indexing.measure(connection, network.dimensions, state.ef)
    entries, persons, unknown, timeless, first, last = row
    return Stats(
        entries,
        persons,
        unknown,
        tuple(camera for (camera,) in cameras),
        timeless,
        first,
        last,
        len(months(connection)),
        size_of(connection),
        state,
        measured,
        listing.calibration(connection),
        network,
    )
