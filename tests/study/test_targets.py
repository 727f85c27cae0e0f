"""The study's targets: what is left out, and random numbers that no two parts share."""

import pytest
import torch
from sources import fakes

import usft_lib as usft
from usft_lib.study import targets


def test_normal_breasts_are_in_no_part():
    """They have no lesion to overlap with, so a Dice on them would be 0 or 1 by luck."""
    masks = torch.zeros(60, 1, 16, 16, dtype=torch.bool)
    masks[:40, :, 4:9, 4:9] = True
    data = usft.SegmentationData(torch.rand(60, 1, 16, 16), masks, [f"p{i}" for i in range(60)], "busi")
    parts = targets.busi_parts(16, 0, data)
    assert sum(map(len, parts)) == 40 and not any(part.empty.any() for part in parts)


def test_parts_of_simulated_targets_have_random_numbers_of_their_own(monkeypatch):
    asked = []

    def draw(n, size=128, seed=0, **how):
        asked.append((n, seed))
        return n

    monkeypatch.setattr(targets, "simulate_ultrasound", draw)
    targets.simulated_parts(64)
    targets.shifted_parts(64, draw=draw, shift=0.5)
    assert asked == [(400, 7000), (60, 7001), (160, 7002), (100, 7010), (60, 7011), (160, 7012)]


def test_busbra_tests_its_published_folds_patient_by_patient(tmp_path, monkeypatch):
    """From an archive with the published names: 60 patients, two images each, in five folds."""
    people = {case: case % 5 + 1 for case in range(1, 61)}
    table, folds, members = "ID,Case,Pathology\n", "ID,kFold\n", {}
    for case, fold in people.items():
        for side in ("l", "r"):
            name = f"{case:04}-{side}"
            members[f"BUSBRA/Images/bus_{name}.png"] = fakes.png(fakes.picture(case))
            members[f"BUSBRA/Masks/mask_{name}.png"] = fakes.png(fakes.disc())
            table += f"bus_{name},{case},benign\n"
            folds += f"bus_{name},{fold}\n"
    members |= {"BUSBRA/bus_data.csv": table.encode(), "BUSBRA/5-fold-cv.csv": folds.encode()}
    fakes.write_mirror(tmp_path / "mirror", {"BUSBRA.zip": fakes.zipped(members)})
    monkeypatch.setenv("USFT_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("USFT_DATA", str(tmp_path / "cache"))
    tested = []
    for seed in range(5):
        pool, val, test = parts = targets.busbra_parts(16, seed)
        who = [set(part.subjects) for part in parts]
        assert sum(map(len, who)) == 60 == len(set.union(*who)) and len(test) == 24 and len(who[1]) == 8
        assert {people[int(s.split()[1])] for s in who[2]} == {seed + 1}
        tested += who[2]
    assert len(tested) == 60 == len(set(tested)), "five seeds test every patient once"
    assert targets.busbra_parts(16, 8)[2].ids == targets.busbra_parts(16, 2)[2].ids
    data = usft.load("busbra", size=16, large=True)
    data.extra["fold"][0] = 5
    with pytest.raises(usft.BadInput, match="in two folds"):
        targets.busbra_parts(16, 0, data)
