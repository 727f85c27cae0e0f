"""Notebooks: put together from a source, marked as built, read, written, and given the outputs of an earlier run."""

import hashlib
import json
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from .cards import comparison, footer, generated, header, measured, minutes
from .cells import exercise, folded, shown_cells, stub
from .course import HERE, OutOfStep, manifest, ready

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def assemble(course: dict, lesson: dict, root: Path, student: bool) -> NotebookNode:
    """The notebook of a lesson without outputs."""
    kept = shown_cells(root / "source" / f"{lesson['name']}.py")
    lesson = {"minutes": minutes(kept)} | lesson
    if lesson["name"] in (times := measured(root)):
        lesson = lesson | {"measured": times[lesson["name"]]}
    course = course | {"lesson": [lesson if n["name"] == lesson["name"] else n for n in course["lesson"]]}
    cells = header(course, lesson, student)
    for cell in cells:
        cell.metadata["usft"] = "generated"
    for cell in kept:
        text = stub(cell.source) if student and cell.cell_type == "code" else cell.source
        new = (new_markdown_cell if cell.cell_type == "markdown" else new_code_cell)(text)
        if cell.metadata.get("tags"):
            new.metadata["tags"] = list(cell.metadata["tags"])
        if new.cell_type == "code" and folded(new):  # in JupyterLab and in Colab; on the site by docs/prepare.py
            new.metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
        cells.append(new)
        if re.fullmatch(r"\d+\.\d+", number := exercise(new) or ""):
            cells.append(new_markdown_cell(comparison(number), metadata={"usft": "generated"}))
    for cell in footer(course, lesson):
        cell.metadata["usft"] = "generated"
        cells.append(cell)
    mark_for_nbgrader(cells)
    for k, cell in enumerate(cells):  # ids of their own would make every build another file
        cell.id = hashlib.sha256(f"{lesson['name']} {k}".encode()).hexdigest()[:8]
    book = new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}})
    book.nbformat_minor = 5
    return book


def mark_for_nbgrader(cells: list[NotebookNode]) -> None:
    """Metadata by which nbgrader knows an exercise's answer and its check, a point each (docs/INSTRUCTORS.md)."""
    answers: list[NotebookNode] = []
    for cell in (cell for cell in cells if cell.cell_type == "code"):
        check = re.search(r'exercise="(\d+)\.(\d+)"', cell.source)
        if "# BEGIN CHECK" in cell.source and check:
            number = f"{check[1]}-{check[2]}"
            for k, answer in enumerate(answers):
                answer.metadata["nbgrader"] = _nbgrader(f"answer-{number}{chr(97 + k) if k else ''}", solution=True)
            cell.metadata["nbgrader"] = _nbgrader(f"check-{number}", grade=True)
            answers = []
        elif "# BEGIN SOLUTION" in cell.source or "raise usft.Todo(" in cell.source:
            answers.append(cell)


def _nbgrader(name: str, solution: bool = False, grade: bool = False) -> dict:
    more = {"points": 1} if grade else {}
    marks = {"grade": grade, "grade_id": name, "locked": grade, "solution": solution, "task": False}
    return {**marks, **more, "schema_version": 3, "cell_type": "code"}


def seal(book: NotebookNode) -> NotebookNode:
    """Write into a notebook the hash of what was built, so that a later edit by hand shows."""
    book.metadata["usft"] = {"built": digest(book)}
    return book


def digest(book: NotebookNode) -> str:
    bare = json.loads(nbformat.writes(book))
    bare["metadata"] = {}
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()[:16]


def read(path: Path) -> NotebookNode | None:
    if not path.is_file():
        return None
    try:
        return nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
    except (ValueError, KeyError, AttributeError, nbformat.ValidationError) as error:
        said = " ".join(str(error).split())[:100]
        raise OutOfStep(f"{path} cannot be read as a notebook ({said}): save it again, or delete it.") from None


def edited(book: NotebookNode) -> bool:
    return book.metadata.get("usft", {}).get("built") != digest(book)


def told(book: NotebookNode) -> list[tuple]:
    """What a notebook says, outputs aside."""
    return [(cell.cell_type, cell.source, cell.metadata.get("tags")) for cell in book.cells]


def write(path: Path, book: NotebookNode) -> None:
    old = read(path)
    if old is not None and edited(old):
        raise OutOfStep(
            f"{path.name} was edited by hand and is not overwritten: take a solution back into its source with "
            f"build.py --adopt, or delete the file."
        )
    put(path, nbformat.writes(seal(book)) + "\n")


def put(path: Path, text: str) -> None:
    """Write a file, unless it says this already: a new date would let an open Jupyter say that it has changed."""
    if not (path.is_file() and path.read_text(encoding="utf-8") == text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def with_outputs(fresh: NotebookNode, old: NotebookNode | None) -> NotebookNode:
    """Keep the outputs of an executed solution while its code is the same; what is generated puts out nothing here."""
    if old is None:
        return fresh
    code = [[c for c in book.cells if c.cell_type == "code"] for book in (fresh, old)]
    own = [[c.source for c in cells if c.metadata.get("usft") != "generated"] for cells in code]
    if own[0] == own[1] and len(code[0]) == len(code[1]):  # the set-up cell may differ: it prints only in Colab
        for new, was in zip(*code, strict=True):
            new.outputs, new.execution_count = was.outputs, was.execution_count
    return fresh


def unexecuted(book: NotebookNode) -> bool:
    """An unrun notebook would pass nbval without comparing anything."""
    counts = [cell.execution_count for cell in book.cells if cell.cell_type == "code"]
    return counts != list(range(1, len(counts) + 1))


def build(root: Path = HERE) -> None:
    """Write every notebook that its source or the manifest changed."""
    course = manifest(root)
    for lesson in ready(course):
        name = f"{lesson['name']}.ipynb"
        write(root / name, assemble(course, lesson, root, student=True))
        old = read(root / "solutions" / name)
        write(root / "solutions" / name, with_outputs(assemble(course, lesson, root, student=False), old))
    for path, text in generated(course, root).items():
        put(path, text)
