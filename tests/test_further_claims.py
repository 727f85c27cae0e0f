"""Claims on the further grids, read off records whose truth was planted."""

import numpy as np
import pytest

from usft_lib import claims, further_claims, grids
from usft_lib.experiment import UNTRAINED, Experiment
from usft_lib.matched import draw, shallow_share
from usft_lib.unet import UNet


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

    lines = further_claims.modality(planted("xray", lambda e: dice(e, us=0.3, xray=0.1)))
    assert [line.target for line in lines] == ["hc18 against shenzhen", "busi against shenzhen"]
    assert said(lines) == {"reproduced"} and all(line.low < 0.2 < line.high for line in lines)
    assert said(further_claims.modality(planted("xray", lambda e: dice(e, us=0.1, xray=0.4)))) == {"not reproduced"}
    small = further_claims.modality(planted("xray", lambda e: dice(e, us=0.3, xray=0.1, gap=0.05)))
    assert all(line.said.startswith("reported, not tested") for line in small)


def test_speed_counts_runs_that_never_arrive_to_the_end():
    def curve(e):
        top, step = {"everything": (0.9, 300), "first 4": (0.9, 200), "last 2": (0.8, 100)}.get(e.strategy, (0.9, 400))
        step += 10 * e.seed * (e.strategy != "everything")
        return [(k, top if k >= step else 0.5) for k in range(10, 901, 10)]

    records = [record(e, 0.9, curve=curve(e)) for e in grids.grid("sizes") if e.course == "plateau"]
    found = {line.claim.split(" ")[2] + line.claim.split(" ")[3]: line for line in further_claims.speed(records)}
    assert found["first4"].mean == pytest.approx(100 - 20) and found["first4"].said == "reproduced"
    assert found["first2"].said == "not reproduced" and "(5 of 5 reached it)" in found["first2"].claim
    assert found["last2"].mean == pytest.approx(300 - 900) and "(0 of 5 reached it)" in found["last2"].claim


def test_position_is_told_from_the_number_of_parameters():
    model = UNet()
    size = {"first 2": 0.0, "first 4": 0.1, "last 2": 0.05}

    def dice(e, slope: float):
        like = e.strategy.removeprefix("matched ").partition(" #")[0]
        return 0.6 + size[like] + slope * shallow_share(draw(model, e.strategy))

    for slope, words in ((0.1, "reproduced"), (-0.1, "not reproduced")):
        lines = further_claims.position(planted("matched", lambda e, s=slope: dice(e, s), noise=0.002))
        assert len(lines) == 2 and said(lines) == {words}
        assert all(line.low < slope < line.high for line in lines)


def test_scarcity_pretraining_mechanism_and_ranking():
    few = planted("sizes", lambda e: 0.8 - (0.2 if e.n == 10 else 0.05) * e.strategy.startswith("last"))
    lines = further_claims.scarcity(few)
    assert said(lines) == {"reproduced"} and lines[0].mean == pytest.approx(0.15, abs=0.02) and lines[0].seeds == 3

    schemes = planted("schemes", lambda e: 0.8 - 0.01 * grids.STRATEGIES.index(e.strategy)
                      if e.strategy not in UNTRAINED else 0.2)  # fmt: skip
    origins = planted("origins", lambda e: 0.7 if e.strategy == "everything" else 0.8)
    found = {(line.claim.split(": ")[1][:10], line.target): line for line in
             further_claims.pretraining(schemes, origins)}  # fmt: skip
    assert found["everything", "hc18"].said == "reproduced" and len(found) == 9
    assert {line.said for (words, _), line in found.items() if words == "a frozen e"} == {"not reproduced"}

    shifted = planted("mechanism", lambda e: 0.7 + 0.1 * ("speckle" in e.target) * (e.strategy == "first 2"))
    assert said(further_claims.mechanism(shifted)) == {"reproduced"}
    assert {line.said for line in further_claims.ranking(schemes)} == {"reproduced"}
    random = np.random.default_rng(0)
    assert "reproduced" not in said(further_claims.ranking(planted("schemes", lambda e: random.random(), noise=0)))


def test_the_report_holds_all_claims_in_order_and_grids_that_are_missing_leave_gaps():
    made = {name: planted(name, lambda e: 0.7) for name in ("schemes", "xray", "origins", "matched", "mechanism")}
    text = claims.report(made, "x")
    numbers = [int(line[2:].split(" ")[0].rstrip(",")) for line in text.splitlines() if line.startswith("| ") and
               line[2].isdigit()]  # fmt: skip
    assert numbers == sorted(numbers) and set(numbers) == {1, 2, 3, 4, 6, 8, 10, 11, 12}
    assert "nan" not in text and "schemes 315" in text
    assert "no cell is complete" in claims.report({}, "x")
