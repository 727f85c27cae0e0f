"""notebooks/build.py on a small course of its own: what it generates, what it refuses, what it finds wrong."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

import nbformat
import pytest
from scripts import script

import usft_lib as usft

if os.environ.get("USFT_WHEEL_ONLY"):
    pytest.skip("needs the repository, and only the wheel is tested here (2026-11-23)", allow_module_level=True)

import jupytext

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
builder = script("notebooks/build.py")

COURSE = """
[course]
title = "T"
repository = "OWNER/REPO"
tag = "main"
[[lesson]]
name = "00_first"
title = "First"
question = "Q0?"
objectives = ["a", "b"]
needs = []
data = []
status = "ready"
[[lesson]]
name = "01_second"
title = "Second"
question = "Q1?"
objectives = ["a"]
needs = []
data = ["hc18"]
status = "ready"
[[lesson]]
name = "02_third"
title = "Third"
question = "Q2?"
objectives = ["a"]
needs = []
data = []
status = "planned"
"""
SOURCE = '''# %%
import usft_lib as usft

# %% [markdown]
# ## A question

# %%
def double(x):
    """Twice x."""
    # BEGIN SOLUTION return twice the number
    twice_the_number_itself = x + x
    return twice_the_number_itself
    # END SOLUTION

# %%
# BEGIN CHECK
usft.check(double, {"three": ((3,), 6, "add it to itself")})
# END CHECK

# %%
# BEGIN WRONG "add it to itself"
def double(x):
    return x
# END WRONG

# %% tags=["curves"]
# NBVAL_CHECK_OUTPUT
print(1 + 1)
'''


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "notebooks"
    (folder / "source").mkdir(parents=True)
    (tmp_path / "course.toml").write_text(COURSE, encoding="utf-8")
    for name in ("00_first", "01_second"):
        (folder / "source" / f"{name}.py").write_text(SOURCE, encoding="utf-8")
    return folder


def code(book):
    return [cell.source for cell in book.cells if cell.cell_type == "code"]


def mark_as_executed(root):
    """As --execute would leave it, without a kernel."""
    for path in (root / "solutions").glob("*.ipynb"):
        book = builder.read(path)
        for k, cell in enumerate(c for c in book.cells if c.cell_type == "code"):
            cell.execution_count = k + 1
        builder.write(path, book)


def files(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*.ipynb")}


def test_student_and_solution_differ_in_the_solution_alone(root):
    builder.build(root)
    student, solution = builder.read(root / "00_first.ipynb"), builder.read(root / "solutions" / "00_first.ipynb")
    nbformat.validate(student), nbformat.validate(solution)
    differing = [(a, b) for a, b in zip(code(student), code(solution), strict=True) if a != b]
    assert len(differing) == 1
    assert differing[0][0] == 'def double(x):\n    """Twice x."""\n    raise usft.Todo("return twice the number")'
    assert builder.stub(differing[0][1]) == differing[0][0], "with the reference put in, the copy equals the solution"
    assert not any("WRONG" in text for text in code(solution) + code(student))


def numbered(root, more: str = "") -> str:
    """The first lesson's source with a numbered exercise, a reason, and more behind it."""
    text = SOURCE.replace('it to itself")})', 'it to itself")}, exercise="00.1")')
    text = text.replace("    # END SOLUTION", "    # Why: twice is once more.\n    # END SOLUTION") + more
    (root / "source" / "00_first.py").write_text(text, encoding="utf-8")
    return text


FOLDED = """
# %% tags=["fold"]
# @title Draw two lines
plt.show()
"""
QUIZ = "\n# %%\n# @title Question\nusft.Quiz('a')\n"


def test_one_tag_folds_a_cell_in_jupyterlab_and_in_colab_as_checks_and_quizzes_are(root):
    numbered(root, FOLDED + QUIZ + "\n# %%\nprint('seen')\n")
    builder.build(root)
    for book in (builder.read(root / "00_first.ipynb"), builder.read(root / "solutions" / "00_first.ipynb")):
        hidden = [cell.source for cell in book.cells if cell.metadata.get("cellView") == "form"]
        assert hidden == [c.source for c in book.cells if c.metadata.get("jupyter", {}).get("source_hidden")]
        titles = ["# BEGIN CHECK", "# @title Draw two lines", "# @title Question"]
        assert [text.splitlines()[0] for text in hidden] == titles


