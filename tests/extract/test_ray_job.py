"""The same extraction on a cluster of two nodes, of whose workers one is killed."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.job import extract_all
from cdnet.extract.ray_job import on_ray

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'cdnet-reid[ray]'")


def workers() -> list[int]:
    """Return the processes in which our part of the job runs."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"_Worker" in (line := (folder / "cmdline").read_bytes()) and line.startswith(b"ray::"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_two_nodes_give_what_one_process_gives_though_a_worker_is_killed(
    weights: Path, pictures: Path, tmp_path: Path
) -> None:
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    names = [str(path) for path in sorted(pictures.glob("*.jpg"))]
    (tmp_path / "list.csv").write_text("path\n" + "\n".join((names * 500)[:8000]) + "\n")
    extractor = FeatureExtractor(weights)
    extract_all(extractor, tmp_path / "list.csv", tmp_path / "one.npz")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    killed: list[int] = []
    done = threading.Event()

    def kill() -> None:
        while not killed and not done.is_set():
            if list(tmp_path.glob("ray.npz.parts/*.part")):
                for process in workers()[:1]:
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)
            done.wait(0.02)

    try:
        cluster.add_node(num_cpus=1)
        said: list[str] = []
        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        compute = on_ray(cluster.address, said.append)
        extract_all(extractor, tmp_path / "list.csv", tmp_path / "ray.npz", compute=compute)
    finally:
        done.set()
        cluster.shutdown()
    assert killed
    assert any("2 nodes" in sentence for sentence in said)
    assert (tmp_path / "ray.npz").read_bytes() == (tmp_path / "one.npz").read_bytes()
