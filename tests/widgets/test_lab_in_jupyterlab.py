"""The freezing lab in a real browser on a real JupyterLab: what is clicked is what Python holds."""

import json
import os
import re
import time
from pathlib import Path

import browser
import pytest

import usft_lib

pytest.importorskip("anywidget", reason="no anywidget here: python -m pip install anywidget")
pytestmark = pytest.mark.slow

SOLUTION = Path(usft_lib.__file__).parents[1] / "notebooks" / "solutions" / "04_freeze_and_thaw.ipynb"
TELL = """
import json, pathlib
told = lab.lab.snapshot() | {"answer": NUMBER}
pathlib.Path("told.json").write_text(json.dumps(told))
"""
BUSY = """
import pathlib, time
while not pathlib.Path("go").exists():
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def lab_page(tmp_path_factory):
    """Lesson 04's solution in a JupyterLab, run as far as its lab; with shorter runs, and cells added at its end."""
    nbformat = pytest.importorskip("nbformat", reason="no nbformat: python -m pip install -r requirements.txt")
    if os.environ.get("USFT_WHEEL_ONLY"):
        pytest.skip("USFT_WHEEL_ONLY is set: there are no notebooks beside the wheel")
    folder = tmp_path_factory.mktemp("lab")
    lesson = nbformat.read(SOLUTION, as_version=4)
    cells = [cell for cell in lesson.cells if cell.cell_type == "code"]
    for cell in cells:
        cell.outputs, cell.execution_count = [], None
    parameters = next(cell for cell in cells if "STEPS =" in cell.source)
    assert "else 100" in parameters.source
    parameters.source = parameters.source.replace("else 100", "else 60")
    added = ["lab", BUSY, *(TELL.replace("NUMBER", str(k)) for k in range(12))]
    lesson.cells += [nbformat.v4.new_code_cell(text) for text in added]
    nbformat.write(lesson, folder / "lesson.ipynb")

    def place(text: str) -> int:
        return next(k for k, cell in enumerate(cells) if text in cell.source)

    with (
        browser.jupyterlab(folder, USFT_MIRROR="", USFT_DATA=str(folder / "data"), OMP_NUM_THREADS="1") as address,
        browser.chromium(viewport={"width": 1280, "height": 1500}) as page,
    ):
        page.folder, page.asked, page.added = folder, 0, len(cells)
        with browser.kept_on_failure(page, "lab-opening"):
            browser.open_notebook(page, address, "lesson.ipynb")
            for text in ("import usft_lib as usft", "STEPS =", "source = usft.pretrained"):
                browser.run_and_wait(page, place(text))
            browser.run_cell(page, place("usft.FreezeLab("), lambda: page.locator(".usft-lab[data-state]").count() == 1)
        yield page


def python_side(page) -> dict:
    """What the lab says in Python, by running the next of the telling cells."""
    file, number = page.folder / "told.json", page.asked
    page.asked += 1

    def written():
        try:
            return json.loads(file.read_text())["answer"] == number
        except (OSError, ValueError):
            return False

    browser.run_cell(page, page.added + 2 + number, written)
    page.locator(".usft-lab").first.scroll_into_view_if_needed()
    return json.loads(file.read_text())