def test_after_a_check_stands_how_to_look_up_the_answer_which_the_build_writes(root):
    numbered(root)
    (root.parent / "usft_lib" / "course").mkdir(parents=True)
    builder.build(root)
    book = builder.read(root / "00_first.ipynb")
    (k,) = [k for k, cell in enumerate(book.cells) if "# BEGIN CHECK" in cell.source]
    assert 'usft.solution("00.1")' in book.cells[k + 1].source
    told = json.loads((root.parent / "usft_lib" / "course" / "solutions.json").read_text(encoding="utf-8"))
    assert told["00.1"].splitlines()[-2:] == ["    return twice_the_number_itself", "    # Why: twice is once more."]
    assert told["00.1"].startswith("def double(x):") and "SOLUTION" not in told["00.1"]
    assert "twice is once more" not in "".join(code(book)), "a reason is no part of the student's copy"


@pytest.mark.parametrize("more, minutes", [
    ("", 15),  # four words, a few lines of code, one exercise
    ("\n# %% [markdown]\n# " + "word " * 1300, 25),
    (QUIZ * 5, 20),
    ("\n# %%\nusft.FreezeLab(model, train, val)\n", 20),
    (FOLDED * 5, 20),
    (FOLDED.replace('["fold"]', '["fold", "study"]') * 3, 20),
    ("\n# %%\n" + "x = 1\n" * 40, 20),
    ('\n# %% tags=["fold"]\n# @title Not seen\n' + "x = 1\n" * 40, 15),
])  # fmt: skip
def test_the_cards_minutes_follow_the_formula(root, more, minutes):
    numbered(root, more)
    assert builder.minutes(builder.shown_cells(root / "source" / "00_first.py")) == minutes


@pytest.mark.parametrize("tag, minutes", [("long", 20), ("reading", 10)])
def test_an_exercise_that_is_long_or_about_reading_takes_its_own_time(root, tag, minutes):
    path = root / "source" / "00_first.py"
    path.write_text(numbered(root).replace("# %%\n# BEGIN CHECK", f'# %% tags=["{tag}"]\n# BEGIN CHECK'))
    assert builder.minutes(builder.shown_cells(path)) == minutes


def test_headers_come_from_the_manifest(root):
    builder.build(root)
    book = builder.read(root / "00_first.ipynb")
    head = book.cells[0].source
    assert "# 00 · First" in head and "Q0?" in head and "source/00_first.py" not in head, "a student has no source"
    assert "source/00_first.py" in builder.read(root / "solutions" / "00_first.ipynb").cells[0].source
    assert "github/OWNER/REPO/blob/main/notebooks/00_first.ipynb" in head and "solutions" not in head
    assert "[Second →](01_second.ipynb)" in head and "Third" not in book.cells[-1].source
    assert book.cells[-1].source.startswith("**Next:** [Second](01_second.ipynb)")
    last = builder.read(root / "01_second.ipynb")
    assert "[← First](00_first.ipynb)" in last.cells[0].source and "Next" not in last.cells[-1].source
    assert "hc18 (100 MB)" in last.cells[1].source and "use_drive" in last.cells[1].source
    assert "nothing to download" in book.cells[1].source
    assert "%pip install -q --no-deps --force-reinstall {course}" in last.cells[2].source


def test_building_twice_gives_the_same_bytes(root):
    builder.build(root)
    before = files(root)
    builder.build(root)
    assert files(root) == before and len(before) == 4


def test_a_file_edited_by_hand_is_never_overwritten(root):
    builder.build(root)
    path = root / "00_first.ipynb"
    path.write_text(path.read_text().replace("A question", "My question"))
    before = path.read_bytes()
    with pytest.raises(builder.OutOfStep, match="edited by hand and is not overwritten"):
        builder.build(root)
    assert path.read_bytes() == before


