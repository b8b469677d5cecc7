"""CDNet and CNet as their authors published them (solicucu/models): for ReID, for CIFAR-100 and for ImageNet.

Which blocks a network has, its width, its neck and how many identities or classes it was trained on, its names and
shapes say; at which stride its stem works and what its pictures were like, only the release's code does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cdnet.classify.recipe import NORMALS
from cdnet.classify.weights import ClassifierSpec
from cdnet.errors import CdnetError
from cdnet.genotype import Genotype, read_genotype, shipped_genotypes
from cdnet.nn.backbone import STAGE_CHANNELS, STEM_CHANNELS
from cdnet.nn.necks import FC_CHANNELS, SQUEEZE_CHANNELS
from cdnet.published.file import PublishedFile
from cdnet.published.fit import Converted, Names, fill_network, find_width, rows
from cdnet.published.tensors import describe
from cdnet.weights import ModelSpec

ORIGIN = "the authors' release"
STEM = "base.stem.conv1.op.0.weight"
STRIPES = 2
SHIPPED = "cdnet-top2", "cnet-top2"


@dataclass(frozen=True)
class _Pictures:
    """What a data set of classes is like in the release."""

    data: str
    size: tuple[int, int]
    normal: str


CLASSES = {100: _Pictures("cifar100", (32, 32), "cifar100"), 1000: _Pictures("imagenet", (224, 224), "imagenet")}
"""The release's data sets of classes, by how many classes they have; no ReID training set has as many identities."""

IDENTITIES = {751: "Market-1501", 702: "DukeMTMC-reID", 1041: "MSMT17"}
"""The release's ReID data sets, by how many identities they have for training."""

BLOCK_NAMES: Names = (
    (".reduce.", ".squeeze.op."),
    (".branch1.", ".conv1."),
    (".branch2.", ".conv2."),
    (".pointwise.", ".op.0."),
    (".depthwise.", ".op.1."),
    (".bn.", ".op.2."),
    (".gate.squeeze.", ".adaption.fc1."),
    (".gate.restore.", ".adaption.fc2."),
    (".expand.", ".restore.op."),
    (".shortcut.", ".expand.op."),
)
"""Parts of a CBlock; a neck's names are put in their place before."""

NECK_NAMES: Names = (
    ("neck.fneck.squeeze.", "neck.squeeze."),
    ("neck.fneck.head.fc.", "neck.local_fcs.0."),
    ("neck.fneck.head.bn.", "neck.local_fcs.1."),
    ("neck.fneck.head.classifier.", "neck.local_classifier."),
    ("neck.blneck.", "neck."),
    ("neck.head.fc.", "neck.global_fcs.0."),
    ("neck.head.bn.", "neck.global_fcs.1."),
    ("neck.head.classifier.", "neck.global_classifier."),
)

PLAIN_BLNECK_NAMES: Names = (("neck.global_fcs.", "neck.fcs."), ("neck.global_classifier.", "neck.classifier."))
"""The release has BLNeck under two sets of names."""


def recognise(tensors: dict[str, Tensor]) -> bool:
    """Tell whether these are the names of the release's CDNet or CNet."""
    return STEM in tensors and any(name.startswith("base.cells.") for name in tensors)


def take(file: PublishedFile) -> Converted:
    """Return the network that the release's tensors are.

    Without a kind, those for a hundred or a thousand are classifiers of CIFAR-100 and ImageNet, and others are for
    ReID; but CDNet of the release has a 3x3 stem on CIFAR-100, and only there.

    Raises:
        CdnetError: if they are not all of such a network.
    """
    path, tensors, size, kind = file.path, file.tensors, file.size, file.kind
    refusal = f"{path}: not CDNet or CNet as released, for it"
    genotype, names, ends = _read_blocks(tensors, path)
    channels = [rows(tensors, name, refusal) for name in (STEM, *ends)]
    width = find_width(channels, (STEM_CHANNELS, *STAGE_CHANNELS), refusal)
    neck, neck_names = _read_neck(tensors, refusal)
    names = (*neck_names, *names)
    count, notes = _read_count(tensors, refusal)
    kernel = tensors[STEM].shape[-1]
    if kernel not in (3, 7):
        raise CdnetError(f"{refusal} has {STEM} of the shape {describe(tensors[STEM])}")
    what = "no classifier" if count is None else f"a classifier for {count:,}"
    if kernel == 3 and (count != 100 or kind == "reid"):
        raise CdnetError(
            f"{refusal} has the 3x3 stem of CDNet on CIFAR-100, for 100 classes and not for ReID, and {what}"
        )
    if kind == "classes" and count not in CLASSES:
        raise CdnetError(f"{refusal} has {what}, and the release has them for 100 classes or 1,000")
    if kind is None:
        wide = count == 100 and kernel == 7 and any(".ops." in name for name in tensors)  # CNet's cells have no ops
        kind = "classes" if count in CLASSES and not wide else "reid"
    if kind == "classes":
        assert count is not None
        pictures = CLASSES[count]
        mean, std = NORMALS[pictures.normal]
        trained_on = file.trained_on | {"data": pictures.data, "classes": count}
        network = ModelSpec(genotype, width, neck, STRIPES, size or pictures.size, mean, std, trained_on)
        stem = 1 if kernel == 3 else 4
        classifier = ClassifierSpec(network, tuple(map(str, range(count))), stem, kernel)
        with torch.device("meta"):
            empty = classifier.build()
        filled = fill_network(empty, tensors, names, refusal)
        notes.append("its classes go by number, in the order of the release's class folders by name")
        return Converted(filled, classifier, ORIGIN, tuple(notes))
    trained_on = file.trained_on
    if count is not None:
        trained_on = trained_on | {"identities": count}
        known = f", as many as {IDENTITIES[count]} has for training" if count in IDENTITIES else ""
        notes.append(f"trained on {count:,} identities{known}")
    spec = ModelSpec(genotype, width, neck, STRIPES, size or (256, 128), trained_on=trained_on)
    with torch.device("meta"):
        model = spec.build(count)
    return Converted(fill_network(model, tensors, names, refusal), spec, ORIGIN, tuple(notes))


