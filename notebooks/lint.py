"""Rules that every lesson's text keeps: ``python notebooks/lint.py`` (spelling, links, alt text, headings, length).

What a lesson may ask of a reader (`LIMITS`) fails for lessons of ``edition = 2`` in course.toml and warns for others;
``--table`` prints the figures, a row per lesson. Long sentences and words to avoid are only counted: a reader decides.

Links are judged by their shape alone, so no network is needed. Spelling: codespell, which knows common mistakes in
British and American English; words that it takes for mistakes are listed in `MEANT`.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from building.cards import WIDGETS, minutes
from building.cells import SOLUTION, folded, guesses, shown_cells, stub
from building.course import HERE, glossary, manifest

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
            wrong.append(f"a text of {words} words, at most {WORDS}: {lines[0]} (a line # %% [markdown] splits it)")
        if cell.cell_type == "code" and not folded(cell) and len(lines) > LINES:
            wrong.append(f"a cell of {len(lines)} lines, at most {LINES}: {lines[0]}")
    return wrong


# ---- what a lesson may ask of a reader ------------------------------------------------------------------------

FIXED = ("Guess first", "Quiz", "What this does not show", "Recap", "Try it alone", "Further reading")
LONG = 28  # words of a sentence that a reader may have to read twice
AVOID = ("stands", "holds", "dear", "flatter", "hence", "thus", "likewise", "hardly", "a good deal", "at hand")
SENTENCE = re.compile(r"(?<=[.!?:])\s+")
DRAWS = re.compile(r"\bplt\.(subplots|figure)\(|\baxes\[|\baxes\.")


def figures(path: Path) -> dict[str, float]:
    """What a lesson asks of a reader, by name: words, lines of code that are seen, minutes …"""
    cells = shown_cells(path)
    text = [cell.source for cell in cells if cell.cell_type == "markdown"]
    code = [cell for cell in cells if cell.cell_type == "code"]
    seen = [stub(cell.source).splitlines() for cell in code if not folded(cell)]  # as a student sees it
    prose = " ".join(" ".join(text).split())
    return {
        "words": len(prose.split()),
        "code": sum(bool(line.strip()) for lines in seen for line in lines),
        "longest cell": max((sum(bool(line.strip()) for line in lines) for lines in seen), default=0),
        "columns": max((len(line) for lines in seen for line in lines), default=0),
        "sections": len([h for h in re.findall(r"^## (.+)$", "\n".join(text), re.M) if not h.startswith(FIXED)]),
        "exercises": sum("# BEGIN CHECK" in cell.source for cell in code),
        "quiz": sum(cell.source.count("usft.Quiz(") for cell in code),
        "minutes": minutes(cells),
        "long sentences": sum(len(one.split()) > LONG for one in SENTENCE.split(prose)),
        "words to avoid": sum(len(re.findall(rf"\b{word}\b", prose, re.I)) for word in AVOID),
    }


def limits(path: Path) -> dict[str, int]:
    """The most of each figure that a rewritten lesson may have."""
    widget = any(name in path.read_text(encoding="utf-8") for name in WIDGETS)
    words, exercises = (1200, 2) if widget else (1500, 3)
    halves = {one["name"]: one.get("sessions", 1) for one in manifest()["lesson"]}.get(path.stem, 1)
    most = {"words": words, "code": 110, "sections": 5, "exercises": exercises, "minutes": 60}
    return {name: halves * number for name, number in most.items()} | {"columns": 88, "quiz": 3}


def asks(path: Path, glossary: dict[str, dict], everything: str) -> list[str]:
    """Where a lesson asks too much, or leaves something open.

    Args:
        everything: the code of all lessons, where guesses are opened.
    """
    found, most = figures(path), limits(path)
    wrong = [f"{found[name]:g} {name}, at most {most[name]}" for name in most if found[name] > most[name]]
    cells = shown_cells(path)
    code = [cell for cell in cells if cell.cell_type == "code"]
    compared = sum("NBVAL_CHECK_OUTPUT" in c.source or "usft.check_range(" in c.source for c in code)
    if compared < 2:
        wrong.append(f"{compared} compared outputs, at least 2: NBVAL_CHECK_OUTPUT or usft.check_range")
    for cell in code:
        first = cell.source.splitlines()[0] if cell.source else ""
        if folded(cell) and not first.startswith("# @title "):
            wrong.append(f"a folded cell without a title: {first}")
        if not folded(cell) and DRAWS.search(cell.source):
            wrong.append(f"drawing code that is not folded: {first}")
        asserted = re.search(r"^\s*assert |usft\.alt\(\s*f\"", cell.source, re.M)
        if "study" in cell.metadata.get("tags", []) and not asserted:
            wrong.append(f"a finding of the study that nothing computes or asserts: {first}")
        for match in SOLUTION.finditer(cell.source):
            if "# Why: " not in match["lines"]:
                wrong.append(f"a solution that does not say why: {first}")
    for guess, said in guesses("\n".join(cell.source for cell in code)).items():
        if len(said.split()) < 3:
            wrong.append(f"guess {guess} does not say behind it, as a comment, what is guessed")
        if everything.count(f'"{guess}"') + everything.count(f"'{guess}'") < 2:
            wrong.append(f"guess {guess} is never opened")
    return wrong + terms(path, glossary)


def terms(path: Path, glossary: dict[str, dict]) -> list[str]:
    """Terms of a later lesson, and those of this one that no text introduces in bold."""
    here, wrong = path.name[:2], []
    texts = [cell.source for cell in shown_cells(path) if cell.cell_type == "markdown"]
    paragraphs = [" ".join(part.split()) for text in texts for part in text.split("\n\n")]
    for term, known in glossary.items():
        word = re.compile(rf"\b{re.escape(term)}s?\b", re.I)
        if known["lesson"] == here:
            if not any(re.search(rf"\*\*[^*]*{re.escape(term)}[^*]*\*\*", part, re.I) for part in paragraphs):
                wrong.append(f"the term {term!r} is this lesson's, and no text introduces it in bold")
        elif known["lesson"] > here and not known.get("common"):
            used = [p for p in paragraphs if word.search(p) and f"lesson {known['lesson']}" not in p.lower()]
            wrong += [f"the term {term!r} comes in lesson {known['lesson']}: {used[0][:50]}…"] if used else []
    return wrong


def lint(path: Path) -> list[str]:
    """What is wrong with one lesson's source, whatever its edition; spelling aside."""
    cells = shown_cells(path)
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    code = [cell for cell in cells if cell.cell_type == "code"]
    folder = path.resolve().parent.parent
    found = [*links(text, folder), *headings(text), *alt_text(code), *length(cells)]
    return [f"{path.name}: {line}" for line in found]


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(description="Rules that every lesson's text keeps.")
    parser.add_argument("--table", action="store_true", help="print the figures of all lessons instead")
    chosen = parser.parse_args(arguments)
    sources = sorted((HERE / "source").glob("*.py"))
    course, known = manifest(), glossary(HERE)
    second = {lesson["name"] for lesson in course["lesson"] if lesson.get("edition") == 2}
    if chosen.table:
        print(table(sources))
        return 0
    everything = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    wrong = [line for path in sources for line in lint(path)] + spelling(sources)
    for path in sources:
        asked = [f"{path.name}: {line}" for line in asks(path, known, everything)]
        if path.stem in second:
            wrong += asked
        elif asked:
            print(f"{path.name}: {len(asked)} limits broken; only a note, as it has no edition = 2 in course.toml.")
    print("\n".join(wrong) or f"{len(sources)} lessons keep the rules.")
    return 1 if wrong else 0


def table(sources: list[Path]) -> str:
    """The figures of all lessons, a row each."""
    rows = {path.stem: figures(path) for path in sources}
    names = list(next(iter(rows.values())))
    lines = [f"{'lesson':24s}" + "".join(f"{name:>16s}" for name in names)]
    lines += [f"{lesson:24s}" + "".join(f"{row[name]:16g}" for name in names) for lesson, row in rows.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
