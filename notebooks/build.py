"""Build the notebooks from their sources: ``python notebooks/build.py`` (for instructors: change source/, build, done).

    build.py                 students' copies and solutions of every lesson whose source changed
    build.py --execute [NN]  run solutions (all, or some) and keep their outputs
    build.py --check         say what is out of step, unexecuted or edited by hand; exit status 1 if anything is
    build.py --adopt FILE    an edited solution back into its source
    build.py --repoint OWNER/REPO@TAG   let badges and set-up cells point there
    build.py --only NN … --to FOLDER    students' copies of some lessons, leading from one to the next: a workshop
                             (or of a path of course.toml: --only two-hours)
    build.py --execute [NN] --keep-real cc-by --to FOLDER   for the site: lessons with images that may be passed on are
                             run once more, and their pictures kept, in a folder outside of the repository

A source is a Python file with cells in the percent format of jupytext. Four kinds of blocks mark an exercise:

    # BEGIN SOLUTION … # END SOLUTION   left out of the student's copy, which stops there with usft.Todo
    # BEGIN CHECK … # END CHECK         the cases; the student sees them
    # BEGIN WRONG "hint" … # END WRONG  an answer that must fail with that hint; in no notebook; in a cell of its own
    # BEGIN RIGHT … # END RIGHT         another answer that must pass; likewise

Text after BEGIN SOLUTION on its line is what usft.Todo tells the student. A line "# Why: …" in the block says why the
answer is so; `usft.solution` prints it with the answer.

Tags of cells: ``fold`` hides a cell's code behind its title (``# @title …``, its first line), as checks and quizzes are
hidden anyway; ``study`` marks a figure of the study, ``long`` and ``reading`` an exercise that takes 15 or 5 minutes.
"""

import argparse
import base64
import hashlib
import io
import json
import math
import os
import re
import sys
import tempfile
import time
import tokenize
import tomllib
from collections import Counter
from difflib import get_close_matches
from pathlib import Path
from textwrap import dedent

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

HERE = Path(__file__).resolve().parent
SOLUTION = re.compile(
    r"^(?P<indent>[ \t]*)# BEGIN SOLUTION *(?P<todo>.*)\n(?P<lines>(?:.*\n)*?)[ \t]*# END SOLUTION *$", re.M
)
HIDDEN = re.compile(r"^# BEGIN (?P<kind>WRONG|RIGHT) *(?P<hint>.*)\n(?P<code>(?:.*\n)*?)# END (?P=kind) *$", re.M)
ARCHIVE_MB = 16  # what a set-up cell downloads: the repository's archive, three quarters of it weights
FREE = {"cc-by": "CC BY 4.0"}  # licences under which the site may show images
DEED = {"cc-by": "https://creativecommons.org/licenses/by/4.0/"}
WIDGET = "application/vnd.jupyter.widget-view+json"
# Run after a lesson's last cell, and not kept: the largest memory that its kernel held, in bytes, or 0: not known.
MEMORY = """
import sys
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
except ModuleNotFoundError:  # Windows
    try:
        import psutil
        peak = psutil.Process().memory_info().peak_wset
    except (ModuleNotFoundError, AttributeError):
        peak = 0
print(peak)
"""
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


class OutOfStep(Exception):
    """One line: what does not fit, and what to do."""


# ---- the manifest --------------------------------------------------------------------------------------------


FIELDS = ("name", "title", "question", "objectives", "needs", "data", "status")


