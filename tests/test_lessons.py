"""Every lesson: the solution says what it said (nbval), an unwritten exercise stops kindly, checks can be trusted."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

if os.environ.get("USFT_WHEEL_ONLY"):
    pytest.skip("needs the repository, and only the wheel is tested here (2026-11-23)", allow_module_level=True)

import nbformat
from answers import LESSONS, NOTEBOOKS, builder

HIDDEN = {name: builder.hidden_answers(NOTEBOOKS / "source" / f"{name}.py") for name in LESSONS}
EXERCISES = [(name, number) for name in LESSONS for number in range(len(HIDDEN[name]))]


@pytest.mark.slow
@pytest.mark.behind
@pytest.mark.parametrize("name", LESSONS)
def test_the_solution_runs_and_says_what_it_said(name, solutions):
    status, told = solutions[name].get()
    assert status == 0, told[-4000:]
    assert " passed" in told


@pytest.mark.slow
@pytest.mark.behind
def test_nbval_notices_a_changed_digit_and_an_unrun_notebook(tmp_path, notebooks):
    for name, stored, count in (("same", "42\n", 1), ("digit", "43\n", 1), ("unrun", "42\n", None)):
        cell = nbformat.v4.new_code_cell("# NBVAL_CHECK_OUTPUT\nprint(6 * 7)", execution_count=count)
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=stored)]
        book = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": builder.KERNEL})
        nbformat.write(book, tmp_path / f"{name}.ipynb")
    (tmp_path / "conftest.py").write_text((NOTEBOOKS / "conftest.py").read_text())
    status, told = notebooks.begin(tmp_path, "--continue-on-collection-errors", "-rA").get()
    found = re.findall(r"^(PASSED|FAILED|ERROR) (?:.*/)?(\w+)\.ipynb", told, flags=re.M)
    assert {("PASSED", "same"), ("FAILED", "digit"), ("ERROR", "unrun")} <= set(found) and status != 0
    assert ("FAILED", "same") not in found and ("ERROR", "same") not in found, told


@pytest.mark.parametrize("name", LESSONS)
def test_with_the_references_put_in_the_copy_is_the_solution(name):
    student = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    solution = nbformat.read(NOTEBOOKS / "solutions" / f"{name}.ipynb", as_version=4)
    references = iter([m.group(0) for cell in solution.cells for m in builder.SOLUTION.finditer(cell.source)])
    for ours, theirs in zip(student.cells, solution.cells, strict=True):
        put_in = re.sub(r"^[ \t]*raise usft\.Todo\(.*\)$", lambda _: next(references), ours.source, flags=re.M)
        assert put_in == re.sub(r"\n\n<sub>generated from source/.*</sub>$", "", theirs.source)
    assert next(references, None) is None


SPOILT = """# %%
import torch
import usft_lib as usft
nought, LIMIT = torch.zeros(3), 3
# %%
def total(x):
    # BEGIN SOLUTION add up
    return x.sum()
    # END SOLUTION
# %%
# BEGIN CHECK
usft.check(total, {"three ones": ((torch.ones(LIMIT),), 3, "add up.")})
# END CHECK
# %%
# BEGIN WRONG "add up"
LIMIT = 4
nought.add_(1)
total = sum
# END WRONG
# BEGIN RIGHT
def total(x):
    return (x + nought).sum()
