"""Head, hair, hat and scarf."""

import math

from cdnet.draw.canvas import Canvas, shaded
from cdnet.draw.identity import HAIR_COLOURS, PALETTE, SKINS, Identity
from cdnet.draw.pose import Body, Point, Pose, View

_HEAD_Y = 0.078


def draw_head(canvas: Canvas, identity: Identity, body: Body, pose: Pose, view: View) -> None:
    """Draw the head above the trunk; it may glance aside from where the body walks."""
    turned = View(view.heading + pose.glance, view.pitch, view.roll, view.foot, view.unit)
    size = body.head * view.unit
    skin = SKINS[identity.skin]
    centre = turned.pixel(body.at(0, _HEAD_Y, 0.012))
    face = math.sin(turned.heading), turned.facing
    if identity.hair_colour is None:
        canvas.ellipse(centre, (0.054 * size, 0.066 * size), skin)
    else:
        _draw_hair(canvas, identity, centre, size, HAIR_COLOURS[identity.hair_colour])
    if face[1] > -0.55:
        shift = 0.03 * face[0] * size, (0.012 if identity.hair in ("bald", "cropped") else 0.018) * size
        half = (0.026 + 0.02 * max(0.0, face[1])) * size
        canvas.ellipse((centre[0] + shift[0], centre[1] + shift[1]), (half, 0.05 * size), skin)
    if face[1] > -0.1:
        for eye in (-0.42, 0.42):
            at = centre[0] + 0.05 * math.sin(turned.heading + eye) * size, centre[1] + 0.008 * size
            canvas.ellipse(at, (0.008 * size, 0.011 * size), (40, 32, 32))
        mouth = centre[0] + 0.045 * face[0] * size, centre[1] + 0.04 * size
        canvas.ellipse(mouth, (0.014 * size, 0.005 * size), shaded(skin, 0.68))
    if identity.scarf:
        _draw_scarf(canvas, body, view, PALETTE[identity.scarf])
    if identity.hat and identity.hat_colour:
        _draw_hat(canvas, identity.hat, centre, size, turned, PALETTE[identity.hat_colour])


def draw_tresses(canvas: Canvas, identity: Identity, body: Body, view: View) -> None:
    """Draw hair that hangs over the back: before the trunk where the person faces us, after it otherwise."""
    if identity.hair_colour is None or identity.hair not in ("long", "ponytail"):
        return
    colour, unit = shaded(HAIR_COLOURS[identity.hair_colour], 0.88), view.unit * body.head
    ends: tuple[Point, Point]
    if identity.hair == "long":
        ends, radii = (body.at(0, 0.09, -0.03), body.at(0, 0.25, -0.065)), (0.062, 0.068)
    else:
        ends, radii = (body.at(0, 0.05, -0.07), body.at(0, 0.27, -0.1)), (0.024, 0.02)
    canvas.limb(view.pixel(ends[0]), view.pixel(ends[1]), radii[0] * unit, radii[1] * unit, colour)


def _draw_hair(
    canvas: Canvas, identity: Identity, centre: tuple[float, float], size: float, colour: tuple[int, int, int]
) -> None:
    x, y = centre
    if identity.hair == "curls":
        for dx, dy in ((-0.05, -0.01), (0.05, -0.01), (-0.03, -0.05), (0.03, -0.05), (0, -0.03)):
            canvas.ellipse((x + dx * size, y + dy * size), (0.047 * size, 0.045 * size), colour)
    elif identity.hair == "bob":
        canvas.limb((x, y - 0.012 * size), (x, y + 0.03 * size), 0.06 * size, 0.066 * size, colour)
    elif identity.hair == "bun":
        canvas.ellipse((x, y - 0.075 * size), (0.032 * size, 0.03 * size), colour)
    canvas.ellipse((x, y - 0.004 * size), (0.057 * size, 0.066 * size), colour)


def _draw_scarf(canvas: Canvas, body: Body, view: View, colour: tuple[int, int, int]) -> None:
    ring = view.pixel(body.at(0, 0.158, 0.005))
    canvas.ellipse(ring, (view.breadth(0.066, 0.058), 0.03 * view.unit), colour)
    if view.facing > -0.2:
        start, end = view.pixel(body.at(0.03, 0.17, 0.06)), view.pixel(body.at(0.036, 0.31, 0.085))
        canvas.limb(start, end, 0.022 * view.unit, 0.022 * view.unit, shaded(colour, 0.9))


def _draw_hat(
    canvas: Canvas,
    hat: str,
    centre: tuple[float, float],
    size: float,
    view: View,
    colour: tuple[int, int, int],
) -> None:
    x, y = centre[0], centre[1] - 0.014 * size
    if hat == "sunhat":
        canvas.ellipse((x, y - 0.012 * size), (0.115 * size, 0.026 * size), shaded(colour, 0.86))
        canvas.ellipse((x, y - 0.014 * size), (0.06 * size, 0.066 * size), colour, span=(180, 360))
    elif hat == "cap":
        canvas.ellipse((x, y), (0.062 * size, 0.062 * size), colour, span=(180, 360))
        reach = 0.062 * math.sin(view.heading) * size
        drop = 0.012 * max(0.0, view.facing) * size
        if view.facing > -0.6:
            half = (0.03 + 0.024 * max(0.0, view.facing)) * size
            canvas.ellipse((x + reach, y + drop), (half, 0.015 * size), shaded(colour, 0.75))
    else:
        canvas.ellipse((x, y + 0.006 * size), (0.063 * size, 0.072 * size), colour, span=(180, 360))
        canvas.limb((x - 0.048 * size, y), (x + 0.048 * size, y), 0.017 * size, 0.017 * size, shaded(colour, 0.8))
        canvas.ellipse((x, y - 0.07 * size), (0.022 * size, 0.022 * size), shaded(colour, 1.15))
