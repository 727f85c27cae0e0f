"""The freezing lab's messages, and its front end in a bare browser around a lab that lives in this process."""

import json
import time

import pytest
import torch

pytest.importorskip("anywidget", reason="no anywidget here: python -m pip install anywidget")

import browser

import usft_lib as usft

pytestmark = pytest.mark.slow


def made(discs, steps: int = 6, tested: bool = True, **more):
    """A small lab whose answers are kept instead of sent."""
    torch.manual_seed(0)
    train, val, test = discs.split(0.5, 0.3, 0.2, seed=0)
    view = usft.FreezeLab(usft.UNet(4, 2), train, val, test if tested else None, steps=steps, batch_size=4, **more)
    view.answers = []
    object.__setattr__(view, "send", lambda content, buffers=None: view.answers.append((content, buffers or [])))
    return view


def ask(view, **content) -> dict:
    """What the lab answers to one message."""
    view._asked(view, {"id": 7, **content}, [])
    answer, _ = view.answers.pop()
    assert answer["to"] == 7
    json.dumps(answer, allow_nan=False)
    return answer


def traits(view) -> dict:
    return {"drawing": view.drawing, "blocks": view.blocks, "controls": view.controls, "race": view.race}


# --- messages ------------------------------------------------------------------------------------------------------


def test_messages_do_what_the_labs_methods_do(discs):
    view = made(discs)
    told = ask(view, do="preset", name="last", k=1)["snapshot"]
    assert told["chosen"] == ["dec1", "head"] and told["label"] == "last 1"
    told = ask(view, do="toggle", group="enc1")["snapshot"]
    assert told["chosen"] == ["enc1", "dec1", "head"] == view.lab.chosen
    assert ask(view, do="guess", dice=0.25)["snapshot"]["guess"] == 0.25
    assert ask(view, do="start")["ok"] and view.lab.wait(60)
    told = ask(view, do="look", version=-1)["snapshot"]
    assert told["runs"][0]["status"] == "done" and told["runs"][0]["guess"] == 0.25
    assert told["guess"] is None, "the next run wants a guess of its own"
    assert ask(view, do="look", version=told["version"])["snapshot"] is None
    assert ask(view, do="race", strategies=[["enc1"], ["head"]], guesses=[None, 0.5])["ok"] and view.lab.wait(60)
    assert [run.guess for run in view.lab.runs] == [0.25, None, 0.5]
    assert ask(view, do="rename", run=2, label="=1+1")["ok"] and "'=1+1" in ask(view, do="csv")["csv"]
    assert ask(view, do="hide", run=2, hidden=True)["ok"] and "'=1+1" not in ask(view, do="csv")["csv"]
    assert ask(view, do="commit", run=1)["snapshot"]["test"]["run"] == 1
    assert "no second time" in ask(view, do="commit", run=3)["message"]


NONSENSE = [
    {},
    {"do": "fly"},
    {"do": "toggle"},
    {"do": "toggle", "group": "enc9"},
    {"do": "toggle", "group": ["enc1"]},
    {"do": "preset", "name": "first", "k": 99},
    {"do": "guess", "dice": "much"},
    {"do": "guess", "dice": True},
    {"do": "race", "strategies": 5},
    {"do": "race", "strategies": [["enc1"], [7]]},
    {"do": "race", "strategies": [["enc1"], ["head"]], "guesses": [2, 3]},
    {"do": "rename", "run": 1},
    {"do": "hide", "run": None, "hidden": 1},
    {"do": "again", "runs": 1, "seeds": 3},
    {"do": "again", "runs": [1]},
    {"do": "compare", "runs": [1]},
    {"do": "compare"},
    {"do": "look at"},
    {"do": "field", "image": 0},
]


def test_a_bad_message_is_refused_in_one_line_and_nothing_changes(discs):
    view = made(discs)
    before = view.lab.snapshot()
    for content in NONSENSE:
        answer = ask(view, **content)
        assert not answer["ok"] and answer["message"] and "\n" not in answer["message"], content
        assert view.lab.snapshot() == before, content


