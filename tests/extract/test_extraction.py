"""Files of features: the same whatever the way to them, and what is wrong with pictures told."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import cdnet
from cdnet.cli import main
from cdnet.data.decode import read_pixels, resize
from cdnet.errors import CdnetError
from cdnet.extract.boxes import to_xyxy
from cdnet.extract.extraction import extract_to_file, join
from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.features_file import read_features
from cdnet.extract.frames import FrameFeatures
from cdnet.extract.listing import list_pictures
from cdnet.extract.nearest import nearest

WEIGHTS = "cdnet-x0.25-market1501"


@pytest.fixture(scope="module")
def extractor() -> FeatureExtractor:
    return FeatureExtractor(WEIGHTS, batch=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pictures")
    (made / "sub").mkdir()
    rng = np.random.default_rng(0)
    for number in range(10):
        pixels = rng.integers(0, 256, (40 + number, 20, 3), np.uint8)
        Image.fromarray(pixels).save(made / ("sub" if number % 3 == 0 else ".") / f"{number}.png")
    (made / "broken.jpg").write_bytes(b"\xff\xd8\xffno picture")
    return made


def plain(paths: list[Path]) -> np.ndarray:
    """The features by the network itself, one picture at a time."""
    model, spec = cdnet.load_model(WEIGHTS)
    mean, std = (torch.tensor(three).view(1, 3, 1, 1) for three in (spec.mean, spec.std))
    found = []
    with torch.inference_mode():
        for path in paths:
            pixels = torch.from_numpy(resize(read_pixels(path), *spec.size)).permute(2, 0, 1)[None] / 255
            found.append(model((pixels - mean) / std).numpy()[0])
    return np.stack(found)


@pytest.mark.parametrize("ending", [".npz", ".parquet"])
def test_a_file_has_what_the_network_gives(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"features{ending}"
    done = extract_to_file(extractor, list_pictures(folder), out, part=4)
    found = read_features(out)
    assert done.count == len(found.names) == 10
    np.testing.assert_allclose(found.features, plain([folder / name for name in found.names]), atol=1e-4)
    assert found.about["network"] == extractor.digest
    assert len(done.unreadable) == 1
    assert "broken.jpg" in (tmp_path / f"features{ending}.unreadable.txt").read_text()
    assert [path.name for path in tmp_path.iterdir() if "parts" in path.name] == []


def test_a_stopped_extraction_goes_on_and_a_shard_is_a_part(
    extractor: FeatureExtractor, folder: Path, tmp_path: Path
) -> None:
    listing = list_pictures(folder)
    whole = tmp_path / "whole.npz"
    extract_to_file(extractor, listing, whole, part=3)

    class StoppedError(Exception):
        pass

    def stopping(items, description, total):
        for number, item in enumerate(items):
            if number == 2:
                raise StoppedError
            yield item

    out = tmp_path / "again.npz"
    with pytest.raises(StoppedError):
        extract_to_file(extractor, listing, out, stopping, part=3)
    assert not out.exists()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "again.npz.parts").glob("*.npz")}
    assert len(kept) == 2
    with pytest.raises(CdnetError, match="other pictures"):
        extract_to_file(extractor, listing.shard(1, 2), out, part=3)
    extract_to_file(extractor, listing, out, part=3)
    assert out.read_bytes() == whole.read_bytes()

    shards = [tmp_path / f"{number}.npz" for number in (1, 2, 3)]
    for number, shard in enumerate(shards, start=1):
        extract_to_file(extractor, listing.shard(number, 3), shard, part=3)
    assert join(shards, tmp_path / "joined.npz") == 10
    joined, once = read_features(tmp_path / "joined.npz"), read_features(whole)
    assert joined.names == once.names
    np.testing.assert_array_equal(joined.features, once.features)


def test_what_is_no_file_of_features(extractor: FeatureExtractor, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "features.npz"
    extract_to_file(extractor, list_pictures(folder), out)
    with pytest.raises(CdnetError, match="is there already"):
        extract_to_file(extractor, list_pictures(folder), out)
    whole = out.read_bytes()
    out.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CdnetError, match="damaged"):
        read_features(out)
    hostile = tmp_path / "hostile.npz"
    np.savez(hostile, names=np.array([object()]), features=np.zeros((1, 2), np.float32), about=np.array("{}"))
    with pytest.raises(CdnetError, match="damaged"):
        read_features(hostile)
    with pytest.raises(CdnetError, match=r"\.npz or \.parquet"):
        extract_to_file(extractor, list_pictures(folder), tmp_path / "features.pkl")


def test_nearest_is_what_numpy_sorts() -> None:
    rng = np.random.default_rng(1)
    query, gallery = rng.standard_normal((3, 8), np.float32), rng.standard_normal((50, 8), np.float32)
    gallery[7] = gallery[31]  # a tie, which the earlier one wins
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (query, gallery)]
    wanted = np.argsort(-(unit[0] @ unit[1].T), axis=1, kind="stable")[:, :9]
    found = nearest(query, gallery, 9)
    assert [[one.number for one in row] for row in found] == wanted.tolist()
    assert len(nearest(query, gallery[:2], 9)[0]) == 2
    with pytest.raises(CdnetError, match="two networks"):
        nearest(query, gallery[:, :4], 1)


def test_find_puts_the_picture_itself_first(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["find", WEIGHTS, "--query", str(folder / "4.png"), "--gallery", str(folder), "-k", "3"]
    sheet = tmp_path / "found.png"
    assert main([*words, "--csv", str(tmp_path / "found.csv"), "--figure", str(sheet)]) == 0
    told = capsys.readouterr().out
    assert "left out" in told
    assert "broken.jpg" in told
    rows = (tmp_path / "found.csv").read_text().splitlines()
    assert rows[0] == "query,rank,similarity,name"
    assert rows[1].endswith("1,1.000000,4.png")
    assert len(rows) == 4
    assert Image.open(sheet).size[0] > 100
    features = tmp_path / "features.npz"
    assert main(["extract", str(folder), "--weights", WEIGHTS, "--out", str(features)]) == 0
    assert main([*words[:5], str(features), "-k", "1"]) == 0
    assert "1.0000  4.png" in capsys.readouterr().out
    assert main([*words[:5], str(features), "--figure", str(sheet)]) == 1


@pytest.mark.parametrize("shard", ["0/2", "3/2", "x", "1/", "1/99999999999999999999999"])
def test_a_shard_that_is_none(shard: str, folder: Path, tmp_path: Path) -> None:
    words = ["extract", str(folder), "--weights", WEIGHTS, "--out", str(tmp_path / "f.npz"), "--shard", shard]
    assert main(words) == 2


def test_one_extractor_serves_threads_other_processes_and_every_holder_of_pictures(
    extractor: FeatureExtractor, folder: Path
) -> None:
    paths = sorted(folder.glob("*.png"))
    wanted = extractor(paths)
    again = pickle.loads(pickle.dumps(extractor))
    np.testing.assert_array_equal(again(paths), wanted)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: extractor(paths), range(8)):
            np.testing.assert_array_equal(found, wanted)
    arrays = [np.array(Image.open(path)) for path in paths]
    np.testing.assert_array_equal(extractor(arrays), wanted)
    np.testing.assert_array_equal(extractor([array[..., ::-1] for array in arrays], bgr=True), wanted)
    np.testing.assert_array_equal(extractor([Image.open(path) for path in paths]), wanted)
    np.testing.assert_array_equal(extractor([torch.from_numpy(array).permute(2, 0, 1) for array in arrays]), wanted)
    np.testing.assert_allclose(cdnet.embed(WEIGHTS, paths), wanted, atol=1e-5)


def test_boxes_on_a_frame(extractor: FeatureExtractor) -> None:
    frame = np.random.default_rng(2).integers(0, 256, (90, 120, 3), np.uint8)
    boxes = np.array([[10, 5, 40, 80], [100, 50, 200, 300]])
    wanted = extractor([frame[5:80, 10:40], frame[50:90, 100:120]])
    np.testing.assert_array_equal(extractor(frame, boxes), wanted)
    ltwh = [[10, 5, 30, 75], [100, 50, 100, 250]]
    np.testing.assert_array_equal(extractor(frame, ltwh, box_format="ltwh"), wanted)
    np.testing.assert_array_equal(to_xyxy([[1, -1, 11, 6, 30, 75, 1]], "mot"), [[10, 5, 40, 80]])
    unit = FrameFeatures(extractor, bgr=False)(frame, boxes)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
    assert extractor(frame, []).shape == (0, extractor.dimension)
    with pytest.raises(CdnetError, match="no pixel within the frame"):
        extractor(frame, [[130, 0, 140, 10]])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "no pictures are given"),
        (np.zeros((4, 4), np.int64), "no known range"),
        (np.full((4, 4, 3), np.nan, np.float32), "floats from"),
        (np.zeros((0, 4, 3), np.uint8), "no pixels"),
        (3, "is no picture"),
        ("nowhere.jpg", "nowhere.jpg"),
    ],
)
def test_what_is_no_picture(extractor: FeatureExtractor, given: object, said: str) -> None:
    with pytest.raises(CdnetError, match=said):
        extractor(given)


def test_a_script_for_torchreid(folder: Path, extractor: FeatureExtractor) -> None:
    from cdnet.extract.torchreid import FeatureExtractor as AsTorchreid

    made = AsTorchreid(model_name=WEIGHTS, device="cpu", verbose=False)
    paths = [str(path) for path in sorted(folder.glob("*.png"))]
    found = made(paths)
    assert isinstance(found, torch.Tensor)
    np.testing.assert_allclose(found.numpy(), extractor(paths), atol=1e-4)


def test_torch_hub_finds_the_networks(folder: Path) -> None:
    root = Path(__file__).parents[2]
    code = (
        f"import torch; made = torch.hub.load({str(root)!r}, 'feature_extractor', source='local'); "
        f"print(made([{str(folder / '1.png')!r}]).shape)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "(1, 384)"
