"""The errors of the course, each one clear line: what is wrong, and what to do about it."""

from difflib import get_close_matches
from operator import index


class BadInput(ValueError):
    """Something that the student handed over (a name, a file, a number) cannot be used."""


class DataUnavailable(RuntimeError):
    """A data set could not be had from any of its addresses; nothing was put in its place."""


def check_count(name: str, value) -> int:
    """Return ``value`` as an integer if it is a whole number of at least 1, else raise `BadInput`."""
    try:
        count = 0 if isinstance(value, bool) else index(value)
    except TypeError:
        count = 0
    if count < 1:
        raise BadInput(f"{name} must be a whole number of at least 1, not {value!r}.")
    return count


def check_name(kind: str, name, known) -> str:
    """Return ``name`` if it is one of ``known``, else raise `BadInput` that names the nearest match."""
    known = list(known)
    if name in known:
        return name
    near = get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "choose one of these."
    raise BadInput(f"There is no {kind} {name!r}: {hint} Known: {', '.join(known)}.")


class TrainingDiverged(RuntimeError):
    """The loss became infinite or not a number; the weights are of no use any more."""