def test_check_is_content_with_what_was_built(root):
    builder.build(root)
    assert len(builder.check(root)) == 2 and all("not executed" in line for line in builder.check(root))
    mark_as_executed(root)
    assert builder.check(root) == []


@pytest.mark.parametrize(
    "fault, said",
    [
        (lambda r: edit(r / "source/00_first.py", "A question", "Another"), "out of step with its source"),
        (lambda r: edit(r / "00_first.ipynb", "A question", "Another"), "edited by hand"),
        (lambda r: edit(r / "solutions/00_first.ipynb", "1 + 1", "1 + 2"), "edited by hand"),
        (lambda r: (r / "00_first.ipynb").unlink(), "is not built"),
        (lambda r: plant(r / "00_first.ipynb", leak), "out of step"),
        (lambda r: plant(r / "solutions/00_first.ipynb", unrun), "not executed"),
        (lambda r: edit(r / "source/00_first.py", "# END WRONG", "# END WRONG\nx = 1"), "cell of their own"),
    ],
)
def test_check_finds(root, fault, said):
    builder.build(root)
    mark_as_executed(root)
    fault(root)
    found = builder.check(root)
    assert found and any(re.search(said, line) for line in found), found


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def plant(path, change):
    """A fault that the build itself wrote and sealed."""
    book = builder.read(path)
    change(book)
    path.write_text(nbformat.writes(builder.seal(book)) + "\n", encoding="utf-8")


def leak(book):
    book.cells[5].source += "\n    twice_the_number_itself = x + x"


def picture(tag):
    def change(book):
        cell = book.cells[-1] if book.cells[-1].cell_type == "code" else book.cells[-2]
        if tag:
            cell.metadata["tags"] = [tag]
        cell.outputs = [nbformat.v4.new_output("display_data", {"image/png": "aGk=", "text/plain": "x"})]

    return change


def unrun(book):
    book.cells[-2].execution_count = None


def test_a_real_picture_is_found_even_where_the_source_is_tagged(root):
    edit(root / "source/01_second.py", 'tags=["curves"]', 'tags=["real-image"]')
    builder.build(root)
    mark_as_executed(root)
    plant(root / "solutions/01_second.ipynb", picture("real-image"))
    assert any("picture of real images: run" in line for line in builder.check(root))


def test_an_untagged_picture_in_a_lesson_with_real_data_is_found(root):
    edit(root / "source/01_second.py", ' tags=["curves"]', "")
    builder.build(root)
    mark_as_executed(root)
    plant(root / "solutions/01_second.ipynb", picture(None))
    assert any("tag it real-image, or curves" in line for line in builder.check(root))


def test_a_stub_that_adds_a_line_and_a_leaking_solution_are_found():
    cell = nbformat.v4.new_code_cell
    solution = nbformat.v4.new_notebook(cells=[cell(SOURCE.split("# %%\n")[2].strip())])
    good = nbformat.v4.new_notebook(cells=[cell(builder.stub(solution.cells[0].source))])
    assert builder.added_lines("n", good, solution) == []
    good.cells[0].source += "\n    print('more')"
    assert "adds a line" in builder.added_lines("n", good, solution)[0]
    good.cells[0].source = solution.cells[0].source
    assert any("stands in the student's copy" in line for line in builder.added_lines("n", good, solution))


def test_a_solution_that_leaks_in_other_clothes_is_found_by_its_tokens():
    cell, text = nbformat.v4.new_code_cell, "def f(a):\n    # BEGIN SOLUTION x\n    {}\n    # END SOLUTION"
    line = "return 2 * (a * a).sum() / (a.sum() + 1)"
    solution = nbformat.v4.new_notebook(cells=[cell(text.format(line)), cell("pass")])
    for other, leaks in (
        ("b = 2*(a*a) . sum()/( a.sum()+1 )", True),
        ("for a in range(3):\n        c = (2 * (a * a).sum()  # so\n             / (a.sum() + 1))", True),
        ("b = a.sum() + 1", False),
    ):
        copy = nbformat.v4.new_notebook(cells=[cell(builder.stub(solution.cells[0].source)), cell(other)])
        solution.cells[1].source = other
        assert bool(builder.added_lines("n", copy, solution)) == leaks, other


