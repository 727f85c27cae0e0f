"""The freezing lab: click a U-Net, freeze it, fine-tune it live, compare (lesson 06).

A thin view over `Lab`. The front end (freezer.js) asks and the kernel answers; the thread that trains sends nothing. So
it works on kernels that handle messages beside a running cell and on those that do not, and closing the view loses
nothing: showing the lab again goes on with what there is.
"""

from copy import deepcopy
from pathlib import Path

import anywidget
import traitlets

from .. import device
from ..cost import summary
from ..errors import BadInput
from ..freezing import unfreeze
from ..probes import receptive_fields
from .diagram import UNetDiagram
from .lab import Lab

HERE = Path(__file__).parent


class FreezeLab(anywidget.AnyWidget):
    """Choose groups by clicking, guess the Dice, fine-tune, race, and read the scoreboard (lesson 06).

    Args:
        model, train, val, test, settings: as in `Lab`, which is behind it: ``freeze_lab.lab``.

    Attributes:
        scores: the scoreboard as a pandas table. ``run(strategy)`` does the same work as a blocking call.
        runs: what was trained so far, oldest first, each with its curves and its model.

    Raises:
        BadInput: as `Lab`.
    """

    _esm = HERE / "freezer.js"
    _css = HERE / "freezer.css"

    blocks = traitlets.List().tag(sync=True)  # what never changes: where each group is drawn, and its costs

    def __init__(self, model, train, val, test=None, **settings):
        self.lab = Lab(model, train, val, test, **settings)
        super().__init__(blocks=_blocks(model, train.size))
        self._still = UNetDiagram(model).svg
        self.on_msg(self._asked)
        device.release_threads_after_cells()  # measuring receptive fields has made one; so may the student's next cell

    @property
    def scores(self):
        return self.lab.scores

    @property
    def runs(self):
        return self.lab.runs

    def run(self, strategy, guess: float | None = None, label: str | None = None) -> dict:
        """As `Lab.run`."""
        return self.lab.run(strategy, guess, label)

    def _asked(self, _, content, buffers) -> None:
        """Answer one request of the front end: do what it says, then tell how things are."""
        number = content.get("id") if isinstance(content, dict) else None
        try:
            more, sent = self._do(content)
        except BadInput as error:
            self.send({"to": number, "ok": False, "message": str(error), "snapshot": self.lab.snapshot()})
            return
        except Exception as error:  # no memory, a full disk: a question without an answer would silence the view
            line = (str(error) or type(error).__name__).splitlines()[0]
            self.send({"to": number, "ok": False, "message": f"That failed: {line}", "snapshot": self.lab.snapshot()})
            return
        seen = content.get("version") if content.get("do") == "look" else None
        told = None if seen is not None and seen == self.lab.version else self.lab.snapshot()
        self.send({"to": number, "ok": True, "message": "", "snapshot": told, **more}, sent)

    def _do(self, content) -> tuple[dict, list[bytes]]:
        """What was asked for; what else the answer holds, and its bytes."""
        lab, what = self.lab, content.get("do") if isinstance(content, dict) else None
        with_one = {"toggle": ("group", lab.toggle), "predict": ("dice", lab.predict), "commit": ("run", lab.commit),
                    "forget": ("run", lab.forget)}  # fmt: skip
        plain = {"pause": lab.pause, "resume": lab.resume, "stop": lab.stop, "look": lambda: None}
        try:
            if what in plain:
                plain[what]()
            elif what in with_one:
                name, action = with_one[what]
                action(content[name])
            elif what == "preset":
                lab.preset(content["name"], content.get("k"))
            elif what == "start":
                lab.start(content.get("label") or None)
            elif what == "race":
                lab.race(content["strategies"], content.get("guesses"))
            elif what == "rename":
                lab.rename(content["run"], content["label"])
            elif what == "hide":
                lab.hide(content["run"], content["hidden"])
            elif what == "csv":
                return {"csv": lab.csv()}, []
            elif what == "pictures":
                shown = lab.pictures()
                return {"pictures": {"size": shown["size"], "truth": shown["truth"]}}, shown["images"]
            else:
                raise BadInput(f"The front end asked for {what!r}, which the lab does not know: reload the page.")
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"The front end's message {what!r} is not complete: reload the page.") from error
        return {}, []

    def __repr__(self) -> str:
        return f"FreezeLab: {len(self.lab.runs)} runs, {len(self.lab.chosen)} of {len(self.lab.groups)} groups chosen"

    def _repr_mimebundle_(self, **kwargs):
        """The widget, and for pages without a kernel the U-Net as a picture."""
        made = super()._repr_mimebundle_(**kwargs)
        data, metadata = made if isinstance(made, tuple) else (made or {}, {})
        return {**data, "image/svg+xml": self._still, "text/plain": repr(self)}, metadata


def _blocks(model, size: int) -> list[dict]:
    """For each group its place in the drawing, and what hovering tells."""
    diagram, fields = UNetDiagram(model, size=size), receptive_fields(model)
    everything = unfreeze(deepcopy(model))
    costs = {row["group"]: row for row in summary(everything, size).iloc[:-1].to_dict("records")}
    return [
        {
            "name": name, "box": list(box), "level": diagram.level(name), "field": fields[name],
            "parameters": costs[name]["parameters"], "channels": diagram.channels[name], "height": diagram.height,
            **{way: costs[name][way] for way in ("forward", "to_inputs", "to_weights")},
        }
        for name, box in diagram.boxes().items()
    ]  # fmt: skip
