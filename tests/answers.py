"""Every answer of the lessons put to its check; ``python tests/answers.py`` prints a table of what they got.

``python tests/answers.py --json SOURCE …`` prints ``{source: {"hidden": […], "unwritten": […]}}``: what the checks said
to each hidden answer and to each exercise that is not written yet, null where they were content.
"""

import ast
import contextlib
import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import torch
from scripts import script

import usft_lib as usft
from usft_lib import training

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
builder = script("notebooks/build.py")
LESSONS = [lesson["name"] for lesson in builder.ready(builder.manifest(NOTEBOOKS))]
CAN_FORK = sys.platform == "linux"  # macOS has os.fork, but its system libraries do not survive it


def heavy(cell) -> bool:
    return bool({"train", "real-image"} & set(cell.metadata.get("tags", [])))


def tried(source: Path) -> dict[str, list[str | None]]:
    """What the checks of a lesson's source say to its answers, in order, see above.

    The lesson's cells are executed once, from top to bottom: the light ones, and all of them, with trainings of three
    steps, where an exercise reads a result. At each check every answer is tried in a process of its own, forked from
    this one: whatever it changes is gone with it. Where processes cannot be forked, the cells are executed again for
    each answer.
    """
    cells, hidden = builder.shown_cells(source), builder.hidden_answers(source)
    if not any("reading" in cell.metadata.get("tags", []) for cell in cells):
        cells = [cell for cell in cells if not heavy(cell)]
        for answer in hidden:  # places count from the cells that are left
            shown = builder.shown_cells(source)[: answer["after"] + 1]
            answer["after"] = sum(not heavy(cell) for cell in shown) - 1
    checks = [k for k, cell in enumerate(cells) if "# BEGIN CHECK" in cell.source]
    said, known, done = {"hidden": [], "unwritten": []}, {}, 0
    for check, following in zip(checks, [*checks[1:], len(cells)], strict=True):
        exercise = next(cell.source for cell in reversed(cells[:check]) if "# BEGIN SOLUTION" in cell.source)
        unwritten = [builder.stub(exercise)]
        if "reading" in cells[check].metadata.get("tags", []):  # its check may be run, though the answer was not
            unwritten.append(f"del {', '.join(sorted(assigned(exercise)))}")
        answers = [*unwritten, *(a["code"] for a in hidden if check <= a["after"] < following)]
        if CAN_FORK:
            # The check as well: what PyTorch loads at its first use is then loaded once for all answers.
            known = executed(cells[done : check + 1], known)
            done = check + 1
            found = apart([(code, cells[check].source, known) for code in answers])
        else:
            found = [refusal(code, cells[check].source, executed(cells[: check + 1], {})) for code in answers]
        said["unwritten"] += found[: len(unwritten)]
        said["hidden"] += found[len(unwritten) :]
    return said


def assigned(code: str) -> set[str]:
    """The names that a cell sets outside of its functions."""
    targets = [t for line in ast.parse(code).body if isinstance(line, ast.Assign) for t in line.targets]
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def briefly() -> None:
    """Trainings of three steps, and no range holds: how a result is read does not depend on what it is."""
    step = training.Training.step

    def first_and_last(self):
        if self.done < 2 or self.done in self.unfreeze_at or self.done == self.steps - 1:
            return step(self)
        self.done += 1
        self._record(torch.full((), 0.5), time.perf_counter())

    training.Training.step = first_and_last
    usft.check_range = lambda *given, **more: None


def executed(cells: list, known: dict) -> dict:
    """A namespace after these cells."""
    for cell in cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, "a cell", "exec"), known)
            plt.close("all")  # as a notebook does
    return known


def refusal(answer: str, check: str, known: dict) -> str | None:
    """What a check says to an answer, in a namespace that both of them may change; of another error, its traceback."""
    try:
        exec(compile(answer, "an answer", "exec"), known)
        exec(compile(check, "its check", "exec"), known)
    except (usft.WrongAnswer, usft.Todo) as error:
        return str(error)
    except Exception:
        return traceback.format_exc()
    return None


def apart(calls: list[tuple]) -> list[str | None]:
    """What `refusal` returns for each tuple of arguments, each called in a copy of this process, all at once."""
    children = []
    for arguments in calls:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                with open(writing, "w", encoding="utf-8") as pipe:
                    json.dump(refusal(*arguments), pipe)
            finally:
                os._exit(0)
        os.close(writing)
        children.append((child, reading))
    told = []
    for child, reading in children:
        with open(reading, encoding="utf-8") as pipe:
            told.append(pipe.read())
        os.waitpid(child, 0)
    return [json.loads(text) if text else "the process that tried this answer has died" for text in told]


def main(arguments: list[str]) -> int:
    matplotlib.use("Agg")
    sources = {name: Path(name).resolve() for name in arguments[1:]}
    asked = [name for name in LESSONS if not arguments or name[:2] in arguments]
    if arguments[:1] != ["--json"] and len(asked) < len(set(arguments)):
        print(f"python tests/answers.py, or with lessons: {' '.join(name[:2] for name in LESSONS)}")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"USFT_DATA": folder, "USFT_MIRROR": "", "USFT_PROGRESS": f"{folder}/progress.json"}
        os.chdir(NOTEBOOKS)
        briefly()
        if arguments[:1] == ["--json"]:
            with contextlib.redirect_stdout(None):
                found = {name: tried(source) for name, source in sources.items()}
            print(json.dumps(found))
            return 0
        failed = 0
        print(f"{'lesson':22s}{'wrong':>7s}{'refused':>9s}{'by their hint':>15s}{'right':>7s}{'accepted':>10s}")
        for name in asked:
            source = NOTEBOOKS / "source" / f"{name}.py"
            with contextlib.redirect_stdout(None):
                said = list(zip(builder.hidden_answers(source), tried(source)["hidden"], strict=True))
            wrong = [(a, s) for a, s in said if a["kind"] == "WRONG"]
            right = [s for a, s in said if a["kind"] == "RIGHT"]
            refused, hinted = sum(s is not None for _, s in wrong), sum(a["hint"] in (s or "") for a, s in wrong)
            row = f"{name:22s}{len(wrong):7d}{refused:9d}{hinted:15d}{len(right):7d}{right.count(None):10d}"
            print(row, flush=True)
            for answer, told in said:
                if (answer["kind"] == "WRONG") != (told is not None) or answer["hint"] not in (told or answer["hint"]):
                    print(f"  {answer['kind']} {answer['hint']!r}: {told or 'accepted'}")
            failed += len(wrong) - hinted + len(right) - right.count(None)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
