from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg

import cdnet.data.jpeg as jpeg
from cdnet.data.decode import BrokenPictureError
from cdnet.data.resized_crop import central_part, crop_pixels, draw_crops, random_part, read_crop

Pixels = npt.NDArray[np.uint8]
Draw = Callable[..., Pixels]


def test_random_parts_lie_inside_and_have_the_area_and_aspect_asked_for() -> None:
    size, share = (224, 224), (0.25, 0.5)
    areas, aspects, centres = [], [], []
    for uniform in draw_crops(4000, np.random.default_rng(0)):
        top, left, height, width = random_part(uniform, share, size)(400, 300)
        assert top >= 0
        assert left >= 0
        assert top + height <= 400
        assert left + width <= 300
        areas.append(height * width / 120_000)
        aspects.append(width / height)
        centres.append(((top + height / 2) / 400, (left + width / 2) / 300))
    # No part of this picture is too wide for it, so that shares are uniform, and so are logarithms of aspects.
    assert np.quantile(areas, [0.0, 0.5, 1.0]) == pytest.approx([0.25, 0.375, 0.5], abs=0.012)
    assert np.quantile(np.log(aspects), [0.0, 0.5, 1.0]) == pytest.approx([-0.2877, 0.0, 0.2877], abs=0.02)
    assert np.mean(centres, axis=0) == pytest.approx([0.5, 0.5], abs=0.01)


def test_a_part_that_cannot_fit_becomes_the_middle() -> None:
    uniform = np.full((10, 4), 0.99)
    assert random_part(uniform, (0.9, 1.0), (32, 32))(1000, 10) == (495, 0, 10, 10)


def test_the_middle() -> None:
    # As if resized to 256 on the shorter side, and 224 x 224 cut out of the middle.
    assert central_part((224, 224))(256, 512) == (16, 144, 224, 224)
    assert central_part((224, 224))(512, 512) == (32, 32, 448, 448)
    assert central_part((64, 32), 1.0)(64, 64) == (0, 16, 64, 32)


@pytest.mark.parametrize("box", [(0, 0, 512, 384), (128, 64, 256, 256), (300, 200, 64, 96), (511, 383, 1, 1)])
def test_a_reduced_jpeg_looks_like_the_whole_one(tmp_path: Path, drawn: Draw, box: tuple[int, int, int, int]) -> None:
    pixels = np.ascontiguousarray(drawn(3, 512, 384))
    (tmp_path / "a.jpg").write_bytes(simplejpeg.encode_jpeg(pixels, quality=98))
    found = read_crop(tmp_path / "a.jpg", lambda _h, _w: box, (32, 32))
    top, left, height, width = box
    expected = cv2.resize(pixels[top : top + height, left : left + width], (32, 32), interpolation=cv2.INTER_AREA)
    assert found.shape == (32, 32, 3)
    assert np.abs(found.astype(int) - np.asarray(expected).astype(int)).mean() < 3


def test_a_large_jpeg_is_decoded_small(tmp_path: Path, drawn: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jpg").write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(drawn(0, 1024, 768)), quality=90))
    shapes = []
    real = simplejpeg.decode_jpeg

    def decode(*arguments: object, **options: object) -> Pixels:
        shapes.append(real(*arguments, **options).shape[:2])
        return real(*arguments, **options)  # type: ignore[no-any-return]

    monkeypatch.setattr(jpeg.simplejpeg, "decode_jpeg", decode)
    read_crop(tmp_path / "a.jpg", lambda _h, _w: (0, 0, 512, 512), (224, 224))
    assert shapes == [(512, 384)]


def test_what_is_no_rgb_jpeg_is_read_too(tmp_path: Path, drawn: Draw) -> None:
    from PIL import Image

    pixels = drawn(1, 64, 48)
    Image.fromarray(pixels).save(tmp_path / "named.JPEG", format="PNG")  # ImageNet has one such file
    assert np.array_equal(read_crop(tmp_path / "named.JPEG", lambda h, w: (8, 8, 32, 32), (32, 32)), pixels[8:40, 8:40])
    Image.fromarray(pixels).convert("CMYK").save(tmp_path / "cmyk.JPEG", quality=98)  # and 22 of these
    found = read_crop(tmp_path / "cmyk.JPEG", lambda h, w: (0, 0, 64, 48), (64, 48))
    assert np.abs(found.astype(int) - pixels.astype(int)).mean() < 4
    assert np.array_equal(found, crop_pixels(found, lambda h, w: (0, 0, h, w), (64, 48)))


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"not a picture"])
def test_a_broken_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.JPEG").write_bytes(content)
    with pytest.raises(BrokenPictureError, match=r"a\.JPEG"):
        read_crop(tmp_path / "a.JPEG", central_part((32, 32)), (32, 32))
    with pytest.raises(BrokenPictureError, match=r"b\.JPEG: No such file"):
        read_crop(tmp_path / "b.JPEG", central_part((32, 32)), (32, 32))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_part_lies_where_it_is_seen(tmp_path: Path, drawn: Draw, orientation: int) -> None:
    from PIL import Image, ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(drawn(2, 512, 384)).save(tmp_path / "a.jpg", quality=98, exif=exif)
    seen = np.array(ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg")))
    box = (200, 40, 160, 96)
    found = read_crop(tmp_path / "a.jpg", lambda _h, _w: box, (40, 24))
    expected = cv2.resize(seen[200:360, 40:136], (24, 40), interpolation=cv2.INTER_AREA)
    assert np.abs(found.astype(int) - np.asarray(expected).astype(int)).mean() < 3
