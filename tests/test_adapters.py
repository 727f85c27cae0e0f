"""Normalisation, biases and low-rank changes: how many they are, that nothing else moves, and what LoRA computes."""

from copy import deepcopy

import pytest
import torch
from torch.nn import functional as F

import usft_lib as usft
from usft_lib import BadInput, UNet
from usft_lib.adapters import LowRank, low_rank


def learning(model):
    return {name for name, p in model.named_parameters() if p.requires_grad}


def count(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@pytest.fixture
def taught(discs):
    """A small U-Net with LoRA that has learnt something."""
    torch.manual_seed(0)
    model = usft.lora(UNet(4, 2), ["enc1", "enc2", "bottleneck", "dec2", "dec1", "head"], rank=2)
    usft.fit(model, discs, steps=10, batch_size=4, lr=3e-2, progress=False)
    return model


# ---- one kind of parameter ---------------------------------------------------------------------------------------


def test_counts_of_the_course_network_by_closed_form():
    channels = [16, 32, 64, 128, 256, 128, 64, 32, 16]  # two normalisations each
    model = UNet()
    assert count(usft.train_parameters(model, "norm")) == 2 * 2 * sum(channels) == 2944
    assert count(usft.train_parameters(model, "bias")) == 2 * sum(channels) + sum(channels[5:]) + 1 == 1713
    assert count(usft.train_parameters(model, "all")) == sum(p.numel() for p in model.parameters())
    assert count(usft.train_only(model, ["head"])) == 17


WAYS = {  # what is trained, and the names of all that may then move
    "norm": (lambda m: usft.train_parameters(m, "norm"), lambda name: name.split(".")[-2] in ("1", "4")),
    "bias": (lambda m: usft.train_parameters(m, "bias"), lambda name: name.endswith(".bias")),
    "norm of enc2": (
        lambda m: usft.train_parameters(usft.train_only(m, ["enc2"]), "norm"),
        lambda name: name.startswith(("enc2.1.", "enc2.4.")),
    ),
    "head": (lambda m: usft.train_only(m, ["head"]), lambda name: name.startswith("head.")),
    "lora": (lambda m: usft.lora(m, usft.groups(m), 2), lambda name: name.endswith((".left", ".right"))),
    "lora of dec2": (
        lambda m: usft.lora(m, ["dec2"], 2),
        lambda name: name.startswith("dec2.") and name.endswith((".left", ".right")),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_moves_but_what_is_trained(discs, way):
    torch.manual_seed(0)
    model = UNet(4, 2)
    usft.fit(model, discs, steps=2, batch_size=4, progress=False)  # statistics that could drift
    choose, may_move = WAYS[way]
    choose(model).eval().train()
    before = {name: t.clone() for name, t in model.state_dict().items()}
    buffers = {name for name, _ in model.named_buffers()}
    usft.fit(model, discs, steps=50, batch_size=2, lr=1e-2, progress=False)
    moved = {name for name, t in model.state_dict().items() if not torch.equal(t, before[name])}
    assert moved == {name for name in before if name not in buffers and may_move(name)} and moved


def test_kinds_obey_freezing_whichever_comes_first(small):
    usft.train_parameters(usft.freeze(small, ["enc1"]), "norm")
    one = learning(small)
    usft.train_parameters(usft.unfreeze(small), "all")
    usft.freeze(usft.train_parameters(small, "norm"), ["enc1"])
    assert learning(small) == one and "enc2.1.weight" in one and "enc1.1.weight" not in one
    assert not small.enc2.training, "stored statistics stay in use"
    usft.unfreeze(small)
    assert learning(small) == one | {f"enc1.{place}.{what}" for place in (1, 4) for what in ("weight", "bias")}
    assert learning(usft.train_parameters(small, "all")) == {name for name, _ in small.named_parameters()}
    assert all(m.training for m in small.modules()) and usft.trained(small) == list(usft.groups(small))


def test_a_kind_that_is_not_there_changes_nothing(small, discs):
    before = learning(small)
    with pytest.raises(BadInput, match="no kind of parameter 'norms': did you mean 'norm'"):
        usft.train_parameters(small, "norms")
    assert learning(small) == before and not small.fixed
    with pytest.raises(BadInput, match="nothing to train"):  # the head has no normalisation
        usft.Training(usft.train_parameters(usft.train_only(small, ["head"]), "norm"), discs)


# ---- LoRA --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bf16", [False, True])
def test_at_the_start_nothing_changes_bit_for_bit(small, discs, layout, bf16):
    small.eval().to(memory_format=layout)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        plain = small(discs.images[:4])
        carrying = usft.lora(small, usft.groups(small))(discs.images[:4])
    assert torch.equal(plain, carrying) and len(low_rank(small)) == 23
    # Other strides would choose another way of computing, and on larger images other roundings.
    assert all(layer.weight.stride() == layer.plain.weight.stride() for layer in low_rank(small).values())


def test_an_up_convolution_computes_with_the_dense_weight():
    draw = torch.Generator().manual_seed(0)
    layer = LowRank(UNet(3, 1).dec1.up, 2, draw)
    left, right = torch.randn(6, 2, generator=draw), torch.randn(2, 12, generator=draw)
    layer.left.data, layer.right.data = left, right
    dense = layer.plain.weight.detach().clone()  # [in, out, 2, 2]
    for i in range(6):
        for o in range(3):
            for a in range(2):
                for b in range(2):
                    dense[i, o, a, b] += sum(left[i, r] * right[r, 4 * o + 2 * a + b] for r in range(2))
    x = torch.randn(2, 6, 5, 4, generator=draw)
    expected = F.conv_transpose2d(x, dense, layer.plain.bias, stride=2)
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)


def test_a_convolution_computes_with_two_thin_ones():
    """The other way to write it: a convolution to as many channels as the rank, then one of 1 × 1."""
    draw = torch.Generator().manual_seed(0)
    layer = LowRank(UNet(5, 1).enc1[3], 2, draw)
    layer.left.data = torch.randn(5, 2, generator=draw)
    x = torch.randn(2, 5, 8, 8, generator=draw)
    thin = F.conv2d(F.conv2d(x, layer.right.view(2, 5, 3, 3), padding=1), layer.left.view(5, 2, 1, 1))
    torch.testing.assert_close(layer(x), layer.plain(x) + thin, atol=1e-5, rtol=1e-5)


def test_merged_the_network_is_plain_and_does_the_same(taught, discs):
    names, before = list(UNet(4, 2).state_dict()), deepcopy(taught)
    changed = {name: layer.plain.weight.detach().clone() for name, layer in low_rank(taught).items()}
    with torch.autocast("cpu", torch.bfloat16):
        computed = {name: layer.weight.detach() for name, layer in low_rank(taught).items()}
    merged = usft.merge(taught)
    assert all(torch.equal(merged.get_submodule(name).weight, weight) for name, weight in computed.items())
    assert merged is taught and list(merged.state_dict()) == names and not low_rank(merged)
    with torch.no_grad():
        torch.testing.assert_close(merged.eval()(discs.images), before.eval()(discs.images), atol=1e-5, rtol=1e-5)
    assert torch.equal(usft.segment(merged, discs.images), usft.segment(before, discs.images))
    for name, old in changed.items():
        change = (merged.get_submodule(name).weight.detach() - old).flatten(1)
        assert 1 <= torch.linalg.matrix_rank(change, rtol=1e-4) <= 2, name
    assert learning(merged) == set(dict(merged.named_parameters()))
    assert all(m.training for m in merged.train().modules())
    assert usft.merge(merged) is merged


def test_merging_a_copy_leaves_the_network_its_lora(taught, discs):
    masks = usft.segment(taught, discs.images[:4])
    usft.merge(deepcopy(taught))
    assert len(low_rank(taught)) == 13 and torch.equal(usft.segment(taught, discs.images[:4]), masks)


def test_what_is_saved_is_a_plain_network_with_the_same_masks(taught, discs, tmp_path):
    path = usft.save_model(taught, tmp_path / "m.safetensors")
    back = usft.load_model(path)
    assert torch.equal(usft.segment(back, discs.images), usft.segment(taught, discs.images))
    assert low_rank(taught) and not low_rank(back) and back.card["subjects"] == taught.card["subjects"]


def test_parameters_of_rank_4_by_closed_form():
    model = usft.lora(UNet(), usft.groups(UNet()), rank=4)
    channels, expected = [1, 16, 32, 64, 128, 256], 1 + 16  # the head's matrix has one row, so rank 1
    for below, c in zip(channels, channels[1:], strict=False):
        expected += 4 * (c + 9 * below) + 4 * (c + 9 * c)
    for c in channels[1:-1]:
        expected += 4 * (2 * c + 4 * c) + 4 * (c + 9 * 2 * c) + 4 * (c + 9 * c)
    assert count(model) == expected == 64117


def test_lora_obeys_freezing(small):
    usft.lora(small, ["enc1", "dec1"], rank=1)
    assert usft.trained(small) == ["enc1", "dec1"] and not small.enc1.training
    assert {name.rpartition(".")[2] for name in learning(small)} == {"left", "right"}
    usft.freeze(small, ["dec1"])
    assert {name.partition(".")[0] for name in learning(small)} == {"enc1"}
    usft.unfreeze(small, ["dec1", "head"])
    assert {name for name in learning(small) if name.startswith("dec1")} == {
        f"dec1.{layer}.{side}" for layer in ("up", "block.0", "block.3") for side in ("left", "right")
    }
    assert {"head.weight", "head.bias"} < learning(small), "a group without LoRA trains as a whole"


def test_the_seed_gives_the_first_numbers():
    a, b, c = (usft.lora(UNet(4, 2), ["enc1"], seed=seed).enc1[3].right for seed in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_lora_that_cannot_be_is_one_clear_line_and_changes_nothing(small):
    for how, message in (
        ({"names": ["enc9"]}, "no group 'enc9'"),
        ({"names": ["enc1"], "rank": 0}, "rank must be a whole number of at least 1"),
        ({"names": ["enc1"], "rank": 2.5}, "rank must be a whole number"),
    ):
        with pytest.raises(BadInput, match=message):
            usft.lora(small, **how)
    assert not low_rank(small) and usft.trained(small) == list(usft.groups(small))
    usft.lora(small, ["enc1"])
    with pytest.raises(BadInput, match="has LoRA: call usft.merge"):
        usft.lora(small, ["enc2"])
    with pytest.raises(BadInput, match="has LoRA: call usft.merge"):
        usft.train_parameters(small, "norm")
    assert list(low_rank(small)) == ["enc1.0", "enc1.3"] and usft.trained(small) == ["enc1"]
