"""``cdnet data check`` and ``cdnet data draw``."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cdnet.cli.arguments import choose, parser
from cdnet.errors import CdnetError
from cdnet.shown_text import harmless, say, say_block

if TYPE_CHECKING:
    from cdnet.data.check import Check

SHOWN = 10
"""Entries of a list that are printed; ``--json`` has them all."""


def main(words: list[str]) -> None:
    """Run ``check`` or ``draw``."""
    actions = {"check": check, "draw": draw}
    if words[:1] in (["-h"], ["--help"]):
        say(
            "usage: cdnet data check ROOT | cdnet data draw OUT",
            "",
            "`cdnet data check --help` and so on explain each.",
        )
        return
    actions[choose("data", words, actions)](words[1:])


def check(words: list[str]) -> None:
    """Report splits, counts, and what is wrong with a data set.

    Raises:
        CdnetError: if something is wrong that training or evaluation would stumble over.
    """
    from cdnet.data.layout import LAYOUTS, read_data
    from cdnet.data.obstacles import PURPOSES

    made = parser("data check", "Report a data set's splits and counts, and what is wrong with it.")
    made.add_argument("root", type=Path, help="folder or CSV file with the pictures")
    made.add_argument("--layout", default="auto", help=f"one of {', '.join(LAYOUTS)}")
    made.add_argument("--holdout", type=float, default=0.3, help="share of identities held out where no split is given")
    made.add_argument("--for", nargs="+", choices=PURPOSES, default=[*PURPOSES], help="what the pictures are to serve")
    made.add_argument("--batch.identities", type=int, default=16, help="identities of a batch, as in the recipe")
    made.add_argument("--json", type=Path, help="also write all findings to this file")
    options = made.read(_as_of_recipes(words))

    from cdnet.data.check import check_data
    from cdnet.files import write_text
    from cdnet.progress import shown

    data = read_data(options.root, options.layout, options.holdout)
    found = check_data(data, shown, options["for"], options.batch.identities)
    say_block(as_text(found))
    if options.json is not None:
        write_text(options.json, json.dumps(asdict(found), indent=1) + "\n")
    if not found.sound:
        hindered = [purpose for purpose, sentences in found.obstacles.items() if sentences]
        for_what = f" for {', '.join(hindered)}" if hindered else ""
        raise CdnetError(f"{found.root}: not sound{for_what}; see the findings above")


def _as_of_recipes(words: list[str]) -> list[str]:
    # What other commands say of --data.layout and --data.holdout holds here too.
    return [re.sub(r"^--data\.(layout|holdout)(?==|$)", r"--\1", word) for word in words]


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


def draw(words: list[str]) -> None:
    """Draw pedestrians in Market-1501's layout."""
    made = parser("data draw", "Draw pedestrians in Market-1501's layout, the same from the same seed.")
    made.add_argument("out", type=Path, help="folder to make")
    made.add_argument("--identities-train", type=int, default=200)
    made.add_argument("--identities-test", type=int, default=100)
    made.add_argument("--cameras", type=int, default=4)
    made.add_argument("--pictures-per-camera", type=int, default=3)
    made.add_argument("--distractors", type=int, default=100)
    made.add_argument("--junk", type=int, default=50)
    made.add_argument("--size", default="128x64", help="height x width")
    made.add_argument("--seed", type=int, default=0)
    options = made.read(words)

    from cdnet.draw.market import draw_market1501
    from cdnet.model_input import parse_size

    draw_market1501(
        options.out,
        identities_train=options.identities_train,
        identities_test=options.identities_test,
        cameras=options.cameras,
        pictures_per_camera=options.pictures_per_camera,
        distractors=options.distractors,
        junk=options.junk,
        seed=options.seed,
        size=parse_size(options.size),
    )
    say(f"drawn: {options.out}")
