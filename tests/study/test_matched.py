"""Sets of convolutions with a given number of parameters: what is drawn, and that all else stands still."""

from copy import deepcopy

import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput
from usft_lib.study import matched


@pytest.fixture(scope="module")
def unet():
    torch.manual_seed(0)
    return usft.UNet()


def size_of(model, like: str) -> int:
    return sum(p.numel() for name in usft.freezing.named(model, like) for p in usft.groups(model)[name].parameters())


def test_whole_parts_hold_every_parameter_once(unet):
    parts = matched.parts(unet)
    assert sum(part.parameters for part in parts) == sum(p.numel() for p in unet.parameters())
    assert len({part.convolution for part in parts}) == len(parts) == 23  # 9 blocks of two, 4 up-convolutions, the head
    assert [part.norm for part in parts if part.norm is None] == [None] * 5


@pytest.mark.parametrize("like", ["first 2", "first 4", "last 2"])
def test_draws_meet_their_budget_and_lie_everywhere(unet, like):
    budget = size_of(unet, like)
    draws = [matched.draw(unet, f"matched {like} #{k}") for k in range(6)]
    for drawn in draws:
        assert abs(sum(part.parameters for part in drawn) - budget) <= 0.05 * budget
        assert len(drawn) >= 3 and max(part.parameters for part in drawn) <= budget // 3
    assert len({str(drawn) for drawn in draws}) == 6, "no set counts twice"
    places = [matched.position(drawn, unet) for drawn in draws]
    assert places[0] < 0.35 and max(places) - places[0] > 0.3, "from near the input to near the output"
    assert matched.draw(unet, f"matched {like} #0") == draws[0]


def test_what_is_not_drawn_stands_still_and_all_that_is_drawn_moves(unet):
    model = deepcopy(unet)
    torch.manual_seed(1)
    data = usft.SegmentationData(torch.rand(8, 1, 32, 32), torch.rand(8, 1, 32, 32) > 0.5, list("abcdefgh"), "noise")
    chosen = matched.draw(model, "matched first 2 #1")
    assert any(part.channels < part.of for part in chosen), "this draw must show a part of a convolution"
    matched.train_only_these(model, chosen)
    usft.fit(model, data, steps=4, batch_size=4, lr=1e-2, progress=False)
    before, after = dict(unet.named_parameters()), dict(model.named_parameters())
    moved = {name: (after[name] != before[name]) for name in after}
    layers = dict(model.named_modules())
    expected = 0
    for part in chosen:
        for name in filter(None, (part.convolution, part.norm)):
            for kind in ("weight", "bias"):
                if f"{name}.{kind}" not in moved:
                    continue
                axis = 1 if isinstance(layers[name], torch.nn.ConvTranspose2d) and kind == "weight" else 0
                changed = moved.pop(f"{name}.{kind}").movedim(axis, 0)
                assert changed[: part.channels].flatten(1 if changed.ndim > 1 else 0).any() and not changed[
                    part.channels :
                ].any()
                expected += before[f"{name}.{kind}"].movedim(axis, 0)[: part.channels].numel()
    assert not any(changed.any() for changed in moved.values())
    assert expected == sum(part.parameters for part in chosen)
    old = dict(unet.named_buffers())
    assert all(torch.equal(value, old[name]) for name, value in model.named_buffers()), "statistics stand still"


def test_operations_are_those_of_whole_groups_where_groups_are_drawn(unet):
    whole = [part for part in matched.parts(unet) if part.group in ("enc1", "enc2")]
    table = [usft.summary(usft.train_only(deepcopy(unet), names), 64).iloc[-1] for names in (["enc1", "enc2"],
             list(usft.groups(unet)))]  # fmt: skip
    ways = ["forward", "to_inputs", "to_weights"]
    assert matched.step_flops(whole, unet, 64) == pytest.approx(table[0][ways].sum() / table[1][ways].sum())
    everything = matched.parts(unet)
    assert matched.position(everything[:1], unet) == 0 and matched.position(everything[-1:], unet) == 1


def test_nonsense_is_one_line(unet):
    for strategy in ("matched first 2 #6", "matched first 2", "matched #1", "matched first #1", "first 2 #1"):
        with pytest.raises(BadInput) as error:
            matched.draw(unet, strategy)
        assert "\n" not in str(error.value)
