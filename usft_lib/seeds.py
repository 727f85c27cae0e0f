"""Random numbers that depend on what they are for, not on what was drawn before them.

Everything random in the course (a split, a batch, an augmentation, a simulated image) is a pure function of a seed and
of the place where it is used. So a run can be resumed, raced or drawn in another batch size and gives the same numbers.
"""

import hashlib

import torch


def derive(*parts) -> int:
    """Mix ``parts`` (integers and strings) into one seed of 63 bits; the same parts give the same seed everywhere."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts) -> torch.Generator:
    """A CPU generator seeded with `derive` of ``parts``."""
    return torch.Generator().manual_seed(derive(*parts))


class Kept:
    """A stream of random numbers that are kept: after ``begin()`` the same draws cost nothing (lesson 06).

    It gives the numbers of ``generator(*parts)``. What is drawn at a place depends on the draws before it, so a place
    is the list of these.

    Attributes:
        place: the draws so far, as ``(draw, shape)``; set it to go back there.
    """

    def __init__(self, *parts):
        self._random = generator(*parts)
        self._drawn = {(): (None, self._random.get_state())}  # by place, what was drawn last and the state after it
        self.begin()

    def begin(self) -> None:
        self.place: tuple = ()

    def draw(self, draw, shape: tuple[int, ...]) -> torch.Tensor:
        """``draw(shape, generator=…)`` here in the stream. It is kept, so do not write into it."""
        here = (*self.place, (draw, shape))
        if here not in self._drawn:
            self._random.set_state(self._drawn[self.place][1])
            self._drawn[here] = draw(shape, generator=self._random), self._random.get_state()
        self.place = here
        return self._drawn[here][0]


def uniform(*parts) -> float:
    """One number in [0, 1) that depends on ``parts`` alone."""
    return (derive(*parts) >> 10) / 2**53  # 53 bits: what a float holds exactly, so never 1.0
