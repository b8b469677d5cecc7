"""What an exported file says of the network in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cdnet import __version__
from cdnet.json_file import parse_json
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.runtime.said import Said
from cdnet.weights import KEY, ModelSpec, TrainedOn

LICENCES = {
    "Market-1501": "research use only",
    "DukeMTMC-reID": "withdrawn by its authors in 2019",
    "MSMT17": "research use only",
    "CUHK03": "research use only",
    "VeRi": "research use only",
}
"""What may be done with pictures of published data sets, by how their names begin."""


@dataclass(frozen=True)
class Measured:
    """An mAP in [0, 1], and on what it was measured."""

    mAP: float  # noqa: N815
    data: str


def licence_of(trained_on: TrainedOn) -> str:
    """Return the licence of what a network was trained on, as far as it is known."""
    if "licence" in trained_on:
        return str(trained_on["licence"])
    names = str(trained_on.get("data", "")).split(" + ")  # of several data sets that were trained on together
    known = next((licence for start, licence in LICENCES.items() for name in names if name.startswith(start)), None)
    return known or "not known; ask whoever the pictures belong to"


def describe(
    spec: ModelSpec,
    outside: Preprocessing,
    target: str,
    precision: str,
    weights_sha256: str,
    feature_dim: int,
    measured: Measured | None,
) -> Said:
    """Return what a file is to say of itself.

    Args:
        spec: of the network.
        outside: what is done to pictures before the file is given them.
        target: for which program it is.
        precision: fp32, fp16 or int8.
        weights_sha256: of the weights that it was made from.
        feature_dim: D.
        measured: mAP of the weights, where it is known.
    """
    network = json.loads(spec.to_metadata()[KEY])
    return Said(
        outside,
        {
            "for": target,
            "precision": precision,
            "feature_dim": feature_dim,
            "network": network,
            "trained_on": spec.trained_on,
            "licence": licence_of(spec.trained_on),
            "weights_sha256": weights_sha256,
            "mAP": None if measured is None else measured.mAP,
            "mAP_on": None if measured is None else measured.data,
            "cdnet": __version__,
        },
    )


def measured_in_training(run: Path) -> Measured | None:
    """Return the mAP that a run's log has of its last epoch, if ``run`` is the folder of a run that measured it."""
    log = run / "log.jsonl"
    if not log.is_file():
        return None
    try:
        found = parse_json(log.read_bytes().strip().rpartition(b"\n")[2]).get("mAP")
        right = isinstance(found, float) and 0 <= found <= 1
        return Measured(found, "the run's own evaluation") if right else None
    except (ValueError, AttributeError, OSError):
        return None  # the log is not what is exported
