"""Claims on the further grids, read off records whose truth was planted."""

from dataclasses import replace

import numpy as np
import pytest
from planted import planted, record
from scipy import stats

from usft_lib.cost import step_cost
from usft_lib.freezing import named
from usft_lib.study import claims, grids, report
from usft_lib.study.claims_13_to_15 import turns
from usft_lib.study.experiment import UNTRAINED
from usft_lib.study.lines import Line, concordance
from usft_lib.study.matched import draw, position
from usft_lib.study.records import Results
from usft_lib.unet import UNet, groups


def said(lines) -> set[str]:
    return {line.said for line in lines}


def test_modality_is_counted_in_shares_of_the_gap():
    def dice(e, us: float, xray: float, gap: float = 0.4):
        advantage = (xray if e.target == "shenzhen" else us) * gap
        level = {"untouched": 0, "everything": gap, "first 4": gap * 0.8, "last 4": gap * 0.8 - advantage}
        return 0.5 + level.get(e.strategy, gap / 2)

    lines = claims.modality(planted("xray", lambda e: dice(e, us=0.3, xray=0.1)))
    assert [line.target for line in lines] == ["hc18 against shenzhen", "busi against shenzhen"]
    assert said(lines) == {"reproduced"} and all(line.low < 0.2 < line.high for line in lines)
    assert said(claims.modality(planted("xray", lambda e: dice(e, us=0.1, xray=0.4)))) == {"reversed"}
    small = claims.modality(planted("xray", lambda e: dice(e, us=0.3, xray=0.1, gap=0.05)))
    assert all(line.said.startswith("reported, not tested") for line in small)
    lost = planted("xray", lambda e: dice(e, us=0.3, xray=0.1, gap=0.0 if e.seed == 2 else 0.4))
    assert all(line.low < 0.2 < line.high for line in claims.modality(lost)), "one seed without a gap"


def test_a_share_of_the_gap_is_0_for_untouched_and_1_for_everything():
    found = planted("xray", lambda e: 0.3 if e.strategy == "untouched" else 0.5).where(source="natural")
    share, half, gap, seeds = claims.share_of_gap(found, "hc18", {"everything": 1.0, "untouched": -1.0})
    assert share == pytest.approx(1) and half == pytest.approx(0, abs=1e-9) and seeds == 5
    assert gap == pytest.approx(0.2, abs=0.02)
    share, half, *_ = claims.share_of_gap(found, "hc18", {"first 4": 1.0, "untouched": -1.0})
    assert abs(share - 1) < half < 0.2, "as good as everything, up to chance"
    assert claims.share_of_gap(found, "hc18", {"first 7": 1.0}) is None


def test_speed_counts_runs_that_never_arrive_to_the_end():
    def curve(e):
        top, step = {"everything": (0.9, 300), "first 4": (0.9, 200), "last 2": (0.8, 100)}.get(e.strategy, (0.9, 400))
        step += 10 * e.seed * (e.strategy != "everything")
        return [(k, top if k >= step else 0.5) for k in range(10, 901, 10)]

    records = Results(record(e, 0.9, curve=curve(e)) for e in grids.grid("sizes") if e.course == "plateau")
    steps, operations, own, _, *others = claims.speed(records)
    assert steps.mean == pytest.approx(100 - 20) and steps.said == "reproduced" and not steps.secondary
    model = UNet()
    full, part = (
        sum(step_cost(model, named(model, s), 128).flops.values()) * 8 / 1e6 for s in ("everything", "first 4")
    )
    assert operations.unit == "TFLOP" and operations.mean == pytest.approx(300 * full - 220 * part)
    assert own.mean == steps.mean and own.secondary, "both have one and the same plateau"
    first_2, last_2, last_4 = others
    assert first_2.said == "reversed" and "(5 of 5 did)" in first_2.words and not first_2.bound
    assert last_2.mean == pytest.approx(300 - 900) and "(0 of 5 did)" in last_2.words and last_2.bound == "≤"
    assert "≤ -600 steps | – |" in report._row(last_2, None), "a bound has no interval"


def test_each_to_its_own_plateau_is_another_question():
    def curve(e):
        top, step = {"everything": (0.9, 300), "first 4": (0.8, 100)}.get(e.strategy, (0.9, 400))
        return [(k, top if k >= step + 10 * e.seed else 0.5) for k in range(10, 901, 10)]

    records = Results(record(e, 0.9, curve=curve(e)) for e in grids.grid("sizes") if e.course == "plateau")
    steps, _, own, _, *_ = claims.speed(records)
    assert steps.bound and steps.said == "reversed" and own.mean == pytest.approx(200) and own.said == "reproduced"


