"""Whatever holds a picture, and whatever runs the network: the same features."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import cdnet
from cdnet import CdnetError
from cdnet.data.layout import read_data
from cdnet.evaluate.evaluation import read_test_pictures
from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.frames import FrameFeatures
from cdnet.weights import load_model


def files(pictures: Path) -> list[Path]:
    return sorted(pictures.glob("*.jpg"))


def test_paths_pil_arrays_and_tensors_are_one_picture(extractor: FeatureExtractor, pictures: Path) -> None:
    paths = files(pictures)[:7]
    arrays = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths]
    wanted = extractor(paths)
    assert wanted.dtype == np.float32
    assert wanted.shape == (7, extractor.dimension)
    tensors = [torch.from_numpy(array).permute(2, 0, 1) for array in arrays]
    for same in (
        [str(path) for path in paths],
        [Image.open(path) for path in paths],
        arrays,
        np.stack(arrays),
        tensors,
        torch.stack(tensors).float() / 255,
        [np.dstack([array, np.full(array.shape[:2], 9, np.uint8)]) for array in arrays],
        [array.astype(np.uint16) * 256 + 200 for array in arrays],
        (path for path in paths),
    ):
        np.testing.assert_array_equal(extractor(same), wanted)
    np.testing.assert_array_equal(extractor([array[:, :, ::-1] for array in arrays], bgr=True), wanted)
    assert not np.allclose(extractor([array[:, :, ::-1] for array in arrays]), wanted)
    np.testing.assert_allclose(extractor(paths[2]), wanted[2:3], atol=1e-5)


def test_the_features_are_those_of_the_network_on_the_pixels_that_an_evaluation_gets(
    extractor: FeatureExtractor, weights: Path, market: Path
) -> None:
    data = read_test_pictures(read_data(market), (64, 32))
    model, spec = load_model(weights)
    mean, std = (torch.tensor(three).view(3, 1, 1) for three in (spec.mean, spec.std))
    with torch.inference_mode():
        given = torch.from_numpy(np.array(data.query.pixels)).permute(0, 3, 1, 2) / 255
        wanted = model((given - mean) / std).numpy()
    np.testing.assert_allclose(extractor([entry.path for entry in data.query.pictures]), wanted, atol=1e-5)


def odd_pictures(folder: Path) -> list[Path]:
    """Write pictures of which something is unusual."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (80, 40, 3), np.uint8))
    colour.convert("CMYK").save(folder / "cmyk.jpg")
    colour.resize((40, 3)).save(folder / "three.png")
    colour.convert("LA").save(folder / "la.png")
    colour.convert("P").save(folder / "palette.gif")
    Image.fromarray(rng.integers(0, 65536, (80, 40), np.uint16)).save(folder / "sixteen.png")
    for orientation in (3, 6):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for ending in ("jpg", "png", "tif"):
            colour.save(folder / f"turned{orientation}.{ending}", exif=exif)
    return sorted(folder.iterdir())


def test_odd_pictures_are_what_an_evaluation_sees_and_pil_s_are_their_files(
    extractor: FeatureExtractor, tmp_path: Path
) -> None:
    from cdnet.data.cache import cached_pictures
    from cdnet.data.pictures import Picture

    paths = odd_pictures(tmp_path / "odd")
    cached = cached_pictures([Picture(path, "someone") for path in paths], (64, 32), "odd")
    assert not cached.broken
    wanted = np.concatenate([extractor.of_pixels(np.array(cached.pixels[i : i + 4])) for i in range(0, len(paths), 4)])
    np.testing.assert_array_equal(extractor(paths), wanted)
    opened = [Image.open(path) for path in paths]
    for _ in range(2):  # nothing is done to them
        for path, pixels, found in zip(paths, cached.pixels, extractor(opened), strict=True):
            assert path.name == "cmyk.jpg" or np.allclose(found, extractor(np.array(pixels))[0], atol=1e-5), path
    np.testing.assert_allclose(extractor(opened), wanted, atol=0.01)  # Pillow converts CMYK by other roundings
    copies = [image.copy() for image in opened]
    np.testing.assert_allclose(extractor(copies), extractor(opened), atol=1e-6)


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime", "openvino"])
def test_every_runtime_gives_the_same_features(
    extractor: FeatureExtractor, weights: Path, pictures: Path, runtime: str
) -> None:
    paths = files(pictures)[:6]
    np.testing.assert_allclose(FeatureExtractor(weights, runtime, batch=4)(paths), extractor(paths), atol=1e-4)


