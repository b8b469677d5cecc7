"""What a user says of a network's input, and whether that is enough."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cdnet.errors import CdnetError
from cdnet.model_input import parse_size
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.runtime.said import Said


@dataclass(frozen=True)
class Given:
    """What a user says of a network's input; None where nothing is said.

    Args:
        size: height x width.
        channels: rgb or bgr.
        range: the value of a byte of 255.
        mean: of the channels, in the network's order and range.
        std: their deviation.
    """

    size: str | None = None
    channels: Literal["rgb", "bgr"] | None = None
    range: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name, three in (("mean", self.mean), ("std", self.std)):
            if three is None:
                continue
            numbers = _numbers(three)
            if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
                raise CdnetError(f"{name} needs three finite numbers, one a channel, not {three!r}")
            if name == "std" and min(numbers) <= 0:
                raise CdnetError(f"std needs three numbers above 0, not {list(numbers)}")
            object.__setattr__(self, name, numbers)
        if self.channels not in (None, "rgb", "bgr"):
            raise CdnetError(f"channels are 'rgb' or 'bgr', not {self.channels!r}")
        if self.range is not None:
            limit = _numbers((self.range,))
            if not limit or not 0 < limit[0] <= 65535:
                raise CdnetError(f"range is what a byte of 255 becomes, such as 1 or 255, not {self.range!r}")
            object.__setattr__(self, "range", limit[0])
        if self.size is not None and not isinstance(self.size, str):
            # Python's users give height and width; what is no size parse_size refuses.
            sides = "x".join(f"{side:g}" for side in _numbers(self.size))
            object.__setattr__(self, "size", sides or str(self.size))

    def refuse(self, path: Path | str, option: str) -> None:
        """See that nothing is said of a file that says it itself.

        Args:
            path: of the file.
            option: what the options are called, before their last part; empty where they are arguments.

        Raises:
            CdnetError: if something is said.
        """
        if self != Given():
            name = _called(option, "size")
            raise CdnetError(f"{path} says itself what its input is to be like; leave out {name} and the like")

    def complete(
        self, path: Path, size: tuple[int | None, int | None], option: str, said: Said | None = None
    ) -> Preprocessing:
        """Return the pre-processing of a file: what it says itself, or what is given of it.

        Args:
            path: of the file, for what is said of it.
            size: height and width that the file has fixed, None where they are free.
            option: what the options are called, before their last part; empty where they are arguments.
            said: what the file says of itself, None if it says no more than height and width, or not even those.

        Raises:
            CdnetError: if it is not known what the network wants, if both say it, or if the file contradicts itself.
        """
        if said is not None:
            self.refuse(path, option)
            wanted = said.preprocessing.size
            if any(side not in (None, known) for side, known in zip(size, wanted, strict=True)):
                raise CdnetError(
                    f"{path} takes pictures of {size[0]}x{size[1]} and its metadata say {wanted[0]}x{wanted[1]}; "
                    "somebody changed one of the two, so export it anew"
                )
            return said.preprocessing
        lacking = [name for name, value in (("channels", self.channels), ("range", self.range)) if value is None]
        fixed = None if None in size else f"{size[0]}x{size[1]}"
        if fixed is None and self.size is None:
            lacking.insert(0, "size")
        if lacking:
            options = ", ".join(_called(option, name) for name in lacking)
            raise CdnetError(
                f"{path} does not say what its input is to be like; give {options} (sizes as 256x128, channels rgb or "
                f"bgr, range 1 or 255), and {_called(option, 'mean')} and {_called(option, 'std')} if it wants them"
            )
        if fixed is not None and self.size not in (None, fixed):
            raise CdnetError(f"{path} takes pictures of {fixed}, not of {_called(option, 'size')} {self.size}")
        assert self.channels is not None
        assert self.range is not None
        return Preprocessing(
            parse_size(self.size or fixed or ""),
            self.channels,
            self.range,
            self.mean or (0.0, 0.0, 0.0),
            self.std or (1.0, 1.0, 1.0),
        )


def _numbers(several: object) -> tuple[float, ...]:
    """Return numbers, whatever holds them; none where something else is given, such as words."""
    if isinstance(several, str) or not isinstance(several, Iterable):
        return ()
    found = list(several)
    try:
        return () if any(isinstance(one, str) for one in found) else tuple(map(float, found))
    except (TypeError, ValueError):
        return ()


def _called(option: str, name: str) -> str:
    return f"--{option}{name}" if option else name
