"""The freezing lab without its front end: its states, its runs against `fit`, its scoreboard, and what may go wrong."""

import csv
import gc
import io
import json
import threading
import time
import weakref
from copy import deepcopy

import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput
from usft_lib.training import Training
from usft_lib.widgets.contours import FINE, outlines
from usft_lib.widgets.lab import Lab
from usft_lib.widgets.runs import WARM, Run


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # bits depend on it
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pretrained(discs):
    torch.manual_seed(0)
    model = usft.UNet(width=4, depth=2)
    usft.fit(model, discs.split(0.5, 0.3, 0.2, seed=0)[0], steps=10, batch_size=4, progress=False)
    return model


@pytest.fixture
def lab(pretrained, discs):
    return make(pretrained, discs)


def make(model, discs, **more):
    train, val, test = discs.split(0.5, 0.3, 0.2, seed=0)
    return Lab(model, train, val, test, **{"steps": 12, "batch_size": 4, "seed": 3} | more)


def slow(monkeypatch, seconds: float = 0.02) -> None:
    """Steps that take a while, so that there is time to press buttons."""
    step = Training.step

    def slower(self):
        time.sleep(seconds)
        step(self)

    monkeypatch.setattr(Training, "step", slower)


def refused(call, *words) -> None:
    with pytest.raises(BadInput) as error:
        call()
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


# --- runs ----------------------------------------------------------------------------------------------------------


def test_a_run_is_fit_to_the_bit(lab, pretrained):
    chosen = ["enc1", "dec1", "head"]
    row = lab.run(chosen)
    model = usft.train_only(deepcopy(pretrained), chosen)
    history = usft.fit(model, lab.train, lab.val, progress=False, validate_every=1, **lab.settings)
    run = lab.runs[0]
    assert run.loss == history.loss and len(run.seconds) == 12
    for name, value in model.state_dict().items():
        assert torch.equal(run.model.state_dict()[name], value), name
    assert row["dice"] == usft.summarise(usft.evaluate(model, lab.val))["dice"] and row["strategy"] == "outer 1"
    assert [step for step, _ in run.val] == list(range(1, 13)) and row["status"] == "done"


def test_the_first_steps_of_a_thread_are_taken_before_the_clock_starts(lab, monkeypatch):
    step = Training.step
    clocked = []

    def noted(self):
        clocked.append(self.model is not lab.runs[0].model)
        step(self)

    monkeypatch.setattr(Training, "step", noted)
    lab.run("first 1")
    assert clocked == [True] * WARM + [False] * 12 and len(lab.runs[0].loss) == 12


@pytest.mark.slow
def test_every_run_begins_with_the_pretrained_weights_and_yours_are_never_touched(pretrained, discs):
    model = deepcopy(pretrained)
    lab = make(model, discs)
    first = lab.run("everything")
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(float("nan"))  # moved, deleted, ruined: the lab has its own copy
    again = lab.run("everything")
    assert first["dice"] == again["dice"] and lab.runs[0].loss == lab.runs[1].loss
    assert pretrained.frozen == frozenset()


@pytest.mark.slow
def test_racers_share_their_batches_and_take_turns(lab, monkeypatch):
    turns = []
    step = Training.step
    monkeypatch.setattr(Training, "step", lambda self: (turns.append(tuple(self.trained)), step(self))[1])
    numbers = lab.race(["first 1", "last 1", ["bottleneck"]])
    assert lab.wait(60) and numbers == [1, 2, 3]
    del turns[:WARM]
    assert turns[:6] == turns[:3] * 2 and len(set(turns[:3])) == 3
    for run in list(lab.runs):
        lab.run(run.groups)
        assert lab.runs[-1].loss == run.loss  # alone as in the race


@pytest.mark.slow
def test_pausing_changes_nothing_but_the_time(lab, monkeypatch):
    lab.run("first 1")
    slow(monkeypatch)
    lab.choose(lab.named("first 1"))
    lab.start()
    while lab.snapshot()["runs"][1]["step"] < 3:
        time.sleep(0.01)
    lab.pause()
    assert lab.state == "paused"
    time.sleep(0.1)
    here = lab.snapshot()["runs"][1]["step"]
    time.sleep(0.15)
    assert lab.snapshot()["runs"][1]["step"] == here < 12
    lab.resume()
    assert lab.wait(60) and lab.state == "idle" and lab.runs[1].loss == lab.runs[0].loss


def test_stop_while_paused_keeps_the_run_as_it_stands(lab, monkeypatch):
    slow(monkeypatch)
    lab.start()
    lab.pause()
    lab.stop()
    assert lab.wait(60) and lab.state == "idle"
    assert lab.snapshot()["runs"][0]["status"] == "stopped" and len(lab.runs[0].seconds) < 12
    assert lab.run("first 1")["status"] == "done"


# --- refusals ------------------------------------------------------------------------------------------------------


