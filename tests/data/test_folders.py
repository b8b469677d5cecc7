"""What is taken for a person, a camera or a split of one's own folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path

import pytest

from cdnet.data.layout import read_data
from cdnet.data.pictures import Picture, ReidData
from cdnet.data.split_folders import role_of, subfolders
from cdnet.errors import CdnetError

Plant = Callable[[Iterable[str]], Path]
PEOPLE = [f"p{n}" for n in range(6)]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Make files of these names, which are not read here; return their folder."""

    def made(names: Iterable[str]) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return made


def by_person(folder: str, people: Iterable[str], tag: str = "") -> list[str]:
    return [f"{folder}/{person}/{tag}{k}_c{k}.jpg" for person in people for k in (1, 2)]


def sizes(data: ReidData) -> tuple[int, int, int]:
    return len(data.train), len(data.query), len(data.gallery)


def people(pictures: Iterable[Picture]) -> set[str]:
    return {picture.identity for picture in pictures}


@pytest.mark.parametrize(
    ("train", "query", "gallery"),
    [
        ("Train", "Query", "Gallery"),
        ("TRAIN", "PROBE", "GALLERY"),
        ("image_train", "image_query", "image_test"),
        ("bounding_box_train", "query", "bounding_box_test"),
        ("Bounding_Box_Train", "Query", "Bounding_Box_Test"),
        ("train_set", "probe-images", "gallery set"),
        ("training", "queries", "galleries"),
        ("bbox_train", "query", "bbox_test"),
        ("train_all", "query", "test"),
    ],
)
def test_splits_under_any_projects_names(plant: Plant, train: str, query: str, gallery: str) -> None:
    root = plant([*by_person(train, "abc"), *by_person(query, "de", "q"), *by_person(gallery, "def")])
    data = read_data(root)
    assert (people(data.train), people(data.query), people(data.gallery)) == (set("abc"), set("de"), set("def"))
    assert sizes(data) == (6, 4, 6)


@pytest.mark.parametrize(
    "name", ["anna", "p0", "0001", "trainer", "contest", "Val Kilmer", "train2", "images", "-1", "tests1"]
)
def test_what_is_no_split(name: str) -> None:
    assert role_of(name) is None


def test_the_folder_of_a_known_baseline_with_junk_and_distractors(plant: Plant) -> None:
    root = plant(
        [
            *by_person("pytorch/train_all", ["0002", "0007"]),
            *by_person("pytorch/train", ["0002", "0007"]),
            *by_person("pytorch/val", ["0002", "0007"], "v"),
            *by_person("pytorch/query", ["0001"], "q"),
            *by_person("pytorch/multi-query", ["0001"], "m"),
            *by_person("pytorch/gallery", ["-1", "0000", "0001"]),
        ]
    )
    data = read_data(root)
    assert (sizes(data), data.root) == ((4, 2, 4), root / "pytorch")
    assert people(data.gallery) == {"0000", "0001"}
    assert sorted(data.ignored.values()) == [2, 2, 4, 4]
    assert data.ignored["junk (identity -1)"] == 2
    assert data.unparsed == ()


def test_validation_is_the_test_where_there_is_no_other(plant: Plant) -> None:
    root = plant([*by_person("train", "abc"), *by_person("val", "de")])
    data = read_data(root)
    assert (data.name, sizes(data)) == ("folders, val as the test", (6, 4, 4))
    plant([*by_person("query", "f"), *by_person("gallery", "f")])
    assert read_data(root).ignored == {"validation (val)": 4}


def test_a_test_beside_a_query_is_its_gallery_and_one_divided_itself_is_both(plant: Plant) -> None:
    root = plant([*by_person("train", "abc"), *by_person("query", "d"), *by_person("test", "de", "t")])
    assert (read_data(root).name, sizes(read_data(root))) == ("folders, test as the gallery of query", (6, 2, 4))
    plant(by_person("gallery", "d", "g"))
    with pytest.raises(CdnetError, match="what test is beside query and gallery is not clear"):
        read_data(root)


