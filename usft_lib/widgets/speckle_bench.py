"""The speckle bench: `bmode` with sliders, and the picture that follows them (lesson 05).

The front end (speckle_bench.js) asks for a picture and the kernel answers that one message; nothing is ever sent
unasked, and no figure is drawn in the kernel. So it works on kernels that handle messages beside a running cell and on
those that do not.
"""

import contextlib
import threading

import anywidget
import torch
import traitlets

from ..errors import BadInput
from ..simulate.phantom import Bmode, bmode
from . import front_end, with_picture
from .sliders import SLIDERS, checked, grey_bytes, nearest, numbers, starting_places, still


@contextlib.contextmanager
def one_thread():
    """A single thread for torch: two that share the cores with a drawing browser wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class SpeckleBench(anywidget.AnyWidget):
    """Sliders for every setting of `bmode`, a live picture, and what is measured in it beside what theory says.

    Args:
        settings: any argument of `bmode` to begin with; the slider goes to its nearest mark.

    Attributes:
        settings: what the sliders say, a dict for ``usft.bmode(**bench.settings)``; set it to move them.
        result: the `Bmode` that was shown last.

    Raises:
        BadInput: a setting that there is no slider for, or that is not a number.
    """

    _esm, _css = front_end("speckle_bench")

    sliders = traitlets.List().tag(sync=True)
    places = traitlets.Dict().tag(sync=True)  # of each slider, the number of its mark

    def __init__(self, **settings):
        self._lock = threading.Lock()  # newer kernels handle messages beside a running cell
        self.result: Bmode | None = None
        super().__init__(
            sliders=[{"name": s.name, "label": s.label, "marks": s.marks, "start": s.start} for s in SLIDERS.values()],
            places=starting_places(settings),
        )
        self.on_msg(self._asked)
        self._show(self.places)

    @property
    def settings(self) -> dict[str, float]:
        return {name: SLIDERS[name].values[place] for name, place in self.places.items()}

    @settings.setter
    def settings(self, chosen: dict[str, float]) -> None:
        self.places = self.places | nearest(chosen)
        self._show(self.places)

    def _show(self, places: dict[str, int]) -> Bmode:
        with self._lock, one_thread():
            self.result = bmode(**{name: SLIDERS[name].values[place] for name, place in places.items()})
            return self.result

    def _asked(self, _, content, buffers) -> None:
        """Answer one request of the front end: {"id", "places"} → the picture's bytes and its numbers."""
        number = content.get("id") if isinstance(content, dict) else None
        try:
            shown = self._show(checked(content))
        except BadInput as error:
            self.send({"to": number, "ok": False, "message": str(error)})
            return
        answer = {"to": number, "ok": True, "size": len(shown.image), "side_mm": shown.scene.side_mm}
        circle = {"radius_mm": shown.scene.minor_radius_mm, "depth_mm": 10 * shown.scene.lesion_depth_cm}
        self.send(answer | circle | {"numbers": numbers(shown)}, [grey_bytes(shown)])

    def __repr__(self) -> str:
        return f"SpeckleBench: {self.result!r}"

    def _repr_mimebundle_(self, **kwargs):
        """The widget, and for pages without a kernel the picture as it was."""
        return with_picture(super()._repr_mimebundle_(**kwargs), still(self.result, self.settings), repr(self))