def test_outputs_survive_while_the_code_is_the_same(root):
    builder.build(root)
    mark_as_executed(root)
    edit(root / "source/00_first.py", "A question", "Another")
    builder.build(root)
    assert builder.check(root) == []
    edit(root / "source/00_first.py", "1 + 1", "1 + 2")
    builder.build(root)
    assert builder.check(root) == ["solutions/00_first.ipynb is not executed: run build.py --execute 00."]


SECOND = SOURCE.replace("double", "triple").replace("twice", "thrice").partition("usft\n")[2]


@pytest.fixture
def adopted(root):
    """Adopts lesson 00, which has two exercises, after a change of its built solution; what stands in its source."""
    source, path = root / "source" / "00_first.py", root / "solutions" / "00_first.ipynb"
    text = jupytext.reads(SOURCE + SECOND, fmt="py:percent")
    source.write_text(jupytext.writes(text, fmt="py:percent"), encoding="utf-8")
    builder.build(root)

    def adopt(change, encoding="utf-8"):
        before = source.read_bytes()
        book = builder.read(path)
        change(book)
        path.write_text(nbformat.writes(book), encoding=encoding)
        edited = path.read_bytes()
        try:
            builder.adopt(path, root)
        except builder.OutOfStep:
            assert source.read_bytes() == before and path.read_bytes() == edited, "nothing is written"
            raise
        builder.build(root)
        assert path.is_file() and all("not executed" in line for line in builder.check(root))
        return source.read_text(encoding="utf-8")

    return adopt


def place(book, text):
    return next(k for k, cell in enumerate(book.cells) if text in cell.source)


def belongs(text):
    """For each check of a source the function that the next hidden answer defines."""
    return dict(re.findall(r"usft\.check\((\w+).*?# BEGIN WRONG[^\n]*\ndef (\w+)", text, re.S))


def sentence(book):
    book.cells.insert(4, nbformat.v4.new_markdown_cell("One more sentence."))


def exchanged(book):
    first, second, end = place(book, "# ## A question"[2:]), place(book, "def triple"), len(book.cells)
    book.cells[first:] = book.cells[second:end] + book.cells[first:second]


def windows(book):
    sentence(book)
    for cell in book.cells:
        cell.source = cell.source.replace("\n", "\r\n")


def spaces(book):
    sentence(book)
    book.cells.append(nbformat.v4.new_code_cell(""))
    book.cells[4].source += "\n\n"


@pytest.mark.parametrize("change, encoding", [
    (lambda book: None, "utf-8"), (sentence, "utf-8"), (exchanged, "utf-8"), (windows, "utf-8-sig"), (spaces, "utf-8"),
])  # fmt: skip
def test_hidden_answers_stay_with_their_exercise(adopted, root, change, encoding):
    before = (root / "source" / "00_first.py").read_text(encoding="utf-8")
    text = adopted(change, encoding)
    assert belongs(text) == {"double": "double", "triple": "triple"}
    assert text.replace("# %% [markdown]\n# One more sentence.\n", "").split() == before.split() or change is exchanged
    assert ("One more sentence." in text) == (change in (sentence, windows, spaces))


def without_check(book):
    del book.cells[place(book, "usft.check(triple")]


def copied_check(book):
    book.cells.append(nbformat.v4.new_code_cell(book.cells[place(book, "usft.check(triple")].source))


def pasted(book):
    sentence(book)
    book.cells[4]["attachments"] = {"image.png": {"image/png": "aGk="}}


def stripped(book):
    for cell in book.cells:
        cell.metadata = nbformat.from_dict({})


