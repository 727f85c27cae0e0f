"""Runs as lines of a table, as CSV and as what a front end draws (lesson 06)."""

import csv
import io

from .runs import Run

POINTS = 120  # of a loss curve: more cannot be seen


def rows(runs: list[Run], references: dict[str, dict]) -> list[dict]:
    """A line a run that ended and is not hidden, and one a reference, best Dice first."""
    found = [row(run) for run in runs if run.dice is not None and not run.hidden]
    blank = dict.fromkeys(("groups", "steps_to_95", "seconds_to_95", "guess", "guess_error"))
    for name, reference in references.items():
        ends = {key: reference[key] for key in ("dice", "low", "high")}
        more = {"run": None, "strategy": name, "trainable": 0, "steps": 0, "seconds": 0.0, "status": "reference"}
        found.append(blank | more | ends)
    return sorted(found, key=lambda row: -row["dice"])


def row(run: Run) -> dict:
    """The scoreboard's line of a run that ended."""
    reached = run.to_plateau or (None, None)
    return {
        "run": run.number, "strategy": run.label, "groups": " ".join(run.groups), "trainable": run.trainable,
        "dice": run.dice, "low": run.low, "high": run.high, "steps": len(run.seconds),
        "steps_to_95": reached[0], "seconds_to_95": reached[1], "seconds": run.seconds[-1], "guess": run.guess,
        "guess_error": None if run.guess is None else run.guess - run.dice, "status": run.status,
    }  # fmt: skip


def as_csv(lines: list[dict]) -> str:
    """The lines as CSV. Text that a spreadsheet would take for a formula gets an apostrophe in front."""
    file = io.StringIO()
    names = ["run", "strategy", *(name for name in lines[0] if name not in ("run", "strategy"))]
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    writer.writerows([{key: _plain(value) for key, value in line.items()} for line in lines])
    return file.getvalue()


def _plain(value):
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def told(run: Run, outlined: bool) -> dict:
    """A run as plain values for a front end: its curves, if wanted its newest outlines, how long it will take."""
    rate = run.rate
    reached = run.to_plateau or (None, None)
    return {
        "run": run.number, "label": run.label, "groups": run.groups, "colour": run.number - 1, "status": run.status,
        "step": len(run.seconds), "steps": run.steps, "loss": curve(run.loss), "val": [list(p) for p in run.val],
        "rate": rate, "left": (run.steps - len(run.seconds)) / rate if rate and run.status == "running" else None,
        "guess": run.guess, "dice": run.dice, "low": run.low, "high": run.high, "trainable": run.trainable,
        "steps_to_95": reached[0], "seconds_to_95": reached[1], "seconds": run.seconds[-1] if run.seconds else 0.0,
        "hidden": run.hidden,
        "outlines": run.outlines if outlined else {},
    }  # fmt: skip


def curve(loss: list[float]) -> list[list[float]]:
    """``[[step, loss], …]``, averaged over stretches so that there are at most 120."""
    stretch = -(-len(loss) // POINTS) or 1
    parts = [loss[k : k + stretch] for k in range(0, len(loss), stretch)]
    return [[k * stretch + len(part), round(sum(part) / len(part), 4)] for k, part in enumerate(parts)]