def test_a_message_that_is_no_message_is_refused(discs):
    view = made(discs)
    for nonsense in (None, "start", 7, []):
        view._asked(view, nonsense, [])
        answer, _ = view.answers.pop()
        assert not answer["ok"] and "\n" not in answer["message"]


def test_whatever_goes_wrong_is_answered(discs, monkeypatch):
    view = made(discs)

    def full(*_):
        raise OSError("no space left\non the disk")

    monkeypatch.setattr(view.lab, "csv", full)
    answer = ask(view, do="csv")
    assert not answer["ok"] and answer["message"] == "That failed: no space left" and answer["snapshot"]


def test_what_hovering_tells_is_what_the_summary_counts(discs):
    view = made(discs)
    model = usft.UNet(4, 2)
    table = usft.summary(model, 32).set_index("group")
    for block in view.blocks:
        row = table.loc[block["name"]]
        assert block["parameters"] == row["parameters"]
        assert [block[k] for k in ("forward", "to_inputs", "to_weights")] == pytest.approx(
            [row["forward"], row["to_inputs"], row["to_weights"]]
        )
    ways = ["forward", "to_inputs", "to_weights"]
    full = table.loc["total", ways].sum()
    ask(view, do="preset", name="outer", k=1)
    told = ask(view, do="look")["snapshot"]
    for name, saved in told["savings"].items():
        steps = [
            usft.summary(usft.train_only(model, chosen), 32).set_index("group").loc["total", ways].sum()
            for chosen in ({*told["chosen"], name}, {*told["chosen"]} - {name})
        ]
        assert saved == pytest.approx((steps[0] - steps[1]) / full)


def test_still_picture_for_pages_without_a_kernel(discs):
    view = made(discs)
    data = view._repr_mimebundle_()[0]
    assert data["image/svg+xml"].startswith("<svg") and data["text/plain"] == repr(view)
    assert "0x" not in repr(view)


# --- the front end -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chrome():
    with browser.chromium(viewport={"width": 1080, "height": 1300}) as page:
        yield page


class Page:
    """A page with the front end of one lab; `pump` carries messages to and fro, as a kernel does."""

    def __init__(self, page, view):
        self.page, self.view = page, view
        page.errors.clear()
        page.set_viewport_size({"width": 1080, "height": 1300})
        page.emulate_media(color_scheme="light")
        self.open()

    def open(self):
        self.page.evaluate("window.end?.()")  # the test before left its view, which would go on asking
        browser.show(self.page, "freeze_lab", traits(self.view))
        self.pump()

    def pump(self, times: int = 1):
        for _ in range(times):
            for message in self.page.evaluate("sent.splice(0)"):
                self.answer(message)

    def answer(self, message: dict):
        self.view._asked(self.view, message, [])
        answer, buffers = self.view.answers.pop()
        self.page.evaluate("([c, b]) => answer(c, b)", [answer, [list(part) for part in buffers]])

    def press(self, name: str):
        self.page.get_by_role("button", name=name, exact=True).click()
        self.pump()

    def tick(self, label: str):
        self.page.get_by_label(f"Choose {label}", exact=True).check()
        self.pump()

    def look(self):
        """Wait for the front end to ask by itself, and answer."""
        self.page.wait_for_function("sent.length > 0")
        self.pump()

    def text(self, where: str) -> str:
        return self.page.locator(where).inner_text()

    def shown(self) -> list[str]:
        """Groups that the drawing shows as trained."""
        return [g.get_attribute("data-group") for g in self.page.locator("[role=switch][aria-checked=true]").all()]


@pytest.fixture
def lab(chrome, discs):
    return Page(chrome, made(discs))


@pytest.fixture
def slow_steps(monkeypatch):
    """Steps that take a tenth of a second, so that a run can be looked at while it goes."""
    import usft_lib.widgets.runs as runs

    step = runs.Training.step
    monkeypatch.setattr(runs.Training, "step", lambda self: (time.sleep(0.1), step(self))[1])


