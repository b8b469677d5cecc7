"""``cdnet data check`` and ``cdnet data draw``."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

from cdnet.cli.arguments import choose, parser
from cdnet.errors import CdnetError
from cdnet.shown_text import say, say_block


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
    from cdnet.data.findings import as_text
    from cdnet.files import refuse_unwritable, write_text
    from cdnet.progress import shown

    if options.json is not None:
        refuse_unwritable(options.json)
    data = read_data(options.root, options.layout, options.holdout)
    found = check_data(data, shown, options["for"], options.batch.identities)
    if options.json is not None:  # before it is printed, which a closed pipe may end
        write_text(options.json, json.dumps(asdict(found), indent=1) + "\n")
    say_block(as_text(found))
    if not found.sound:
        hindered = [purpose for purpose, sentences in found.obstacles.items() if sentences]
        if found.unreadable and not hindered:
            raise CdnetError(
                f"{found.root}: not sound, for {len(found.unreadable):,} unreadable picture(s) would be left out; mend "
                "or remove them, see the findings above"
            )
        for_what = f" for {', '.join(hindered)}" if hindered else ""
        raise CdnetError(f"{found.root}: not sound{for_what}; see the findings above")


def _as_of_recipes(words: list[str]) -> list[str]:
    # What other commands say of --data.layout and --data.holdout holds here too.
    return [re.sub(r"^--data\.(layout|holdout)(?==|$)", r"--\1", word) for word in words]


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
