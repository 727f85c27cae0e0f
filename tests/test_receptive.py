"""How far groups see: arithmetic against gradients."""

import pytest
import torch

import usft_lib as usft
from usft_lib import (
    BadInput,
    UNet,
    effective_receptive_field,
    effective_receptive_field_width,
    groups,
    receptive_fields,
)


def test_the_sides_of_the_course_network():
    expected = {"enc1": 5, "enc2": 14, "enc3": 32, "enc4": 68, "bottleneck": 140}
    assert receptive_fields(UNet()) == expected | {"dec4": 172, "dec3": 188, "dec2": 204, "dec1": 204, "head": 204}


@pytest.mark.parametrize("depth, side", [(1, 32), (2, 64), (3, 128)])
def test_gradients_reach_exactly_as_far_as_the_arithmetic_says(depth, side, monkeypatch):
    # Means instead of maxima, positive weights and images: nothing cancels, no unit is off, so every path shows.
    monkeypatch.setattr("usft_lib.unet.F.max_pool2d", torch.nn.functional.avg_pool2d)
    model = UNet(2, depth).double()
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 0.1)
    image = torch.rand(1, 1, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = {}
    for name in groups(model):
        level = depth if name == "bottleneck" else 0 if name == "head" else int(name[3:]) - 1
        places = [(side >> level + 1) + k for k in range(2**depth >> level)]  # one of each kind, near the middle
        fields = [effective_receptive_field(model, image, name, (at, at)) for at in places]
        found[name] = max(effective_receptive_field_width(field, share=1) for field in fields)
    assert found == receptive_fields(model)


def test_a_footprint_leaves_the_network_alone(small):
    small.train()
    before = {name: t.clone() for name, t in small.state_dict().items()}
    seen = effective_receptive_field(small, torch.rand(2, 1, 32, 32), "enc2")
    assert seen.shape == (32, 32) and seen.sum() == pytest.approx(1) and (seen >= 0).all()
    assert small.training and all(torch.equal(before[name], t) for name, t in small.state_dict().items())
    assert all(p.grad is None for p in small.parameters())


def test_reach_counts_the_columns_of_the_middle_share():
    row = torch.zeros(9, dtype=torch.float64)
    row[2:7] = torch.tensor([0.02, 0.1, 0.76, 0.1, 0.02])
    seen = row.expand(4, 9) / 4
    assert [effective_receptive_field_width(seen, share) for share in (0.5, 0.9, 0.97, 1)] == [1, 3, 5, 5]


def test_bad_input_is_one_clear_line(small):
    with pytest.raises(BadInput, match="no group 'enc'"):
        effective_receptive_field(small, torch.rand(1, 1, 32, 32), "enc")
    with pytest.raises(BadInput, match="share must lie in 0…1"):
        effective_receptive_field_width(torch.ones(4, 4) / 16, share=95)
    with torch.no_grad():
        small.enc1[4].weight.zero_()
        small.enc1[4].bias.fill_(-1)
    with pytest.raises(BadInput, match="No image pixel moves this pixel of enc1"):
        usft.effective_receptive_field(small, torch.rand(1, 1, 32, 32), "enc1")