def test_clicks_keys_and_presets_choose_groups(lab):
    lab.page.locator("[data-group=enc2]").click()
    lab.pump()
    assert lab.shown() == lab.view.lab.chosen == ["enc1", "bottleneck", "dec2", "dec1", "head"]
    assert lab.page.locator("[data-group=enc2]").text_content().endswith("❄ frozen")
    lab.page.locator("[data-group=enc1]").focus()
    for key in ("Space", "ArrowRight", "ArrowRight", "Enter"):
        lab.page.keyboard.press(key)
        lab.pump()
    assert lab.shown() == lab.view.lab.chosen == ["dec2", "dec1", "head"]
    assert "bottleneck" in lab.text(".usft-about") and "% of a full step" in lab.text(".usft-about")
    for name, groups in (("everything", 6), ("contracting", 2), ("expanding", 3)):
        lab.press(name)
        assert len(lab.shown()) == groups
    lab.page.get_by_label("k =").fill("1")
    lab.press("first k")
    assert lab.shown() == ["enc1"] and lab.text(".usft-cost").startswith("first 1: ")
    assert lab.page.errors == []


def test_everything_frozen_is_explained_and_cannot_be_started(lab):
    lab.page.get_by_label("k =").fill("1")
    lab.press("first k")
    lab.page.locator("[data-group=enc1]").click()
    lab.pump()
    assert lab.shown() == [] and "nothing would learn" in lab.text(".usft-cost")
    assert lab.page.get_by_role("button", name="Fine-tune", exact=True).is_disabled()


def test_late_answers_do_not_take_the_guess_back(lab):
    """A key may be pressed before the kernel has answered the last one: the slider must not jump back."""
    slider = lab.page.get_by_label("Your guess of the Dice")
    slider.focus()
    for _ in range(3):
        lab.page.keyboard.press("ArrowRight")
    early = [content for content in lab.page.evaluate("sent.splice(0)") if content["do"] == "guess"]
    assert [content["dice"] for content in early] == [0.51, 0.52, 0.53]
    lab.answer(early[0])
    assert slider.input_value() == "53" and lab.text(".usft-guess-value") == "0.53"
    lab.page.keyboard.press("ArrowRight")
    for content in early[1:]:
        lab.answer(content)
    lab.pump()
    assert slider.input_value() == "54" and lab.text(".usft-guess-value") == "0.54" and lab.view.lab.guess == 0.54
    lab.view.lab.set_guess(None)
    lab.look()
    assert lab.text(".usft-guess-value") == "none yet"


def test_a_run_is_drawn_while_it_goes_and_afterwards(lab, slow_steps):
    slider = lab.page.get_by_label("Your guess of the Dice")
    slider.fill("80")
    lab.pump()
    assert lab.view.lab.guess == 0.8 and "0.80" in lab.text(".usft-guess-value")
    lab.press("Fine-tune")
    assert lab.text(".usft-guess-value") == "none yet" and lab.view.lab.runs[0].guess == 0.8
    assert slider.input_value() == "50" and "usft-unset" in slider.get_attribute("class")
    slider.click()  # where it is: a guess of .5, too
    lab.pump()
    assert lab.view.lab.guess == 0.5 and slider.get_attribute("class") == ""
    lab.press("Pause")
    assert lab.view.lab.state == "paused" and "Paused." in lab.text(".usft-said")
    assert "everything: step" in lab.text(".usft-running")
    for name in ("Fine-tune", "Pause", "first k", "Add to race"):
        assert lab.page.get_by_role("button", name=name, exact=True).is_disabled()
    lab.page.locator("[data-group=enc1]").click(force=True)  # frozen while something runs: refused, and said
    lab.pump()
    assert "stop the run first" in lab.text(".usft-said") and len(lab.view.lab.chosen) == 6
    lab.press("Resume")
    assert lab.view.lab.wait(60)
    lab.look()
    assert lab.page.locator(".usft-lab").get_attribute("data-state") == "idle"
    assert lab.page.locator(".usft-plot").first.locator("polyline").count() == 1
    row = lab.page.locator(".usft-board tr[data-run='1']")
    assert f"{lab.view.lab.runs[0].dice:.3f}" in row.inner_text() and "0.80\n(" in row.inner_text()
    drawn = sum(len(parts) for parts in lab.view.lab.runs[0].outlines.values())
    assert lab.page.locator(".usft-picture svg g polygon").count() == drawn
    assert lab.page.errors == []


