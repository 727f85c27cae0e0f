"""Run a grid of the study: `python data_scripts/run_study.py --grid schemes` (lessons 08 to 15).

What is finished is never run again, so the command may be killed at any moment and given again. Finished experiments
lie in a working folder, one file each; now and then they are gathered into usft_lib/results/GRID.jsonl.gz, which is
committed and stays when the grid is edited: tables take from it what the grid asks for, by key. The protocol is
usft_lib/results/PROTOCOL.md. With ``--scheduler tcp://…`` the workers of a Dask cluster do the work.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import usft_lib as usft
from usft_lib.sources.cache import cache_folder
from usft_lib.study import explorer, grids, targets
from usft_lib.study.files import gather, gathered
from usft_lib.study.records import Results, results
from usft_lib.study.report import as_json, read, report, said_of
from usft_lib.study.runner import Study, cores

GATHERED = 16  # experiments between two gatherings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ", ".join(grids.GRIDS)
    parser.add_argument("--grid", required=True, choices=grids.GRIDS, metavar="GRID", help=f"{names} (docs/STUDY.md)")
    parser.add_argument("--quick", action="store_true", help="a slice that takes minutes; never kept")
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=(),
        help="also run these seeds and print the claims with them; VERDICTS.md uses only the planned seeds",
    )
    parser.add_argument("--jobs", type=int, help="processes of one thread each (default: one a core)")
    parser.add_argument("--scheduler", help="address of a Dask scheduler, instead of processes of this machine")
    parser.add_argument("--trust-network", action="store_true", help="the scheduler may be tcp:// beyond this machine")
    parser.add_argument("--minutes", type=float, help="begin no experiment after so many minutes")
    parser.add_argument("--folder", type=Path, help="where results are put (default: in the data folder)")
    parser.add_argument("--status", action="store_true", help="only tell what is done, missing and failed")
    parser.add_argument(
        "--report",
        action="store_true",
        help="run nothing: print the table of what is done, and write results/VERDICTS.md, verdicts.json and "
        "explorer.json from all grids",
    )
    chosen = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")  # a log on Windows may lack a character of a traceback
    try:
        _run(chosen)
    except (usft.BadInput, usft.DataUnavailable) as error:
        parser.exit(1, f"{error}\n")


def _run(chosen) -> None:
    if chosen.seeds and chosen.quick:
        raise usft.BadInput("--quick has seeds of its own: leave --seeds out.")
    experiments = grids.with_seeds(chosen.grid, chosen.seeds) if chosen.seeds else grids.grid(chosen.grid, chosen.quick)
    kept = grids.RESULTS / f"{chosen.grid}.jsonl.gz"
    study = Study(chosen.folder or cache_folder() / "study")
    if kept.exists() and not chosen.quick:
        study.adopt(kept)
    if not (chosen.status or chosen.report):
        _work(study, experiments, chosen, None if chosen.quick else kept)
    records, missing = study.records(experiments), study.missing(experiments)
    # A rate at which training diverges is no candidate, and no reason to choose none.
    tried = all("TrainingDiverged" in (study.failure(e) or "") for e in missing)
    if chosen.grid == "lr" and tried and not (chosen.status or chosen.report):
        rates = grids.choose_rates(records)
        grids.RATES.write_text(json.dumps(rates, indent=1) + "\n", encoding="utf-8")
    failed = [e for e in missing if study.failure(e)]
    print(f"{chosen.grid}: {len(records)} of {len(set(experiments))} done, {len(failed)} failed")
    alike: dict[str, list] = {}  # the same mishap a hundred times is told once
    for e in failed:
        alike.setdefault(study.failure(e).strip(), []).append(e)
    for trace, those in alike.items():
        print(f"{len(those)} failed like this, the first of them {those[0]}:\n{trace}")
    if chosen.seeds and not missing:
        print(*said_of(chosen.grid, records), sep="\n")
    if chosen.report and not chosen.quick:
        complete, begun = _all_grids()
        found = read(complete)
        text = report(found, begun, "python data_scripts/run_study.py --grid schemes --report")
        (grids.RESULTS / "VERDICTS.md").write_text(text, encoding="utf-8")
        plain = json.dumps(as_json(found), indent=1, ensure_ascii=False, allow_nan=False)
        (grids.RESULTS / "verdicts.json").write_text(plain + "\n", encoding="utf-8")
        (grids.RESULTS / "explorer.json").write_text(for_explorer(found), encoding="utf-8")
        print("written: VERDICTS.md, verdicts.json, explorer.json")
    if chosen.report or chosen.quick:
        shown = Results(records).table
        if len(shown):
            names = ("target", "source", "n", "strategy", "statistics", "course", "lr")
            rows = ["target", *(n for n in names[1:] if n in shown and shown[n].nunique(dropna=False) > 1)]
            print(shown.fillna("").groupby(rows)[["dice", "val_dice"]].mean().round(3).sort_values("dice").to_string())


def for_explorer(found) -> str:
    """The text of explorer.json, an object a line."""
    plain = json.dumps(explorer.as_json(found), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return plain.replace("},", "},\n") + "\n"


def _all_grids() -> tuple[dict[str, list[dict]], dict[str, str]]:
    """The records of each complete grid; and of those that are not, how far they are.

    A verdict before the planned end could be stopped at whichever seed suits.
    """
    found, begun = {}, {}
    for name in grids.GRIDS:
        if name in grids.CHOOSING_GRIDS or not (grids.RESULTS / f"{name}.jsonl.gz").exists():
            continue  # no claim is read from those in which rates are chosen
        there = results(name)
        if there.records:
            if there.missing:
                begun[name] = f"{len(there.records)} of {len(there.records) + there.missing}"
            else:
                found[name] = there.records
    return found, begun


def _work(study: Study, experiments, chosen, kept: Path | None) -> None:
    began, end = time.monotonic(), None if chosen.minutes is None else time.monotonic() + 60 * chosen.minutes
    todo = study.missing(experiments)
    _check_sizes(todo)
    # All workers wait for the last of a portion, so only a time limit cuts the work into small ones.
    portion = len(todo) if end is None else chosen.jobs or cores()
    done = 0
    for start in range(0, len(todo), portion or 1):
        if end is not None and time.monotonic() > end:
            print("The time is up: the rest is left for next time.")
            return
        part = todo[start : start + portion]
        for _, _, how in study.run(part, chosen.jobs, chosen.scheduler, chosen.trust_network):
            done += 1
            print(f"{done} of {len(todo)} {how}, {_time_left(began, done, len(todo))}", flush=True)
            if kept is not None and done % GATHERED == 0:
                _gather(study, experiments, kept)
        if kept is not None:
            _gather(study, experiments, kept)


def _check_sizes(experiments) -> None:
    """Refuse a grid that asks for more images than its targets have, before any of it is run."""
    for name, size, seed in sorted({(e.target, e.size, e.seed) for e in experiments}):
        pool = targets.parts(name, size, seed)[0]
        there = len(set(pool.subjects))
        asked = max(e.n for e in experiments if (e.target, e.size, e.seed) == (name, size, seed))
        if asked > there:
            raise usft.BadInput(f"{name} has {there} subjects to train on (seed {seed}), not {asked}: take fewer.")


def _time_left(began: float, done: int, of: int) -> str:
    seconds = (time.monotonic() - began) / done * (of - done)
    return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"


def _gather(study: Study, experiments, kept: Path) -> None:
    before = {record["key"]: record for record in gathered(kept)} if kept.exists() else {}
    before |= {record["key"]: record for record in study.records(experiments)}
    gather(list(before.values()), kept)


if __name__ == "__main__":
    main()
