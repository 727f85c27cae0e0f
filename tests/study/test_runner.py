"""The study's machinery: fixed splits, records that are run once, and what is killed, broken or edited in between."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import tiny
import torch
from tiny import TINY

import usft_lib as usft
import usft_lib.freezing
from usft_lib import BadInput
from usft_lib.metrics import head_circumference_mm
from usft_lib.study import experiment, grids, runner, targets
from usft_lib.study.experiment import Experiment
from usft_lib.study.files import gather, gathered
from usft_lib.study.records import Results, scores
from usft_lib.study.runner import Study


def heads(n: int = 60) -> usft.SegmentationData:
    """Discs of growing radius, two images a fetus, in the order of age, as HC18's files are."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    radii = torch.linspace(5, 25, n)
    masks = torch.stack([(x - 32) ** 2 + (y - 32) ** 2 < r**2 for r in radii])[:, None]
    subjects = [f"fetus {k // 2}" for k in range(n)]
    return usft.SegmentationData(masks.float() * 0.5, masks, subjects, "hc18", torch.ones(n))


# --- targets -------------------------------------------------------------------------------------------------------


def test_fetal_heads_of_all_sizes_are_tested_and_nobody_is_on_two_sides(monkeypatch):
    monkeypatch.setattr(targets, "TESTED", 10)
    pool, val, test = targets.hc18_parts(64, data=heads())
    people = [set(part.subjects) for part in (pool, val, test)]
    assert not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2])
    assert len(set.union(*people)) == 30 and len(test) == len(people[2]) == 10
    sizes = head_circumference_mm(test.masks, test.spacing_mm)
    everybody = head_circumference_mm(heads().masks, heads().spacing_mm)
    edges = torch.quantile(everybody, torch.linspace(0, 1, 6))
    counts = torch.histogram(sizes, edges).hist
    assert counts.min() >= 1 and counts.max() <= 3, "each fifth of the sizes is tested"


def test_160_subjects_are_tested_and_60_are_for_choosing(monkeypatch):
    """As results/PROTOCOL.md says of every target but BUSI."""
    people = heads(1400)  # 700 subjects
    monkeypatch.setattr(targets, "load", lambda name, **how: people)
    monkeypatch.setattr(targets, "simulate_ultrasound", lambda n, **how: people.subset(n))
    found = {
        "hc18": targets.hc18_parts(64),
        "shenzhen": targets.shenzhen_parts(64),
        "sim-ultrasound": targets.simulated_parts(64),
        "speckle": targets.shifted_parts(64, draw=lambda n, size, **how: people.subset(n), shift=1.0),
    }
    pools = {"hc18": 480, "shenzhen": 480, "sim-ultrasound": 400, "speckle": 100}
    for name, parts in found.items():
        assert [len(set(part.subjects)) for part in parts] == [pools[name], 60, 160], name
        assert [len(part) for part in parts[1:]] == [60, 160], f"{name}: one image a subject"


def test_every_lesion_is_tested_once_in_five_folds():
    data = heads(60)
    tested = []
    for fold in range(5):
        pool, val, test = targets.busi_parts(64, fold, data=data)
        assert not set(test.subjects) & (set(pool.subjects) | set(val.subjects)) and not set(pool.subjects) & set(
            val.subjects
        )
        assert len(pool) + len(val) + len(test) == 60 and len(val)
        tested += test.ids
    assert sorted(tested) == sorted(data.ids)


# --- one experiment ------------------------------------------------------------------------------------------------


def test_a_key_depends_on_every_field_and_on_nothing_else():
    changed = {"source": "xray", "target": "busi", "n": 5, "strategy": "last 1", "lr": 2e-3, "seed": 1, "steps": 3,
               "batch_size": 3, "augment": False, "size": 48, "statistics": "adapting",
               "course": "plateau"}  # fmt: skip
    assert set(changed) == set(asdict(TINY))
    keys = {replace(TINY, **{name: value}).key for name, value in changed.items()}
    assert len(keys | {TINY.key}) == len(changed) + 1 and TINY.key == replace(TINY).key


