"""The dressed body: trunk, arms and legs, each in its garment."""

from itertools import pairwise

from cdnet.draw.canvas import Canvas, Cloth, Pixel, shaded
from cdnet.draw.identity import PALETTE, SKINS, Identity, Side
from cdnet.draw.pose import Body, Leg, View

_HEMS = {"tee": 0.545, "jumper": 0.56, "vest": 0.54, "hoodie": 0.575, "jacket": 0.55, "coat": 0.72}
_FLARES = {"coat": 1.28, "hoodie": 1.06, "jumper": 1.06}
_SKIRT_HEM = 0.71
_NECK = (0.0, 0.165, 0.0)
_WAIST = (0.0, 0.5, 0.0)


def upper_cloth(identity: Identity, body: Body, view: View) -> Cloth:
    """Make the cloth of the upper garment; its pattern hangs from the neck."""
    return Cloth.of(identity.upper, view.pixel(body.at(*_NECK)), view.unit)


def lower_cloth(identity: Identity, body: Body, view: View) -> Cloth:
    """Make the cloth of the lower garment; its pattern hangs from the waist."""
    return Cloth.of(identity.lower, view.pixel(body.at(*_WAIST)), view.unit)


def draw_trunk(canvas: Canvas, identity: Identity, body: Body, view: View) -> None:
    """Draw skirt and upper garment, with what is seen on a chest (logo, lapels) or a back (hood)."""
    skin, cloth = SKINS[identity.skin], upper_cloth(identity, body, view)
    if identity.lower.cut == "skirt":
        levels = [(0.46, 0.088, 0.07), (0.53, 0.108, 0.09), (_SKIRT_HEM, 0.145, 0.13)]
        canvas.polygon(_silhouette(levels, body, view), lower_cloth(identity, body, view))
    neck = view.pixel(body.at(0, 0.12, 0)), view.pixel(body.at(0, 0.19, 0))
    canvas.limb(*neck, 0.03 * view.unit, 0.034 * view.unit, shaded(skin, 0.86))

    hem = _HEMS[identity.upper.cut]
    flare = _FLARES.get(identity.upper.cut, 1.0)
    shoulder = 0.094 if identity.upper.cut == "vest" else 0.12
    levels = [
        (0.162, 0.038, 0.036),
        (0.178, shoulder, 0.06),
        (0.205, shoulder + 0.012, 0.07),
        (0.29, 0.112, 0.082),
        (0.41, 0.098, 0.078),
        (0.50, 0.106, 0.082),
        (hem, 0.109 * flare, 0.083 * flare),
    ]
    canvas.polygon(_silhouette(levels, body, view), cloth)
    if identity.upper.cut in ("jacket", "coat"):
        _open_front(canvas, identity, body, view, hem)
    if identity.upper.cut == "hoodie":
        hood = view.pixel(body.at(0, 0.185, -0.05))
        canvas.ellipse(hood, (view.breadth(0.07, 0.05), 0.034 * view.unit), shaded(cloth.colour, 0.72))
    if identity.upper.pattern == "logo" and cloth.second:
        _logo(canvas, body, view, cloth.second)


def draw_arm(canvas: Canvas, identity: Identity, body: Body, view: View, side: Side, shade: float) -> None:
    """Draw an arm: bare from the elbow in a tee, from the shoulder in a vest."""
    arm, unit = body.arms[side], view.unit
    cloth, skin = upper_cloth(identity, body, view).shaded(shade), shaded(SKINS[identity.skin], shade)
    cut, bulk = identity.upper.cut, 1.22 if identity.upper.cut in ("coat", "hoodie", "jumper") else 1.0
    shoulder, elbow, hand = view.pixel(arm.shoulder), view.pixel(arm.elbow), view.pixel(arm.hand)
    upper = skin if cut == "vest" else cloth
    lower = skin if cut in ("vest", "tee") else cloth
    rim = shaded(cloth.colour if upper is cloth else skin, 0.72)
    edge = 0.006 * unit
    canvas.limb(shoulder, elbow, 0.036 * bulk * unit + edge, 0.03 * bulk * unit + edge, rim)
    if lower is cloth:
        canvas.limb(elbow, hand, 0.03 * bulk * unit + edge, 0.024 * bulk * unit + edge, rim)
    canvas.ellipse(hand, (0.024 * unit, 0.026 * unit), skin)
    end = _between(elbow, hand, 0.88)
    canvas.limb(elbow, end, (0.024 if lower is skin else 0.029 * bulk) * unit, 0.022 * bulk * unit, lower)
    canvas.limb(shoulder, elbow, 0.036 * bulk * unit, 0.03 * bulk * unit, upper)