def test_a_test_may_be_divided_itself(plant: Plant) -> None:
    root = plant([*by_person("train", "abc"), *by_person("test/query", "d"), *by_person("test/gallery", "de", "t")])
    assert sizes(read_data(root)) == (6, 2, 4)


def test_two_folders_of_one_part_are_no_guess(plant: Plant) -> None:
    with pytest.raises(CdnetError, match=r"Train and image_train are both there as train; remove or rename one"):
        read_data(plant([*by_person("Train", "abc"), *by_person("image_train", "abc")]))


def test_somebody_may_be_called_val(plant: Plant) -> None:
    assert people(read_data(plant(by_person(".", ["Anna", "Boris", "Val"])), holdout=0).train) == {
        "Anna",
        "Boris",
        "Val",
    }


def test_junk_and_distractors_are_nobody_to_hold_out(plant: Plant) -> None:
    root = plant(by_person(".", ["-1", "0000", *(f"000{n}" for n in range(1, 5)), "distractors"]))
    data = read_data(root, holdout=0.5)
    assert (len(people(data.train)), len(people(data.query))) == (2, 2)
    assert people(data.gallery) - people(data.query) == {"0000", "distractors"}
    assert data.ignored == {"junk (identity -1)": 2}


def test_distractors_are_neither_trained_on_nor_searched_for(plant: Plant) -> None:
    splits = (("train", ["ann", "bob"]), ("query", ["cec", "dan"]), ("gallery", ["cec", "dan"]))
    root = plant(name for split, names in splits for name in by_person(split, [*names, "Distractors"]))
    data = read_data(root)
    assert (people(data.train), people(data.query)) == ({"ann", "bob"}, {"cec", "dan"})
    assert people(data.gallery) == {"cec", "dan", "Distractors"}
    assert data.ignored == {"distractors outside the gallery, who are many persons or none": 4}


def test_without_junk_zero_is_somebody(plant: Plant) -> None:
    data = read_data(plant(by_person(".", "0123")), holdout=0)
    assert people(data.train) == set("0123")


@pytest.mark.parametrize(
    ("first", "second"),
    [("cam0", "cam1"), ("cam_a", "cam_b"), ("Camera 1", "Camera 2"), ("c01", "c02"), ("camA", "camB")],
)
@pytest.mark.parametrize("splits", [("",), ("train/", "test/")])
def test_cameras_above_persons_are_understood_and_said(
    plant: Plant, first: str, second: str, splits: tuple[str, ...]
) -> None:
    names = [
        f"{split}{camera}/{split[:2]}{person}/{k}.jpg"
        for split, camera, person, k in product(splits, (first, second), PEOPLE, range(2))
    ]
    data = read_data(plant(names), holdout=0.5)
    assert data.name.startswith("folders, cameras above persons")
    everybody = (*data.train, *data.gallery)
    assert people(everybody) == {f"{split[:2]}{person}" for split, person in product(splits, PEOPLE)}
    assert {picture.camera for picture in everybody} == {first, second}


def test_cameras_below_persons_are_theirs(plant: Plant) -> None:
    data = read_data(plant(f"{p}/cam{c}/{k}.jpg" for p, c, k in product(PEOPLE, (1, 2), range(2))), holdout=0)
    assert people(data.train) == set(PEOPLE)
    assert {picture.camera for picture in data.train} == {"cam1", "cam2"}


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        ("anna_c3", "3"),
        ("c3_anna", "3"),
        ("anna_C03_1", "03"),
        ("x-cam2-1", "2"),
        ("x camera 4", "4"),
        ("0001C1T1", None),
        ("mac3", None),
        ("IMG_1234", None),
        ("anna_cat2", None),
        ("0002_c12s1_000451_03", "12"),
        ("0001C2T0001F003", "2"),
        ("0002C5F0044X40001", "5"),
        ("c3f9a17b2d", None),
        ("c81d4e2e-bcf2-11e6-8a66-001e0b7c1234", None),
        ("a1b2c3d4-bcf2-4c19-c199-c12345678901", None),
    ],
)
def test_the_camera_in_a_files_name(plant: Plant, name: str, camera: str | None) -> None:
    (picture,) = read_data(plant([f"train/anna/{name}.jpg"])).train
    assert picture.camera == camera