def manifest(root: Path = HERE) -> dict:
    """course.toml beside the notebooks' folder. Raises `OutOfStep` if it cannot be read, or a lesson lacks a field."""
    try:
        course = tomllib.loads((root.parent / "course.toml").read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise OutOfStep(f"course.toml cannot be read: {error}.") from None
    for lesson in course["lesson"]:
        name = lesson.get("name", "a lesson")
        if lacking := [field for field in FIELDS if field not in lesson]:
            raise OutOfStep(f"course.toml: {name} has no {lacking[0]}.")
        if lesson["status"] not in ("ready", "planned"):
            raise OutOfStep(f"course.toml: the status of {name} must be ready or planned, not {lesson['status']!r}.")
    return course


def named(course: dict, numbers: list[str]) -> list[dict]:
    """The ready lessons of these numbers, or all. Raises `OutOfStep` if one of them is not ready."""
    lessons = ready(course)
    known = [lesson["name"][:2] for lesson in lessons]
    if unknown := [number for number in numbers if number not in known]:
        raise OutOfStep(f"No lesson is ready that is called {', '.join(unknown)}: there are {' '.join(known)}.")
    return [lesson for lesson in lessons if not numbers or lesson["name"][:2] in numbers]


def ready(course: dict) -> list[dict]:
    """The lessons that have a source, in order."""
    return [lesson for lesson in course["lesson"] if lesson["status"] == "ready"]


# ---- generated cells -----------------------------------------------------------------------------------------


def header(course: dict, lesson: dict, student: bool) -> list[NotebookNode]:
    """Title, question, badge, neighbours; the card; the set-up cell for Colab. Solutions say where to edit them."""
    lessons = ready(course)
    place = lessons.index(lesson)
    repository, folder = course["course"]["repository"], course.get("folder", "notebooks")
    where = f"{repository}/blob/{course['course']['tag']}/{folder}/{lesson['name']}.ipynb"
    badge = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    badge += f"(https://colab.research.google.com/github/{where}) &nbsp; "
    around = [f"[← {n['title']}]({n['name']}.ipynb)" for n in lessons[max(place - 1, 0) : place]]
    around += [f"[{n['title']} →]({n['name']}.ipynb)" for n in lessons[place + 1 : place + 2]]
    title = [
        f"# {lesson['name'][:2]} · {lesson['title']}",
        f"**{lesson['question']}**",
        (badge if folder else "") + " · ".join(around),
        *([] if student else [f"<sub>generated from source/{lesson['name']}.py: edit there, then run build.py</sub>"]),
    ]
    sections = " and ".join(f"“{title}”" for title in lesson.get("only", ()))
    only = f", only the sections {sections}" if sections else ""
    card = [
        "| | |",
        "|---|---|",
        f"| you will | {'; '.join(lesson['objectives'])} |",
        f"| before | {before(course, lesson)} |",
        f"| your time | about {lesson['minutes']} min{only} |",
        *([f"| it runs in | {lesson['measured']}, on two cores without a GPU |"] if "measured" in lesson else []),
        f"| images | {images(lesson['data'])} |",
    ]
    # A tag or a branch. --force-reinstall: or pip keeps what a session has, even where the course has changed since.
    archive = f"https://github.com/{course['course']['repository']}/archive/{course['course']['tag']}.zip"
    pack = course["course"].get("pack_url")
    mirror = f'    os.environ.setdefault("USFT_MIRROR", "{pack}")  # the class\'s images\n' if pack else ""
    told = f"installs the course's library ({ARCHIVE_MB} MB) and changes nothing else. Elsewhere: one setting."
    setup = f'''# In Colab: {told}
import os
import sys

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # threads that wait leave their core
if "google.colab" in sys.modules:
{mirror}    course = os.environ.get("USFT_COURSE", "{archive}")
    %pip install -q --no-deps --force-reinstall {{course}}
    print("File → Save a copy in Drive, or your answers are lost.")'''
    return [new_markdown_cell("\n\n".join(title)), new_markdown_cell("\n".join(card)), new_code_cell(setup)]


def before(course: dict, lesson: dict) -> str:
    """The lessons that come before; where there are none, what the course asks for."""
    titles = {one["name"][:2]: one["title"] for one in course["lesson"]}
    told = [f"{n} {titles[n]}" if n in titles else f"{n} (left out of this course)" for n in lesson["needs"]]
    return ", ".join(told) or "Python, and having trained a small network once"


def images(names: list[str]) -> str:
    """What a lesson's images weigh, and what happens where they are not available."""
    if not names:
        return "simulated, nothing to download"
    from usft_lib.sources.catalogue import SOURCES, megabytes
    from usft_lib.sources.fetch import LIMIT  # not at the top: most builds need no library

    if unknown := [name for name in names if name not in SOURCES]:
        raise OutOfStep(f"course.toml: there is no data set {unknown[0]!r}; known are {', '.join(SOURCES)}.")
    sizes = ", ".join(f"{name} ({mb} MB)" if (mb := megabytes(name)) else f"{name} (from a mirror)" for name in names)
    return (
        f"{sizes}; where they are not available, simulated ones take their place. `usft.load` says how to download "
        f"them: more than {LIMIT} MB only if you ask for it. In Colab, `usft.use_drive()` keeps them"
    )


def comparison(number: str) -> str:
    """How to look up the reference answer of an exercise."""
    return f'Stuck, or done? `usft.solution("{number}")` prints the reference answer and why it is so.'


def footer(course: dict, lesson: dict) -> list[NotebookNode]:
    lessons = ready(course)
    after = lessons[lessons.index(lesson) + 1 :]
    if not after:
        return []
    return [new_markdown_cell(f"**Next:** [{after[0]['title']}]({after[0]['name']}.ipynb): {after[0]['question']}")]


MAP = re.compile(r"(<!-- lessons: generated by notebooks/build.py -->\n).*?(<!-- end of lessons -->)", re.S)


def measured(root: Path) -> dict[str, str]:
    """What --execute measured for each lesson, in words: time from top to bottom, and the kernel's largest memory."""
    path = root / "measured.json"
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    told = {name: f"{5 * -(-one['seconds'] // 5):.0f} s" for name, one in found.items()}
    memory = {name: one["megabytes"] for name, one in found.items() if one["megabytes"]}  # not known everywhere
    return told | {name: f"{told[name]} and {-(-mb // 100) / 10:.1f} GB" for name, mb in memory.items()}


def course_map(course: dict, root: Path) -> str:
    """The README's table of lessons."""
    rows = ["| | lesson | question | your time | runs in |", "|---|---|---|---|---|"]
    times = measured(root)
    for lesson in course["lesson"]:
        name, told = lesson["name"], ["", ""]
        title = lesson["title"]
        if lesson["status"] == "ready":
            title = f"[{title}](notebooks/{name}.ipynb)"
            told = [f"{minutes(shown_cells(root / 'source' / f'{name}.py'))} min", times.get(name, "")]
        rows.append(f"| {name[:2]} | {title} | {lesson['question']} | {told[0]} | {told[1]} |")
    return "\n".join(rows) + "\n"


def syllabus(course: dict, root: Path) -> str:
    """Each lesson's exercises and guesses, for `usft.progress`: usft_lib/course/lessons.json."""
    told = []
    for lesson in ready(course):
        kept = shown_cells(root / "source" / f"{lesson['name']}.py")
        text = "\n".join(cell.source for cell in kept if cell.cell_type == "code")
        told.append({
            "title": f"{lesson['name'][:2]} {lesson['title']}",
            "exercises": re.findall(r'exercise="([\d.]+)"', text),
            "guesses": re.findall(r'usft\.guess\("([\w.]+)"', text),
        })  # fmt: skip
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def answers(course: dict, root: Path) -> str:
    """Each exercise's reference answer, for `usft.solution`: usft_lib/course/solutions.json."""
    told, written = {}, []
    for lesson in ready(course):
        for cell in shown_cells(root / "source" / f"{lesson['name']}.py"):
            if cell.cell_type == "code" and SOLUTION.search(cell.source):
                written.append(SOLUTION.sub(lambda m: m["lines"].rstrip("\n"), cell.source).strip())
            number = exercise(cell)
            if number and written:
                told[number] = "\n\n\n".join(written)
                written = []
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def glossary(root: Path) -> dict[str, dict]:
    """The course's terms, of notebooks/glossary.toml: ``{term: {"lesson": "06", "says": …}}``."""
    path = root / "glossary.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def generated(course: dict, root: Path) -> dict[Path, str]:
    """Files outside of the notebooks that are made from the sources, where the course has them, and their text."""
    found, readme, package = {}, root.parent / "README.md", root.parent / "usft_lib"
    if readme.exists():
        text = readme.read_text(encoding="utf-8")
        found[readme] = MAP.sub(lambda m: m[1] + course_map(course, root) + m[2], text)
    if package.exists():
        found[package / "course" / "lessons.json"] = syllabus(course, root)
        found[package / "course" / "solutions.json"] = answers(course, root)
        terms = json.dumps(glossary(root), indent=1, ensure_ascii=False) + "\n"
        found[package / "course" / "glossary.json"] = terms
    return found


WORDS_A_MINUTE, A_LINE = 130, 0.15
WIDGETS = ("usft.FreezeLab(", "usft.SpeckleBench(", "usft.ResultsExplorer(")


def minutes(cells: list[NotebookNode]) -> int:
    """A student's time, to the next five minutes: reading, code that is shown, figures, exercises, quiz, widgets."""
    told = 0.0
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            told += len(cell.source.split()) / WORDS_A_MINUTE
            continue
        if "# BEGIN CHECK" in cell.source:
            told += 15 if "long" in tags else 5 if "reading" in tags else 10
        told += cell.source.count("usft.Quiz(") + 8 * any(widget in cell.source for widget in WIDGETS)
        if "plt.show()" in cell.source or "_figure(" in cell.source:
            told += 2 if "study" in tags else 1
        if not folded(cell):
            told += A_LINE * sum(bool(line.strip()) for line in stub(cell.source).splitlines())
    return max(5, 5 * math.ceil(told / 5 - 1e-9))


def folded(cell: NotebookNode) -> bool:
    """Whether a cell's code is hidden behind its title: it draws, prints or checks, and is not there to be read."""
    text = cell.source
    return "fold" in cell.metadata.get("tags", []) or "# BEGIN CHECK" in text or "usft.Quiz(" in text


# ---- source → cells ------------------------------------------------------------------------------------------


MARK = re.compile(r"^\s*# (BEGIN|END) *([A-Z]*)")
KINDS = ("SOLUTION", "CHECK", "WRONG", "RIGHT")


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


def source_cells(path: Path) -> list[NotebookNode]:
    """The cells of a source, hidden blocks included. Raises `OutOfStep` if it has no source, or a mark is wrong."""
    if not path.is_file():
        near = get_close_matches(path.stem, [other.stem for other in path.parent.glob("*.py")], n=1)
        hint = f": did you mean {near[0]}?" if near else "."
        raise OutOfStep(f"course.toml names the lesson {path.stem}, but there is no source/{path.name}{hint}")
    text = path.read_text(encoding="utf-8")
    check_marks(path.name, text)
    return jupytext.reads(text, fmt="py:percent").cells


def shown_cells(path: Path) -> list[NotebookNode]:
    """The cells of a source that stand in its notebooks."""
    return [cell for cell in source_cells(path) if not is_hidden(cell)]


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


def is_hidden(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and re.search(r"^# BEGIN (WRONG|RIGHT)\b", cell.source, re.M) is not None


def stub(text: str) -> str:
    """A code cell as the student gets it: each solution replaced by one line that stops kindly."""

    def replace(match: re.Match) -> str:
        told = json.dumps(match["todo"].strip() or "write the lines that are missing", ensure_ascii=False)
        return f"{match['indent']}raise usft.Todo({told})"

    return SOLUTION.sub(replace, text)


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


# ---- files ---------------------------------------------------------------------------------------------------


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
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(seal(book)) + "\n", encoding="utf-8")


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


# ---- commands ------------------------------------------------------------------------------------------------


def build(root: Path = HERE) -> None:
    """Write every notebook that its source or the manifest changed."""
    course = manifest(root)
    for lesson in ready(course):
        name = f"{lesson['name']}.ipynb"
        write(root / name, assemble(course, lesson, root, student=True))
        old = read(root / "solutions" / name)
        write(root / "solutions" / name, with_outputs(assemble(course, lesson, root, student=False), old))
    for path, text in generated(course, root).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def within(folder: Path, root: Path) -> str:
    """A folder's place in the repository; "" if it is outside."""
    whole = root.parent.resolve()
    return folder.resolve().relative_to(whole).as_posix() if folder.resolve().is_relative_to(whole) else ""


def workshop(numbers: list[str], folder: Path, root: Path = HERE) -> str:
    """Write students' copies of some lessons, or of a path of course.toml, into a folder; their time, in words."""
    course = manifest(root)
    path = course.get("path", {}).get(numbers[0], {}) if len(numbers) == 1 else {}
    parts = path.get("parts", {})
    chosen = named(course, [*path["lessons"], *parts] if path else numbers)
    if folder.resolve() == root.resolve():
        raise OutOfStep("--to names a folder of its own, not that of the whole course.")
    where = within(folder, root)
    total = 0
    for lesson in chosen:
        number = lesson["name"][:2]
        if number in parts:
            lesson |= {"only": parts[number], "minutes": path["parts_minutes"] // len(parts)}
        total += lesson.get("minutes", minutes(shown_cells(root / "source" / f"{lesson['name']}.py")))
    for lesson in chosen:
        book = assemble(course | {"lesson": chosen, "folder": where}, lesson, root, student=True)
        write(folder / f"{lesson['name']}.ipynb", book)
    badges = "" if where else " Without badges for Colab: the folder is not in the repository."
    return f"{len(chosen)} lessons in {folder}: about {total} min of a student's time.{badges}"


def run(path: Path) -> tuple[NotebookNode, float, int]:
    """A solution run from top to bottom in a fresh kernel; its seconds, and the most memory it held, in bytes."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    book = read(path)
    print(f"running {path.name}", flush=True)
    # Not the builder's own progress, nor another lesson's: what a lesson prints of it is stored.
    os.environ["USFT_PROGRESS"] = str(Path(tempfile.mkdtemp()) / "progress.json")
    began = time.monotonic()
    book.cells.append(new_code_cell(MEMORY))
    place = {"metadata": {"path": str(path.parent)}}
    try:
        NotebookClient(book, timeout=1800, resources=place, coalesce_streams=True).execute()
    except CellExecutionError as error:
        said = str(error).strip().splitlines()[-1]
        raise OutOfStep(f"{path.name} stopped: {said} (open it in Jupyter and run it there to see where).") from None
    return book, time.monotonic() - began, int(book.cells.pop().outputs[0].text)


def publish(numbers: list[str], kind: str, folder: Path, root: Path = HERE) -> None:
    """Run the lessons whose images may be passed on, and keep their pictures, with attribution, outside of the tree.

    Raises:
        OutOfStep: the folder lies in the repository, the licence is another, or real images are not on this computer.
    """
    import usft_lib as usft
    from usft_lib.sources.catalogue import SOURCES

    if kind not in FREE:
        raise OutOfStep(f"--keep-real knows {', '.join(FREE)}, not {kind!r}.")
    if within(folder, root):
        raise OutOfStep(f"{folder} lies in the repository, where no real image may be: name a folder outside of it.")
    folder.mkdir(parents=True, exist_ok=True)
    for lesson in named(manifest(root), numbers):
        sets = [SOURCES[name] for name in lesson["data"]]
        if not sets or {one.licence for one in sets} != {FREE[kind]}:
            if numbers:
                print(f"{lesson['name']} is passed over: it has no real images, or not all of them are {FREE[kind]}.")
            continue
        try:
            for one in sets:  # before minutes of training on images that stand in for them
                usft.load(one.name)
        except usft.DataUnavailable:
            line = f"python data_scripts/fetch.py {' '.join(lesson['data'])}"
            raise OutOfStep(f"{lesson['name']} needs real images: {line} first.") from None
        book, _, _ = run(root / "solutions" / f"{lesson['name']}.ipynb")
        clean(book, real=True)
        each = "; ".join(f"{one.title}, {one.citation}, {one.licence}" for one in sets)
        credit = f"Real images: {each} ({DEED[kind]}). They were resized; outlines were drawn by this course."
        for cell in [cell for cell in book.cells if "real-image" in cell.metadata.get("tags", [])]:
            cell.outputs.append(new_output("display_data", {"text/plain": credit, "text/markdown": credit}))
        nbformat.write(book, folder / f"{lesson['name']}.ipynb")
        print(f"kept, with real images: {folder / lesson['name']}.ipynb")


def execute(numbers: list[str], root: Path = HERE) -> None:
    """Run solutions and keep their outputs, cleaned."""
    for lesson in named(manifest(root), numbers):
        path = root / "solutions" / f"{lesson['name']}.ipynb"
        book, seconds, peak = run(path)
        clean(book)
        write(path, book)
        note = root / "measured.json"
        known = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
        known[lesson["name"]] = {"seconds": round(seconds), "megabytes": round(peak / 2**20)}
        note.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    build(root)  # the cards tell what was measured


def clean(book: NotebookNode, real: bool = False) -> None:
    """Drop what differs from run to run or must not be kept: times, widget state, addresses, real pictures (or not)."""
    book.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:  # a widget that brings a still picture or a page is shown by that
            if {"image/svg+xml", "text/html"} & set(output.get("data", {})):
                output["data"].pop(WIDGET, None)
        # Progress bars: plain ones come on stderr, drawn ones as widgets.
        cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr" and WIDGET not in o.get("data", {})]
        for output in cell.outputs:
            data = output.get("data", {})
            if "real-image" in cell.metadata.get("tags", []) and not real:
                for kind in [k for k in data if k.startswith("image/")]:
                    del data[kind]
            if "image/png" in data:
                data["image/png"] = smaller(data["image/png"])
            if "text/plain" in data:
                data["text/plain"] = re.sub(r"\b0x[0-9a-f]+", "0x…", data["text/plain"])


def smaller(png: str) -> str:
    """A figure as a picture of 256 colours: smaller, and no eye tells the difference (base64 in and out)."""
    from PIL import Image

    figure = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
    paper = Image.new("RGB", figure.size, "white")
    paper.paste(figure, mask=figure.getchannel("A"))
    kept = io.BytesIO()
    paper.quantize(256, dither=Image.Dither.NONE).save(kept, "PNG", optimize=True)
    return base64.b64encode(kept.getvalue()).decode()


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
    for path, text in generated(course, root).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            wrong.append(f"{path.name} is out of step with the lessons: run build.py.")
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
            wrong = "is written by the build: make your change in course.toml or build.py, and delete this cell"
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


def repoint(where: str, root: Path = HERE) -> None:
    """Let badges, set-up cells and the name by which data sets are fetched point to OWNER/REPO@TAG."""
    match = re.fullmatch(r"([\w.-]+/[\w.-]+)@([\w./-]+)", where)
    if not match:
        raise OutOfStep(f"{where!r} is not OWNER/REPO@TAG: write YOU/REPO@v1, with a tag or branch and no https://.")
    path = root.parent / "course.toml"
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'^repository = "[^"]*"', f'repository = "{match[1]}"', text, count=1, flags=re.M)
    text = re.sub(r'^tag = "[^"]*"', f'tag = "{match[2]}"', text, count=1, flags=re.M)
    path.write_text(text, encoding="utf-8")
    agent = root.parent / "usft_lib" / "sources" / "web.py"
    if agent.is_file():
        text = agent.read_text(encoding="utf-8")
        text = re.sub(r'^REPOSITORY = "[^"]*"', f'REPOSITORY = "{match[1]}"', text, count=1, flags=re.M)
        agent.write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--execute", nargs="*", metavar="NN", help="run solutions and keep their outputs")
    parser.add_argument("--check", action="store_true", help="say what is out of step")
    parser.add_argument("--adopt", type=Path, metavar="FILE", help="an edited solution back into its source")
    parser.add_argument("--only", nargs="+", metavar="NN", help="a workshop of these lessons")
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="where the workshop, or what is kept, is written")
    parser.add_argument("--keep-real", metavar="cc-by", help="with --execute, --to: keep real images of this licence")
    parser.add_argument("--repoint", metavar="OWNER/REPO@TAG", help="where badges point")
    chosen = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")  # a log on Windows may lack a character of a lesson
    try:
        if chosen.check:
            wrong = check()
            print("\n".join(wrong) or "All notebooks are in step with their sources.")
            return 1 if wrong else 0
        if chosen.keep_real:
            if chosen.execute is None or not chosen.to:
                raise OutOfStep("Real images are kept by all three: --execute 10 --keep-real cc-by --to FOLDER.")
            publish(chosen.execute, chosen.keep_real, chosen.to)
            return 0
        if chosen.only or chosen.to:
            if not (chosen.only and chosen.to):
                raise OutOfStep("A workshop needs both: --only 00 02 06 --to FOLDER.")
            print(workshop(chosen.only, chosen.to))
            return 0
        if chosen.adopt:
            source = adopt(chosen.adopt)
            print(f"{source} is now the edited lesson. To renew its outputs: --execute {source.name[:2]}.")
        if chosen.repoint:
            repoint(chosen.repoint)
        build()
        if chosen.execute is not None:
            execute(chosen.execute)
    except OutOfStep as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
