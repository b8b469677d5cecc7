"""Pedestrians that the project draws itself, for machines without data."""

from cdnet.draw.camera import Camera, sample_camera
from cdnet.draw.figure import draw_person
from cdnet.draw.identity import Identity, sample_identities, sample_identity
from cdnet.draw.market import draw_market1501

__all__ = [
    "Camera",
    "Identity",
    "draw_market1501",
    "draw_person",
    "sample_camera",
    "sample_identities",
    "sample_identity",
]
