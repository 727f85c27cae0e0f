"""Masks from images: in the layout that is quick, the same as in the usual one, and the model stays as it was."""

import pytest
import torch

import usft_lib as usft


@torch.no_grad()
def usual(model: usft.UNet, images: torch.Tensor) -> torch.Tensor:
    """As most would write it: batches of 32, weights as they lie."""
    model.eval()
    return torch.cat([(model(part) > 0).cpu() for part in images.split(32)])


@pytest.mark.slow
def test_masks_are_those_of_the_usual_layout():
    images = usft.simulate_ultrasound(12, size=64, seed=3).images
    model = usft.pretrained("xray-simulated")
    expected = usual(model, images)
    assert torch.equal(usft.segment(model, images), expected) and expected.any() and not expected.all()


def test_the_model_and_its_hooks_are_left_as_they_were(small, discs):
    seen = []
    small.head.register_forward_hook(lambda module, inputs, output: seen.append((len(output), module.weight)))
    before = {name: (p, p.data_ptr(), p.stride()) for name, p in small.named_parameters()}
    usft.segment(small, discs.images)
    after = {name: (p, p.data_ptr(), p.stride()) for name, p in small.named_parameters()}
    assert all(a[0] is b[0] and a[1:] == b[1:] for a, b in zip(before.values(), after.values(), strict=True))
    assert [n for n, _ in seen] == [8] * 7 + [4] and small.training
    assert torch.equal(seen[0][1], small.head.weight)
