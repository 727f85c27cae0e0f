"""Figures hold what they say; how they look was judged by eye."""

import matplotlib.pyplot as plt
import pytest

from usft_lib import UNet, groups, plots, receptive_fields, summary, train_only


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
