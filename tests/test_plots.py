"""Figures hold what they say; how they look was judged by eye."""

import warnings
from dataclasses import replace

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.text import Text

from usft_lib import BadInput, History, UNet, effective_receptive_field, plots, receptive_fields
from usft_lib.plots.style import STYLE, installed


@pytest.fixture(scope="module")
def fields():
    model, images = UNet(4, 2), torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    allowed = receptive_fields(model)
    return {"one": {name: effective_receptive_field(model, images, name) for name in allowed}}, allowed


def test_what_a_group_looks_at_lies_within_the_dashed_square(fields):
    by_network, allowed = fields
    figure = plots.fields_figure(by_network, allowed, ["enc2", "bottleneck", "dec2"])
    for axes, name in zip(figure.axes, ["enc2", "bottleneck", "dec2"], strict=False):
        (square,), (picture,) = axes.patches, axes.images
        left, right, bottom, top = picture.get_extent()
        seen = by_network["one"][name].sum(0).nonzero().flatten()
        side = 64 / (right - left)
        assert side == 1 and square.get_width() == allowed[name]
        # The square is that of the pixel that sees furthest: others look up to a pixel of the bottleneck to one side.
        assert left + int(seen.min()) >= square.get_x() - 4, name
        assert left + int(seen.max()) + 1 <= square.get_x() + square.get_width() + 4, name
    plt.close(figure)


def test_the_reach_of_every_group_is_drawn_for_each_network(fields):
    by_network, allowed = fields
    figure = plots.reach_figure({**by_network, "two": by_network["one"]}, allowed, 64)
    limits, one, two, side = figure.axes[0].lines
    assert list(limits.get_ydata()) == list(allowed.values()) and list(side.get_ydata()) == [64, 64]
    assert list(one.get_ydata()) == list(two.get_ydata()) and max(one.get_ydata()) <= max(allowed.values())
    plt.close(figure)


def test_maps_of_one_unit_share_a_scale():
    maps = {"a": (torch.tensor([[0.0, 5.0]]), "mm"), "b": (torch.tensor([[1.0, 9.0]]), "mm"),
            "c": (torch.tensor([[0.0, 1.0]]), "%")}  # fmt: skip
    figure = plots.maps_figure(maps, columns=2)
    drawn = [axes.images[0].get_clim() for axes in figure.axes if axes.images]
    assert drawn[:3] == [(0, 9), (0, 9), (0, 1)]
    plt.close(figure)


def test_pictures_stand_in_rows_and_what_is_left_over_is_empty(discs):
    panels = [(f"$ {k}\nsecond line", discs.images[k], discs.masks[k]) for k in range(4)]
    panels.append(("predicted", discs.images[4], discs.masks[4], discs.masks[5]))
    figure = plots.pictures_figure(panels, columns=3, title="five")
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 1, 1, 0]
    assert [len(axes.collections) for axes in figure.axes] == [1, 1, 1, 1, 2, 0]
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
    with pytest.raises(BadInput, match="'first 2' has no validations, so no curve can be drawn: train with"):
        plots.strategies_figure(never, {}, {"first 2": discs.masks}, discs)
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
        seeds = plots.seeds_figure({name: [0.1, 0.2] for name in named}, {"$mean$": 0.5}, "$a$ to $b$")
        rows = plots.differences_figure({"$a$": {name: (0.1, 0.0, 0.2) for name in named}})
        for one in (figure, seeds, rows):
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


def test_each_seed_of_a_group_is_a_dot_and_the_large_mark_is_their_mean():
    points = {"enc1": ([1.0, 100.0], [0.1, 0.3]), "dec1 + head": ([0.5, 0.5], [0.2, 0.4])}
    figure = plots.gains_figure({"heads": points, "breasts": points})
    for axes in figure.axes:
        dots, middle = axes.lines[:2]
        assert dots.get_xydata().tolist() == [[1, 0.1], [100, 0.3]]
        assert middle.get_xydata()[0] == pytest.approx([10, 0.2]), "a geometric mean, as the axis is in logs"
        assert {text.get_text() for text in axes.texts} == {"enc1", "dec1 + head"}
    plt.close(figure)


def test_the_pareto_front_joins_what_nothing_cheaper_beats():
    ways = {"dear": (100, 0.8, 0.7, 0.9), "beaten": (50, 0.4, 0.3, 0.5), "cheap": (10, 0.5, 0.4, 0.6),
            "as dear, worse": (100, 0.7, 0.6, 0.8)}  # fmt: skip
    figure = plots.pareto_figure({("heads", "seconds"): ways, ("breasts", "seconds"): ways})
    axes = figure.axes[0]
    [front] = [line for line in axes.lines if line.get_linewidth() == 4]
    assert front.get_xydata().tolist() == [[10, 0.5], [100, 0.8]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(ways)
    plt.close(figure)
