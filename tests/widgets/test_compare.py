"""The lab's comparisons against the library's own intervals; repeats, the one plateau, tasks on the scoreboard."""

import time
from copy import deepcopy

import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput
from usft_lib.intervals import plateau_level
from usft_lib.training import Training
from usft_lib.widgets.board import Scoreboard
from usft_lib.widgets.compare import MEANING
from usft_lib.widgets.lab import Lab
from usft_lib.widgets.runs import Run

pytestmark = pytest.mark.slow


def make(discs, **more):
    torch.manual_seed(0)
    train, val, test = discs.split(0.5, 0.3, 0.2, seed=0)
    return Lab(usft.UNet(width=4, depth=2), train, val, test, **{"steps": 6, "batch_size": 4, "seed": 3} | more)


@pytest.fixture(scope="module")
def lab(discs):
    """Everything and first 1 with three seeds, last 1 with one. No test changes it."""
    torch.set_num_threads(1)
    made = make(discs)
    for strategy, seeds in (("everything", 3), ("first 1", 3), ("last 1", 1)):
        made.run(strategy, seeds=seeds)
    return made


def tables(lab, number):
    return [run.table for run in lab.runs if number in (run.number, run.repeats and run.repeats.number)]


def refused(call, *words) -> None:
    with pytest.raises(BadInput) as error:
        call()
    assert "\n" not in str(error.value) and all(word in str(error.value) for word in words), str(error.value)


# --- differences ---------------------------------------------------------------------------------------------------


def test_a_pair_is_the_librarys_paired_difference_over_seeds_and_subjects(lab):
    a, b = tables(lab, 1), tables(lab, 4)
    assert len(a) == len(b) == 3
    for x, y in zip(a, b, strict=True):
        for table, run in ((x, 1), (y, 4)):
            assert list(table["image"]) == lab.val.ids, run
    found = lab.compare(1, 4)
    told = tuple(found[key] for key in ("difference", "difference_low", "difference_high"))
    assert told == usft.seed_difference(a, b) and found["seeds"] == 3
    assert found["word"] == usft.verdict(*told, seeds=3, yes="confirmed") and found["meaning"] == MEANING[found["word"]]
    other = lab.compare(4, 1)
    assert other["difference"] == pytest.approx(-told[0]) and other["a"] == "first 1"
    assert sum(value for _, value in found["subjects"]) / len(found["subjects"]) == pytest.approx(told[0])
    assert {name for name, _ in found["subjects"]} == set(lab.val.subjects)


def test_one_training_has_no_word_and_is_paired_on_the_seed_that_both_have(lab):
    found = lab.compare(4, 7)
    one = usft.paired_difference(lab.runs[3].table, lab.runs[6].table)
    assert tuple(found[key] for key in ("difference", "difference_low", "difference_high")) == one
    assert found["seeds"] == 1 and found["word"] == "one training" and "more seeds" in found["meaning"]


def test_the_images_of_disagreement_are_those_with_the_largest_difference(lab):
    found = lab.compare(4, 7)["images"]
    apart = (lab.runs[3].table["dice"] - lab.runs[6].table["dice"]).abs()
    assert [image["image"] for image in found] == apart.sort_values(ascending=False, kind="stable").index[:3].tolist()
    for image in found:
        assert image["a"] == lab.runs[3].table["dice"][image["image"]]
        assert image["b"] == lab.runs[6].table["dice"][image["image"]]


def test_simulated_images_that_stand_in_give_no_word(lab):
    board = Scoreboard({}, lab.groups, stand_in=True)
    assert board.pair(lab.runs[:3], lab.runs[3:6])["word"].startswith("no verdict: simulated")


def test_pairs_that_make_no_sense_are_refused_and_hidden_ones_are_not(lab):
    refused(lambda: lab.compare(1, 1), "compare two strategies")
    refused(lambda: lab.compare(1, 2), "trainings of everything")
    refused(lambda: lab.compare(1, 99), "no run 99")
    refused(lambda: lab.compare(None, 1), "no run None")
    before = lab.compare(4, 7)
    lab.hide(4)
    try:
        assert lab.compare(4, 7) == before
    finally:
        lab.hide(4, False)


