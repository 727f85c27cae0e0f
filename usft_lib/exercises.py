"""Exercises: checking answers, stopping where none is given yet, guesses and progress (all lessons).

The cases of a check stand in the lessons; here is what runs them. Guesses and progress are kept in one small file on
this machine, progress.json in the cache folder, or the file that ``USFT_PROGRESS`` names.
"""

import copy
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from .errors import BadInput, shown
from .sources.cache import cache_folder


class _OneLine(Exception):
    """An error that a notebook shows as one line instead of a traceback."""

    def _render_traceback_(self) -> list[str]:  # asked for by IPython
        return [str(self)]


class Todo(_OneLine):
    """Marks the place where the student writes: ``raise usft.Todo("return the Dice")``."""

    def __str__(self) -> str:
        return f"✎ Your turn: {self.args[0] if self.args else 'write the lines that are missing'}"


class WrongAnswer(_OneLine):
    """An answer failed a case."""


def check(answer, cases: Mapping[str, tuple], exercise: str = "", tolerance: float = 1e-4) -> None:
    """Run ``cases`` on ``answer`` and stop at the first that fails, with its hint (all lessons).

    Args:
        answer: a function, or a value.
        cases: ``{"what it tries": (inputs, expected, hint)}``; ``inputs`` is a tuple of arguments (``()`` for a value);
            ``expected`` a number, an array, a text …, or a function of the result that says whether it is right.
        exercise: where given ("01.2"), passing is noted for `progress`.
        tolerance: largest difference of two numbers that count as equal. NumPy, PyTorch, any type and device will do.

    Raises:
        WrongAnswer: names the case, says what came out and gives the hint, in one line.
        Todo: the answer is not written yet.
    """
    for name, (inputs, expected, hint) in cases.items():
        try:
            result = answer(*copy.deepcopy(inputs)) if callable(answer) else answer
            right = expected(result) if callable(expected) else _equal(result, expected, tolerance)
        except Todo:
            raise
        except Exception as error:  # whatever a student's code may raise: the hint helps more than our traceback
            said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise WrongAnswer(f"✗ {name}: your answer stopped with {said}. Hint: {hint}") from None
        if not bool(right):
            wanted = "" if callable(expected) else f", not {_short(expected)}"
            raise WrongAnswer(f"✗ {name}: got {_short(result)}{wanted}. Hint: {hint}")
    print(f"✓ {len(cases)} of {len(cases)} cases pass" + (f": exercise {exercise} is done." if exercise else "."))
    if exercise:
        note(exercise, "done")


def check_range(value: float, low: float, high: float, what: str = "value") -> None:
    """Print whether ``low ≤ value ≤ high``, without the value itself: trained numbers differ a little between machines.

    Raises:
        WrongAnswer: it lies outside.
    """
    value = float(value)
    if not low <= value <= high:
        raise WrongAnswer(f"✗ {what} is {value:.4g}, outside {low:g}…{high:g}: something differs from the course.")
    print(f"✓ {what} lies in {low:g}…{high:g}")


def _array(value) -> np.ndarray:
    return value.detach().cpu().to(torch.float64).numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def _equal(result, expected, tolerance: float) -> bool:
    if result is None or isinstance(expected, str | dict | None):
        return result == expected
    result, expected = _array(result), _array(expected)
    if expected.dtype.kind not in "biufc":  # texts, or things of several kinds
        return result.tolist() == expected.tolist()
    if result.shape != expected.shape:  # one number may come as a scalar or as an array of one
        if result.size != 1 or expected.size != 1:
            return False
        result, expected = result.reshape(()), expected.reshape(())
    return bool(np.allclose(result, expected, rtol=0, atol=tolerance, equal_nan=True))


def _short(value) -> str:
    if isinstance(value, torch.Tensor | np.ndarray) and _array(value).size > 8:
        return f"an array {list(value.shape)}"
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else text[:77] + "…"


# ---- guesses and progress -------------------------------------------------------------------------------------

LESSONS = Path(__file__).parent / "course" / "lessons.json"  # notebooks/build.py writes it


def guess(question: str, value) -> None:
    """Commit to a guess before its answer is computed: ``usft.guess("00.1", 0.8)`` (all lessons)."""
    if value is None or value is ...:
        raise BadInput(f"Replace the dots with your guess for {question}: any number will do, wrong ones teach most.")
    try:
        value = json.loads(json.dumps(value, default=lambda one: one.item()))  # also numbers of NumPy and PyTorch
    except (TypeError, ValueError, AttributeError, RuntimeError):
        raise BadInput(f"A guess is a number, a text or a list of them, not {shown(value)}.") from None
    note(question, value)
    print(f"Noted: {question} = {value}. {_keep()}")


def guesses() -> dict:
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
        _write({**guesses(), **json.loads(body)})
    known = guesses()
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
    _write({**guesses(), key: value})


def _keep() -> str:
    body = json.dumps(guesses(), sort_keys=True, separators=(",", ":"))
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
    named = os.environ.get("USFT_PROGRESS", "")
    return Path(named) if named else cache_folder() / "progress.json"
