"""What a long study leaves out changes no result."""

from copy import deepcopy

import pytest
import torch

import usft_lib as usft
from usft_lib.study.folding import folded

HOW = {"steps": 12, "batch_size": 4, "lr": 1e-3, "precision": "float32", "progress": False}


@pytest.fixture(scope="module")
def pretrained(discs):
    """A U-Net whose normalisation has learnt something, so that folding it wrongly would show."""
    torch.manual_seed(0)
    model = usft.UNet(4, 2)
    usft.fit(model, discs, **HOW | {"lr": 1e-2})
    return model


@pytest.mark.parametrize("strategy", ["first 1", "inner 1", "last 1"])
def test_folding_changes_no_weight_that_is_trained(pretrained, discs, strategy):
    plain, quick = (usft.train_only(deepcopy(pretrained), usft.freezing.named(pretrained, strategy)) for _ in range(2))
    usft.fit(plain, discs, **HOW)
    with folded(quick):
        usft.fit(quick, discs, **HOW)
    moved = 0
    for name, value in plain.state_dict().items():
        other = quick.state_dict()[name]
        if name.partition(".")[0] in plain.frozen:
            assert torch.equal(value, other) and torch.equal(value, pretrained.state_dict()[name]), name
        else:
            torch.testing.assert_close(other, value, atol=2e-4, rtol=2e-3)
            moved += not torch.equal(value, pretrained.state_dict()[name])
    assert moved


def test_only_frozen_groups_behind_the_first_trained_one_are_folded_and_all_come_back(pretrained):
    model = usft.train_only(deepcopy(pretrained), ["enc2"])
    before = dict(model.named_modules())
    image = torch.rand(2, 1, 32, 32)
    expected = model.eval()(image)
    with pytest.raises(RuntimeError, match="stop"), folded(model):
        norms = {name.partition(".")[0] for name, m in model.named_modules() if isinstance(m, torch.nn.BatchNorm2d)}
        assert norms == {"enc1", "enc2"}
        torch.testing.assert_close(model(image), expected, atol=1e-5, rtol=1e-4)
        raise RuntimeError("stop")
    assert dict(model.named_modules()) == before


def test_what_learns_in_part_or_later_on_is_not_folded(pretrained):
    """A convolution that was folded away would not learn once its group is unfrozen."""
    for model, keep in (
        (usft.train_parameters(deepcopy(pretrained), "norm"), ()),
        (usft.lora(deepcopy(pretrained), usft.groups(pretrained)), ()),
        (usft.freeze(usft.lora(deepcopy(pretrained), usft.groups(pretrained)), ["enc2"]), ()),
        (usft.train_only(deepcopy(pretrained), ["enc1"]), usft.groups(pretrained)),
    ):
        before = dict(model.named_modules())
        with folded(model, keep):
            assert dict(model.named_modules()) == before
