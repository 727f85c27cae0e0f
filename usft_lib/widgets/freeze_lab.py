"""The freezing lab: click a U-Net, freeze it, fine-tune it live, compare (lesson 04).

A thin view over `Lab`. The front end (freeze_lab.js) asks and the kernel answers; the thread that trains sends nothing.
So it works on kernels that handle messages beside a running cell and on those that do not, and closing the view loses
nothing: showing the lab again goes on with what there is.
"""

import anywidget
import traitlets

from ..errors import BadInput, check_name
from . import front_end, with_picture
from .diagram import UNetDiagram
from .lab import Lab
from .runs import first_line

RACE = ("first 2", "last 2", "everything", "scratch")  # with the presets alone
TOLD = ("parameters", "forward", "to_inputs", "to_weights")  # of a group, when one points at it


class FreezeLab(anywidget.AnyWidget):
    """Choose groups by clicking, guess the Dice, fine-tune, race, and read the scoreboard (lesson 04).

    Args:
        model, train, val, test, settings: as in `Lab`, which is behind it: ``freeze_lab.lab``.
        controls: ``"all"``; or ``"presets"``, a guess for each of four strategies, their race, curves and masks, and
            nothing else (lesson 00).

    Attributes:
        scores: the scoreboard as a pandas table. ``run(strategy)`` does the same work as a blocking call. Whatever else
            can be clicked is a method of the lab: ``again``, ``compare``, ``look_at``, ``field``, ``changes`` …
        runs: what was trained so far, oldest first, each with its curves and its model.

    Raises:
        BadInput: as `Lab`.
    """

    _esm, _css = front_end("freeze_lab")

    drawing = traitlets.Unicode().tag(sync=True)  # the U, as SVG
    blocks = traitlets.List().tag(sync=True)  # what hovering tells of each group, if everything is trained

    controls = traitlets.Unicode().tag(sync=True)
    race = traitlets.List().tag(sync=True)  # the presets, and how many parameters each trains

    def __init__(self, model, train, val, test=None, *, controls: str = "all", **settings):
        check_name("set of controls", controls, ["all", "presets"])
        self.lab = Lab(model, train, val, test, **settings)
        u = UNetDiagram(self.lab.pretrained, size=train.size)
        self._still = u.svg
        blocks = [
            {"name": name, "field": u.fields[name], "channels": u.channels[name], **{key: row[key] for key in TOLD}}
            for name, row in u.rows.items()
        ]
        race = [{"name": name, "trainable": self.lab.cost(self.lab.named(name))["trainable"]} for name in RACE]
        super().__init__(drawing=u.bare_svg, blocks=blocks, controls=controls, race=race)
        self.on_msg(self._asked)

    @property
    def scores(self):
        return self.lab.scores

    @property
    def runs(self):
        return self.lab.runs

    def run(self, strategy, guess: float | None = None, label: str | None = None, seeds: int = 1) -> dict:
        """As `Lab.run`."""
        return self.lab.run(strategy, guess, label, seeds)

    def _asked(self, _, content, buffers) -> None:
        """Answer one request of the front end: do what it says, then tell how things are."""
        number = content.get("id") if isinstance(content, dict) else None
        try:
            more, sent = self._do(content)
        except Exception as error:  # no memory, a full disk: a question without an answer would silence the view
            line = str(error) if isinstance(error, BadInput) else f"That failed: {first_line(error)}"
            self.send({"to": number, "ok": False, "message": line, "snapshot": self.lab.snapshot()})
            return
        seen = content.get("version") if content.get("do") == "look" else None
        snapshot = None if seen is not None and seen == self.lab.version else self.lab.snapshot()
        self.send({"to": number, "ok": True, "message": "", "snapshot": snapshot, **more}, sent)

    def _do(self, content) -> tuple[dict, list[bytes]]:
        """What was asked for; what else the answer holds, and its bytes."""
        lab, what = self.lab, content.get("do") if isinstance(content, dict) else None
        actions = {
            "look": lambda: None,
            "toggle": lambda: lab.toggle(content["group"]),
            "preset": lambda: lab.preset(content["name"], content.get("k")),
            "guess": lambda: lab.set_guess(content["dice"]),
            "start": lab.start,
            "race": lambda: lab.race(content["strategies"], content.get("guesses")),
            "again": lambda: lab.again(*content["runs"], seeds=content["seeds"]),
            "look at": lambda: lab.look_at(content["which"]),
            "pause": lab.pause,
            "resume": lab.resume,
            "stop": lab.stop,
            "rename": lambda: lab.rename(content["run"], content["label"]),
            "hide": lambda: lab.hide(content["run"], content["hidden"]),
            "commit": lambda: lab.commit(content["run"]),
        }
        try:
            if what == "csv":
                return {"csv": lab.csv()}, []
            if what == "pictures":
                shown = lab.pictures()
                return {"pictures": shown}, shown.pop("images")
            if what == "compare":
                found = lab.compare(*content["runs"])
                numbers = [image["image"] for image in found["images"]]
                shown = lab.pictures(numbers)
                found["drawn"] = [lab.drawn(number, numbers) for number in found["runs"]]
                found |= {"size": shown["size"], "truth": shown["truth"]}
                return {"compare": found}, shown["images"]
            if what == "field":
                found = lab.field(content["group"], content["image"], content.get("run"))
                strength = found.pop("field")
                return {"field": found}, [(255 * (strength / strength.max()).sqrt()).byte().numpy().tobytes()]
            if what == "ratios":
                return {"ratios": list(lab.ratios().values())}, []
            if what not in actions:
                raise BadInput(f"The front end asked for {what!r}, which the lab does not know: reload the page.")
            actions[what]()
        except (KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"The front end's message {what!r} is not complete: reload the page.") from error
        return {}, []

    def __repr__(self) -> str:
        return f"FreezeLab: {len(self.lab.runs)} runs, {len(self.lab.chosen)} of {len(self.lab.groups)} groups chosen"

    def _repr_mimebundle_(self, **kwargs):
        """The widget, and for pages without a kernel the U-Net as a picture."""
        return with_picture(super()._repr_mimebundle_(**kwargs), self._still, repr(self))
