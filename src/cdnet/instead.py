"""What lies where weights should, when a download brought something else: a web page, or a pointer to the file."""

from __future__ import annotations

from pathlib import Path

HEAD = 200


def instead_of_weights(path: Path) -> str | None:
    """Say what a file is that is none of weights, and the way out; None if it is neither a page nor a pointer.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"version https://git-lfs.github.com/"):
        return "a pointer of Git LFS, not the file that it stands for; `git lfs pull` in its repository gets that"
    if start[:1] == b"<":
        return "a web page, not the file that it offers; download that itself, by its own address"
    return None
