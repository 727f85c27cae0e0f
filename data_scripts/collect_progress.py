"""A class's table from the files that students hand in: `python data_scripts/collect_progress.py FOLDER`.

A student makes such a file with ``usft.progress(save="anna.json")``. It says what the student's machine noted, so it
is a record of honest work, not an exam: for that, let nbgrader run the answers again (docs/INSTRUCTORS.md).

``--guesses FIGURE.png`` draws how the class guessed, one panel per question. ``--minutes`` prints how long each lesson
took those who let their progress note times (``usft.progress(times=True)``): the class's median.
"""

import argparse
import csv
import json
import math
import re
import statistics
import sys
from pathlib import Path

LESSONS = Path(__file__).resolve().parents[1] / "usft_lib" / "course" / "lessons.json"
SEEN, TIMES = " seen", "times"  # as usft_lib/exercises/progress.py notes them
PAUSE = 30 * 60  # seconds between two notes: a longer one is no work on a lesson


def collect(folder: Path) -> tuple[list[str], dict[str, dict]]:
    """The exercises and guesses that occur, in order, and by student what is noted; files of another kind are named."""
    students = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        try:
            found = json.loads(path.read_text(encoding="utf-8-sig"))
            if found.pop("usft") != 1:
                raise ValueError
            students[path.stem if path.suffix == ".json" else path.name] = found
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            print(f"{path.name} was not saved by usft.progress and is left out.", file=sys.stderr)
    return sorted({key for each in students.values() for key in each if key != TIMES}), students


def told(known: dict, key: str):
    """What the table says of one exercise or guess; of an exercise also whether its solution was looked at."""
    value = known.get(key, "")
    return f"{value or 'open'}, solution seen" if known.get(f"{key}{SEEN}") else value


def cell(value) -> str | int | float:
    """A value as a spreadsheet shows it: what students wrote is never read as a formula."""
    if isinstance(value, int | float):
        return value
    text = " ".join(str(value).split())
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def guessed(students: dict[str, dict]) -> dict[str, list[float]]:
    """The class's numbers for each question, without the names."""
    found: dict[str, list[float]] = {}
    for known in students.values():
        for key, value in known.items():
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if number and re.fullmatch(r"\d\d\.[a-z]", key):
                found.setdefault(key, []).append(float(value))
    return dict(sorted(found.items()))


def asked() -> dict[str, str]:
    """What is guessed, in a few words, for each question of the course."""
    lessons = json.loads(LESSONS.read_text(encoding="utf-8"))
    return {key: words for lesson in lessons for key, words in lesson["guesses"].items()}


def draw(questions: dict[str, list[float]], path: Path) -> None:
    """A histogram a question."""
    import matplotlib.pyplot as plt

    words = asked()

    figure, panels = plt.subplots(
        len(questions), figsize=(6, 2.2 * len(questions) + 0.4), layout="constrained", squeeze=False
    )
    for axes, (key, values) in zip(panels[:, 0], questions.items(), strict=True):
        axes.hist(values, bins=min(12, max(3, len(values) // 2)), color="#0072B2", edgecolor="white")
        axes.axvline(statistics.median(values), color="#D55E00", linestyle="--")
        axes.set_title(f"{key} {words.get(key, '')}", loc="left")
        axes.set(ylabel="students", xlabel=f"{len(values)} guesses, median {statistics.median(values):g}")
    figure.savefig(path)


def minutes(students: dict[str, dict]) -> dict[str, list[float]]:
    """For each lesson how many minutes lie between a student's first and last note in it, pauses left out."""
    found: dict[str, list[float]] = {}
    for known in students.values():
        lessons: dict[str, list[int]] = {}
        noted = known.get(TIMES)
        for key, when in noted.items() if isinstance(noted, dict) else ():
            if isinstance(when, int):
                lessons.setdefault(key[:2], []).append(when)
        for lesson, times in lessons.items():
            gaps = [b - a for a, b in zip(sorted(times), sorted(times)[1:], strict=False)]
            if gaps:
                found.setdefault(lesson, []).append(sum(gap for gap in gaps if gap <= PAUSE) / 60)
    return dict(sorted(found.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the files that students saved lie")
    parser.add_argument("--guesses", type=Path, metavar="FIGURE", help="draw the class's guesses into this file")
    parser.add_argument("--minutes", action="store_true", help="print the class's median minutes a lesson instead")
    chosen = parser.parse_args()
    if not chosen.folder.is_dir():
        parser.exit(1, f"There is no folder {chosen.folder}: name the one that holds what students handed in.\n")
    keys, students = collect(chosen.folder)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # names of any alphabet, into a file on Windows, too
    if chosen.guesses:
        questions = guessed(students)
        if not questions:
            parser.exit(1, f"The files in {chosen.folder} hold no guesses that are numbers.\n")
        draw(questions, chosen.guesses)
        print(f"{chosen.guesses}: {len(questions)} questions", file=sys.stderr)
    table = csv.writer(sys.stdout, lineterminator="\n")  # the stream makes it two letters where the system has two
    if chosen.minutes:
        table.writerow(["lesson", "students", "median minutes"])
        table.writerows([n, len(each), round(statistics.median(each))] for n, each in minutes(students).items())
        return
    keys = [key for key in keys if not key.endswith(SEEN) or key.removesuffix(SEEN) not in keys]
    table.writerow(["student", *map(cell, keys)])
    table.writerows([cell(name), *(cell(told(known, key)) for key in keys)] for name, known in students.items())


if __name__ == "__main__":
    main()
