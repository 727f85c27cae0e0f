"""The errors of the course, each one clear line: what is wrong, and what to do about it."""

import re
import traceback
from difflib import get_close_matches
from numbers import Integral


class OneLine(Exception):
    """An error that a notebook shows as one line instead of a traceback."""

    def _render_traceback_(self) -> list[str]:  # asked for by IPython
        return [str(self)]


class Refused(OneLine):
    """As `OneLine`; the message also says which line of the student's cell led to it."""

    def _render_traceback_(self) -> list[str]:
        frames = traceback.extract_tb(self.__traceback__)
        cells = [f for f in frames if f.line and re.search(r"<ipython-input|ipykernel_\d+", f.filename)]
        return [f"{type(self).__name__}: {self}" + "".join(f"  (line {f.lineno}: {f.line})" for f in cells[-1:])]


class BadInput(Refused, ValueError):
    """Something that the student handed over (a name, a file, a number) cannot be used."""


class DataUnavailable(Refused, RuntimeError):
    """A data set is at none of its addresses, or cannot be downloaded; nothing was put in its place."""


def shown(value) -> str:
    """A plain value as it is written, if that is short, else its type: a network would fill a page."""
    plain = type(value).__module__ in ("builtins", "numpy") and len(repr(value)) <= 60
    return repr(value) if plain else type(value).__name__


def check_count(name: str, value) -> int:
    """Return ``value`` as an integer if it is a whole number of at least 1, else raise `BadInput`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise BadInput(f"{name} must be a whole number of at least 1, not {shown(value)}.")
    return int(value)


def check_seed(seed) -> int:
    """Return ``seed`` as an integer if it is a whole number, else raise `BadInput`: 1.0 would draw other numbers."""
    if not isinstance(seed, Integral) or isinstance(seed, bool):
        raise BadInput(f"seed must be a whole number, not {shown(seed)}.")
    return int(seed)


# Words of other libraries for settings of this one.
USUAL = {"epochs": "steps", "iterations": "steps", "learning_rate": "lr", "random_state": "seed", "dtype": "precision",
         "verbose": "progress", "channels": "width", "layers": "depth", "fp16": "float16",
         "fp32": "float32"}  # fmt: skip


def check_name(kind: str, name, known) -> str:
    """Return ``name`` if it is one of ``known``, else raise `BadInput` that names the nearest match."""
    known = list(known)
    if isinstance(name, str) and name in known:
        return name
    meant = USUAL.get(str(name))
    near = [meant] if meant in known else get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "choose one of these."
    raise BadInput(f"There is no {kind} {shown(name)}: {hint} Known: {', '.join(known)}.")


def check_images(images) -> None:
    """Raise `BadInput` unless this tensor is what a network here takes: float32 in 0…1."""
    kind = str(getattr(images, "dtype", type(images).__name__))
    if kind != "torch.float32":
        how = "images.float()" if "float" in kind else "images.float() / 255 (of 8 bits)"
        if not kind.startswith("torch."):
            kind, how = f"{type(images).__name__} ({kind})", "torch.from_numpy(images), if it is an array"
        raise BadInput(f"images must be float32 tensors in 0…1, not {kind}: use {how}.")
    if not images.isfinite().all():
        raise BadInput("images contain NaN or infinite values: repair or leave out those images first.")
    if images.numel() and not (0 <= images.min() and images.max() <= 1):
        low, high = images.min(), images.max()
        raise BadInput(f"images must be in 0…1, but go from {low:g} to {high:g}: scale them first.")


class TrainingDiverged(Refused, RuntimeError):
    """The loss became infinite or not a number; the weights are of no use any more."""
