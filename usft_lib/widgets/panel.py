"""The speckle bench in plain ipywidgets, for a place where the anywidget does not show (lesson 04)."""

from ..simulate.phantom import bmode
from .knobs import KNOBS, nearest, numbers


def speckle_panel(**settings):
    """Sliders for every setting of `bmode`, its picture and its numbers, in plain ipywidgets (lesson 04).

    The same arguments and the same picture as `SpeckleBench`; it is drawn when a slider is let go.

    Raises:
        BadInput: a setting that there is no slider for, or that is not a number.
    """
    import ipywidgets

    from .pictures import png

    places = {name: knob.start for name, knob in KNOBS.items()} | nearest(settings)
    sliders = {
        name: ipywidgets.SelectionSlider(
            options=list(zip(knob.marks, knob.values, strict=True)),
            value=knob.values[places[name]],
            description=knob.label,
            continuous_update=False,
            style={"description_width": "13em"},
            layout={"width": "28em"},
        )
        for name, knob in KNOBS.items()
    }
    picture = ipywidgets.Image(format="png", width=384, height=384)
    rows = [ipywidgets.Label() for _ in range(5)]

    def draw(_=None):
        shown = bmode(**{name: slider.value for name, slider in sliders.items()})
        picture.value = png(shown)
        for row, told in zip(rows, numbers(shown), strict=True):
            row.value = f"{told['label']}: {told['measured']} (theory: {told['theory']})"

    for slider in sliders.values():
        slider.observe(draw, "value")
    draw()
    return ipywidgets.HBox([picture, ipywidgets.VBox([*sliders.values(), *rows])], layout={"flex_flow": "row wrap"})