def test_what_makes_no_sense_now_is_refused(lab, monkeypatch):
    refused(lab.pause, "idle")
    refused(lab.resume, "idle")
    refused(lab.stop, "idle")
    slow(monkeypatch)
    lab.start()
    refused(lab.start, "running")
    refused(lambda: lab.toggle("enc1"), "choose groups", "running")
    refused(lambda: lab.preset("first", 1), "running")
    refused(lambda: lab.race(["first 1", "last 1"]), "running")
    refused(lambda: lab.run("first 1"), "running")
    refused(lab.resume, "running")
    lab.pause()
    refused(lab.pause, "paused")
    refused(lambda: lab.toggle("enc1"), "paused")
    lab.stop()
    assert lab.wait(60) and lab.chosen == lab.groups


def test_everything_frozen_is_explained(lab):
    lab.choose([])
    refused(lab.start, "everything is frozen")
    refused(lambda: lab.run([]), "everything is frozen")
    assert lab.state == "idle" and lab.runs == []
    assert lab.cost([])["trainable"] == 0


@pytest.mark.parametrize(
    "call, word",
    [
        (lambda lab: lab.toggle("enc9"), "enc9"),
        (lambda lab: lab.preset("frist", 2), "first"),
        (lambda lab: lab.preset("first"), "How many"),
        (lambda lab: lab.preset("first", 99), "k must be"),
        (lambda lab: lab.set_guess(1.2), "between 0 and 1"),
        (lambda lab: lab.set_guess("high"), "between 0 and 1"),
        (lambda lab: lab.race(["first 1"]), "2 to 6"),
        (lambda lab: lab.race(["first 1", "first 1"]), "2 to 6"),
        (lambda lab: lab.rename(5, "x"), "no run 5"),
        (lambda lab: lab.commit(1), "no run 1"),
    ],
)
def test_wrong_names_and_numbers_get_a_line(lab, call, word):
    refused(lambda: call(lab), word)


def test_a_failure_in_training_is_shown_and_the_lab_goes_on(lab, monkeypatch):
    step = Training.step

    def breaking(self):
        if self.done == 4:
            raise RuntimeError("out of memory\nwith a long trace")
        step(self)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "step", breaking)
        lab.start()
        assert lab.wait(60)
    shown = lab.snapshot()
    assert shown["runs"][0]["status"] == "failed" and shown["message"] == "This run failed: out of memory"
    assert shown["state"] == "idle" and lab.run("first 1")["status"] == "done"


def test_a_blocking_run_that_fails_says_why_and_bad_settings_are_refused_at_once(lab, pretrained, discs, monkeypatch):
    def breaking(self):
        raise RuntimeError("out of memory\nwith a long trace")

    with monkeypatch.context() as patch:
        patch.setattr(Training, "step", breaking)
        refused(lambda: lab.run("first 1"), "This run failed: out of memory")
    for settings, word in (({"lr": -1}, "lr"), ({"steps": 0}, "steps"), ({"batch_size": 0}, "batch_size")):
        refused(lambda settings=settings: make(pretrained, discs, **settings), word)
    for nonsense in (None, 5, ["enc9"]):
        refused(lambda n=nonsense: lab.run(n), "group")
        refused(lambda n=nonsense: lab.choose(n), "group")


def test_a_racer_that_falls_does_not_end_the_race(lab, monkeypatch):
    step = Training.step

    def breaking(self):
        if self.trained == ["enc1"] and self.done == 3:
            raise RuntimeError("diverged")
        step(self)

    monkeypatch.setattr(Training, "step", breaking)
    lab.race(["first 1", "last 1"])
    assert lab.wait(60)
    assert [run.status for run in lab.runs] == ["failed", "done"] and lab.runs[1].dice is not None
    assert lab.snapshot()["message"] == "first 1 failed: diverged"


