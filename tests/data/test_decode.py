from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cdnet.data.decode import MAX_PIXELS, BrokenPictureError, decode, read_pixels, resize

Pixels = npt.NDArray[np.uint8]
Draw = Callable[[int], Pixels]


def saved(pixels: Pixels, mode: str, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


def textured() -> Pixels:
    # Detail everywhere, so that every byte of the file matters to some pixel.
    return np.random.default_rng(3).integers(0, 256, (40, 24, 3), dtype=np.uint8)


JPEGS: dict[str, bytes] = {
    "baseline": saved(textured(), "RGB", "JPEG", quality=70),
    "progressive": saved(textured(), "RGB", "JPEG", quality=70, progressive=True),
    "full colour": saved(textured(), "RGB", "JPEG", quality=70, subsampling=0),
    "restart markers": saved(textured(), "RGB", "JPEG", quality=70, restart_marker_blocks=1),
    "grey": saved(textured(), "L", "JPEG", quality=70),
    "CMYK": saved(textured(), "CMYK", "JPEG", quality=70),
    "progressive CMYK": saved(textured(), "CMYK", "JPEG", quality=70, progressive=True),
}
OTHERS: dict[str, bytes] = {
    "PNG": saved(textured(), "RGB", "PNG"),
    "WebP": saved(textured(), "RGB", "WEBP"),
    "BMP": saved(textured(), "RGB", "BMP"),
    "TIFF": saved(textured(), "RGB", "TIFF"),
}


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 1}])
def test_jpegs_are_what_pillow_sees(drawn: Draw, options: dict[str, Any]) -> None:
    data = saved(drawn(0), "RGB", "JPEG", quality=95, **options)
    got = decode(data)
    seen = np.array(Image.open(io.BytesIO(data)))
    assert got.dtype == np.uint8
    assert got.shape == (48, 24, 3)
    assert np.abs(got.astype(int) - seen).max() <= 2  # two builds of libjpeg
    assert np.abs(got.astype(int) - drawn(0)).mean() < 4  # red is red


def test_grey_is_repeated(drawn: Draw) -> None:
    for kind in ("JPEG", "PNG"):
        data = saved(drawn(1), "L", kind)
        got = decode(data)
        assert np.array_equal(got, np.repeat(np.array(Image.open(io.BytesIO(data)))[:, :, None], 3, 2))


def test_cmyk_comes_back_in_its_colours(drawn: Draw) -> None:
    got = decode(saved(drawn(2), "CMYK", "JPEG", quality=98))
    assert np.abs(got.astype(int) - drawn(2)).mean() < 4


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_are_exact(drawn: Draw, kind: str) -> None:
    assert np.array_equal(decode(saved(drawn(3), "RGB", kind)), drawn(3))


def test_alpha_is_dropped_and_the_colours_under_it_stay(drawn: Draw) -> None:
    alpha = np.random.default_rng(0).integers(0, 256, (48, 24, 1), dtype=np.uint8)
    data = saved(np.concatenate([drawn(4), alpha], 2), "RGBA", "PNG")
    assert np.array_equal(decode(data), drawn(4))


def test_a_palette_is_looked_up(drawn: Draw) -> None:
    palette = Image.fromarray(drawn(5)).quantize(16)
    file = io.BytesIO()
    palette.save(file, "PNG", transparency=3)
    colours = np.array(palette.getpalette()).reshape(-1, 3)
    assert np.array_equal(decode(file.getvalue()), colours[np.array(palette)])