def test_boxes_of_every_form_cut_the_same_parts(extractor: FeatureExtractor) -> None:
    frame = np.random.default_rng(1).integers(0, 256, (120, 160, 3), np.uint8)
    boxes = np.array([[10, 20, 40, 90], [100.9, 50.2, 200, 130], [-5, -5, 30.7, 60]])
    wanted = extractor([frame[20:90, 10:40], frame[50:120, 100:160], frame[0:60, 0:30]])
    left, top, right, bottom = boxes.T
    wide, high = right - left, bottom - top
    shaped = SimpleNamespace(xyxy=torch.from_numpy(boxes))
    for given, form in (
        (boxes, "xyxy"),
        (boxes.tolist(), "xyxy"),
        (torch.from_numpy(boxes), "xyxy"),
        (shaped, "xyxy"),
        (SimpleNamespace(boxes=shaped), "xyxy"),
        (np.stack([left, top, wide, high], 1), "ltwh"),
        (np.stack([left + wide / 2, top + high / 2, wide, high], 1), "cxcywh"),
        (np.stack([wide * 0 + 7, wide * 0 + 1, left + 1, top + 1, wide, high, wide * 0 - 1], 1), "mot"),
    ):
        np.testing.assert_allclose(extractor(frame, given, box_format=form), wanted, atol=1e-5)
    assert extractor(frame, []).shape == (0, extractor.dimension)
    tracked = FrameFeatures(extractor)(frame[:, :, ::-1], boxes)
    np.testing.assert_allclose(tracked, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-5)


FRAME = np.zeros((50, 60, 3), np.uint8)


@pytest.mark.parametrize(
    ("given", "boxes", "said"),
    [
        ([], None, "no pictures"),
        (np.zeros((0, 9, 9, 3), np.uint8), None, "no pi"),
        (3, None, "a int is no picture"),
        ([FRAME, None], None, "picture 1: a NoneType"),
        (np.zeros((9, 9, 7), np.uint8), None, "9 x 9 x 7"),
        (torch.zeros(9, 9, 3), None, "3 x H x W"),
        (np.full((9, 9, 3), 200.0), None, "normalised"),
        (np.full((9, 9, 3), np.nan), None, "normalised"),
        (np.zeros((9, 9, 3), np.int64), None, "int64"),
        (np.zeros((0, 9, 3), np.uint8), None, "no pixels"),
        ("gone.jpg", None, "gone.jpg"),
        (FRAME, [[70, 0, 90, 20]], "box 0 .* within the frame, which is 60 wide and 50 high"),
        (FRAME, [[1, 1, 9, 9], [5, 5, 5, 9]], "box 1"),
        (FRAME, [[1, 1, 9, float("nan")]], "box 0 .* not finite"),
        (FRAME, np.zeros((2, 6)), "N x 4 numbers, not 2 x 6"),
        ([FRAME, FRAME], [[1, 1, 9, 9]], "one frame"),
        (FRAME, np.full((1, 4), 9 + 1j), "not all numbers"),
        (FRAME, ["1234"], "not all numbers"),
        (torch.zeros(3, 9, 9).to_sparse(), None, "sparse"),
        ([torch.zeros(3, 9, 9, device="meta")], None, "picture 0: .* without data"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    extractor: FeatureExtractor, given: object, boxes: object, said: str
) -> None:
    with pytest.raises(CdnetError, match=said):
        extractor(given, boxes)


def test_files_that_are_no_picture_are_named(extractor: FeatureExtractor, tmp_path: Path) -> None:
    still = Image.new("L", (30, 60))
    still.save(tmp_path / "moves.gif", save_all=True, append_images=[Image.new("L", (30, 60), 255)])
    (tmp_path / "text.jpg").write_text("no picture")
    Image.new("1", (9000, 9000)).save(tmp_path / "bomb.png")
    for name, said in (("moves.gif", "several pictures"), ("text.jpg", "not a picture"), ("bomb.png", "more than the")):
        with pytest.raises(CdnetError, match=f"{name}: .*{said}"):
            extractor([tmp_path / name])
        if name != "text.jpg":
            with Image.open(tmp_path / name) as opened, pytest.raises(CdnetError, match=said):
                extractor(opened)


def test_a_network_that_is_not_there_cut_short_or_said_twice(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "short.safetensors").write_bytes(weights.read_bytes()[:-100])
    (tmp_path / "theirs.pth.tar").write_bytes(b"PK")
    for model, how, said in (
        (tmp_path / "short.safetensors", {}, "cut short"),
        (tmp_path / "gone.onnx", {}, "no such file"),
        ("cdnet-x0.25-market", {}, "did you mean"),
        (weights, {"runtime": "tensorrt"}, "is no runtime"),
        (weights, {"channels": "bgr"}, "says itself"),
        (weights, {"batch": 0}, "1 to 4,096"),
        (weights, {"batch": 2.5}, "1 to 4,096"),
        (weights, {"device": "mps"}, "'mps' is no device"),
        (tmp_path / "theirs.pth.tar", {}, "cdnet convert"),
    ):
        with pytest.raises(CdnetError, match=said):
            FeatureExtractor(model, **how)


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_one_picture_that_pillow_has_opened_serves_many_threads(
    extractor: FeatureExtractor, tmp_path: Path, ending: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 800, 3), np.uint8)  # large, so that reading it takes time
    path = tmp_path / f"large.{ending}"
    Image.fromarray(noise).save(path)
    wanted = extractor([path] * 8)
    np.testing.assert_array_equal(extractor([Image.open(path)] * 8), wanted)


def _in_another_process(given: tuple[FeatureExtractor, Path]) -> np.ndarray:
    return given[0](given[1])


def test_it_goes_to_worker_processes_and_serves_several_threads(
    extractor: FeatureExtractor, weights: Path, pictures: Path, tmp_path: Path
) -> None:
    paths = files(pictures)[:6]
    wanted = extractor(paths)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        np.testing.assert_array_equal(pool.map(_in_another_process, [(extractor, paths[0])])[0], extractor(paths[0]))
    for shared in (extractor, FeatureExtractor(weights, "openvino", batch=4)):
        with ThreadPoolExecutor(4) as threads:
            for found in threads.map(shared, [paths] * 12):
                np.testing.assert_allclose(found, wanted, atol=1e-4)
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights.read_bytes())
    kept = pickle.dumps(FeatureExtractor(copy))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    copy.write_bytes(data)
    with pytest.raises(CdnetError, match="another file than when"):
        pickle.loads(kept)


