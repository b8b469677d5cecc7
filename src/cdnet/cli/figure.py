"""``cdnet figure``: the paper's figures that show results, as PNG, SVG or PDF."""

from __future__ import annotations

from importlib import import_module

from cdnet.cli.arguments import choose
from cdnet.shown_text import say_block

FIGURES = ("feature-maps", "t-sne", "ranked", "cmc", "networks")


def main(words: list[str]) -> None:
    """Draw the figure that the first word names."""
    if words[:1] in (["-h"], ["--help"]):
        say_block(
            f"usage: cdnet figure {' | '.join(FIGURES)} ... --out FILE.png\n\n"
            "  feature-maps  where each stage's last feature map is strong (Figure 6)\n"
            "  t-sne         features on both sides of the neck (Figures 7 and 8)\n"
            "  ranked        queries with what the network puts first\n"
            "  cmc           CMC curves of several networks\n"
            "  networks      mAP against milliseconds and against MACs, with a table\n\n"
            "`cdnet figure cmc --help` and so on explain each."
        )
        return
    figure = choose("figure", words, FIGURES)
    import_module(f"cdnet.cli.figure_{figure.replace('-', '_')}").main(words[1:])