@pytest.mark.slow
def test_position_is_told_from_the_number_of_parameters():
    model = UNet()
    size = {"first 2": 0.0, "first 4": 0.1, "last 2": 0.05}

    def dice(e, slope: float):
        like = e.strategy.removeprefix("matched ").partition(" #")[0]
        return 0.6 + size[like] - slope * position(draw(model, e.strategy), model)

    for slope, words in ((0.1, "confirmed"), (-0.1, "reversed")):
        lines = claims.position(planted("matched", lambda e, s=slope: dice(e, s), noise=0.002))
        assert len(lines) == 4 and said(lines[::2]) == {words}
        assert all(line.low < slope / 10 < line.high for line in lines), "for a tenth of the way"
    collapsed = planted("matched", lambda e: 0.0 if (e.strategy, e.seed) == ("matched last 2 #3", 1) else dice(e, 0.1))
    for r in collapsed.records:
        if r["experiment"]["strategy"] == "matched last 2 #3" and r["experiment"]["seed"] == 1:
            r["scores"]["dice"] = [0.0] * 40
    without = [line for line in claims.position(collapsed) if "without last 2 #3" in line.words]
    assert len(without) == 2 and all(line.low < 0.01 < line.high and "17 sets" in line.words for line in without)
    place = {k: position(draw(model, f"matched first 2 #{k}"), model) for k in range(6)}
    assert place[0] < 0.3 and place[5] > 0.7, "sets lie near the input and near the output"


@pytest.mark.slow
def test_noise_alone_does_not_make_the_choice_matter_more_with_less_data():
    wrong = 0
    for trial in range(20):
        random = np.random.default_rng(trial)
        made = [record(e, 0.8 + random.normal(0, 0.03 if e.n == 10 else 0.006), noise=0) for e in grids.grid("sizes")
                if e.n in (10, 160)]  # fmt: skip
        wrong += said(claims.scarcity(Results(made))) == {"confirmed"}
    assert wrong <= 2, f"{wrong} of 20 verdicts on equal strategies"


@pytest.mark.slow
def test_scarcity_pretraining_mechanism_and_ranking():
    few = planted("sizes", lambda e: 0.8 - (0.2 if e.n == 10 else 0.05) * e.strategy.startswith("last"))
    lines = claims.scarcity(few)
    assert said(lines) == {"confirmed"} and lines[0].mean == pytest.approx(0.15, abs=0.02) and lines[0].seeds == 5

    schemes = planted("schemes", lambda e: 0.8 - 0.01 * grids.STRATEGIES.index(e.strategy)
                      if e.strategy not in UNTRAINED else 0.2)  # fmt: skip
    origins = planted("origins", lambda e: 0.7 if e.strategy == "everything" else 0.8)
    found = {(line.words.split(": ")[1][:10], line.target): line for line in
             claims.pretraining(schemes, origins)}  # fmt: skip
    assert found["everything", "hc18"].said == "confirmed" and len(found) == 9
    with_photographs = claims.pretraining(schemes, origins, planted("xray", lambda e: 0.6))
    assert [line.target for line in with_photographs[9:]] == ["busi", "hc18"] and said(with_photographs[9:]) == {
        "confirmed"
    }

    def treated(e):
        return (
            0.7
            + 0.1 * e.strategy.startswith("first") * (e.statistics == "adapting")
            - 0.1 * (e.strategy.startswith("last") and e.statistics == "reestimated")
        )

    flat = planted("schemes", lambda e: 0.7)
    lines = claims.normalisation(flat, planted("norm", treated))
    assert {line.words.split("with ")[1]: line.said for line in lines} == {
        "statistics that adapt": "reproduced", "statistics re-estimated first": "reproduced",
        "a head that always learns": "not reproduced",
    }  # fmt: skip
    assert {line.said for (words, _), line in found.items() if words == "a frozen e"} == {"reversed"}

    lines = claims.ranking(schemes)
    assert said(lines[::3]) == {"confirmed"} and len(lines) == 9
    model = UNet()

    def by_size(e):
        if e.strategy in UNTRAINED:
            return 0.2
        chosen = named(model, e.strategy)
        return 0.5 + 0.02 * np.log(sum(p.numel() for n in chosen for p in groups(model)[n].parameters()))

    lines = claims.ranking(planted("schemes", by_size))
    assert min(line.mean for line in lines[1::3]) > 0.8 and max(line.mean for line in lines[2::3]) < 0.35
    random = np.random.default_rng(0)
    assert "confirmed" not in said(claims.ranking(planted("schemes", lambda e: random.random(), noise=0)))


def test_concordance_over_all_pairs_is_kendalls_tau_and_over_some_is_theirs():
    random = np.random.default_rng(1)
    one, other = random.normal(size=(2, 19))
    every = [(i, j) for i in range(19) for j in range(i)]
    assert concordance(one, other, every) == pytest.approx(stats.kendalltau(one, other).statistic)
    assert concordance(np.array([1, 2, 3]), np.array([1, 3, 2]), [(0, 1), (1, 2)]) == 0


def test_more_groups_being_better_everywhere_does_not_carry_a_ranking_over():
    random = np.random.default_rng(3)

    def more_is_better(e):
        k = int(e.strategy.split()[-1]) if e.strategy.split()[-1].isdigit() else 10
        return 0.2 if e.strategy in UNTRAINED else 0.5 + 0.03 * k + random.normal(0, 0.004)

    lines = claims.ranking(planted("schemes", more_is_better, noise=0))
    assert min(line.mean for line in lines[1::3]) > 0.6, "over all k it looks as if"
    assert "confirmed" not in said(lines[::3])


