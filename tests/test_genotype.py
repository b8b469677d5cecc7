from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cdnet import CdnetError
from cdnet import genotype as genotype_module
from cdnet.genotype import CDChoice, Genotype, read_genotype, shipped_genotypes

# Table 8, as printed: layers 1 to 6.
TABLE_8 = {
    "cnet-top1": "35 79 37 39 59 79",
    "cnet-top2": "57 79 79 79 79 35",
    "cnet-top3": "57 39 35 35 35 57",
    "cnet-top4": "57 35 57 37 39 37",
    "cdnet-top1": "372 391 592 371 392 792",
    "cdnet-top2": "351 372 572 591 572 571",
    "cdnet-top3": "572 572 352 571 792 371",
    "cdnet-top4": "392 591 572 371 571 571",
}


@pytest.mark.parametrize("name", TABLE_8)
def test_shipped_genotypes_are_table_8(name: str) -> None:
    genotype = read_genotype(name)
    layers = [f"{c.k1}{c.k2}{c.repeats}" for stage in genotype.stages for c in stage]
    assert [layer[: len(want)] for layer, want in zip(layers, TABLE_8[name].split(), strict=True)] == TABLE_8[
        name
    ].split()
    assert all(len(stage) == 2 for stage in genotype.stages)


def test_short_names_mean_top_2() -> None:
    assert read_genotype("cdnet") == read_genotype("cdnet-top2")
    assert read_genotype("cnet") == read_genotype("cnet-top2")
    assert {"cdnet", "cnet", "cdnet-v35", "cdnet-std"} < set(shipped_genotypes())


def test_file_round_trip(tmp_path: Path) -> None:
    genotype = read_genotype("cdnet-top3")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(genotype.to_json()), "utf-8")
    assert read_genotype(path) == genotype


def genotype_json(**changes: Any) -> dict[str, Any]:
    return {"name": "mine", "stages": [[[3, 5, 1]], [[3, 7]], [[5, 9, 2]]]} | changes


def test_repeats_are_one_by_default() -> None:
    assert Genotype.from_json(genotype_json()).stages[1][0].repeats == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stages": [[[3, 4, 1]], [[3, 5]], [[3, 5]]]}, "stage 1 has the unknown kernel 4"),
        ({"stages": [[[3, 5]], [[3, 11]], [[3, 5]]]}, "stage 2 has the unknown kernel 11"),
        ({"stages": [[[3, 5]], [[3, 5]], [[5, 3]]]}, "the first must be the smaller"),
        ({"stages": [[[5, 5]], [[3, 5]], [[3, 5]]]}, "the first must be the smaller"),
        ({"stages": [[[3, 5, 0]], [[3, 5]], [[3, 5]]]}, "repeats a block 0 times"),
        ({"stages": [[[3, "5"]], [[3, 5]], [[3, 5]]]}, "stage 1 has"),
        ({"stages": [[[3, True]], [[3, 5]], [[3, 5]]]}, "stage 1 has"),
        ({"stages": [[3, 5], [[3, 5]], [[3, 5]]]}, "stage 1 has 3 where"),
        ({"stages": [[[3, 5]], [[3, 5]]]}, "3 stages"),
        ({"stages": [[[3, 5]], [], [[3, 5]]]}, "stage 2 needs"),
        ({"stages": None}, "3 stages"),
        ({"name": ""}, "needs a name"),
        ({"block": "XBlock"}, "unknown block"),
        ({"kernels": 3}, "unknown key 'kernels'"),
    ],
)
def test_illegal_genotypes_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CdnetError, match=said):
        Genotype.from_json(genotype_json(**changes), "mine.json")


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "\xff"])
def test_broken_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(CdnetError, match=r"mine\.json"):
        read_genotype(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[" * 200_000, "lists within lists without end"),
        ('{"name": "x", "stages": [' + "[[3,5,1]]," * 60_000 + "[[3,5,1]]]}", "more than the 262,144 bytes"),
        (
            '{"name": "x", "stages": [[' + "[3,5]," * 20_000 + "[3,5]], [[3,5]], [[3,5]]]}",
            "20,001 blocks; 100 are the most",
        ),
    ],
    ids=["nested", "large", "blocks"],
)
def test_a_file_larger_or_deeper_than_any_genotype(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "genotype.json"
    path.write_text(content)
    with pytest.raises(CdnetError, match=said):
        read_genotype(path)


@pytest.mark.parametrize("repeats", [1, 8])
def test_one_to_eight_repeats_are_allowed(repeats: int) -> None:
    genotype = Genotype.from_json(genotype_json(stages=[[[3, 5, repeats]], [[3, 5]], [[3, 5]]]))
    assert genotype.stages[0][0].repeats == repeats
    assert genotype.depth == repeats + 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stages": [[[3, 5, 9]], [[3, 5]], [[3, 5]]]}, "repeats a block 9 times; 1 to 8 is possible"),
        ({"stages": [[[3, 5, -1]], [[3, 5]], [[3, 5]]]}, "repeats a block -1 times"),
        ({"stages": [[[3, 5, 1, 1]], [[3, 5]], [[3, 5]]]}, "stage 1 has"),
        ({"stages": [[[3]], [[3, 5]], [[3, 5]]]}, "stage 1 has"),
        ({"stages": [[[3, 5, True]], [[3, 5]], [[3, 5]]]}, r"stage 1 has \[3, 5, True\] where a block"),
        ({"stages": [[[3, 5, "1"]], [[3, 5]], [[3, 5]]]}, "where a block"),
        ({"stages": [[[3, 5, 1.0]], [[3, 5]], [[3, 5]]]}, "where a block"),
        ({"stages": [["35"], [[3, 5]], [[3, 5]]]}, "stage 1 has '35' where a block"),
        ({"stages": [[[1, 5]], [[3, 5]], [[3, 5]]]}, "unknown kernel 1; known are 3, 5, 7, 9"),
        ({"stages": [[[3, 5]], [[3, 5]], [[3, 5]], [[3, 5]]]}, "3 stages"),
        ({"stages": [[[3, 5]] * 101, [[3, 5]], [[3, 5]]]}, "101 blocks; 100 are the most"),
        ({"name": 3}, "needs a name"),
        ({"name": None}, "needs a name"),
        ({"name": "a\nb"}, "cannot be printed"),
        ({"source": 3}, "the source of a genotype is a text"),
        ({"block": None}, "unknown block None"),
    ],
)
def test_what_is_a_little_beyond_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CdnetError, match=said):
        Genotype.from_json(genotype_json(**changes))


