"""``python -m usft_lib`` from end to end, at a size where nothing is learnt but everything runs."""

import io
import subprocess
import sys

import pytest
import torch

import usft_lib
from usft_lib import __main__


@pytest.mark.slow
def test_without_real_images_it_says_so_and_runs_on_simulated_ones(cache, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("usft_lib.sources.loading.SIMULATED_IMAGES", 120)
    figure = tmp_path / "figure.png"
    rows = __main__.run(figure, size=32, pretrain_steps=2, steps=2)
    told = capsys.readouterr().out
    assert "SIMULATED" in told and 'usft.load("montgomery", size=32, large=True)' in told
    assert "sim-radiographs" in told and "sim-ultrasound" in told and "contracting − expanding: " in told
    assert list(rows) == ["mean shape", "zero-shot", "everything", "contracting", "expanding", "last two"]
    assert all(row["low"] <= row["dice"] <= row["high"] for row in rows.values())
    assert figure.read_bytes().startswith(b"\x89PNG") and figure.stat().st_size > 50_000


@pytest.fixture
def quick(discs, monkeypatch):
    """The miniature on few images, with a step of each training."""
    monkeypatch.setattr(__main__, "data_pair", lambda size, large: (discs, discs))
    monkeypatch.setattr(__main__, "TRAINING_IMAGES", 8)
    monkeypatch.setattr(__main__, "fit", lambda *what, fit=__main__.fit, **how: fit(*what, **how | {"steps": 1}))


@pytest.mark.slow
def test_a_log_in_cp1252_costs_neither_the_figure_nor_the_table(quick, tmp_path, monkeypatch):
    """As Windows writes ``python -m usft_lib > log``: its alphabet has no minus sign."""
    figure, log = tmp_path / "figure.png", io.BytesIO()
    monkeypatch.setattr(sys, "argv", ["usft_lib", "--out", str(figure)])
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(log, encoding="cp1252", write_through=True))
    __main__.main()
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert "contracting ? expanding: " in log.getvalue().decode("cp1252")


def test_the_same_numbers_come_out_twice(discs):
    weights = [__main__.pretrain(discs, 2).state_dict() for _ in range(2)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_the_strategies_train_what_their_names_say(small):
    chosen = {name: choose(small) for name, choose in __main__.STRATEGIES.items()}
    assert chosen["everything"] == list(usft_lib.groups(small))
    assert chosen["contracting"] == ["enc1", "enc2", "enc3", "enc4"]
    assert chosen["expanding"] == ["dec4", "dec3", "dec2", "dec1", "head"]
    assert chosen["last two"] == ["dec2", "dec1", "head"]


@pytest.mark.slow
def test_a_bad_setting_ends_the_command_in_one_line(tmp_path):
    environment = {"USFT_DATA": str(tmp_path), "USFT_MIRROR": str(tmp_path / "nowhere"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-m", "usft_lib", "--out", str(tmp_path / "no" / "folder" / "x.png")],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert "x.png cannot be written" in done.stderr