def _read_blocks(tensors: dict[str, Tensor], path: Path) -> tuple[Genotype, Names, list[str]]:
    """Return the genotype, the backbone's names, and the tensors whose rows are the stages' channels."""
    cells: dict[int, dict[int, tuple[set[int], set[int]]]] = {}
    downs: list[int] = []
    nested = False
    for name in tensors:
        block = re.match(r"base\.cells\.(\d{1,3})\.(?:ops\.(\d{1,3})\.)?conv([12])\.(\d{1,3})\.op\.0\.weight$", name)
        if block:
            nested |= block[2] is not None
            branches = cells.setdefault(int(block[1]), {}).setdefault(int(block[2] or 0), (set(), set()))
            branches[int(block[3]) - 1].add(int(block[4]))
        sample = re.match(r"base\.cells\.(\d{1,3})\.conv1x1\.op\.0\.weight$", name)
        if sample:
            downs.append(int(sample[1]))
    if not cells or len(downs) != 2:
        raise CdnetError(
            f"{path}: not CDNet or CNet as released, for it has no three stages of blocks with two branches"
        )
    stages: list[list[list[int]]] = [[], [], []]
    names: list[tuple[str, str]] = [
        ("backbone.stem.0.", "base.stem.conv1.op.0."),
        ("backbone.stem.1.", "base.stem.conv1.op.1."),
    ]
    downs.sort()
    for number, down in enumerate(downs, start=1):
        names.append((f"backbone.down{number}.", f"base.cells.{down}.conv1x1.op."))
    last = 0
    for cell, blocks in sorted(cells.items()):
        stage = sum(cell > down for down in downs)
        place = len(stages[stage])
        first, second = blocks[min(blocks)]
        stages[stage].append([2 * len(first) + 1, 2 * len(second) + 1, len(blocks)])
        ours = f"backbone.stage{stage + 1}.{place}."
        names.append((ours, f"base.cells.{cell}.ops.") if nested else (f"{ours}0.", f"base.cells.{cell}."))
        last = cell
    genotype = Genotype.from_json({"name": path.stem, "stages": stages, "source": ORIGIN}, str(path))
    inner = f"base.cells.{last}.ops.0." if nested else f"base.cells.{last}."
    ends = [*(f"base.cells.{down}.conv1x1.op.0.weight" for down in downs), f"{inner}restore.op.0.weight"]
    return _shipped(genotype), (*names, *BLOCK_NAMES), ends


def _shipped(genotype: Genotype) -> Genotype:
    """Return the paper's network of these blocks, if there is one."""
    for name in shipped_genotypes():
        known = read_genotype(name)
        if known.stages == genotype.stages and known.block == genotype.block:
            return known
    return genotype


def _read_neck(tensors: dict[str, Tensor], refusal: str) -> tuple[str, Names]:
    necks = {name.split(".")[1] for name in tensors if name.startswith("neck.")}
    if "fc" in necks or "bnneck" in necks:
        raise CdnetError(f"{refusal} has the release's STDNeck, and FBLNeck and BLNeck are read")
    if not necks:
        raise CdnetError(f"{refusal} has no neck, and its features depend on that")
    if "squeeze" in necks:
        return "fblneck", NECK_NAMES
    return "blneck", NECK_NAMES if "global_classifier" in necks else (*NECK_NAMES, *PLAIN_BLNECK_NAMES)


def _read_count(tensors: dict[str, Tensor], refusal: str) -> tuple[int | None, list[str]]:
    """Return how many identities or classes the classifiers are for, None without, and what is to be said of that."""
    if not any(re.match(r"neck\.\w*(fcs|classifier)\.", name) for name in tensors):
        return None, [f"it has no classifiers, which would tell the stripes; {STRIPES} are what the release has"]
    local = tensors.get("neck.local_fcs.0.weight")
    if local is not None and local.dim() == 2 and local.shape != (FC_CHANNELS, SQUEEZE_CHANNELS * STRIPES):
        raise CdnetError(
            f"{refusal} has neck.local_fcs.0.weight of the shape {describe(local)}, and {STRIPES} stripes make it "
            f"{FC_CHANNELS}x{SQUEEZE_CHANNELS * STRIPES}"
        )
    counts = [
        rows(tensors, f"neck.{one}.weight", refusal)
        for one in ("global_classifier", "classifier")
        if f"neck.{one}.weight" in tensors
    ]
    if not counts or counts[0] < 1:
        raise CdnetError(f"{refusal} has only a part of its neck's classifiers")
    return counts[0], []
