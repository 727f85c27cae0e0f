"""What the site shows, made from the course as it is: lessons from the solutions, the reference from docstrings, the
glossary, the results explorer for the page that shows it. Written into docs/ before each build; git ignores it."""

import inspect
import json
import os
import re
import tomllib
from pathlib import Path

import nbformat

import usft_lib as usft
from usft_lib.widgets import front_end, results_explorer

ROOT = Path(__file__).resolve().parents[1]
BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\(([^)]*)\)")


def course() -> dict:
    """The [course] part of course.toml."""
    return tomllib.loads((ROOT / "course.toml").read_text(encoding="utf-8"))["course"]


def lessons(docs: str) -> None:
    """The solutions as pages: no badge from elsewhere, no set-up cell, folded solutions, alt text on each figure.

    USFT_PAGES names a folder whose notebooks go before the solutions: those with real images (build.py --keep-real).
    """
    solutions = ROOT / "notebooks" / "solutions"
    pages = Path(os.environ.get("USFT_PAGES") or solutions)
    folder = Path(docs) / "lessons"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.ipynb"):
        old.unlink()
    for path in sorted(solutions.glob("*.ipynb")):
        shown = pages / path.name
        book = nbformat.read(shown if shown.exists() else path, as_version=4)
        book.cells[0].source = BADGE.sub(r"[Open the student's copy in Colab](\1)", book.cells[0].source)
        code = [cell for cell in book.cells if cell.cell_type == "code"]
        for cell, after in zip(code, [*code[1:], None], strict=True):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), *_fold(cell)]
            first = cell.source.partition("\n")[0]
            title = first.removeprefix("# @title ") if first.startswith("# @title") else "The answer"
            how = {"code_prompt_show": f"{title} (code)", "code_prompt_hide": "Hide the code"}
            if said := _in_words(cell) or (_in_words(after) if after else ""):
                how["image"] = {"alt": said}
            cell.metadata["mystnb"] = how
        nbformat.write(book, folder / path.name)


def _fold(cell) -> list[str]:
    if "google.colab" in cell.source:
        return ["remove-cell"]
    if "usft.Quiz(" in cell.source:
        return ["remove-input"]
    hidden = cell.metadata.get("jupyter", {}).get("source_hidden") or "# BEGIN SOLUTION" in cell.source
    return ["hide-input"] if hidden else []


def _in_words(cell) -> str:
    """What a cell's `usft.alt` said of its figure."""
    text = "".join(output.get("text", "") for output in cell.outputs)
    return " ".join(line.removeprefix("In words: ") for line in text.splitlines() if line.startswith("In words: "))


def api(docs: str) -> None:
    """A page of every public name, by the file that it stands in."""
    rooms: dict[str, list[str]] = {}
    for name in dir(usft):
        thing = getattr(usft, name)
        if not name.startswith("_") and (inspect.isclass(thing) or inspect.isfunction(thing)):
            rooms.setdefault(thing.__module__, []).append(name)
    text = ["# The library\n\n```python\nimport usft_lib as usft\n```\n"]
    for module, names in sorted(rooms.items()):
        about = (inspect.getdoc(inspect.getmodule(getattr(usft, names[0]))) or "").split("\n\n")[0]
        text.append(f"\n## {module.removeprefix('usft_lib.')}\n\n{' '.join(about.split()).replace('``', '`')}\n")
        for name in names:
            kind = "autoclass" if inspect.isclass(getattr(usft, name)) else "autofunction"
            members = "\n   :members:" if kind == "autoclass" else ""
            text.append(f"\n```{{eval-rst}}\n.. {kind}:: usft_lib.{name}{members}\n```\n")
    (Path(docs) / "api.md").write_text("".join(text), encoding="utf-8")


def glossary(docs: str) -> None:
    """The course's terms in alphabetical order, each with the lesson that introduces it."""
    terms = tomllib.loads((ROOT / "notebooks" / "glossary.toml").read_text(encoding="utf-8"))
    text = ["# Glossary\n\nIn a notebook, `usft.explain(\"Dice\")` prints the same.\n"]
    for term in sorted(terms, key=str.lower):
        text.append(f"\n**{term}** (lesson {terms[term]['lesson']}): {terms[term]['says']}\n")
    (Path(docs) / "glossary.md").write_text("".join(text), encoding="utf-8")


def explorer(docs: str) -> None:
    """The results explorer as one script: the front end of the lessons, its style and its numbers.

    All in one, since a page that is opened from a disk may not fetch other files.
    """
    script, style = front_end("results_explorer")
    traits = {"data": results_explorer.study(), "guess": False, "selected": results_explorer.START}
    text = f"""(() => {{
{script.replace("export default { render };", "")}
const traits = {json.dumps(traits, ensure_ascii=False)};
const style = document.head.appendChild(document.createElement("style"));
style.textContent = {json.dumps(style, ensure_ascii=False)};
const model = {{ get: (name) => traits[name], set: (name, value) => (traits[name] = value), save_changes() {{}} }};
render({{ model, el: document.getElementById("explorer") }});
}})();
"""
    (Path(docs) / "_static" / "explorer.js").write_text(text, encoding="utf-8")
