from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
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
from PIL import Image, ImageFile, ImageOps

from cdnet.data.decode import FEWER_PIXELS, BrokenPictureError, decode, open_picture, read_pixels, resize
from cdnet.data.jpeg import count_scans, read_head
from cdnet.data.limits import MAX_BYTES, MAX_PIXELS
from cdnet.data.orientation import turn
from cdnet.data.resized_crop import central_part, read_crop

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
    "GIF": saved(textured(), "P", "GIF"),
    "JPEG 2000": saved(textured(), "RGB", "JPEG2000"),
    "PPM": saved(textured(), "RGB", "PPM"),
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


def with_orientation(pixels: Pixels, kind: str, orientation: object) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}, "JPEG": {"quality": 95}}
    return saved(pixels, "RGB", kind, exif=exif, **options.get(kind, {}))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_pictures_are_turned_as_their_exif_orientation_says(drawn: Draw, tmp_path: Path, kind: str) -> None:
    for orientation in range(10):
        data = with_orientation(drawn(6), kind, orientation)
        seen = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        got = decode(data)
        assert got.shape == ((24, 48, 3) if 5 <= orientation <= 8 else (48, 24, 3))
        assert np.abs(got.astype(int) - seen).max() <= 2, orientation
        (tmp_path / "a").write_bytes(data)
        assert open_picture(tmp_path / "a").turned == (2 <= orientation <= 8)


def test_an_orientation_is_where_the_first_row_and_column_are_seen() -> None:
    # As the EXIF standard words it: of 6, the 0th row is the visual right-hand side, the 0th column the visual top.
    stored = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, 2)
    assert turn(stored, 6)[:, -1, 0].tolist() == [0, 1, 2]
    assert turn(stored, 6)[0, :, 0].tolist() == [3, 0]
    assert turn(stored, 8)[:, 0, 0].tolist() == [2, 1, 0]
    assert turn(stored, 3)[0, :, 0].tolist() == [5, 4, 3]
    assert turn(stored, 2)[0, :, 0].tolist() == [2, 1, 0]


def test_exif_data_that_make_no_sense_turn_nothing(drawn: Draw) -> None:
    plain = saved(drawn(6), "RGB", "JPEG", quality=95)
    for body in (b"", b"MM\0*", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12" * 20):
        segment = b"Exif\0\0" + body
        data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]
        assert np.array_equal(decode(data), decode(plain))


def test_what_only_looks_like_exif_turns_nothing(drawn: Draw) -> None:
    turned = with_orientation(drawn(6), "JPEG", 6)
    plain = saved(drawn(6), "RGB", "JPEG", quality=95)
    assert np.array_equal(decode(plain + turned), decode(plain))  # a second picture after the first one's end


