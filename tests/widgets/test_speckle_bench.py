"""The speckle bench: its Python side, its front end in a bare browser, and both in a real JupyterLab."""

import json
import math

import pytest
import torch

pytest.importorskip("anywidget", reason="no anywidget here: python -m pip install anywidget")

import browser

import usft_lib as usft
from usft_lib import BadInput
from usft_lib.simulate.phantom import Phantom
from usft_lib.widgets.sliders import HINTS, SLIDERS, nearest, png

PLACES = {name: one.start for name, one in SLIDERS.items()}


@pytest.fixture
def bench(monkeypatch):
    """A bench whose answers are kept instead of sent."""
    made = usft.SpeckleBench()
    made.answers = []
    monkeypatch.setattr(type(made), "send", lambda self, content, buffers=None: made.answers.append((content, buffers)))
    return made


def test_sliders_begin_with_what_bmode_does_by_default():
    default = usft.bmode().scene
    made = usft.SpeckleBench()
    assert made.settings["centre_frequency_mhz"] == default.centre_frequency_mhz
    assert torch.equal(made.result.image, usft.bmode(**made.settings).image)
    assert torch.equal(made.result.image, usft.bmode().image)


def test_a_request_is_answered_by_the_plain_functions_picture(bench):
    places = PLACES | nearest({"f_number": 4, "scatterers_per_cell": math.inf, "contrast_db": -80})
    bench._asked(bench, {"id": 7, "places": places}, [])
    (content, buffers), plain = bench.answers[0], usft.bmode(f_number=4, scatterers_per_cell=math.inf, contrast_db=-80)
    assert content["to"] == 7 and content["ok"] and content["size"] == 256 and content["side_mm"] == 40
    sent = torch.frombuffer(bytearray(buffers[0]), dtype=torch.uint8).view(256, 256)
    assert (sent.float() / 255 - plain.image).abs().max() < 0.003
    assert content["numbers"][0]["measured"] == f"{plain.snr:.2f}"
    assert content["numbers"][3]["measured"] == f"{plain.contrast_db:+.1f} dB".replace("-", "−")
    json.dumps(content, allow_nan=False)  # infinity has no place in a message


@pytest.mark.parametrize(
    "content", [None, "draw", {}, {"id": 1}, {"id": 1, "places": {"f_number": 1}},
                {"id": 1, "places": PLACES | {"f_number": 99}}, {"id": 1, "places": PLACES | {"f_number": 1.5}},
                {"id": 1, "places": PLACES | {"f_number": "1"}}, {"id": 1, "places": PLACES | {"f_number": True}}],
)  # fmt: skip
def test_a_bad_message_is_refused_and_nothing_changes(bench, content):
    before = bench.result
    bench._asked(bench, content, [])
    answer, buffers = bench.answers[0]
    assert not answer["ok"] and "\n" not in answer["message"] and buffers is None and bench.result is before


def test_settings_go_to_and_fro():
    made = usft.SpeckleBench(depth_cm=7.1, scatterers_per_cell=math.inf)
    assert made.settings["depth_cm"] == 7 and made.settings["scatterers_per_cell"] == math.inf
    made.settings = {"f_number": 3, "contrast_db": -80}
    assert made.settings["f_number"] == 3 and made.settings["depth_cm"] == 7
    assert made.result.scene.receive_f_number == 3 and made.result.scene.contrast_db == -80
    for wrong in ({"zoom": 2}, {"depth_cm": "deep"}, {"depth_cm": math.nan}, {"tgc": True}):
        with pytest.raises(BadInput) as error:
            made.settings = wrong
        assert "\n" not in str(error.value)
    assert made.settings["f_number"] == 3


def test_pictures_of_a_kept_phantom_are_those_of_a_new_one():
    """What a slider leaves as it was is not computed again; nothing else may show that."""
    kept, settings = Phantom(), {name: slider.values[slider.start] for name, slider in SLIDERS.items()}
    moves = ["tgc 0.5", "dynamic_range_db 40", "contrast_db 3", "scatterers_per_cell inf", "tgc 1.2", "depth_cm 6",
             "scatterers_per_cell 1", "dynamic_range_db 60", "scatterers_per_cell 20"]  # fmt: skip
    for name, value in ((name, float(value)) for name, value in map(str.split, moves)):
        settings[name] = value
        one, other = usft.bmode(**settings, phantom=kept), usft.bmode(**settings)
        assert torch.equal(one.image, other.image) and torch.equal(one.mask, other.mask), name
        for number in ("snr", "axial_mm", "lateral_mm", "contrast_db", "gcnr", "theory"):
            assert getattr(one, number) == getattr(other, number), (name, number)


