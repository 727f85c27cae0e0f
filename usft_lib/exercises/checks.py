"""Checking a student's answer against cases, with a hint for each; stopping kindly where none is written (all lessons).

The cases stand in the lessons; here is what runs them.
"""

import copy
from collections.abc import Mapping

import numpy as np
import torch

from ..errors import OneLine
from .progress import note

tried: set[str] = set()  # exercises whose check has failed in this session


class Todo(OneLine):
    """Marks the place where the student writes: ``raise usft.Todo("return the Dice")``."""

    def __str__(self) -> str:
        return f"✎ Your turn: {self.args[0] if self.args else 'write the lines that are missing'}"


class WrongAnswer(OneLine):
    """An answer failed a case."""


def check(answer, cases: Mapping[str, tuple], exercise: str = "", tolerance: float = 1e-4) -> None:
    """Run ``cases`` on ``answer`` and stop at the first that fails, with its hint (all lessons).

    Args:
        answer: a function; a value; or, for values that the student sets, ``lambda: (first, second)``: a name that is
            not set yet is then reported as "your turn".
        cases: ``{"what it tries": (inputs, expected, hint)}``; ``inputs`` is a tuple of arguments (``()`` for a value);
            ``expected`` a number, an array, a text …, or a function of the result that says whether it is right.
        exercise: where given ("01.2"), passing is noted for `progress`.
        tolerance: largest difference of two numbers that count as equal. NumPy, PyTorch, any type and device will do.

    Raises:
        WrongAnswer: names the case, says what came out and gives the hint, in one line. From then on
            `usft.solution(exercise)` shows the reference answer.
        Todo: the answer is not written yet.
    """
    try:
        _try_all(answer, cases, tolerance)
    except WrongAnswer:
        tried.add(exercise)
        raise
    print(f"✓ {len(cases)} of {len(cases)} cases pass" + (f": exercise {exercise} is done." if exercise else "."))
    if exercise:
        note(exercise, "done")


def _try_all(answer, cases: Mapping[str, tuple], tolerance: float) -> None:
    for name, (inputs, expected, hint) in cases.items():
        try:
            result = answer(*copy.deepcopy(inputs)) if callable(answer) else answer
            right = bool(expected(result) if callable(expected) else _equal(result, expected, tolerance))
        except Todo:
            raise
        except Exception as error:  # whatever a student's code may raise: the hint helps more than our traceback
            if isinstance(error, NameError) and _raised_by(answer, error):
                raise Todo(f"set `{error.name}` in the cell above, and run that cell before this one.") from None
            said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            raise WrongAnswer(f"✗ {name}: your answer stopped with {said}. Hint: {hint}") from None
        if not right:
            wanted = "" if callable(expected) else f", not {_short(expected)}"
            raise WrongAnswer(f"✗ {name}: got {_short(result)}{wanted}. Hint: {hint}")


def _raised_by(answer, error: Exception) -> bool:
    """Whether a lambda itself named what is not set; deeper down it is the student's function that is wrong."""
    place = error.__traceback__
    while place.tb_next:
        place = place.tb_next
    if getattr(answer, "__name__", "") != "<lambda>":
        return False
    return place.tb_frame.f_code in (answer.__code__, *answer.__code__.co_consts)  # its comprehensions are among these


def check_range(value: float, low: float, high: float, what: str = "value") -> None:
    """Print whether ``low ≤ value ≤ high``, without the value itself: trained numbers differ a little between machines.

    Raises:
        WrongAnswer: it is outside.
    """
    value = float(value)
    if not low <= value <= high:
        raise WrongAnswer(f"✗ {what} is {value:.4g}, outside {low:g}…{high:g}: did you change a parameter? Set it back "
                          "and run all cells from the top.")  # fmt: skip
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
