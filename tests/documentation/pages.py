"""What README and the site show, block by block."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SITE = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "docs/figures/README.md"]
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in (ROOT / "README.md", *SITE)}
OURS = re.compile(r"(?:torchrun .* -m )?cdnet (.*)")


@dataclass(frozen=True)
class Block:
    """A block of code: its page, its language (none for a shell's lines), and its text."""

    page: str
    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        """A shell's lines, each a whole command without its comment."""
        joined = self.text.replace("\\\n", " ").splitlines()
        return [" ".join(re.sub(r"\s#.*", "", line).split()) for line in joined if line.strip()]


def blocks(language: str | None = None) -> list[Block]:
    """Every block of every page, or those of one language, in the order in which they stand."""
    found = [
        Block(page, *match)
        for page, text in PAGES.items()
        for match in re.findall(r"^```([^\n`]*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    ]
    return [block for block in found if language in (None, block.language)]


def shell_lines() -> dict[str, str]:
    """Every line of a shell, once, with the page that has it first."""
    found: dict[str, str] = {}
    for block in blocks(""):
        for line in block.lines:
            found.setdefault(line, block.page)
    return found


def spans() -> list[tuple[str, str]]:
    """Every piece of code within a sentence, with its page."""
    found = []
    for page, text in PAGES.items():
        prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
        found += [(page, " ".join(span.split())) for span in re.findall(r"`([^`]+)`", prose)]
    return found
