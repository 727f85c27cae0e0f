"""How soon the plateau comes: hand-made curves, and a run whose average is computed a second way."""

import pytest
import torch

import usft_lib as usft
from usft_lib import intervals
from usft_lib.study import convergence


def test_first_step_of_three_near_looks_in_a_row():
    curve = [(10, 0.5), (20, 0.80), (30, 0.5), (40, 0.791), (50, 0.79), (60, 0.85), (70, 0.1), (80, 0.8)]
    assert intervals.steps_to_plateau(curve, 0.8) == 40  # 20 is near, but not for three looks
    assert intervals.steps_to_plateau(curve, 0.86) is None
    assert intervals.steps_to_plateau(curve[:5], 0.8) is None  # two looks are too few
    # Near is .01 below (results/PROTOCOL.md): a curve that stays .012 below has not arrived, one .008 below has.
    assert intervals.steps_to_plateau([(step, 0.788) for step in range(10, 101, 10)], 0.8) is None
    assert intervals.steps_to_plateau([(step, 0.792) for step in range(10, 101, 10)], 0.8) == 10
    assert intervals.plateau_level([(step, step / 100) for step in range(10, 101, 10)]) == pytest.approx(0.95)


def test_a_run_that_never_arrives_counts_to_the_end():
    assert intervals.restricted_mean([10, None, 30], 90) == pytest.approx((10 + 90 + 30) / 3)
    assert intervals.restricted_mean([100], 90) == 90


def test_what_is_watched_is_the_running_average(discs):
    train, val, _ = discs.split(0.5, 0.3, 0.2, seed=0)
    torch.manual_seed(0)
    start = usft.UNet(4, 2)
    how = {"steps": 20, "batch_size": 4, "lr": 3e-3, "seed": 1}
    copy = usft.load_model(usft.save_model(start, "start.safetensors"))
    history, model, curve = convergence.fit_with_ema(copy, train, val, **how)
    assert [step for step, _ in curve] == [10, 20] and len(history.loss) == 20
    run, average = usft.Training(start, train, schedule="constant", **how), None
    for _ in run:
        now = {name: p.detach().double().clone() for name, p in start.named_parameters()}
        average = now if average is None else {name: 0.98 * average[name] + 0.02 * now[name] for name in now}
    for name, p in model.named_parameters():
        assert p.detach().double() == pytest.approx(average[name], abs=1e-5), name
    expected = usft.dice(usft.segment(model, val.images, precision=run.precision.name), val.masks).mean()
    assert curve[-1][1] == pytest.approx(float(expected), abs=1e-4)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