def test_the_starting_line_of_a_race(lab):
    for name in ("contracting", "expanding", "everything"):
        lab.press(name)
        if name == "expanding":
            lab.page.get_by_label("Your guess of the Dice").fill("60")
            lab.pump()
        lab.press("Add to race")
        lab.pump()  # the guess went with it
    lab.press("Add to race")  # the same strategy again changes nothing
    lab.press("expanding")
    lab.press("Add to race")  # its guess stays
    lab.press("everything")
    assert lab.page.locator(".usft-racers button").all_inner_texts() == [
        "contracting ✕",
        "expanding, guess 0.60 ✕",
        "everything ✕",
    ]
    lab.page.get_by_role("button", name="Take out of the race: contracting").click()
    lab.press("Race 2 strategies")
    assert lab.view.lab.wait(60)
    assert [(run.label, run.guess) for run in lab.view.lab.runs] == [("expanding", 0.6), ("everything", None)]
    assert lab.page.locator(".usft-racers button").count() == 0


def test_scoreboard_sorts_renames_hides_shows_again_and_opens_the_test_set_once(lab):
    for strategy in ("first 1", "everything", "last 1"):
        lab.view.lab.run(strategy)
    lab.look()
    table = lab.page.locator(".usft-board tbody tr[data-run]")

    def order():
        return [int(row.get_attribute("data-run")) for row in table.all()]

    assert order() == sorted((1, 2, 3), key=lambda n: -lab.view.lab.runs[n - 1].dice)
    lab.page.get_by_role("button", name="parameters").click()
    assert order() == [2, *sorted((1, 3), key=lambda n: -lab.view.lab.runs[n - 1].trainable)]
    assert lab.page.evaluate("document.activeElement.textContent") == "parameters ▾"  # the focus stays
    lab.page.get_by_role("button", name="parameters").click()
    assert order()[-1] == 2
    for number, name in ((1, "<img src=x onerror=window.harmed=1>"), (3, "=1+1")):
        field = lab.page.get_by_label(f"Name of run {number}")
        field.fill(name)
        lab.view.lab._changes += 1
        lab.page.wait_for_timeout(50)
        assert field.input_value() == name  # what is being typed is not drawn over
        field.press("Tab")
        lab.pump()
        assert lab.view.lab.runs[number - 1].label == name
    assert lab.page.locator("img").count() == 0 and lab.page.evaluate("window.harmed === undefined")
    lab.tick("=1+1")
    lab.press("Hide")
    assert 3 not in order() and lab.page.locator(".usft-plot").first.locator("polyline").count() == 2
    lab.page.get_by_role("button", name="Show =1+1 again").click()
    lab.pump()
    assert sorted(order()) == [1, 2, 3]
    lab.tick("everything")
    lab.press("Open the test set")
    assert lab.view.lab.revealed is None
    lab.press("Sure? Only once.")
    assert lab.view.lab.revealed["run"] == 2 and f"{lab.view.lab.revealed['dice']:.3f}" in lab.text(".usft-test")
    assert lab.page.get_by_role("button", name="Open the test set").count() == 0
    with lab.page.expect_download() as caught:
        lab.press("Save the scoreboard as CSV")
    assert caught.value.path().read_bytes().decode() == lab.view.lab.csv()
    assert lab.page.errors == []