@pytest.mark.parametrize("change, said", [
    (without_check, "Exercise triple is gone from it"),
    (copied_check, "Exercise triple has 2 checks in it"),
    (pasted, "cell 5 .* holds a pasted picture"),
    (lambda book: book.cells.insert(4, nbformat.v4.new_raw_cell("raw")), "cell 5 .'raw'.* is a raw cell"),
    (stripped, "cell 1 .'# 00 · First.* has lost its mark"),
    (lambda book: book.cells[2].update(metadata={}), "cell 3 .'# In Colab.* has lost its mark"),
    (lambda book: book.cells[1].update(source="| | |\n|---|---|\n| mine | 1 |"),
     "change course.toml or building/cards.py instead"),
    (lambda book: book.cells[4].update(source="    raise usft.Todo('x')"), "not a student's copy"),
    (lambda book: book.cells[-2].update(source="x = 1\n# %%\ny = 2"), "cannot hold this cell as it is: 'x = 1"),
])  # fmt: skip
def test_what_cannot_be_taken_back_whole_is_refused_before_anything_is_written(adopted, change, said):
    with pytest.raises(builder.OutOfStep, match=f"(?s)00_first.ipynb is not adopted.*{said}"):
        adopted(change)


def test_a_notebook_from_elsewhere_is_adopted_by_its_name_and_left_alone(root, tmp_path):
    builder.build(root)
    mine = tmp_path / "00_first.ipynb"
    shutil.copy(root / "solutions" / "00_first.ipynb", mine)
    edit(mine, "A question", "A better question")
    before = mine.read_bytes()
    builder.adopt(mine, root)
    builder.build(root)
    assert mine.read_bytes() == before and "better" in (root / "00_first.ipynb").read_text(encoding="utf-8")
    with pytest.raises(builder.OutOfStep, match="No lesson is called 00_first .1."):
        builder.adopt(mine.rename(tmp_path / "00_first (1).ipynb"), root)
    with pytest.raises(builder.OutOfStep, match="There is no file"):
        builder.adopt(mine, root)


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n{}", "", "[1]", "{}"])
def test_a_file_that_is_no_notebook_is_told_in_one_line(root, text):
    builder.build(root)
    path = root / "solutions" / "00_first.ipynb"
    path.write_text(text, encoding="utf-8")
    for call in (lambda: builder.adopt(path, root), lambda: builder.build(root), lambda: builder.check(root)):
        with pytest.raises(builder.OutOfStep, match="cannot be read as a notebook"):
            call()


def test_two_checks_of_one_number_are_found(root):
    for name in ("00_first", "01_second"):
        edit(root / f"source/{name}.py", '"add it to itself")})', '"add it to itself")}, exercise="00.1")')
    builder.build(root)
    assert "Exercise 00.1 has 2 checks: give each a number of its own." in builder.check(root)


@pytest.mark.slow
def test_the_real_course_is_in_step():
    assert builder.check(NOTEBOOKS) == []


def test_the_manifest_lists_each_source_and_no_other():
    lessons = builder.manifest(NOTEBOOKS)["lesson"]
    names = [lesson["name"] for lesson in lessons]
    assert names == sorted(set(names))
    sources = {path.stem for path in (NOTEBOOKS / "source").glob("*.py")}
    assert sources == {lesson["name"] for lesson in lessons if lesson["status"] == "ready"}


@pytest.mark.slow
def test_execute_runs_and_cleans(root, monkeypatch):
    monkeypatch.setenv("USFT_PROGRESS", "")  # --execute sets it: other tests must not see that
    edit(root / "source/00_first.py", "print(1 + 1)", "print(1 + 1); object()")
    shutil.rmtree(root / "solutions", ignore_errors=True)
    builder.build(root)
    builder.execute(["00"], root)
    book = builder.read(root / "solutions/00_first.ipynb")
    assert book.cells[-2].outputs[0].text == "2\n" and "0x…" in book.cells[-2].outputs[1].data["text/plain"]
    assert not builder.unexecuted(book) and "execution" not in book.cells[2].metadata
    assert "ru_maxrss" not in book.cells[-1].source, "what measures memory is not kept"
    told = json.loads((root / "measured.json").read_text())["00_first"]
    assert 1 <= told["seconds"] and 50 < told["megabytes"] < 4000
    for folder in (root, root / "solutions"):
        assert "| it runs in | " in builder.read(folder / "00_first.ipynb").cells[1].source
    assert not builder.unexecuted(builder.read(root / "solutions/00_first.ipynb")), "the card changed, outputs stay"