def until(page, condition, seconds: float = 240) -> None:
    """Wait; the seconds end a hang, and are more than a slow machine takes."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        page.wait_for_timeout(100)


def state(page) -> str:
    return page.locator(".usft-lab").first.get_attribute("data-state")


def press(page, name: str) -> None:
    page.locator(".usft-lab").first.get_by_role("button", name=name, exact=True).click()


def test_freeze_predict_train_pause_resume_stop_and_race(lab_page):
    page = lab_page
    lab = page.locator(".usft-lab").first
    with browser.kept_on_failure(page, "lab"):
        for name in ("enc4", "bottleneck", "dec4"):
            lab.locator(f"[data-group={name}]").click()
            until(page, lambda n=name: lab.locator(f"[data-group={n}]").get_attribute("aria-checked") == "false")
        lab.locator("[data-group=enc1]").focus()
        page.keyboard.press("Space")
        until(page, lambda: lab.locator("[data-group=enc1]").get_attribute("aria-checked") == "false")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
        until(page, lambda: lab.locator("[data-group=enc2]").get_attribute("aria-checked") == "false")
        told = python_side(page)
        assert told["chosen"] == ["enc3", "dec3", "dec2", "dec1", "head"] and told["state"] == "idle"
        assert f"{told['cost']['trainable']:,} parameters learn" in lab.locator(".usft-cost").inner_text()

        lab.get_by_label("Your guess of the Dice").focus()
        for _ in range(7):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        until(page, lambda: "0.57" in lab.locator(".usft-guess-value").inner_text())
        press(page, "Fine-tune")
        running = lab.locator(".usft-running")
        until(page, lambda: re.search(r"step [1-9]", running.inner_text()))
        press(page, "Pause")
        until(page, lambda: state(page) == "paused")
        paused = python_side(page)
        assert paused["state"] == "paused" and paused["guess"] is None and paused["runs"][0]["guess"] == 0.57
        assert python_side(page)["runs"][0]["step"] == paused["runs"][0]["step"]
        press(page, "Resume")
        until(page, lambda: state(page) == "running")
        press(page, "Stop")
        until(page, lambda: state(page) == "idle")
        told = python_side(page)
        assert told["runs"][0]["status"] == "stopped" and told["runs"][0]["step"] >= paused["runs"][0]["step"]

        for preset in ("contracting", "expanding", "everything"):
            press(page, preset)
            press(page, "Add to race")
        press(page, "Race 3 strategies")
        until(page, lambda: state(page) == "running")
        until(page, lambda: state(page) == "idle")
        told = python_side(page)
        assert [run["status"] for run in told["runs"][1:]] == ["done"] * 3
        assert {run["label"] for run in told["runs"][1:]} == {"contracting", "expanding", "everything"}
        until(page, lambda: lab.locator(".usft-board tbody tr").count() == 6)
        shown = [row.get_attribute("data-run") for row in lab.locator(".usft-board tbody tr[data-run]").all()]
        assert len(shown) == 4 and shown == [str(run["run"]) for run in sorted(told["runs"], key=lambda r: -r["dice"])]
        assert browser.serious_faults(page, ".usft-lab") == []
        assert browser.complaints(page) == []


def test_a_busy_kernel_loses_nothing_and_a_second_view_goes_on(lab_page):
    page = lab_page
    with browser.kept_on_failure(page, "lab-busy"):
        press(page, "Fine-tune")
        until(page, lambda: state(page) == "running")
        cell = page.locator(".jp-Notebook .jp-CodeCell").nth(page.added + 1)  # runs until its file is there
        cell.locator(".jp-InputArea-editor").click()
        page.keyboard.press("Control+Enter")
        page.locator(".usft-lab").first.scroll_into_view_if_needed()
        prompt = cell.locator(".jp-InputPrompt").first
        until(page, lambda: "*" in prompt.inner_text())
        press(page, "Pause")
        until(page, lambda: state(page) == "paused")
        assert "*" in prompt.inner_text(), "the cell has ended, so this shows nothing about a busy kernel"
        press(page, "Resume")
        until(page, lambda: state(page) == "running")
        (page.folder / "go").touch()
        until(page, lambda: state(page) == "idle")
        browser.run_cell(page, page.added, lambda: page.locator(".usft-lab").count() == 2)
        second = page.locator(".usft-lab").nth(1)
        until(page, lambda: second.locator(".usft-board tbody tr[data-run]").count() == 5)
        told = python_side(page)
        assert told["runs"][4]["status"] == "done" and told["runs"][4]["step"] == 60
        assert browser.complaints(page) == []


# --- a whole session: freeze, guess, run, repeat, pair, what a group sees, colours, a task ----------------------------

MADE = """
import usft_lib as usft
data = usft.simulate_ultrasound(60, size=64, seed=5, preset="breast")
train, val, test = data.split(0.5, 0.3, 0.2, seed=0)
task = usft.Task("Compare two strategies over three seeds.", lambda scores: (scores["paired"] >= 3).any())
lab = usft.FreezeLab(usft.pretrained("xray-simulated"), train, val, test, steps=6, tasks=[task])
lab
"""


@pytest.fixture
def small_page(tmp_path_factory):
    """A notebook with one small lab, and cells that tell what Python holds."""
    pytest.importorskip("nbformat", reason="no nbformat: python -m pip install -r requirements.txt")
    folder = tmp_path_factory.mktemp("session")
    browser.notebook(folder, "lab.ipynb", MADE, "lab", *(TELL.replace("NUMBER", str(k)) for k in range(8)))
    with (
        browser.jupyterlab(folder, USFT_MIRROR="", USFT_DATA=str(folder / "data"), OMP_NUM_THREADS="1") as address,
        browser.chromium(viewport={"width": 1400, "height": 1500}) as page,
    ):
        page.folder, page.asked, page.added = folder, 0, 0
        with browser.kept_on_failure(page, "lab-session-opening"):
            browser.open_notebook(page, address, "lab.ipynb")
            browser.run_cell(page, 0, lambda: page.locator(".usft-lab[data-state]").count() == 1, tries=100)
        yield page


def click(page, element) -> None:
    element.click()


def enter(page, element) -> None:
    until(page, element.is_enabled)
    element.focus()
    page.keyboard.press("Space")


@pytest.mark.parametrize("press_on", [click, enter], ids=["mouse", "keyboard"])
def test_a_whole_session(small_page, press_on):
    page, lab = small_page, small_page.locator(".usft-lab").first
    by_mouse = press_on is click

    def on(role: str, name: str, exact: bool = True):
        press_on(page, lab.get_by_role(role, name=name, exact=exact))

    def trained(name: str) -> str:
        return lab.locator(f"[data-group={name}]").get_attribute("aria-checked")

    def run_it(label: str) -> None:
        done = lab.locator(".usft-board tr[data-run]").count()
        on("button", "Fine-tune")
        until(page, lambda: lab.locator(".usft-board tr[data-run]").count() == done + 1)
        until(page, lambda: state(page) == "idle" and lab.get_by_label(f"Choose {label}", exact=True).count() == 1)

    with browser.kept_on_failure(page, f"lab-session-{press_on.__name__}"):
        on("button", "everything")
        until(page, lambda: trained("enc1") == "true")
        run_it("everything")
        for name in ("bottleneck", "dec4"):
            press_on(page, lab.locator(f"[data-group={name}]"))
            until(page, lambda n=name: trained(n) == "false")
        slider = lab.get_by_label("Your guess of the Dice", exact=True)
        slider.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        until(page, lambda: lab.locator(".usft-guess-value").inner_text() == "0.51")
        mine = "all but bottleneck dec4"
        run_it(mine)
        told = python_side(page)
        assert told["runs"][-1]["guess"] == 0.51 and not told["tasks"][0]["solved"]

        for label in (mine, "everything"):
            on("checkbox", f"Choose {label}")
        until(page, lambda: "one training" in lab.locator(".usft-pair").inner_text())
        on("button", "Repeat with 3 seeds")
        until(page, lambda: "3 trainings each" in lab.locator(".usft-pair").inner_text())
        until(page, lambda: state(page) == "idle")
        assert "✓ Compare two strategies" in lab.locator(".usft-tasks").inner_text()
        told = python_side(page)
        assert told["tasks"][0]["solved"] and len(told["runs"]) == 6
        line = next(line for line in told["board"] if line["strategy"] == mine)
        assert line["seeds"] == 3 and f"{line['dice']:.3f}" in lab.locator(f"tr[data-run='{line['run']}']").inner_text()
        assert line["word"] in lab.locator(".usft-pair").inner_text()

        group = lab.locator("[data-group=enc3]")
        group.hover() if by_mouse else group.focus()
        until(page, lambda: re.search(r"enc3: .* lies within \d+ columns", lab.locator(".usft-about").inner_text()))
        assert lab.locator(".usft-field").count() == 1
        colours = lab.get_by_label("Colour blocks by")
        if by_mouse:
            colours.select_option("change")
        else:
            colours.focus()
            page.keyboard.press("ArrowDown")
        until(page, lambda: lab.locator(".usft-valued").count() == 10)
        assert "%" in lab.locator("[data-group=enc1]").get_attribute("aria-label")
        colours.select_option("ratio")
        until(page, lambda: "%" not in lab.locator("[data-group=enc1]").get_attribute("aria-label"))
        colours.select_option("state")
        assert browser.serious_faults(page, ".usft-lab") == []
        assert browser.complaints(page) == []
