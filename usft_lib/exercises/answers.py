"""What a student may look up: the reference answer of an exercise, a term, a data set of one's own (all lessons)."""

import json
from functools import cache

from ..data import SegmentationData
from ..errors import BadInput, check_count, check_name
from ..seeds import uniform
from ..simulate import PRESETS, simulate_ultrasound
from .checks import tried
from .progress import LESSONS, guesses, note, seen


def solution(exercise: str, now: bool = False) -> None:
    """Print the reference answer of an exercise and why it is so: ``usft.solution("01.1")`` (all lessons).

    It is shown once your own answer has passed or failed its check. If you look before it passed, that is noted.

    Args:
        exercise: its number.
        now: show it without a try.

    Raises:
        BadInput: there is no such exercise, or it was not tried yet.
    """
    known = _written("solutions")
    check_name("exercise", exercise, known)
    done = guesses().get(exercise) == "done"
    if not (now or done or exercise in tried):
        raise BadInput(f"Try {exercise} and run its check first. To look now: usft.solution({exercise!r}, now=True)")
    print(known[exercise])
    if not done:
        note(seen(exercise), True)


def explain(term: str) -> None:
    """Print what a term of the course means, in one sentence, and the lesson that introduces it (all lessons).

    Raises:
        BadInput: the glossary has no such term; the nearest one is named.
    """
    terms = _written("glossary")
    names = {name.lower(): name for name in terms}
    asked = str(term).strip().lower()
    name = names.get(asked) or names.get(asked.removesuffix("s")) or check_name("term", str(term), terms)
    print(f"{name}: {terms[name]['says']} (lesson {terms[name]['lesson']})")


def assignment(name: str, n: int = 80, size: int = 128) -> SegmentationData:
    """A simulated ultrasound set of one's own, so that a class's reports cannot be copied (lesson 16).

    Args:
        name: a student's name, in any letters; the same name gives the same images on every machine.
        n: images, two of each subject.
        size: pixels a side.
    """
    if not isinstance(name, str) or not name.strip():
        raise BadInput('Give your name: usft.assignment("anna")')
    who = " ".join(name.lower().split())
    preset = sorted(PRESETS)[int(uniform("assignment preset", 0, who) * len(PRESETS))]
    seed = int(uniform("assignment seed", 0, who) * 10**6)
    data = simulate_ultrasound(check_count("n", n), size=size, seed=seed, frames_per_subject=2, preset=preset)
    data.name = f"assignment of {who}"
    return data


@cache
def _written(what: str) -> dict:
    """A file of the course that notebooks/build.py wrote."""
    return json.loads((LESSONS.parent / f"{what}.json").read_text(encoding="utf-8"))
