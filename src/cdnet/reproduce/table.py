"""A table of the paper reproduced: its times, its rows trained, its figures beside ours, and the report of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cdnet.errors import CdnetError, StoppedError, UsageError
from cdnet.reproduce.paper import Paper, PaperTable
from cdnet.reproduce.report import PAGE, ComparedTable, csv_name, write_page, write_table
from cdnet.reproduce.request import Request
from cdnet.reproduce.rows import compare_jobs, gather_others, gather_table, plan_job, times_name
from cdnet.reproduce.runner import NO_DATA, Job, check_recipes, collect, find_starts, missing_data, run_jobs
from cdnet.reproduce.times import measure, read_times


@dataclass(frozen=True)
class Reproduced:
    """What came of the rows that were asked for.

    Args:
        compared: they beside the paper's, with what is finished of them.
        notes: which data are missing, a sentence each.
        jobs: the rows, with what went wrong with each.
        seeds: that each was to be run with.
    """

    compared: ComparedTable
    notes: Sequence[str]
    jobs: Sequence[Job]
    seeds: Sequence[int]

    def refuse_failures(self) -> None:
        """See that no row failed.

        Raises:
            CdnetError: that says how many did, and why the first of them.
        """
        failed = [f"{job.row.name}, seed {seed}: {why}" for job in self.jobs for seed, why in job.failures.items()]
        if failed:
            tried = sum(len(job.seeded(self.seeds)) for job in self.jobs)
            raise CdnetError(f"{len(failed)} of {tried} rows failed, first {failed[0]}")


def reproduce(paper: Paper, table: PaperTable, asked: PaperTable, request: Request) -> Reproduced:
    """Count, time and train what is asked for and not finished yet, and put it beside the paper's figures.

    Args:
        paper: all its tables.
        table: one of them.
        asked: the same, with the rows that are asked for.
        request: how. Without pictures nothing is trained, and what is finished in its folder is shown, by whatever
            settings.

    Raises:
        CdnetError: if a recipe makes no sense, or pictures or weights were named and are not there, or a folder cannot
            be written. A row that fails is told by :class:`Reproduced`.
        KeyboardInterrupt: if Ctrl-C or a termination signal came; the report of what is finished is written, and the
            same call goes on from there.
    """
    if table.runs and request.root is not None and request.out is None:
        raise UsageError("no folder for the runs; give one with --out")
    setting, out = request.setting, request.out
    jobs = [plan_job(row, request, setting) for row in asked.rows]
    if out is not None and (request.root is not None or request.times == "only"):
        _time(asked, jobs, request)
    if out is not None and request.root is None:  # nothing can be trained
        trained = {row.row.name for row in gather_table(asked, request, setting, jobs).trained}
        notes = _leave_out_missing([job for job in jobs if job.recipe and job.row.name not in trained], request)
        return Reproduced(gather_table(asked, request, setting, jobs), notes, jobs, request.seeds)
    if out is not None:
        collect(jobs, request.seeds, out)
    unfinished = [job for job in jobs if job.recipe is not None and len(job.results) < len(request.seeds)]
    notes = _leave_out_missing(unfinished, request)
    if out is not None and unfinished and request.times != "only":
        try:
            _train(jobs, request.seeds, out)
        except KeyboardInterrupt:
            write_report(paper, table, jobs, request)
            raise
    return Reproduced(compare_jobs(asked, jobs, setting.scale, out), notes, jobs, request.seeds)


def write_report(paper: Paper, table: PaperTable, jobs: Sequence[Job], request: Request) -> Path:
    """Write a table's CSV file, and the page of all tables of its folder, and return the page's path.

    Raises:
        CdnetError: if one of them cannot be written.
    """
    whole = gather_table(table, request, request.setting, jobs)
    write_table(request.folder / csv_name(whole), whole)
    page = request.folder / PAGE
    write_page(page, [*paper.tables.values()], gather_others(paper, whole, request))
    return page


def _time(table: PaperTable, jobs: Sequence[Job], request: Request) -> None:
    """Measure the times of a table's rows, unless ``request.times`` is none or they are kept already."""
    if not table.timed:
        if request.times == "only":
            raise CdnetError(f"--times only: {table.name} has no times; Tables 1 and 12 have")
        return
    if request.times == "none":
        return
    name = times_name(table, request.setting.scale)
    kept = read_times(request.folder, name)
    timed = [job for job in jobs if job.recipe is not None]
    if request.times == "first" and kept is not None and all(kept.of(job) for job in timed):
        return
    for job in timed:
        missing = "" if job.row.search is not None else _missing(job, request)
        if missing:
            raise CdnetError(missing)
    measure(timed, request.folder, name, request.rounds, request.device)


def _train(jobs: Sequence[Job], seeds: Sequence[int], out: Path) -> None:
    check_recipes(jobs)
    find_starts(jobs, seeds)
    try:
        run_jobs(jobs, seeds, out)
    except StoppedError as stopped:
        where = str(stopped).partition(";")[0]
        raise KeyboardInterrupt(f"{where}; the same command goes on from there") from None


def _leave_out_missing(jobs: Sequence[Job], request: Request) -> list[str]:
    """Mark those unfinished jobs whose data are missing, and say which; refuse if a folder was given and has none.

    Raises:
        CdnetError: if data were given, and no unfinished row has its own there.
    """
    said: dict[str, str] = {}
    for job in jobs:
        assert job.row.run is not None
        name = job.row.run.protocol.name
        if name not in said:
            said[name] = _missing(job, request)
        if said[name]:
            job.why = NO_DATA
    notes = [note for note in said.values() if note]
    if request.root is not None and notes and len(notes) == len(said):
        raise CdnetError(notes[0])
    return notes


def _missing(job: Job, request: Request) -> str:
    assert job.row.run is not None
    assert job.recipe is not None
    protocol = job.row.run.protocol
    return missing_data(protocol, protocol.data[request.setting.scale], job.recipe)
