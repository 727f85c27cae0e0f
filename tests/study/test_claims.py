"""Claims are read off records whose truth was planted."""

import numpy as np
import pytest

from usft_lib.study import claims, records, report
from usft_lib.study.experiment import Experiment
from usft_lib.study.lines import Line, equivalence
from usft_lib.study.records import Results

KINDS = {"first": 0.8, "last": 0.7, "outer": 0.78, "inner": 0.74}


def planted(level: dict[str, float], seeds: int = 5, target: str = "hc18", noise: float = 0.02) -> list[dict]:
    """Records in which a strategy's mean Dice is known; every subject has a difficulty of its own."""
    hard = np.random.default_rng(0).normal(0, 0.05, 80)
    records = []
    for k, (strategy, mean) in enumerate(level.items()):
        for seed in range(seeds):
            draw = np.random.default_rng([k, seed])
            dice = mean + hard + draw.normal(0, noise, 80) + draw.normal(0, 0.003)
            e = Experiment("xray", target, 40, strategy, 1e-3, seed=seed)
            table = {"image": [f"i{j}" for j in range(80)], "subject": [f"s{j}" for j in range(80)], "dice": list(dice)}
            records.append({"key": e.key, "experiment": e.__dict__, "dice": float(dice.mean()), "scores": table})
    return records


def everything(**changed) -> dict[str, float]:
    level = {f"{kind} {k}": mean for kind, mean in KINDS.items() for k in (1, 2, 3, 4, 5, 7)}
    return level | {"everything": 0.8} | {name.replace("_", " "): mean for name, mean in changed.items()}


def orders(records: list[dict]) -> list[Line]:
    return claims.orders(Results(records))


def decides(lines: list[Line]) -> dict[int, Line]:
    """The first line that decides a claim, by the claim's number."""
    return {one.number: one for one in reversed(lines) if not one.secondary}


@pytest.mark.slow
def test_planted_differences_are_found_and_planted_ties_are_not():
    found = decides(orders(planted(everything())))
    for number, truth, word in ((1, 0.1, "reproduced"), (3, 0.1, "reproduced"), (4, 0.04, "confirmed")):
        one = found[number]
        assert one.low < truth < one.high and one.mean == pytest.approx(truth, abs=0.01)
        assert one.said == word and one.seeds == 5
    assert found[6].said == "confirmed"  # first 4 is as good as everything
    assert decides(orders(planted(everything(last_4=0.8))))[1].said == "not reproduced"
    turned = decides(orders(planted(everything(first_4=0.6))))
    assert turned[1].said == "reversed" and turned[6].said == "not confirmed"


def test_one_seed_gives_no_verdict_and_missing_strategies_give_no_line():
    assert all(one.said.startswith("no verdict") for one in orders(planted(everything(), seeds=1)))
    few = planted({"first 4": 0.8, "last 4": 0.7, "everything": 0.8})
    assert {one.number for one in orders(few)} == {1, 6}
    assert claims.cells(Results(few)) == [] and "no verdict: 0 of 9 cells" in report.report(
        report.read({"schemes": few}), {}, "x"
    )


def test_targets_are_judged_by_themselves():
    both = planted(everything()) + planted(everything(first_4=0.6), target="busi")
    found = {one.target: one.said for one in orders(both) if one.number == 1 and not one.secondary}
    assert found == {"hc18": "reproduced", "busi": "reversed"}


def nine(**changed) -> list[dict]:
    return [r for target in ("hc18", "busi", "sim-ultrasound") for r in planted(everything(**changed), target=target)]


@pytest.mark.slow
def test_the_worst_of_four_kinds_is_counted():
    found = claims.cells(Results(planted(everything(inner_2=0.5))))
    assert [(cell.k, cell.worst, cell.seeds) for cell in found] == [(1, "last", 5), (2, "inner", 5), (4, "last", 5)]
    assert found[1].below_the_next == pytest.approx(0.2, abs=0.01) and found[1].low < 0.2 < found[1].high
    assert all(cell.clear for cell in found)
    tie = claims.cells(Results(planted(everything(last_4=0.7, inner_4=0.7))))[2]
    assert tie.k == 4 and not tie.clear and tie.low < 0 < tie.high
    assert claims.often_worst(found).startswith("no verdict: 3 of 9 cells")
    assert claims.often_worst(claims.cells(Results(nine(inner_2=0.5)))) == "reproduced"
    assert claims.often_worst(claims.cells(Results(nine(inner_2=0.5, inner_1=0.5)))) == "not reproduced"
    assert "in 6: reproduced" in report.report(report.read({"schemes": nine(inner_2=0.5)}), {}, "x")
    alone = [r for r in nine() if r["experiment"]["seed"] == 0]
    assert claims.often_worst(claims.cells(Results(alone))).startswith("no verdict: one seed")


def test_the_worst_is_found_among_the_seeds_that_all_four_share():
    records = planted(everything(inner_2=0.5))
    lost = [r for r in records if (r["experiment"]["strategy"], r["experiment"]["seed"]) != ("inner 2", 0)]
    for record in lost:  # the seed that inner 2 lacks would make first 2 the worst
        if (record["experiment"]["strategy"], record["experiment"]["seed"]) == ("first 2", 0):
            record["scores"]["dice"] = [-10.0] * 80
    assert [(cell.worst, cell.seeds) for cell in claims.cells(Results(lost)) if cell.k == 2] == [("inner", 4)]


def test_weights_are_the_trapezoid_rule():
    weights = records.area("first", (1, 2, 4, 5, 7))
    heights = np.array([0.2, 0.5, 0.6, 0.8, 0.9])
    assert sum(weights.values()) == pytest.approx(1)
    assert np.dot(list(weights.values()), heights) == pytest.approx(np.trapezoid(heights, [1, 2, 4, 5, 7]) / 6)


@pytest.mark.parametrize(
    "low, high, word",
    [(-0.019, 0.019, "confirmed"), (-0.02, 0.019, "undecided"), (0.02, 0.05, "not confirmed"),
     (-0.05, -0.02, "not confirmed"), (0.01, 0.05, "undecided")],
)  # fmt: skip
def test_equivalence_at_its_borders(low, high, word):
    assert equivalence((low + high) / 2, low, high, seeds=5) == word
