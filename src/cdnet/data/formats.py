"""Which picture formats are read, and how a file's first bytes and its ending tell which one it has.

Only what is named here is ever opened. Pillow knows many more formats, of which one starts another program
(PostScript), and it goes by a file's content, whatever its ending.
"""

from __future__ import annotations

import stat
from pathlib import Path

PILLOW = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "JPEG2000", "BMP", "DIB", "PPM", "TIFF")
"""What Pillow may open, by its names."""


def _endings(*names: str) -> frozenset[str]:
    return frozenset(f".{name}" for line in names for name in line.split())


SUFFIXES = _endings(
    "jpg jpeg jpe jfif jif pjpeg pjp mpo jp2 j2k j2c jpc jpx jpf",
    "png apng gif webp avif bmp dib ppm pgm pbm pnm tif tiff",
)
"""Endings of pictures that are read."""

RAW = _endings("dng cr2 cr3 nef nrw arw srf sr2 raf orf rw2 pef srw raw rwl iiq 3fr")
UNREAD_SUFFIXES = _endings("heic heif hif heics heifs jxl psd psb tga eps ps") | RAW
"""Endings of pictures that are not read: they count as somebody's pictures, and reading one says the way out."""

HEAD = 40
"""Bytes from the start of a file that are enough to tell its format."""

_WAY_OUT = "which is not read here; convert it to JPEG"
_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"%PDF", "PDF"),
    (b"8BPS", "a Photoshop file"),
)
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
READ = frozenset(("JPEG", "PNG", "GIF", "WebP", "AVIF", "JPEG 2000", "BMP", "PPM", "TIFF"))
"""The formats that are read, by the names that :func:`format_of` gives."""


def format_of(head: bytes) -> str | None:
    """Return the name of the format that a file has by its first ``HEAD`` bytes; None where it is none of these."""
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[place : place + 4] for place in range(16, len(head) - 3, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        return "HEIC" if brands & set(_HEIC) else None
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "PPM"
    return None


def why_unread(head: bytes, suffix: str) -> str | None:
    """Say why a picture of a format that is not read here cannot be, and the way out; None where it may be read."""
    found, suffix = format_of(head), suffix.lower()
    if suffix in RAW and (found is None or found == "TIFF"):  # its TIFF holds but a small preview
        return f"a camera's raw file, {_WAY_OUT}"
    if suffix in UNREAD_SUFFIXES and found is None and head:
        return f"{suffix[1:].upper()}, {_WAY_OUT}"
    return None if found is None or found in READ else f"{found}, {_WAY_OUT}"


def content_format(path: Path) -> str | None:
    """Return the format that a file's content has; None where it is no picture, no regular file, or unreadable."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            return None
        with path.open("rb") as file:
            return format_of(file.read(HEAD))
    except (OSError, ValueError):
        return None


def is_picture(path: Path) -> bool:
    """Tell whether a file counts as a picture: by its ending, or where it has none, by its content.

    A number is no ending: ``frame.0001`` has none.
    """
    suffix = path.suffix.lower()
    if suffix in SUFFIXES or suffix in UNREAD_SUFFIXES:
        return True
    return (not suffix.strip(".") or suffix[1:].isdigit()) and content_format(path) is not None