def test_another_s_onnx_with_its_pre_processing(tmp_path: Path, pictures: Path) -> None:
    onnx = pytest.importorskip("onnx")
    nodes = [
        onnx.helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
        onnx.helper.make_node("Flatten", ["pooled"], ["y"]),
    ]
    kind = onnx.TensorProto.FLOAT
    ends = (
        [onnx.helper.make_tensor_value_info("x", kind, ["n", 3, 64, 32])],
        [onnx.helper.make_tensor_value_info("y", kind, ["n", 3])],
    )
    graph = onnx.helper.make_graph(nodes, "means", *ends)
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "means.onnx")
    path = files(pictures)[0]
    with pytest.raises(CdnetError, match="channels"):
        FeatureExtractor(tmp_path / "means.onnx")
    found = FeatureExtractor(tmp_path / "means.onnx", channels="bgr", range=255, mean=(1, 2, 3), std=(2, 2, 2))(path)
    wanted = (cv2.imread(str(path)).reshape(-1, 3).mean(0) - (1, 2, 3)) / 2
    np.testing.assert_allclose(found, wanted[None], rtol=1e-4)


@pytest.mark.parametrize(
    ("inputs", "kind", "said"),
    [
        (("x", "lengths"), "FLOAT", r"has 2 inputs \(.*x.*\); export it with one"),
        (("x",), "STRING", "gives something else than features"),
    ],
)
def test_a_network_that_is_not_for_reid(
    tmp_path: Path, pictures: Path, inputs: tuple[str, ...], kind: str, said: str
) -> None:
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Cast", ["flat"], ["text"], to=getattr(kinds, kind)),
        helper.make_node("Identity", ["text"], ["y"]),
    ]
    ends = (
        [helper.make_tensor_value_info(name, kinds.FLOAT, ["n", 3, 64, 32]) for name in inputs],
        [helper.make_tensor_value_info("y", getattr(kinds, kind), ["n", 3])],
    )
    graph = helper.make_graph(nodes, "other", *ends)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(CdnetError, match=said):
        FeatureExtractor(tmp_path / "other.onnx", channels="rgb", range=1)(files(pictures)[0])
    if len(inputs) > 1:
        openvino = pytest.importorskip("openvino")
        openvino.save_model(openvino.convert_model(tmp_path / "other.onnx"), tmp_path / "other.xml")
        with pytest.raises(CdnetError, match=said):
            FeatureExtractor(tmp_path / "other.xml", channels="rgb", range=1)


