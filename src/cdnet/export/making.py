"""From weights to a file that is known to give the same: made, written beside its place, tried, and only then there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cdnet.data.decode import Pixels
from cdnet.draft_folder import draft_folder
from cdnet.errors import CdnetError
from cdnet.export.about import Measured, describe
from cdnet.export.files import File, open_written, write_ir, write_onnx, write_program
from cdnet.export.graph import to_onnx
from cdnet.export.inputs import Inside, inside
from cdnet.export.precision import Precision, to_half, to_int8
from cdnet.export.side_files import side_files, side_names
from cdnet.export.targets import IR, ONNX, PROGRAM, WEIGHTS, Target
from cdnet.export.trial import Trial, as_fed, try_file, wanted_features
from cdnet.files import refuse_unwritable
from cdnet.nn.inference_form import inference_form
from cdnet.nn.model import ReidModel
from cdnet.runtime.network import digest_of
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.runtime.said import Said
from cdnet.weights import ModelSpec, as_file, find_weights, load_model

if TYPE_CHECKING:
    import onnx


@dataclass
class Source:
    """Weights that files are made from; the graph and its forms in fewer bits are made once, however many files are.

    Args:
        file: of the weights.
        calibration: pictures N x H x W x 3 for 8 bits, RGB bytes at the network's size.
        measured: mAP of the weights, where it is known.
    """

    file: Path
    calibration: Pixels | None = None
    measured: Measured | None = None
    model: ReidModel = field(init=False)
    spec: ModelSpec = field(init=False)
    digest: str = field(init=False)
    _graphs: dict[Precision, onnx.ModelProto] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.file = find_weights(self.file)
        self.model, self.spec = load_model(self.file)
        self.digest = digest_of(self.file)

    @property
    def wanted(self) -> Preprocessing:
        """What the network wants done to a picture's bytes."""
        return Preprocessing(self.spec.size, "rgb", 1.0, self.spec.mean, self.spec.std)

    def graph(self, precision: Precision) -> onnx.ModelProto:
        """Return the network as ONNX in so many bits."""
        if precision not in self._graphs:
            if precision == "fp32":
                made = to_onnx(inference_form(self.model), self.spec.size)
            elif precision == "fp16":
                made = to_half(self.graph("fp32"))
            else:
                assert self.calibration is not None
                made = to_int8(self.graph("fp32"), self.calibration, self.wanted)
            self._graphs[precision] = made
        return self._graphs[precision]


@dataclass(frozen=True)
class Made:
    """A file that was made: where, all that was written, what it says of itself, and how it agrees with PyTorch."""

    path: Path
    written: tuple[Path, ...]
    said: Said
    trial: Trial

    @property
    def size(self) -> int:
        """Bytes of the network itself, without what lies beside it."""
        return sum(path.stat().st_size for path in self.written if path.suffix in (ONNX, IR, PROGRAM, WEIGHTS, ".bin"))


Further = Callable[[Path, File], None]
"""What else a file has to stand before it is left behind; raises what it does not."""


def check_request(target: Target, out: Path, precision: Precision, overwrite: bool) -> str:
    """See that such a file can be made there, before the work; return its ending.

    Raises:
        CdnetError: if the program reads no such file, something is there already, or nothing can be written there.
    """
    ending = target.check_out(out)
    if precision == "int8" and not target.int8:
        raise CdnetError(
            f"{target.name} makes its own 8 bits, from a file with 32 and pictures of its own; export without --int8"
        )
    if precision == "int8" and ending in (PROGRAM, WEIGHTS):
        raise CdnetError(f"--out {out}: 8 bits are written as .onnx or .xml, not as {ending}")
    if precision == "fp32" and ending == WEIGHTS:
        raise CdnetError(f"--out {out}: weights are written in 16 bits, with --fp16; in 32 they are there already")
    there = next((path for path in _places(target, out, ending) if path.exists() or path.is_symlink()), None)
    if there is not None and (not overwrite or there.is_dir()):
        raise CdnetError(f"{there} is there already; name another file, or say --overwrite")
    refuse_unwritable(out)
    return ending


def make(
    source: Source, target: Target, out: Path, precision: Precision = "fp32", further: Further | None = None
) -> Made:
    """Make a file for a program, see that it gives what PyTorch gives, and put it in its place.

    Args:
        source: the weights.
        target: the program.
        out: where the file is to be; :func:`check_request` has looked at it.
        precision: fp32, fp16 or int8, which needs the source's calibration.
        further: what else the file has to stand; it gets the file's path and the file.

    Raises:
        CdnetError: if it differs, or cannot be written; nothing of it is then left.
    """
    ending, spec = out.suffix, source.spec
    outside = target.outside(spec)
    said = describe(spec, outside, target.name, precision, source.digest, source.model.feature_dim, source.measured)
    fed = as_fed(target, spec.size)
    wanted = wanted_features(source.model, spec, fed)
    beside = side_files(target.name, out, spec, source.model.feature_dim, precision)
    with draft_folder(out) as draft:
        path = draft / out.name
        _write(source, target, path, precision, inside(outside, source.wanted), said)
        file = open_written(path)
        try:
            trial = try_file(file, wanted, fed, outside, precision)
        except CdnetError as error:
            raise CdnetError(f"{out} is not left behind: {error}") from None
        if further is not None:
            further(path, file)
        for name, text in beside.items():
            (draft / name).write_text(text, "utf-8")
        # The file itself last: whoever sees it finds all that belongs to it, and no old .xml a new .bin.
        names = [*beside, *([path.with_suffix(".bin").name] if ending == IR else []), out.name]
        if ending == IR:
            out.unlink(missing_ok=True)
        for name in names:
            os.replace(draft / name, out.parent / name)
    return Made(out, tuple(out.parent / name for name in reversed(names)), said, trial)


def _write(source: Source, target: Target, path: Path, precision: Precision, what: Inside, said: Said) -> None:
    if path.suffix == ONNX:
        write_onnx(path, source.graph(precision), what, said)
    elif path.suffix == IR:
        # An IR keeps weights in 16 bits by itself, and computes as the machine can.
        graph = source.graph("int8" if precision == "int8" else "fp32")
        write_ir(path, graph, what, said, target.batch, precision == "fp16")
    elif path.suffix == WEIGHTS:
        path.write_bytes(as_file(path, source.model, source.spec, half=precision == "fp16"))
    else:
        write_program(path, inference_form(source.model), source.spec.size, what, said, precision == "fp16")


def _places(target: Target, out: Path, ending: str) -> list[Path]:
    weights = [out.with_suffix(".bin")] if ending == IR else []
    return [out, *weights, *(out.parent / name for name in side_names(target.name, out))]
