"""The explorer's numbers: each is what the records give, and what is not there is said."""

import json
from itertools import combinations, permutations

import pytest

import usft_lib as usft
from usft_lib.study import explorer, grids, report
from usft_lib.study.experiment import UNTRAINED
from usft_lib.study.lines import renamed
from usft_lib.study.records import Results
from usft_lib.study.strategies import size

COMMITTED = json.loads((grids.RESULTS / "explorer.json").read_text(encoding="utf-8"))


def findings(**there: Results) -> report.Findings:
    return report.Findings(there, [], [])


def few(found: Results, *strategies: str) -> Results:
    """Some strategies on fetal heads."""
    wanted = [r for r in found.records if r["experiment"]["strategy"] in strategies]
    return Results(wanted).where(target="hc18")


@pytest.fixture(scope="module")
def schemes():
    return usft.results("schemes")


def test_a_row_is_that_of_the_records(schemes):
    assert {(row["target"], row["strategy"]) for row in COMMITTED["dice"]} == set(schemes._found)
    for row in COMMITTED["dice"][:: len(COMMITTED["dice"]) // 5]:
        target, strategy = row["target"], row["strategy"]
        flops, parameters = (0, 0) if strategy in UNTRAINED else size(strategy)
        assert row["n"] == grids.TARGETS[target] and row["parameters"] == parameters
        assert row["tflop"] == pytest.approx(flops * 8 * 300 / 1e6, abs=1e-3)
        assert [row["mean"], row["low"], row["high"]] == pytest.approx(schemes.dice(target, strategy)[:3], abs=1e-6)


@pytest.mark.slow
def test_differences_are_those_of_the_records(target="busi"):
    """Some pairs, as each takes a third of a second; the others are made alike, and are checked below."""
    found, pairs = usft.results("schemes", "headline"), COMMITTED["pairs"][target]
    each = list(combinations(pairs, 2))
    assert {(a, b) for a in pairs for b in pairs[a]} == set(permutations(found.strategies(target), 2))
    for a, b in [("first 4", "last 4"), ("everything", "first 5"), *each[::40]]:
        told, (mean, low, high, seeds) = pairs[a][b], found.difference(target, a, b)
        assert [told["mean"], told["low"], told["high"]] == pytest.approx([mean, low, high], abs=1e-6)
        one = [found.one(target, a, seed) - found.one(target, b, seed) for seed in COMMITTED["seeds"][:seeds]]
        assert told["by_seed"] == pytest.approx(one, abs=6e-5)


@pytest.mark.parametrize("target", grids.TARGETS)
def test_every_pair_agrees_with_its_mirror_image_its_seeds_and_its_word(target):
    dice = {row["strategy"]: row["by_seed"] for row in COMMITTED["dice"] if row["target"] == target}
    pairs = COMMITTED["pairs"][target]
    for a, b in permutations(pairs, 2):
        told, other = pairs[a][b], pairs[b][a]
        ends = (told["mean"], told["low"], told["high"])
        assert ends == (-other["mean"], -other["high"], -other["low"])
        assert told["by_seed"][:5] == pytest.approx([x - y for x, y in zip(dice[a], dice[b], strict=True)], abs=2e-4)
        word, why = COMMITTED["how"][told["how"]]
        assert word == usft.verdict(*ends, seeds=len(told["by_seed"]), yes="confirmed")
        assert (word == "undecided" and told["low"] <= 0) == ("includes 0" in why)


@pytest.mark.slow
def test_heads_by_number_of_images_are_those_of_the_records():
    every = usft.results("sizes", "schemes", "origins")
    assert {row["n"] for row in COMMITTED["n"]} == {10, 40, 160, grids.ALL_HEADS} and len(COMMITTED["n"]) == 26
    for row in COMMITTED["n"]:
        source, strategy = ("scratch", "everything") if row["strategy"] == "from scratch" else ("xray", row["strategy"])
        found = every.where(n=row["n"], source=source, statistics="kept")
        assert row["target"] == "hc18"
        assert [row["mean"], row["low"], row["high"]] == pytest.approx(found.dice("hc18", strategy)[:3], abs=1e-6)


def test_claims_about_a_pair_are_told_as_the_verdicts_tell_them():
    told = json.loads((grids.RESULTS / "verdicts.json").read_text(encoding="utf-8"))["lines"]
    words = {f"{line['target']}({line['words'].rpartition('(')[2]}": line["said"] for line in told
             if line["number"] in (1, 6) and line["words"].endswith(")")}  # fmt: skip
    assert len(words) == 15 and "hc18(first 4 − last 4)" in words
    assert {pair: text.rpartition(": ")[2].rstrip(".") for pair, text in COMMITTED["claims"].items()} == words


def test_grids_that_are_not_complete_are_told_and_close_their_views():
    told = explorer.as_json(findings())
    assert told["closed"] == ["k", "pair", "n", "cost", "baselines"] and told["dice"] == told["n"] == []
    assert "grid “sizes”" in told["missing"]["n"] and "grid “schemes”" in told["missing"]["k"]
    assert "grid “cheap”" in told["missing"]["baselines"]
    assert COMMITTED["closed"] == [] and COMMITTED["missing"] == {}


@pytest.mark.slow
def test_cheap_ways_appear_once_their_grid_is_complete(schemes):
    bare = [r | {"experiment": r["experiment"] | {"strategy": way}}
            for r in few(schemes, "first 1").records for way in ("norm only", "lora 4", "everything")]  # fmt: skip
    old = few(schemes, "first 1", "everything", "untouched")
    told = explorer.as_json(findings(schemes=old, cheap=Results(bare)))
    rows = {row["strategy"]: row for row in told["ways"]}
    assert list(rows) == ["norm only", "lora 4", "everything", "untouched"] and "baselines" not in told["missing"]
    first = next(row for row in told["dice"] if row["strategy"] == "first 1")
    assert rows["norm only"]["mean"] == first["mean"] and rows["lora 4"]["parameters"] == size("lora 4")[1]
    assert rows["everything"]["mean"] == first["mean"], "what they are compared with was trained beside them"
    for key in ("dice", "pairs"):
        names = [row["strategy"] for row in told["dice"]] if key == "dice" else told["pairs"]["hc18"]
        assert set(names) == {"everything", "first 1", "untouched"}, "cheap ways have other learning rates"


def test_a_planted_difference_gets_its_word(schemes):
    """Everything that is better by .05 for every subject, and the same turned."""
    records = few(schemes, "first 1").records
    better = [renamed(r, "") for r in records]
    for record in better:
        record["experiment"]["strategy"] = "everything"
        record["scores"] = record["scores"] | {"dice": [value + 0.05 for value in record["scores"]["dice"]]}
    pairs = explorer.as_json(findings(schemes=Results([*records, *better])))["pairs"]["hc18"]
    one, other = pairs["everything"]["first 1"], pairs["first 1"]["everything"]
    assert (one["mean"], one["low"], one["high"]) == (0.05, 0.05, 0.05) and other["mean"] == -0.05
    assert [explorer.HOW[each["how"]][0] for each in (one, other)] == ["confirmed", "reversed"]
