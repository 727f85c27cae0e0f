"""Claims on the further grids, read off records whose truth was planted."""

import numpy as np
import pytest

from usft_lib.freezing import named
from usft_lib.study import claims, grids, report
from usft_lib.study.experiment import UNTRAINED, Experiment
from usft_lib.study.matched import draw, position
from usft_lib.study.records import Results
from usft_lib.unet import UNet, groups


def record(e: Experiment, dice: float, noise: float = 0.004, **more) -> dict:
    """A result of this experiment whose mean Dice is nearly ``dice``."""
    random = np.random.default_rng([e.seed, *e.key.encode()])
    values = dice + random.normal(0, 0.02, 40) + random.normal(0, noise)
    table = {"image": [f"i{k}" for k in range(40)], "subject": [f"s{k}" for k in range(40)], "dice": list(values)}
    return {"key": e.key, "experiment": e.plain, "dice": float(values.mean()), "scores": table, **more}


def planted(name: str, dice, **more) -> list[dict]:
    return [record(e, dice(e), **more) for e in grids.grid(name)]


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
    assert said(claims.modality(planted("xray", lambda e: dice(e, us=0.1, xray=0.4)))) == {"not reproduced"}
    small = claims.modality(planted("xray", lambda e: dice(e, us=0.3, xray=0.1, gap=0.05)))
    assert all(line.said.startswith("reported, not tested") for line in small)
    lost = planted("xray", lambda e: dice(e, us=0.3, xray=0.1, gap=0.0 if e.seed == 2 else 0.4))
    assert all(line.low < 0.2 < line.high for line in claims.modality(lost)), "one seed without a gap"


def test_a_share_of_the_gap_is_0_for_untouched_and_1_for_everything():
    found = Results(planted("xray", lambda e: 0.3 if e.strategy == "untouched" else 0.5)).where(source="natural")
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

    records = [record(e, 0.9, curve=curve(e)) for e in grids.grid("sizes") if e.course == "plateau"]
    words = [(line.claim.split(" · ")[1].split(" reaches")[0].replace(" ", ""), line) for line in
             claims.speed(records)]  # fmt: skip
    found = dict(words)
    assert found["first4"].mean == pytest.approx(100 - 20) and found["first4"].said == "reproduced"
    assert found["first2"].said == "not reproduced" and "(5 of 5 did)" in found["first2"].claim
    assert found["last2"].mean == pytest.approx(300 - 900) and "(0 of 5 did)" in found["last2"].claim


@pytest.mark.slow
def test_position_is_told_from_the_number_of_parameters():
    model = UNet()
    size = {"first 2": 0.0, "first 4": 0.1, "last 2": 0.05}

    def dice(e, slope: float):
        like = e.strategy.removeprefix("matched ").partition(" #")[0]
        return 0.6 + size[like] - slope * position(draw(model, e.strategy), model)

    for slope, words in ((0.1, "reproduced"), (-0.1, "not reproduced")):
        lines = claims.position(planted("matched", lambda e, s=slope: dice(e, s), noise=0.002))
        assert len(lines) == 4 and said(lines[::2]) == {words}
        assert all(line.low < slope < line.high for line in lines)
    place = {k: position(draw(model, f"matched first 2 #{k}"), model) for k in range(6)}
    assert place[0] < 0.3 and place[5] > 0.7, "sets lie near the input and near the output"


@pytest.mark.slow
def test_noise_alone_does_not_make_the_choice_matter_more_with_less_data():
    wrong = 0
    for trial in range(20):
        random = np.random.default_rng(trial)
        made = [record(e, 0.8 + random.normal(0, 0.03 if e.n == 10 else 0.006), noise=0) for e in grids.grid("sizes")
                if e.n in (10, 160)]  # fmt: skip
        wrong += said(claims.scarcity(made)) == {"reproduced"}
    assert wrong <= 2, f"{wrong} of 20 verdicts on equal strategies"