def draw_leg(canvas: Canvas, identity: Identity, body: Body, view: View, side: Side, shade: float) -> None:
    """Draw a leg and its shoe: covered in trousers, bare from the knee in shorts, bare in a skirt."""
    leg, unit, cut = body.legs[side], view.unit * min(body.width, 1.1), identity.lower.cut
    skin = shaded(SKINS[identity.skin], shade)
    cloth = lower_cloth(identity, body, view).shaded(shade)
    hip, knee, ankle, toe = (view.pixel(joint) for joint in (leg.hip, leg.knee, leg.ankle, leg.toe))
    heel = ankle[0], ankle[1] + 0.022 * view.unit
    canvas.limb(heel, toe, 0.027 * unit, 0.021 * unit, shaded(PALETTE[identity.shoes], shade))
    if cut == "trousers":
        canvas.limb(knee, _between(knee, ankle, 0.9), 0.043 * unit, 0.035 * unit, cloth)
        canvas.limb(hip, knee, 0.058 * unit, 0.043 * unit, cloth)
    else:
        canvas.limb(knee, ankle, 0.034 * unit, 0.022 * unit, skin)
        canvas.limb(hip, knee, 0.05 * unit, 0.034 * unit, skin)
        if cut == "shorts":
            end = _between(hip, knee, 0.86)
            canvas.limb(hip, end, 0.062 * unit, 0.055 * unit, cloth)
    if identity.lower.pattern == "seam" and cloth.second and cut != "skirt":
        _seam(canvas, leg, view, side, cloth.second, knee_only=cut == "shorts")


def _silhouette(levels: list[tuple[float, float, float]], body: Body, view: View) -> list[Pixel]:
    """Outline a trunk given at heights by its half-widths across and through."""
    left, right = [], []
    for y, across, through in levels:
        x, down = view.pixel(body.at(0, y, 0))
        half = view.breadth(across * body.width, through * body.width)
        left.append((x - half, down))
        right.append((x + half, down))
    return left + right[::-1]


def _open_front(canvas: Canvas, identity: Identity, body: Body, view: View, hem: float) -> None:
    """Draw the light shirt between the lapels, and the dark line where the garment closes."""
    if view.facing < 0.25:
        return
    top, chest = (view.pixel(body.at(x, y, 0.07)) for x, y in ((0, 0.17), (0, 0.30)))
    half = 0.042 * body.width * view.unit * view.facing
    canvas.polygon([(top[0] - half, top[1]), (top[0] + half, top[1]), chest], (216, 212, 204))
    closing = shaded(PALETTE[identity.upper.colour], 0.6)
    canvas.line(chest, view.pixel(body.at(0, hem, 0.08)), 0.01 * view.unit, closing)


def _logo(canvas: Canvas, body: Body, view: View, colour: tuple[int, int, int]) -> None:
    """Draw a big disc on the chest, and a small one between the shoulders."""
    front = view.facing > 0
    radius = (0.055 if front else 0.03) * view.unit
    spot = view.pixel(body.at(0, 0.29 if front else 0.24, 0.06 if front else -0.06))
    canvas.ellipse(spot, (radius * abs(view.facing), radius), colour)


def _seam(canvas: Canvas, leg: Leg, view: View, side: Side, colour: tuple[int, int, int], *, knee_only: bool) -> None:
    """Draw the stripe down the outside of a trouser leg, where the camera can see that side."""
    sign = 1 if side == "left" else -1
    if view.depth((sign, 0, 0)) < -0.75:
        return
    joints = (leg.hip, leg.knee) if knee_only else (leg.hip, leg.knee, leg.ankle)
    offsets = (0.042, 0.03, 0.024)
    points = [view.pixel((x + sign * out, y, z)) for (x, y, z), out in zip(joints, offsets, strict=False)]
    for start, end in pairwise(points):
        canvas.line(start, end, 0.026 * view.unit, colour)


def _between(start: Pixel, end: Pixel, share: float) -> Pixel:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
