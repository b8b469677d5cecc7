"""What ``torch.hub.load`` finds here: networks, trained ones, and pictures to features."""

import sys
from pathlib import Path

dependencies = ["torch", "numpy", "cv2", "simplejpeg", "PIL", "safetensors", "yaml"]

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from cdnet.extract.extractor import FeatureExtractor  # noqa: E402
from cdnet.nn.model import create_model  # noqa: E402
from cdnet.weights import load_model  # noqa: E402


def cdnet(genotype="cdnet", **how):
    """Return a network with fresh weights; the arguments are those of ``cdnet.create_model``."""
    return create_model(genotype, **how).eval()


def pretrained(weights="cdnet-x0.25-market1501"):
    """Return a trained network in evaluation mode: a shipped one by its name, a run's folder, or a file of weights."""
    return load_model(weights)[0]


def feature_extractor(model="cdnet-x0.25-market1501", **how):
    """Return a ``cdnet.FeatureExtractor``: pictures in, features out."""
    return FeatureExtractor(model, **how)