def test_a_training_that_was_stopped_is_no_pair(discs, monkeypatch):
    lab = make(discs)
    step = Training.step
    monkeypatch.setattr(Training, "step", lambda self: (time.sleep(0.05), step(self)))
    lab.start()
    while not lab.runs[0].seconds:
        time.sleep(0.01)
    lab.stop()
    assert lab.wait(60)
    lab.run("first 1")
    refused(lambda: lab.compare(1, 2), "run 1 is stopped")
    refused(lambda: lab.again(1), "run 1 is stopped")
    assert lab.scores.set_index("run").loc[1, "difference"] is None


# --- the scoreboard ------------------------------------------------------------------------------------------------


def test_a_strategy_is_one_line_over_its_seeds(lab):
    board = lab.scores.set_index("run")
    assert list(lab.scores["run"].dropna()) == sorted((1, 4, 7), key=lambda n: -board.loc[n, "dice"])
    assert board.loc[[1, 4, 7], "seeds"].tolist() == [3, 3, 1]
    for number in (1, 4):
        assert tuple(board.loc[number, ["dice", "low", "high"]]) == usft.seed_mean(tables(lab, number))
    assert board.loc[7, "dice"] == lab.runs[6].dice and board.loc[7, "low"] == lab.runs[6].low
    assert [run.seed for run in lab.runs] == [3, 4, 5, 3, 4, 5, 3]


def test_the_difference_is_to_everything_or_else_to_the_best(lab):
    board = lab.scores.set_index("run")
    assert board.loc[1, "difference"] is None or board.loc[1, "difference"] != board.loc[1, "difference"]
    for number in (4, 7):
        assert board.loc[number, "against"] == "everything"
        found = lab.compare(number, 1)
        assert all(board.loc[number, key] == found[key] for key in ("difference", "difference_low", "word"))
    lab.hide(1)
    try:
        best = lab.scores.dropna(subset=["run"]).iloc[0]
        other = lab.scores.dropna(subset=["run"]).iloc[1]
        assert other["against"] == best["strategy"] and "the best so far" in lab.plateau
    finally:
        lab.hide(1, False)


def test_one_plateau_for_all_runs(lab):
    level = sum(plateau_level(run.val) for run in lab.runs[:3]) / 3
    assert f"{level:.3f}" in lab.plateau and "everything" in lab.plateau and "best" not in lab.plateau
    board = lab.scores.set_index("run")
    for first in (1, 4, 7):
        runs = [run for run in lab.runs if first in (run.number, run.repeats and run.repeats.number)]
        reached = [next((s for s, v in run.val if v >= 0.95 * level), None) for run in runs]
        told = board.loc[first, "steps_to_95"]
        assert (told != told or told is None) if None in reached else told == sum(reached) / len(reached)


def made_up(number: int, values, label: str, **more) -> Run:
    run = Run(number, label, more.pop("groups", ["enc1"]), None, steps=100, **more)
    run.val = [(10 * (k + 1), value) for k, value in enumerate(values)]
    run.seconds, run.status = [0.5 * (k + 1) for k in range(100)], "done"
    run.dice = run.low = run.high = values[-1]
    run.table = usft.score(torch.ones(1, 1, 8, 8, dtype=torch.bool), DATA)
    return run


Y, X = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
MASKS = torch.stack([Y < k for k in (3, 5, 7)])[:, None]
DATA = usft.SegmentationData(MASKS.float(), MASKS, ["a", "b", "c"], "rows")


def test_steps_to_the_plateau_of_hand_made_curves():
    whole = made_up(1, [0.1, 0.5, 0.7, 0.75, 0.77, 0.79, 0.8, 0.8, 0.79, 0.81], "everything", groups=["enc1", "head"])
    quick = made_up(2, [0.3, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6], "low and level")
    board = Scoreboard({}, ["enc1", "head"], False)
    lines = {line["run"]: line for line in board.lines([whole, quick])}
    assert lines[1]["steps_to_95"] == 50 and lines[1]["seconds_to_95"] == 25.0  # 95 % of .80 is .76
    assert lines[2]["steps_to_95"] is None, "its own plateau is low, and level early; that of everything it never has"
    scratch = made_up(3, [0.9] * 10, "scratch", groups=["enc1", "head"], scratch=True)
    lines = {line["run"]: line for line in board.lines([scratch, whole, quick])}
    assert lines[3]["against"] == "everything" and lines[3]["steps_to_95"] == 10


# --- repeats -------------------------------------------------------------------------------------------------------


