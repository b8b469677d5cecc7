"""Looking at a file that is there: what it is, whether it gives what its weights give, and how it is to be fed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cdnet.data.cache import Progress, silently
from cdnet.data.decode import resize
from cdnet.errors import CdnetError
from cdnet.export.agreement import NEAR
from cdnet.export.feeds import (
    Ranked,
    Sample,
    drawn_sample,
    mistake,
    name_of,
    rank_feeds,
    usual_feeds,
)
from cdnet.export.files import File, open_file
from cdnet.export.people import draw_people
from cdnet.export.targets import FORMATS, IR, ONNX, PROGRAM, Target
from cdnet.export.trial import run_in_batches, try_file, wanted_features
from cdnet.export.verdict import judge, judge_drawn
from cdnet.runtime.given import Given
from cdnet.runtime.network import digest_of
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import ModelSpec, find_weights, load_model, shipped_weights


@dataclass
class Report:
    """What was found of a file: lines to print, and the mistakes among them."""

    lines: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Opened:
    """A file, its height and width, how it is fed, if that is known, and the program that is to feed it."""

    path: Path
    file: File
    size: tuple[int, int]
    said: Preprocessing | None
    target: Target | None = None


def open_for_check(path: Path, given: Given, target: Target | None) -> Opened:
    """Open a file and gather what is said of its input.

    Raises:
        CdnetError: if it cannot be run, its size is not known, or it is said twice how it is fed.
    """
    if path.suffix.lower() == PROGRAM:
        raise CdnetError(
            f"{path}: reading a .pt2 can run what is in it; `cdnet export` has checked its own as it wrote it"
        )
    if path.suffix.lower() not in (ONNX, IR):
        raise CdnetError(f"{path}: neither an .onnx file nor the .xml of an OpenVINO IR")
    if not path.is_file():
        raise CdnetError(f"{path}: no such file")
    if target is not None and given != Given(given.size):
        raise CdnetError("--for says how the file is fed; leave out --input.channels and the like")
    file = open_file(path)
    if file.said is not None or given.channels is not None or given.range is not None:
        said = given.complete(path, file.size, "input.", file.said)
    else:  # the size alone must be known
        said = None
    size = Given(given.size, "rgb", 1.0).complete(path, file.size, "input.").size if said is None else said.size
    if target is not None and not (target.name == "plain" and said is not None):
        said = target.outside(ModelSpec("osnet", size=size))
    return Opened(path, file, size, said, target)


def check_file(
    opened: Opened, weights: Path | None = None, sample: Sample | None = None, progress: Progress = silently
) -> Report:
    """Look at a file.

    Args:
        opened: the file.
        weights: those that it was made from; None means the shipped ones that it names, if it does.
        sample: pictures to rank; None means drawn ones, unless the weights show how it is to be fed.
        progress: shows how far it is.

    Raises:
        CdnetError: if the file cannot be run.
    """
    report = Report([_shape(opened)])
    if opened.file.said is not None:
        report.lines.append(_facts(opened))
    report.lines += _notes(opened)
    report.mistakes += _unfit(opened)
    _batches_agree(opened, report)
    known, proven = _compare(opened, weights, report)
    if sample is not None or not known:
        _feed(opened, sample or drawn_sample(opened.size), proven, report, progress)
    return report


def _batches_agree(opened: Opened, report: Report) -> None:
    # A picture's features are to be the same whatever other pictures it is given with.
    if opened.file.count is not None:
        return
    feed = opened.said or usual_feeds(opened.size)[0]
    values = feed(np.stack([resize(picture, *opened.size) for picture in draw_people(opened.size, 8).pictures]))
    try:
        alone = run_in_batches(opened.file, values, 1)
    except CdnetError as error:
        report.mistakes.append(str(error).removeprefix(f"{opened.path} "))
        return
    try:
        together = run_in_batches(opened.file, values, 8)
    except CdnetError as error:
        report.mistakes.append(f"its batch axis is free and it cannot be run on any number of pictures: {error}")
        return
    if np.abs(alone - together).max() > 0.01 * np.abs(alone).max():
        report.mistakes.append("a picture's features depend on the other pictures that it is given with")


def _shape(opened: Opened) -> str:
    file = opened.file
    sides = "x".join("any" if side is None else str(side) for side in file.size)
    count = "any number at once" if file.count is None else f"exactly {file.count} at once"
    return f"{opened.path}: {FORMATS[opened.path.suffix.lower()]}, takes pictures of {sides}, {count}"


def _facts(opened: Opened) -> str:
    assert opened.file.said is not None
    facts = opened.file.said.facts
    network = facts.get("network") or {}
    genotype = network.get("genotype") if isinstance(network, dict) else None
    name = genotype.get("name") if isinstance(genotype, dict) else genotype
    on = opened.file.said.trained_on.get("data")
    return (
        f"it says: made for {facts.get('for')}, {facts.get('precision')}, {name}, trained on {on} "
        f"({facts.get('licence')}), fed with {name_of(opened.file.said.preprocessing)}"
    )


def _notes(opened: Opened) -> list[str]:
    notes = []
    if opened.file.count is not None:
        notes.append(
            f"its batch is fixed: a program that has several pictures at once, as trackers do, has to give them "
            f"{opened.file.count} by {opened.file.count}, and to fill up the last"
        )
    if None in opened.file.size:
        notes.append("its size is free: BoxMOT would feed 256x128 and ultralytics 224x224, whatever it was made for")
    return notes


def _unfit(opened: Opened) -> list[str]:
    """Return why the program that is to run the file will not, whatever is in it."""
    target, unfit = opened.target, []
    if target is None:
        return []
    if opened.path.suffix.lower() not in target.formats:
        unfit.append(f"{target.name} does not read {opened.path.suffix}, but {' or '.join(target.formats)}")
    if target.batch is not None and opened.file.count != target.batch:
        unfit.append(f"{target.name} wants a batch that is fixed to {target.batch}")
    filled = opened.path.suffix.lower() in target.fills
    if target.batch is None and opened.file.count is not None and not filled:
        unfit.append(f"{target.name} gives several pictures at once, and its batch is fixed to {opened.file.count}")
    if None in opened.file.size:
        unfit.append(f"its size is free, and {target.name} would choose one by itself; fix it in the file")
    return unfit


def _compare(opened: Opened, weights: Path | None, report: Report) -> tuple[bool, Preprocessing | None]:
    """Compare a file with the weights that it was made from; tell whether they are known, and the input that agrees."""
    facts = {} if opened.file.said is None else opened.file.said.facts
    digest = facts.get("weights_sha256")
    if weights is None:
        shipped = (find_weights(name) for name in shipped_weights())
        weights = next((path for path in shipped if digest_of(path) == digest), None)
        if weights is None:
            report.lines.append("not compared with PyTorch: its weights are not known here; name them with --weights")
            return False, None
    elif digest not in (None, digest_of(find_weights(weights))):
        report.lines.append(f"it says that it was made from other weights than {weights}")
    model, spec = load_model(weights)
    if spec.size != opened.size:
        raise CdnetError(
            f"{opened.path} takes pictures of {opened.size[0]}x{opened.size[1]}, and {weights} of "
            f"{spec.size[0]}x{spec.size[1]}; it was not made from these weights"
        )
    fed = np.stack([resize(picture, *spec.size) for picture in draw_people(spec.size).pictures])
    precision = str(facts.get("precision", "fp32"))
    bits = precision if precision in NEAR else "fp32"
    wanted = wanted_features(model, spec, fed)
    own = Preprocessing(spec.size, "rgb", 1.0, spec.mean, spec.std)
    feeds = [feed for feed in (opened.said, own, *usual_feeds(opened.size)) if feed is not None]
    said = ""
    for feed in feeds:
        try:
            trial = try_file(opened.file, wanted, fed, feed, bits)
        except CdnetError as error:
            said = said or str(error)
            continue
        batches = ", ".join(map(str, trial.by_batch))
        report.lines.append(
            f"fed with {name_of(feed)}, as PyTorch at {batches} picture(s) at once: {trial.worst.as_text()}"
        )
        if opened.said is not None and (wrong := mistake(opened.said, feed)):
            report.mistakes.append(f"fed with {name_of(opened.said)} it differs from PyTorch: {wrong}")
        return True, feed
    report.mistakes.append(f"no usual input gives what {weights} gives; first: {said}")
    return True, None


def _feed(opened: Opened, sample: Sample, proven: Preprocessing | None, report: Report, progress: Progress) -> None:
    feeds = usual_feeds(opened.size)
    if opened.said is not None and opened.said not in feeds:
        feeds.insert(0, opened.said)
    ranked = rank_feeds(opened.file, feeds, sample, progress)
    figures = "the mean cosine of two strangers" if sample.drawn else "mAP, and the mean cosine of two strangers"
    report.lines.append(f"{sample.what}, by what it is fed with ({figures}):")
    report.lines += [_row(one, opened.said, sample.drawn) for one in ranked]
    if proven is not None:
        # A few pictures, or those of another kind than it was trained on, may rank better by a wrong input.
        report.lines.append(f"the comparison with PyTorch decides how it is fed: {name_of(proven)}")
        return
    verdict = (judge_drawn if sample.drawn else judge)(opened.said, ranked)
    (report.mistakes if verdict.wrong else report.lines).append(verdict.text)


def _row(one: Ranked, said: Preprocessing | None, drawn: bool) -> str:
    mark = "  <- as it is said" if one.feed == said else ""
    figure = "" if drawn else f"{'-':>6}  " if one.mAP is None else f"{100 * one.mAP:6.1f}  "
    return f"  {figure}{one.strangers:5.2f}  {name_of(one.feed)}{f' ({one.why})' if one.why else ''}{mark}"
