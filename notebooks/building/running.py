"""Solutions, run from top to bottom, and what is kept of it."""

import base64
import io
import json
import os
import re
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from .books import KERNEL, assemble, build, read, told, write
from .course import HERE, OutOfStep, manifest, named, within

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
WIDGET = "application/vnd.jupyter.widget-view+json"
FREE = {"cc-by": "CC BY 4.0"}  # licences under which the site may show images
DEED = {"cc-by": "https://creativecommons.org/licenses/by/4.0/"}


def run(path: Path) -> tuple[NotebookNode, float, int]:
    """A solution run from top to bottom in a fresh kernel; its seconds, and the most memory it held, in bytes."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    book = read(path)
    if book is None:
        raise OutOfStep(f"{path.name} is not built: run build.py first.")
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
    except CellTimeoutError:
        raise OutOfStep(f"{path.name}: a cell took more than half an hour: let it train less.") from None
    except DeadKernelError:
        raise OutOfStep(f"{path.name}: its kernel died, perhaps for lack of memory: close other programs.") from None
    return book, time.monotonic() - began, int(book.cells.pop().outputs[0].text)


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
    course = manifest(root)
    for lesson in named(course, numbers):
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
        path = root / "solutions" / f"{lesson['name']}.ipynb"
        if (built := read(path)) is None or told(built) != told(assemble(course, lesson, root, student=False)):
            raise OutOfStep(f"{path.name} is out of step with its source: run build.py first.")
        book, _, _ = run(path)
        clean(book, real=True)
        each = "; ".join(f"{one.title}, {one.citation}, {one.licence}" for one in sets)
        credit = f"Real images: {each} ({DEED[kind]}). They were resized; outlines were drawn by this course."
        for cell in [cell for cell in book.cells if "real-image" in cell.metadata.get("tags", [])]:
            cell.outputs.append(new_output("display_data", {"text/plain": credit, "text/markdown": credit}))
        nbformat.write(book, folder / f"{lesson['name']}.ipynb")
        print(f"kept, with real images: {folder / lesson['name']}.ipynb")


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