def test_two_strategies_are_compared_and_repeated_until_there_is_a_word(lab):
    for strategy in ("everything", "first 1"):
        lab.view.lab.run(strategy)
    lab.look()
    lab.tick("first 1")
    assert lab.page.locator(".usft-pair *").count() == 0
    lab.tick("everything")
    found = lab.view.lab.compare(2, 1)
    said = lab.text(".usft-pair").replace("−", "-")
    assert f"first 1 less everything: {found['difference']:+.3f} ({found['difference_low']:.3f} …" in said
    assert "one training" in said and "repeat both" in said
    assert lab.page.locator(".usft-dots circle:not(.usft-mean)").count() == len(found["subjects"])
    pictured = lab.page.locator(".usft-disagree figcaption").all_inner_texts()
    assert [int(text.split(":")[0].split()[1]) for text in pictured] == [image["image"] for image in found["images"]]
    lab.press("Repeat with 3 seeds")
    assert lab.view.lab.wait(60)
    for _ in range(2):
        lab.look()
    found = lab.view.lab.compare(2, 1)
    assert found["seeds"] == 3 and f"3 trainings each: {found['word']}." in lab.text(".usft-pair")
    row = lab.page.locator("tr[data-run='2']")
    assert f"3 seeds: {found['word']}" in row.inner_text()
    assert lab.page.get_by_role("button", name="Repeat with 5 seeds").count() == 1
    row.get_by_role("button", name="3 seeds").click()
    assert lab.page.locator(".usft-training th").all_inner_texts() == ["seed 0", "seed 1", "seed 2"]
    assert lab.page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert lab.page.locator(".usft-plot").first.locator("polyline").count() == 6
    assert lab.page.errors == []


def test_a_pair_of_which_one_is_hidden_is_closed(lab):
    for strategy in ("everything", "first 1"):
        lab.view.lab.run(strategy)
    lab.look()
    lab.tick("first 1")
    lab.tick("everything")
    assert "first 1 less everything" in lab.text(".usft-pair")
    lab.view.lab.hide(1)  # from a cell
    lab.look()
    assert lab.page.locator(".usft-pair *").count() == 0 and lab.page.get_by_role("checkbox", checked=True).count() == 1
    lab.tick("first 1")
    lab.press("Hide")
    assert lab.page.locator("tr[data-run]").count() == 0 and lab.page.errors == []


def test_blocks_are_coloured_by_change_or_by_ratio_and_carry_a_bar(lab):
    assert lab.page.locator(".usft-bar[d^=M]").count() == 0
    lab.view.lab.run(["enc2", "head"])
    lab.look()
    widths = lab.page.evaluate(
        "[...document.querySelectorAll('.usft-bar')].map((b) => Number(b.getAttribute('d').split('h')[1]))"
    )
    changes = list(lab.view.lab.changes(1).values())
    assert [w > 0 for w in widths] == [c > 0 for c in changes] and widths[1] / widths[-1] != 1

    def fills():
        return lab.page.evaluate("[...document.querySelectorAll('.usft-block rect')].map((r) => r.style.fill)")

    assert fills() == [""] * 6
    chosen = lab.page.get_by_label("Colour blocks by")
    chosen.select_option("change")
    strongest = max(range(6), key=changes.__getitem__)
    assert fills()[strongest] == "rgb(213, 94, 0)" and fills()[0] == "rgb(240, 246, 250)"
    name = lab.page.locator(f"[data-group={lab.view.lab.groups[strongest]}]").get_attribute("aria-label")
    assert f"{100 * changes[strongest]:.0f}" in name or f"{100 * changes[strongest]:.1f} %" in name
    chosen.select_option("ratio")
    lab.pump()
    ratios = list(lab.view.lab.ratios().values())
    assert fills()[max(range(6), key=ratios.__getitem__)] == "rgb(213, 94, 0)"
    assert float(lab.page.locator("[data-group=enc1]").get_attribute("aria-label").split()[-1]) == pytest.approx(
        ratios[0], rel=0.05
    )
    chosen.select_option("state")
    assert fills() == [""] * 6 and lab.page.errors == []


