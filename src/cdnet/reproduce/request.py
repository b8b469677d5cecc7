"""What is asked for of a table beside its rows: by what settings and seeds, on which pictures, in which folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cdnet.reproduce.plan import Setting

Times = Literal["first", "only", "none"]


@dataclass(frozen=True)
class Request:
    """How a table is reproduced.

    Args:
        setting: by which settings its rows are run.
        root: folder of the data set, or one that holds several; None trains nothing.
        cache: folder of decoded pictures, or None for the usual one.
        out: folder of runs, tables and report, which several tables share; None keeps nothing.
        seeds: every row is run with each.
        times: of Tables 1 and 12: measured before the rows are trained, and kept; measured anew and nothing trained;
            or not measured.
        rounds: of the times.
        device: auto, cpu or cuda.
    """

    setting: Setting
    root: Path | None = None
    cache: Path | None = None
    out: Path | None = None
    seeds: tuple[int, ...] = (0,)
    times: Times = "first"
    rounds: int = 5
    device: str = "auto"

    @property
    def folder(self) -> Path:
        """``out``, where there has to be one."""
        assert self.out is not None
        return self.out

    def words(self, root: str = "DIR", out: str = "OUT") -> Mapping[str, str | None]:
        """Return the options of a command that say where things are; ``root`` and ``out`` stand for what is not given.

        None stands for what may be left out.
        """
        return {
            "data.root": root if self.root is None else str(self.root),
            "data.cache": None if self.cache is None else str(self.cache),
            "out": out if self.out is None else str(self.out),
            "device": None if self.device == "auto" else self.device,
        }
