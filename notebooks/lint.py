"""Rules that every lesson's text keeps: ``python notebooks/lint.py`` (spelling, links, alt text, headings, length).

Links are judged by their shape alone, so no network is needed. Spelling: codespell, which knows common mistakes in
British and American English; words that it takes for mistakes are listed in `MEANT`.
"""

import re
import subprocess
import sys
from pathlib import Path

import build

LINES, WORDS = 15, 280  # most of a code cell that is no check, and of a text cell
MEANT = "patter"
LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<address>[^)\s]+)\)")
SHAPES = {
    "doi.org": re.compile(r"https://doi\.org/10\.\d{4,9}/[\w.()/:;-]+"),
    "arxiv.org": re.compile(r"https://arxiv\.org/abs/\d{4}\.\d{4,5}"),
}


def spelling(paths: list[Path]) -> list[str]:
    """What codespell finds, a line each."""
    command = [sys.executable, "-m", "codespell_lib", f"--ignore-words-list={MEANT}", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True)
    found = done.stdout.splitlines()
    if done.returncode and not found:  # it did not run, so nothing is known of the spelling
        found = [f"codespell: {(done.stderr.strip().splitlines() or ['it did not run'])[-1]}"]
    return found


def links(text: str, folder: Path) -> list[str]:
    """Links that cannot be right: no https, no DOI or arXiv number, one that their text contradicts, no such file."""
    wrong = []
    for m in LINK.finditer(text):
        told, address = m["text"], m["address"]
        if m["image"] and len(told.split()) < 3:
            wrong.append(f"the image {address} has no alt text that says what it shows")
        if "://" not in address:
            if not (folder / address.partition("#")[0]).exists():
                wrong.append(f"there is no file {address}")
            continue
        host = address.split("/")[2]
        if not address.startswith("https://"):
            wrong.append(f"{address} is not https")
        if host in SHAPES and not SHAPES[host].fullmatch(address):
            wrong.append(f"{address} is no address of {host}")
        number = re.search(r"10\.\d{4,9}/\S+|\d{4}\.\d{4,5}", told)
        if number and not address.endswith(number[0]):
            wrong.append(f"{told!r} leads to another place, {address}")
    return wrong


def headings(text: str) -> list[str]:
    """A lesson's title is generated, so its headings begin at ##, skip no level, and no two are the same."""
    wrong, before, seen = [], 1, set()
    for m in re.finditer(r"^(#+) (.+)$", text, re.M):
        level, title = len(m[1]), m[2]
        if not 2 <= level <= before + 1:
            wrong.append(f"heading {title!r} is of level {level}, after one of level {before}")
        if title in seen:
            wrong.append(f"two headings say {title!r}")
        seen.add(title)
        before = level
    return wrong


def alt_text(cells: list) -> list[str]:
    """Every figure is followed, in its cell or the next, by a sentence that tells what it shows."""
    wrong = []
    for cell, after in zip(cells, [*cells[1:], None], strict=True):
        shown, told = cell.source.rfind("plt.show()"), cell.source.rfind("usft.alt(")
        if shown >= 0 and told < shown and not (after and "usft.alt(" in after.source):
            wrong.append(f"a figure without usft.alt after it: {cell.source.splitlines()[0]}")
    return wrong


def length(cells: list) -> list[str]:
    """Cells that are read at one look."""
    wrong = []
    for cell in cells:
        lines = [line for line in cell.source.splitlines() if line.strip()]
        if cell.cell_type == "markdown" and (words := len(cell.source.split())) > WORDS:
            wrong.append(f"a text of {words} words: {lines[0]}")
        check = "# BEGIN CHECK" in cell.source or "usft.Quiz(" in cell.source
        if cell.cell_type == "code" and not check and len(lines) > LINES:
            wrong.append(f"a cell of {len(lines)} lines: {lines[0]}")
    return wrong


def lint(path: Path) -> list[str]:
    """All that is wrong with one lesson's source but for its spelling."""
    cells = build.shown_cells(path)
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    code = [cell for cell in cells if cell.cell_type == "code"]
    folder = path.resolve().parent.parent
    found = [*links(text, folder), *headings(text), *alt_text(code), *length(cells)]
    return [f"{path.name}: {line}" for line in found]


def main() -> int:
    sources = sorted((build.HERE / "source").glob("*.py"))
    wrong = [line for path in sources for line in lint(path)] + spelling(sources)
    print("\n".join(wrong) or f"{len(sources)} lessons keep the rules.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
