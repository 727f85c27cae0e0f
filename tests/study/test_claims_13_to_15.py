"""Claims 14 and 15 and their grids, on records whose truth was planted."""

from dataclasses import replace

import numpy as np
import pytest
from planted import record

from usft_lib import BadInput
from usft_lib.study import grids, report
from usft_lib.study.claims_13_to_15 import cheap, finds, gradients
from usft_lib.study.files import gather
from usft_lib.study.lines import no_worse
from usft_lib.study.records import Results
from usft_lib.study.strategies import size


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """The rates of both claims, chosen: 1e-2 wherever it was tried."""
    rates = grids.RATES
    for name in ("ratio-rates", "cheap-rates"):
        rows = [{"key": e.key, "experiment": e.plain, "val_dice": float(e.lr == 1e-2)} for e in grids.grid(name)]
        gather(rows, tmp_path / f"{name}.jsonl.gz")
    monkeypatch.setattr(grids, "RESULTS", tmp_path)
    monkeypatch.setattr(grids, "read_rates", lambda path=rates: grids.json.loads(path.read_text()))


def test_grids_hold_what_is_compared_and_its_chosen_rates(chosen):
    ratio, cheap = grids.grid("ratio"), grids.grid("cheap")
    assert len(ratio) == 16 * 2 * 5 and len(cheap) == 10 * 2 * 5 == len(set(cheap))
    assert {e.lr for e in cheap} == {1e-2} == {e.lr for e in ratio if e.strategy in ("only enc2", "only dec4")}
    first = {e.target: e.lr for e in ratio if e.strategy == "first 4"}
    assert all(e.lr == first[e.target] for e in ratio if e.strategy in (*grids.RANDOM_FOURS, "top 4 by ratio"))
    assert first == {target: grids.read_rates()[target]["first 4"] for target in first}
    assert {e.lr for e in ratio if e.strategy == "untouched"} == {0.0}
    assert set(grids.CHEAP) | set(grids.CHEAP.values()) == {e.strategy for e in cheap}


# In path order, as a run has them; and as they come back from results/, sorted by name.
RATIOS = {"enc1": 9.0, "enc2": 8.0, "enc3": 7.0, "enc4": 6.0, "bottleneck": 1.0, "dec4": 2.0, "dec3": 3.0, "dec2": 4.0,
          "dec1 + head": 5.0}  # fmt: skip
STORED = dict(sorted(RATIOS.items()))


def asked(chosen, top=0.8, random=0.7, first=0.8, gains=None):
    """Records of grid ratio; the gain of a group alone is a hundredth of its number in ``gains``, or of its ratio."""
    level = {"untouched": 0.5, "top 4 by ratio": top, "first 4": first, **dict.fromkeys(grids.RANDOM_FOURS, random)}
    level |= {name: 0.5 + gain / 100 for name, gain in zip(grids.ALONE, gains or RATIOS.values(), strict=True)}
    planned = grids.grid("ratio")
    more = [{"ratio": (RATIOS, STORED)[e.seed % 2]} if e.strategy.startswith("top") else {} for e in planned]
    both = zip(planned, more, strict=True)
    return Results(record(e, level[e.strategy], noise=0.0005, **extra) for e, extra in both)


def test_the_ratio_finds_the_layers_only_where_all_of_its_lines_say_so(chosen):
    lines = gradients(asked(chosen))
    deciding = [line for line in lines if not line.secondary]
    assert len(deciding) == 6 and {line.said for line in deciding} == {"confirmed"}
    assert finds(lines) == "finds the layers"
    tau = [line for line in lines if line.secondary and line.words.startswith("ratio")]
    assert all(line.mean > 0.8 for line in tau), "gains follow the ratio, up to noise"
    sentence = report._gradients(lines)
    assert "finds the layers" in sentence
    assert finds(gradients(asked(chosen, top=0.7))) == "does not find the layers", "no better than chance"
    assert finds(gradients(asked(chosen, first=0.9))) == "does not find the layers", "first 4 is better"
    assert finds(lines[1:]).startswith("no verdict")
    # Groups gain in the order of their parameters: it takes no gradient to know that.
    by_size = list(np.argsort(np.argsort([size(name)[1] for name in grids.ALONE])))
    assert finds(gradients(asked(chosen, gains=by_size))) == "size alone"
    alone = Results(r for r in asked(chosen).records if r["experiment"]["seed"] == 0)
    assert finds(gradients(alone)).startswith("no verdict")


@pytest.mark.parametrize(("high", "low", "word"), [(0.019, -0.1, "confirmed"), (0.021, -0.1, "undecided"),
                                                   (0.05, 0.02, "not confirmed")])  # fmt: skip
def test_no_worse_at_its_borders(high, low, word):
    assert no_worse((high + low) / 2, low, high, 5) == word
    assert no_worse(0, 0, 0, 1).startswith("no verdict")


def test_cheap_ways_are_each_held_against_their_own(chosen):
    level = {"first 1": 0.6, "norm only": 0.7, "bias only": 0.5, "lora 4": 0.75, "first 2": 0.7}
    found = Results(record(e, level.get(e.strategy, 0.7), noise=0.0005) for e in grids.grid("cheap"))
    lines = cheap(found)
    said = {(line.words, line.target): line.said for line in lines}
    for target in grids.NEW_TARGETS:
        assert said["norm only beats first 1", target] == "confirmed" == said["lora 4 beats first 2", target]
        assert said["bias only beats first 1", target] == "reversed"
        assert said["lp-ft beats everything", target] == "not confirmed"
    assert len(lines) == 16 and sum(line.secondary for line in lines) == 2
    ps = [replace(line, p=0.01) for line in lines]
    corrected = report.holm(ps)
    assert corrected[:14] == [pytest.approx(0.07)] * 14, "seven on each target"
    operations, parameters = report.sizes(next(line for line in lines if line.words.startswith("norm only")))
    assert 0 < operations and parameters == pytest.approx(2944 / size("first 1")[1])
    assert report._cheap(lines).startswith("**Claim 15.** Cheap ways")


def test_operations_of_a_schedule_lie_between_its_first_and_its_last_stage():
    head, both, everything = size("head only"), size("lp-ft"), size("everything")
    assert both[0] == pytest.approx((head[0] + 2 * everything[0]) / 3) and both[1] == everything[1]
    assert size("unfreeze from output")[1] == everything[1] and size("top 4 by ratio") is None


def test_seeds_can_be_added_and_those_for_choosing_cannot():
    planned = grids.grid("busbra")
    shifted = {e.target for e in grids.with_seeds("likegain", [12]) if e.seed == 12}
    assert shifted == {"speckle 0.25", "speckle 0.35", "shapes 1.0"}, "though seed 0 has some of it in another grid"
    more = grids.with_seeds("busbra", [6, 0])
    assert more[: len(planned)] == planned and {e.seed for e in more[len(planned) :]} == {6}
    assert len(more) == len(planned) + 21
    for name, seeds in (("lr", [1]), ("busbra", [5]), ("busbra", [-1]), ("schemes", [11])):
        with pytest.raises(BadInput):
            grids.with_seeds(name, seeds)