def test_real_images_are_kept_outside_of_the_tree_with_attribution_and_nowhere_else(root, tmp_path, monkeypatch):
    manifest, lacking = root.parent / "course.toml", []

    def load(name):
        if name in lacking:
            raise usft.DataUnavailable(name)

    monkeypatch.setattr(usft, "load", load)
    text = manifest.read_text(encoding="utf-8")
    text = text.replace('data = ["hc18"]', 'data = ["pets"]').replace("data = []", 'data = ["hc18"]', 1)
    manifest.write_text(text, encoding="utf-8")
    picture = {"image/png": "a picture", "text/plain": "<Figure>"}

    def run(path):
        assert not lacking, "nothing is trained on what stands in"
        told = nbformat.v4.new_code_cell("1")
        kept = nbformat.v4.new_output("display_data", dict(picture))
        drawn = nbformat.v4.new_code_cell("2", outputs=[kept], metadata={"tags": ["real-image"]})
        return nbformat.v4.new_notebook(cells=[told, drawn]), 1.0, 1

    monkeypatch.setattr("building.running.run", run)
    monkeypatch.setattr("building.running.smaller", lambda png: png)
    with pytest.raises(builder.OutOfStep, match="00_first.ipynb is out of step with its source: run build.py first"):
        builder.publish([], "cc-by", tmp_path.parent / f"{tmp_path.name}-early", root)
    builder.build(root)
    shutil.rmtree(tmp_path.parent / f"{tmp_path.name}-early")
    before = {path: path.read_bytes() for path in root.parent.rglob("*") if path.is_file()}
    for inside in (root / "out", root.parent / "x" / ".." / "docs"):
        with pytest.raises(builder.OutOfStep, match="outside of it"):
            builder.publish([], "cc-by", inside, root)
    with pytest.raises(builder.OutOfStep, match="knows cc-by"):
        builder.publish([], "any", tmp_path / "away", root)
    away = tmp_path.parent / f"{tmp_path.name}-away"
    builder.publish([], "cc-by", away, root)
    assert [path.name for path in away.iterdir()] == ["00_first.ipynb"], "photographs of cats may not be passed on"
    [_, cell] = nbformat.read(away / "00_first.ipynb", as_version=4).cells
    assert cell.outputs[0].data["image/png"] == "a picture"
    assert "van den Heuvel" in cell.outputs[1].data["text/markdown"] and "CC BY 4.0" in str(cell.outputs[1])
    lacking.append("hc18")
    with pytest.raises(builder.OutOfStep, match="fetch.py hc18 first"):
        builder.publish([], "cc-by", away, root)
    assert before == {path: path.read_bytes() for path in root.parent.rglob("*") if path.is_file()}
    shutil.rmtree(away)


def test_the_readmes_table_is_written_and_checked(root):
    readme, marks = root.parent / "README.md", builder.MAP.pattern
    start, end = re.findall(r"<!--.*?-->", marks)
    readme.write_text(f"before\n\n{start}\n{end}\n\nafter\n", encoding="utf-8")
    times = {"00_first": {"seconds": 41, "megabytes": 830}, "01_second": {"seconds": 7, "megabytes": 0}}
    (root / "measured.json").write_text(json.dumps(times))
    builder.build(root)
    text = readme.read_text(encoding="utf-8")
    assert "| 00 | [First](notebooks/00_first.ipynb) | Q0? | 15 min | 45 s and 0.9 GB |" in text
    assert "min | 10 s |" in text, "where memory is not known, only the time is told"
    assert "| 02 | Third | Q2? |  |  |" in text and text.startswith("before\n") and text.endswith("after\n")
    builder.build(root)
    assert readme.read_text(encoding="utf-8") == text and not [w for w in builder.check(root) if "README" in w]
    edit(readme, "Q1?", "Another?")
    assert any("README.md is out of step" in line for line in builder.check(root))


