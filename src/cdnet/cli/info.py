"""``cdnet info``: what a network is made of, and what it costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cdnet.cli.arguments import parser
from cdnet.shown_text import say, say_block

if TYPE_CHECKING:
    from cdnet.nn.counts import NetworkCounts


def main(words: list[str]) -> None:
    """Print stages, parameters and MACs."""
    made = parser("info", "Print the stages, parameters and MACs of a network.")
    made.add_argument("genotype", nargs="?", default="cdnet", help="a shipped name, a genotype file, or a baseline")
    made.add_argument("--width", type=float, default=1.0, help="width multiplier beta")
    made.add_argument("--size", default="256x128", help="height x width of the input")
    made.add_argument("--neck", default="fblneck", help="the neck, as inference has it")
    made.add_argument("--json", action="store_true", help="print one JSON object")
    made.add_argument("--list", action="store_true", help="print the names of genotypes and baselines and stop")
    options = made.read(words)
    if options.list:
        from cdnet.genotype import shipped_genotypes
        from cdnet.nn.baselines import BASELINES

        say(*shipped_genotypes(), *BASELINES)
        return

    from cdnet.nn.counts import count_network

    counts = count_network(options.genotype, options.width, options.size, options.neck)
    if options.json:
        named = {"genotype": counts.genotype, "width": counts.width, "size": counts.size, "neck": counts.neck}
        backbone = {f"{key}_backbone": number for key, number in counts.backbone._asdict().items()}
        say(json.dumps(named | backbone | counts.whole._asdict()))
    else:
        say_block(_as_table(counts))


def _as_table(counts: NetworkCounts) -> str:
    lines = [f"{counts.genotype}, width {counts.width:g}, input {counts.size}", ""]
    lines.append(f"{'stage':8}{'output':>16}{'parameters':>14}{'MACs':>16}  blocks")
    for stage in counts.stages:
        shape = "x".join(map(str, stage.shape))
        lines.append(f"{stage.name:8}{shape:>16}{stage.params:>14,}{stage.macs:>16,}  {stage.blocks}".rstrip())
    for name, part in (("backbone", counts.backbone), (counts.neck, counts.of_neck), ("in all", counts.whole)):
        lines.append(f"{name:24}{part.params:>14,}{part.macs:>16,}")
    return "\n".join(lines)
