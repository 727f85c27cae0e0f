"""Guesses and progress: what a student committed to and solved, kept in one small file (all lessons).

The file is the user's own (sources/cache.py). Colab forgets its disk, so every note also prints a line that can be
pasted back.
"""

import base64
import json
import re
import time
import zlib
from pathlib import Path

from ..errors import BadInput
from ..sources.cache import read_notes, write_notes, write_whole

LESSONS = Path(__file__).parents[1] / "course" / "lessons.json"  # notebooks/build.py writes it
TIMES = "times"  # the note that holds when the others were made, where the student wants that


def guess(question: str, value) -> None:
    """Commit to a guess before its answer is computed: ``usft.guess("00.a", 0.8)`` (all lessons).

    While there are dots in place of a guess, nothing is noted.
    """
    if value is None or value is ...:
        print(f"No guess for {question} yet: write one in place of the dots, then run this cell again.")
        return
    note(question, value)
    print(f"Noted: {question} = {value}. {_keep()}")


def guesses() -> dict:
    """What was guessed and solved so far: ``{"00.a": 0.8, "01.1": "done"}`` (lesson 13)."""
    return read_notes()


def progress(line: str | None = None, save: str | Path | None = None, times: bool | None = None) -> None:
    """Print which exercises are solved, lesson by lesson, with one short line to keep (all lessons).

    Args:
        line: a line that was printed before: it is read back. Colab forgets its disk, so paste the line into your
            notes; ``usft.progress("usft1:…")`` brings everything back. White space and quotes in it do no harm.
        save: a file to hand in, such as ``"anna.json"``; `data_scripts/collect_progress.py` makes a class's table of
            such files.
        times: True: from now on also note when a guess or an exercise is done, so that your class can compare its
            minutes with the cards'. False: forget these times. None: leave it as it is (at first, off).

    Raises:
        BadInput: the line is not whole, or the file cannot be written.
    """
    if line is not None:
        write_notes({**guesses(), **_read_line(line)})
    if times is not None:
        kept = {key: value for key, value in guesses().items() if key != TIMES}
        write_notes({**kept, TIMES: guesses().get(TIMES, {})} if times else kept)
    known = guesses()
    print(card(known))
    print(_keep())
    if save is not None:
        try:
            text = json.dumps({"usft": 1, **known}, indent=1, sort_keys=True)
            write_whole(Path(save), lambda file: file.write(text.encode()))
        except OSError as error:
            raise BadInput(f"{save} cannot be written ({error.strerror}): name a file in a folder of yours.") from None
        print(f"To hand in: {save}")


def card(known: dict) -> str:
    """What is solved (✓) and what is open (·), a line per lesson; what no lesson names comes last."""
    rows, named = [], {TIMES}
    for lesson in json.loads(LESSONS.read_text(encoding="utf-8")):
        marks = [_mark(known, number) for number in lesson["exercises"]]
        guessed = sum(number in known for number in lesson["guesses"])
        rows.append((lesson["title"], "  ".join(marks), f"guesses: {guessed} of {len(lesson['guesses'])}"))
        named |= {*lesson["exercises"], *map(seen, lesson["exercises"]), *lesson["guesses"]}
    width = max(26, *(len(marks) for _, marks, _ in rows)) + 2
    lines = [f"{title:34.34s}{marks:{width}s}{guessed}" for title, marks, guessed in rows]
    done = sum(value == "done" for value in known.values())
    others = sorted(set(known) - named)
    return "\n".join([*lines, *([f"besides: {', '.join(others)}"] if others else []), f"Exercises solved: {done}."])


def _mark(known: dict, number: str) -> str:
    looked = " (solution seen)" if seen(number) in known else ""
    return f"{'✓' if known.get(number) == 'done' else '·'} {number}{looked}"


def seen(exercise: str) -> str:
    """The key under which it is noted that a student looked at an exercise's solution."""
    return f"{exercise} seen"


def note(key: str, value) -> None:
    """Keep one value under a key: a number of any kind, a text, a list."""
    plain = json.dumps(value, default=lambda odd: odd.tolist() if hasattr(odd, "tolist") else str(odd))
    known = {**guesses(), str(key): json.loads(plain)}
    if TIMES in known:
        known[TIMES] = {**known[TIMES], str(key): int(time.time())}
    write_notes(known)


def _keep() -> str:
    """The line to keep, of letters that no mail and no pair of quotes changes; zlib adds a checksum."""
    body = zlib.compress(json.dumps(guesses(), sort_keys=True, separators=(",", ":")).encode(), 9)
    return f"To keep: usft1:{base64.urlsafe_b64encode(body).decode().rstrip('=')}"


def _read_line(line: str) -> dict:
    """What a line to keep holds, whatever stands before it, and with white space, quotes or dots in it."""
    body = re.sub(r"[^\w-]", "", str(line).rpartition("usft1:")[2].replace("—", "--"), flags=re.ASCII)
    try:
        return dict(json.loads(zlib.decompress(base64.urlsafe_b64decode(body + "=="))))
    except (ValueError, TypeError, zlib.error):
        raise BadInput(
            "This line is not whole: copy all of it, from usft1: to its last letter, and nothing behind it."
        ) from None