def test_what_was_seen_is_a_table_and_solves_tasks():
    dark = usft.Task("make the lesion invisible", done=lambda seen: (seen["gcnr"] < 0.2).any())
    broken = usft.Task("never", done=lambda seen: seen["no such column"])
    made = usft.SpeckleBench(tasks=[dark, broken])
    assert len(made.seen) == 1 and not dark.solved and "KeyError" in broken.trouble
    made.settings = {"contrast_db": 0}
    assert dark.solved and made.tasks == [dark, broken]
    last = made.seen.iloc[-1]
    assert last["contrast_db"] == 0 and last["gcnr"] == made.result.gcnr
    assert last["measured_contrast_db"] == made.result.contrast_db
    panel = usft.speckle_panel(tasks=[usft.Task("see two pictures", done=lambda seen: len(seen) > 1)])
    assert panel.children[1].children[-1].value.startswith("○")
    panel.children[1].children[0].value = 6.0
    assert panel.children[1].children[-1].value.startswith("✓") and len(panel.bench.seen) == 2


def test_still_picture_for_pages_without_a_kernel(bench):
    data = bench._repr_mimebundle_()[0]
    assert "application/vnd.jupyter.widget-view+json" in data
    from xml.etree import ElementTree

    words = " ".join(ElementTree.fromstring(data["image/svg+xml"]).itertext())
    assert "F-number (depth / aperture): 2.00" in words and f"{bench.result.snr:.2f}" in words
    assert len(data["image/svg+xml"]) < 120_000
    assert "0x" not in repr(bench) and "SNR" in data["text/plain"]


def test_plain_panel_gives_the_same_picture():
    panel = usft.speckle_panel(f_number=3)
    picture, controls = panel.children
    assert picture.value == png(usft.bmode(f_number=3))
    slider = next(c for c in controls.children if c.description.startswith("F-number"))
    slider.value = 4.0
    assert picture.value == png(usft.bmode(f_number=4))
    assert controls.children[len(SLIDERS)].value.startswith(f"Speckle SNR: {usft.bmode(f_number=4).snr:.2f}")


def test_the_library_says_what_to_install(monkeypatch):
    import builtins
    import sys

    real = builtins.__import__

    def without(name, *more, **kwargs):
        if name.partition(".")[0] == "anywidget":
            raise ModuleNotFoundError("No module named 'anywidget'", name="anywidget")
        return real(name, *more, **kwargs)

    monkeypatch.delitem(sys.modules, "usft_lib.widgets.speckle_bench")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install anywidget"):
        _ = usft.SpeckleBench
    with pytest.raises(AttributeError, match="SpeckelBench"):
        _ = usft.SpeckelBench


# --- the front end alone -------------------------------------------------------------------------------------------

TRAITS = {
    "sliders": [
        {"name": s.name, "label": s.label, "marks": s.marks, "start": s.start, "hint": HINTS[s.name]}
        for s in SLIDERS.values()
    ],
    "places": PLACES,
}
SIZE = 8


def answer(page, to: int, shade: int = 0, snr: str = "1.90", tasks=()) -> None:
    numbers = [{"label": "Speckle SNR", "measured": snr, "theory": "1.91"}]
    content = {"to": to, "ok": True, "size": SIZE, "side_mm": 40, "radius_mm": 6, "depth_mm": 20, "numbers": numbers}
    content["tasks"] = list(tasks)
    page.evaluate("([c, b]) => answer(c, [b])", [content, [(k + shade) % 256 for k in range(SIZE * SIZE)]])


def slider(page, label: str):
    return page.get_by_role("slider", name=label, exact=True)


def pixel(page, x: int, y: int) -> list[int]:
    return page.evaluate(
        f"Array.from(document.querySelector('canvas').getContext('2d').getImageData({x}, {y}, 1, 1).data)"
    )


@pytest.fixture(scope="module")
def chrome():
    with browser.chromium(viewport={"width": 1000, "height": 900}) as page:
        yield page


@pytest.fixture
def page(chrome):
    chrome.errors.clear()
    chrome.set_viewport_size({"width": 1000, "height": 900})
    chrome.emulate_media(color_scheme="light")
    browser.show(chrome, "speckle_bench", TRAITS)
    return chrome


