"""Bags and carried things."""

from cdnet.draw.canvas import Canvas, Pixel, shaded
from cdnet.draw.identity import PALETTE, Belonging
from cdnet.draw.pose import Body, Point, View

_PAPER = (206, 178, 138)


def _box(canvas: Canvas, view: View, centre: Point, half: Point, colour: tuple[int, int, int]) -> None:
    """Draw a box with a darker rim and a lighter lid."""
    x, y, z = centre

    def corners(top: float, bottom: float, grow: float) -> list[Pixel]:
        across, through = half[0] + grow, half[2] + grow
        return [
            view.pixel((x + i * across, level, z + k * through))
            for i in (-1, 1)
            for level in (top, bottom)
            for k in (-1, 1)
        ]

    canvas.hull(corners(y - half[1] - 0.006, y + half[1] + 0.006, 0.006), shaded(colour, 0.62))
    canvas.hull(corners(y - half[1], y + half[1], 0.0), colour)
    canvas.hull(corners(y - half[1], y - 0.45 * half[1], 0.0), shaded(colour, 1.18))


def depth_of(thing: Belonging, body: Body, view: View) -> float:
    """Tell how near to the camera a thing is, compared with the middle of the body."""
    return view.depth(_place(thing, body))


def draw_belonging(canvas: Canvas, thing: Belonging, body: Body, view: View) -> None:
    """Draw a bag or a carried thing where it hangs, stands or is held."""
    colour, place, unit = PALETTE[thing.colour], _place(thing, body), view.unit
    hand, (x, y, z) = body.arms[thing.side].hand, place
    if thing.kind == "backpack":
        _box(canvas, view, place, (0.098, 0.115, 0.045), colour)
        if view.facing < -0.2:
            pocket = (x, y + 0.055, z - 0.045)
            _box(canvas, view, pocket, (0.06, 0.035, 0.01), shaded(colour, 0.85))
    elif thing.kind == "shoulder bag":
        _box(canvas, view, place, (0.036, 0.062, 0.085), colour)
    elif thing.kind == "handbag":
        for dz in (-0.04, 0.04):
            canvas.line(view.pixel(hand), view.pixel((x, y - 0.05, z + dz)), 0.012 * unit, shaded(colour, 0.6))
        _box(canvas, view, place, (0.03, 0.05, 0.08), colour)
    elif thing.kind == "shopping":
        _box(canvas, view, place, (0.045, 0.085, 0.06), _PAPER)
        _box(canvas, view, (x, y + 0.02, z), (0.047, 0.035, 0.062), colour)
    elif thing.kind == "suitcase":
        canvas.line(view.pixel(hand), view.pixel((x, y - 0.12, z)), 0.016 * unit, (70, 70, 76))
        _box(canvas, view, place, (0.075, 0.125, 0.05), colour)
    elif thing.kind == "umbrella":
        top, tip = view.pixel((x, y - 0.2, z)), view.pixel((x, y + 0.2, z + 0.03))
        canvas.limb(top, tip, 0.03 * unit, 0.008 * unit, colour)
        canvas.line(view.pixel(hand), top, 0.014 * unit, (110, 74, 46))
    else:
        _box(canvas, view, place, (0.075, 0.06, 0.055), colour)


def draw_straps(canvas: Canvas, thing: Belonging, body: Body, view: View) -> None:
    """Draw what holds a bag on the trunk: shoulder straps seen from the front, a band slung across."""
    colour, width = shaded(PALETTE[thing.colour], 0.66), 0.026 * view.unit
    sign = 1 if thing.side == "left" else -1
    if thing.kind == "backpack" and view.facing > -0.35:
        for strap in (-1, 1):
            if view.depth((strap, 0, 0)) > -0.8:
                over = view.pixel(body.at(strap * 0.072 * body.width, 0.172, 0.02))
                under = view.pixel(body.at(strap * 0.085 * body.width, 0.34, 0.075))
                canvas.line(over, under, width, colour)
    elif thing.kind == "shoulder bag":
        z = 0.075 if view.facing > 0 else -0.075
        over = view.pixel(body.at(-sign * 0.075 * body.width, 0.172, 0.0))
        under = view.pixel(body.at(sign * 0.12 * body.width, 0.48, 0.3 * z))
        middle = view.pixel(body.at(sign * 0.02, 0.33, z))
        canvas.line(over, middle, width, colour)
        canvas.line(middle, under, width, colour)


def _place(thing: Belonging, body: Body) -> Point:
    sign = 1 if thing.side == "left" else -1
    x, y, z = body.arms[thing.side].hand
    if thing.kind == "backpack":
        return body.at(0.0, 0.305, -0.12)
    if thing.kind == "shoulder bag":
        return sign * 0.15 * body.width, 0.53, 0.0
    if thing.kind == "handbag":
        return x + sign * 0.01, y + 0.1, z
    if thing.kind == "shopping":
        return x + sign * 0.012, y + 0.1, z
    if thing.kind == "suitcase":
        return x + sign * 0.05, 0.86, z - 0.12
    if thing.kind == "umbrella":
        return x + sign * 0.02, y + 0.19, z + 0.02
    return x - sign * 0.03, y, z + 0.03
