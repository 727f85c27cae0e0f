"""What is wrong with the notebooks as they are: out of step, not executed, outputs or solutions where none may be."""

import io
import re
import tokenize
from collections import Counter
from pathlib import Path
from textwrap import dedent

from nbformat import NotebookNode

from .books import assemble, edited, read, told, unexecuted
from .cards import generated
from .cells import SOLUTION, exercise, hidden_answers
from .course import HERE, OutOfStep, manifest, ready


def check(root: Path = HERE) -> list[str]:
    """What is wrong, a line each; nothing if all is in step."""
    course, wrong, checks = manifest(root), [], Counter()
    for lesson in ready(course):
        name = f"{lesson['name']}.ipynb"
        try:
            student, solution = (assemble(course, lesson, root, student=flag) for flag in (True, False))
            hidden_answers(root / "source" / f"{lesson['name']}.py")
        except OutOfStep as error:
            wrong.append(str(error))
            continue
        for path, fresh in ((root / name, student), (root / "solutions" / name, solution)):
            book = read(path)
            where = path.relative_to(root)
            if book is None:
                wrong.append(f"{where} is not built: run build.py.")
            elif edited(book):
                wrong.append(f"{where} was edited by hand: adopt it (--adopt) or delete it and build.")
            elif told(book) != told(fresh):
                wrong.append(f"{where} is out of step with its source: run build.py.")
            elif path.parent.name == "solutions" and unexecuted(book):
                wrong.append(f"{where} is not executed: run build.py --execute {lesson['name'][:2]}.")
            else:
                wrong += contents(where, book, real=bool(lesson["data"]), student=path.parent == root)
        wrong += added_lines(name, student, solution)
        checks.update(number for number in map(exercise, solution.cells) if re.fullmatch(r"\d+\.\d+", number or ""))
    wrong += [f"Exercise {n} has {k} checks: give each a number of its own." for n, k in checks.items() if k > 1]
    try:
        for path, text in generated(course, root).items():
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                wrong.append(f"{path.name} is out of step with the lessons: run build.py.")
    except OutOfStep as error:  # a source that cannot be read: it was told above
        wrong += [] if str(error) in wrong else [str(error)]
    return wrong


def contents(where: Path, book: NotebookNode, real: bool, student: bool) -> list[str]:
    """Outputs that must not be there, solutions that leak. In a lesson with real images, pictures say what they are."""
    wrong = []
    for number, cell in enumerate(book.cells):
        if cell.cell_type != "code":
            continue
        if student and (cell.outputs or "SOLUTION" in cell.source):
            wrong.append(f"{where}, cell {number}: a student's copy holds an output or a solution.")
        images = [k for o in cell.outputs for k in o.get("data", {}) if k.startswith("image/")]
        tags = cell.metadata.get("tags", [])
        if images and "real-image" in tags:
            wrong.append(f"{where}, cell {number}: holds a picture of real images: run build.py --execute.")
        elif images and real and "curves" not in tags:
            wrong.append(f"{where}, cell {number}: tag it real-image, or curves if it shows no image of a person.")
    return wrong


def added_lines(name: str, student: NotebookNode, solution: NotebookNode) -> list[str]:
    """A stub may only leave out lines of its solution; and no piece of a solution may stand in the student's copy.

    A piece is a line that tells something, in any cell, or ten tokens in a row in a code cell, however they are spaced.
    """
    wrong = []
    everything = "\n".join(cell.source for cell in student.cells)
    given = set().union(*(runs(tokens(cell.source)) for cell in student.cells if cell.cell_type == "code"))
    for number, (ours, theirs) in enumerate(zip(student.cells, solution.cells, strict=True)):
        lines = iter(theirs.source.splitlines())
        for line in ours.source.splitlines():
            if not line.strip().startswith("raise usft.Todo(") and line not in lines:
                wrong.append(f"{name}, cell {number}: the stub adds a line that its solution lacks: {line.strip()!r}.")
        for match in SOLUTION.finditer(theirs.source):
            telling = [line.strip() for line in match["lines"].splitlines() if len(line.strip()) > 25]
            told = [line for line in telling if line in everything]
            told += [" ".join(run) for run in sorted(runs(tokens(dedent(match["lines"]))) & given)[:1]]
            wrong += [f"{name}, cell {number}: part of the solution stands in the student's copy: {t!r}." for t in told]
    return wrong


def tokens(code: str) -> list[str]:
    """What Python reads in code, comments and spaces aside; of code that is broken, what comes before the break."""
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type not in layout:
                found.append(token.string)
    except (tokenize.TokenError, SyntaxError):
        pass
    return found


def runs(told: list[str], length: int = 10) -> set[tuple[str, ...]]:
    """All runs of so many tokens."""
    return {tuple(told[k : k + length]) for k in range(len(told) - length + 1)}