def test_sixteen_bits_become_eight_by_their_upper_half() -> None:
    wide = np.arange(48 * 24, dtype=np.uint16).reshape(48, 24) * 56
    file = io.BytesIO()
    Image.fromarray(wide).save(file, "PNG")
    got = decode(file.getvalue())
    assert np.array_equal(got, np.repeat((wide // 256)[:, :, None], 3, 2))


def test_thirty_two_bits_have_no_known_range() -> None:
    file = io.BytesIO()
    Image.fromarray(np.ones((8, 4), np.float32)).save(file, "TIFF")
    with pytest.raises(BrokenPictureError, match="save it with 8 bits"):
        decode(file.getvalue())


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_orientation_is_not_applied(drawn: Draw, kind: str) -> None:
    # Pixels as stored, like Torchreid (Pillow without exif_transpose); OpenCV's imread would turn them.
    exif = Image.Exif()
    exif[0x0112] = 6
    plain, turned = saved(drawn(6), "RGB", kind), saved(drawn(6), "RGB", kind, exif=exif)
    assert plain != turned
    assert np.array_equal(decode(plain), decode(turned))


@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_cut_anywhere_is_broken(name: str) -> None:
    data = JPEGS[name]
    decode(data)
    for length in range(len(data)):
        with pytest.raises(BrokenPictureError):
            decode(data[:length])


@pytest.mark.parametrize("name", JPEGS)
@pytest.mark.parametrize("end", [b"\xff\xd9", b"\x00" * 4000, b"\x00" * 4000 + b"\xff\xd9"])
def test_a_jpeg_cut_and_patched_up_is_never_half_a_picture(name: str, end: bytes) -> None:
    # An end marker after the cut, the zeros that a crash leaves, or both: broken, or else every pixel is right. Only a
    # progressive JPEG that ends between two scans is, by the standard, a whole JPEG with less detail.
    data = JPEGS[name]
    whole = decode(data)
    scan = data.index(b"\xff\xda")
    markers = {n for n in range(len(data)) if data[n : n + 2] in (b"\xff\xda", b"\xff\xc4", b"\xff\xd9")}
    coarser = {n + extra for n in markers for extra in (0, 1)} if "progressive" in name else set()
    cuts = [n for n in range(scan + 14, len(data) - 2) if n not in coarser][::3]
    broken = 0
    for length in cuts:
        try:
            got = decode(data[:length] + end)
        except BrokenPictureError:
            broken += 1
        else:
            assert np.abs(got.astype(int) - whole).max() <= 8, f"{len(data) - length} bytes missing"
    assert broken >= len(cuts) - 2


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", OTHERS)
def test_other_formats_cut_anywhere_are_broken_or_whole(name: str) -> None:
    data = OTHERS[name]
    whole = decode(data)
    broken = 0
    for length in range(0, len(data), 3):
        try:
            got = decode(data[:length])
        except BrokenPictureError:
            broken += 1
        else:
            assert np.array_equal(got, whole)  # what is missing was no pixel, such as PNG's last chunk
    assert broken * 3 > len(data) - 60


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([*JPEGS.values(), *OTHERS.values()]), st.data())
def test_damaged_bytes_never_raise_anything_else(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for place, value in draw.draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=6)):
        damaged[place] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            got = decode(bytes(damaged))
        except BrokenPictureError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert got.ndim == 3
            assert got.shape[2] == 3
            assert got.dtype == np.uint8


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"BM", b"RIFF"]))
def test_rubbish_is_broken(rubbish: bytes, start: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(BrokenPictureError):
            decode(start + rubbish)


def test_bytes_after_the_end_do_no_harm() -> None:
    assert np.array_equal(decode(JPEGS["baseline"] + b"made by a camera"), decode(JPEGS["baseline"]))


def test_a_picture_that_claims_to_be_huge_is_refused_before_its_memory_is_asked_for() -> None:
    jpeg = bytearray(simplejpeg.encode_jpeg(np.zeros((16, 16, 3), np.uint8)))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)
    png = bytearray(saved(np.zeros((16, 16, 3), np.uint8), "RGB", "PNG"))
    png[16:24] = struct.pack(">II", 9_000, 9_000)  # more than here, less than Pillow's own limit
    png[29:33] = struct.pack(">I", zlib.crc32(png[12:29]))
    vast = bytearray(png)
    vast[16:24] = struct.pack(">II", 60_000, 60_000)
    vast[29:33] = struct.pack(">I", zlib.crc32(vast[12:29]))
    for data, message in ((jpeg, "60000 x 60000 pixels"), (png, "9000 x 9000 pixels"), (vast, "pixels")):
        with pytest.raises(BrokenPictureError, match=message):
            decode(bytes(data))
    assert MAX_PIXELS > 40_000 * 1_000  # what a large camera delivers still passes


def test_the_message_names_the_file_and_the_reason(tmp_path: Path) -> None:
    cases: dict[str, tuple[bytes, str]] = {
        "empty.jpg": (b"", "empty"),
        "text.jpg": (b"<html>404 not found</html>", "not a picture"),
        "cut.jpg": (JPEGS["baseline"][:-300], "[Pp]remature end"),
    }
    for name, (data, reason) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BrokenPictureError, match=f"{name}: .*{reason}"):
            read_pixels(tmp_path / name)
    with pytest.raises(BrokenPictureError, match=r"gone\.jpg: No such file"):
        read_pixels(tmp_path / "gone.jpg")
    with pytest.raises(BrokenPictureError, match="Is a directory"):
        read_pixels(tmp_path)
    with pytest.raises(BrokenPictureError, match="null"):
        read_pixels(tmp_path / "a\0b.jpg")


def test_a_wrong_suffix_does_not_matter(tmp_path: Path, drawn: Draw) -> None:
    (tmp_path / "a.jpg").write_bytes(saved(drawn(0), "RGB", "PNG"))
    assert np.array_equal(read_pixels(tmp_path / "a.jpg"), drawn(0))


def test_resize_shrinks_by_area(drawn: Draw) -> None:
    picture = drawn(7)
    blocks = picture.reshape(12, 4, 12, 2, 3).astype(float).mean((1, 3))
    assert np.abs(resize(picture, 12, 12) - blocks).max() <= 0.51


def test_resize_grows_linearly() -> None:
    picture = np.repeat(np.array([[[0], [100]]], np.uint8), 3, 2)
    # Pixel centres: 4 across lie at -0.25, 0.25, 0.75 and 1.25 of the 2.
    assert resize(picture, 1, 4)[0, :, 0].tolist() == [0, 25, 75, 100]


def test_resize_to_the_same_size_and_odd_shapes(drawn: Draw) -> None:
    assert np.array_equal(resize(drawn(8), 48, 24), drawn(8))
    for height, width in ((1, 1), (1, 40_000), (3, 2), (257, 129)):
        got = resize(np.full((height, width, 3), 77, np.uint8), 256, 128)
        assert got.shape == (256, 128, 3)
        assert got.dtype == np.uint8
        assert (got == 77).all()
