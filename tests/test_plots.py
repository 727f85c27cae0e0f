"""Figures hold what they say; how they look was judged by eye."""

import warnings
from dataclasses import replace

import matplotlib.pyplot as plt
import pytest
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.text import Text

from usft_lib import BadInput, History, UNet, groups, plots, receptive_fields, summary, train_only
from usft_lib.plots.style import STYLE, installed


def test_the_drawn_unet_tells_every_group_and_hatches_the_frozen_ones():
    model = train_only(UNet(), ["enc1", "head"])
    figure = plots.unet_figure(model, 96, "title")
    texts = [t.get_text() for t in figure.axes[0].texts]
    table = summary(model, 96).set_index("group")
    for name, side in receptive_fields(model).items():
        (told,) = [t for t in texts if f"bf{{{name}}}" in t]
        parts = f"{table.parameters[name]:,} parameters", f"{table.forward[name]:,.1f} MFLOPs", f"sees {side} px"
        assert all(part in told for part in parts)
    boxes = figure.axes[0].patches
    assert sum(bool(box.get_hatch()) for box in boxes) == len(groups(model)) - 2
    plt.close(figure)


@pytest.mark.parametrize("width, depth", [(16, 4), (4, 2)])
def test_boxes_are_to_scale(width, depth):
    figure = plots.unet_figure(UNet(width, depth), 64)
    boxes = figure.axes[0].patches[: 2 * depth + 1]  # enc1 … bottleneck … dec1
    level = [min(k, 2 * depth - k) for k in range(2 * depth + 1)]
    assert [b.get_width() / boxes[0].get_width() for b in boxes] == pytest.approx([2.0**k for k in level])
    assert [b.get_height() / boxes[0].get_height() for b in boxes] == pytest.approx([0.5**k for k in level])
    plt.close(figure)


def compared(names, test, shown=2, title=""):
    """`strategies_figure` of invented numbers."""
    histories = {name: History({}, val_step=[1, 2], val_dice=[0.1, 0.2]) for name in names}
    rows = {name: {"dice": 0.5, "low": 0.4, "high": 0.6} for name in names}
    return plots.strategies_figure(histories, rows, {name: test.masks[:shown] for name in names}, test, title)


@pytest.mark.parametrize("strategies, images, masks", [(1, 2, 2), (1, 1, 1), (3, 1, 1), (3, 5, 2), (2, 2, 1)])
def test_strategies_have_a_column_each_and_an_image_a_row(discs, strategies, images, masks):
    figure = compared("abc"[:strategies], discs[:images], masks)
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == strategies * min(images, masks)
    assert [axes.get_title() for axes in panels[:strategies]] == list("abc"[:strategies])


def test_without_a_curve_there_is_no_figure(discs):
    never = {"first 2": History({})}
    for call in (
        lambda: plots.strategies_figure(never, {}, {"first 2": discs.masks}, discs),
        lambda: plots.growing_masks_figure(
            never, {"first 2": {0: discs.masks[0]}}, discs.images[0], discs.masks[0], {}
        ),
    ):
        with pytest.raises(BadInput, match="'first 2' has no validations, so no curve can be drawn: train with"):
            call()
    with pytest.raises(BadInput, match="There is no strategy"):
        compared([], discs)


def test_no_words_lie_on_a_picture(discs):
    """The line at the foot once lay under the last picture."""
    figure = compared("abcd", replace(discs[:2], provenance="where it came from"))
    figure.canvas.draw()
    pictures = [axes.get_window_extent() for axes in figure.axes if axes.images]
    (foot,) = [t for t in figure.findobj(Text) if t.get_text() == "where it came from"]
    box = foot.get_window_extent()
    assert 0 <= box.y0 and box.x1 <= figure.bbox.x1 and not any(box.overlaps(picture) for picture in pictures)


def test_names_are_drawn_as_they_are_written(discs, monkeypatch):
    """Two dollar signs would be a formula, and a wrong formula an error."""
    named = ["$first$ two", "$\\frac{1$", "最后两层"]
    test = replace(discs[:2], provenance="$5 or $6")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # as plots.style does
        figure = compared(named, test, title="$a$ to $b$")
        growing = plots.growing_masks_figure(
            {name: History({}, val_step=[1], val_dice=[0.1]) for name in named},
            {name: {0: test.masks[0]} for name in named},
            test.images[0],
            test.masks[0],
            {"$mean$": 0.5},
        )
        for one in (figure, growing):
            one.canvas.draw()
            for text in one.findobj(Text):
                assert not text._preprocess_math(text.get_text())[1], text.get_text()
    drawn = {text._preprocess_math(text.get_text())[0] for text in figure.findobj(Text)}
    assert {*named, "$5 or $6", "$a$ to $b$"} <= drawn


def test_fonts_that_are_not_there_are_not_asked_for(caplog):
    assert installed(["No Such Font", "DejaVu Serif"]) == ["DejaVu Serif"]
    for family in STYLE["font.family"]:
        findfont(FontProperties(family=[family]))
    assert not caplog.records and STYLE["font.family"][0] == "sans-serif"


@pytest.mark.slow
def test_a_letter_that_no_font_has_prints_no_warning():
    import subprocess
    import sys

    code = "import usft_lib, matplotlib.pyplot as plt; plt.figtext(0, 0, '\U0001f9ff最后'); plt.gcf().canvas.draw()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"MPLBACKEND": "agg"})
    assert done.returncode == 0 and done.stderr == ""
