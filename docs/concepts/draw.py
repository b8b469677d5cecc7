"""Draw the figures of the page on concepts, from the code that they explain: ``python docs/concepts/draw.py``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))

from drawing import BLUE, FAINT, GREEN, ORANGE, PLAIN, Drawing

from cdnet.genotype import read_genotype
from cdnet.nn.backbone import Backbone
from cdnet.nn.necks import FC_CHANNELS, SQUEEZE_CHANNELS, create_neck
from cdnet.search.gate import top_k
from cdnet.search.space import CDS, CS

SIZE = (256, 128)


def network() -> Drawing:
    """Stem, stages and DownSamples with the shapes between them, and what the neck gets."""
    drawing = Drawing(
        980,
        210,
        "CDNet from the picture to the neck",
        "A row of boxes: stem, stage 1, DownSample, stage 2, DownSample, stage 3, FBLNeck, with the shape of what goes "
        "from one to the next. The neck gets fmap2, what the second DownSample gives, and fmap3, what stage 3 gives.",
    )
    with torch.device("meta"):
        net = Backbone(read_genotype("cdnet"))
        x = torch.empty(1, 3, *SIZE)
    parts = [
        ("stem", net.stem, PLAIN),
        ("stage 1\n2 CDBlocks", net.stage1, BLUE),
        ("Down-\nSample", net.down1, PLAIN),
        ("stage 2\n2 CDBlocks", net.stage2, BLUE),
        ("Down-\nSample", net.down2, PLAIN),
        ("stage 3\n2 CDBlocks", net.stage3, BLUE),
    ]
    left, middle = 20, 110.0
    drawing.text(left + 40, 60, shape_of(x))
    for name, part, fill in parts:
        drawing.path((left, middle), (left + 40, middle))
        drawing.box(left + 40, 80, 90, 60, name, fill)
        x = part(x)
        drawing.text(left + 150, 60, shape_of(x))
        left += 130
    drawing.path((left, middle), (left + 60, middle))
    drawing.text(left + 32, middle + 14, "fmap3")
    drawing.path((680, middle), (680, 180), (left + 105, 180), (left + 105, 140))
    drawing.text(left - 20, 168, "fmap2")
    drawing.box(left + 60, 80, 90, 60, "FBLNeck", ORANGE)
    drawing.text(left + 105, 60, f"{create_neck('fblneck', net.channels).feature_dim} numbers")
    return drawing


def shape_of(x: torch.Tensor) -> str:
    """Channels, height and width of a map 1 x C x H x W."""
    return "x".join(map(str, x.shape[1:]))


def spaces() -> Drawing:
    """What an MBlock chooses among in CS and CDS, and what CDNet and CNet are."""
    candidates, column, row, left, top = CDS.candidates, 92, 24, 150, 70
    cdnet, cnet = (
        [choice for stage in read_genotype(name).stages for choice in stage] for name in ("cdnet-top2", "cnet-top2")
    )
    bottom = top + row * len(candidates)
    drawing = Drawing(
        left + column * CDS.mblocks + 120,
        bottom + 60,
        "The spaces CS and CDS, with CDNet and CNet in them",
        "A table of six MBlocks, two a stage, by twelve candidates: six kernel pairs, once or twice. A filled sign "
        "stands where CDNet is, a hollow one where CNet is. CS has the six rows of one CBlock only.",
    )
    for number in range(CDS.mblocks):
        stage = sum(number >= sum(CDS.blocks[: end + 1]) for end in range(2)) + 1
        drawing.text(left + column * (number + 0.5), 30, f"stage {stage}", fill=FAINT)
        drawing.text(left + column * (number + 0.5), 50, f"MBlock {number + 1}")
    for number, choice in enumerate(candidates):
        middle = top + row * (number + 0.5)
        drawing.text(left - 16, middle, f"Lite {choice.k1}, Lite {choice.k2}; {choice.repeats}x", "end")
        for block in range(CDS.mblocks):
            drawing.box(left + column * block, top + row * number, column, row, "", "#ffffff")
            signs = ("●" if cdnet[block] == choice else "") + (" ○" if cnet[block] == choice else "")
            drawing.text(left + column * (block + 0.5), middle, signs)
    right = left + column * CDS.mblocks + 14
    middle, end = top + row * len(CS.candidates), bottom
    drawing.path((right, top + 2), (right + 8, top + 2), (right + 8, middle - 2), (right, middle - 2), head=False)
    drawing.text(right + 16, (top + middle) / 2, f"CS\n6^6 = {CS.size:,}", "start")
    drawing.path((right, middle + 2), (right + 8, middle + 2), (right + 8, end - 2), (right, end - 2), head=False)
    drawing.text(right + 16, (middle + end) / 2, "with these\nCDS\n12^6 =\n" + f"{CDS.size:,}", "start")
    drawing.text(left, bottom + 30, "● CDNet (top-2)     ○ CNet (top-2)", "start")
    return drawing


def cblock() -> Drawing:
    """The CBlock of the pair (3, 7)."""
    drawing = Drawing(
        980,
        330,
        "CBlock with the kernels 3 and 7",
        "A 1x1 convolution to a quarter of the channels; then Lite 3, one Lite 3x3, beside Lite 7, three of them; one "
        "gate weighs each channel of both; their sum; a 1x1 convolution to all channels; the shortcut is added, then "
        "ReLU.",
    )
    middle = 145.0
    drawing.text(40, middle - 14, "CxHxW")
    drawing.path((10, middle), (80, middle))
    drawing.box(80, 115, 90, 60, "1x1, BN,\nReLU to\nC'/4")
    for y, count, name in ((70, 3 // 2, "Lite 3"), (220, 7 // 2, "Lite 7")):
        drawing.path((170, middle), (200, middle), (200, y), (230, y))
        drawing.frame(222, y - 48, 105 * count - 4, 78)
        drawing.text(230, y - 36, name, "start", FAINT)
        for number in range(count):
            drawing.box(230 + 105 * number, y - 22, 85, 44, "Lite 3x3", BLUE)
            if number:
                drawing.path((210 + 105 * number, y), (230 + 105 * number, y))
        drawing.path((230 + 105 * count - 20, y), (629, y))
        drawing.sign(640, y, "x")
        drawing.path((580, y), (580, 115 if y < middle else 175))
    drawing.box(540, 115, 80, 60, "gate", ORANGE)
    drawing.path((600, 115), (600, 96), (634, 80), dashed=True)
    drawing.path((600, 175), (600, 194), (634, 211), dashed=True)
    drawing.path((651, 70), (690, 70), (690, 134))
    drawing.path((651, 220), (690, 220), (690, 156))
    drawing.sign(690, middle, "+")
    drawing.path((701, middle), (740, middle))
    drawing.box(740, 115, 80, 60, "1x1, BN\nto C'")
    drawing.path((820, middle), (849, middle))
    drawing.sign(860, middle, "+")
    drawing.path((60, middle), (60, 300), (860, 300), (860, 156))
    drawing.text(460, 287, "shortcut: the input itself, or 1x1 and BN where C' is not C", fill=FAINT)
    drawing.path((871, middle), (890, middle))
    drawing.box(890, 125, 60, 40, "ReLU")
    drawing.text(920, 108, "C'xHxW")
    drawing.path((950, middle), (975, middle))
    return drawing


def cdblock() -> Drawing:
    """A CDBlock that repeats its CBlock twice."""
    drawing = Drawing(
        620,
        130,
        "CDBlock of two CBlocks",
        "Two CBlocks of one kernel pair in a row. The first one changes the channels from C to C', the second keeps "
        "them.",
    )
    drawing.text(50, 46, "CxHxW")
    drawing.path((20, 60), (90, 60))
    drawing.box(90, 30, 150, 60, "CBlock (k1, k2)\nC to C'", BLUE)
    drawing.text(285, 46, "C'xHxW")
    drawing.path((240, 60), (330, 60))
    drawing.frame(320, 18, 170, 84)
    drawing.box(330, 30, 150, 60, "CBlock (k1, k2)\nC' to C'", BLUE)
    drawing.path((480, 60), (590, 60))
    drawing.text(545, 46, "C'xHxW")
    drawing.text(405, 116, "if it repeats", fill=FAINT)
    return drawing


def fblneck() -> Drawing:
    """FBLNeck, with what inference drops in a frame."""
    drawing = Drawing(
        980,
        300,
        "FBLNeck in training and at inference",
        "Above, BLNeck: fmap3, its average, the triplet loss on it; then a fully connected layer, a classifier and the "
        "softmax loss. Below, FNeck: fmap2, squeezed, its stripes' averages, and the same. Inference drops the fully "
        "connected layers and classifiers, and joins the two features on which the triplet losses are.",
    )
    with torch.device("meta"):
        backbone = Backbone(read_genotype("cdnet"))
        maps = backbone(torch.empty(1, 3, *SIZE))
    neck = create_neck("fblneck", backbone.channels)
    upper, lower = (create_neck(name, backbone.channels).feature_dim for name in ("blneck", "fneck"))
    drawing.frame(560, 14, 405, 270)
    drawing.text(762, 150, "in training alone", fill=FAINT)
    for y, name, fmap, width in ((70, "fmap3", maps.fmap3, upper), (230, "fmap2", maps.fmap2, lower)):
        drawing.text(58, y, f"{name}\n{shape_of(fmap)}")
        if name == "fmap3":
            drawing.path((110, y), (270, y))
            drawing.box(270, y - 28, 110, 56, "average", GREEN)
        else:
            drawing.path((110, y), (140, y))
            drawing.box(140, y - 28, 100, 56, f"1x1 to {SQUEEZE_CHANNELS}", GREEN)
            drawing.path((240, y), (270, y))
            drawing.box(270, y - 28, 110, 56, "averages of\n2 stripes", GREEN)
        drawing.path((380, y), (430, y))
        drawing.box(430, y - 28, 90, 56, f"feats_tri\n{width}", BLUE)
        drawing.path((520, y), (580, y))
        drawing.box(580, y - 28, 110, 56, f"fc, BN, ReLU\n{FC_CHANNELS}", ORANGE)
        drawing.path((690, y), (720, y))
        drawing.box(720, y - 28, 90, 56, "classifier", ORANGE)
        drawing.path((810, y), (845, y))
        drawing.text(902, y, "softmax loss")
        above = y < 150
        drawing.path((545, y), (545, 116 if above else 184), (580, 116 if above else 184))
        drawing.text(588, 116 if above else 184, "triplet loss", "start")
        drawing.path((475, 98 if above else 202), (475, 128 if above else 172), head=False)
    drawing.path((475, 128), (475, 172), head=False)
    drawing.path((475, 150), (410, 150))
    drawing.text(400, 150, f"at inference: both joined, {neck.feature_dim} numbers", "end")
    return drawing


def top_k_figure() -> Drawing:
    """One MBlock in a step of the search."""
    alpha = torch.tensor([0.1, 0.9, 0.3, 0.2, 0.6, 0.05, 0.4, 1.1, 0.15, 0.5, 0.25, 0.35])
    shares = alpha.softmax(0).tolist()
    chosen = top_k(alpha, torch.Generator().manual_seed(0), 2).branches
    drawing = Drawing(
        760,
        70 + 24 * len(shares),
        "An MBlock in a step of top-2 sample search",
        "Twelve branches with the softmax probabilities of their alphas, an example. The two most probable ones are "
        "computed and added, each with weight 1; the other ten are not computed.",
    )
    drawing.text(150, 26, "candidate", "end")
    drawing.text(170, 26, "its probability p, the softmax of alpha", "start")
    for number, (choice, share) in enumerate(zip(CDS.candidates, shares, strict=True)):
        y = 56 + 24 * number
        taken = number in chosen
        drawing.text(150, y, f"Lite {choice.k1}, Lite {choice.k2}; {choice.repeats}x", "end")
        drawing.box(170, y - 9, 1100 * share, 18, "", BLUE if taken else PLAIN)
        drawing.text(178 + 1100 * share, y, f"{share:.2f}", "start", "#1b1f24" if taken else FAINT)
        if taken:
            drawing.path((225 + 1100 * share, y), (450, y))
            drawing.box(450, y - 12, 80, 24, "CDBlock", BLUE)
            drawing.path((530, y), (600, y), (600, 180 + (11 if y > 180 else -11)))
            drawing.text(562, y - 12, "x 1")
    drawing.sign(600, 180, "+")
    drawing.path((611, 180), (640, 180))
    drawing.text(648, 180, "output", "start")
    drawing.text(
        450,
        56 + 24 * 10.5,
        "the other ten are not computed;\nthe gradient to alpha is that of the two p",
        "start",
        FAINT,
    )
    return drawing


FIGURES: dict[str, Callable[[], Drawing]] = {
    "network.svg": network,
    "spaces.svg": spaces,
    "cblock.svg": cblock,
    "cdblock.svg": cdblock,
    "fblneck.svg": fblneck,
    "top-k.svg": top_k_figure,
}

if __name__ == "__main__":
    for name, figure in FIGURES.items():
        Path(__file__).with_name(name).write_text(figure().svg(), "utf-8")
