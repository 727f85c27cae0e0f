"""A class's table from the files that students hand in: ``python data_scripts/collect_progress.py FOLDER``.

A student makes such a file with ``usft.progress(save="anna.json")``. It says what the student's machine noted, so it
is a record of honest work, not an exam: for that, let nbgrader run the answers again (docs/INSTRUCTORS.md).
"""

import argparse
import csv
import json
import sys
from pathlib import Path


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
    return sorted({key for each in students.values() for key in each}), students


def cell(value) -> str | int | float:
    """A value as a spreadsheet shows it: what students wrote is never read as a formula."""
    if isinstance(value, int | float):
        return value
    text = " ".join(str(value).split())
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    if not chosen.folder.is_dir():
        parser.exit(1, f"There is no folder {chosen.folder}: name the one that holds what students handed in.\n")
    keys, students = collect(chosen.folder)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # names of any alphabet, into a file on Windows, too
    table = csv.writer(sys.stdout, lineterminator="\n")  # the stream makes it two letters where the system has two
    table.writerow(["student", *map(cell, keys)])
    table.writerows([cell(name), *(cell(known.get(key, "")) for key in keys)] for name, known in students.items())


if __name__ == "__main__":
    main()
