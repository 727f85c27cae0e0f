"""The freezing lab in plain ipywidgets, for a place where the other does not show (lesson 06)."""

from ..errors import BadInput
from ..freezing import PRESETS
from .lab import Lab

COUNTED = PRESETS[3:]  # presets that need a number
COLUMNS = ("strategy", "trainable", "dice", "low", "high", "seconds", "guess", "status")


def freeze_panel(model=None, train=None, val=None, test=None, *, lab: Lab | None = None, **settings):
    """Buttons for the groups, presets, a guess, start, pause and stop, and the scoreboard as text (lesson 06).

    The same work as `FreezeLab`, from the same `Lab`, which is ``panel.lab``. "Look again" shows
    how far a run is.

    Args:
        model, train, val, test, settings: as in `Lab`; or ``lab``, one that exists already.

    Raises:
        BadInput: as `Lab`.
    """
    import ipywidgets as w

    lab = lab or Lab(model, train, val, test, **settings)
    toggles = {name: w.ToggleButton(description=name, layout={"width": "7.5em"}) for name in lab.groups}
    number = w.BoundedIntText(value=2, min=1, max=len(lab.groups), description="k", layout={"width": "8em"})
    presets = [w.Button(description=name if name not in COUNTED else f"{name} k") for name in PRESETS]
    guess = w.FloatSlider(value=0.5, min=0, max=1, step=0.01, description="Your guess", readout_format=".2f")
    names = ("Fine-tune", "Pause", "Resume", "Stop", "Look again")
    buttons = {name: w.Button(description=name) for name in names}
    cost, said = w.Label(), w.Label()
    board = w.Textarea(layout={"width": "46em", "height": "13em"}, disabled=True)

    def show(message: str = "") -> None:
        told = lab.snapshot()
        for name, toggle in toggles.items():
            trained = name in told["chosen"]
            toggle.unobserve_all()
            toggle.value, toggle.icon = trained, "pencil" if trained else "snowflake-o"
            toggle.tooltip = f"{name} is {'trained' if trained else 'frozen'}"
            toggle.disabled = told["state"] != "idle"
            toggle.observe(lambda _, n=name: attempt(lambda: lab.toggle(n)), "value")
        c = told["cost"]
        cost.value = (
            f"{c['trainable']:,} parameters learn ({c['share']:.1%}); a step takes about {c['step']:.0%} of the "
            "operations of training everything"
        )
        under_way = [run for run in told["runs"] if run["status"] == "running"]
        steps = " · ".join(f"{run['label']}: step {run['step']} of {run['steps']}" for run in under_way)
        said.value = " · ".join(part for part in (message or told["message"], told["state"], steps) if part)
        table = lab.scores
        board.value = table[[c for c in COLUMNS if c in table]].round(3).to_string(index=False)

    def attempt(action) -> None:
        """Do what a button asks for; what is refused is said, and everything is drawn as it is."""
        try:
            action()
        except BadInput as error:
            show(str(error))
        else:
            show()

    def start() -> None:
        lab.predict(guess.value)
        lab.start()

    for button, name in zip(presets, PRESETS, strict=True):
        button.on_click(
            lambda _, n=name: attempt(lambda: lab.preset(n, number.value if n in COUNTED else None))
        )  # fmt: skip
    actions = (start, lab.pause, lab.resume, lab.stop, lambda: None)
    for name, action in zip(names, actions, strict=True):
        buttons[name].on_click(lambda _, a=action: attempt(a))
    rows = [w.HBox(list(toggles.values())), w.HBox([*presets, number]), cost, guess, w.HBox(list(buttons.values()))]
    for row in rows:
        row.layout.flex_flow = "row wrap"
    panel = w.VBox([*rows, said, board])
    panel.lab, panel.show = lab, show
    show()
    return panel
