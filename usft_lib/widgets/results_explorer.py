"""The results explorer: the study's numbers at a click, and as tables (lessons 08 to 15).

The study wrote them into results/explorer.json (study/explorer.py). The front end (results_explorer.js) has all of them
and asks the kernel for nothing; the site shows it without Python.
"""

import json
from functools import cache
from html import escape
from pathlib import Path

import anywidget
import pandas as pd
import traitlets

from ..errors import BadInput, check_name
from ..unet import UNet
from . import front_end, with_picture
from .diagram import UNetDiagram

VIEWS = ("k", "pair", "n", "cost", "baselines")
SCHEMES = {"first": "first|last", "last": "first|last", "outer": "outer|inner", "inner": "outer|inner"}
START = {"view": "k", "target": "hc18", "kind": "first", "k": 2, "a": "first 4", "b": "last 4", "budget": 8.0,
         "ms": 100, "x": "parameters", "guesses": {}}  # fmt: skip


@cache
def study() -> dict:
    """The study's numbers, see `study.explorer.as_json`; and its network, drawn."""
    text = (Path(__file__).parents[1] / "results" / "explorer.json").read_text(encoding="utf-8")
    return json.loads(text) | {"drawing": UNetDiagram(UNet()).bare_svg}


def choose(**more) -> dict:
    """All that is selected, if this is; `BadInput` for what cannot be."""
    for name in more:
        check_name("setting", name, START)
    found, names = START | more, [*study()["groups"], "untouched", "mean shape"]
    known = {"view": VIEWS, "target": study()["targets"], "kind": SCHEMES, "a": names, "b": names}
    for name, options in {**known, "x": ("parameters", "operations")}.items():
        check_name(name, found[name], options)
    check_name("strategy", f"{found['kind']} {found['k']}", names)
    for name in ("budget", "ms"):
        if not isinstance(found[name], int | float) or not found[name] > 0:
            raise BadInput(f"{name} is a number above 0, not {found[name]!r}.")
    return found


def explorer_table(view: str = "k", target: str = "hc18", **more) -> pd.DataFrame:
    """The numbers of a view of `ResultsExplorer`: means with 95 % intervals over seeds and subjects (lessons 08 to 15).

    Args:
        view: ``"k"``, ``"pair"``, ``"n"`` (fetal heads only), ``"cost"`` or ``"baselines"``.
        target: ``"hc18"``, ``"busi"`` or ``"sim-ultrasound"``.
        more: ``kind`` and ``k``; or ``a`` and ``b``, which are compared; or ``budget``, in TFLOP of a training.

    Raises:
        BadInput: something that cannot be selected, or a view whose grid is not complete.
    """
    data, now = study(), choose(view=view, target=target, **more)
    if view in data["closed"]:
        raise BadInput(data["missing"][view])
    if view == "pair":
        check_name("other strategy", now["b"], [name for name in data["pairs"][target] if name != now["a"]])
        one = data["pairs"][target][now["a"]][now["b"]]
        said = {"strategy": f"{now['a']} − {now['b']}", "said": ": ".join(data["how"][one["how"]])}
        seeds = {f"seed {seed}": value for seed, value in zip(data["seeds"], one["by_seed"], strict=False)}
        return pd.DataFrame([said | one | seeds]).drop(columns=["how", "by_seed"])
    ways = view == "baselines" and any(row["target"] == target for row in data["ways"])
    rows = pd.DataFrame(data["n" if view == "n" else "ways" if ways else "dice"]).drop(columns="by_seed")
    rows = rows[rows["target"] == ("hc18" if view == "n" else target)]
    if view == "k":
        rows = rows[rows["strategy"].str.fullmatch(f"({SCHEMES[now['kind']]}) .|everything|untouched|mean shape")]
    if view == "cost":
        rows = rows[rows["tflop"].between(0.001, now["budget"])].sort_values("mean", ascending=False)
    return rows.reset_index(drop=True)


def picture(view: str, **more) -> str:
    """A view as SVG, a row per strategy: for pages without a kernel."""
    rows, drawn = explorer_table(view, **more), ""
    low, high = min(0, rows["low"].min()), rows["high"].max()
    for y, row in enumerate(rows.itertuples(), 2):
        name = row.strategy + (f", n = {row.n}" if view == "n" else "")
        x, left, right = (240 + 340 * (value - low) / (high - low) for value in (row.mean, row.low, row.high))
        drawn += (f'<text x="14" y="{20 * y}">{escape(name)}</text><circle cx="{x:.1f}" cy="{20 * y - 4}" r="4"/>'
                  f'<path d="M{left:.1f} {20 * y - 4}H{right:.1f}" stroke="#000"/><text x="600" y="{20 * y}">'
                  f'{row.mean:.3f} ({row.low:.3f} to {row.high:.3f})</text>')  # fmt: skip
    words = f"{'Differences in ' * (view == 'pair')}Dice, {study()['targets'][more['target']]}, with 95 % intervals"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 790 {20 * len(rows) + 34}" width="790" role="img" '
            f'font-family="system-ui, sans-serif" font-size="13"><rect width="100%" height="100%" fill="#fff"/>'
            f'<text x="14" y="18" font-weight="700">{escape(words)}</text>{drawn}</svg>')  # fmt: skip


class ResultsExplorer(anywidget.AnyWidget):
    """Choose strategies, images and budgets, and see what the study found (lessons 08 to 15).

    Args:
        target, view, more: what is shown first. They and errors are as in `explorer_table`.
        guess: a view stays hidden until the student has guessed a number.

    Attributes:
        selected: what is shown, a dict: ``view``, ``target``, ``k`` and others; ``guesses`` are the student's.
    """

    _esm, _css = front_end("results_explorer")

    data = traitlets.Dict().tag(sync=True)
    guess = traitlets.Bool().tag(sync=True)
    selected = traitlets.Dict().tag(sync=True)

    def __init__(self, target: str = "hc18", view: str = "k", guess: bool = False, **more):
        super().__init__(data=study(), guess=guess, selected=choose(target=target, view=view, **more))

    def table(self) -> pd.DataFrame:
        """The numbers of the view that is shown, as `explorer_table`."""
        return explorer_table(**self.selected)

    def __repr__(self) -> str:
        return f"ResultsExplorer: {self.selected['view']}, {self.selected['target']}"

    def _repr_mimebundle_(self, **kwargs):
        """The widget, and for pages without a kernel the view as a picture; the U where that would tell too much."""
        now, closed = self.selected, self.data["closed"]
        nothing = self.guess or now["view"] in closed or (now["view"] == "pair" and now["a"] == now["b"])
        svg = self.data["drawing"] if nothing else picture(**now)
        return with_picture(super()._repr_mimebundle_(**kwargs), svg, repr(self))