def test_what_is_left_out_of_a_genotype() -> None:
    given = genotype_json()
    genotype = Genotype.from_json(given)
    assert (genotype.block, genotype.source) == ("CBlock", "")
    assert Genotype.from_json(genotype_json(block="StdBlock", source="mine", costs={})).block == "StdBlock"
    assert Genotype.from_json(genotype_json(stages=[[[3, 5]] * 100, [[3, 5]], [[3, 5]]])).depth == 102
    assert CDChoice(3, 5) == CDChoice(3, 5, 1)
    assert Genotype("x", ()).block == "CBlock"
    assert Genotype("x", ()).source == ""
    with pytest.raises(CdnetError, match=r"^genotype: a genotype is a JSON object"):
        Genotype.from_json([])
    with pytest.raises(CdnetError, match="unknown key 'a'"):
        Genotype.from_json(given | {"b": 1, "a": 1})


def test_a_choice_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        CDChoice(3, 5).k1 = 7  # type: ignore[misc]
    assert len({CDChoice(3, 5), CDChoice(3, 5, 1), CDChoice(3, 5, 2)}) == 2


@pytest.mark.parametrize("beyond", [0, 1])
def test_a_file_may_have_so_many_bytes_and_no_more(tmp_path: Path, beyond: int) -> None:
    path = tmp_path / "mine.json"
    text = json.dumps(genotype_json())
    path.write_text(text + " " * (262_144 + beyond - len(text)), "utf-8")
    if beyond:
        with pytest.raises(CdnetError, match="more than the 262,144 bytes"):
            read_genotype(path)
    else:
        assert read_genotype(path).name == "mine"


def test_names_are_listed_in_order_and_those_of_others_too() -> None:
    assert shipped_genotypes() == sorted(shipped_genotypes())
    with pytest.raises(CdnetError, match=r"or one of .*cdnet-top2.*, osnet"):
        read_genotype("nowhere", others=["osnet"])


def test_where_a_genotype_is_from_is_kept() -> None:
    assert Genotype.from_json(genotype_json(source="a search")).source == "a search"


@pytest.mark.parametrize(
    ("error", "said"), [(PermissionError(13, "Permission denied"), "Permission denied"), (OSError("torn"), "torn")]
)
def test_what_the_system_says_of_a_file_is_passed_on(
    error: OSError, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise error

    path = tmp_path / "mine.json"
    path.write_text("{}")
    monkeypatch.setattr(genotype_module, "read_json", refused)
    with pytest.raises(CdnetError, match=f"mine.json could not be read: {said}$"):
        read_genotype(path)