def test_pointing_at_a_group_draws_what_it_sees_of_the_image_that_is_looked_at(lab):
    lab.page.locator("[data-group=dec1]").hover()
    lab.page.wait_for_function("sent.some((m) => m.do === 'field')")
    lab.pump()
    image = lab.view.lab.snapshot()["watched"][0]
    width = lab.view.lab.field("dec1", image)["width"]
    told = lab.text(".usft-about")
    assert f"of image {image} lies within {width} columns" in told and "the network as it came" in told
    assert lab.page.locator(".usft-field").count() == 1
    second = lab.page.locator(".usft-picture").nth(1)
    second.click()
    assert second.get_attribute("aria-pressed") == "true"
    assert second.bounding_box()["width"] > 2 * lab.page.locator(".usft-picture").first.bounding_box()["width"]
    lab.page.wait_for_function("sent.some((m) => m.do === 'field')")
    lab.pump()
    assert f"of image {lab.view.lab.snapshot()['watched'][1]} lies" in lab.text(".usft-about")
    monkey = lab.view.lab.field
    lab.view.lab.field = lambda *_: (_ for _ in ()).throw(usft.BadInput("No image pixel moves this pixel."))
    lab.page.locator("[data-group=enc1]").hover()
    lab.page.wait_for_function("sent.some((m) => m.do === 'field')")
    lab.pump()
    lab.view.lab.field = monkey
    assert "No image pixel moves" in lab.text(".usft-about") and lab.page.locator(".usft-field").count() == 0
    assert lab.text(".usft-said") == "" and lab.page.errors == []


def test_images_are_chosen_and_numbered(lab):
    lab.view.lab.run("everything")
    lab.look()
    lab.page.get_by_label("Look at").select_option("worst")
    lab.pump(2)
    watched = lab.view.lab.snapshot()["watched"]
    assert watched == lab.view.lab.look_at("worst", 1)
    assert f"Validation images {', '.join(map(str, watched))}" in lab.text(".usft-pictures figcaption")
    number = lab.page.get_by_label("or number")
    number.fill("5")
    number.press("Tab")
    lab.pump(2)
    assert lab.view.lab.snapshot()["watched"] == [5] and lab.page.locator(".usft-pictures .usft-picture").count() == 1
    drawn = lab.view.lab.runs[0].outlines[5]
    assert lab.page.locator(".usft-pictures .usft-picture svg g polygon").count() == len(drawn)
    number.fill("9999")
    number.press("Tab")
    lab.pump()
    assert "images by their numbers" in lab.text(".usft-said") and lab.view.lab.snapshot()["watched"] == [5]


def test_the_axis_of_dice_is_that_of_the_curves_that_are_shown(lab):
    from test_compare import made_up

    for number, values in ((1, [0.5, 0.82, 0.85, 0.86]), (2, [0.1, 0.1, 0.12, 0.15])):
        lab.view.lab.runs.append(made_up(number, values, f"run {number}", colour=number - 1))
    lab.view.lab._changes += 1
    lab.look()

    def ticks():
        words = lab.page.locator(".usft-plot").first.locator(".usft-tick").all_text_contents()
        return [float(text) for text in words[:3]]

    assert ticks()[0] <= 0.1 and ticks()[2] >= 0.86
    lab.view.lab.hide(2)
    lab.look()
    assert 0.75 <= ticks()[0] <= 0.82 and 0.86 <= ticks()[2] <= 0.95
    assert f"axis from {ticks()[0]:.2f}" in lab.page.locator(".usft-plot").first.get_attribute("aria-label")
    line = lab.page.locator(".usft-plot").first.locator("svg polyline").get_attribute("points").split()
    heights = [float(point.split(",")[1]) for point in line]
    steps = (heights[0] - heights[1], heights[1] - heights[3])
    assert steps[0] == pytest.approx(steps[1] * 0.32 / 0.04, rel=0.02), "what lies below the axis is cut off, not moved"


