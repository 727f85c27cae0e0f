"""What the study found, read off planted records."""

import pytest
from test_claims import everything, planted

import usft_lib as usft
from usft_lib import BadInput
from usft_lib.study import grids, targets
from usft_lib.study.claims import ALONG
from usft_lib.study.records import Results, area


def test_committed_results_can_be_read_and_a_wrong_name_is_one_line():
    found = usft.results("lr")
    assert len(found.table) == len(found.records) == 144 and found.targets == ["busi", "hc18", "sim-ultrasound"]
    with pytest.raises(BadInput, match="schemes"):
        usft.results("rl")


def test_a_grid_without_results_is_empty_and_all_of_it_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(grids, "RESULTS", tmp_path)
    found = usft.results("mechanism")
    assert not found.records and found.missing == 96 and found.targets == []


def test_a_lesion_that_was_trained_on_as_another_image_does_not_count():
    records = [r for r in usft.results("schemes").records if r["experiment"]["target"] == "busi"]
    found = Results(records)
    seed = next(s for s in range(5) if found.leaks(s, 50))
    before = (
        found.dice("busi", "first 4"),
        found.one("busi", "first 4", seed),
        found.wilcoxon("busi", "first 4", "last 4"),
    )
    record, leak = found.record("busi", "first 4", seed), min(found.leaks(seed, 50))
    spoilt = [-10.0 if image == leak else dice for image, dice in
              zip(record["scores"]["image"], record["scores"]["dice"], strict=True)]  # fmt: skip
    assert -10.0 in spoilt
    changed = {**record, "scores": {**record["scores"], "dice": spoilt}}
    again = Results([changed if r is record else r for r in records])
    assert before == (
        again.dice("busi", "first 4"), again.one("busi", "first 4", seed), again.wilcoxon("busi", "first 4", "last 4")
    )  # fmt: skip
    assert Results(r for r in records if r["experiment"]["seed"] == seed).leaks(seed, 50) == set(), "not all are known"


def test_clusters_that_show_one_lesion_are_one_subject_within_a_fold_and_not_across_folds():
    """Malignant 39 and 42 are one cluster, 40 another; all three show one lesion."""
    found = usft.results("schemes", "headline").where(source="xray")
    together = 0
    for seed in found.seeds("busi", ["first 4"]):
        table = found.tables("busi", {"first 4": 1.0}, [seed])[0]
        kept = table[~table["leaks"]]
        lesions = [kept[kept["image"].isin(lesion)] for lesion in targets.ALIKE]
        merged = sum(max(part["subject"].nunique() - 1, 0) for part in lesions)
        assert len(found.by_subject("busi", {"first 4": 1.0}, seed)) == kept["subject"].nunique() - merged
        together += merged
    assert together > 0
    mean = found.by_subject("busi", {"first 4": 1.0}, 0).mean()
    assert mean == found.one("busi", "first 4", 0)


def test_means_and_differences_hold_the_planted_truth():
    found = Results(planted(everything()))
    mean, low, high, seeds = found.dice("hc18", "first 2")
    assert low < 0.8 < high and seeds == 5 and mean == pytest.approx(found.mean("hc18", "first 2"))
    paired = found.difference("hc18", "first 2", "last 2")
    assert paired[1] < 0.1 < paired[2] and paired == found.difference("hc18", {"first 2": 1.0}, {"last 2": 1.0})
    assert paired[2] - paired[1] < high - low, "a hard image is hard for both, so the difference is surer"
    with pytest.raises(BadInput, match="first 9"):
        found.dice("hc18", "first 9")
    assert found.difference("busi", "first 2", "last 2") is None


def test_settings_that_would_be_mixed_must_be_told_apart():
    few, many = planted(everything()), planted(everything(first_2=0.5))
    for record in many:
        record["experiment"] = record["experiment"] | {"n": 160, "statistics": "adapting"}
    found = Results(few + many)
    for call in (found.dice, found.mean):
        with pytest.raises(BadInput, match="differ in n, statistics: narrow them with .where") as error:
            call("hc18", "first 2")
        assert "\n" not in str(error.value)
    assert found.where(n=160).mean("hc18", "first 2") == pytest.approx(0.5, abs=0.02)
    assert found.where(statistics="kept").mean("hc18", "first 2") == pytest.approx(0.8, abs=0.02)
    with pytest.raises(BadInput, match="statistics"):
        found.where(statistic="kept")


def test_what_began_with_other_weights_is_not_paired():
    records = planted(everything())
    for record in records:
        away = record["experiment"]["strategy"] == "last 2" and record["experiment"]["seed"] == 3
        record["made"] = {"origin": "elsewhere" if away else f"here {record['experiment']['seed']}"}
    with pytest.raises(BadInput, match="seed 3 began with different weights from xray"):
        Results(records).difference("hc18", "first 2", "last 2")


def test_a_subject_counts_once_and_half_a_deal_into_folds_is_left_out():
    records = planted({"first 1": 0.8}, seeds=2)
    for record in records:
        scores = record["scores"]
        scores["subject"] = ["s0"] * 40 + scores["subject"][40:]  # forty images of one subject
        scores["dice"] = [0.0] * 40 + [0.82] * 40
    assert Results(records).mean("hc18", "first 1") == pytest.approx(40 * 0.82 / 41)
    deals = planted({"first 1": 0.8, "last 1": 0.7}, seeds=9, target="busi")
    for record in deals:
        fold = record["experiment"]["seed"] % 5
        record["scores"] = {key: values[16 * fold : 16 * (fold + 1)] for key, values in record["scores"].items()}
    for told in (Results(deals).difference("busi", "first 1", "last 1"), Results(deals).dice("busi", "first 1")):
        assert told[3] == 5, "seeds 5 to 8 are four folds of a second deal"


def test_verdicts_are_the_reports_lines_by_claim():
    told = usft.verdicts(1, 3)
    assert set(told["claim"]) == {1, 3} and {"busi", "hc18", "sim-ultrasound"} <= set(told["target"])
    (line,) = told[(told["claim"] == 3) & ~told["secondary"] & (told["target"] == "hc18")].itertuples()
    study = usft.results("schemes")
    expected = study.difference("hc18", area("first", ALONG), area("last", ALONG))[:3]
    assert (line.mean, line.low, line.high) == pytest.approx(expected) and line.said == "reproduced"
    assert len(usft.verdicts()) > len(told)
    with pytest.raises(BadInput, match="no line of claim 99"):
        usft.verdicts(99)
