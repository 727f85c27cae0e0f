"""An edited solution, back into its source."""

import re
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from .books import assemble, read, seal, told
from .cells import exercise, is_hidden, source_cells
from .course import HERE, OutOfStep, manifest, ready


def adopt(path: Path, root: Path = HERE) -> Path:
    """Write an edited solution back into its source; each hidden answer stays behind its exercise's check.

    Where something of the notebook would be lost, that is said and nothing is written. The edited file stays: of the
    course's own notebooks the next build makes a new one, any other is left as it is.
    """
    if path.suffix != ".ipynb":
        raise OutOfStep(f"{path} is no notebook: name one, such as notebooks/solutions/{path.stem}.ipynb.")
    book, source = read(path), root / "source" / f"{path.stem}.py"
    if book is None:
        raise OutOfStep(f"There is no file {path}.")
    course = manifest(root)
    lesson = next((lesson for lesson in ready(course) if lesson["name"] == path.stem), None)
    if lesson is None:
        raise OutOfStep(f"No lesson is called {path.stem}: give the notebook its lesson's name, such as 00_name.ipynb.")
    own = authored(path.name, book, assemble(course, lesson, root, student=False))

    hidden: dict[str | None, list[NotebookNode]] = {}
    last = None
    for cell in source_cells(source):
        if is_hidden(cell):
            if last is None:
                raise OutOfStep(f"{source.name} has WRONG or RIGHT answers before its first check: move them down.")
            hidden.setdefault(last, []).append(cell)
        else:
            last = exercise(cell) or last
    here = [exercise(cell) for cell in own]
    for number in hidden:
        if here.count(number) != 1:
            found = f"has {here.count(number)} checks in" if number in here else "is gone from"
            raise OutOfStep(
                f"{path.name} is not adopted. Exercise {number} {found} it, and {source.name} holds WRONG and RIGHT "
                f"answers for its check: let the check stand there once, or first take those answers out of the source."
            )
    cells = [each for cell, number in zip(own, here, strict=True) for each in (cell, *hidden.get(number, []))]

    old = source.read_text(encoding="utf-8")
    metadata = jupytext.reads(old, fmt="py:percent").metadata
    text = jupytext.writes(new_notebook(cells=cells, metadata=metadata), fmt="py:percent")
    start = re.compile(r"^(?=# %%)", re.M)  # the lines above it name jupytext's version, and so change with it
    text = (start.split(old, 1)[0] if start.search(old) else "") + start.split(text, 1)[-1]
    wanted, found = told(new_notebook(cells=cells)), told(jupytext.reads(text, fmt="py:percent"))
    if wanted != found:
        odd = next((a[1] for a, b in zip(wanted, found, strict=False) if a != b), "the last one")
        raise OutOfStep(f"{path.name} is not adopted. A source cannot hold this cell as it is: {odd[:100]!r}")
    source.write_text(text, encoding="utf-8", newline="\n")

    if path.resolve().parent in (root.resolve(), root.resolve() / "solutions"):
        for cell in (cell for cell in book.cells if cell.cell_type == "code"):
            cell.outputs, cell.execution_count = [], None  # of a run by hand: --execute cleans what it keeps
        path.write_text(nbformat.writes(seal(book)) + "\n", encoding="utf-8")
    return source


def authored(name: str, book: NotebookNode, built: NotebookNode) -> list[NotebookNode]:
    """The cells of an edited notebook that belong into its source; refused where one would be lost or doubled."""
    generated = [cell.source for cell in built.cells if cell.metadata.get("usft") == "generated"]
    begins = {text.partition("\n")[0] for text in generated} - {"| | |"}  # known by it even where course.toml changed
    kept = []
    for number, cell in enumerate(book.cells, start=1):
        text, ours = cell.source.replace("\r\n", "\n").strip("\n"), cell.metadata.get("usft") == "generated"
        wrong = None
        if cell.cell_type not in ("markdown", "code"):
            wrong = f"is a {cell.cell_type} cell, and a source has none: make it a text or code cell, or delete it"
        elif cell.get("attachments"):
            wrong = "holds a pasted picture, and a source holds text: put the picture into a file and link it"
        elif re.search(r"^\s*raise usft\.Todo\(", text, re.M):
            wrong = "has no solution: adopt the notebook in solutions/, not a student's copy"
        elif ours and text not in generated:
            wrong = "is written by the build: change course.toml or building/cards.py instead, and delete this cell"
        elif not ours and (text in generated or text.partition("\n")[0] in begins):
            wrong = (
                "is written by the build, but has lost its mark, as if a tool had taken the cells' metadata away: "
                "copy your changes into the notebook as it was built"
            )
        if wrong:
            raise OutOfStep(f"{name} is not adopted. Its cell {number} ({text[:30]!r}…) {wrong}.")
        if text and not ours:
            new = (new_markdown_cell if cell.cell_type == "markdown" else new_code_cell)(text)
            if cell.metadata.get("tags"):
                new.metadata["tags"] = list(cell.metadata["tags"])
            kept.append(new)
    return kept