def test_a_task_ticks_by_mouse_or_by_a_cell_and_one_that_raises_is_one_line(chrome, discs):
    tasks = [usft.Task("Train everything.", lambda scores: "everything" in set(scores["strategy"])),
             usft.Task("Broken.", lambda scores: scores["<b>\nno</b>"])]  # fmt: skip
    lab = Page(chrome, made(discs, tasks=tasks))
    assert lab.page.locator(".usft-tasks li").all_inner_texts()[0] == "○ Train everything."
    assert (
        "This task cannot be told: KeyError" in lab.text(".usft-tasks")
        and lab.page.locator(".usft-tasks b").count() == 0
    )
    lab.view.lab.run("first 1")
    lab.look()
    assert "○ Train everything." in lab.text(".usft-tasks")
    lab.press("Fine-tune")
    assert lab.view.lab.wait(60)
    lab.look()
    assert "✓ Train everything. Done." in lab.text(".usft-tasks") and lab.page.errors == []


def test_presets_alone_are_four_guesses_a_race_curves_and_masks(chrome, discs):
    lab = Page(chrome, made(discs, controls="presets"))
    assert lab.page.locator("[role=switch], table, select, .usft-block").count() == 0
    assert lab.page.get_by_role("button", disabled=False).all_inner_texts() == ["Race", "", "", ""]
    lab.page.get_by_label("Your guess of the Dice of last 2").fill("70")
    lab.press("Race")
    assert lab.view.lab.wait(60)
    lab.look()
    assert [run.label for run in lab.view.lab.runs] == ["first 2", "last 2", "everything", "scratch"]
    assert [run.guess for run in lab.view.lab.runs] == [None, 0.7, None, None] and lab.view.lab.runs[3].scratch
    found = lab.page.locator(".usft-found").all_inner_texts()
    assert [text.split(",")[0] for text in found] == [f"Dice {run.dice:.3f}" for run in lab.view.lab.runs]
    assert "your guess" in found[1] and "your guess" not in found[0]
    assert lab.page.locator(".usft-plot polyline").count() == 4 and lab.page.locator(".usft-picture").count() == 3
    assert browser.serious_faults(lab.page) == [] and lab.page.errors == []
    with pytest.raises(usft.BadInput, match="did you mean 'presets'"):
        made(discs, controls="preset")


def test_buttons_under_the_pointer_are_not_made_anew_by_looking(lab):
    lab.view.lab.run("first 1")
    lab.look()
    lab.tick("first 1")
    lab.page.evaluate("window.kept = document.querySelector('[data-at=hide]')")
    lab.view.lab.set_guess(0.3)  # something else changed
    lab.look()
    assert "0.30" in lab.text(".usft-guess-value") and lab.page.evaluate("window.kept.isConnected")


def test_without_a_test_set_there_is_nothing_to_open(chrome, discs):
    lab = Page(chrome, made(discs, tested=False))
    lab.view.lab.run("first 1")
    lab.look()
    assert lab.page.locator("tr[data-run]").count() == 1
    lab.tick("first 1")
    assert lab.page.get_by_role("button", name="Hide", exact=True).count() == 1
    assert lab.page.get_by_role("button", name="Open the test set").count() == 0


def test_closing_the_view_while_it_runs_loses_nothing(lab, monkeypatch):
    lab.press("Fine-tune")
    lab.page.evaluate("end()")
    assert lab.page.evaluate("Object.values(listeners).flat().length") == 0
    assert lab.view.lab.wait(60) and lab.view.lab.runs[0].status == "done"
    lab.open()
    assert lab.page.locator("tr[data-run='1']").count() == 1
    assert lab.page.locator(".usft-picture").count() == 3


def test_it_says_when_the_kernel_is_silent(chrome, discs):
    view = made(discs)
    chrome.evaluate("window.end?.()")
    browser.show(chrome, "freeze_lab", traits(view))  # and nobody answers
    chrome.get_by_role("status").filter(has_text="does not answer").wait_for(timeout=9000)


