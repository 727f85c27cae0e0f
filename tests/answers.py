"""Every hidden answer of the lessons put to its check; ``python tests/answers.py`` prints a table of what they got."""

import contextlib
import functools
import os
import sys
import tempfile
from pathlib import Path

import matplotlib
from scripts import script

import usft_lib as usft

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
builder = script("notebooks/build.py")
LESSONS = [lesson["name"] for lesson in builder.ready(builder.manifest(NOTEBOOKS))]


def heavy(cell) -> bool:
    return bool({"train", "real-image"} & set(cell.metadata.get("tags", [])))


@functools.cache
def cells_of(name: str) -> list:
    """A lesson's cells: its source is read once for all of its answers."""
    return builder.shown_cells(NOTEBOOKS / "source" / f"{name}.py")


def refusal(name: str, answer: dict) -> str | None:
    """What the check says to a hidden answer of a lesson; None if it is content."""
    cells = cells_of(name)
    checked = max(k for k in range(answer["after"] + 1) if "# BEGIN CHECK" in cells[k].source)
    known: dict = {}
    for cell in cells[:checked]:
        if cell.cell_type == "code" and not heavy(cell):
            exec(compile(cell.source, name, "exec"), known)
    exec(compile(answer["code"], f"{name}, {answer['kind']}", "exec"), known)
    try:
        exec(cells[checked].source, known)
    except usft.WrongAnswer as error:
        return str(error)
    return None


def main() -> int:
    matplotlib.use("Agg")
    os.environ["USFT_PROGRESS"] = str(Path(tempfile.mkdtemp()) / "progress.json")
    os.chdir(NOTEBOOKS)
    failed = 0
    print(f"{'lesson':22s}{'wrong':>7s}{'refused':>9s}{'by their hint':>15s}{'right':>7s}{'accepted':>10s}")
    for name in LESSONS:
        answers = builder.hidden_answers(NOTEBOOKS / "source" / f"{name}.py")
        with contextlib.redirect_stdout(None):
            said = [refusal(name, answer) for answer in answers]
        wrong = [(a, s) for a, s in zip(answers, said, strict=True) if a["kind"] == "WRONG"]
        right = [s for a, s in zip(answers, said, strict=True) if a["kind"] == "RIGHT"]
        refused, hinted = sum(s is not None for _, s in wrong), sum(a["hint"] in (s or "") for a, s in wrong)
        print(f"{name:22s}{len(wrong):7d}{refused:9d}{hinted:15d}{len(right):7d}{right.count(None):10d}", flush=True)
        failed += len(wrong) - hinted + len(right) - right.count(None)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