def test_an_orientation_that_xmp_alone_has_turns_nothing(drawn: Draw) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    for kind in ("PNG", "WEBP", "TIFF", "JPEG"):
        options: dict[str, Any] = {"tiffinfo": {700: xmp}} if kind == "TIFF" else {"xmp": xmp}
        assert decode(saved(drawn(6), "RGB", kind, **options)).shape == (48, 24, 3), kind


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("GIF", "P", {}),
        ("WEBP", "RGB", {}),
        ("AVIF", "RGB", {}),
        ("JPEG2000", "RGB", {}),
        ("JPEG2000", "L", {}),
        ("PPM", "RGB", {}),
        ("PPM", "L", {}),
        ("PPM", "1", {}),
        ("BMP", "P", {}),
        ("TIFF", "CMYK", {}),
        ("TIFF", "L", {"compression": "tiff_lzw"}),
    ],
)
def test_formats_are_read_as_pillow_reads_them(drawn: Draw, kind: str, mode: str, options: dict[str, Any]) -> None:
    data = saved(drawn(4), mode, kind, **options)
    assert np.array_equal(decode(data), np.array(Image.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.parametrize("header", [b"P5 24 48 65535\n", b"P2 24 48 65535\n"])
def test_sixteen_bits_of_pgm_become_eight_by_their_upper_half(header: bytes) -> None:
    wide = np.arange(48 * 24, dtype=np.uint16).reshape(48, 24) * 56
    body = wide.astype(">u2").tobytes() if header[:2] == b"P5" else " ".join(map(str, wide.ravel())).encode()
    assert np.array_equal(decode(header + body), np.repeat((wide // 256)[:, :, None], 3, 2))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_a_file_of_several_pictures_is_refused(drawn: Draw, kind: str) -> None:
    file = io.BytesIO()
    second = Image.fromarray(drawn(1))
    Image.fromarray(drawn(0)).save(file, kind, save_all=True, append_images=[second])
    with pytest.raises(BrokenPictureError, match="holds several pictures; save the one that is meant"):
        decode(file.getvalue())


def test_no_other_program_is_started(tmp_path: Path, drawn: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    # Pillow hands PostScript to the program `gs`, whatever the file is called.
    started = tmp_path / "started"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {started}\n", "utf-8")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    eps = saved(drawn(0), "RGB", "EPS")
    (tmp_path / "1.png").write_bytes(eps)
    with pytest.raises(BrokenPictureError, match=r"1\.png: PostScript, which is not read here; convert it to JPEG"):
        read_pixels(tmp_path / "1.png")
    with pytest.raises(BrokenPictureError, match="PostScript"):
        decode(eps)
    assert not started.exists()


@pytest.mark.parametrize("kind", ["ICO", "PCX", "TGA", "SGI", "DDS", "IM", "PDF"])
def test_no_format_is_opened_that_is_not_named(kind: str) -> None:
    with pytest.raises(BrokenPictureError, match=r"not a picture|not read here"):
        decode(saved(np.zeros((32, 32, 3), np.uint8), "RGB", kind))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("IMG_1.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC, which is not read here; convert it to JPEG"),
        ("a.jpg", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC, which is not read here"),
        ("a.jxl", b"\xff\x0a\x01", "JPEG XL, which is not read here"),
        ("a.psd", b"8BPS\0\x01", "a Photoshop file, which is not read here"),
        ("a.tga", b"\0\0\x02\0", "TGA, which is not read here"),
        ("DSC_1.NEF", OTHERS["TIFF"], "a camera's raw file, which is not read here"),
        ("a.jpg", b"%PDF-1.7", "PDF, which is not read here"),
        ("a.jpg", b"<svg/>", "not a picture"),
        ("a.heic", b"", "empty"),
    ],
)
def test_formats_that_are_not_read_are_named_with_the_way_out(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BrokenPictureError, match=f"{name}: {said}"):
        read_pixels(tmp_path / name)


@pytest.mark.parametrize("name", ["a.HEIC", "a", "a.tif", "a.jpg_large"])
def test_what_a_picture_is_its_content_says(tmp_path: Path, drawn: Draw, name: str) -> None:
    (tmp_path / name).write_bytes(saved(drawn(0), "RGB", "PNG"))
    assert np.array_equal(read_pixels(tmp_path / name), drawn(0))


def test_pipes_devices_and_huge_files_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    for name in ("pipe.jpg", "zero.jpg"):
        with pytest.raises(BrokenPictureError, match=f"{name}: no regular file, but a pipe or a device"):
            read_pixels(tmp_path / name)
        with pytest.raises(BrokenPictureError, match=f"{name}: no regular file, but a pipe or a device"):
            read_crop(tmp_path / name, central_part((32, 32)), (32, 32))
    with (tmp_path / "huge.bmp").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(BrokenPictureError, match=r"huge\.bmp: 268,435,457 bytes are more than the 268,435,456"):
        read_pixels(tmp_path / "huge.bmp")


def test_a_jpeg_of_too_many_scans_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(np.zeros((600, 600, 3), np.uint8), "RGB", "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    many = data[:last] + data[last:-2] * 20_000 + data[-2:]
    assert count_scans(data) == 10
    assert count_scans(many) == 20_009
    decoded: list[object] = []
    for owner, name in ((simplejpeg, "decode_jpeg"), (ImageFile.ImageFile, "load")):
        real = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *a, real=real, **k: decoded.append(real) or real(*a, **k))
    decode(data)
    assert decoded
    decoded.clear()
    for read in (decode, read_head):
        with pytest.raises((BrokenPictureError, ValueError), match="20,009 scans over 600 x 600 pixels take too long"):
            read(many)
    assert not decoded


def test_scans_are_counted_where_a_marker_can_be() -> None:
    data = JPEGS["baseline"]
    comment = b"\xff\xda" * 1000
    padded = data[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + data[2:]
    assert count_scans(padded) == count_scans(data) == 1
    assert count_scans(JPEGS["progressive"]) == 10
    assert count_scans(JPEGS["restart markers"]) == 1
    assert count_scans(data + comment) == 1  # after the end marker


def test_what_pillow_decodes_number_by_number_is_bounded() -> None:
    with pytest.raises(
        BrokenPictureError, match=r"2000 x 1001 pixels .* take too long in this kind of PPM; save it as"
    ):
        decode(b"P3 2000 1001 255\n" + b"0 " * 100)


def test_large_pictures_are_converted_in_strips(monkeypatch: pytest.MonkeyPatch, drawn: Draw) -> None:
    monkeypatch.setattr("cdnet.data.decode.STRIP", 24 * 7)
    for kind, mode in (("PNG", "RGB"), ("PNG", "RGBA"), ("GIF", "P"), ("TIFF", "CMYK")):
        data = saved(drawn(4), mode, kind)
        assert np.array_equal(decode(data), np.array(Image.open(io.BytesIO(data)).convert("RGB")))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "JPEG2000", "GIF", "TIFF", "AVIF"])
def test_the_largest_picture_takes_less_than_a_gigabyte_and_20_seconds(tmp_path: Path, kind: str) -> None:
    side = int((MAX_PIXELS if kind == "JPEG" else FEWER_PIXELS.get(kind, MAX_PIXELS)) ** 0.5)
    coarse = Image.fromarray(np.random.default_rng(0).integers(0, 256, (side // 64, side // 64, 3), dtype=np.uint8))
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"progressive": True, "subsampling": 0},
        "PNG": {"compress_level": 1},
        "WEBP": {"method": 0},
        "AVIF": {"speed": 10},
    }
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = {"exif": exif} if kind in ("JPEG", "PNG", "WEBP", "AVIF") else {}
    picture = (coarse.convert("L") if kind == "GIF" else coarse).resize((side, side))
    picture.save(tmp_path / "a", kind, **options.get(kind, {}), **turned)
    program = (
        "import re, sys, time; from pathlib import Path; from cdnet.data.decode import read_pixels\n"
        "read_pixels(Path(sys.argv[1]))\n"
        # Not getrusage, which counts what the process had before it became this program.
        "held = re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1]\n"
        "print(time.process_time(), int(held) / 2**20)"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "a"], capture_output=True, text=True, check=True)
    seconds, gigabytes = map(float, done.stdout.split())
    assert seconds < 20  # of the processor
    assert gigabytes < 1


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
        "cut.jpg": (
            JPEGS["baseline"][:-300],
            "a JPEG, damaged, cut short, or of a rare kind; put a whole copy in its place",
        ),
        "cut.png": (saved(np.zeros((16, 16, 3), np.uint8), "RGB", "PNG")[:-30], "a PNG, damaged, cut short"),
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
