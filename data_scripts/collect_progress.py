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
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found.pop("usft") != 1:
                raise ValueError
            students[path.stem] = found
        except (OSError, ValueError, KeyError, AttributeError):
            print(f"{path.name} was not saved by usft.progress and is left out.", file=sys.stderr)
    return sorted({key for each in students.values() for key in each}), students


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    if not chosen.folder.is_dir():
        parser.exit(1, f"There is no folder {chosen.folder}: name the one that holds what students handed in.\n")
    keys, students = collect(chosen.folder)
    table = csv.writer(sys.stdout)
    table.writerow(["student", *keys])
    table.writerows([name, *(known.get(key, "") for key in keys)] for name, known in students.items())


if __name__ == "__main__":
    main()
