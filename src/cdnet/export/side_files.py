"""What a program wants beside the file: BoxMOT's metadata and profile, DeepStream's part of a configuration."""

from __future__ import annotations

import json
from pathlib import Path

from cdnet.weights import ModelSpec

BOXMOT = """\
# For BoxMOT's --reid. Of the file alone it does not know how many features there are, and stops at a first frame that
# shows nobody.
backend: {backend}
artifact:
  path: {path}
options:
  embedding_dim: {feature_dim}
"""

DEEPSTREAM = """\
# For NvDCF (reidType 2) or NvDeepSORT (reidType 1): the section ReID of the tracker's configuration, ll-config-file.
# Mean and deviation are in the file; scale and offsets therefore leave pictures as they are.
ReID:
  reidType: 2
  batchSize: 100
  workspaceSize: 1000
  reidFeatureSize: {feature_dim}
  reidHistorySize: 100
  inferDims: [3, {height}, {width}]
  networkMode: {mode}  # 0 is 32 bits, 1 is 16
  inputOrder: 0  # N x 3 x H x W
  colorFormat: 0  # RGB
  offsets: [0.0, 0.0, 0.0]
  netScaleFactor: 1.0
  keepAspc: 0  # pictures were stretched in training
  addFeatureNormalization: 1
  onnxFile: {path}
  modelEngineFile: {path}_b100_gpu0_{bits}.engine
"""


def side_names(target: str, out: Path) -> list[str]:
    """Return the names of the files that a program wants beside ``out``."""
    if target == "boxmot":
        # BoxMOT may be given the file, or a folder of this ending.
        folder = ["manifest.json"] if out.parent.name.endswith("_openvino_model") else []
        return [f"{out.name}.reid.yaml", f"{out.name}.metadata.json", *folder]
    return [f"{out.name}.tracker.yml"] if target == "deepstream" else []


def side_files(target: str, out: Path, spec: ModelSpec, feature_dim: int, precision: str) -> dict[str, str]:
    """Return the names and contents of the files that a program wants beside ``out``.

    Args:
        target: for which program.
        out: where the file will lie.
        spec: of the network.
        feature_dim: D.
        precision: fp32, fp16 or int8.
    """
    height, width = spec.size
    if target == "boxmot":
        # By the name BoxMOT would look for a network of its own, and take a size from that where the file has none.
        content = {
            "schema_version": 1,
            "model_name": "cdnet",
            "preprocess": "resize",
            "model_kwargs_schema_version": 1,
            "model_kwargs": {"img_size": [height, width]},
        }
        profile, *others = side_names(target, out)
        backend = "onnx" if out.suffix == ".onnx" else "openvino"
        text = BOXMOT.format(backend=backend, path=json.dumps(out.name), feature_dim=feature_dim)
        return {profile: text, **dict.fromkeys(others, json.dumps(content, indent=1) + "\n")}
    if target == "deepstream":
        half = precision == "fp16"
        text = DEEPSTREAM.format(
            feature_dim=feature_dim,
            height=height,
            width=width,
            mode=int(half),
            bits="fp16" if half else "fp32",
            path=json.dumps(str(out.absolute()))[1:-1],
        )
        return dict.fromkeys(side_names(target, out), text)
    return {}
