"""The command that runs a grid: what is done stays, what is gathered is kept, and what cannot be is one line."""

import json
import os
import sys
from dataclasses import replace

import pytest
from scripts import script
from tiny import TINY

import usft_lib
from usft_lib.study import grids, runner
from usft_lib.study.files import gathered
from usft_lib.study.runner import Study

if os.environ.get("USFT_WHEEL_ONLY"):
    pytest.skip("needs the repository, and only the wheel is tested here (2026-11-24)", allow_module_level=True)

run_study = script("data_scripts/run_study.py")


@pytest.fixture
def small(tiny_target, monkeypatch, tmp_path):
    """Grids of a few tiny experiments, run in this process, with results in a folder of their own."""
    lr = [replace(TINY, strategy=s, lr=r, seed=5) for s in ("first 1", "last 1") for r in (1e-3, 1e-2)]
    monkeypatch.setattr(grids, "GRIDS", {"lr": lambda: lr, "schemes": lambda: [replace(TINY, seed=s) for s in (0, 1)]})
    monkeypatch.setattr(grids, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(grids, "RATES", tmp_path / "results" / "learning_rates.json")
    (tmp_path / "results").mkdir()

    def here(self, experiments, jobs=None, scheduler=None, trusted=False):
        todo = self.missing(experiments)
        for k, e in enumerate(todo, start=1):
            yield k, len(todo), self.attempt(e)

    monkeypatch.setattr(Study, "run", here)
    return tmp_path


def command(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["run_study.py", *map(str, words)])
    run_study.main()


def test_a_grid_is_run_gathered_and_its_rates_are_chosen(small, monkeypatch, capsys):
    command(monkeypatch, "--grid", "lr", "--folder", small / "work")
    assert "4 of 4 done, 0 failed" in capsys.readouterr().out
    rates = json.loads((small / "results" / "learning_rates.json").read_text())
    found = gathered(small / "results" / "lr.jsonl.gz")
    assert rates == grids.choose_rates(found) and len(found) == 4
    # In a new clone what was gathered is not run again.
    monkeypatch.setattr(runner, "run", lambda e: pytest.fail("it was run again"))
    command(monkeypatch, "--grid", "lr", "--folder", small / "elsewhere")
    assert "4 of 4 done" in capsys.readouterr().out


def test_an_edited_grid_keeps_old_results_and_does_not_mix_them(small, monkeypatch, capsys):
    command(monkeypatch, "--grid", "schemes", "--folder", small / "work")
    grids.GRIDS["schemes"] = lambda: [replace(TINY, seed=1), replace(TINY, seed=1, steps=3)]
    command(monkeypatch, "--grid", "schemes", "--folder", small / "work", "--status")
    assert "1 of 2 done" in capsys.readouterr().out
    command(monkeypatch, "--grid", "schemes", "--folder", small / "work")
    assert len(gathered(small / "results" / "schemes.jsonl.gz")) == 3
    assert len(usft_lib.results("schemes").records) == 2 and usft_lib.results("schemes").missing == 0
    command(monkeypatch, "--grid", "schemes", "--folder", small / "work", "--report")
    told = capsys.readouterr().out
    assert "2 of 2 done" in told and (small / "results" / "VERDICTS.md").read_text().startswith("# Verdicts")
    assert "schemes 2" in (small / "results" / "VERDICTS.md").read_text()
    # The explorer has one number for a strategy and a seed: two trainings of the same are left out of its views.
    assert json.loads((small / "results" / "explorer.json").read_text(encoding="utf-8"))["dice"] == []
    grids.GRIDS["headline"] = lambda: [replace(TINY, seed=k) for k in (6, 7)]
    command(monkeypatch, "--grid", "headline", "--folder", small / "work")
    grids.GRIDS["headline"] = lambda: [replace(TINY, seed=k) for k in (6, 7, 8)]
    command(monkeypatch, "--grid", "headline", "--folder", small / "work", "--report")
    text = (small / "results" / "VERDICTS.md").read_text()
    assert "not counted before they are complete: headline (2 of 3)" in text and "headline 2" not in text
    both = usft_lib.results("schemes", "headline")
    assert len(both.records) == 4 and both.missing == 1


def test_a_failure_is_told_with_its_traceback_and_the_rest_goes_on(small, monkeypatch, capsys):
    grids.GRIDS["schemes"] = lambda: [replace(TINY, strategy="first 99"), TINY]
    command(monkeypatch, "--grid", "schemes", "--folder", small / "work")
    told = capsys.readouterr().out
    assert "1 of 2 done, 1 failed" in told and "k must be" in told and "Traceback" in told


def test_a_rate_that_diverges_is_no_candidate_and_keeps_no_other_from_being_chosen(small, monkeypatch, capsys):
    real = runner.run

    def run(e):
        if e.lr == 1e-2:
            raise usft_lib.TrainingDiverged("The loss became nan at step 1")
        return real(e)

    monkeypatch.setattr(runner, "run", run)
    command(monkeypatch, "--grid", "lr", "--folder", small / "work")
    assert "2 of 4 done, 2 failed" in capsys.readouterr().out
    rates = json.loads((small / "results" / "learning_rates.json").read_text())
    assert rates == {"sim-ultrasound": {"first 1": 1e-3, "last 1": 1e-3}}


def test_what_cannot_be_is_one_line(small, monkeypatch, capsys):
    (small / "file").write_text("")
    grids.GRIDS["sizes"] = lambda: [TINY, replace(TINY, n=5000)]  # more than there are: refused before any is run
    calls = ("schemes", "--folder", small / "file" / "x"), ("lr", "--quick"), ("sizes", "--folder", small / "work")
    for words in [("--grid", *rest) for rest in calls]:
        with pytest.raises(SystemExit) as end:
            command(monkeypatch, *words)
        assert end.value.code == 1 and len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not list((small / "work").glob("*.json"))


def test_time_that_is_up_begins_nothing_new(small, monkeypatch, capsys):
    command(monkeypatch, "--grid", "lr", "--folder", small / "work", "--minutes", "-1")
    assert "0 of 4 done" in capsys.readouterr().out and not (small / "results" / "lr.jsonl.gz").exists()


def test_added_seeds_are_told_and_the_report_keeps_to_the_planned_ones(small, monkeypatch, capsys):
    names = ("first 4", "last 4", "everything")
    grids.GRIDS["schemes"] = lambda: [replace(TINY, strategy=s, seed=k) for k in (0, 1) for s in names]
    command(monkeypatch, "--grid", "schemes", "--folder", small / "work", "--seeds", 2)
    told = capsys.readouterr().out
    assert "9 of 9 done" in told and "1 · the contracting path" in told and "3 seeds" in told
    assert len(gathered(small / "results" / "schemes.jsonl.gz")) == 9
    command(monkeypatch, "--grid", "schemes", "--folder", small / "work", "--report")
    assert "schemes 6." in (small / "results" / "VERDICTS.md").read_text()
