"""What the check of a data set found, as a table and lists."""

from __future__ import annotations

from cdnet.data.check import Check
from cdnet.shown_text import harmless

SHOWN = 10
"""Entries of a list that are shown; ``--json`` has them all."""


def as_text(found: Check) -> str:
    """Return the findings as an aligned table and lists."""
    lines = [harmless(f"{found.root}, read as {found.name}"), ""]
    for purpose, sentences in found.obstacles.items():
        said = [sentence.removeprefix(f"{found.root}: ") for sentence in sentences]
        lines += [harmless(f"{purpose}: {sentence}") for sentence in said or ("nothing in the way",)]
    lines += [""] if found.obstacles else []
    lines.append(f"{'split':10}{'pictures':>10}{'identities':>12}{'cameras':>9}{'no camera':>11}{'1 picture':>11}")
    for name, split in found.splits.items():
        lines.append(
            f"{name:10}{split.pictures:>10,}{split.identities:>12,}{split.cameras:>9}"
            f"{split.without_camera:>11,}{split.single:>11,}"
        )
        if name in found.published:
            pictures, identities, cameras = found.published[name]
            lines.append(f"{'published':>10}{pictures:>10,}{identities:>12,}{cameras:>9}")
    lines.append("")
    if found.published:
        differing = ", ".join(found.unpublished)
        lines.append(f"not the published counts: {differing}" if differing else "all counts are the published ones")
    lines += [f"{count:,} pictures ignored: {reason}" for reason, count in found.ignored.items()]
    lines += found.notes
    if found.turned:
        lines.append(f"{found.turned:,} pictures turned upright, as their EXIF data say")
    lines.append(f"{found.unmatched:,} queries without a match in the gallery")
    lines.append(f"{found.copied:,} queries matched by a copy of themselves in the gallery")
    duplicates = [" = ".join(group) for group in found.duplicates]
    for title, entries in (
        ("splits without pictures", found.empty),
        ("identities shared between training and test", found.shared),
        ("names written in several ways and taken as one", found.joined),
        ("names that are hardly different and taken as several", found.alike),
        ("names or rows that do not parse", found.unparsed),
        ("listed pictures that are not there", found.missing),
        ("pictures of which two things are said", found.conflicts),
        ("unreadable pictures", found.unreadable),
        ("files or folders passed over", found.passed_over),
        ("groups of duplicate pictures", duplicates),
    ):
        lines.append(f"{len(entries):,} {title}")
        lines += [f"  {harmless(entry)}" for entry in entries[:SHOWN]]
        if len(entries) > SHOWN:
            lines.append(f"  and {len(entries) - SHOWN:,} more (--json lists all)")
    return "\n".join(lines)
