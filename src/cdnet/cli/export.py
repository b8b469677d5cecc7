"""``cdnet export``: a network as a file that another program runs."""

from __future__ import annotations

from pathlib import Path

from cdnet.cli.arguments import UsageError, parser
from cdnet.data.recipe import DataRecipe
from cdnet.shown_text import say

DESCRIPTION = """\
Write a network as ONNX (.onnx), OpenVINO IR (.xml with .bin) or torch.export (.pt2), as a program expects it, or with
--fp16 as weights half as large (.safetensors). The file is run at batches of 1, 7 and 64 and compared with PyTorch
before it appears; one that differs is not left behind."""


def main(words: list[str]) -> None:
    """Export weights and say how the file agrees with PyTorch."""
    made = parser("export", DESCRIPTION)
    made.add_argument("weights", help="a run's folder, a .safetensors file, or a shipped network's name")
    made.add_argument("--out", type=Path, help="the file to write; its ending says in which format")
    made.add_argument(
        "--for",
        dest="target",
        default="plain",
        help="the program that is to run it: plain (normalised outside), boxmot, ultralytics, deepstream, "
        "openvino-demo, fast-reid or torchreid",
    )
    made.add_argument("--fp16", action="store_true", help="16 bits; of weights, those of convolutions are rounded")
    made.add_argument("--int8", action="store_true", help="8 bits; wants --calibrate and --data.root")
    made.add_argument("--calibrate", type=Path, help="folder of pictures such as the camera will see, for --int8")
    made.add_argument(
        "--int8-loss",
        type=float,
        default=0.5,
        help="the most of mAP, in per cent, that --int8 may cost; with --data.root",
    )
    made.add_argument("--overwrite", action="store_true", help="put it in the place of a file that is there")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="pictures to measure mAP on, by both")
    options = made.instantiate(made.read(words))
    if options.out is None:
        raise UsageError("no file to write; give one with --out, such as net.onnx, net.xml or net.pt2")
    if options.fp16 and options.int8:
        raise UsageError("--fp16 and --int8 are two files; export twice")
    if options.int8 != (options.calibrate is not None):
        raise UsageError("--int8 and --calibrate go together: give both, or neither")
    if options.int8 and options.data.root is None:
        raise UsageError("what 8 bits cost is measured before the file appears; give pictures with --data.root")
    if not 0 <= options.int8_loss <= 100:
        raise UsageError(f"--int8-loss is in per cent of mAP, 0 to 100, not {options.int8_loss:g}")

    from cdnet.cli.terminal import note
    from cdnet.export.about import measured_in_training
    from cdnet.export.making import Source, check_request, make
    from cdnet.export.measure import Measurement
    from cdnet.export.precision import Precision, read_calibration
    from cdnet.export.targets import find_target
    from cdnet.files import refuse_input
    from cdnet.progress import shown

    precision: Precision = "fp16" if options.fp16 else "int8" if options.int8 else "fp32"
    target = find_target(options.target)
    check_request(target, options.out, precision, options.overwrite)
    source = Source(options.weights)
    refuse_input(options.out, [source.file])
    source.measured = measured_in_training(Path(options.weights))
    if options.int8:
        source.calibration = read_calibration(options.calibrate, source.spec.size)
    measurement = None
    if options.data.root is not None:
        measurement = Measurement(source, target, options.data, options.int8_loss, shown)
        source.measured = measurement.of_weights()
    note("making the network ready, writing the file and comparing it with PyTorch; half a minute, or a few")
    done = make(source, target, options.out, precision, None if measurement is None else measurement.further(precision))
    agreement = done.trial.worst
    say(
        f"{options.out}: {precision} for {target.name}, {done.size:,} bytes",
        f"as PyTorch at {', '.join(map(str, done.trial.by_batch))} picture(s) at once: {agreement.as_text()}",
    )
    if measurement is not None:
        say(*measurement.lines)
    beside = [str(path) for path in done.written if path != options.out]
    if beside:
        say(f"beside it: {', '.join(beside)}")
