"""What a student predicted and solved, kept in one small file on this machine (all lessons). Nothing leaves it.

The file is progress.json in the cache folder, or the one that ``USFT_PROGRESS`` names.
"""

import json
import os
import zlib
from pathlib import Path

from .errors import BadInput

LESSONS = Path(__file__).parent / "lessons.json"  # written by notebooks/build.py: each lesson's exercises and guesses


def predict(question: str, value) -> None:
    """Commit to a guess before its answer is computed: ``usft.predict("00.1", 0.8)`` (all lessons)."""
    if value is None or value is ...:
        raise BadInput(f"Replace the dots with your guess for {question}: any number will do, wrong ones teach most.")
    note(question, value)
    print(f"Noted: {question} = {value}. {_keep()}")


def predictions() -> dict:
    """What was predicted and solved so far: ``{"00.1": 0.8, "01.1": "done"}`` (lesson 11)."""
    try:
        return json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def progress(line: str | None = None, save: str | Path | None = None) -> None:
    """Print which exercises are solved, lesson by lesson, with one short line to keep (all lessons).

    Args:
        line: such a line; what it holds is taken back in. Colab forgets its disk: paste the line into your notes, and
            ``usft.progress("usft1:…")`` brings everything back.
        save: a file to hand in, such as ``"anna.json"``; `data_scripts/collect_progress.py` makes a class's table of
            such files.

    Raises:
        BadInput: the line is not whole, or the file cannot be written.
    """
    if line is not None:
        body, _, mark = line.strip().removeprefix("usft1:").rpartition(":")
        if not line.strip().startswith("usft1:") or mark != _mark(body):
            raise BadInput("This line is not whole: copy all of it, from usft1: to its last letter.")
        _write({**predictions(), **json.loads(body)})
    known = predictions()
    print(card(known))
    print(_keep())
    if save is not None:
        try:
            Path(save).write_text(json.dumps({"usft": 1, **known}, indent=1, sort_keys=True), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{save} cannot be written ({error.strerror}): name a file in a folder of yours.") from None
        print(f"To hand in: {save}")


def card(known: dict) -> str:
    """What is solved (✓) and what is open (·), a line a lesson; what no lesson names comes last."""
    lines, named = [], set()
    for lesson in json.loads(LESSONS.read_text(encoding="utf-8")):
        marks = [f"{'✓' if known.get(number) == 'done' else '·'} {number}" for number in lesson["exercises"]]
        guessed = sum(number in known for number in lesson["guesses"])
        lines.append(f"{lesson['title']:34.34s}{'  '.join(marks):28s}guesses: {guessed} of {len(lesson['guesses'])}")
        named |= {*lesson["exercises"], *lesson["guesses"]}
    done = sum(value == "done" for value in known.values())
    others = sorted(set(known) - named)
    return "\n".join([*lines, *([f"besides: {', '.join(others)}"] if others else []), f"Exercises solved: {done}."])


def note(key: str, value) -> None:
    """Keep one value under a key."""
    _write({**predictions(), key: value})


def _keep() -> str:
    body = json.dumps(predictions(), sort_keys=True, separators=(",", ":"))
    return f"To keep: usft1:{body}:{_mark(body)}"


def _mark(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def _write(values: dict) -> None:
    path = _file()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(values, sort_keys=True), encoding="utf-8")
        os.replace(temporary, path)
    except OSError:
        pass  # the printed line is the copy that counts; a full or read-only disk must not stop a lesson


def _file() -> Path:
    from .sources.cache import cache_folder  # not at the top: progress stands below the data sets

    named = os.environ.get("USFT_PROGRESS", "")
    return Path(named) if named else cache_folder() / "progress.json"
