"""The study's targets: what is left out, and random numbers that no two parts share."""

import torch

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
