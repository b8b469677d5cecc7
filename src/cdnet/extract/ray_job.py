"""The same extraction as a Ray Data job: parts go out to the workers of a cluster, and come back to be kept.

A worker that dies has its part computed by another one. Workers read the pictures, and the network's file, by the paths
that this process reads them by, so that both lie on a disk that all of them share.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import numpy as np

from cdnet.errors import CdnetError
from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.job import Compute, Task, Tell
from cdnet.extract.listing import Entry
from cdnet.extract.parts import Part, extract_part

SECONDS = 10
"""That a cluster may take to answer."""
NEAR = 16
"""Parts a worker that are handed to Ray at a time, so that a list of millions is never in memory."""


class _Worker:
    """What Ray makes once in each worker process."""

    def __init__(self, extractor: FeatureExtractor) -> None:
        self.extractor = extractor

    def __call__(self, batch: dict[str, Any]) -> dict[str, object]:  # columns, as Ray has them
        entries = [Entry(*entry) for entry in json.loads(batch["entries"][0])]
        try:
            part, problem = extract_part(self.extractor, entries).to_bytes(), ""
        except CdnetError as error:  # which another try would only repeat
            part, problem = b"", str(error)
        return {"number": batch["number"], "part": np.array([part], object), "problem": [problem]}


def on_ray(address: str, tell: Tell) -> Compute:
    """Return what computes parts on a Ray cluster.

    Args:
        address: of the cluster, such as ``host:6379`` or ``ray://host:10001``; ``auto`` is the one at hand, or else
            this machine alone.
        tell: is told where it runs.

    Raises:
        CdnetError: if Ray is not installed, or there is no such cluster.
    """
    try:
        import ray.data
    except ImportError:
        raise CdnetError("--ray needs Ray; install it with pip install 'cdnet-reid[ray]'") from None
    cluster: Any = ray

    def compute(extractor: FeatureExtractor, tasks: Iterator[Task], count: int) -> Iterator[tuple[int, Part]]:
        if not count:
            return
        ours = not cluster.is_initialized()
        if ours:
            _connect(cluster, address, tell)
        try:
            cluster.data.DataContext.get_current().enable_progress_bars = False
            workers = max(1, int(cluster.cluster_resources().get("CPU", 1)))
            tell(f"Ray: {len(cluster.nodes())} nodes, {workers} processors")
            for group in _groups(tasks, NEAR * workers):
                yield from _parts(cluster, extractor, group, min(workers, len(group)))
        finally:
            if ours:
                cluster.shutdown()

    return compute


def _refuse_unreachable(address: str) -> None:
    # Ray itself would try for minutes.
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise CdnetError(
            f"--ray is auto or the address of a cluster, such as host:6379 or ray://host:10001, not {address}"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
    except (OSError, UnicodeError) as error:
        raise CdnetError(f"there is no Ray cluster at {address} ({error}); start one, or give --ray auto") from None


def _connect(ray: Any, address: str, tell: Tell) -> None:
    if address not in ("auto", "local"):
        _refuse_unreachable(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # Ray's errors here share no class of their own
        if address != "auto":
            why = str(error).strip().split("\n")[0][:200]
            raise CdnetError(f"there is no Ray cluster at {address} ({why}); start one, or give --ray auto") from None
        tell("no Ray cluster at hand: this machine alone works")
        try:
            ray.init(address="local", log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        except Exception as error:  # a machine that is too busy to start it in half a minute, or has too little memory
            why = str(error).strip().split("\n")[0][:200]
            raise CdnetError(f"Ray could not start on this machine ({why}); try again, or leave out --ray") from None


def _groups(tasks: Iterator[Task], size: int) -> Iterator[list[Task]]:
    group: list[Task] = []
    for task in tasks:
        group.append(task)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _parts(ray: Any, extractor: FeatureExtractor, group: list[Task], workers: int) -> Iterator[tuple[int, Part]]:
    rows = [{"number": number, "entries": json.dumps(entries)} for number, entries in group]
    # Ray Data restarts workers, and tries their work again, as often as need be.
    found = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Worker,
        fn_constructor_args=(extractor,),
        batch_size=1,
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers),
    )
    try:
        for row in found.iter_rows():
            if row["problem"]:
                raise CdnetError(row["problem"])
            yield int(row["number"]), Part.from_bytes(row["part"])
    except ray.exceptions.RayError as error:
        why = str(error).strip().split("\n")[-1][:300]
        raise CdnetError(f"Ray could not go on ({why}); what is done is kept, and the same command goes on") from None
