"""``cdnet convert``: published weights in our form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cdnet.cli.arguments import UsageError, parser
from cdnet.shown_text import say, shell_command

if TYPE_CHECKING:
    from cdnet.published import Converted

DESCRIPTION = """\
Turn published weights into weights that every command takes. Read are: the authors' CDNet and CNet (solicucu/models),
for ReID, CIFAR-100 and ImageNet; torchreid's OSNet at any width, without instance norm; and ResNet-50 by torchvision's
names. The file may be a state dict or a training checkpoint of torch, or safetensors. Nothing in it is run."""


def main(words: list[str]) -> None:
    """Convert a published file and say what it holds."""
    made = parser("convert", DESCRIPTION)
    made.add_argument("published", type=Path, help="a .pth, .pth.tar or .safetensors file")
    made.add_argument("--out", type=Path, help="the .safetensors file to write")
    made.add_argument(
        "--size",
        help="height x width of the pictures that the network gets; if not given 256x128 for ReID, 32x32 for CIFAR-100 "
        "and 224x224 for ImageNet",
    )
    made.add_argument(
        "--kind",
        choices=("reid", "classes"),
        help="what the authors' network is for; if not given, 100 classes are those of CIFAR-100, 1,000 those of "
        "ImageNet, and any other number are identities",
    )
    options = made.read(words)
    if options.out is None:
        raise UsageError("no file to write; give one with --out")
    if options.out.suffix != ".safetensors":
        raise UsageError(f"--out {options.out}: what is written is a .safetensors file; name it so")
    if _same_file(options.out, options.published):
        raise UsageError(f"--out {options.out}: this is the published file itself; name another")

    from cdnet.files import refuse_unwritable
    from cdnet.model_input import parse_size
    from cdnet.published import convert

    size = None if options.size is None else parse_size(options.size)
    refuse_unwritable(options.out)
    converted = convert(options.published, size, options.kind)
    converted.save(options.out)
    _describe(converted, options.out)


def _same_file(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve() or (one.exists() and other.exists() and one.samefile(other))


def _describe(converted: Converted, out: Path) -> None:
    from cdnet.classify.weights import ClassifierSpec
    from cdnet.genotype import Genotype, shipped_genotypes
    from cdnet.nn.counts import count_params

    spec = converted.network
    classifier = converted.spec if isinstance(converted.spec, ClassifierSpec) else None
    name = spec.genotype.name if isinstance(spec.genotype, Genotype) else spec.genotype
    kept = spec.build() if classifier is None else converted.model
    size = "x".join(map(str, spec.size))
    say(f"{out}: {name}, width {spec.width:g}, {spec.neck}, {count_params(kept):,} parameters, pictures of {size}")
    say(f"from {converted.origin}; {'; '.join(converted.notes)}" if converted.notes else f"from {converted.origin}")
    quoted = shell_command([str(out)])
    if classifier is None and converted.exact:
        say(f"evaluate it: cdnet evaluate {quoted} --data.root DIR")
    if classifier is not None and classifier.kernel != 7:
        say("its stem is 3x3, so that no network for ReID can start from it")
    elif isinstance(spec.genotype, str) or name in shipped_genotypes():
        network = f"--genotype {name} --width {spec.width:g}"
        say(f"train from it: cdnet train {network} --init {quoted} --data.root DIR --out RUN")
