"""A gallery that is searched: PostgreSQL with pgvector, in a folder of its own or anywhere.

:func:`open_gallery` and :func:`create_gallery` give a :class:`Gallery`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cdnet.gallery.entry import Box, Entry, Found, Match, NewEntry, PersonMatches
    from cdnet.gallery.gallery import Gallery
    from cdnet.gallery.network import GalleryNetwork
    from cdnet.gallery.opening import create_gallery, open_gallery
    from cdnet.gallery.problems import NotThereError, UnreachableError

_WHERE = {
    "entry": ("Box", "Entry", "Found", "Match", "NewEntry", "PersonMatches"),
    "gallery": ("Gallery",),
    "network": ("GalleryNetwork",),
    "opening": ("create_gallery", "open_gallery"),
    "problems": ("NotThereError", "UnreachableError"),
}
__all__ = [  # noqa: PLE0604, RUF100
    "Box",
    "Entry",
    "Found",
    "Gallery",
    "GalleryNetwork",
    "Match",
    "NewEntry",
    "NotThereError",
    "PersonMatches",
    "UnreachableError",
    "create_gallery",
    "open_gallery",
]


def __getattr__(name: str) -> Any:
    # Deferred: the keeper of a folder needs no database's client, and nobody without the extra has one.
    for module, names in _WHERE.items():
        if name in names:
            try:
                return getattr(import_module(f"cdnet.gallery.{module}"), name)
            except ImportError as error:
                from cdnet.errors import CdnetError

                raise CdnetError(
                    f"a gallery needs {error.name}; install it with pip install 'cdnet-reid[gallery]'"
                ) from None
    raise AttributeError(name)
