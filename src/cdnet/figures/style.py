"""What all figures share: sizes and letters for print, colours and shapes, and files that come out the same each time.

Nothing is told by colour alone: every colour comes with a marker, a line style or a sign.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError
from cdnet.figures.lettering import families, missing
from cdnet.files import write_atomically
from cdnet.progress import notes
from cdnet.report import charts
from cdnet.shown_text import harmless

log = notes(__name__)

COLUMN, PAGE = 3.5, 7.16
"""Widths of one column and of both, in inches, as conference papers have them."""

ENDINGS = (".png", ".svg", ".pdf")
DPI = 300
MOST_DPI = 1200

INK, FAINT = charts.INK, charts.FAINT

LINE_COLOURS = (*charts.SERIES, "#00735a", INK)
LINE_STYLES: tuple[Any, ...] = (*charts.LINES, (0, (6, 1, 1, 1, 1, 1)), (0, (9, 2)))
LINE_MARKERS = (*charts.MARKERS, "v", "P")

# Okabe and Ito's eight. The pale ones are for filled shapes with a dark edge, not for lines on white.
POINT_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#f0e442", "#d55e00", "#56b4e9", "#1b1f24", "#cc79a7")
POINT_MARKERS = ("o", "s", "^", "D", "P", "v", "X", "*")

RIGHT, WRONG = "#0072b2", "#d55e00"

_STYLE: dict[Any, Any] = {
    "text.parse_math": False,  # a name with two dollar signs is no formula
    "text.usetex": False,
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "figure.constrained_layout.w_pad": 0.03,
    "figure.constrained_layout.h_pad": 0.04,
    "image.interpolation": "none",
    "image.composite_image": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "cdnet",
    "pdf.fonttype": 42,
}


class Drawn(NamedTuple):
    """A figure, and in words what it shows, which goes into its file for those who cannot see it."""

    figure: Figure
    title: str
    about: str


@contextmanager
def paper_style(names: Iterable[str] = ()) -> Iterator[None]:
    """Draw in the style of all figures within the block, with letters for ``names``, in whatever script they are."""
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_STYLE, "font.family": families(names)}):
        yield


def new_figure(width: float, height: float, arranged: bool = True) -> Figure:
    """Return an empty figure of a size in inches, which is never shown on a screen.

    Args:
        width: in inches.
        height: in inches.
        arranged: whether matplotlib is to arrange its panels, rather than :func:`picture_panel`.
    """
    figure = Figure(figsize=(width, height), layout="constrained" if arranged else None)
    FigureCanvasAgg(figure)
    return figure


def picture_panel(figure: Figure, picture: Pixels, left: float, top: float, width: float) -> Any:
    """Put a picture H x W x 3 into a figure and return its axes; lengths are inches from the upper left corner."""
    whole_width, whole_height = figure.get_size_inches()
    height = width * picture.shape[0] / picture.shape[1]
    ax = figure.add_axes(
        (left / whole_width, 1 - (top + height) / whole_height, width / whole_width, height / whole_height)
    )
    ax.imshow(picture, aspect="auto")
    ax.set_axis_off()
    return ax


def check_target(path: Path, dpi: int = DPI) -> None:
    """Refuse a file that no figure can be written to, before anything is computed for it.

    Raises:
        CdnetError: if the ending is unknown, or the dots per inch are not 50 to ``MOST_DPI``.
    """
    if path.suffix.lower() not in ENDINGS:
        raise CdnetError(f"{path}: the ending says the format of a figure; use {', '.join(ENDINGS)}")
    if not 50 <= dpi <= MOST_DPI:
        raise CdnetError(f"--dpi must be from 50 to {MOST_DPI}, not {dpi}")


def save(path: Path, drawn: Drawn, dpi: int = DPI) -> None:
    """Write a figure in the format that its ending says, atomically; the same figure gives the same bytes.

    Args:
        path: ends in .png, .svg or .pdf.
        drawn: the figure with its words.
        dpi: dots per inch of a PNG file, 50 to 1200; the other formats have no dots.

    Raises:
        CdnetError: if the ending or ``dpi`` is none of these, or the file cannot be written.
    """
    path = Path(path)
    check_target(path, dpi)
    kind = path.suffix.lower()[1:]
    words = {"Title": harmless(drawn.title), ("Subject" if kind == "pdf" else "Description"): harmless(drawn.about)}
    # No dates and no versions, so that a figure can be compared with the one made last year.
    nothing = {
        "png": ("Software",),
        "svg": ("Date", "Creator"),
        "pdf": ("CreationDate", "Creator", "Producer"),
    }[kind]
    content = io.BytesIO()
    with paper_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # said below, in a sentence
        drawn.figure.savefig(content, format=kind, dpi=dpi, metadata={**words, **dict.fromkeys(nothing)})
    write_atomically(path, lambda file: file.write(content.getvalue()))
    unknown = missing(text.get_text() for text in drawn.figure.findobj(Text))
    if unknown:
        log.warning(
            f"{path}: no installed font has {' '.join(unknown)}, and boxes stand for them; install one, such as "
            "Noto Sans CJK, or give other names with --labels"
        )