def test_a_name_that_contradicts_its_folder_is_listed(plant: Plant) -> None:
    data = read_data(plant([*by_person(".", PEOPLE), "p0/cam3/x_c1.jpg", "p0/cam3/y_c03.jpg"]), holdout=0)
    assert len(data.unparsed) == 1
    assert "x_c1.jpg: is of the camera cam3 by its folder, and 1 by its name" in data.unparsed[0]


# Files, what is said of them, and whether the folders below may be the persons.
UNCLEAR = {
    "days": (
        [f"{d}/{p}/{k}.jpg" for d in ("day1", "day2") for p in PEOPLE for k in "12"],
        "day1 is not called as",
        True,
    ),
    "places": (
        [f"{d}/{p}/{k}.jpg" for d in ("hall", "door") for p in PEOPLE for k in "12"],
        "both hold a folder p0",
        True,
    ),
    "groups": ([f"red/{p}/1.jpg" for p in "abc"] + [f"blue/{p}/1.jpg" for p in "de"], "blue holds 2 folders", True),
    "flat cameras": (
        [f"cam_a/{k}.jpg" for k in range(4)] + [f"cam_b/{k}.jpg" for k in range(4)],
        "as a camera is",
        False,
    ),
    "a camera among persons": ([f"{p}/1.jpg" for p in (*PEOPLE, "cam1")], "cam1 is called as a camera is", False),
    "unknown": ([f"{p}/1.jpg" for p in (*PEOPLE, "unknown")], "unknown is not called as a person is", False),
    "numbered splits": ([f"{p}/1.jpg" for p in ("train1", "train2")], "train1 is called as a part", False),
    "splits of a kind": ([f"{p}/1.jpg" for p in ("rgb_train", "rgb_query")], "rgb_query is called as a part", False),
    "splits with a letter": ([f"{p}/1.jpg" for p in ("trainA", "galleryA")], "galleryA is called as a part", False),
    "cameras by make": ([f"{p}/1.jpg" for p in ("GoPro 1", "GoPro 2")], "GoPro 1 is not called as", False),
    "cameras' days": ([f"{p}/1.jpg" for p in ("cam1_mon", "cam1_tue")], "cam1_mon is not called as", False),
    "flat places": (
        [f"{place}/{k}.jpg" for place in ("hall", "door") for k in "12"],
        "hall are called as places",
        False,
    ),
    "flat places of several words": (
        [f"{place}/{k}.jpg" for place in ("Main Entrance", "parking_2", "upstairs") for k in "12"],
        "are called as places",
        False,
    ),
    "cameras' places": ([f"{p}/1.jpg" for p in ("hall_cam", "door_cam")], "door_cam is called as a camera", False),
    "cameras in capitals": ([f"{p}/1.jpg" for p in ("CAMA", "CAMB")], "CAMA is called as a camera", False),
    "below views": (
        [f"scen{s}/view{v}/{p}/1.jpg" for s in "123" for v in "12" for p in ("0001", "0002")],
        "both hold a folder 0001",
        True,
    ),
    "below views, by one scene each": (
        [f"scen{s}/view1/{s}{p}/1.jpg" for s in "123" for p in "ab"],
        "scen1 holds 2 folders, such as 1a",
        True,
    ),
    "in a split": ([f"train/{p}/1.jpg" for p in ("day1", "day2")], "train/day1 is not called as", False),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_what_is_not_clearly_a_person_is_asked_about_and_can_be_insisted_on(plant: Plant, case: str) -> None:
    names, said, below = UNCLEAR[case]
    root = plant(names)
    with pytest.raises(CdnetError) as error:
        read_data(root)
    assert said in str(error.value)
    assert "--data.layout folders" in str(error.value)
    assert ("--data.layout camera-folders" in str(error.value)) == below
    top = read_data(root, "folders", holdout=0)
    assert people(top.train) == {name.removeprefix("train/").split("/")[0] for name in names}
    if below:
        one_below = read_data(root, "camera-folders", holdout=0)
        assert people(one_below.train) == {name.split("/")[1] for name in names}
        assert {picture.camera for picture in one_below.train} == {name.split("/")[0] for name in names}


@pytest.mark.parametrize("name", ["Camille", "Chan", "Probert", "Testa", "Trainor", "Valerie", "Exitus", "Cam"])
def test_names_that_only_begin_as_such_are_persons(plant: Plant, name: str) -> None:
    assert name in people(read_data(plant(by_person(".", [*PEOPLE, name])), holdout=0).train)


def test_somebody_may_be_called_as_a_place_is(plant: Plant) -> None:
    data = read_data(plant([f"{person}/{k}.jpg" for person in ("Hall", "Street", "Smith") for k in "12"]), holdout=0)
    assert {picture.identity for picture in data.train} == {"Hall", "Street", "Smith"}


@pytest.mark.parametrize("name", ["train", "Test", "query"])
def test_somebody_called_as_a_split_is_asked_to_be_renamed(plant: Plant, name: str) -> None:
    root = plant([f"{person}/{k}.jpg" for person in (*PEOPLE, name) for k in "12"])
    with pytest.raises(CdnetError, match=f"{name}: is called as a part .* if it is a person as p0 is, rename it"):
        read_data(root)


def test_a_folder_that_holds_everything_is_looked_into(plant: Plant) -> None:
    data = read_data(plant(by_person("images", PEOPLE)), holdout=0)
    assert (people(data.train), data.root.name) == (set(PEOPLE), "images")
    assert read_data(plant(["images/p9/1.jpg"]), holdout=0).root.name == "images"


def test_the_only_folder_is_no_person_if_it_holds_some(plant: Plant) -> None:
    with pytest.raises(CdnetError, match=r"my people is the only folder in .*--data\.root .*/my people"):
        read_data(plant(by_person("my people", PEOPLE)))


def test_the_only_folders_in_one_another_are_no_persons(plant: Plant) -> None:
    root = plant(by_person("archive/my reid/dataset", PEOPLE))
    with pytest.raises(CdnetError, match=r"only folder in .* and below, .*such as p0; .*--data\.root .*reid/dataset$"):
        read_data(root)
    assert people(read_data(root / "archive/my reid/dataset", holdout=0).train) == set(PEOPLE)


def test_a_persons_sessions_are_no_persons(plant: Plant) -> None:
    data = read_data(plant([f"{p}/cam{c}/seq_{s}/1.jpg" for p in PEOPLE for c in "12" for s in "ab"]), holdout=0)
    assert people(data.train) == set(PEOPLE)
    assert people(read_data(plant(["alone/anna/cam1/1.jpg", "alone/anna/cam2/1.jpg"]) / "alone").train) == {"anna"}


def test_several_divided_data_sets_are_named(plant: Plant) -> None:
    with pytest.raises(CdnetError, match=r"holds site1, site2, each divided .*name one of them, such as .*/site1"):
        read_data(
            plant(f"{s}/{part}/{p}/1.jpg" for s in ("site1", "site2") for part in ("train", "test") for p in "ab")
        )


@pytest.mark.parametrize("folder", ["", "train/"])
def test_pictures_in_no_folder_are_told_from_strays(plant: Plant, folder: str) -> None:
    root = plant(f"{folder}{p}_{k}.jpg" for p in PEOPLE for k in range(2))
    with pytest.raises(CdnetError, match=r"lie directly in it, such as p0_0\.jpg.*make a folder for each person"):
        read_data(root)


def test_folders_are_those_and_links_to_them(tmp_path: Path) -> None:
    for name in ("b", "a", ".hidden", "__MACOSX"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    for name, target in (("linked", "a"), ("to a file", "file"), ("gone", "nowhere"), ("itself", "itself")):
        (tmp_path / name).symlink_to(target)
    assert subfolders(tmp_path) == [tmp_path / name for name in ("a", "b", "linked")]
