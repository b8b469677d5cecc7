"""The paper's claims against measured results: ``claims.yaml``, the files that it names, and their table."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from cdnet.errors import CdnetError
from cdnet.json_file import read_json
from cdnet.reproduce.counted_claims import COUNTED
from cdnet.reproduce.paper import FIGURES
from cdnet.reproduce.verdict import RULE, Found, Verdict, between, compare_means, more_parameters, together

LOWER_IS_BETTER = ("error", "seconds", "search_ms")
SHARES = ("rank1", "mAP")
"""Columns that files of runs have as fractions."""
COLUMNS = ("table", "row", "title", "figure", "paper", "seeds", "values", "scale", "remarks")
"""Of a table's file, those that are looked at."""
MAX_BYTES = 4 * 2**20
"""Of a file of results; the largest has some 50,000."""


@dataclass(frozen=True)
class Claim:
    """A claim: where the paper makes it, its words shortened, the evidence, or why no figure is for or against it."""

    where: str
    claim: str
    evidence: tuple[Mapping[str, Any], ...]
    not_judged: str


@dataclass(frozen=True)
class ClaimSide:
    """A row of a file of results: its title, the figure of each seed, and its parameters and the paper's if known."""

    title: str
    values: tuple[float, ...]
    params: float | None = None
    paper_params: str = ""
    conditions: str = ""
    table: str = ""

    @property
    def shown(self) -> str:
        """Its title with its mean and, in brackets, the seeds."""
        mean = sum(self.values) / len(self.values)
        digits = _digits(mean)
        seeds = (
            f" ({', '.join(f'{value:.{digits}f}' for value in self.values)})" if len(self.values) > 1 else ", one seed"
        )
        return f"{self.title} {mean:.{digits}f}{seeds}"


def _digits(value: float) -> int:
    return 1 if abs(value) >= 1 else 2


def read_claims() -> list[Claim]:
    """Read ``claims.yaml``, which comes with the package."""
    text = resources.files("cdnet").joinpath("reproduce", "claims.yaml").read_text("utf-8")
    return [
        Claim(entry["where"], entry["claim"], tuple(entry.get("evidence", ())), entry.get("not_judged", ""))
        for entry in yaml.safe_load(text)
    ]


def as_markdown(claims: list[Claim], results: Path) -> str:
    """Return the rule, the table of all claims, and under what conditions its figures were measured.

    Args:
        claims: of :func:`read_claims`.
        results: the folder of results.

    Raises:
        CdnetError: if a file of results is not there, or has not the row that a claim names.
    """
    marks: dict[str, int] = {}
    lines = [
        RULE,
        "",
        "| where | the paper's claim | verdict | our figures | from |",
        "| --- | --- | --- | --- | --- |",
    ]
    for claim in claims:
        where, words = claim.where, claim.claim
        for evidence in claim.evidence or [None]:
            if evidence is None:
                found, source = Found("not run", ""), ""
                verdict = f"not judged: {claim.not_judged}" if claim.not_judged else "**not run**"
            else:
                found, conditions = weigh(evidence, results)
                verdict, source = f"**{found.verdict}**", _source(evidence)
                notes = [marks.setdefault(condition, len(marks) + 1) for condition in conditions]
                source += f" [{', '.join(map(str, dict.fromkeys(notes)))}]" if notes else ""
            lines.append(f"| {where} | {words} | {verdict} | {found.figures} | {source} |")
            where = words = ""
    lines += ["", *(f"{number}. {mark}" for mark, number in marks.items())]
    return "\n".join(lines).rstrip() + "\n"


def weigh(evidence: Mapping[str, Any], results: Path) -> tuple[Found, list[str]]:
    """Return what one piece of evidence says, and the conditions under which it was measured.

    Raises:
        CdnetError: if its file is not there, or has not what it names.
    """
    if "counted" in evidence:
        return COUNTED[evidence["counted"]](), []
    if "ratio" in evidence:
        return _ratio(evidence, results), []
    reader: Callable[[Path, str, Mapping[str, Any]], ClaimSide] = _row if "rows" in evidence else _runs
    file = evidence["rows" if "rows" in evidence else "runs"]
    better, *others = (
        reader(results / (place or file), name, evidence)
        for place, _, name in (word.rpartition(":") for word in [evidence["better"], *evidence["than"]])
    )
    if len({side.table for side in (better, *others)}) > 1:
        better, *others = (
            replace(side, title=f"{side.title} (T{side.table[1:].replace('-', ' ')})") for side in (better, *others)
        )
    figure = evidence.get("figure", "mAP")
    sign = -1 if figure in LOWER_IS_BETTER else 1
    verdicts: list[Verdict] = []
    said = []
    for other in others:
        verdict, difference, half = compare_means(
            [sign * value for value in better.values], [sign * value for value in other.values]
        )
        digits = _digits(better.values[0])
        margin = f" ± {half:.{digits}f}" if half != float("inf") else ""
        said.append(f"{other.shown} ({sign * difference:+.{digits}f}{margin})")
        if _unlike(better, other):
            verdict = "cannot tell"
            said[-1] += f", {better.title} having relatively more parameters than in the paper"
        verdicts.append(verdict)
    title = FIGURES[figure].title if figure in FIGURES else figure
    conditions = [side.conditions for side in (better, *others) if side.conditions]
    conditions += [evidence["under"]] if "under" in evidence else []
    return Found(together(verdicts), f"{title}: {better.shown} against {'; '.join(said)}"), conditions


