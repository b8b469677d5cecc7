from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cdnet.data.check import check_data
from cdnet.data.layout import read_data
from cdnet.data.msmt17 import is_msmt17, read_msmt17
from cdnet.data.pictures import ReidData
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import evaluate_model, read_test_pictures
from cdnet.nn.model import create_model

Save = Callable[..., Path]
Make = Callable[..., Path]

FOLDERS = {"V1": ("train", "test"), "V2": ("mask_train_v2", "mask_test_v2")}
# As the lists write them: path and identity. The identity 0 of the test is not the one of the training.
LINES = {
    "train": [
        ("0000/0000_045_12_0303morning_0006_2.jpg", 0),
        ("0000/0000_046_12_0303morning_0006_2_ex.jpg", 0),
        ("0001/0001_000_01_0113noon_0100_0.jpg", 1),
        ("0001/0001_001_15_0114afternoon_0100_0.jpg", 1),
    ],
    "val": [("0000/0000_013_04_0303morning_0020_2.jpg", 0), ("0001/0001_002_05_0113noon_0102_1.jpg", 1)],
    "query": [("0000/0000_000_01_0303morning_0015_0.jpg", 0), ("0001/0001_000_02_0302noon_0001_0.jpg", 1)],
    "gallery": [
        ("0000/0000_008_07_0303morning_0019_2.jpg", 0),
        ("0000/0000_009_01_0303morning_0019_2_ex.jpg", 0),
        ("0001/0001_001_03_0302noon_0002_0.jpg", 1),
        ("0002/0002_001_03_0302noon_0003_0.jpg", 2),
    ],
}


@pytest.fixture
def make(tmp_path: Path, save: Save) -> Make:
    """Draw a miniature of either version; pictures are the same in both."""

    def draw(version: str, name: str | None = None) -> Path:
        root = tmp_path / (name or f"MSMT17_{version}")
        number = 0
        for split, lines in LINES.items():
            for path, _ in lines:
                save(root / FOLDERS[version][split in ("query", "gallery")] / path, number)
                number += 1
            text = "".join(f"{path} {identity}\n" for path, identity in lines)
            (root / f"list_{split}.txt").write_text(text, "utf-8")
        return root

    return draw


def found(data: ReidData, split: str) -> set[tuple[str, str, str | None]]:
    return {(p.path.relative_to(data.root).as_posix(), p.identity, p.camera) for p in data.split(split)}


@pytest.mark.parametrize("version", ["V1", "V2"])
@pytest.mark.parametrize("name", [None, "pictures"])
def test_both_versions_give_the_lists_identities_and_cameras(make: Make, version: str, name: str | None) -> None:
    root = make(version, name)
    train, test = FOLDERS[version]
    data = read_data(root)
    assert (data.name, data.root) == (f"MSMT17 {version}", root)
    assert (data.unparsed, data.missing, data.ignored) == ((), (), {"validation (list_val.txt)": 2})
    assert found(data, "train") == {
        (f"{train}/0000/0000_045_12_0303morning_0006_2.jpg", "train/0", "12"),
        (f"{train}/0000/0000_046_12_0303morning_0006_2_ex.jpg", "train/0", "12"),
        (f"{train}/0001/0001_000_01_0113noon_0100_0.jpg", "train/1", "01"),
        (f"{train}/0001/0001_001_15_0114afternoon_0100_0.jpg", "train/1", "15"),
    }
    assert found(data, "query") == {
        (f"{test}/0000/0000_000_01_0303morning_0015_0.jpg", "test/0", "01"),
        (f"{test}/0001/0001_000_02_0302noon_0001_0.jpg", "test/1", "02"),
    }
    assert found(data, "gallery") == {
        (f"{test}/0000/0000_008_07_0303morning_0019_2.jpg", "test/0", "07"),
        (f"{test}/0000/0000_009_01_0303morning_0019_2_ex.jpg", "test/0", "01"),
        (f"{test}/0001/0001_001_03_0302noon_0002_0.jpg", "test/1", "03"),
        (f"{test}/0002/0002_001_03_0302noon_0003_0.jpg", "test/2", "03"),
    }


def test_the_same_numbers_in_training_and_test_are_other_people(make: Make) -> None:
    checked = check_data(read_data(make("V1")))
    assert (checked.shared, checked.unmatched, checked.sound) == ((), 0, True)