def test_every_control_has_a_name_and_it_fits_a_phone_and_200_per_cent(lab):
    for strategy in ("first 1", "everything"):
        lab.view.lab.run(strategy)
    lab.look()
    names = lab.page.evaluate(
        """[...document.querySelectorAll('.usft-lab :is(button, input, [role=switch])')].map((node) =>
             node.getAttribute('aria-label') || node.closest('label')?.textContent || node.textContent)"""
    )
    assert len(names) > 20 and all(name.strip() for name in names)
    assert lab.page.locator("[data-group=enc1]").get_attribute("aria-label") == "enc1, trained"
    for width in (480, 540):  # 540: a window of 1080 pixels at 200 %
        lab.page.set_viewport_size({"width": width, "height": 900})
        assert not browser.overflows(lab.page)
        inside = lab.page.evaluate(
            """[...document.querySelectorAll('.usft-block')].every((g) => {
                 const box = g.querySelector('rect').getBoundingClientRect();
                 return [...g.querySelectorAll('text')].every((t) => t.getBoundingClientRect().width <= box.width + 1);
               })"""
        )
        assert inside, f"words leave their block at {width} pixels"


def test_colours_can_be_read_in_light_and_dark(lab):
    def contrast(scheme):
        lab.page.emulate_media(color_scheme=scheme)
        return lab.page.evaluate(
            """() => {
              const part = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
              const light = (node, what) => {
                const [r, g, b] = getComputedStyle(node)[what].match(/[\\d.]+/g).map((v) => part(v / 255));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
              };
              const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
              const root = document.querySelector('.usft-lab');
              const blocks = [...document.querySelectorAll('.usft-block')].map((g) =>
                ratio(light(g.querySelector('text'), 'fill'), light(g.querySelector('rect'), 'fill')));
              return Math.min(ratio(light(root, 'color'), light(root, 'backgroundColor')), ...blocks);
            }"""
        )

    lab.press("contracting")  # some frozen, some trained
    assert contrast("light") >= 4.5 and contrast("dark") >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_before_during_and_after_a_race(lab, slow_steps, scheme):
    lab.page.emulate_media(color_scheme=scheme)
    lab.press("contracting")  # some groups frozen
    faults = {"before": browser.serious_faults(lab.page)}
    lab.press("Add to race")
    lab.press("everything")
    lab.press("Add to race")
    lab.press("Race 2 strategies")
    faults["during"] = browser.serious_faults(lab.page)
    assert lab.view.lab.wait(60)
    lab.look()
    lab.page.get_by_role("button", name="Fine-tune", exact=True).focus()
    lab.tick("contracting")
    lab.tick("everything")
    lab.page.get_by_label("Colour blocks by").select_option("change")
    faults["after"] = browser.serious_faults(lab.page)
    assert faults == {"before": [], "during": [], "after": []}


def test_a_strategy_is_called_what_its_button_says(lab):
    """In a network of depth 2, first 2 and contracting are the same groups: the task of a lesson asks for a name."""
    for name, k in (("first k", "2"), ("contracting", None)):
        if k:
            lab.page.get_by_label("k =").fill(k)
        lab.press(name)
        lab.press("Add to race")
        lab.pump()  # the guess went with it
    assert lab.page.locator(".usft-racers button").all_inner_texts() == ["first 2 ✕", "contracting ✕"]
    lab.press("Race 2 strategies")
    assert lab.view.lab.wait(60)
    assert [run.label for run in lab.view.lab.runs] == ["first 2", "contracting"]
    assert lab.view.lab.runs[0].groups == lab.view.lab.runs[1].groups
    lab.look()
    lab.press("contracting")
    lab.page.locator("[data-group=enc2]").click()
    lab.pump()
    lab.page.locator("[data-group=enc2]").click()
    lab.pump()
    assert lab.text(".usft-cost").startswith("contracting: "), "groups by hand have the name of a preset that fits"
