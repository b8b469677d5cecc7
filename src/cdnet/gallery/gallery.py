"""A gallery: one object for all that can be done with it, by any number of threads."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from cdnet.data.decode import BrokenPictureError, read_bytes
from cdnet.errors import CdnetError
from cdnet.gallery import auditing, indexing, listing, removing, searching, statistics, writing
from cdnet.gallery.connections import Connection
from cdnet.gallery.entry import Entry, Found, NewEntry, by_person
from cdnet.gallery.indexing import IndexProgress, IndexState
from cdnet.gallery.listing import Calibrated
from cdnet.gallery.opened import OpenGallery
from cdnet.gallery.problems import NotThereError
from cdnet.gallery.removing import Removed
from cdnet.gallery.searching import Filters, FilterWords
from cdnet.gallery.statistics import Stats
from cdnet.gallery.writing import Added, Features


class Gallery(OpenGallery):
    """An open gallery; :func:`open_gallery` and :func:`create_gallery` give one. Close it, or use it in a ``with``.

    ``network`` says whose features it holds. Whoever searches, adds or removes is named in the audit log: ``who`` of
    each call, or of the gallery.
    """

    def add(
        self,
        entries: Sequence[NewEntry],
        features: Features,
        who: str | None = None,
        added: Sequence[datetime] | None = None,
    ) -> list[Added]:
        """Add pictures; all of them are on the disk when this returns, or none if it raises.

        A picture that is there already, by its digest, stays as it was.

        Args:
            entries: what is known of each picture.
            features: N x D, as the gallery's network gives them.
            who: for the audit log.
            added: when each was first added to another gallery; None for now.

        Raises:
            CdnetError: if the features are another network's, a picture was taken in the future, the disk is full, or
                the server stays away.
        """
        if not entries:
            return []
        if len(entries) != len(features):
            raise ValueError("entries and features differ in length")
        unit = writing.unit_length(features, self.network.dimensions)
        event = uuid.uuid4()

        def work(connection: Connection) -> list[Added]:
            with connection.transaction():
                found = writing.add(connection, entries, unit, added)
                new = [entry.id for entry in found if entry.new]
                if new:
                    detail = {"entries": len(new), "first": new[0], "last": new[-1]}
                    auditing.write_record(connection, event, who or self._who, "add", None, detail)
            done = None if new else auditing.detail_of(connection, event)
            return found if done is None else writing.added_between(found, done["first"], done["last"])

        return self._writing.run(work)

    def known(self, digests: Sequence[bytes]) -> dict[bytes, int]:
        """Return the numbers of those entries that are there already, by digest."""
        return self._writing.run(lambda connection: writing.known(connection, digests))

    def search(
        self,
        feature: Features,
        k: int | None = 20,
        threshold: float | None = None,
        cameras: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        persons: Sequence[str] | None = None,
        group_by_person: bool = False,
        *,
        exact: bool = False,
        digest: bytes | None = None,
        who: str | None = None,
    ) -> Found:
        """Return the entries that are nearest to a feature; what is returned is in the audit log before.

        Args:
            feature: D numbers, as the gallery's network gives them.
            k: how many at most; None for all of at least ``threshold``.
            threshold: similarity, -1 to 1, that each match must have; None takes any.
            cameras: only of these cameras.
            since: only pictures taken at this time or later; those whose time is not known are left out.
            until: only pictures taken before this time; likewise.
            persons: only of these persons.
            group_by_person: also return what was found by person.
            exact: compare every entry even where there is an index.
            digest: SHA-256 of the picture that is searched for, for the audit log.
            who: for the audit log.

        Raises:
            CdnetError: if a value is out of range, the feature is another network's, or the server stays away.
        """
        if k is None and threshold is None:
            raise CdnetError("say how many entries are wanted, or of which similarity at least")
        if k is not None and not 1 <= k <= searching.MOST_FOUND:
            raise CdnetError(f"from 1 to {searching.MOST_FOUND:,} entries can be asked for, not {k:,}")
        if threshold is not None and not -1 <= threshold <= 1:
            raise CdnetError(f"a similarity is from -1 to 1, not {threshold:g}")
        filters = Filters(cameras, since, until, persons)
        unit = writing.unit_length(np.asarray(feature)[None], self.network.dimensions)[0]

        def work(connection: Connection) -> Found:
            index = None if exact else indexing.index_use(connection, self.network.dimensions)
            matches, all_compared = searching.search(connection, unit, filters, k, threshold, index)
            falls = threshold if threshold is not None else listing.calibrated(connection)
            return Found(matches, all_compared, falls, by_person(matches) if group_by_person else ())

        found = self._reading.run(work)
        asked = {"k": k, "threshold": threshold, "cameras": cameras, "persons": persons}
        times = {"since": since and since.isoformat(), "until": until and until.isoformat()}
        given = {key: value for key, value in (asked | times).items() if value is not None}
        returned = [[match.entry.id, round(match.similarity, 4)] for match in found.matches]
        self.log("query", {"asked": given, "returned": returned}, digest, who)
        return found

    def entries(
        self,
        cameras: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        persons: Sequence[str] | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[Entry]:
        """Return entries by their numbers, those after one of them; filters are those of :meth:`search`."""
        filters = Filters(cameras, since, until, persons)
        return self._reading.run(lambda connection: listing.entries(connection, filters, after, limit))

    def iterate(self, **filters: Unpack[FilterWords]) -> Iterator[Entry]:
        """Yield all entries that pass the filters of :meth:`entries`, by their numbers."""
        after = 0
        while page := self.entries(after=after, limit=1000, **filters):
            yield from page
            after = page[-1].id

    def untimed(
        self,
        cameras: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        persons: Sequence[str] | None = None,
    ) -> int:
        """Return how many entries a filter by time leaves out because their time is not known; 0 without one."""
        if since is None and until is None:
            return 0
        filters = Filters(cameras, since, until, persons)
        return self._reading.run(lambda connection: listing.untimed(connection, filters))

    def entry(self, number: int) -> Entry:
        """Return an entry.

        Raises:
            NotThereError: if there is none of that number.
        """
        found = self._reading.run(lambda connection: listing.entry(connection, number))
        if found is None:
            raise NotThereError(f"there is no entry {number} (any more)")
        return found

    def features(self, numbers: Sequence[int]) -> dict[int, Features]:
        """Return the features, of unit length, of those of some entries that are there."""
        return self._reading.run(lambda connection: searching.features_of(connection, numbers))

    def picture(self, number: int) -> bytes:
        """Return the bytes of an entry's picture: those kept in the gallery, or the file's, if it is still the same.

        Raises:
            NotThereError: if there is no such entry, or its picture is gone or was changed.
        """
        entry = self.entry(number)
        if entry.kept:
            data = self._reading.run(lambda connection: listing.picture(connection, entry.digest))
            if data is None:
                raise NotThereError(f"there is no entry {number} (any more)")
            return data
        try:
            data = read_bytes(Path(entry.place))
        except BrokenPictureError as error:
            raise NotThereError(f"the picture of entry {number} is not where it was: {error}") from None
        if hashlib.sha256(data).digest() != entry.digest:
            raise NotThereError(f"the picture of entry {number} is another one now: {entry.place} was changed")
        return data

    def remove(
        self,
        ids: Sequence[int] | None = None,
        *,
        digests: Sequence[bytes] | None = None,
        cameras: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        persons: Sequence[str] | None = None,
        older_than: timedelta | None = None,
        clock_is_right: bool = False,
        dry_run: bool = False,
        who: str | None = None,
    ) -> Removed:
        """Remove the entries to which all that is given applies, for good, and write that into the audit log.

        Args:
            ids: of these numbers.
            digests: with these pictures.
            cameras: of these cameras.
            since: taken at this time or later.
            until: taken before this time.
            persons: of these persons.
            older_than: taken, or where that is not known added, so long ago or longer.
            clock_is_right: remove by age even where the database's clock seems to have jumped.
            dry_run: only count them.
            who: for the audit log.

        Raises:
            CdnetError: if nothing is given, or the clock seems to have jumped.
        """
        which = removing.Which(ids, digests, Filters(cameras, since, until, persons), older_than)
        event = uuid.uuid4()

        def work(connection: Connection) -> Removed:
            if dry_run:
                size = removing.size_of(connection)
                return Removed(removing.count(connection, which), 0, size, size)
            done = auditing.detail_of(connection, event)
            if done is not None:
                size = removing.size_of(connection)
                return Removed(done["entries"], done["months"], size, size)
            return removing.remove(connection, which, who or self._who, event, clock_is_right)

        return self._writing.run(work)

    def compact(self) -> int:
        """Give the space of removed entries back to the disk, and return how many bytes that were.

        Each month cannot be searched while it is written anew.
        """
        return self._writing.run(removing.compact)

    def stats(self, measure_recall: bool = False) -> Stats:
        """Return what is in the gallery and how it is searched.

        Args:
            measure_recall: also search for a sample of the gallery's own entries, by the index and exactly.
        """
        return self._reading.run(lambda connection: statistics.read_stats(connection, self.network, measure_recall))

    def index_state(self) -> IndexState:
        """Return how the index is used, as it was measured last."""
        return self._reading.run(indexing.read_state, patience=0)

    def build_index(
        self,
        wanted: float = indexing.RECALL,
        progress: IndexProgress = indexing.silently,
        everything: bool = False,
    ) -> IndexState:
        """Make the index where the gallery is large enough to need one, and find out how to ask it; queries go on.

        Args:
            wanted: share of the ten nearest entries that it is to find.
            progress: told which month's index is made, and how far it is; what it raises stops the work.
            everything: index every month, however small the gallery is.

        Raises:
            CdnetError: if the recall is not between 0 and 1, or another process makes it now.
        """
        return indexing.build(self._writing, self.network.dimensions, wanted, progress, everything)

    def calibrate(self, measured: Mapping[str, Any], who: str | None = None) -> None:
        """Keep a measured threshold with what it was measured on; from now on it is where a search's matches end.

        Args:
            measured: the fields of :class:`~cdnet.evaluate.threshold.Threshold`, and ``on``, which pictures those were;
                :mod:`cdnet.gallery.calibrating` measures.
            who: for the audit log.
        """
        self._writing.run(lambda connection: listing.keep_calibration(connection, measured))
        self.log("calibrate", measured, who=who)

    def calibration(self) -> Calibrated | None:
        """Return the last calibration."""
        return self._reading.run(listing.calibration)