# END RIGHT
"""


@pytest.fixture(scope="session")
def checks_say(request, tmp_path_factory):
    """What the checks say to the answers of the lessons that are asked for, all in one process; see answers.py."""
    spoilt = tmp_path_factory.mktemp("source") / "spoilt.py"
    spoilt.write_text(SPOILT)
    wanted = [item for item in request.session.items if "checks_say" in getattr(item, "fixturenames", ())]
    names = {item.callspec.params["name"] for item in wanted if hasattr(item, "callspec")}
    sources = [spoilt, *(NOTEBOOKS / "source" / f"{name}.py" for name in sorted(names))]
    command = [sys.executable, Path(__file__).parent / "answers.py", "--json", *sources]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    return {Path(source).stem: told for source, told in json.loads(done.stdout).items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, number", EXERCISES, ids=[f"{name}-{HIDDEN[name][k]['kind']}-{k}" for name, k in EXERCISES]
)
def test_wrong_answers_fail_with_their_hint_and_right_ones_pass(name, number, checks_say):
    answer, told = HIDDEN[name][number], checks_say[name]["hidden"][number]
    first = next((line for line in answer["code"].splitlines() if line.strip()), "")
    which = f"{name}, the {answer['kind']} answer {answer['hint']!r} that begins with {first!r}"
    if answer["kind"] == "RIGHT":
        assert told is None, f"{which} was refused: {told}"
    else:
        assert answer["hint"] and answer["hint"] in (told or ""), f"{which}: {told or 'it was accepted by all cases'}"


@pytest.mark.slow
def test_an_answer_cannot_spoil_the_next(checks_say):
    wrong, right = checks_say["spoilt"]["hidden"]
    assert "got tensor(4.)" in wrong, "it changes a number and a tensor that the next answer reads"
    assert right is None


@pytest.mark.slow
@pytest.mark.parametrize("name", LESSONS)
def test_an_exercise_that_is_not_written_stops_with_one_line(name, checks_say):
    stops = checks_say[name]["unwritten"]
    assert len(stops) >= 2
    for line in stops:
        assert (line or "").startswith("✎ Your turn: ") and "\n" not in line


@pytest.mark.parametrize("name", LESSONS)
def test_each_exercise_has_four_wrong_and_three_right_answers(name):
    path = NOTEBOOKS / "source" / f"{name}.py"
    cells = builder.shown_cells(path)
    checks = [k for k, cell in enumerate(cells) if "# BEGIN CHECK" in cell.source]
    assert len(checks) >= 2 and sum("# BEGIN SOLUTION" in c.source for c in cells) >= 2
    for k, following in zip(checks, [*checks[1:], len(cells)], strict=True):
        kinds = [a["kind"] for a in HIDDEN[name] if k <= a["after"] < following]
        wrong, right = (2, 1) if "reading" in cells[k].metadata.get("tags", []) else (4, 3)
        few = f"{name}: exercise {builder.exercise(cells[k])} needs {wrong} WRONG and {right} RIGHT answers: {kinds}"
        assert kinds.count("WRONG") >= wrong and kinds.count("RIGHT") >= right, few


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
    checks = [cell for cell in cells if "# BEGIN CHECK" in cell.source]
    written = [cell for cell in checks if "reading" not in cell.metadata.get("tags", [])]
    assert any("parameters" in cell.metadata.get("tags", []) for cell in cells)
    assert text.count("<details>") >= 2 * len(written) + (written != checks), f"{name}: hints, points to look for"
    assert sum("usft.Quiz(" in cell.source for cell in cells) == 3, f"{name}: three questions"


def test_each_way_through_the_course_holds_what_its_lessons_need_and_fits_its_minutes():
    course = builder.manifest(NOTEBOOKS)
    lessons = {one["name"][:2]: one for one in course["lesson"]}
    assert list(course["path"]["all"]["lessons"]) == sorted(lessons), "course.toml: [path.all] must list every lesson"
    for name, path in course["path"].items():
        chosen, told = path["lessons"], 0
        assert chosen == sorted(chosen) and set(chosen) <= lessons.keys(), name
        for number in chosen:
            lesson = lessons[number]
            if lesson.get("edition") != 2:
                continue  # a lesson that is not rewritten yet has neither its final length nor its final place
            missing = set(lesson["needs"]) - set(chosen) - set(path.get("recapped", []))
            assert not missing, f"{name}: lesson {number} needs {missing}"
            told += builder.minutes(builder.shown_cells(NOTEBOOKS / "source" / f"{lesson['name']}.py"))
        for number, sections in path.get("parts", {}).items():
            source = (NOTEBOOKS / "source" / f"{lessons[number]['name']}.py").read_text(encoding="utf-8")
            assert all(f"\n# ## {section}\n" in source for section in sections), f"{name}: {number}"
        assert told + path.get("parts_minutes", 0) <= path["minutes"], name


def test_the_plan_of_each_lesson_takes_the_minutes_of_its_card():
    pages = (NOTEBOOKS.parent / "docs" / "TEACHING.md").read_text(encoding="utf-8").split("\n## ")[1:]
    plans = {page[:2]: page for page in pages}
    for name in LESSONS:
        minutes = builder.minutes(builder.shown_cells(NOTEBOOKS / "source" / f"{name}.py"))
        rows = re.findall(r"^\| (\d+)–(\d+) \|", plans[name[:2]], re.M)
        assert rows[0][0] == "0" and int(rows[-1][1]) == minutes, f"{name}: {minutes} minutes on its card"
        assert [end for _, end in rows[:-1]] == [start for start, _ in rows[1:]], f"{name}: a gap in its plan"
        said = plans[name[:2]].partition("\n")[0]
        assert f"({minutes} minutes)" in said or f"two sessions of {minutes // 2} minutes" in said, said


def test_a_lesson_needs_only_lessons_before_it():
    for lesson in builder.manifest(NOTEBOOKS)["lesson"]:
        assert all(number < lesson["name"][:2] for number in lesson["needs"]), lesson["name"]
