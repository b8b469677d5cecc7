"""Files of features that were damaged, or that somebody made up, are refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cdnet import CdnetError
from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.job import extract_all
from cdnet.extract.join import join
from cdnet.extract.neighbours import find
from cdnet.extract.stored import open_features

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def written(extractor: FeatureExtractor, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the only shard of some pictures, as ``a.npz`` and ``a.parquet``."""
    found = tmp_path_factory.mktemp("written")
    for ending in ("npz", "parquet"):
        extract_all(extractor, pictures, found / f"a.{ending}", (1, 1))
    return found


def refused(path: Path, said: str = "no features that cdnet extract wrote") -> None:
    with pytest.raises(CdnetError, match=said):
        list(open_features(path).blocks())
    with pytest.raises(CdnetError, match=said):
        join([path], path.with_name(f"joined.{path.suffix}"))
    assert not path.with_name(f"joined.{path.suffix}").exists()


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_cut_short_or_with_a_changed_byte(written: Path, tmp_path: Path, ending: str) -> None:
    data = (written / f"a.{ending}").read_bytes()
    features = next(iter(open_features(written / f"a.{ending}").blocks())).features
    place = data.index(features[:3].tobytes())  # neither format packs them
    path = tmp_path / f"a.{ending}"
    for length in (0, 3, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        refused(path)
    for at in (place, place + features[:3].nbytes):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        refused(path)


def about_of(written: Path) -> dict[str, Any]:
    return dict(open_features(written / "a.npz").about)


def npz(written: Path, path: Path, **changed: Any) -> Path:
    with np.load(written / "a.npz") as kept:
        found = {name: kept[name] for name in kept.files} | changed
    np.savez(path, **{name: value for name, value in found.items() if value is not None})
    return path


def test_what_a_file_says_of_itself_is_looked_at(
    written: Path, extractor: FeatureExtractor, pictures: Path, tmp_path: Path
) -> None:
    about = about_of(written)
    wrong: list[Any] = [
        {key: value for key, value in about.items() if key != left} for left in about if left != "shard"
    ]
    wrong += [about | {key: other} for key in about for other in (["x"], -7) if (key, other) != ("shard", None)]
    wrong += [about | {"shard": shard} for shard in ([1], [2, 1], [0, 1], [1, 10**9], [[1], 2], "ab", [1, "2"])]
    wrong += [[about], 5, about | {"source": "a\0b"}, about | {"dimension": 10**9}]
    for number, one in enumerate(wrong):
        refused(npz(written, tmp_path / f"{number}.npz", about=np.array(json.dumps(one))))
    for number, text in enumerate(("{", "[" * 100_000, "")):
        refused(npz(written, tmp_path / f"text{number}.npz", about=np.array(text)))
    query = sorted(pictures.glob("*.jpg"))[:1]
    fine = npz(written, tmp_path / "fine.npz", about=np.array(json.dumps(about)))
    assert find(extractor, query, fine, 3).lists == find(extractor, query, written / "a.npz", 3).lists


def test_columns_of_an_npz_that_do_not_fit(written: Path, tmp_path: Path) -> None:
    with np.load(written / "a.npz") as kept:
        features, paths = kept["features"], kept["paths"]
    for number, changed in enumerate(
        (
            {"features": features[:, :-1]},
            {"features": features[:-1]},
            {"features": features[:, :, None]},
            {"features": features.astype(np.float64)},
            {"features": np.asfortranarray(features)},
            {"features": np.full_like(features, np.nan)},
            {"features": np.float32(3)},
            {"features": None},
            {"paths": paths[:-1]},
            {"paths": paths[:, None]},
            {"paths": np.arange(len(paths))},
            {"paths": np.array(["a\0b"] * len(paths))},
            {"paths": np.array([""] * len(paths))},
            {"paths": None},
            {"identities": paths[1:]},
            {"cameras": np.zeros(len(paths))},
        )
    ):
        refused(npz(written, tmp_path / f"{number}.npz", **changed))


def test_columns_of_a_parquet_that_do_not_fit(written: Path, tmp_path: Path) -> None:
    table = parquet.read_table(written / "a.parquet")
    rows, texts = table.num_rows, arrow.array(["a"] * table.num_rows)
    dimension = about_of(written)["dimension"]
    ragged = np.stack(table["features"].to_numpy()).tolist()
    ragged[0].append(ragged[1].pop())  # as many numbers in all
    kind = arrow.list_(arrow.float32(), dimension)
    for number, changed in enumerate(
        (
            table.drop_columns(["features"]),
            table.drop_columns(["path"]),
            table.set_column(0, "path", arrow.array([None] * rows, arrow.string())),
            table.set_column(0, "path", arrow.array(range(rows))),
            table.set_column(1, "features", texts),
            table.set_column(1, "features", arrow.array([None] * rows, kind)),
            table.set_column(1, "features", arrow.array(ragged, arrow.list_(arrow.float32()))),
            table.append_column("identity", arrow.array(range(rows))),
            table.slice(1),
            table.replace_schema_metadata({}),
            table.replace_schema_metadata({b"cdnet": b"\xff"}),
        )
    ):
        parquet.write_table(changed, tmp_path / f"{number}.parquet")
        refused(tmp_path / f"{number}.parquet")
