"""A run at a constant rate, whose averaged weights are computed a second way."""

import pytest
import torch

import usft_lib as usft
from usft_lib.study import convergence


@pytest.mark.slow
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


def test_a_run_that_never_arrives_counts_to_the_end():
    assert convergence.restricted_mean([10, None, 30], 90) == pytest.approx((10 + 90 + 30) / 3)
    assert convergence.restricted_mean([100], 90) == 90
