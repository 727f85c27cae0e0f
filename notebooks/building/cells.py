"""A lesson's source, read: its cells, its exercises, and the answers that stand in no notebook."""

import json
import re
from difflib import get_close_matches
from pathlib import Path

import jupytext
from nbformat import NotebookNode

from .course import OutOfStep

SOLUTION = re.compile(
    r"^(?P<indent>[ \t]*)# BEGIN SOLUTION *(?P<todo>.*)\n(?P<lines>(?:.*\n)*?)[ \t]*# END SOLUTION *$", re.M
)
HIDDEN = re.compile(r"^# BEGIN (?P<kind>WRONG|RIGHT) *(?P<hint>.*)\n(?P<code>(?:.*\n)*?)# END (?P=kind) *$", re.M)
MARK = re.compile(r"^\s*# (BEGIN|END) *([A-Z]*)")
KINDS = ("SOLUTION", "CHECK", "WRONG", "RIGHT")


def source_cells(path: Path) -> list[NotebookNode]:
    """The cells of a source, hidden blocks included. Raises `OutOfStep` if it has no source, or a mark is wrong."""
    if not path.is_file():
        near = get_close_matches(path.stem, [other.stem for other in path.parent.glob("*.py")], n=1)
        hint = f": did you mean {near[0]}?" if near else "."
        raise OutOfStep(f"course.toml names the lesson {path.stem}, but there is no source/{path.name}{hint}")
    text = path.read_text(encoding="utf-8")
    check_marks(path.name, text)
    return jupytext.reads(text, fmt="py:percent").cells


def check_marks(name: str, source: str) -> None:
    """Raise `OutOfStep` for a mark that is mistyped, or that has no partner: its block would be shown, or be lost."""
    opened, line = "", 0
    for number, text in enumerate(source.splitlines(), start=1):
        match = MARK.match(text)
        if not match:
            continue
        side, kind = match.groups()
        where = f"{name}, line {number}: # {side} {kind}"
        if kind not in KINDS:
            near = get_close_matches(kind, KINDS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"use {', '.join(KINDS)}."
            raise OutOfStep(f"{where} is no mark; {hint}")
        if side == "BEGIN" and opened:
            raise OutOfStep(f"{where} is inside of # BEGIN {opened} of line {line}: write # END {opened} before it.")
        if side == "END" and kind != opened:
            raise OutOfStep(f"{where} ends nothing: there is no # BEGIN {kind} before it.")
        opened, line = (kind, number) if side == "BEGIN" else ("", 0)
    if opened:
        raise OutOfStep(f"{name}, line {line}: # BEGIN {opened} has no # END {opened}.")


def shown_cells(path: Path) -> list[NotebookNode]:
    """The cells of a source that stand in its notebooks."""
    return [cell for cell in source_cells(path) if not is_hidden(cell)]


def guesses(code: str) -> dict[str, str]:
    """What is guessed in some code, by number, in the words of the comment behind it; "" where there is none."""
    return dict(re.findall(r'usft\.guess\("([\w.]+)",.*?\)(?: *# (.+))?$', code, re.M))


def is_hidden(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and re.search(r"^# BEGIN (WRONG|RIGHT)\b", cell.source, re.M) is not None


def hidden_answers(path: Path) -> list[dict]:
    """Every WRONG and RIGHT block of a source: kind, hint, code, and the number of the cell it stands after."""
    found, place = [], -1
    for cell in source_cells(path):
        if not is_hidden(cell):
            place += 1
            continue
        if HIDDEN.sub("", cell.source).strip():
            raise OutOfStep(f"{path.name}: give WRONG and RIGHT blocks a cell of their own, with nothing beside them.")
        for m in HIDDEN.finditer(cell.source):
            found.append({"kind": m["kind"], "hint": m["hint"].strip().strip('"'), "code": m["code"], "after": place})
    return found


def exercise(cell: NotebookNode) -> str | None:
    """Which exercise a check belongs to: its number, or else the name of what is checked. None for other cells."""
    if cell.cell_type != "code" or "# BEGIN CHECK" not in cell.source:
        return None
    found = re.search(r'exercise="([^"]+)"', cell.source) or re.search(r"usft\.check\(\s*(\w+)", cell.source)
    return found[1] if found else cell.source


def stub(text: str) -> str:
    """A code cell as the student gets it: each solution replaced by one line that stops kindly."""

    def replace(match: re.Match) -> str:
        told = json.dumps(match["todo"].strip() or "write the lines that are missing", ensure_ascii=False)
        return f"{match['indent']}raise usft.Todo({told})"

    return SOLUTION.sub(replace, text)


def folded(cell: NotebookNode) -> bool:
    """Whether a cell's code is hidden behind its title: it draws, prints or checks, and is not there to be read."""
    text = cell.source
    return "fold" in cell.metadata.get("tags", []) or "# BEGIN CHECK" in text or "usft.Quiz(" in text
