"""Random numbers that are drawn once and kept, so that a slider answers at once (lesson 06)."""

import torch

from ..seeds import generator


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
