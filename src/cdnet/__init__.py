"""Lightweight person re-identification: *Combined Depth Space based Architecture Search* (CVPR 2021).

``create_model`` makes a network, ``load_model`` reads one from inference weights, ``FeatureExtractor`` maps pictures to
features and ``embed`` does so once. All of them import torch when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdnet.errors import CdnetError

if TYPE_CHECKING:
    from cdnet.extract.extractor import FeatureExtractor, embed
    from cdnet.nn.model import create_model
    from cdnet.weights import load_model

__version__ = "0.1.0"
__all__ = ["CdnetError", "FeatureExtractor", "__version__", "create_model", "embed", "load_model"]


def __getattr__(name: str) -> object:
    # Deferred, so that `cdnet --help` answers before torch is imported.
    if name == "create_model":
        from cdnet.nn.model import create_model

        return create_model
    if name == "load_model":
        from cdnet.weights import load_model

        return load_model
    if name in ("FeatureExtractor", "embed"):
        from cdnet.extract import extractor

        return getattr(extractor, name)
    raise AttributeError(f"module 'cdnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
