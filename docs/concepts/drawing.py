"""Boxes, arrows and letters as SVG, the same text each time."""

from __future__ import annotations

from html import escape

INK, FAINT, PAPER = "#1b1f24", "#5f6670", "#ffffff"
PLAIN, BLUE, ORANGE, GREEN = "#eef0f3", "#cfe3f2", "#fbe3b8", "#cdeadf"
LETTER, LINE = 14, 18


class Drawing:
    """A picture of the given width and height in pixels, with a title and a description for those who cannot see it."""

    def __init__(self, width: int, height: int, title: str, description: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'font-family="Helvetica, Arial, sans-serif" font-size="{LETTER}" fill="{INK}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(description)}</desc>",
            f'<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            f'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" fill="{INK}"/></marker></defs>',
            f'<rect width="{width}" height="{height}" rx="6" fill="{PAPER}"/>',
        ]

    def box(self, x: float, y: float, width: float, height: float, text: str = "", fill: str = PLAIN) -> None:
        """A box from its upper left corner, with lines of text in its middle."""
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" fill="{fill}" stroke="{INK}"/>'
        )
        self.text(x + width / 2, y + height / 2, text)

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        """A dashed frame around other things."""
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8" fill="none" stroke="{FAINT}" '
            'stroke-dasharray="6 4"/>'
        )

    def text(self, x: float, y: float, text: str, anchor: str = "middle", fill: str = INK) -> None:
        """Lines of text around a point."""
        lines = text.split("\n") if text else []
        first = y - LINE * (len(lines) - 1) / 2 + LETTER * 0.35
        for number, line in enumerate(lines):
            self._parts.append(
                f'<text x="{x:g}" y="{first + LINE * number:g}" text-anchor="{anchor}" fill="{fill}">'
                f"{escape(line)}</text>"
            )

    def path(self, *points: tuple[float, float], head: bool = True, dashed: bool = False) -> None:
        """A line through points, with an arrow's head at its end."""
        drawn = " ".join(f"{x:g},{y:g}" for x, y in points)
        more = ' stroke-dasharray="5 4"' if dashed else ""
        more += ' marker-end="url(#head)"' if head else ""
        self._parts.append(f'<polyline points="{drawn}" fill="none" stroke="{INK}"{more}/>')

    def sign(self, x: float, y: float, sign: str) -> None:
        """A circle with a sign in it."""
        self._parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="11" fill="{PAPER}" stroke="{INK}"/>')
        self.text(x, y, sign)

    def svg(self) -> str:
        """The whole file."""
        return "\n".join([*self._parts, "</svg>"]) + "\n"
