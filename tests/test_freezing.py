"""Frozen means frozen: weights, optimiser and statistics; and what it costs."""

import random

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import usft_lib as usft
from usft_lib import BadInput, UNet, groups
from usft_lib.freezing import named

NAMES = "enc1 enc2 enc3 enc4 bottleneck dec4 dec3 dec2 dec1 head".split()


def snapshot(model, names):
    return {f"{g}.{k}": t.clone() for g in names for k, t in groups(model)[g].state_dict().items()}


@pytest.mark.parametrize("draw", range(2))
def test_frozen_groups_stay_bit_identical_through_twenty_steps(discs, draw):
    picked = random.Random(draw)
    frozen = picked.sample(NAMES, picked.randint(1, 9))
    torch.manual_seed(draw)
    model = usft.freeze(UNet(4, 4), frozen)
    before, rest = snapshot(model, frozen), snapshot(model, set(NAMES) - set(frozen))
    usft.fit(model, discs, steps=20, batch_size=2, lr=1e-2, seed=draw, progress=False)
    after = snapshot(model, NAMES)
    assert all(torch.equal(after[k], t) for k, t in before.items())
    moved = [not torch.equal(after[k], t) for k, t in rest.items()]
    assert all(moved), "every tensor of a trained group must move, its statistics included"


def test_requires_grad_alone_lets_statistics_drift(discs, small):
    # The fault that `freeze` exists to prevent (lesson 04): it must be visible without it.
    for p in small.enc1.parameters():
        p.requires_grad_(False)
    before = small.enc1[1].running_mean.clone()
    usft.fit(small, discs, steps=3, progress=False)
    assert not torch.equal(small.enc1[1].running_mean, before)


def test_freezing_survives_train_and_is_reversible(small):
    usft.freeze(small, ["enc2"])
    usft.freeze(small, ["dec1"])  # adds to what is frozen
    small.eval().train()
    assert [n for n, m in groups(small).items() if not m.training] == ["enc2", "dec1"]
    assert usft.trained(small) == [n for n in NAMES if n not in ("enc2", "dec1")]
    usft.unfreeze(small, ["enc2"])
    assert small.enc2.training and all(p.requires_grad for p in small.enc2.parameters())
    assert not small.dec1.training and not any(p.requires_grad for p in small.dec1.parameters())
    usft.unfreeze(small)
    assert usft.trained(small) == NAMES and all(m.training for m in small.modules())
    small.eval()
    usft.freeze(small, "head")
    assert not any(m.training for m in small.modules()), "freezing must not switch a model out of evaluation mode"


def test_frozen_groups_hold_no_old_gradient(small):
    small(torch.rand(2, 1, 32, 32)).sum().backward()
    usft.freeze(small, ["enc1"])
    assert all(p.grad is None for p in small.enc1.parameters())


def test_train_only_is_the_complement_of_freeze(small):
    usft.train_only(small, ["dec2", "enc3"])
    assert usft.trained(small) == ["enc3", "dec2"]
    assert all(p.requires_grad == (n.split(".")[0] in ("enc3", "dec2")) for n, p in small.named_parameters())


def test_schemes_name_the_groups_of_the_definition(small):
    assert usft.first(small, 5) == ["enc1", "enc2", "enc3", "enc4", "bottleneck"]
    assert usft.last(small, 1) == ["dec1", "head"] and usft.last(small, 2) == ["dec2", "dec1", "head"]
    assert usft.outer(small, 1) == ["enc1", "dec1", "head"] and usft.inner(small, 1) == ["bottleneck"]
    assert usft.inner(small, 2) == ["enc4", "bottleneck", "dec4"]
    assert usft.contracting(small) == NAMES[:4] and usft.expanding(small) == NAMES[5:]
    for k in range(10):
        assert set(usft.first(small, k)) | set(usft.last(small, 9 - k)) == set(NAMES)
        assert not set(usft.first(small, k)) & set(usft.last(small, 9 - k))
    for k in range(6):
        assert sorted(usft.outer(small, k) + usft.inner(small, 5 - k)) == sorted(NAMES)


def test_a_strategy_goes_by_its_name(small):
    ways = {"first": usft.first, "last": usft.last, "outer": usft.outer, "inner": usft.inner}
    for name, groups_of in ways.items():
        assert named(small, f"{name} 2") == named(small, name, 2) == groups_of(small, 2)
    assert named(small, "contracting") == usft.contracting(small) and named(small, "expanding") == usft.expanding(small)
    assert named(small, "everything") == list(usft.groups(small))
    for wrong, said in (("expanding 2", "takes no number"), ("first", "How many"), ("furst 2", "first")):
        with pytest.raises(BadInput, match=said):
            named(small, wrong)


@pytest.mark.parametrize("depth", [1, 3])
def test_schemes_hold_for_other_depths(depth):
    model = UNet(2, depth)
    assert usft.first(model, 2 * depth + 1) == list(groups(model)) == usft.outer(model, depth + 1)
    assert len(usft.contracting(model)) == depth and len(usft.expanding(model)) == depth + 1


@pytest.mark.parametrize("scheme, most", [(usft.first, 9), (usft.last, 9), (usft.outer, 5), (usft.inner, 5)])
def test_k_out_of_range_is_one_clear_line(small, scheme, most):
    for k in (-1, most + 1):
        with pytest.raises(BadInput, match=f"k must be 0…{most}, not {k}"):
            scheme(small, k)


def test_an_unknown_group_names_its_nearest_match_and_changes_nothing(small):
    with pytest.raises(BadInput, match="no group 'bottelneck': did you mean 'bottleneck'"):
        usft.freeze(small, ["dec1", "bottelneck"])
    assert usft.trained(small) == NAMES


def measured_flops(model, size):
    model.zero_grad()
    with FlopCounterMode(display=False) as counter:
        model(torch.rand(1, 1, size, size)).sum().backward()
    return counter.get_total_flops() / 1e6


@pytest.mark.parametrize("draw", range(2))
def test_flops_agree_with_pytorchs_own_counter(draw):
    picked = random.Random(draw)
    model = usft.train_only(UNet(4, 4), picked.sample(NAMES, picked.randint(1, 10)))
    total = usft.summary(model, 32).iloc[-1]
    assert total[["forward", "to_inputs", "to_weights"]].sum() == pytest.approx(measured_flops(model, 32), rel=1e-9)


def test_summary_prints_who_is_trained_and_counts_parameters(small):
    usft.train_only(small, ["enc1", "head"])
    table = usft.summary(small, 32).set_index("group")
    assert table["trained"].to_dict() == {n: "trained" if n in ("enc1", "head") else "frozen" for n in NAMES} | {
        "total": "2 of 10"
    }
    assert table.loc["total", "trainable"] == sum(p.numel() for p in small.parameters() if p.requires_grad)
    assert table.loc["total", "parameters"] == sum(p.numel() for p in small.parameters())
    # A gradient ends at the first trained layer: with enc1 trained it crosses everything behind it.
    assert (table.loc["enc2":"head", "to_inputs"] > 0).all()
    late = usft.summary(usft.train_only(small, ["dec1"]), 32).set_index("group")
    assert (late.loc["enc1":"dec2", ["to_inputs", "to_weights"]] == 0).all(axis=None)


def test_summary_leaves_the_model_as_it_was(small):
    small.train()
    before = {k: t.clone() for k, t in small.state_dict().items()}
    usft.summary(small, 32)
    assert small.training and all(torch.equal(t, before[k]) for k, t in small.state_dict().items())
    assert not any(m._forward_hooks for m in small.modules())
