"""The demo of the instruments runs from top to bottom (notebooks/demo/instruments.py)."""

import os
from pathlib import Path

import pytest

import usft_lib as usft

pytest.importorskip("anywidget", reason="no anywidget here: python -m pip install anywidget")
jupytext = pytest.importorskip("jupytext", reason="not installed: python -m pip install -r requirements.txt")
if os.environ.get("USFT_WHEEL_ONLY"):
    pytest.skip("needs the repository, and only the wheel is tested here (2026-11-29)", allow_module_level=True)

DEMO = Path(usft.__file__).parents[1] / "notebooks" / "demo" / "instruments.py"


@pytest.mark.slow
def test_the_demo_runs_and_its_tasks_are_solved_by_code(capsys):
    told = {}
    for cell in jupytext.read(DEMO).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source.replace("STEPS = 100", "STEPS = 4"), "demo", "exec"), told)
    printed = capsys.readouterr().out
    assert told["faint"].solved and "first 2" in printed and "hc18" in repr(told["explorer"])
    assert set(told["lab"].scores["strategy"]) == {"first 2", "last 2", "untouched", "mean shape"}
