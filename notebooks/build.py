"""Build the notebooks from their sources: `python notebooks/build.py` (for instructors: change source/, build, done).

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

The parts are in building/: course (the manifest), cells (a source, read), cards (what is written around it), books (the
notebooks), checking, running (solutions, executed) and adopting.
"""

import argparse
import re
import sys
from pathlib import Path

from building.adopting import adopt
from building.books import KERNEL, assemble, build, read, seal, unexecuted, write  # noqa: F401
from building.cards import ARCHIVE_MB, MAP, minutes  # noqa: F401 (some are there for the tests)
from building.cells import SOLUTION, exercise, hidden_answers, shown_cells, source_cells, stub  # noqa: F401
from building.checking import added_lines, check  # noqa: F401
from building.course import HERE, OutOfStep, manifest, named, ready, within  # noqa: F401
from building.running import clean, execute, publish  # noqa: F401


def workshop(numbers: list[str], folder: Path, root: Path = HERE) -> str:
    """Write students' copies of some lessons, or of a path of course.toml, into a folder; their time, in words."""
    course = manifest(root)
    path = course.get("path", {}).get(numbers[0], {}) if len(numbers) == 1 else {}
    parts = path.get("parts", {})
    there = [lesson["name"][:2] for lesson in ready(course)]
    asked = [*path["lessons"], *parts] if path else numbers
    later = [number for number in asked if path and number not in there]  # a path may name planned lessons
    chosen = named(course, [number for number in asked if number not in later])
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
    planned = f" Not ready yet, and left out: {', '.join(later)}." if later else ""
    return f"{len(chosen)} lessons in {folder}: about {total} min of a student's time.{planned}{badges}"


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
            if not (chosen.only and chosen.to) or chosen.execute is not None:
                raise OutOfStep("--to goes with --only 00 02 04 (a workshop), or with --execute 10 --keep-real cc-by.")
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