def test_the_librarys_list_of_exercises_is_written_and_checked(root):
    (root.parent / "usft_lib").mkdir()
    edit(root / "source/00_first.py", '"add it to itself")})', '"add it to itself")}, exercise="00.1")')
    edit(root / "source/00_first.py", "print(1 + 1)", 'print(1 + 1); usft.guess("00.a", 3)  # what is guessed')
    builder.build(root)
    path = root.parent / "usft_lib" / "course" / "lessons.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    guesses = {"00.a": "what is guessed"}
    assert told[0] == {"title": "00 First", "exercises": ["00.1"], "guesses": guesses} and len(told) == 2
    assert not [line for line in builder.check(root) if "lessons.json" in line]
    path.unlink()
    assert any("lessons.json is out of step" in line for line in builder.check(root))


def test_nbgrader_finds_each_answer_and_its_check(root):
    edit(root / "source/00_first.py", '"add it to itself")})', '"add it to itself")}, exercise="00.1")')
    builder.build(root)
    for book in (builder.read(root / "00_first.ipynb"), builder.read(root / "solutions" / "00_first.ipynb")):
        marked = {c.metadata["nbgrader"]["grade_id"]: c for c in book.cells if "nbgrader" in c.metadata}
        assert list(marked) == ["answer-00-1", "check-00-1"]
        assert "def double" in marked["answer-00-1"].source and marked["answer-00-1"].metadata["nbgrader"]["solution"]
        assert marked["check-00-1"].metadata["nbgrader"]["points"] == 1


def test_nbgraders_settings_take_a_copied_cell_as_one_and_say_whose(monkeypatch, caplog):
    """nbgrader itself is in an environment of its own; tried by hand with 0.9.6 (docs/INSTRUCTORS.md)."""

    class NbGraderPreprocessor:
        log = logging.getLogger("nbgrader")

    room = types.ModuleType("nbgrader.preprocessors")
    room.NbGraderPreprocessor = NbGraderPreprocessor
    monkeypatch.setitem(sys.modules, "nbgrader", types.ModuleType("nbgrader"))
    monkeypatch.setitem(sys.modules, "nbgrader.preprocessors", room)
    settings = MagicMock()
    text = (NOTEBOOKS.parent / "docs" / "nbgrader_config.py").read_text(encoding="utf-8")
    exec(text, {"get_config": lambda: settings, "__name__": "nbgrader_config"})
    assert settings.OverwriteCells.add_missing_cells is True
    ((first,),) = settings.Autograde.sanitize_preprocessors.prepend.call_args.args
    cells = [nbformat.v4.new_code_cell(str(k), metadata={"nbgrader": {"grade_id": n}}) for k, n in enumerate("abab")]
    book = nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell("plain")])
    first().preprocess(book, {"nbgrader": {"student": "ben", "notebook": "07_path"}})
    assert ["nbgrader" in cell.metadata for cell in book.cells] == [True, True, False, False, False]
    assert "ben, 07_path: cell 3 is a copy of a" in caplog.text and len(caplog.records) == 2


def test_a_widget_is_kept_as_its_still_picture_and_a_progress_bar_not_at_all():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "shown"}
    outputs = [
        nbformat.v4.new_output("display_data", view | {"image/svg+xml": "<svg/>"}),
        nbformat.v4.new_output("display_data", view),
        nbformat.v4.new_output("execute_result", view | {"text/html": "<details/>"}, execution_count=1),
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("bench", outputs=outputs)])
    builder.clean(book)
    assert [dict(output["data"]) for output in book.cells[0].outputs] == [
        {"image/svg+xml": "<svg/>", "text/plain": "shown"},
        {"text/html": "<details/>", "text/plain": "shown"},
    ]


def test_the_set_up_cell_says_how_much_it_downloads():
    repository = Path(builder.__file__).resolve().parents[1]
    archive = subprocess.run(["git", "archive", "--format=zip", "HEAD"], capture_output=True, cwd=repository)
    if archive.returncode:
        pytest.skip("not a git checkout (2026-11-30)")
    assert len(archive.stdout) / 1e6 == pytest.approx(builder.ARCHIVE_MB, rel=0.1)


