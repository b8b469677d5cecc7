"""Finding out how a classification data set lies on disk."""

from __future__ import annotations

from pathlib import Path

from cdnet.data.cifar100 import find_cifar100, read_cifar100
from cdnet.data.class_folders import is_class_folders, read_class_folders
from cdnet.data.classes import ClassData
from cdnet.errors import CdnetError

NESTED = ("tiny-imagenet-200",)


def read_class_data(root: Path) -> ClassData:
    """Read CIFAR-100 as published, or a folder a class.

    Args:
        root: an archive of CIFAR-100, the folder that it lies in or was unpacked to, or a folder with ``train`` and
            ``val`` or ``test``. A folder with ``tiny-imagenet-200`` inside means that one.

    Raises:
        CdnetError: if there is nothing like that, or it is not whole.
    """
    if not root.exists():
        raise CdnetError(f"{root}: no such folder or archive; --data.root names where the pictures are")
    try:
        if is_class_folders(root):
            return read_class_folders(root)
        nested = [root / name for name in NESTED if is_class_folders(root / name)]
        if nested:
            return read_class_folders(nested[0])
        found = find_cifar100(root)
        if found is not None:
            return read_cifar100(found)
    except OSError as error:
        raise CdnetError(f"{error.filename or root} could not be read: {error.strerror or error}") from error
    raise CdnetError(f"{root}: neither CIFAR-100 nor a folder with train/CLASS and val/CLASS or test/CLASS")
