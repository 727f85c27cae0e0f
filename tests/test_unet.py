"""Shapes, groups and what each part of the U-Net sees."""

import pytest
import torch
from torch.nn import functional as F

from usft_lib import BadInput, UNet, groups
from usft_lib.unet import UpConvolution


@pytest.mark.parametrize("width, depth, height, wide", [(4, 4, 32, 64), (3, 2, 12, 8), (8, 1, 6, 6)])
def test_the_mask_has_the_size_of_the_image(width, depth, height, wide):
    out = UNet(width, depth)(torch.zeros(2, 1, height, wide))
    assert out.shape == (2, 1, height, wide) and out.dtype == torch.float32


def test_groups_partition_all_parameters_and_buffers(small):
    assert list(groups(small)) == "enc1 enc2 enc3 enc4 bottleneck dec4 dec3 dec2 dec1 head".split()
    for kind in ("parameters", "buffers"):
        owned = [id(t) for module in groups(small).values() for t in getattr(module, kind)()]
        assert len(owned) == len(set(owned)) and set(owned) == {id(t) for t in getattr(small, kind)()}


def test_parameter_count_matches_the_closed_form():
    w = 16

    def block(i, o):
        return 9 * i * o + 9 * o * o + 4 * o  # two convolutions, two normalisations with two numbers a channel

    c = [w, 2 * w, 4 * w, 8 * w, 16 * w]
    expected = block(1, c[0]) + sum(block(c[k], c[k + 1]) for k in range(4)) + w + 1
    expected += sum(4 * 2 * c[k] * c[k] + c[k] + block(2 * c[k], c[k]) for k in range(4))
    assert sum(p.numel() for p in UNet(w, 4).parameters()) == expected


@pytest.mark.parametrize("shape", [(1, 1, 30, 32), (1, 1, 32, 40), (1, 3, 32, 32), (1, 32, 32)])
def test_a_wrong_input_shape_is_one_clear_line(small, shape):
    with pytest.raises(BadInput, match="multiples of 16") as caught:
        small(torch.zeros(shape))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("settings", [{"width": 0}, {"depth": 0}, {"depth": 9}, {"in_channels": 0}])
def test_an_impossible_network_is_refused(settings):
    with pytest.raises(BadInput, match="(width|depth|in_channels) must be (a whole number|at most 6)"):
        UNet(**settings)


def test_the_up_convolution_is_a_transposed_convolution_and_so_are_its_gradients():
    torch.manual_seed(0)
    ours, theirs = UpConvolution(6, 4), torch.nn.ConvTranspose2d(6, 4, 2, stride=2)
    theirs.load_state_dict(ours.state_dict())
    results = []
    for layer in (ours, theirs):
        x = torch.linspace(-1, 1, 2 * 6 * 5 * 3).view(2, 6, 5, 3).requires_grad_()
        out = layer(x)
        (out * torch.linspace(-1, 2, out.numel()).view(out.shape)).sum().backward()
        results.append([out, x.grad, layer.weight.grad, layer.bias.grad])
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(*results, strict=True))


def by_hand(model: UNet, x: torch.Tensor) -> torch.Tensor:
    """The network in evaluation mode written a second time, with plain functions on its weights."""
    t = model.state_dict()

    def block(name, x):
        for k in ("0", "3"):
            norm = f"{name}.{int(k) + 1}"
            x = F.conv2d(x, t[f"{name}.{k}.weight"], padding=1)
            mean, variance = t[f"{norm}.running_mean"], t[f"{norm}.running_var"]
            x = F.relu(F.batch_norm(x, mean, variance, t[f"{norm}.weight"], t[f"{norm}.bias"]))
        return x

    skips = []
    for level in range(1, model.depth + 1):
        skips.append(block(f"enc{level}", x))
        n, c, h, w = skips[-1].shape
        x = skips[-1].reshape(n, c, h // 2, 2, w // 2, 2).amax((3, 5))
    x = block("bottleneck", x)
    for level in range(model.depth, 0, -1):
        x = F.conv_transpose2d(x, t[f"dec{level}.up.weight"], t[f"dec{level}.up.bias"], stride=2)
        x = block(f"dec{level}.block", torch.cat([skips.pop(), x], dim=1))
    return F.conv2d(x, t["head.weight"], t["head.bias"])


@pytest.mark.parametrize("depth", [2, 4])
def test_the_network_is_what_a_second_implementation_computes(depth):
    torch.manual_seed(0)
    model = UNet(4, depth).train()
    images = torch.rand(2, 1, 32, 48, generator=torch.Generator().manual_seed(1))
    model(images)  # statistics that are not those of a new network
    with torch.no_grad():
        assert torch.allclose(model.eval()(images), by_hand(model, images), atol=1e-5)
