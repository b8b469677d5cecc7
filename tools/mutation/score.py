"""What a mutation run is said to have found: the score, a row for each module, and the survivors by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

Verdict = tuple[str, str, str]
"""A module, what became of one of its mutants (killed, timeout, survived or equivalent), and the mutant in words."""


def report(verdicts: Sequence[Verdict], everything: Mapping[str, int], seed: int) -> str:
    """Return the report in Markdown.

    Args:
        verdicts: of the sample.
        everything: how many mutants each module has, drawn or not.
        seed: of the sample.
    """
    counts = Counter((module, became) for module, became, _ in verdicts)
    total = Counter(became for _, became, _ in verdicts)
    noticed, real = total["killed"] + total["timeout"], len(verdicts) - total["equivalent"]
    share = f" ({100 * noticed / real:.1f} %)" if real else ""
    lines = [
        f"{date.today()}, seed {seed}: {noticed} of {real} mutants noticed{share}, {total['timeout']} of them by time; "
        f"{total['equivalent']} more change nothing; drawn from {sum(everything.values()):,}",
        "",
        "| module | killed | survived | equivalent | sampled | all |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for module, size in everything.items():
        killed = counts[module, "killed"] + counts[module, "timeout"]
        survived, equivalent = counts[module, "survived"], counts[module, "equivalent"]
        sampled = killed + survived + equivalent
        lines.append(f"| `{module}` | {killed} | {survived} | {equivalent} | {sampled} | {size} |")
    survivors = [f"- {said}" for _, became, said in verdicts if became == "survived"]
    return "\n".join([*lines, "", *(["Survivors:", "", *survivors] if survivors else ["No survivors."])])
