"""Every lesson: the solution says what it said (nbval), the student copy stops kindly, the checks can be trusted."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

if os.environ.get("USFT_WHEEL_ONLY"):
    pytest.skip("needs the repository, and only the wheel is tested here (2026-11-23)", allow_module_level=True)

import nbformat
from answers import LESSONS, NOTEBOOKS, builder, heavy, refusal
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

EXERCISES = [
    (name, number, answer)
    for name in LESSONS
    for number, answer in enumerate(builder.hidden_answers(NOTEBOOKS / "source" / f"{name}.py"))
]


def nbval(path: Path, **environment) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300"]
    return subprocess.run(
        [*command, "-q", "-p", "no:cacheprovider", "--rootdir", str(path.parent), str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "USFT_PROFILE": "quick", **environment},
        cwd=path.parent,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", LESSONS)
def test_the_solution_runs_and_says_what_it_said(name, real_cache):
    mirror = os.environ.get("USFT_MIRROR", "")
    done = nbval(NOTEBOOKS / "solutions" / f"{name}.ipynb", USFT_MIRROR=mirror, USFT_DATA=str(real_cache))
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout


TINY = nbformat.v4.new_notebook(
    cells=[nbformat.v4.new_code_cell("# NBVAL_CHECK_OUTPUT\nprint(6 * 7)", execution_count=1)],
    metadata={"kernelspec": builder.KERNEL},
)


@pytest.mark.parametrize("fault, passes", [("none", True), ("digit", False), ("unrun", False)])
def test_nbval_notices_a_changed_digit_and_an_unrun_notebook(tmp_path, fault, passes):
    book = nbformat.from_dict(TINY)
    book.cells[0].outputs = [
        nbformat.v4.new_output("stream", name="stdout", text="43\n" if fault == "digit" else "42\n")
    ]
    book.cells[0].execution_count = None if fault == "unrun" else 1
    (tmp_path / "conftest.py").write_text((NOTEBOOKS / "conftest.py").read_text())
    nbformat.write(book, tmp_path / "tiny.ipynb")
    assert (nbval(tmp_path / "tiny.ipynb").returncode == 0) == passes


@pytest.mark.parametrize("name", LESSONS)
def test_the_students_copy_stops_at_its_first_exercise_with_one_line(name, cache):
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    first = next(k for k, cell in enumerate(book.cells) if "raise usft.Todo" in cell.source)
    # Cells that train come before no exercise's first check, or this would be slow: run only what the check needs.
    book.cells = [c for k, c in enumerate(book.cells) if k >= first or not heavy(c)]
    with pytest.raises(CellExecutionError):
        NotebookClient(book, timeout=120, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    stopped = [cell for cell in book.cells if any(o.output_type == "error" for o in cell.get("outputs", []))]
    assert len(stopped) == 1 and "usft.check(" in stopped[0].source
    error = next(o for o in stopped[0].outputs if o.output_type == "error")
    assert error.ename == "Todo" and len(error.traceback) == 1 and error.traceback[0].startswith("✎ Your turn: ")


@pytest.mark.parametrize("name", LESSONS)
def test_with_the_references_put_in_the_copy_is_the_solution(name):
    student = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    solution = nbformat.read(NOTEBOOKS / "solutions" / f"{name}.ipynb", as_version=4)
    references = iter([m.group(0) for cell in solution.cells for m in builder.SOLUTION.finditer(cell.source)])
    for ours, theirs in zip(student.cells, solution.cells, strict=True):
        put_in = re.sub(r"^[ \t]*raise usft\.Todo\(.*\)$", lambda _: next(references), ours.source, flags=re.M)
        assert put_in == theirs.source
    assert next(references, None) is None


@pytest.mark.parametrize("name, number, answer", EXERCISES, ids=[f"{n}-{a['kind']}-{k}" for n, k, a in EXERCISES])
def test_wrong_answers_fail_with_their_hint_and_right_ones_pass(name, number, answer, cache, monkeypatch):
    monkeypatch.chdir(NOTEBOOKS)
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    said = refusal(name, answer)
    if answer["kind"] == "RIGHT":
        assert said is None
    else:
        assert answer["hint"] and answer["hint"] in (said or "it was accepted")


@pytest.mark.parametrize("name", LESSONS)
def test_each_exercise_has_four_wrong_and_three_right_answers(name):
    path = NOTEBOOKS / "source" / f"{name}.py"
    cells = builder.shown_cells(path)
    checks = [k for k, cell in enumerate(cells) if "# BEGIN CHECK" in cell.source]
    assert len(checks) >= 2 and sum("# BEGIN SOLUTION" in c.source for c in cells) >= 2
    for k, following in zip(checks, [*checks[1:], len(cells)], strict=True):
        kinds = [a["kind"] for a in builder.hidden_answers(path) if k <= a["after"] < following]
        assert kinds.count("WRONG") >= 4 and kinds.count("RIGHT") >= 3, f"{name}: the check in cell {k}"


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_has_its_parts(name):
    cells = builder.source_cells(NOTEBOOKS / "source" / f"{name}.py")
    text = "\n".join(cell.source for cell in cells)
    for part in (
        "usft.environment()",
        "usft.guess(",
        "usft.alt(",
        "<details>",
        "does not show",
        "Recap",
        "urther reading",
    ):
        assert part in text, f"{name} lacks {part}"
    assert any("parameters" in cell.metadata.get("tags", []) for cell in cells) and text.count("<details>") >= 3
    assert sum("usft.Quiz(" in cell.source for cell in cells) == 3, f"{name}: three questions"
