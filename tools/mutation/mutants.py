"""Small changes to a module's source, one at a time: what a test suite that checks behaviour should notice.

The changes are mutmut's, less those of texts and those that put None for a value, which any run notices; beside them a
line dropped, and a number made a little smaller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation import mutators

TAKEN = (
    mutators.operator_number,
    mutators.operator_name,
    mutators.operator_augmented_assignment,
    mutators.operator_remove_unary_ops,
    mutators.operator_keywords,
    mutators.operator_swap_op,
    mutators.operator_if_exp,
)

SMALL = 1e-6
"""Below, a number only keeps others from 0, and a tenth less of it is nothing that anybody could see."""

UNSEEN = ("strict", "inplace", "device", "non_blocking", "bound")
"""Arguments that change no result: zip's says what is so anyway, a type variable's is for mypy, the others
say where a result is put."""


class Mutant(NamedTuple):
    """A changed module: its whole source, the line (from 1) of the change, and the line's text before and after."""

    source: str
    line: int
    before: str
    after: str


def mutants(source: str) -> list[Mutant]:
    """Return every mutant of a module's source, in the order of the source, none twice."""
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    positions = wrapper.resolve(PositionProvider)
    finder = _Finder()
    wrapper.module.visit(finder)
    found: dict[str, Mutant] = {}
    for node, new in finder.found:
        changed = wrapper.module.deep_replace(node, new).code
        if changed != source and changed not in found:
            found[changed] = _shown(source, changed, positions[node].start.line)
    return sorted(found.values(), key=lambda mutant: mutant.line)


class _Finder(cst.CSTVisitor):
    """Collects nodes and what may stand in their place; annotations, texts and imports are left alone."""

    def __init__(self) -> None:
        self.found: list[tuple[cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation | cst.Import | cst.ImportFrom | cst.Decorator | cst.SimpleString):
            return False
        if isinstance(node, cst.SimpleStatementLine) and _is_text(node):
            return False
        if isinstance(node, cst.Arg) and node.keyword is not None and node.keyword.value in UNSEEN:
            return False
        self.found.extend((node, new) for new in _changes(node))
        return True


def _changes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind, operator in mutators.mutation_operators:
        if isinstance(node, kind):
            if operator in TAKEN:
                yield from operator(node)
            elif operator is mutators.operator_arg_removal:
                yield from _dropped_arguments(node, operator(node))
    if isinstance(node, cst.Integer):
        yield cst.parse_expression(f"({node.evaluated_value - 1})")
    elif isinstance(node, cst.Float) and not 0 < node.evaluated_value < SMALL:
        yield cst.parse_expression(f"({node.evaluated_value * 0.9 or 0.05!r})")
    elif isinstance(node, cst.SimpleStatementLine) and isinstance(node.body[0], cst.Expr | cst.Raise | cst.AugAssign):
        yield node.with_changes(body=[cst.Pass()])


def _dropped_arguments(call: cst.Call, changed: Iterable[cst.Call]) -> Iterator[cst.Call]:
    # Only keywords: without a positional argument a call fails or means another thing altogether.
    for new in changed:
        if len(new.args) < len(call.args):
            keyword = next(a for a in call.args if a not in new.args).keyword
            if keyword is not None and keyword.value not in UNSEEN:
                yield new


def _is_text(line: cst.SimpleStatementLine) -> bool:
    statement = line.body[0]
    return isinstance(statement, cst.Expr) and isinstance(statement.value, cst.SimpleString | cst.ConcatenatedString)


def _shown(source: str, changed: str, line: int) -> Mutant:
    before, after = source.splitlines(), changed.splitlines()
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), line - 1)
    return Mutant(changed, at + 1, before[at].strip(), after[at].strip())
