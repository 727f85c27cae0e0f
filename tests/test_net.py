"""What must stay the same when files move: the study's keys, splits, random numbers and verdicts hang on it.

Numbers here are literals on purpose. A change of one of them means that committed results answer another question than
the code asks: raise the protocol's number, or undo it.
"""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest
import torch
from scripts import repository, script

import usft_lib as usft
from usft_lib import intervals, metrics, seeds
from usft_lib.data import augment, batch_indices
from usft_lib.seeds import derive, generator, uniform
from usft_lib.sources import prepare
from usft_lib.study import convergence, experiment, grids, matched, pretraining, report, targets
from usft_lib.study.experiment import Experiment
from usft_lib.study.records import results

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(usft.__file__).parent / "results"


# ---- the study's results ----


@pytest.mark.slow
@repository
def test_the_committed_verdicts_are_what_the_committed_records_give():
    command = "python data_scripts/run_study.py --grid schemes --report"
    run_study = script("data_scripts/run_study.py")
    complete, begun = run_study._all_grids()
    found = report.read(complete)
    assert report.report(found, begun, command) == (RESULTS / "VERDICTS.md").read_text(encoding="utf-8")
    assert report.as_json(found) == json.loads((RESULTS / "verdicts.json").read_text(encoding="utf-8"))
    for line in found.lines:  # what is decided is told among the sentences, too; 14 and 15 have their own
        starts = [start for number, start, _ in report.STATEMENTS if number == line.number]
        assert line.secondary or line.number in (14, 15) or line.words.startswith(tuple(starts)), line.words
    explorer = run_study.for_explorer(found)
    assert explorer == (RESULTS / "explorer.json").read_text(encoding="utf-8") and len(explorer.encode()) <= 300_000


RUNS = {
    "lr": 144,
    "schemes": 315,
    "headline": 60,
    "sizes": 90,
    "xray": 130,
    "origins": 45,
    "matched": 108,
    "norm": 100,
    "mechanism": 96,
    "ratio-rates": 48,
    "ratio": 160,
    "cheap-rates": 80,
    "cheap": 100,
    "augmentation-rates": 24,
    "augmentation": 60,
}


# What the protocol plans, and is not run yet.
PLANNED = {"position": 198, "likegain": 36, "photographs": 10, "halves": 30, "busbra": 105}
HOLD_WHAT_THEY_COMPARE = {"edges"}  # old experiments as well