@pytest.mark.slow
def test_scarcity_pretraining_mechanism_and_ranking():
    few = planted("sizes", lambda e: 0.8 - (0.2 if e.n == 10 else 0.05) * e.strategy.startswith("last"))
    lines = claims.scarcity(few)
    assert said(lines) == {"reproduced"} and lines[0].mean == pytest.approx(0.15, abs=0.02) and lines[0].seeds == 5

    schemes = planted("schemes", lambda e: 0.8 - 0.01 * grids.STRATEGIES.index(e.strategy)
                      if e.strategy not in UNTRAINED else 0.2)  # fmt: skip
    origins = planted("origins", lambda e: 0.7 if e.strategy == "everything" else 0.8)
    found = {(line.claim.split(": ")[1][:10], line.target): line for line in
             claims.pretraining(schemes, origins)}  # fmt: skip
    assert found["everything", "hc18"].said == "reproduced" and len(found) == 9
    with_photographs = claims.pretraining(schemes, origins, planted("xray", lambda e: 0.6))
    assert [line.target for line in with_photographs[9:]] == ["busi", "hc18"] and said(with_photographs[9:]) == {
        "reproduced"
    }

    def treated(e):
        return 0.7 + 0.1 * e.strategy.startswith("first") * (e.statistics == "adapting") - 0.1 * (
            e.strategy.startswith("last") and e.statistics == "reestimated"
        )

    flat = planted("schemes", lambda e: 0.7)
    lines = claims.normalisation(flat, planted("norm", treated))
    assert {line.claim.split("with ")[1]: line.said for line in lines} == {
        "statistics that adapt": "reproduced", "statistics re-estimated first": "reproduced",
        "a head that always learns": "not reproduced",
    }  # fmt: skip
    assert {line.said for (words, _), line in found.items() if words == "a frozen e"} == {"not reproduced"}

    shifted = planted("mechanism", lambda e: 0.7 + 0.1 * ("speckle" in e.target) * (e.strategy == "first 2"))
    lines = claims.mechanism(shifted)
    assert [line.said for line in lines] == ["reproduced", "not a claim", "not a claim"]
    lines = claims.ranking(schemes)
    assert said(lines[::2]) == {"reproduced"} and len(lines) == 6
    model = UNet()

    def by_size(e):
        if e.strategy in UNTRAINED:
            return 0.2
        chosen = named(model, e.strategy)
        return 0.5 + 0.02 * np.log(sum(p.numel() for n in chosen for p in groups(model)[n].parameters()))

    lines = claims.ranking(planted("schemes", by_size))
    assert min(line.mean for line in lines[::2]) > 0.8 and max(line.mean for line in lines[1::2]) < 0.35
    random = np.random.default_rng(0)
    assert "reproduced" not in said(claims.ranking(planted("schemes", lambda e: random.random(), noise=0)))


def test_no_verdict_where_full_tuning_itself_does_not_arrive():
    def curve(e):
        lost = e.strategy == "everything" and e.seed == 1
        return [(k, 0.9 - 0.04 * lost * ((k // 10) % 2)) for k in range(10, 901, 10)]

    records = [record(e, 0.9, curve=curve(e)) for e in grids.grid("sizes") if e.course == "plateau"]
    assert said(claims.speed(records)) == {"no verdict: everything itself arrives with 4 of 5 seeds"}


def test_holm_against_hand_made_numbers():
    lines = [claims.Line(f"{n} · x", "hc18", 0, 0, 0, 5, "", p=p) for n, p in
             ((1, 0.01), (1, 0.04), (1, 0.03), (3, 0.04), (3, None))]  # fmt: skip
    assert report.holm(lines) == [pytest.approx(0.03), pytest.approx(0.06), pytest.approx(0.06), 0.04, None]


@pytest.mark.slow
def test_the_report_holds_all_claims_in_order_and_grids_that_are_missing_leave_gaps():
    names = ("schemes", "xray", "origins", "matched", "mechanism")
    made = {name: [r for r in planted(name, lambda e: 0.7) if r["experiment"]["seed"] < 2] for name in names}
    text = report.report(made, {}, "x")
    numbers = [int(line[2:].split(" ")[0].rstrip(",")) for line in text.splitlines() if line.startswith("| ") and
               line[2].isdigit()]  # fmt: skip
    assert numbers == sorted(numbers) and set(numbers) == {1, 2, 3, 4, 6, 8, 10, 11, 12}
    assert "nan" not in text and "schemes 126" in text
    assert "no verdict: 0 of 9 cells" in report.report({}, {}, "x")