def test_with_n_another_seed_draws_other_images(discs):
    lab = make(discs, n=5, steps=2)
    lab.run("first 1", seeds=2)
    drawn = [set(lab._drawn(run.seed).ids) for run in lab.runs]
    assert [len(each) for each in drawn] == [5, 5] and drawn[0] != drawn[1]
    model = usft.train_only(deepcopy(lab.pretrained), lab.named("first 1"))
    history = usft.fit(model, lab.train.subset(5, 4), lab.val, progress=False, **lab.settings | {"seed": 4})
    assert lab.runs[1].loss == history.loss
    refused(lambda: make(discs, n=5000), "choose at most that many, not 5000")
    refused(lambda: make(discs, n="many"), "n must be")


def test_repeating_twice_queues_once_and_rivals_stay_paired(discs):
    lab = make(discs, steps=3)
    lab.race(["first 1", "last 1"])
    assert lab.wait(60)
    queued = lab.again(1, 2, seeds=3)
    assert [(lab.runs[n - 1].label, lab.runs[n - 1].seed) for n in queued] == [
        ("first 1", 4), ("last 1", 4), ("first 1", 5), ("last 1", 5),
    ]  # fmt: skip
    refused(lambda: lab.again(1, 2), "running")
    assert lab.wait(60) and lab.compare(1, 2)["seeds"] == 3
    refused(lambda: lab.again(1, 2), "3 seeds already")
    refused(lambda: lab.again(3, 4), "3 seeds already")  # of a repeat: its strategy
    assert len(lab.again(1, seeds=4)) == 1 and lab.wait(60)
    assert lab.compare(1, 2)["seeds"] == 3, "a fourth seed that only one of them has counts for neither"
    for wrong, word in (((9,), "no run 9"), ((), "which runs")):
        refused(lambda wrong=wrong: lab.again(*wrong), word)
    for wrong in (1, 0, 11, 2.5, "3", None):
        refused(lambda wrong=wrong: lab.again(1, seeds=wrong), "seeds must be")
        if wrong != 1:
            refused(lambda wrong=wrong: lab.run("first 1", seeds=wrong), "seeds must be")
    assert len(lab.runs) == 7
    lab.rename(4, "mine")
    assert {run.label for run in lab.runs} == {"first 1", "mine"}


def test_seeds_while_paused_are_refused_and_a_stopped_queue_can_be_asked_for_again(discs, monkeypatch):
    lab = make(discs, steps=3)
    lab.run("first 1")
    step = Training.step
    with monkeypatch.context() as patch:
        patch.setattr(Training, "step", lambda self: (time.sleep(0.05), step(self)))
        lab.again(1, seeds=3)
        lab.pause()
        refused(lambda: lab.again(1, seeds=3), "paused")
        assert {run["status"] for run in lab.snapshot()["runs"][1:]} <= {"running", "waiting"}
        lab.stop()
        assert lab.wait(60)
    assert [run.status for run in lab.runs][1:] == ["stopped"] * 2 and lab.scores["seeds"].max() == 1
    assert lab.again(1, seeds=3) == [4, 5] and lab.wait(60)
    assert lab.scores["seeds"].max() == 3


def test_one_repeat_that_fails_does_not_end_the_others(discs, monkeypatch):
    lab = make(discs, steps=3)
    lab.run("first 1")
    step = Training.step

    def breaking(self):
        if self.seed == 4:
            raise RuntimeError("out of memory")
        step(self)

    monkeypatch.setattr(Training, "step", breaking)
    lab.again(1)
    assert lab.wait(60) and [run.status for run in lab.runs] == ["done", "failed", "done"]
    assert lab.snapshot()["message"] == "first 1, seed 4 failed: out of memory" and lab.scores["seeds"].max() == 2


def test_from_scratch_begins_with_the_random_weights_of_its_seed(discs):
    lab = make(discs, steps=2)
    lab.run("scratch", seeds=2)
    for run in lab.runs:
        torch.manual_seed(run.seed)
        model = usft.UNet(4, 2)
        history = usft.fit(model, lab.train, lab.val, progress=False, **lab.settings | {"seed": run.seed})
        assert run.loss == history.loss and run.scratch and run.label == "scratch"
    lab.preset("scratch")
    assert lab.snapshot()["label"] == "scratch" and lab.chosen == lab.groups
    lab.start()
    assert lab.wait(60) and lab.runs[-1].scratch and lab.runs[-1].label == "scratch (2)"
    lab.choose(lab.groups)
    assert lab.snapshot()["label"] == "everything"