@pytest.mark.slow
def test_speckle_and_shapes_are_compared_where_they_leave_about_as_much_to_gain():
    gain = {"speckle 0.25": 0.02, "speckle 0.5": 0.2, "speckle 0.75": 0.5, "speckle 1.0": 0.8, "shapes 0.25": 0.02,
            "shapes 0.5": 0.03, "shapes 0.75": 0.05, "shapes 1.0": 0.15}  # fmt: skip

    def dice(e):
        advantage = {"speckle 1.0": 0.3, "speckle 0.5": 0.05}.get(e.target, 0.0)
        return {"untouched": 0.8 - gain[e.target], "first 2": 0.7 + advantage, "last 2": 0.7}.get(e.strategy, 0.8)

    alike, largest, *gains = claims.mechanism(planted("mechanism", dice))
    assert alike.target == "speckle 0.5 against shapes 1.0" and not alike.secondary and alike.said == "confirmed"
    assert alike.low < 0.05 < alike.high and largest.low < 0.3 < largest.high and largest.secondary
    assert [line.target for line in gains] == ["speckle 0.5", "shapes 1.0", "speckle 1.0"]


@pytest.mark.slow
def test_without_augmentation_and_halves_that_are_treated_alike():
    chosen = [e for e in grids.grid("schemes") if e.strategy in ("first 4", "last 4") and e.target != "busi"]
    with_it = [record(e, 0.8 + 0.06 * (e.strategy == "first 4")) for e in chosen]
    without = [record(replace(e, augment=False), 0.7 + 0.1 * (e.strategy == "first 4")) for e in chosen]
    lines = claims.without_augmentation(Results([*without, *with_it]))
    assert [(line.target, line.said, line.secondary) for line in lines[:2]] == [
        ("hc18", "confirmed", False), ("sim-ultrasound", "confirmed", False)]  # fmt: skip
    assert all(line.secondary and line.low < -0.04 < line.high for line in lines[2:]) and len(lines) == 4
    assert said(lines[2:]) == {"not a claim"} and turns(lines).startswith("no verdict"), "of lesions nothing is known"
    one, two = lines[:2]
    lesions = replace(one, target="busi", said="undecided", low=-0.02)
    assert turns([*lines, lesions]) == "not turned" and turns([one, lesions]).startswith("no verdict")
    assert turns([one, replace(two, said="undecided"), lesions]) == "undecided"
    small = replace(two, said="not confirmed", mean=-0.01, low=-0.015, high=-0.005)
    assert turns([one, small, lesions]) == "turned", "though the difference is too small to be called reversed"
    assert turns([*lines, replace(small, target="busi")]) == "turned", "on any target"
    assert report.sizes(lines[2]) == (None, None), "a difference of differences has no size"
    alone = claims.without_augmentation(Results(without))
    assert [line.mean for line in alone] == [line.mean for line in lines[:2]], "what decides needs no other runs"

    origins, halves = (
        planted("origins", lambda e: 0.7),
        planted("halves", lambda e: 0.7 + 0.1 * (e.strategy == "last 5")),
    )
    lines = claims.treated_halves(origins, halves)
    assert len(lines) == 6 and all(line.secondary for line in lines)
    assert said(lines[:3]) == {"confirmed"} and all(abs(line.mean) < 0.01 for line in lines[3:])


@pytest.mark.slow
def test_the_second_round_adds_its_seeds_and_shifts_where_it_is_complete():
    model = UNet()

    def dice(e):
        return 0.7 - 0.1 * position(draw(model, e.strategy), model)

    grids_there = {"matched": planted("matched", dice)}
    before = claims.all_lines(grids_there)
    after = claims.all_lines({**grids_there, "position": planted("position", dice)})
    assert [line.seeds for line in before[:2]] == [3, 3] and [line.seeds for line in after[:2]] == [11, 6]


def test_no_verdict_where_full_tuning_itself_does_not_arrive():
    def curve(e):
        lost = e.strategy == "everything" and e.seed == 1
        return [(k, 0.9 - 0.04 * lost * ((k // 10) % 2)) for k in range(10, 901, 10)]

    records = Results(record(e, 0.9, curve=curve(e)) for e in grids.grid("sizes") if e.course == "plateau")
    deciding = [line for line in claims.speed(records) if not line.secondary]
    assert said(deciding) == {"no verdict: everything itself arrives with 4 of 5 seeds"}


def test_holm_against_hand_made_numbers():
    lines = [Line(n, "x", "hc18", 0, 0, 0, 5, "", secondary=beside, p=p) for n, p, beside in
             ((1, 0.01, 0), (1, 0.04, 0), (1, 0.03, 0), (1, 0.02, 1), (3, 0.04, 0), (3, None, 0))]  # fmt: skip
    assert report.holm(lines) == [pytest.approx(0.03), pytest.approx(0.06), pytest.approx(0.06), 0.02, 0.04, None]
