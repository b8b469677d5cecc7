"""Extraction to files: the same whether it was killed, shared out, or written in another format."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cdnet import CdnetError
from cdnet.cli import main
from cdnet.extract import job
from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.job import extract_all, parse_shard
from cdnet.extract.join import join
from cdnet.extract.ray_job import _connect
from cdnet.extract.stored import open_features

arrow = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def folder(pictures: Path, tmp_path: Path) -> Path:
    """Pictures, of which two cannot be read, in a folder of ours."""
    found = tmp_path / "pictures"
    shutil.copytree(pictures, found)
    (found / "0000.jpg").write_bytes(b"no picture")
    (found / "zzzz.jpg").write_bytes(b"")
    return found


def rows(path: Path) -> tuple[list[str], np.ndarray]:
    table = arrow.read_table(path)
    return table["path"].to_pylist(), np.stack(table["features"].to_numpy())


def test_the_features_are_those_of_the_extractor(extractor: FeatureExtractor, folder: Path, tmp_path: Path) -> None:
    found = extract_all(extractor, folder, tmp_path / "out.parquet")
    paths, features = rows(tmp_path / "out.parquet")
    wanted = sorted(path.name for path in folder.iterdir())[1:-1]
    assert wanted == paths
    np.testing.assert_allclose(features, extractor([folder / path for path in paths]), atol=1e-5)
    assert (found.count, found.unreadable) == (len(wanted), 2)
    listed = list(csv.DictReader((tmp_path / "out.parquet.unreadable.csv").open()))
    assert [row["path"] for row in listed] == ["0000.jpg", "zzzz.jpg"]
    assert not (tmp_path / "out.parquet.parts").exists()


def test_npz_has_the_same_and_is_read_back_alike(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path, small_parts: Callable[[], None]
) -> None:
    small_parts()
    for name in ("out.parquet", "out.npz", "again.npz"):
        extract_all(extractor, folder, tmp_path / name)
    paths, features = rows(tmp_path / "out.parquet")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as kept:
        assert kept["paths"].tolist() == paths
        np.testing.assert_array_equal(kept["features"], features)
    assert (tmp_path / "out.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()
    for name in ("out.parquet", "out.npz"):
        blocks = list(open_features(tmp_path / name).blocks())
        assert [path for block in blocks for path in block.paths] == paths
        np.testing.assert_array_equal(np.concatenate([block.features for block in blocks]), features)


@pytest.mark.parametrize("ending", ["parquet", "npz"])
def test_shards_joined_are_the_whole_bit_for_bit(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path, small_parts: Callable[[], None], ending: str
) -> None:
    small_parts()
    whole = tmp_path / f"whole.{ending}"
    extract_all(extractor, folder, whole)
    shards = [tmp_path / f"{number}.{ending}" for number in (1, 2, 3)]
    for number, path in enumerate(shards, start=1):
        extract_all(extractor, folder, path, (number, 3))
    joined = tmp_path / f"joined.{ending}"
    join(shards[::-1], joined)
    for one, other in zip(open_features(whole).blocks(), open_features(whole).blocks(), strict=True):
        assert one.paths == other.paths
    blocks = [list(open_features(path).blocks()) for path in (whole, joined)]
    assert [p for b in blocks[0] for p in b.paths] == [p for b in blocks[1] for p in b.paths]
    np.testing.assert_array_equal(*(np.concatenate([block.features for block in found]) for found in blocks))
    assert open_features(whole).about == open_features(joined).about
    assert Path(f"{whole}.unreadable.csv").read_text() == Path(f"{joined}.unreadable.csv").read_text()
    for files, said in (
        (shards[:2], "1 are lacking: 3"),
        ([*shards, shards[0]], "same shard"),
        ([whole], "no shard"),
        ([*shards[:2], tmp_path / f"gone.{ending}"], "no such file"),
    ):
        with pytest.raises(CdnetError, match=said):
            join(files, tmp_path / f"other.{ending}")
    with pytest.raises(CdnetError, match="exists already"):
        join(shards, joined)


def test_a_csv_file_gives_identities_and_may_repeat_a_picture(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path
) -> None:
    names = sorted(path.name for path in folder.iterdir())[1:4]
    lines = [f"{name},p{number},{number if number else ''}" for number, name in enumerate([*names, names[0]])]
    (folder / "list.csv").write_text("path,identity,camera\n" + "\n".join(lines) + "\n")
    extract_all(extractor, folder / "list.csv", tmp_path / "out.parquet")
    table = arrow.read_table(tmp_path / "out.parquet")
    assert table["identity"].to_pylist() == ["p0", "p1", "p2", "p3"]
    assert table["camera"].to_pylist() == [None, "1", "2", "3"]
    features = np.stack(table["features"].to_numpy())
    np.testing.assert_array_equal(features[0], features[3])


def stopping(after: int) -> Callable[..., Iterator[tuple[int, object]]]:
    def compute(extractor: FeatureExtractor, tasks: Iterator[job.Task], count: int) -> Iterator[tuple[int, object]]:
        for number, done in enumerate(job.in_this_process(extractor, tasks, count)):
            if number == after:
                raise KeyboardInterrupt
            yield done

    return compute


def test_what_was_stopped_goes_on_and_ends_the_same(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path, small_parts: Callable[[], None]
) -> None:
    small_parts()
    extract_all(extractor, folder, tmp_path / "whole.npz")
    out, parts = tmp_path / "out.npz", tmp_path / "out.npz.parts"
    with pytest.raises(KeyboardInterrupt):
        extract_all(extractor, folder, out, compute=stopping(2))
    assert not out.exists()
    kept = sorted(path.name for path in parts.glob("*.part"))
    assert kept == ["000000.part", "000001.part"]
    (parts / kept[1]).write_bytes((parts / kept[1]).read_bytes()[:50])  # a damaged part is made anew
    said: list[str] = []
    extract_all(extractor, folder, out, tell=said.append)
    assert any("5 of" in sentence and "done before" in sentence for sentence in said)
    assert out.read_bytes() == (tmp_path / "whole.npz").read_bytes()


DAMAGED: dict[str, Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]] = {
    "not a number": lambda kept: {"features": np.full_like(kept["features"], np.nan)},
    "another network's": lambda kept: {"features": kept["features"][:, :-1]},
    "of other bits": lambda kept: {"features": kept["features"].astype(np.float64)},
    "lacking a row": lambda kept: {"features": kept["features"][1:], "rows": kept["rows"][1:]},
    "a row twice": lambda kept: {"rows": kept["rows"] * 0},
    "in another order": lambda kept: {"rows": kept["rows"][::-1]},
    "a row beyond": lambda kept: {"rows": kept["rows"] + 10**6},
    "rows of no kind": lambda kept: {"rows": kept["rows"].astype(str)},
    "broken of no kind": lambda kept: {"broken": np.frombuffer(b"[1]", np.uint8)},
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_part_that_was_damaged_is_made_anew(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    out, wanted = tmp_path / "out.npz", tmp_path / "wanted.npz"
    extract_all(extractor, folder, wanted)
    with monkeypatch.context() as patch:
        patch.setattr(job, "write_features", stopped)
        with pytest.raises(KeyboardInterrupt):
            extract_all(extractor, folder, out)
    part = tmp_path / "out.npz.parts" / "000000.part"
    with np.load(part) as found:
        kept = dict(found.items())
    with part.open("wb") as file:
        np.savez(file, **{**kept, **DAMAGED[how](kept)})
    extract_all(extractor, folder, out)
    assert out.read_bytes() == wanted.read_bytes()


def test_a_pipe_in_a_part_s_place_is_said(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(job, "write_features", stopped)
        with pytest.raises(KeyboardInterrupt):
            extract_all(extractor, folder, tmp_path / "out.npz")
    for name, said in (("000000.part", "pipe"), ("job.json", "damaged")):
        kept = tmp_path / "out.npz.parts" / name
        kept.unlink()
        os.mkfifo(kept)
        with pytest.raises(CdnetError, match=said):
            extract_all(extractor, folder, tmp_path / "out.npz")


def stopped(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_picture_that_changed_meanwhile_is_extracted_anew(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path, small_parts: Callable[[], None]
) -> None:
    small_parts()
    out = tmp_path / "out.parquet"
    with pytest.raises(KeyboardInterrupt):
        extract_all(extractor, folder, out, compute=stopping(1))
    names = sorted(path.name for path in folder.iterdir())
    time.sleep(0.05)
    shutil.copyfile(folder / names[9], folder / names[2])
    extract_all(extractor, folder, out)
    paths, features = rows(out)
    np.testing.assert_array_equal(features[paths.index(names[2])], features[paths.index(names[9])])


def test_another_extraction_is_not_mixed_with_what_is_kept(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path, small_parts: Callable[[], None]
) -> None:
    small_parts()
    out = tmp_path / "out.npz"
    with pytest.raises(KeyboardInterrupt):
        extract_all(extractor, folder, out, compute=stopping(1))
    with pytest.raises(CdnetError, match="shard"):
        extract_all(extractor, folder, out, (1, 2))
    shutil.copyfile(folder / "zzzz.jpg", folder / "more.jpg")
    with pytest.raises(CdnetError, match="pictures that are listed"):
        extract_all(extractor, folder, out)
    assert (tmp_path / "out.npz.parts" / "000000.part").exists()


def test_a_full_disk_loses_nothing(
    extractor: FeatureExtractor,
    folder: Path,
    tmp_path: Path,
    small_parts: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_parts()
    out = tmp_path / "out.npz"
    with monkeypatch.context() as full:
        sync, calls = os.fsync, []

        def fails(file: int) -> None:
            calls.append(file)
            if len(calls) > 4:
                raise OSError(28, "No space left on device")
            sync(file)

        full.setattr(os, "fsync", fails)
        with pytest.raises(CdnetError, match="disk is full"):
            extract_all(extractor, folder, out)
    assert list((tmp_path / "out.npz.parts").glob("*.part"))
    assert extract_all(extractor, folder, out).unreadable == 2


def test_refusals(extractor: FeatureExtractor, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "there.npz").write_text("somebody's")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "1.jpg").write_bytes(b"no picture")
    for source, out, said in (
        (folder, "there.npz", "exists already"),
        (folder, "out.csv", "says the format"),
        (tmp_path / "empty", "out.npz", "no pictures there"),
        (tmp_path / "gone", "out.npz", "no such folder"),
        (tmp_path / "bad", "out2.npz", "none of 1 pictures could be read"),
    ):
        with pytest.raises(CdnetError, match=said):
            extract_all(extractor, source, tmp_path / out)
    assert (tmp_path / "there.npz").read_text() == "somebody's"
    assert not list(tmp_path.glob("*.parts"))
    assert parse_shard("2/3") == (2, 3)
    for wrong in ("0/3", "4/3", "1", "a/b", "1/3/5", "-1/3", ""):
        with pytest.raises(CdnetError, match="--shard"):
            parse_shard(wrong)
    with pytest.raises(CdnetError, match="use fewer shards"):
        extract_all(extractor, folder, tmp_path / "out.npz", (1, 1000))


def test_nothing_of_somebody_else_s_is_touched(extractor: FeatureExtractor, folder: Path, tmp_path: Path) -> None:
    strange = tmp_path / "a.npz.parts" / "thesis.doc"
    strange.parent.mkdir()
    strange.write_text("somebody's")
    listed = tmp_path / "b.npz.unreadable.csv"
    listed.write_text("somebody's")
    for name, said in (("a.npz", "has thesis.doc"), ("b.npz", "unreadable.csv exists already")):
        with pytest.raises(CdnetError, match=said):
            extract_all(extractor, folder, tmp_path / name)
    assert strange.read_text() == listed.read_text() == "somebody's"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.npz.parts",
        "b.npz.unreadable.csv",
        "pictures",
    ]


def test_what_a_killed_process_left_half_written_goes(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path, small_parts: Callable[[], None]
) -> None:
    small_parts()
    out = tmp_path / "out.npz"
    with pytest.raises(KeyboardInterrupt):
        extract_all(extractor, folder, out, compute=stopping(1))
    half = [tmp_path / f".out.npz.{'0' * 16}", tmp_path / "out.npz.parts" / f".000001.part.{'0' * 16}"]
    for path in half:
        path.write_bytes(b"half")
    (tmp_path / "out.npz.unreadable.csv").write_text("path,problem\nof the killed one,x\n")
    extract_all(extractor, folder, out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.npz", "out.npz.unreadable.csv", "pictures"]
    listed = Path(f"{out}.unreadable.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in listed] == ["path", "0000.jpg", "zzzz.jpg"]


def test_pictures_may_be_extracted_into_their_own_folder(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path, small_parts: Callable[[], None]
) -> None:
    small_parts()
    extract_all(extractor, folder, tmp_path / "whole.npz")
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        extract_all(extractor, folder, folder / "out.npz", compute=stopping(1), tell=said.append)
    extract_all(extractor, folder, folder / "out.npz", tell=said.append)
    assert (folder / "out.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert not any("passed over" in sentence for sentence in said)


@pytest.mark.parametrize("ending", ["parquet", "npz"])
def test_a_shard_of_which_nothing_can_be_read_is_joined_too(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path, ending: str
) -> None:
    whole, joined = tmp_path / f"whole.{ending}", tmp_path / f"joined.{ending}"
    extract_all(extractor, folder, whole)
    count = len(list(folder.iterdir()))
    shards = [tmp_path / f"{number}.{ending}" for number in range(1, count + 1)]
    for number, shard in enumerate(shards, start=1):  # one picture each
        extract_all(extractor, folder, shard, (number, count))
    join(shards, joined)
    one, other = (list(open_features(path).blocks()) for path in (whole, joined))
    assert [path for block in one for path in block.paths] == [path for block in other for path in block.paths]
    np.testing.assert_array_equal(*(np.concatenate([block.features for block in found]) for found in (one, other)))
    assert Path(f"{whole}.unreadable.csv").read_text() == Path(f"{joined}.unreadable.csv").read_text()
    Path(f"{shards[0]}.unreadable.csv").write_text("path,problem\n")
    with pytest.raises(CdnetError, match="does not list the 1 unreadable"):
        join(shards, tmp_path / f"other.{ending}")


@pytest.mark.slow
def test_killed_at_any_time_it_ends_the_same(weights: Path, folder: Path, tmp_path: Path) -> None:
    names = sorted(path.name for path in folder.glob("*_*.jpg"))
    (folder / "list.csv").write_text("path\n" + "\n".join(names * (6000 // len(names))) + "\n")
    command = [sys.executable, "-m", "cdnet", "extract", str(folder / "list.csv"), "--weights", str(weights), "--out"]
    subprocess.run([*command, str(tmp_path / "whole.npz")], check=True)
    out = tmp_path / "out.npz"
    for _ in range(4):
        running = subprocess.Popen([*command, str(out)])
        seen = len(list(tmp_path.glob("out.npz.parts/*.part")))
        while running.poll() is None and len(list(tmp_path.glob("out.npz.parts/*.part"))) <= seen:
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert not out.exists()
    subprocess.run([*command, str(out)], check=True)
    assert out.read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_the_command_line(weights: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "f.parquet"
    query = next(path for path in sorted(folder.iterdir()) if "_" in path.name)
    assert main(["extract", str(folder), "--weights", str(weights), "--out", str(out)]) == 0
    assert "2 could not be read" in capsys.readouterr().out
    assert main(["extract", str(folder), "--weights", str(weights), "--out", str(out)]) == 1
    assert main(["extract", str(folder), "--weights", str(weights)]) == 2
    assert main(["extract", "--join", str(out), "--shard", "1/2", "--out", str(tmp_path / "g.npz")]) == 2
    find = ["find", str(weights), "--query", str(query), "-k", "3", "--gallery"]
    table, sheet = tmp_path / "f.csv", tmp_path / "sheet.svg"
    assert main([*find, str(out), "--csv", str(table), "--figure", str(sheet)]) == 0
    kept = capsys.readouterr()
    assert "left out" in kept.err
    assert sheet.read_text().startswith("<?xml")
    assert main([*find, str(folder), "--csv", str(tmp_path / "g.csv")]) == 0
    assert capsys.readouterr().out == kept.out
    assert table.read_text() == (tmp_path / "g.csv").read_text()
    assert len(list(csv.DictReader(table.open()))) == 3


def test_identities_and_cameras_are_in_an_npz_too_and_survive_a_join(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path
) -> None:
    names = sorted(path.name for path in folder.iterdir())[1:5]
    lines = [f"{name},p{number},{number or ''}" for number, name in enumerate(names)]
    (folder / "list.csv").write_text("path,identity,camera\n" + "\n".join(lines) + "\n")
    for number in (1, 2):
        extract_all(extractor, folder / "list.csv", tmp_path / f"{number}.npz", (number, 2))
    join([tmp_path / "1.npz", tmp_path / "2.npz"], tmp_path / "all.npz")
    with np.load(tmp_path / "all.npz", allow_pickle=False) as kept:
        assert kept["paths"].tolist() == names
        assert kept["identities"].tolist() == ["p0", "p1", "p2", "p3"]
        assert kept["cameras"].tolist() == ["", "1", "2", "3"]


def test_a_ray_that_does_not_start_is_one_sentence() -> None:
    class Ray:
        def init(self, **_: object) -> None:
            raise Exception("The current node timed out during startup.\nMore of it")  # as Ray itself does

    said: list[str] = []
    with pytest.raises(CdnetError, match=r"Ray could not start on this machine \(The current node timed out during"):
        _connect(Ray(), "auto", said.append)
    assert said == ["no Ray cluster at hand: this machine alone works"]
