"""``cdnet info``: what a network is made of, and what it costs."""

from __future__ import annotations

import json
from typing import Any

from cdnet.cli.arguments import parser
from cdnet.shown_text import say, say_block


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
    counts = count_network(options.genotype, options.width, options.size, options.neck)
    if options.json:
        say(json.dumps({key: value for key, value in counts.items() if key != "stages"}))
    else:
        say_block(as_table(counts))


def count_network(genotype: str, width: float, size: str, neck: str = "fblneck") -> dict[str, Any]:
    """Count a network stage by stage, with what its neck has at inference: FBLNeck's is FNeck's squeeze.

    Returns:
        ``genotype``, ``width``, ``size``, ``neck``, ``params_backbone``, ``macs_backbone``, and ``params``, ``macs``
        with the neck; ``stages`` maps each part's name to what it is, its output's shape, parameters and MACs.
    """
    from cdnet.model_input import parse_size
    from cdnet.nn.counts import count, count_stages
    from cdnet.nn.model import create_model

    height, across = parse_size(size)
    model = create_model(genotype, width, neck)
    backbone = count(model.backbone, height, across)
    whole = count(model, height, across)
    return {
        "genotype": genotype,
        "width": width,
        "size": size,
        "neck": neck,
        "params_backbone": backbone.params,
        "macs_backbone": backbone.macs,
        "params": whole.params,
        "macs": whole.macs,
        "stages": count_stages(model.backbone, height, across),
    }


def as_table(counts: dict[str, Any]) -> str:
    """Return the counts as an aligned text table."""
    lines = [f"{counts['genotype']}, width {counts['width']:g}, input {counts['size']}", ""]
    lines.append(f"{'stage':8}{'output':>16}{'parameters':>14}{'MACs':>16}  blocks")
    for stage in counts["stages"]:
        shape = "x".join(map(str, stage.shape))
        lines.append(f"{stage.name:8}{shape:>16}{stage.params:>14,}{stage.macs:>16,}  {stage.blocks}".rstrip())
    neck = counts["params"] - counts["params_backbone"], counts["macs"] - counts["macs_backbone"]
    lines.append(f"{'backbone':24}{counts['params_backbone']:>14,}{counts['macs_backbone']:>16,}")
    lines.append(f"{counts['neck']:24}{neck[0]:>14,}{neck[1]:>16,}")
    lines.append(f"{'in all':24}{counts['params']:>14,}{counts['macs']:>16,}")
    return "\n".join(lines)