def test_a_record_is_what_the_public_functions_give(tiny_target):
    torch.set_num_threads(1)
    record = experiment.run(TINY)
    pool, val, test = targets.parts("sim-ultrasound", 32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = usft.UNet()
    usft.train_only(model, ["enc1"])
    usft.fit(model, pool.subset(4, seed=0), steps=2, batch_size=2, lr=1e-3, seed=0, progress=False)
    expected = usft.evaluate(model, test)
    assert record["dice"] == pytest.approx(expected["dice"].mean()) and record["scores"]["image"] == list(
        expected["image"]
    )
    assert record["scores"]["dice"] == pytest.approx(list(expected["dice"]), abs=5e-5)
    assert record["val_dice"] == pytest.approx(usft.evaluate(model, val)["dice"].mean())
    json.dumps(record, allow_nan=False)


def test_references_are_not_trained(tiny_target):
    untouched, shape = (experiment.run(replace(TINY, strategy=name, lr=0.0)) for name in experiment.UNTRAINED)
    assert untouched["seconds"] == shape["seconds"] == 0 and untouched["made"]["precision"] is None
    pool, _, test = targets.parts("sim-ultrasound", 32)
    expected = usft.score(usft.mean_shape(pool.subset(4, seed=0)), test)["dice"].mean()
    assert shape["dice"] == pytest.approx(expected)


def test_nonsense_gets_a_line(tiny_target):
    for change, word in (
        ({"target": "hc81"}, "hc18"),
        ({"n": 5000}, "5000"),
        ({"n": 0}, "n"),
        ({"strategy": "middle 2"}, "middle"),
        ({"strategy": "first"}, "How many"),
        ({"source": "lungs"}, "xray"),
        ({"statistics": "drifting"}, "adapting"),
        ({"course": "uphill"}, "plateau"),
        ({"strategy": "first 1 + tail"}, "head"),
        ({"strategy": "contracting 9"}, "no number"),
        ({"strategy": "matched first 2 #0", "statistics": "adapting"}, "keep their statistics"),
    ):
        with pytest.raises(BadInput, match=word) as error:
            experiment.run(replace(TINY, **change))
        assert "\n" not in str(error.value)


def moved(e: Experiment) -> tuple[set[str], set[str]]:
    """Groups whose weights, and groups whose normalisation statistics, an experiment's training moves."""
    pool, _, _ = targets.parts(e.target, e.size, e.seed)
    model = experiment.prepare(usft.UNet(4, 2), e.strategy, e.statistics, pool.subset(4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    usft.fit(model, pool.subset(4), steps=2, batch_size=2, lr=1e-2, progress=False)
    differ = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    statistics = {name.partition(".")[0] for name in differ if "running" in name}
    return {name.partition(".")[0] for name in differ if "running" not in name and "tracked" not in name}, statistics


def test_treatments_of_statistics_and_the_head(tiny_target):
    everywhere = {"enc1", "enc2", "bottleneck", "dec2", "dec1"}
    assert moved(replace(TINY, strategy="first 2")) == ({"enc1", "enc2"}, {"enc1", "enc2"})
    assert moved(replace(TINY, strategy="first 1 + head")) == ({"enc1", "head"}, {"enc1"})
    assert moved(replace(TINY, statistics="adapting")) == ({"enc1"}, everywhere)
    assert moved(replace(TINY, statistics="reestimated")) == ({"enc1"}, {"enc1"})
    pool = targets.parts("sim-ultrasound", 32)[0].subset(4)
    new = experiment.prepare(usft.UNet(4, 2), "first 1", "reestimated", pool)
    assert not torch.equal(new.bottleneck[1].running_mean, torch.zeros(16))


def test_a_watched_run_keeps_its_curve(tiny_target):
    record = experiment.run(replace(TINY, course="plateau", steps=20))
    assert [step for step, _ in record["curve"]] == [10, 20] and record["experiment"]["course"] == "plateau"
    assert Experiment(**record["experiment"]).key == record["key"]


# --- many ----------------------------------------------------------------------------------------------------------


def test_what_is_done_is_never_run_again_and_a_failure_does_not_stop_the_rest(tiny_target, tmp_path, monkeypatch):
    mine = Study(tmp_path)
    wrong = replace(TINY, n=5000)
    assert mine.attempt(wrong) == "failed" and mine.attempt(TINY) == "done"
    assert "5000" in mine.failure(wrong) and mine.failure(TINY) is None
    assert mine.missing([TINY, wrong, TINY]) == [wrong]
    assert [r["key"] for r in mine.records([wrong, TINY])] == [TINY.key]
    monkeypatch.setattr(runner, "run", lambda e: pytest.fail("it was run again"))
    assert mine.missing([TINY]) == []


def test_a_broken_or_foreign_result_is_named_and_made_again(tiny_target, tmp_path, capsys):
    mine = Study(tmp_path)
    mine.attempt(TINY)
    good = (tmp_path / f"{TINY.key}.json").read_text()
    other = replace(TINY, seed=1)
    for text in (good[:100], "", "[]", good.replace('"seed": 0', '"seed": 1')):
        (tmp_path / f"{TINY.key}.json").write_text(text)
        assert mine.read(TINY) is None and TINY.key in capsys.readouterr().out
        assert (tmp_path / f"{TINY.key}.broken").read_text() == text
    (tmp_path / f"{other.key}.json").write_text(good)  # under another's name
    assert mine.read(other) is None
    assert mine.attempt(TINY) == "done"
    again = mine.read(TINY)
    assert {k: v for k, v in again.items() if k != "seconds"} == {
        k: v for k, v in json.loads(good).items() if k != "seconds"
    }


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written") as error:
        Study(tmp_path / "file" / "results")
    assert "\n" not in str(error.value)


def test_gathered_results_come_back_and_equal_records_give_equal_bytes(tiny_target, tmp_path):
    mine = Study(tmp_path / "one")
    some = [TINY, replace(TINY, strategy="mean shape", lr=0.0)]
    for e in some:
        mine.attempt(e)
    records = mine.records(some)
    path = gather(records, tmp_path / "x.jsonl.gz")
    assert path.read_bytes() == gather(records[::-1], tmp_path / "y.jsonl.gz").read_bytes()
    other = Study(tmp_path / "two")
    assert other.adopt(path) == 2 and other.adopt(path) == 0 and other.missing(some) == []
    edited = [TINY, replace(TINY, steps=3)]  # a grid that was edited: old results stay, and do not answer for new ones
    assert other.missing(edited) == edited[1:] and len(Results(other.records(edited)).table) == 1
    assert scores(records[0])["dice"].mean() == pytest.approx(records[0]["dice"], abs=1e-4)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(BadInput, match="broken"):
        gathered(path)
    with pytest.raises(BadInput, match="run_study"):
        gathered(tmp_path / "nothing.jsonl.gz")
    whole = bytearray((tmp_path / "y.jsonl.gz").read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(BadInput, match="broken"):
        gathered(path)


@pytest.mark.parametrize("address, fine", [
    ("tcp://127.0.0.1:8786", True), ("tcp://localhost:1", True), ("tcp://[::1]:8786", True), ("tls://10.0.0.5:1", True),
    ("tcp://10.0.0.5:8786", False), ("tcp://cluster:8786", False), ("10.0.0.5:8786", False), ("tcp://0.0.0.0:1", False),
])  # fmt: skip
def test_a_scheduler_that_is_open_to_a_network_is_refused(address, fine):
    runner.check_scheduler(address, trusted=True)
    if fine:
        runner.check_scheduler(address)
    else:
        with pytest.raises(BadInput, match="--trust-network"):
            runner.check_scheduler(address)


def test_what_a_cluster_lacks_is_one_line(tmp_path):
    pytest.importorskip("distributed", reason="no Dask here: python -m pip install distributed")
    with pytest.raises(BadInput, match="trust-network"):
        runner.check_scheduler("tcp://[::1")
    with pytest.raises(BadInput, match="certificates") as error:
        list(Study(tmp_path).run([TINY], scheduler="tls://127.0.0.1:9"))
    assert "\n" not in str(error.value)


TINY_HERE = f"""
import sys
sys.path.insert(0, {str(Path(tiny.__file__).parent)!r})
import tiny
from usft_lib.study import targets
targets._PARTS["sim-ultrasound"] = tiny.parts
"""
SIX = [replace(TINY, seed=seed) for seed in range(6)]


def undisturbed(some: list[Experiment], folder: Path):
    """The table of experiments that are run here, one by one; without the time, which differs."""
    for e in some:
        Study(folder).attempt(e)
    return table(some, folder)


def table(some: list[Experiment], folder: Path):
    return Results(Study(folder).records(some)).table.drop(columns="seconds")


@pytest.mark.slow
def test_processes_of_joblib_do_the_same_work(tmp_path):
    pytest.importorskip("joblib", reason="no joblib here: python -m pip install joblib")
    some = SIX[:2]
    told = list(Study(tmp_path / "two").run(some, jobs=2))
    assert sorted(told) == [(1, 2, "done"), (2, 2, "done")]
    assert list(Study(tmp_path / "two").run(some, jobs=2)) == []
    assert table(some, tmp_path / "two").equals(undisturbed(some, tmp_path / "one"))


KILLING = [replace(TINY, seed=seed, strategy="mean shape", lr=0.0) for seed in range(5)]


class Killed(Study):
    """Seed 1 ends its process each time, seed 0 only the first time."""

    def attempt(self, experiment):
        def run(e):
            once = self.folder / "once"
            if e.seed == 1 or (e.seed == 0 and not once.exists()):
                once.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return {"key": e.key, "experiment": e.plain, "dice": 0.5}

        runner.run = run  # in the worker, which is another process
        return super().attempt(experiment)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes in another way (2026-11-29)")
def test_an_experiment_that_ends_its_process_is_put_last_and_the_rest_goes_on(tmp_path):
    pytest.importorskip("joblib", reason="no joblib here: python -m pip install joblib")
    mine = Killed(tmp_path)
    told = list(mine.run(KILLING, jobs=2))
    assert [k for k, *_ in told] == [1, 2, 3, 4, 5] and {of for _, of, _ in told} == {5}
    assert sorted(how for *_, how in told) == ["done"] * 4 + ["failed"]
    assert mine.missing(KILLING) == [KILLING[1]] and mine.failure(KILLING[1]) == runner.ENDED
    more = replace(KILLING[0], seed=7)
    assert mine.missing([KILLING[1], more]) == [more, KILLING[1]], "the next run begins with the others"
    assert list(mine.run([KILLING[1], more], jobs=2)) == [(1, 2, "done"), (2, 2, "failed")]


def test_workers_that_never_begin_are_one_line(tmp_path, monkeypatch):
    pytest.importorskip("joblib", reason="no joblib here: python -m pip install joblib")
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    def ends(*_, **__):
        raise TerminatedWorkerError("a long story")

    monkeypatch.setattr("joblib.Parallel.__call__", ends)
    with pytest.raises(BadInput, match="before they begin") as error:
        list(Study(tmp_path).run(SIX, jobs=2))
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_two_dask_workers_do_the_same_work_and_one_finishes_what_a_killed_one_had(tiny_target, tmp_path):
    distributed = pytest.importorskip("distributed", reason="no Dask here: python -m pip install distributed")
    (tmp_path / "preload.py").write_text(TINY_HERE)
    file = tmp_path / "scheduler.json"

    def start(what: str, *options) -> subprocess.Popen:
        # On loopback alone: whoever reaches a scheduler can run anything on its workers.
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1", "--no-dashboard"]
        own = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([*command, "--scheduler-file", str(file), *options], cwd=tmp_path, **own)

    processes = [start("scheduler", "--port", "0")]
    try:
        while not (file.exists() and file.read_text()):
            assert processes[0].poll() is None, "the scheduler has ended"
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        assert address.startswith("tcp://127.0.0.1")
        worker = ("--nthreads", "1", "--no-nanny", "--preload", str(tmp_path / "preload.py"))
        processes += [start("worker", *worker) for _ in range(2)]
        with distributed.Client(address, timeout=600) as client:
            client.wait_for_workers(2, timeout=600)
        told = []
        for done in Study(tmp_path / "dask").run(SIX, scheduler=address):
            told.append(done)
            if len(told) == 2:
                processes[1].kill()
        assert [how for *_, how in told] == ["done"] * 6
    finally:
        for process in processes:
            process.kill()
            process.wait()
    made = table(SIX, tmp_path / "dask")
    assert len(made) == 6 and made.equals(undisturbed(SIX, tmp_path / "one"))


# --- grids ---------------------------------------------------------------------------------------------------------

SIZES = {"lr": 144, "schemes": 315, "headline": 60, "sizes": 90, "xray": 130, "origins": 45, "matched": 108,
         "norm": 100, "mechanism": 96}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_grids_hold_what_the_protocol_says(name):
    made = grids.grid(name)
    assert len(made) == len(set(made)) == len({e.key for e in made}) == SIZES[name]
    seeds = {e.seed for e in made}
    assert (grids.CHOOSING in seeds) == (name == "lr"), "the seed that chooses rates is used for nothing else"
    assert {e.target for e in made} <= set(targets.names())
    for strategy in {e.strategy for e in made}:
        if strategy not in experiment.UNTRAINED and not strategy.startswith("matched"):
            experiment.prepare(usft.UNet(4, 4), strategy, "kept", None)
    for e in made:
        assert (e.lr in grids.LEARNING_RATES) == (e.strategy not in experiment.UNTRAINED)


def test_five_more_seeds_test_every_lesion_again_in_other_folds():
    data = heads(60)
    parts = {seed: targets.busi_parts(64, seed, data=data)[2] for seed in (*range(6), *grids.MORE_SEEDS)}
    assert parts[5].ids == parts[0].ids
    again = [parts[seed] for seed in grids.MORE_SEEDS]
    assert sorted(name for part in again for name in part.ids) == sorted(data.ids)
    assert not any(set(part.ids) == set(parts[seed].ids) for part in again for seed in range(5))


def test_rates_come_before_all_other_grids(monkeypatch, tmp_path):
    monkeypatch.setattr(grids, "RATES", tmp_path / "none.json")
    monkeypatch.setattr(grids.read_rates, "__defaults__", (tmp_path / "none.json",))
    with pytest.raises(BadInput, match="--grid lr"):
        grids.grid("schemes")
    rates = {target: {name: 1e-2 for name in grids.TRIED} for target in grids.TARGETS}
    (tmp_path / "none.json").write_text(json.dumps(rates))
    assert {e.lr for e in grids.grid("schemes") if e.strategy not in experiment.UNTRAINED} == {1e-2}
    with pytest.raises(BadInput, match="quick"):
        grids.grid("lr", quick=True)


def test_a_rate_is_chosen_by_validation_alone_and_borrowed_from_the_nearest_k():
    def record(strategy, lr, val, test):
        return {"experiment": asdict(replace(TINY, strategy=strategy, lr=lr)), "val_dice": val, "dice": test}

    records = [record("first 1", 1e-3, 0.8, 0.1), record("first 1", 1e-2, 0.7, 0.9), record("first 1", 3e-4, 0.8, 0.2)]
    assert grids.choose_rates(records) == {"sim-ultrasound": {"first 1": 3e-4}}  # of equals the smaller
    assert [grids.nearest(s) for s in ("first 5", "last 5", "outer 4", "inner 1", "everything", "first 7")] == [
        "first 4", "last 4", "outer 2", "inner 2", "everything", "first 7"]  # fmt: skip
    with pytest.raises(BadInput, match="No learning rate was chosen for 'middle 3': add one of its kind to TRIED"):
        grids.nearest("middle 3")