def test_front_end_asks_at_once_and_draws_the_answer(page):
    assert page.evaluate("sent") == [{"id": 1, "places": PLACES}]
    answer(page, 1)
    assert pixel(page, 3, 2) == [2 * SIZE + 3] * 3 + [255]
    assert page.locator(".usft-numbers tbody").inner_text().split() == ["Speckle", "SNR", "1.90", "1.91"]
    assert page.locator(".usft-ends").first.inner_text().split("\n") == ["2.0 MHz", "12.0 MHz"]
    assert page.locator(".usft-tasks").is_hidden()  # there are none
    assert page.errors == []


def test_front_end_ticks_a_task(page):
    answer(page, 1, tasks=[{"text": "<b>Find it</b>", "solved": False, "trouble": ""}])
    assert page.locator(".usft-tasks li").inner_text() == "○ <b>Find it</b>"
    slider(page, "Depth").press("ArrowRight")
    answer(page, 2, tasks=[{"text": "<b>Find it</b>", "solved": True, "trouble": ""}])
    assert page.locator(".usft-tasks li").inner_text() == "✓ <b>Find it</b> Done."


def test_front_end_sends_one_request_at_a_time_and_the_newest_wish(page):
    depth = slider(page, "Depth")
    depth.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert len(page.evaluate("sent")) == 1  # the first is still under way
    answer(page, 1)
    sent = page.evaluate("sent")
    assert len(sent) == 2 and sent[1]["places"]["depth_cm"] == PLACES["depth_cm"] + 4
    page.wait_for_function(f"traits.places.depth_cm === {PLACES['depth_cm'] + 4}")
    assert depth.get_attribute("aria-valuetext") == "6.0 cm"
    answer(page, 1, shade=100)  # too late: of the first request again
    assert pixel(page, 0, 0)[0] == 0
    answer(page, 2, shade=50)
    assert pixel(page, 0, 0)[0] == 50


def test_front_end_buttons_and_moves_from_python(page):
    answer(page, 1)
    page.get_by_role("button", name="Few scatterers, anechoic lesion").click()
    sent = page.evaluate("sent")[-1]
    assert sent["places"]["scatterers_per_cell"] == 2 and slider(page, "Lesion contrast").input_value() == "0"
    answer(page, sent["id"])
    page.get_by_role("button", name="Reset").click()
    assert page.evaluate("sent")[-1]["places"] == PLACES
    answer(page, page.evaluate("sent")[-1]["id"])
    page.evaluate("traits.places = {...traits.places, f_number: 9}; fire('change:places')")
    assert slider(page, "F-number (depth / aperture)").input_value() == "9"
    assert page.evaluate("sent")[-1]["places"]["f_number"] == 9


def test_every_preset_of_the_front_end_is_on_its_sliders(page):
    for name in ("Few scatterers, anechoic lesion", "Deep and weak, anechoic lesion", "Fine detail"):
        page.get_by_role("button", name=name).click()
        answer(page, page.evaluate("sent")[-1]["id"])
        for name, place in page.evaluate("sent")[-1]["places"].items():
            assert 0 <= place < len(SLIDERS[name].values)


def test_front_end_says_what_was_refused_and_shows_text_as_text(page):
    page.evaluate("answer({to: 1, ok: false, message: '<img src=x onerror=alert(1)>'})")
    assert page.get_by_role("status").inner_text() == "<img src=x onerror=alert(1)>"
    assert page.locator("img").count() == 0


def test_front_end_has_a_label_for_every_control_and_fits_a_phone(page):
    answer(page, 1)
    for one in SLIDERS.values():
        assert slider(page, one.label).get_attribute("aria-valuetext") == one.marks[one.start]
    page.set_viewport_size({"width": 480, "height": 900})
    assert not browser.overflows(page)
    page.set_viewport_size({"width": 500, "height": 900})  # 1000 pixels at 200 % zoom
    assert not browser.overflows(page)


def test_front_end_follows_a_dark_theme(page):
    page.emulate_media(color_scheme="dark")
    background = page.evaluate("getComputedStyle(document.querySelector('.usft-bench')).backgroundColor")
    assert background == "rgb(27, 27, 27)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page, scheme):
    page.emulate_media(color_scheme=scheme)
    answer(page, 1)
    assert browser.serious_faults(page) == []


def test_front_end_lets_go_when_its_view_closes(page):
    page.evaluate("end()")
    assert page.evaluate("Object.values(listeners).flat().length") == 0