def test_validation_pictures_are_trained_on_when_asked_for(make: Make) -> None:
    root = make("V2")
    data = read_data(root, "msmt17-trainval")
    assert (data.name, data.ignored) == ("MSMT17 V2, train and val", {})
    assert len(data.train) == 6
    assert found(data, "train") - found(read_data(root, "msmt17"), "train") == {
        ("mask_train_v2/0000/0000_013_04_0303morning_0020_2.jpg", "train/0", "04"),
        ("mask_train_v2/0001/0001_002_05_0113noon_0102_1.jpg", "train/1", "05"),
    }
    # As published: 30,248 and 2,373 pictures of the same 1,041 identities.
    test = {"query": (11_659, 3_060, 15), "gallery": (82_161, 3_060, 15)}
    assert data.published == {"train": (30_248 + 2_373, 1_041, 15)} | test
    assert read_data(root).published == {"train": (30_248, 1_041, 15)} | test


def test_crlf_a_byte_order_mark_and_stray_spaces_change_nothing(make: Make) -> None:
    root = make("V1")
    plain = read_data(root)
    for name in LINES:
        file = root / f"list_{name}.txt"
        text = file.read_text("utf-8").replace(" ", " \t ").replace("\n", "  \r\n\r\n")
        file.write_bytes(b"\xef\xbb\xbf" + text.rstrip().encode())
    assert read_data(root) == plain


def test_junk_files_are_passed_over_and_unlisted_pictures_counted(make: Make, save: Save) -> None:
    root = make("V2")
    folder = root / "mask_test_v2" / "0000"
    for name in ("Thumbs.db", "._0000_008_07_0303morning_0019_2.jpg", ".DS_Store"):
        (folder / name).write_bytes(b"junk")
    assert read_data(root).ignored == {"validation (list_val.txt)": 2}
    save(folder / "0000_099_07_0303morning_0019_2.jpg")
    assert read_data(root).ignored == {"validation (list_val.txt)": 2, "in no list": 1}


@pytest.mark.parametrize(
    "line",
    [
        "0000/0000_045_12_0303morning_0006_2.jpg",
        "0000/0000_045_12_0303morning_0006_2.jpg zero",
        "0000/0000_045_cam_0303morning_0006_2.jpg 0",
        "0000/person.jpg 0",
        "../0000/0000_045_12_0303morning_0006_2.jpg 0",
        "mask_train_v2/0000/0000_045_12_0303morning_0006_2.jpg 0",
        "0000/0000_045_12_0303morning_0006_2.jpg 0 1",
    ],
)
def test_lines_that_do_not_parse_are_listed_by_number_and_refused(make: Make, line: str) -> None:
    root = make("V1")
    file = root / "list_train.txt"
    file.write_text(f"\n{line}\n{file.read_text('utf-8')}", "utf-8")
    data = read_data(root)
    assert len(data.train) == 4
    assert [problem.startswith(f"{file}, line 2: ") for problem in data.unparsed] == [True]
    with pytest.raises(CdnetError, match="rename or remove it"):
        data.require("query")


def test_a_half_download_is_counted_and_its_first_gap_named(make: Make) -> None:
    root = make("V1")
    gone = [root / "test" / path for path, _ in LINES["gallery"][1:3]]
    for path in gone:
        path.unlink()
    data = read_data(root)
    assert data.missing == tuple(str(path) for path in gone)
    assert len(data.gallery) == 2
    with pytest.raises(CdnetError, match=r"2 of the listed pictures are not there, first .*0000_009_01"):
        data.require("query")
    checked = check_data(data)
    assert (checked.missing, checked.unreadable, checked.sound) == (data.missing, (), False)


@pytest.mark.parametrize("name", ["list_train.txt", "list_val.txt", "list_query.txt", "list_gallery.txt", "test"])
def test_a_missing_list_or_folder_is_named(make: Make, name: str) -> None:
    root = make("V1")
    (root / name).rename(root / "elsewhere")
    with pytest.raises(CdnetError, match=rf"MSMT17_V1/{name}: not there.*on request"):
        read_data(root)


def test_without_lists_it_is_not_taken_for_ones_own_folders(make: Make) -> None:
    root = make("V1", "pictures")
    for name in LINES:
        (root / f"list_{name}.txt").unlink()
    with pytest.raises(CdnetError, match=r"list_train.txt: not there, so this MSMT17 V1 is not complete"):
        read_data(root)


def test_ones_own_train_and_test_folders_are_no_msmt17(tmp_path: Path, save: Save) -> None:
    for name in ("train/0001/1_c1.jpg", "train/0001/2_c2.jpg", "test/0002/1_c1.jpg", "test/0002/2_c2.jpg"):
        save(tmp_path / name)
    assert not is_msmt17(tmp_path)
    assert read_data(tmp_path).name == "folders"