def test_torchreid_s_call_shape(extractor: FeatureExtractor, weights: Path, pictures: Path) -> None:
    from cdnet.extract.torchreid import FeatureExtractor as Ported

    ported = Ported(model_name="osnet_x1_0", model_path=str(weights), device="cpu", verbose=False)
    paths = [str(path) for path in files(pictures)[:3]]
    wanted = extractor(paths)
    assert isinstance(ported(paths), torch.Tensor)
    np.testing.assert_array_equal(ported(paths).numpy(), wanted)
    arrays = np.stack([np.asarray(Image.open(path)) for path in paths])
    mean, std = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    normal = (torch.from_numpy(arrays).permute(0, 3, 1, 2) / 255 - mean) / std
    np.testing.assert_array_equal(ported(normal).numpy(), wanted)
    with pytest.raises(CdnetError, match="pixel_mean"):
        ported(normal * 255)


THEIR_SCRIPT = """
import numpy as np
import torch
from torchreid.utils import FeatureExtractor

extractor = FeatureExtractor(model_name="osnet_x1_0", model_path="log/model.pth.tar", device="cpu")
queries = extractor(paths[:2])
gallery = torch.cat([extractor(path) for path in paths])
arrays = extractor([np.asarray(picture) for picture in pictures])
tensors = extractor(normalised)
distances = torch.cdist(queries, gallery)
order = distances.argsort(dim=1).cpu().numpy()
"""


def test_a_script_for_torchreid_runs_with_two_lines_changed(
    extractor: FeatureExtractor, weights: Path, pictures: Path
) -> None:
    script = THEIR_SCRIPT.replace("from torchreid.utils import", "from cdnet.extract.torchreid import")
    script = script.replace('model_path="log/model.pth.tar"', f"model_path={str(weights)!r}")
    changed = [new for new, old in zip(script.splitlines(), THEIR_SCRIPT.splitlines(), strict=True) if new != old]
    assert len(changed) == 2
    paths = [str(path) for path in files(pictures)[:5]]
    opened = [Image.open(path) for path in paths]
    mean, std = (torch.tensor(three).view(3, 1, 1) for three in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    planes = torch.from_numpy(np.stack([np.asarray(one) for one in opened])).permute(0, 3, 1, 2) / 255
    found = {"paths": paths, "pictures": opened, "normalised": (planes - mean) / std}
    exec(script, found)
    wanted = extractor(paths)
    for name in ("gallery", "arrays", "tensors"):
        np.testing.assert_allclose(found[name].numpy(), wanted, atol=1e-4)
    distances = np.linalg.norm(wanted[:2, None] - wanted[None], axis=2)
    np.testing.assert_array_equal(found["order"][:, 0], distances.argmin(1))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, "model_path"),
        ({"model_path": "gone.pth.tar"}, "no such weights"),
        ({"model_path": "weights", "device": "gpu"}, "gpu"),
        ({"model_path": "weights", "image_size": (256, 128)}, "takes pictures of 64x32, not of 256x128"),
        ({"model_path": "weights", "image_size": 256}, "not of 256"),
    ],
)
def test_what_torchreid_s_call_shape_refuses(weights: Path, how: dict[str, object], said: str) -> None:
    from cdnet.extract.torchreid import FeatureExtractor as Ported

    given = {key: str(weights) if value == "weights" else value for key, value in how.items()}
    with pytest.raises(CdnetError, match=said):
        Ported(**{"device": "cpu", **given})


def test_hub_and_embed(weights: Path, pictures: Path, extractor: FeatureExtractor) -> None:
    root = str(Path(__file__).parents[2])
    paths = files(pictures)[:2]
    np.testing.assert_array_equal(cdnet.embed(weights, paths), extractor(paths))
    hub = torch.hub.load(root, "feature_extractor", str(weights), source="local")
    np.testing.assert_array_equal(hub(paths), extractor(paths))
    model = torch.hub.load(root, "pretrained", str(weights), source="local")
    assert not model.training
    assert torch.hub.load(root, "cdnet", width=0.125, source="local")(torch.zeros(1, 3, 64, 32)).shape[0] == 1