@pytest.mark.parametrize("old, new, said", [
    ("# BEGIN SOLUTION", "# BEGIN SOLUTON", "line 10: # BEGIN SOLUTON is no mark; did you mean SOLUTION?"),
    ("# END SOLUTION", "# END SOLUTON", "# END SOLUTON is no mark; did you mean SOLUTION?"),
    ("# BEGIN CHECK", "# BEGIN CHEK", "# BEGIN CHEK is no mark; did you mean CHECK?"),
    ("# END CHECK\n", "", "# BEGIN WRONG is inside of # BEGIN CHECK of line 16: write # END CHECK before it."),
    ("# BEGIN WRONG", "# BEGIN WRNOG", "# BEGIN WRNOG is no mark; did you mean WRONG?"),
    ("# END WRONG\n", "", "# BEGIN WRONG has no # END WRONG."),
    ("# BEGIN SOLUTION return twice the number\n", "", "# END SOLUTION ends nothing: there is no # BEGIN SOLUTION"),
])  # fmt: skip
def test_a_mistyped_mark_is_found_before_anything_is_written(root, old, new, said):
    """A solution would stand in the students' copies, or a check would be lost."""
    edit(root / "source/00_first.py", old, new)
    with pytest.raises(builder.OutOfStep, match=re.escape(said)):
        builder.build(root)
    assert files(root) == {} and any(said in line for line in builder.check(root))
    (root.parent / "README.md").write_text("<!-- lessons: generated by notebooks/build.py -->\n<!-- end of lessons -->")
    wrong = builder.check(root)
    assert len(wrong) > 1 and sum(said in line for line in wrong) == 1, "the README's table does not hide the others"


@pytest.mark.parametrize("old, new, said", [
    ('name = "01_second"', 'name = "01_secnd"', "lesson 01_secnd, but there is no source/01_secnd.py: did you"),
    ('question = "Q1?"\n', "", "01_second has no question."),
    ('status = "planned"', 'status = "redy"', "status of 02_third must be ready or planned, not 'redy'."),
    ('data = ["hc18"]', 'data = ["hc81"]', "there is no data set 'hc81'; known are"),
    ("[course]", "[course", "course.toml cannot be read: "),
])  # fmt: skip
def test_a_wrong_manifest_is_one_line(root, old, new, said):
    path = root.parent / "course.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(builder.OutOfStep, match=re.escape(said)):
        builder.build(root)


@pytest.mark.parametrize("call", [
    lambda root: builder.execute(["99"], root),
    lambda root: builder.publish(["1"], "cc-by", root.parents[1] / "pages", root),
    lambda root: builder.workshop(["02"], root.parent / "made", root),
])  # fmt: skip
def test_a_lesson_number_that_there_is_not_is_told(root, call):
    with pytest.raises(builder.OutOfStep, match="No lesson is ready that is called .*: there are 00 01."):
        call(root)


def test_a_workshop_is_a_path_with_its_minutes_and_its_own_badges(root, tmp_path):
    path = root.parent / "course.toml"
    way = '\n[path.short]\nlessons = ["00"]\nparts = { "01" = ["A question"] }\nparts_minutes = 7\nminutes = 60\n'
    path.write_text(path.read_text(encoding="utf-8") + way, encoding="utf-8")
    alone = builder.minutes(builder.shown_cells(root / "source/00_first.py"))
    said = builder.workshop(["short"], root.parent / "made", root)
    assert f"about {alone + 7} min" in said and "Without badges" not in said
    head, card = (cell.source for cell in builder.read(root.parent / "made" / "01_second.ipynb").cells[:2])
    assert "OWNER/REPO/blob/main/made/01_second.ipynb" in head
    assert "about 7 min, only the sections “A question” |" in card
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    assert "Without badges" in builder.workshop(["short"], outside, root)
    assert "colab" not in builder.read(outside / "00_first.ipynb").cells[0].source
    shutil.rmtree(outside)


def test_a_source_is_not_taken_for_a_notebook(root):
    builder.build(root)
    with pytest.raises(builder.OutOfStep, match="is no notebook: name one, such as notebooks/solutions/00_first.ipynb"):
        builder.adopt(root / "source" / "00_first.py", root)
    assert (root / "source" / "00_first.py").is_file()
