"""Run solutions of lessons where Colab's versions are, and compare the outputs that are the same on every machine.

python lessons_in_colab.py [--table FILE] NOTEBOOK …     --table: write what came out as a page, too
"""

import argparse
import datetime
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

TOLD = ("torch", "numpy", "pandas", "matplotlib", "ipython", "ipywidgets", "anywidget", "ipykernel")
PAGE = """# Lessons with Google Colab's versions

Made by `bash .ci/colab --all` on {day}, before a tag: each solution from top to bottom beside Colab's versions,
the library installed by the very text of the lessons' set-up cell; {threads} threads, no GPU, no real images. "Equal":
outputs that must be the same on every machine. Memory: the most that the kernel had (a free Colab runtime has 12 GB).
Disk: what the lessons so far keep in the cache folder. `.ci/run` does lessons 00, 02 and 06 each time.

Python {python}, {versions}.

| lesson | runs in | memory | disk | outputs equal |
|---|---|---|---|---|
{rows}
"""


PEAK = "import resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # kB"


def kept() -> float:
    """Megabytes in the cache folder."""
    folder = Path(os.environ["USFT_DATA"])
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def compared(book) -> list[str]:
    """Text of the cells whose output nbval compares elsewhere (it is not among Colab's packages)."""
    marked = [cell for cell in book.cells if "NBVAL_CHECK_OUTPUT" in cell.source]
    return ["".join(o.get("text", "") for o in cell.outputs if o.get("name") == "stdout") for cell in marked]


def run(path: Path) -> tuple[str, bool]:
    """Run one solution: a row of the table, and whether all went well."""
    book, began = nbformat.read(path, as_version=4), time.monotonic()
    before = compared(book)
    book.cells.append(nbformat.v4.new_code_cell(PEAK))
    try:
        NotebookClient(book, timeout=900, kernel_name="python3").execute()
    except CellExecutionError as error:
        print(error)
        return f"| {path.stem} | stopped: {error.ename} | | | |", False
    peak = int(book.cells.pop().outputs[0].text) / 1e6
    differ = [(a, b) for a, b in zip(before, compared(book), strict=True) if a != b]
    for a, b in differ:
        print(f"--- as committed\n{a}--- here\n{b}")
    equal = f"{len(before) - len(differ)} of {len(before)}"
    seconds = time.monotonic() - began
    return f"| {path.stem} | {seconds:.0f} s | {peak:.1f} GB | {kept():.0f} MB | {equal} |", not differ


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", type=Path)
    parser.add_argument("notebooks", type=Path, nargs="+")
    options = parser.parse_args()
    rows, well = [], True
    for path in options.notebooks:
        row, fine = run(path)
        print(row, flush=True)
        rows.append(row)
        well &= fine
    if options.table:
        told = PAGE.format(
            day=datetime.date.today(),
            threads=os.environ.get("OMP_NUM_THREADS", "all"),
            python=platform.python_version(),
            versions=", ".join(f"{name} {version(name)}" for name in TOLD),
            rows="\n".join(rows),
        )
        options.table.write_text(told, encoding="utf-8")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
