"""The diagram of the U-Net: what it says is true of the model, and it is a drawing that any page can show."""

from xml.etree import ElementTree

import pytest

import usft_lib as usft
from usft_lib import BadInput, UNetDiagram

SVG = "{http://www.w3.org/2000/svg}"


def blocks(diagram) -> dict:
    root = ElementTree.fromstring(diagram.svg)
    return {g.get("data-group"): g for g in root.iter(f"{SVG}g") if g.get("data-group")}


@pytest.mark.parametrize("depth", [1, 4, 6])
def test_every_group_is_a_block_and_none_lies_on_another(depth):
    model = usft.UNet(width=8, depth=depth)
    diagram = UNetDiagram(model, size=128)
    assert list(blocks(diagram)) == list(usft.groups(model))
    boxes = list(diagram.boxes().values())
    for k, (x, y, w, h) in enumerate(boxes):
        assert x >= 0 and x + w <= 760 and y + h <= diagram.height
        for a, b, c, d in boxes[:k]:
            assert x + w <= a or a + c <= x or y + h <= b or b + d <= y


def test_blocks_tell_parameters_and_what_is_frozen_in_words_and_dashes():
    model = usft.train_only(usft.UNet(), ["enc1", "dec1"])
    table = usft.summary(model).set_index("group")
    for name, block in blocks(UNetDiagram(model)).items():
        words = " ".join(block.itertext())
        trained = table.loc[name, "trained"] == "trained"
        assert f"{table.loc[name, 'parameters']:,} parameters" in words
        assert f"{usft.receptive_fields(model)[name]} ×" in words
        assert ("● trained" in words) == trained and ("❄ frozen" in words) != trained
        assert (block.find(f"{SVG}rect").get("stroke-dasharray") is None) == trained
    assert "2 of 10 groups are trained: enc1, dec1." in UNetDiagram(model).svg
    assert repr(UNetDiagram(model)) == "U-Net of 10 groups, 2 of them trained"


def test_the_bare_drawing_is_the_same_drawing_and_says_where_image_and_mask_are():
    model = usft.train_only(usft.UNet(8, 3), ["enc1"])
    diagram = UNetDiagram(model)
    whole, bare = (ElementTree.fromstring(text) for text in (diagram.svg, diagram.bare_svg))
    for tag in ("g", "line", "marker"):
        one, other = ([ElementTree.tostring(node) for node in root.iter(f"{SVG}{tag}")] for root in (whole, bare))
        assert one == other and one
    assert [node.text for node in bare.findall(f"{SVG}text")] == ["image ↓", "mask ↑"]
    assert bare.find(f"{SVG}rect") is None  # no background: it lies on that of the page
    left, top, width, height = map(float, bare.get("viewBox").split())
    for x, y, w, h in diagram.boxes().values():
        assert left <= x and x + w <= left + width and top <= y and y + h <= top + height


def test_width_grows_with_channels_and_depth_with_the_level():
    boxes = UNetDiagram(usft.UNet()).boxes()
    widths = [boxes[name][2] for name in ("enc1", "enc2", "enc3", "enc4", "bottleneck")]
    assert widths == sorted(widths) and boxes["enc3"][1] == boxes["dec3"][1] > boxes["enc2"][1]


def test_values_are_shown_by_colour_and_in_figures_and_text_stays_text():
    diagram = UNetDiagram(usft.UNet(), {"enc1": 0.25, "dec4": 0.75}, label="<b>drift & more</b>")
    found = blocks(diagram)
    assert "0.25" in " ".join(found["enc1"].itertext()) and "0.75" in " ".join(found["dec4"].itertext())
    fills = {name: found[name].find(f"{SVG}rect").get("fill") for name in ("enc1", "dec4", "enc2")}
    assert len(set(fills.values())) == 3 and "&lt;b&gt;drift &amp; more" in diagram.svg
    alone = UNetDiagram(usft.UNet(), {"enc1": 1.5})  # one value has no range; it is drawn all the same
    assert "1.5" in " ".join(blocks(alone)["enc1"].itertext())


def test_the_same_model_gives_the_same_drawing_and_it_is_offered_as_svg():
    model = usft.UNet(4, 2)
    assert UNetDiagram(model).svg == UNetDiagram(model).svg
    shown = UNetDiagram(model)._repr_mimebundle_()
    assert shown["image/svg+xml"].startswith("<svg") and shown["text/plain"] == repr(UNetDiagram(model))
    assert model.frozen == frozenset() and model.training


def test_wrong_values_get_a_line():
    for values, word in (({"enc9": 1}, "enc9"), ({"enc1": "much"}, "finite"), ({"enc1": float("nan")}, "finite")):
        with pytest.raises(BadInput, match=word) as error:
            UNetDiagram(usft.UNet(4, 2), values)
        assert "\n" not in str(error.value)
