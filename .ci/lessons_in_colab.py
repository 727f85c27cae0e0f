"""Run solutions of lessons where Colab's versions are, and compare the outputs that are the same on every machine.

    python lessons_in_colab.py NOTEBOOK …
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def compared(book) -> list[str]:
    """Text of the cells whose output nbval compares elsewhere (it is not among Colab's packages)."""
    marked = [cell for cell in book.cells if "NBVAL_CHECK_OUTPUT" in cell.source]
    return ["".join(o.get("text", "") for o in cell.outputs if o.get("name") == "stdout") for cell in marked]


def main() -> int:
    wrong = 0
    for path in map(Path, sys.argv[1:]):
        book, began = nbformat.read(path, as_version=4), time.monotonic()
        before = compared(book)
        NotebookClient(book, timeout=300, kernel_name="python3").execute()
        differ = [(a, b) for a, b in zip(before, compared(book), strict=True) if a != b]
        equal = f"{len(before) - len(differ)} of {len(before)} compared outputs equal"
        print(f"{path.name}: {time.monotonic() - began:.0f} s, {equal}")
        for a, b in differ:
            print(f"--- as committed\n{a}--- here\n{b}")
        wrong += len(differ)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
