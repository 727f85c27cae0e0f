"""The speckle bench: `bmode` with sliders, and the picture that follows them (lesson 06).

The front end (speckle_bench.js) asks for a picture and the kernel answers that one message; nothing is ever sent
unasked, and no figure is drawn in the kernel. So it works on kernels that handle messages beside a running cell and on
those that do not.
"""

from collections.abc import Iterable

import anywidget
import traitlets

from ..errors import BadInput
from ..simulate.phantom import Bmode
from . import front_end, with_picture
from .sliders import HINTS, SLIDERS, Bench, checked, grey_bytes, nearest, numbers, starting_places, still
from .tasks import Task


class SpeckleBench(anywidget.AnyWidget):
    """Sliders for every setting of `bmode`, a live picture, and what is measured in it beside what theory says.

    Args:
        tasks: what is to be found out, a list of `Task`, each of which is asked with `seen`.
        settings: any argument of `bmode` to begin with; the slider goes to its nearest mark.

    Attributes:
        settings: what the sliders say, a dict for ``usft.bmode(**bench.settings)``; set it to move them.
        result: the `Bmode` that was shown last.
        seen: a table, a row per picture that was shown: its settings, and what was measured in it: ``snr``,
            ``axial_mm``, ``lateral_mm``, ``gcnr``, ``measured_contrast_db``.

    Raises:
        BadInput: a setting that there is no slider for, or that is not a number.
    """

    _esm, _css = front_end("speckle_bench")

    sliders = traitlets.List().tag(sync=True)
    places = traitlets.Dict().tag(sync=True)  # of each slider, the number of its mark

    def __init__(self, *, tasks: Iterable[Task] = (), **settings):
        self.bench = Bench(tasks)
        super().__init__(
            sliders=[
                {"name": s.name, "label": s.label, "marks": s.marks, "start": s.start, "hint": HINTS[s.name]}
                for s in SLIDERS.values()
            ],
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

    @property
    def result(self) -> Bmode:
        return self.bench.result

    @property
    def seen(self):
        return self.bench.seen

    @property
    def tasks(self) -> list[Task]:
        return self.bench.tasks

    def _show(self, places: dict[str, int]) -> Bmode:
        return self.bench.show({name: SLIDERS[name].values[place] for name, place in places.items()})

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
        tasks = [task.as_message() for task in self.tasks]
        self.send(answer | circle | {"numbers": numbers(shown), "tasks": tasks}, [grey_bytes(shown)])

    def __repr__(self) -> str:
        return f"SpeckleBench: {self.result!r}"

    def _repr_mimebundle_(self, **kwargs):
        """The widget, and for pages without a kernel the picture as it was."""
        return with_picture(super()._repr_mimebundle_(**kwargs), still(self.result, self.settings), repr(self))
