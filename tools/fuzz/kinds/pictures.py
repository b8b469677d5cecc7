"""Pictures in every format, and folders of them under names of every kind."""

from __future__ import annotations

import io
import os
from pathlib import Path

from hypothesis import strategies as st
from tools.fuzz.damage import TOKENS, Draw, damaged
from tools.fuzz.kinds.kind import Kind, nothing, pixels

FORMATS = {
    "jpg": ({"format": "JPEG"}, {"format": "JPEG", "progressive": True}, {"format": "MPO", "save_all": True}),
    "png": ({"format": "PNG"}, {"format": "PNG", "interlace": 1}),
    "gif": ({"format": "GIF"}, {"format": "GIF", "save_all": True}),
    "webp": ({"format": "WEBP"}, {"format": "WEBP", "lossless": True}),
    "avif": ({"format": "AVIF"},),
    "jp2": ({"format": "JPEG2000"},),
    "bmp": ({"format": "BMP"},),
    "ppm": ({"format": "PPM"},),
    "tif": (
        {"format": "TIFF"},
        {"format": "TIFF", "compression": "tiff_lzw"},
        {"format": "TIFF", "compression": "jpeg"},
    ),
}
OTHERS = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>x</script></svg>',
    b"\0\0\1\0\1\0\1\1\0\0\1\0\x18\0\x30\0\0\0\x16\0\0\0" + b"\0" * 48,
    b"%PDF-1.4\n",
    b"P3\n99999 99999\n255\n",
    b"P6 1 1 99999999999999999999 ",
    b"RIFF\xff\xff\xff\xffWEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff",
    b"",
)
BIG = (b"\0\0\xff\xff", b"\xff\xff\0\0", b"\0\x01\0\0", b"\x7f\xff\xff\xff", b"\xff\xff", b"\xea\x60\xea\x60")
"""Sides and lengths, most of them too large."""


def _encoded(draw: Draw) -> tuple[str, bytes]:
    from PIL import Image

    ending = draw(st.sampled_from(sorted(FORMATS)))
    how = dict(draw(st.sampled_from(FORMATS[ending])))
    mode = draw(st.sampled_from(("RGB", "RGB", "L", "CMYK", "P", "RGBA", "1", "I;16")))
    image = Image.fromarray(pixels(draw(st.integers(0, 9))))
    exif = Image.Exif()
    exif[0x0112] = draw(st.integers(1, 8))
    content = io.BytesIO()
    try:
        image.convert(mode).save(content, exif=exif, **how)
    except (OSError, ValueError, KeyError, RuntimeError):  # not every format has every mode
        content = io.BytesIO()
        image.save(content, format=how["format"])
    return ending, content.getvalue()


CHECK = ("data", "check", "people", "--holdout", "0", "--batch.identities", "2", "--for", "training")


def _prepare(folder: Path) -> None:
    from PIL import Image

    for number, name in enumerate(("a/1.png", "a/2.png", "b/1.png", "b/2.png")):
        path = folder / "people" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(100 + number)).save(path)


def _picture(draw: Draw, folder: Path) -> list[str]:
    ending, content = _encoded(draw)
    if draw(st.integers(0, 9)) == 0:
        content = draw(st.sampled_from(OTHERS))
    else:
        content = damaged(draw, content, (*BIG, *TOKENS), 4)
    ending = draw(st.sampled_from((ending, ending, "png", "jpg", "heic", "")))
    (folder / "people" / "a" / f"x.{ending}".rstrip(".")).write_bytes(content)
    return [*CHECK]


NAMES: tuple[bytes, ...] = (
    b"0002_c1s1_000151_01.jpg", b"0002_c2s1_000151_01.jpg", b"-1_c1s1_000001_00.jpg", b"0000_c3s1_000001_00.jpg",
    b"0002c1T0001F001.jpg",
    b"0002_C1_1.jpg", b"0001_c001_00016450_0.jpg", b"1.jpg", b"2.png", b"a.JPEG", b"x", b"\x1b[31m.jpg",
    b"two\nlines.jpg", b"Zo\xc3\xab.jpg",
    b"Zoe\xcc\x88.jpg", b"\xff\xfe.jpg", b" .jpg", b".jpg", b"._1.jpg", b"Thumbs.db", b"list_train.txt", b"1.heic",
    b"99999999999999999999_c1s1_1_1.jpg",
    b"0002_c99999999999999999999s1_000151_01.jpg", b"[bold].jpg", b"$(id).jpg", b"{0}.jpg", b"-rf.jpg", b"%s.jpg",
    b"a" * 200 + b".jpg",
)  # fmt: skip
FOLDERS: tuple[bytes, ...] = (
    b"bounding_box_train", b"bounding_box_test", b"query", b"gt_bbox", b"gallery", b"train", b"test", b"val",
    b"train_all", b"anna", b"boris",
    b"0001", b"1", b"cam1", b"cam2", b"hall", b"door", b"-1", b"0000", b"image_train", b"image_query", b"image_test",
    b"MSMT17_V1", b"detected",
    b"labeled", b"pytorch", b"images", b"\x1b[2J", b"new\nline", b"\xff", b"Zo\xc3\xab", b".hidden", b" ", b"[red]",
    b"__MACOSX", b"Market-1501-v15.09.15",
)  # fmt: skip


def _folders(draw: Draw, folder: Path) -> list[str]:
    root = os.fsencode(folder / "root")
    os.mkdir(root)
    contents = [_encoded(draw)[1] for _ in range(3)]
    for _ in range(draw(st.integers(0, 25))):
        depth = draw(st.sampled_from((0, 1, 1, 2, 2, 2, 3, 3, 40)))
        parts = [draw(st.sampled_from(FOLDERS)) for _ in range(min(depth, 3))] * (10 if depth == 40 else 1)
        place = os.path.join(root, *parts)
        path = os.path.join(place, draw(st.sampled_from(NAMES)))
        try:
            os.makedirs(place, exist_ok=True)
            how = draw(st.sampled_from(("file", "file", "file", "file", "link", "loop", "pipe", "folder", "gone")))
            if how == "file":
                with open(path, "wb") as file:
                    file.write(draw(st.sampled_from(contents)))
            elif how == "pipe":
                os.mkfifo(path)
            elif how == "folder":
                os.mkdir(path)
            else:
                os.symlink({"link": b"../", "loop": b".", "gone": b"nothing"}[how], path)
        except OSError:  # a name that is there already, or too long
            continue
    layout = draw(
        st.sampled_from(
            ("auto", "auto", "auto", "folders", "camera-folders", "market1501", "msmt17", "veri", "cuhk03-np")
        )
    )
    return ["data", "check", "root", "--layout", layout, "--batch.identities", "2", "--for", "training"]


KINDS = [Kind("pictures", _prepare, _picture, whole=CHECK), Kind("folders of pictures", nothing, _folders)]