@pytest.mark.parametrize("name", PLANNED)
def test_planned_grids_are_as_large_as_the_protocol_says_and_new(name):
    planned = {e.key for e in grids.grid(name)}
    assert len(planned) == len(grids.grid(name)) == PLANNED[name]
    assert not any(planned & {e.key for e in grids.grid(other)} for other in RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_each_committed_grid_is_complete(name):
    found = results(name)
    assert (len(found.records), found.missing) == (RUNS[name], 0)
    lines = gzip.decompress((RESULTS / f"{name}.jsonl.gz").read_bytes()).splitlines()
    for record in map(json.loads, lines):  # a record's key is that of its own settings
        assert Experiment(**record["experiment"]).key == record["key"]


def test_every_committed_file_of_results_is_a_grid():
    files = {path.name.split(".")[0] for path in RESULTS.glob("*.gz")}
    assert set(RUNS) <= files <= set(grids.GRIDS)
    for name in files - set(RUNS):  # begun: what is there is not run again
        assert results(name).records and results(name).missing, f"{name} is complete: its size belongs into RUNS"
    assert set(grids.GRIDS) == {*RUNS, *PLANNED, *HOLD_WHAT_THEY_COMPARE}


def test_the_protocols_constants():
    """results/PROTOCOL.md names each of these numbers."""
    assert (targets.TESTED, targets.CHOSEN, targets.FOLDS, targets.SHIFTS) == (160, 60, 5, (0.25, 0.5, 0.75, 1.0))
    assert grids.TARGETS == {"hc18": 40, "busi": 50, "sim-ultrasound": 40} and grids.ALL_HEADS == 586
    assert (list(grids.SEEDS), list(grids.MORE_SEEDS), grids.CHOOSING) == ([0, 1, 2, 3, 4], [6, 7, 8, 9, 10], 5)
    assert grids.LEARNING_RATES == (3e-4, 1e-3, 3e-3, 1e-2)
    assert (convergence.EVERY, convergence.MEMORY, intervals.NEAR, intervals.IN_A_ROW) == (10, 0.98, 0.01, 3)
    assert (pretraining.STEPS, pretraining.LR) == (500, 3e-3)
    assert (matched.CLOSE, matched.DRAWS) == (0.05, 6)
    assert (intervals.MARGIN, metrics.FAILURE) == (0.02, 0.1)
    assert (experiment.PROTOCOL, prepare.PREPARATION) == (1, 4)
    usual = Experiment("xray", "hc18", 40, "everything", 1e-3)
    assert usual == Experiment("xray", "hc18", 40, "everything", 1e-3, 0, 300, 8, True, 128, "kept", "decay")
    assert intervals.bootstrap_mean.__defaults__ == (0.95, 5000, 0)


def test_the_home_set_of_claim_11_is_drawn_as_it_was(monkeypatch):
    monkeypatch.setattr(pretraining, "shifted_speckle", lambda *n, **how: (n, how))
    assert pretraining._IMAGES["home"](64) == ((400,), {"size": 64, "seed": 7013, "shift": 0})


# ---- random numbers ----


def test_random_numbers_are_the_same_everywhere():
    assert [derive("a", 1), derive("batch", 0, 0), derive("busi fold", 1, "x")] == [
        4742018630964328543,
        2567263095538074701,
        7121512521204147137,
    ]
    assert uniform("split", 0, "s1") == 0.9199546085450322
    assert torch.randint(1000, (4,), generator=generator("augment", 0, 7)).tolist() == [752, 589, 115, 573]


def test_batches_splits_and_subsets_are_the_same_everywhere():
    assert batch_indices(10, 4, seed=3, step=2).tolist() == [5, 7, 5, 2]
    people = [f"p{i // 2}" for i in range(20)]
    data = usft.SegmentationData(torch.zeros(20, 1, 16, 16), torch.zeros(20, 1, 16, 16).bool(), people, "toy")
    sides = data.split(0.6, 0.2, 0.2, seed=1)
    assert [sorted(set(side.subjects)) for side in sides] == [
        ["p0", "p5", "p8"],
        ["p1", "p3", "p4", "p7", "p9"],
        ["p2", "p6"],
    ]
    assert [image.removeprefix("toy-000") for image in data.subset(5, seed=2).ids] == ["09", "16", "00", "04", "11"]


def test_augmentation_is_the_same_everywhere():
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    images = ((y + 2 * x) / 45)[None, None].repeat(2, 1, 1, 1)
    moved, masks = augment(images, images > 0.4, generator("augment", 0, 0))
    assert [round(float(value), 4) for value in moved.mean((1, 2, 3))] == [0.5103, 0.5157]
    assert masks.flatten(1).sum(1).tolist() == [157, 147]


# Of a set: how many convolutions, the first of them, its place along the path.
MATCHED = {
    "matched first 2 #0": (5, "enc1.0", 0.1428),
    "matched first 2 #5": (6, "dec2.up", 0.8436),
    "matched first 4 #0": (9, "enc1.0", 0.3049),
    "matched first 4 #5": (11, "dec4.up", 0.6012),
    "matched last 2 #0": (6, "enc1.0", 0.2533),
    "matched last 2 #5": (8, "dec3.up", 0.7872),
}


def test_matched_sets_are_the_same_everywhere():
    model, found = usft.UNet(), {}
    for strategy in MATCHED:
        chosen = matched.draw(model, strategy)
        found[strategy] = len(chosen), chosen[0].convolution, round(matched.position(chosen, model), 4)
    assert found == MATCHED


# What each stream of random numbers is called: the first parts that are words.
NAMED = "anatomy augment batch bench image lesion matched radiograph scan split subset ultrasound"
STREAMS = {*NAMED.split(), "in speckle"}


def test_streams_of_random_numbers_keep_their_names(monkeypatch):
    asked = set()

    def noted(*parts):
        asked.add(" ".join(str(part) for part in parts if isinstance(part, str) and not re.search(r"\d", part)))
        return derive(*parts)

    monkeypatch.setattr(seeds, "derive", noted)
    lesions = usft.simulate_ultrasound(1, size=32, preset="breast")
    usft.simulate_ultrasound(1, size=32)
    chests = usft.simulate_radiographs(1, size=32)
    usft.in_speckle(chests)
    usft.shifted_speckle(1, size=32, seed=0, shift=0.5)
    usft.shifted_shapes(1, size=32, seed=0, shift=0.5)
    usft.bmode(seed=1)
    usft.bmode(seed=1, scatterers_per_cell=2)
    lesions.split(1.0)
    lesions.subset(1)
    usft.fit(usft.UNet(width=2), lesions, steps=1, batch_size=1, progress=False)
    matched.draw(usft.UNet(), "matched last 2 #1")
    assert asked == STREAMS


# ---- real images ----


@pytest.mark.parametrize("name, grid, seed", [("hc18", "schemes", 0), ("busi", "schemes", 3), ("busi", "headline", 7)])
def test_the_tested_images_are_those_of_the_records(mirror, name, grid, seed):
    """Who is tested, from the images, against what was written down when the study ran."""
    _, _, test = targets.parts(name, 128, seed)
    record = results(grid).where(seed=seed).record(name, "everything", seed)
    assert dict(zip(test.ids, test.subjects, strict=True)) == dict(
        zip(record["scores"]["image"], record["scores"]["subject"], strict=True)
    )


def test_lesions_left_out_are_those_whose_like_was_trained_on(mirror):
    """From the images, against what is computed from the records alone; and what is alike, by the second criterion."""
    found = results("schemes")
    for seed in (1, 2):
        pool, _, test = targets.parts("busi", 128, seed)
        trained = set(pool.subset(50, seed=seed).ids)
        left_out = {one for one in test.ids for lesion in targets.ALIKE if one in lesion and lesion & trained}
        assert left_out and found.leaks(seed, 50) == left_out
    data = usft.load("busi", size=128, large=True)
    if "5ddca640" not in data.provenance:
        pytest.skip("this is not the mirror that the study used (2026-11-29)")
    data = data[~data.empty]
    small = torch.nn.functional.avg_pool2d(data.images, 2).flatten(1)
    like = torch.corrcoef(small).numpy()
    pairs = {frozenset((data.ids[i], data.ids[j])) for i in range(len(data)) for j in range(i)
             if like[i, j] > 0.9 and data.subjects[i] != data.subjects[j]}  # fmt: skip
    assert len(pairs) == 8 and all(any(pair <= lesion for lesion in targets.ALIKE) for pair in pairs)


# For each set the mark of the archive in the mirror that the study used, and the hash of its pixels.
PREPARED = {
    "montgomery": ("754e413b", "e1c7e1e290ca0f89"),
    "shenzhen": ("25d39feb", "56b3523420f9700f"),
    "hc18": ("b3c19f9d", "41663312880ccffd"),
    "busi": ("5ddca640", "ed5d0966b5834e8c"),
    "horses": ("3ad85380", "59873c8735e52c7b"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PREPARED)
def test_prepared_pixels_of_the_mirror_are_the_same(mirror, name):
    mark, pixels = PREPARED[name]
    data = usft.load(name, size=128, large=True)
    if mark not in data.provenance:
        pytest.skip("this is not the mirror that the study used (2026-11-25)")
    found = hashlib.sha256(data.images.numpy().tobytes() + data.masks.numpy().tobytes()).hexdigest()[:16]
    assert found == pixels


# ---- names that readers type ----


@repository
def test_every_name_that_lessons_and_pages_use_is_there():
    pages = [*ROOT.glob("notebooks/source/*.py"), *ROOT.glob("docs/*.md"), ROOT / "README.md"]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    used = set(re.findall(r"\busft\.([A-Za-z]\w*)", text))
    assert len(used) > 60
    assert [name for name in sorted(used) if not hasattr(usft, name)] == []


@repository
def test_each_test_that_the_page_on_security_names_is_there():
    text = (ROOT / "docs/SECURITY.md").read_text(encoding="utf-8")
    named = [(file, words.strip()) for file, found in re.findall(r"`([\w/]+\.py)`: ([^|`)]+)", text)
             for words in found.split(";") if words.strip()]  # fmt: skip
    assert len(named) > 10
    for file, words in named:
        assert f"def test_{words.replace(' ', '_')}" in (ROOT / "tests" / file).read_text(encoding="utf-8"), words


# ---- what the first pages say of the results ----

FOUND = {  # sentence: the lines of the verdicts that carry it: claim, target, its word, perhaps its mean
    "With 40 images (breast lesions: 50), training the contracting path is better than training the expanding path on "
    "fetal heads and on simulated breasts.": [(1, "hc18", "reproduced"), (1, "sim-ultrasound", "reproduced")],
    "The 85 breast lesions of our copy do not decide it.": [(1, "busi", "undecided")],
    "But training everything is better still, by 0.01 to 0.04.": [
        (6, "busi", "", 0.04), (6, "hc18", "", 0.01), (6, "sim-ultrasound", "", 0.03)],
    "On heads, with all images, the first layers need more steps, not fewer, to become about as good as everything.": [
        (7, "hc18", "reversed")],
    '"Outer" levels (near the image on both sides of the U) are not shown to beat "inner" ones.': [
        (4, "busi", "undecided"), (4, "hc18", "undecided"), (4, "sim-ultrasound", "not confirmed")],
    "Whether the position of layers matters at an equal number of parameters is undecided.": [
        (8, "hc18", "undecided"), (8, "sim-ultrasound", "undecided")],
    "And on heads, training everything from chest X-rays is no better than training it from scratch.": [
        (10, "hc18", "not confirmed")],
}  # fmt: skip


@repository
@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_every_finding_on_the_first_pages_has_its_line_in_the_verdicts(page):
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    told = text[text.index("With 40 images") :]
    lines = json.loads((RESULTS / "verdicts.json").read_text(encoding="utf-8"))["lines"]
    for sentence, carried_by in FOUND.items():
        assert told.startswith(sentence), f"{told[:120]!r} is no sentence that is checked here"
        told = told[len(sentence) :].lstrip()
        for number, target, word, *about in carried_by:
            one = next(one for one in lines if (one["number"], one["target"]) == (number, target))  # the first decides
            assert not one["secondary"] and word in ("", one["said"]), (sentence, one)
            assert not about or (one["low"] > 0 and round(one["mean"], 2) == about[0]), (sentence, one)
    assert told.startswith(("All of it", "See ")), f"a sentence that is not checked: {told[:120]!r}"
