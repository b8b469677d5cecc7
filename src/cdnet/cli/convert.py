"""``cdnet convert``: published weights of other projects in our form."""

from __future__ import annotations

from pathlib import Path

from cdnet.cli.arguments import UsageError, parser
from cdnet.shown_text import say, shell_command


def main(words: list[str]) -> None:
    """Convert a published file and say what it holds."""
    made = parser("convert", "Turn published weights of OSNet or ResNet-50 into weights that every command takes.")
    made.add_argument("published", type=Path, help="a .pth file of torchreid's OSNet or torchvision's ResNet-50")
    made.add_argument("--out", type=Path, help="the .safetensors file to write")
    made.add_argument("--size", default="256x128", help="height x width of the pictures that the network gets")
    options = made.read(words)
    if options.out is None:
        raise UsageError("no file to write; give one with --out")
    if options.out.suffix != ".safetensors":
        raise UsageError(f"--out {options.out}: what is written is a .safetensors file; name it so")
    if options.out.resolve() == options.published.resolve():
        raise UsageError(f"--out {options.out}: this is the published file itself; name another")

    from cdnet.data.recipe import parse_size
    from cdnet.nn.counts import count_params
    from cdnet.published import convert
    from cdnet.weights import save_weights, try_on_shapes

    model, spec = convert(options.published, parse_size(options.size))
    try_on_shapes(spec)
    save_weights(options.out, model, spec)
    network, out = f"--genotype {spec.genotype} --width {spec.width:g}", shell_command([str(options.out)])
    say(f"{options.out}: {spec.genotype}, width {spec.width:g}, {spec.neck}, {count_params(model):,} parameters")
    say(f"evaluate it: cdnet evaluate {out} --data.root DIR")
    say(f"train from it: cdnet train {network} --init {out} --data.root DIR --out RUN")
