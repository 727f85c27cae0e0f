"""Both widgets in plain ipywidgets, for a place where an anywidget does not show (lessons 04, 06)."""

from ..errors import BadInput
from ..freezing import COUNTED, PRESETS
from .lab import Lab
from .sliders import SLIDERS, Bench, numbers, png, starting_places

COLUMNS = ("run", "strategy", "trainable", "dice", "low", "high", "difference", "word", "seconds", "guess")


def speckle_panel(*, tasks=(), **settings):
    """Sliders for every setting of `bmode`, its picture and its numbers, in plain ipywidgets (lesson 06).

    The same arguments and the same picture as `SpeckleBench`; it is drawn when a slider is let go. ``panel.bench`` has
    ``seen``, the table of what was shown.

    Raises:
        BadInput: a setting that there is no slider for, or that is not a number.
    """
    import ipywidgets as w

    bench, places = Bench(tasks), starting_places(settings)
    sliders = {
        name: w.SelectionSlider(
            options=list(zip(slider.marks, slider.values, strict=True)),
            value=slider.values[places[name]],
            description=slider.label,
            continuous_update=False,
            style={"description_width": "13em"},
            layout={"width": "28em"},
        )
        for name, slider in SLIDERS.items()
    }
    picture = w.Image(format="png", width=384, height=384)
    rows, found = [w.Label() for _ in range(5)], [w.Label() for _ in bench.tasks]

    def draw(_=None):
        shown = bench.show({name: slider.value for name, slider in sliders.items()})
        picture.value = png(shown)
        for line, task in zip(found, bench.tasks, strict=True):
            line.value = repr(task)
        for row, number in zip(rows, numbers(shown), strict=True):
            row.value = f"{number['label']}: {number['measured']} (theory: {number['theory']})"

    for slider in sliders.values():
        slider.observe(draw, "value")
    draw()
    panel = w.HBox([picture, w.VBox([*sliders.values(), *rows, *found])], layout={"flex_flow": "row wrap"})
    panel.bench = bench
    return panel


def freeze_panel(model=None, train=None, val=None, test=None, *, lab: Lab | None = None, **settings):
    """Buttons for the groups, presets, a guess, start, pause and stop, tasks and the scoreboard as text (lesson 04).

    The same work as `FreezeLab`, from the same `Lab`, which is ``panel.lab``. "Look again" shows how far a run is;
    "Repeat" trains the newest strategy until it has three seeds. It has no curves, images, colours, races and pairs:
    for these ``panel.lab`` has ``runs``, ``drawn``, ``changes``, ``race`` and ``compare``.

    Args:
        model, train, val, test, settings: as in `Lab`; or ``lab``, one that exists already.

    Raises:
        BadInput: as `Lab`.
    """
    import ipywidgets as w

    lab = lab or Lab(model, train, val, test, **settings)
    toggles = {name: w.ToggleButton(description=name, layout={"width": "7.5em"}) for name in lab.groups}
    number = w.BoundedIntText(value=2, min=1, max=len(lab.groups), description="k", layout={"width": "8em"})
    guess = w.FloatSlider(value=0.5, min=0, max=1, step=0.01, description="Your guess", readout_format=".2f")
    cost, message = w.Label(), w.Label()
    board = w.Textarea(layout={"width": "60em", "height": "13em"}, disabled=True)
    tasks = w.VBox([w.Label() for _ in lab.tasks])

    def show(refusal: str = "") -> None:
        now = lab.snapshot()
        for name, toggle in toggles.items():
            trained = name in now["chosen"]
            toggle.unobserve_all()
            toggle.value, toggle.icon = trained, "pencil" if trained else "snowflake-o"
            toggle.tooltip = f"{name} is {'trained' if trained else 'frozen'}"
            toggle.disabled = now["state"] != "idle"
            toggle.observe(lambda _, n=name: attempt(lambda: lab.toggle(n)), "value")
        c = now["cost"]
        cost.value = (
            f"{c['trainable']:,} parameters learn ({c['share']:.1%}); a step takes about {c['step']:.0%} of the "
            "operations of training everything"
        )
        under_way = [run for run in now["runs"] if run["status"] == "running"]
        steps = " · ".join(f"{run['label']}: step {run['step']} of {run['steps']}" for run in under_way)
        message.value = " · ".join(part for part in (refusal or now["message"], now["state"], steps) if part)
        for line, task in zip(tasks.children, lab.tasks, strict=True):
            line.value = repr(task)
        table = lab.scores
        board.value = table[[c for c in COLUMNS if c in table]].round(3).to_string(index=False)

    def attempt(action) -> None:
        """Do what a button asks for, if anything; what is refused is said, and everything is drawn as it is."""
        try:
            if action:
                action()
        except BadInput as error:
            show(str(error))
        else:
            show()

    def start() -> None:
        lab.set_guess(guess.value)
        lab.start()

    def again() -> None:
        firsts = [run.number for run in lab.runs if run.repeats is None]
        lab.again(*firsts[-1:])

    def button(text: str, action) -> w.Button:
        made = w.Button(description=text)
        made.on_click(lambda _: attempt(action))
        return made

    def preset(name: str) -> w.Button:
        if name in COUNTED:
            return button(f"{name} k", lambda: lab.preset(name, number.value))
        return button(name, lambda: lab.preset(name))

    actions = {"Fine-tune": start, "Pause": lab.pause, "Resume": lab.resume, "Stop": lab.stop, "Repeat": again,
               "Look again": None}  # fmt: skip
    rows = [
        w.HBox(list(toggles.values())),
        w.HBox([*(preset(name) for name in PRESETS), number]),
        cost,
        guess,
        w.HBox([button(text, action) for text, action in actions.items()]),
    ]
    for row in rows:
        row.layout.flex_flow = "row wrap"
    panel = w.VBox([*rows, message, board, tasks])
    panel.lab = lab
    show()
    return panel