def test_mixed_versions_are_refused(make: Make, tmp_path: Path) -> None:
    root = make("V1", "both")
    (root / "mask_test_v2").mkdir()
    with pytest.raises(CdnetError, match="mixes train of MSMT17 V1 with mask_test_v2 of V2"):
        read_data(root)
    wrong = make("V2", "MSMT17_V1")
    with pytest.raises(CdnetError, match="is called MSMT17_V1 and holds mask_train_v2 of MSMT17 V2"):
        read_data(wrong)


def test_a_list_that_names_nothing_of_the_folder_is_refused(make: Make) -> None:
    root = make("V2")
    file = root / "list_query.txt"
    file.write_text(file.read_text("utf-8").replace("_0.jpg", "_0_v1.jpg"), "utf-8")
    with pytest.raises(
        CdnetError, match=r"list_query.txt: none of the 2 pictures that it names lies in .*mask_test_v2"
    ):
        read_data(root)


def test_a_list_that_is_no_text_is_refused(make: Make) -> None:
    root = make("V1")
    (root / "list_val.txt").write_bytes(b"\xff\xfe0\x000\x00")
    with pytest.raises(CdnetError, match=r"list_val.txt: not a text file"):
        read_data(root)


def test_a_pipe_in_a_list_s_place_is_not_waited_for(make: Make) -> None:
    root = make("V1")
    (root / "list_query.txt").unlink()
    os.mkfifo(root / "list_query.txt")
    with pytest.raises(CdnetError, match=r"list_query.txt: no file, but a folder, a pipe or a device"):
        read_msmt17(root)


def test_it_is_found_inside_a_folder_and_two_are_refused(make: Make, tmp_path: Path) -> None:
    make("V2")
    for layout in ("auto", "msmt17"):
        assert read_data(tmp_path, layout).root == tmp_path / "MSMT17_V2"
    make("V1")
    for layout in ("auto", "msmt17", "msmt17-trainval"):
        with pytest.raises(CdnetError, match="holds MSMT17_V1 and MSMT17_V2; name one of these folders"):
            read_data(tmp_path, layout)


def test_an_archive_within_its_own_folder_is_found(make: Make, tmp_path: Path) -> None:
    make("V2", "MSMT17_V2/MSMT17_V2")
    assert read_data(tmp_path).root == tmp_path / "MSMT17_V2" / "MSMT17_V2"


def test_where_it_is_not_the_folder_and_the_source_are_said(tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match=r"nowhere: no such folder.*on request, see https://www\.pkuvmc\.com"):
        read_data(tmp_path / "nowhere", "msmt17")
    with pytest.raises(
        CdnetError, match=r"no folder train, test \(V1\) or mask_train_v2, mask_test_v2 \(V2\); MSMT17 is"
    ):
        read_data(tmp_path, "msmt17")
    (tmp_path / "MSMT17_V1").mkdir()
    with pytest.raises(CdnetError, match=r"MSMT17_V1: holds no folder train"):
        read_data(tmp_path)


def test_a_network_is_evaluated_on_data_that_it_was_not_trained_on(make: Make, tmp_path: Path, market: Path) -> None:
    torch.manual_seed(0)
    model = create_model("cdnet", width=0.1).eval()
    metrics = {}
    for root in (market, make("V1"), make("V2")):
        data = read_data(root)
        metrics[data.name] = evaluate_model(model, read_test_pictures(data, (64, 32), tmp_path / "cache"))
        sizes = len(data.query), len(data.gallery)
        assert (metrics[data.name].queries, metrics[data.name].gallery) == sizes
    assert len(metrics) == 3
    # The miniatures have the same pictures, so that only the names of their folders differ.
    assert metrics["MSMT17 V1"] == metrics["MSMT17 V2"]


@pytest.mark.skipif("CDNET_MSMT17" not in os.environ, reason="CDNET_MSMT17 names no copy of MSMT17")
@pytest.mark.parametrize("validation", [False, True])
def test_published_counts(validation: bool) -> None:
    data = read_msmt17(Path(os.environ["CDNET_MSMT17"]), validation)
    for split, (pictures, identities, cameras) in data.published.items():
        there = data.split(split)
        assert len(there) == pictures
        assert (len({p.identity for p in there}), len({p.camera for p in there})) == (identities, cameras)
    assert (data.unparsed, data.missing) == ((), ())
    assert data.ignored == ({} if validation else {"validation (list_val.txt)": 2_373})