def test_an_interrupt_stops_the_run_and_leaves_the_lab_usable(lab, monkeypatch):
    slow(monkeypatch)

    waits = []

    def interrupted(timeout=None):
        waits.append(1)
        if len(waits) == 1:
            raise KeyboardInterrupt
        return Lab.wait(lab, timeout)

    monkeypatch.setattr(lab, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lab.run("first 1")
    assert lab.state == "idle" and lab.runs[0].status == "stopped"


@pytest.mark.slow
def test_two_labs_at_once(pretrained, discs):
    labs = [make(pretrained, discs) for _ in range(2)]
    for each in labs:
        each.start()
    assert all(each.wait(60) for each in labs)
    assert labs[0].runs[0].loss == labs[1].runs[0].loss


def test_the_thread_ends_with_its_lab(pretrained, discs, monkeypatch):
    slow(monkeypatch, 0.05)
    before = threading.active_count()
    lab = make(pretrained, discs, steps=500)
    lab.start()
    session, gone = lab._session, weakref.ref(lab)
    del lab
    gc.collect()
    assert gone() is None and session.done.wait(20)
    for _ in range(100):
        if threading.active_count() == before:
            break
        time.sleep(0.02)
    assert threading.active_count() == before


# --- the scoreboard ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_scoreboard_ranks_renames_hides_and_exports_as_text(lab):
    lab.set_guess(0.7)
    lab.run("everything", guess=0.5)
    lab.run("first 1")
    table = lab.scores
    assert list(table["dice"]) == sorted(table["dice"], reverse=True)
    assert {"untouched", "mean shape", "everything", "first 1"} == set(table["strategy"])
    mine = table[table["strategy"] == "everything"].iloc[0]
    assert mine["guess"] == 0.5 and mine["guess_error"] == pytest.approx(0.5 - mine["dice"]) and lab.guess == 0.7
    lab.rename(1, "<img src=x onerror=alert(1)>")
    lab.rename(2, "=1+1")
    refused(lambda: lab.rename(1, "=1+1"), "is called '=1+1' already")
    rows = list(csv.DictReader(io.StringIO(lab.csv())))
    names = {row["strategy"] for row in rows}
    assert names == {"<img src=x onerror=alert(1)>", "'=1+1", "untouched", "mean shape"}
    assert {row["dice"] for row in rows} == {str(value) for value in lab.scores["dice"]}
    lab.hide(2)
    assert "=1+1" not in set(lab.scores["strategy"]) and lab.snapshot()["runs"][1]["hidden"]
    lab.hide(2, False)
    assert lab.start() == 3 and lab.wait(60)
    for label in ("", " ", "x" * 81, 7):
        refused(lambda label=label: lab.rename(2, label), "1 to 80")


@pytest.mark.slow
def test_the_test_set_is_revealed_once(lab, discs):
    lab.run("first 1")
    lab.run("everything")
    found = lab.commit(2)
    assert (
        found["dice"] == usft.summarise(usft.evaluate(lab.runs[1].model, discs.split(0.5, 0.3, 0.2, seed=0)[2]))["dice"]
    )
    refused(lambda: lab.commit(1), "no second time")
    assert lab.snapshot()["test"]["run"] == 2
    without = Lab(lab.runs[0].model, lab.train, lab.val, steps=2, batch_size=4)
    without.run("first 1")
    refused(lambda: without.commit(1), "no test images")


def test_cost_is_that_of_the_summary(lab, pretrained):
    part = usft.train_only(deepcopy(pretrained), ["dec1", "head"])
    now, full = (usft.summary(m, 32).iloc[-1] for m in (part, pretrained))
    cost = lab.cost(["head", "dec1"])
    assert cost["trainable"] == now["trainable"] and 0 < cost["share"] < 1
    passes = ["forward", "to_inputs", "to_weights"]
    assert cost["step"] == pytest.approx(now[passes].sum() / full[passes].sum()) and cost["step"] < 0.8
    assert lab.cost(lab.groups)["step"] == 1


# --- what a front end draws ----------------------------------------------------------------------------------------


def test_snapshot_is_small_plain_and_tells_when_something_changed(lab):
    was = lab.snapshot()["version"]
    assert lab.snapshot()["version"] == was
    lab.set_guess(0.4)
    assert lab.snapshot()["version"] != was
    lab.run("everything")
    for k in range(20):
        copy = deepcopy(lab.runs[0].__dict__ | {"model": None})
        run = Run(k + 2, f"run {k}", lab.groups, 0.5, 300)
        run.__dict__ |= copy | {"number": k + 2, "loss": [0.1234] * 300, "seconds": [0.1 * j for j in range(300)]}
        run.val = [(30 * j, 0.8) for j in range(1, 11)]
        lab.runs.append(run)
    began = time.perf_counter()
    told = lab.snapshot()
    took = 1e3 * (time.perf_counter() - began)
    size = len(json.dumps(told, allow_nan=False))
    print(f"a snapshot of 21 runs: {size / 1e3:.0f} kB, {took:.1f} ms")
    assert size <= 80_000 and len(told["runs"][5]["loss"]) <= 120
    assert sum(value for _, value in told["runs"][5]["loss"]) / len(told["runs"][5]["loss"]) == pytest.approx(0.1234)


def test_outlines_enclose_the_mask():
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    disc = (x - 30) ** 2 + (y - 33) ** 2 < 20**2
    line = torch.tensor(outlines(disc)[0]).view(-1, 2) / FINE
    (a, b), (c, d) = line[:-1].T, line[1:].T
    area = abs(float((a * d - b * c).sum()) / 2)
    assert area == pytest.approx(float(disc.sum()), rel=0.03) and len(line) < 60
    assert (line.mean(0) - torch.tensor([30.0, 33.0])).abs().max() < 1.5
    assert outlines(torch.zeros(8, 8, dtype=torch.bool)) == []
    everything = torch.tensor(outlines(torch.ones(8, 8, dtype=torch.bool))[0]).view(-1, 2) / FINE
    assert everything.min() == -0.5 and everything.max() == 7.5
