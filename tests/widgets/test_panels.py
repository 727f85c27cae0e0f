"""The freezing lab's plain fallback: the same lab behind it, and every button says what it did; style sheets apart."""

import re
from pathlib import Path

import pytest
import torch

import usft_lib as usft

pytest.importorskip("ipywidgets", reason="no ipywidgets here: python -m pip install ipywidgets")


@pytest.fixture
def panel(discs):
    torch.manual_seed(0)
    train, val, test = discs.split(0.5, 0.3, 0.2, seed=0)
    task = usft.Task("Repeat it.", lambda scores: (scores["seeds"] >= 3).any())
    return usft.freeze_panel(usft.UNet(4, 2), train, val, test, steps=6, batch_size=4, tasks=[task])


def parts(panel):
    toggles, presets, cost, guess, buttons, said, board, _ = panel.children
    return (
        {t.description: t for t in toggles.children},
        {b.description: b for b in presets.children},
        cost,
        guess,
        {b.description: b for b in buttons.children},
        said,
        board,
    )


def test_toggles_and_presets_choose_groups(panel):
    toggles, presets, cost, *_ = parts(panel)
    assert list(toggles) == panel.lab.groups and all(t.value for t in toggles.values())
    toggles["enc1"].value = False
    assert panel.lab.chosen == panel.lab.groups[1:] and toggles["enc1"].icon == "snowflake-o"
    presets["k"].value = 1
    presets["first k"].click()
    assert panel.lab.chosen == ["enc1"] and [n for n, t in toggles.items() if t.value] == ["enc1"]
    assert f"{panel.lab.cost(['enc1'])['trainable']:,} parameters" in cost.value
    presets["everything"].click()
    assert panel.lab.chosen == panel.lab.groups


def test_a_run_and_its_line_on_the_scoreboard(panel):
    *_, guess, buttons, said, board = parts(panel)
    guess.value = 0.42
    buttons["Fine-tune"].click()
    assert panel.lab.wait(60)
    buttons["Look again"].click()
    assert "idle" in said.value and "everything" in board.value and "0.42" in board.value
    row = panel.lab.scores.set_index("strategy").loc["everything"]
    assert row["guess"] == 0.42 and f"{row['dice']:.3f}" in board.value


def test_repeats_and_tasks(panel):
    *_, buttons, said, board = parts(panel)
    tasks = panel.children[-1].children
    buttons["Repeat"].click()
    assert "which runs to repeat" in said.value and tasks[0].value == "○ Repeat it."
    panel.lab.run("first 1")
    buttons["Repeat"].click()
    assert panel.lab.wait(60)
    buttons["Look again"].click()
    assert tasks[0].value == "✓ Repeat it." and panel.lab.scores["seeds"].max() == 3


def test_what_is_refused_is_said(panel):
    toggles, presets, _, _, buttons, said, _ = parts(panel)
    buttons["Pause"].click()
    assert said.value.startswith("Nothing to pause")
    panel.lab.choose([])
    buttons["Fine-tune"].click()
    assert "everything is frozen" in said.value
    presets["k"].value = 6
    presets["outer k"].click()
    assert "k must be" in said.value and not any(t.value for t in toggles.values())


def test_no_style_sheet_reaches_into_another_widget():
    """On one page, all sheets count: the lab's bars once made the bench's centimetre four times as thick as high."""
    owner: dict[str, Path] = {}
    sheets = [s for s in (Path(usft.__file__).parent / "widgets").glob("*.css") if s.name != "front.css"]
    for sheet in sheets:
        for rule in re.findall(r"([^{}]+)\{", sheet.read_text(encoding="utf-8")):
            for selector in re.sub(r"/\*.*?\*/", "", rule, flags=re.S).split(","):
                named = re.match(r"\s*\.(usft-[\w-]+)", selector)
                if named and named[1] != "usft-widget":
                    assert owner.setdefault(named[1], sheet) == sheet, f"{named[1]}: {owner[named[1]]} and {sheet}"
    assert len(sheets) >= 3 and len(owner) > 30
