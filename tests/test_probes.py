"""Receptive fields by arithmetic and by gradients, statistics estimated anew, the likeness of activations."""

import pytest
import torch
from torch import nn

import usft_lib as usft
from usft_lib import (
    BadInput,
    UNet,
    activations,
    effective_receptive_field,
    effective_receptive_field_width,
    groups,
    linear_cka,
    receptive_fields,
    reestimate_statistics,
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
    with pytest.raises(BadInput, match="share must be in 0…1"):
        effective_receptive_field_width(torch.ones(4, 4) / 16, share=95)
    with torch.no_grad():
        small.enc1[4].weight.zero_()
        small.enc1[4].bias.fill_(-1)
    with pytest.raises(BadInput, match="No image pixel moves this pixel of enc1"):
        usft.effective_receptive_field(small, torch.rand(1, 1, 32, 32), "enc1")


# ---- batch-norm statistics ---------------------------------------------------------------------------------------


def test_one_batch_gives_its_own_mean_and_variance(small, discs):
    images = discs.images[:12]
    new = reestimate_statistics(small, images, batch_size=12)
    before = small.enc1[0](images)
    assert torch.allclose(new.enc1[1].running_mean, before.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(new.enc1[1].running_var, before.var((0, 2, 3)), rtol=1e-4)
    # With one batch, evaluation then does what training does (up to n/(n−1) in the variance), in the deepest layer too.
    assert torch.allclose(new.eval()(images), small.train()(images), atol=0.05)


@pytest.mark.parametrize("training", [True, False])
def test_nothing_else_moves(small, discs, training):
    usft.freeze(small, ["enc2"]).train(training)
    before = {name: t.clone() for name, t in small.state_dict().items()}
    new = reestimate_statistics(small, discs.images)
    assert all(torch.equal(t, before[name]) for name, t in small.state_dict().items()), "the given model stays"
    assert all(torch.equal(p, before[name]) for name, p in new.named_parameters())
    assert not torch.equal(new.enc2[1].running_mean, before["enc2.1.running_mean"]), "frozen groups are included"
    assert [m.training for m in new.modules()] == [m.training for m in small.modules()]
    assert {m.momentum for m in new.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1} and new.frozen == small.frozen


def test_one_image_has_no_statistics(small):
    with pytest.raises(BadInput, match="at least two images"):
        reestimate_statistics(small, torch.rand(1, 1, 32, 32))


# ---- CKA ---------------------------------------------------------------------------------------------------------


def by_kernels(x, y):
    """The definition: HSIC of the two centred Gram matrices, written with the centring matrix (a second opinion)."""
    n = len(x)
    centre = torch.eye(n, dtype=torch.float64) - 1 / n
    k, m = (centre @ (t.double() @ t.double().T) @ centre for t in (x, y))
    return float(torch.trace(k @ m) / (torch.trace(k @ k) * torch.trace(m @ m)).sqrt())


@pytest.mark.parametrize("p, q, seed", [(5, 5, 0), (3, 9, 1), (40, 2, 2)])
def test_cka_agrees_with_its_definition(p, q, seed):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(30, p, generator=draw)
    y = x @ torch.randn(p, q, generator=draw) + torch.randn(30, q, generator=draw) + 7
    assert linear_cka(x, y) == pytest.approx(by_kernels(x, y), abs=1e-9)
    assert linear_cka(x, y) == pytest.approx(linear_cka(y, x)) and 0 <= linear_cka(x, y) <= 1


def test_cka_does_not_see_rotation_scale_or_shift():
    draw = torch.Generator().manual_seed(4)
    x, y = torch.randn(50, 6, generator=draw), torch.randn(50, 6, generator=draw)
    turn = torch.linalg.qr(torch.randn(6, 6, generator=draw))[0]
    assert linear_cka(x, x) == pytest.approx(1)
    assert linear_cka(x, -3 * x @ turn + 100) == pytest.approx(1, abs=1e-5)
    assert linear_cka(x, y @ turn * 0.01 - 5) == pytest.approx(linear_cka(x, y), abs=1e-5)
    assert linear_cka(x, x * torch.logspace(0, 3, 6)) < 0.9, "it does see that single channels are stretched"


def test_cka_of_unrelated_tables_falls_with_rows():
    draw = torch.Generator().manual_seed(5)
    few, many = (linear_cka(*torch.randn(2, n, 10, generator=draw)) for n in (12, 5000))
    assert few > 0.3 and many < 0.01


@pytest.mark.parametrize("x, y", [((4, 2), (5, 2)), ((1, 2), (1, 2)), ((4,), (4,))])
def test_tables_that_cannot_be_compared_are_refused(x, y):
    with pytest.raises(BadInput, match="same rows"):
        linear_cka(torch.rand(x), torch.rand(y))
    with pytest.raises(BadInput, match="does not vary"):
        linear_cka(torch.ones(5, 2), torch.rand(5, 2))


def test_activations_have_a_row_a_place(small, discs):
    small.train()
    found = activations(small, discs.images[:5], cells=4, batch_size=2)
    assert list(found) == list(groups(small)) and small.training
    assert [t.shape for t in found.values()] == [(5 * 16, c) for c in (4, 8, 16, 32, 64, 32, 16, 8, 4, 1)]
    # The head's row of image 3, place (1, 2): its logits there, averaged.
    logits = small.eval()(discs.images[:5])
    place = logits[3, 0].view(4, 8, 4, 8).mean((1, 3))[1, 2]
    assert float(found["head"][3 * 16 + 1 * 4 + 2]) == pytest.approx(float(place.detach()), abs=1e-5)
    assert not any(m._forward_hooks for m in small.modules())


def test_an_effective_field_is_the_mean_size_of_the_gradient_image_by_image(small):
    images = torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    small.eval()
    sizes, plain = [], []
    for image in images[:, None]:
        asked = image.clone().requires_grad_()
        given = torch.max_pool2d(small.enc1(asked), 2)
        (gradient,) = torch.autograd.grad(small.enc2(given)[0, :, 8, 8].sum(), asked)
        sizes.append(gradient[0, 0].abs().double())
        plain.append(gradient[0, 0].double())
    expected, cancelled = torch.stack(sizes).mean(0), torch.stack(plain).mean(0).abs()
    assert not torch.allclose(expected / expected.sum(), cancelled / cancelled.sum(), atol=1e-4), "signs differ here"
    assert torch.allclose(effective_receptive_field(small, images, "enc2"), expected / expected.sum(), atol=1e-8)


def test_statistics_of_uneven_batches_are_the_mean_over_batches_of_nearly_one_size():
    torch.manual_seed(0)
    model, images = usft.UNet(width=2, depth=1), torch.rand(9, 1, 8, 8)
    found = usft.reestimate_statistics(model, images, batch_size=8)
    first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    given = [first(part).transpose(0, 1).flatten(1) for part in (images[:5], images[5:])]
    layer = next(m for m in found.modules() if isinstance(m, nn.BatchNorm2d))
    assert torch.allclose(layer.running_mean, sum(x.mean(1) for x in given) / 2, atol=1e-6)
    assert torch.allclose(layer.running_var, sum(x.var(1) for x in given) / 2, atol=1e-6)


# ---- the gradient against the weights ----------------------------------------------------------------------------


def test_the_ratio_is_that_of_autograd_by_hand(small, discs):
    data = discs[:6]
    by_hand = {}
    logits = small.eval()(data.images)
    p, y = logits.sigmoid(), data.masks.float()
    both = p.sum((1, 2, 3)) + y.sum((1, 2, 3))
    loss = (1 - (2 * (p * y).sum((1, 2, 3)) + 1) / (both + 1)).mean() - (y * p.log() + (1 - y) * (1 - p).log()).mean()
    named = [("enc1", small.enc1[0]), ("enc1", small.enc1[3]), ("dec2", small.dec2.up), ("dec2", small.dec2.block[0]),
             ("dec2", small.dec2.block[3]), ("head", small.head)]  # fmt: skip
    for (name, layer), gradient in zip(named, torch.autograd.grad(loss, [m.weight for _, m in named]), strict=True):
        g, w = by_hand.get(name, (0, 0))
        by_hand[name] = g + gradient.square().sum().item(), w + layer.weight.square().sum().item()
    found = usft.gradient_ratio(small, data)
    assert list(found) == list(groups(small))
    assert {name: found[name] for name in by_hand} == pytest.approx(
        {name: (g / w) ** 0.5 for name, (g, w) in by_hand.items()}, rel=1e-4
    )
    # Batches of any size, the last one smaller, share the work and change nothing.
    assert usft.gradient_ratio(small, data, batch_size=4) == pytest.approx(found, rel=1e-4)
    (both,) = usft.gradient_ratio(small, data, sets=[["enc1", "head"]]).items()
    g, w = (by_hand["enc1"][k] + by_hand["head"][k] for k in (0, 1))
    assert both == ("enc1 + head", pytest.approx((g / w) ** 0.5, rel=1e-4))


def test_asking_for_the_ratio_leaves_the_network_alone(small, discs):
    usft.freeze(small, ["enc2"]).train()
    small(discs.images[:2]).sum().backward()  # gradients from before stay as well
    before = {name: t.clone() for name, t in small.state_dict().items()}
    asked = {
        name: (p.requires_grad, None if p.grad is None else p.grad.clone()) for name, p in small.named_parameters()
    }
    modes = [m.training for m in small.modules()]
    found = usft.gradient_ratio(small, discs[:4])
    assert found["enc2"] > 0, "frozen groups are asked as well"
    assert all(torch.equal(t, before[name]) for name, t in small.state_dict().items())
    assert [m.training for m in small.modules()] == modes
    for name, p in small.named_parameters():
        needed, gradient = asked[name]
        assert p.requires_grad == needed and (p.grad is gradient or torch.equal(p.grad, gradient))
    # LoRA that has learnt nothing yet is the same network.
    assert usft.gradient_ratio(usft.lora(small, ["enc1", "dec1"]), discs[:4]) == pytest.approx(found, rel=1e-5)


def test_the_same_function_can_have_a_hundredth_of_the_ratio(small, discs):
    usft.fit(small, discs, steps=3, progress=False)  # statistics that are not 0 and 1
    found, logits = usft.gradient_ratio(small, discs[:4]), small.eval()(discs.images[:4])
    with torch.no_grad():
        for place in (0, 3):
            small.enc2[place].weight *= 10
            norm = small.enc2[place + 1]
            norm.running_mean *= 10
            norm.running_var.copy_(100 * (norm.running_var + norm.eps) - norm.eps)
    scaled = usft.gradient_ratio(small, discs[:4])
    torch.testing.assert_close(small(discs.images[:4]), logits, rtol=1e-3, atol=1e-4)
    assert scaled["enc2"] == pytest.approx(found["enc2"] / 100, rel=1e-2)
    assert {**scaled, "enc2": 0} == pytest.approx({**found, "enc2": 0}, rel=1e-2)


def test_a_ratio_of_nothing_is_one_clear_line(small, discs):
    with pytest.raises(BadInput, match="no group 'enc'"):
        usft.gradient_ratio(small, discs, sets=[["enc"]])
    assert list(usft.gradient_ratio(small, discs[:2], sets=["enc1", ["dec1", "head"]])) == ["enc1", "dec1 + head"]
    with pytest.raises(BadInput, match="has no images"):
        usft.gradient_ratio(small, discs[:0])
