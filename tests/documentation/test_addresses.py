"""Addresses outside, in whatever the project says or prints: well-formed, and none that the reader has to fill in.

Nothing is asked of the network.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from tests.documentation.pages import PAGES, ROOT

SPOKEN = ("*.md", "*.py", "*.yaml", "*.toml")
PLAIN = ("127.0.0.1", "localhost", "www.w3.org", "cs231n.stanford.edu")
"""Hosts that are not asked by https: this machine, names of formats, and one that does not speak it."""

GAP = re.compile(r"\b(?:URL|OWNER|USER|YOUR|THIS|NAME|TODO|FIXME)\b")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def texts() -> dict[str, str]:
    """Every page, every model card and table's description, and every file that speaks to a user."""
    found = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml")]
    for folder in ("docs", "results", "src"):
        found += [path for kind in SPOKEN for path in (ROOT / folder).rglob(kind) if "_build" not in path.parts]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in found}


def addresses(text: str) -> list[str]:
    """Every address in a text, without the dot, the comma or the bracket that the sentence goes on with."""
    found = re.findall(r"""\bhttps?:(?!//[\\{])[^\s<>"'`|{}]+""", text)
    return [re.sub(r"[.,;:!?*)\]]+$", "", address) for address in found]


def wrong_with(address: str) -> str:
    """What is wrong with an address, as far as it can be told without asking for it; empty if nothing is."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        return str(error)
    if not address.startswith(f"{parts.scheme}://"):
        return "no // after its scheme"
    if parts.username is not None or port == 0:
        return "a name before its host, or port 0"
    labels = host.split(".")
    if host != "localhost" and (len(labels) < 2 or not all(map(LABEL.fullmatch, labels))):
        return "its host is none"
    if parts.scheme == "http" and host not in PLAIN:
        return "not https"
    if any(part != part.strip() or part in (".", "..") for part in parts.path.split("/")) or "//" in parts.path:
        return "its path is none"
    return "a gap that is to be filled in" if GAP.search(address) else ""


def test_every_address_is_well_formed() -> None:
    found = {(name, address) for name, text in texts().items() for address in addresses(text)}
    assert len(found) > 10
    assert not [(name, address, wrong) for name, address in sorted(found) if (wrong := wrong_with(address))]


@pytest.mark.parametrize(
    "address",
    [
        "http:/example.org/a",
        "https://example",
        "https://exa_mple.org",
        "https://example..org/a",
        "http://example.org/a",
        "https://example.org//a",
        "https://example.org:99999/",
        "https://user@example.org/",
        "https://[::1/",
        "https://example.org/OWNER/NAME",
    ],
)
def test_one_that_is_not_is_noticed(address: str) -> None:
    assert wrong_with(address)


def test_an_address_ends_where_the_sentence_goes_on() -> None:
    assert addresses("See (https://a.org/b), https://d.org/e.html; `https://f.org/x?k=5`.") == [
        "https://a.org/b",
        "https://d.org/e.html",
        "https://f.org/x?k=5",
    ]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_no_page_leaves_an_address_to_the_reader(page: str) -> None:
    assert not re.search(r"\bURL-|\b(?:YOUR|THIS)-[A-Z]+|<(?:url|repository|your)[^>]*>", PAGES[page], re.IGNORECASE)


def test_links_have_addresses_or_files() -> None:
    for page, text in PAGES.items():
        for target in re.findall(r"(?<!`)\[[^\]]+\]\(([^)]*)\)", text):
            file = (ROOT / page).parent / target.partition("#")[0]
            assert wrong_with(target) == "" if "://" in target else file.exists(), f"{page}: {target}"
