"""How a person stands before the camera: the walk, the joints it gives, and their projection to pixels."""

import math
from dataclasses import dataclass

import numpy as np

from cdnet.draw.camera import Camera
from cdnet.draw.canvas import Pixel
from cdnet.draw.identity import Identity, Side

Point = tuple[float, float, float]
"""A place on the body: x to the person's left, y down from the crown, z forwards; one is the body height."""

SIDES: tuple[Side, Side] = ("left", "right")
_WIDTHS = {"slim": 0.86, "average": 1.0, "broad": 1.2}
_HEADS = {"short": 1.12, "medium": 1.0, "tall": 0.9}


@dataclass(frozen=True)
class Pose:
    """One moment of a walk; angles in radians, `phase` being where in the step it is."""

    heading: float
    phase: float
    stride: float
    swing: float
    elbow: float
    lean: float
    glance: float


def sample_pose(camera: Camera, rng: np.random.Generator) -> Pose:
    """Draw a pose that people strike before this camera; a quarter of them walk the other way."""
    turned = math.pi if rng.random() < 0.25 else 0.0
    return Pose(
        heading=camera.heading + turned + rng.normal(0, camera.spread),
        phase=rng.uniform(0, 2 * math.pi),
        stride=rng.uniform(0.1, 0.52),
        swing=rng.uniform(0.05, 0.5),
        elbow=rng.uniform(0.1, 0.6),
        lean=rng.normal(0.03, 0.06),
        glance=rng.normal(0, 0.3),
    )


@dataclass(frozen=True)
class View:
    """Maps body coordinates to pixels of a canvas: `foot` is the ground point, `unit` the body height."""

    heading: float
    pitch: float
    roll: float
    foot: Pixel
    unit: float

    def pixel(self, point: Point) -> Pixel:
        """Project a place on the body."""
        x, y, z = point
        across = x * math.cos(self.heading) + z * math.sin(self.heading)
        down = y - 1 + math.sin(self.pitch) * self.depth(point)
        u = across * math.cos(self.roll) - down * math.sin(self.roll)
        v = across * math.sin(self.roll) + down * math.cos(self.roll)
        return self.foot[0] + self.unit * u, self.foot[1] + self.unit * v

    def depth(self, point: Point) -> float:
        """Tell how much nearer than the middle of the body a place is to the camera."""
        return point[2] * math.cos(self.heading) - point[0] * math.sin(self.heading)

    def breadth(self, across: float, through: float) -> float:
        """Tell half the width, in pixels, of an oval body with these half-widths from side and to front."""
        return self.unit * math.hypot(across * math.cos(self.heading), through * math.sin(self.heading))

    @property
    def facing(self) -> float:
        """1 where the person looks into the camera, -1 where they look away."""
        return math.cos(self.heading)


@dataclass(frozen=True)
class Arm:
    """The joints of an arm."""

    shoulder: Point
    elbow: Point
    hand: Point


@dataclass(frozen=True)
class Leg:
    """The joints of a leg; the toe points where the foot does."""

    hip: Point
    knee: Point
    ankle: Point
    toe: Point


@dataclass(frozen=True)
class Body:
    """A person's joints in one pose. `width` scales everything across, `head` the head."""

    width: float
    head: float
    lean: float
    arms: dict[Side, Arm]
    legs: dict[Side, Leg]

    def at(self, x: float, y: float, z: float) -> Point:
        """Place a point of the upright trunk where the lean brings it."""
        return x, y, z + self.lean * (0.52 - y)


def _reach(start: Point, length: float, angle: float, splay: float = 0.0) -> Point:
    """End of a bone that hangs from `start`, swung forwards by `angle` and moved sideways by `splay`."""
    return start[0] + splay, start[1] + length * math.cos(angle), start[2] + length * math.sin(angle)


def embody(identity: Identity, pose: Pose) -> Body:
    """Work out the joints of a person in a pose; a held parcel bends the arm that holds it."""
    width = _WIDTHS[identity.build]
    arms, legs = {}, {}
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        step = math.sin(pose.phase) * sign
        thigh = pose.stride * step
        bend = pose.stride * (0.9 * max(0.0, math.cos(pose.phase) * sign) + 0.35 * max(0.0, -step))
        hip: Point = (sign * 0.052 * width, 0.52, 0.0)
        knee = _reach(hip, 0.22, thigh)
        ankle = _reach(knee, 0.21, thigh - bend)
        tilt = 0.5 * (bend - thigh)
        toe = (ankle[0] + sign * 0.008, ankle[1] + 0.028 + 0.03 * tilt, ankle[2] + 0.07)
        legs[side] = Leg(hip, knee, ankle, toe)

        holds = identity.carried is not None and identity.carried.side == side
        parcel = holds and identity.carried is not None and identity.carried.kind == "parcel"
        swing, elbow = (0.15, 1.5) if parcel else (-pose.swing * step, pose.elbow)
        if holds and not parcel:
            swing, elbow = 0.4 * swing, 0.3 * elbow
        shoulder = (sign * 0.118 * width, 0.205, pose.lean * 0.315)
        joint = _reach(shoulder, 0.15, swing, sign * 0.022)
        hand = _reach(joint, 0.15, swing + elbow, -sign * (0.04 if parcel else 0.004))
        arms[side] = Arm(shoulder, joint, hand)
    return Body(width, _HEADS[identity.stature], pose.lean, arms, legs)