def _source(evidence: Mapping[str, Any]) -> str:
    if "counted" in evidence:
        return "counted"
    files = [evidence.get(kind, "") for kind in ("rows", "runs", "ratio")]
    files += [word.rpartition(":")[0] for word in evidence.get("than", ())]
    return ", ".join(f"`{file}`" for file in dict.fromkeys(filter(None, files)))


def _unlike(better: ClaimSide, other: ClaimSide) -> bool:
    printed = (better.paper_params, other.paper_params)
    if not better.params or not other.params or None in map(_number, printed):
        return False
    return more_parameters((better.params, other.params), printed)


def _row(path: Path, name: str, evidence: Mapping[str, Any]) -> ClaimSide:
    """Return a row of a table's CSV file: its only line, or of several the one whose remarks have what is wanted."""
    figure, wanted = evidence.get("figure", "mAP"), evidence.get("said", "")
    lines = [line for line in _lines(path, COLUMNS) if line["row"] == name]
    found = [line for line in lines if line["figure"] == figure and line["seeds"]]
    if len(found) > 1:
        found = [line for line in found if wanted and wanted in line["remarks"]]
    if len(found) != 1:
        raise CdnetError(
            f"{path}: {len(found)} trained lines of {name}, {figure}; a claim needs one, chosen by `said` in remarks"
        )
    (line,) = found
    counts = [one for one in lines if one["figure"] == "params" and one["remarks"] == line["remarks"]]
    params = (_number(counts[0]["values"]), counts[0]["paper"]) if counts else (None, "")
    values = tuple(_figure(value, path, name) for value in line["values"].split())
    if not values:
        raise CdnetError(f"{path}: the line of {name}, {figure} has no values")
    conditions = line["scale"]
    if "changed: " in line["remarks"]:
        conditions += f"; {line['remarks'][line['remarks'].index('changed: ') :].partition('; ')[0]}"
    return ClaimSide(line["title"], values, params[0], params[1], conditions, line["table"])


def _runs(path: Path, name: str, evidence: Mapping[str, Any]) -> ClaimSide:
    """Return all runs of one name of a CSV file with a line a run."""
    figure = evidence.get("figure", "mAP")
    wanted = {"name": name, **evidence.get("of", {})}
    lines = [line for line in _lines(path, (*wanted, figure)) if wanted.items() <= line.items()]
    if not lines:
        raise CdnetError(f"{path}: no run is called {name}")
    times = 100 if figure in SHARES else 1
    conditions = ", ".join(evidence.get("of", {}).values())
    return ClaimSide(name, tuple(times * _figure(line[figure], path, name) for line in lines), conditions=conditions)


def _ratio(evidence: Mapping[str, Any], results: Path) -> Found:
    path = results / evidence["ratio"]
    found = _json(path)
    entries = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    rows = [row for row in entries if row.get("config") == evidence["config"] and "low" in row]
    if len(rows) != 1:
        raise CdnetError(f"{path}: {len(rows)} rows with a time for {evidence['config']!r}; a claim needs one")
    (row,) = rows
    if not all(_is_number(row.get(key)) for key in ("ratio", "low", "high")):
        raise CdnetError(f"{path}: the row of {evidence['config']!r} lacks a number as ratio, low or high")
    verdict = between(row["low"], row["high"], evidence["least"])
    figures = f"{row['ratio']:.2f} times ({row['low']:.2f} to {row['high']:.2f}), {row['config']}"
    return Found(verdict, figures)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # such as ~26
        return None


def _figure(text: str, path: Path, name: str) -> float:
    value = _number(text)
    if value is None or not math.isfinite(value):
        raise CdnetError(f"{path}: {name} has {text[:30]!r} where a number belongs")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _lines(path: Path, wanted: Collection[str]) -> list[dict[str, str]]:
    try:
        if not path.is_file():
            raise _unread(path, "a folder, a pipe or a device" if path.exists() else "no such file")
        if path.stat().st_size > MAX_BYTES:
            raise CdnetError(f"{path}: more than the {MAX_BYTES:,} bytes that a file of results may have")
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file, strict=True))
    except OSError as error:
        raise _unread(path, error.strerror or str(error)) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CdnetError(f"{path}: not a CSV file of results ({error}); put a whole copy in its place") from None
    for number, line in enumerate(lines, start=2):
        if lacking := [column for column in wanted if line.get(column) is None]:
            raise CdnetError(f"{path}: row {number} has no {lacking[0]}; put a whole copy in its place")
    return lines


def _unread(path: Path, why: str) -> CdnetError:
    return CdnetError(f"{path}: cannot be read ({why}); name the folder of results with --results")


def _json(path: Path) -> Any:
    try:
        return read_json(path, MAX_BYTES)
    except OSError as error:
        raise _unread(path, error.strerror or str(error)) from None
    except ValueError as error:
        raise CdnetError(f"{path}: not a file of results ({error}); put a whole copy in its place") from None
