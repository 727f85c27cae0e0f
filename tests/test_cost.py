"""What a step costs: against the summary's columns, closed forms, and the order that must hold."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import usft_lib as usft
from usft_lib.cost import PASSES, Cost, by_group, by_pass, relative, step_cost, total
from usft_lib.freezing import named


@pytest.mark.parametrize("strategy", ["everything", "outer 1"])
def test_operations_are_those_of_the_summary(strategy):
    model = usft.UNet(8, 3)
    names = named(model, strategy)
    table = usft.summary(usft.train_only(model, names), 64).iloc[-1]
    assert step_cost(model, names, 64).flops == pytest.approx({way: table[way] for way in PASSES})


def test_three_convolutions_by_hand():
    forward = [1.0, 2.0, 4.0]
    assert total(by_pass(forward, [False, False, True])) == {"forward": 7, "to_inputs": 0, "to_weights": 4}
    assert total(by_pass(forward, [True, True, False])) == {"forward": 7, "to_inputs": 6, "to_weights": 3}
    assert total(by_pass(forward, [False, True, False])) == {"forward": 7, "to_inputs": 4, "to_weights": 2}
    assert total(by_pass(forward, [False] * 3)) == {"forward": 7, "to_inputs": 0, "to_weights": 0}
    assert [layer["to_inputs"] for layer in by_pass(forward, [True, False, False])] == [0, 2, 4]
    groups = {"a": [1.0, 2.0], "b": [4.0]}
    assert by_group(groups, ["a"])["b"] == {"forward": 4, "to_inputs": 4, "to_weights": 0}
    with pytest.raises(ValueError):
        by_pass(forward, [True])
    # Normalisation behind the first convolution learns: no gradient of weights, and yet one that comes that far.
    beside = by_pass(forward, [False] * 3, [True, False, False])
    assert total(beside) == {"forward": 7, "to_inputs": 6, "to_weights": 0}
    # LoRA's product: made once forward, its two gradients where it learns, and the gradient of the whole weight.
    assert by_pass([2.0], [True], product=[0.5]) == [{"forward": 2.5, "to_inputs": 0, "to_weights": 3.0}]
    assert by_pass([2.0], [False], product=[0.5]) == [{"forward": 2.5, "to_inputs": 0, "to_weights": 0}]


def test_bytes_of_the_first_convolution_and_of_the_head():
    model = usft.UNet(4, 1)
    moved = {name: step_cost(model, [name], 32).megabytes["to_weights"] for name in ("enc1", "head")}
    pixels = 32 * 32
    assert moved["enc1"] == pytest.approx(2 * pixels * ((1 + 5 * 4) + (4 + 5 * 4)) / 1e6)
    assert moved["head"] == pytest.approx(2 * pixels * (4 + 1) / 1e6)
    assert step_cost(model, ["enc1"], 32, bytes_each=4).megabytes["forward"] == pytest.approx(
        2 * step_cost(model, ["enc1"], 32).megabytes["forward"]
    )


@pytest.mark.slow
def test_training_more_never_costs_less_and_position_matters():
    model = usft.UNet(8, 4)
    for balance in (0, 50):
        for kind in ("first", "last", "outer", "inner"):
            costs = [relative(model, named(model, f"{kind} {k}"), 64, balance) for k in range(1, 5)]
            assert costs == sorted(costs) and costs[-1] <= 1
        assert relative(model, named(model, "everything"), 64, balance) == 1
        # Fewer parameters, and yet dearer: the gradient has to come all the way to them.
        assert relative(model, ["enc1"], 64, balance) > relative(model, named(model, "last 2"), 64, balance)


def test_the_model_is_left_as_it_was():
    model = usft.train_only(usft.UNet(4, 2), ["enc1"])
    before = {name: t.clone() for name, t in model.state_dict().items()}
    step_cost(model, ["dec1"], 32)
    assert model.training and model.frozen == frozenset(usft.groups(model)) - {"enc1"}
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())
    with pytest.raises(usft.BadInput, match="enc9"):
        step_cost(model, ["enc9"], 32)


def test_bytes_and_their_size_weigh_on_the_cost():
    model = usft.UNet(width=4)
    names, balance = named(model, "last 2"), 7.0
    of_two = relative(model, names, 64, balance)
    assert relative(model, names, 64, balance, bytes_each=4) == pytest.approx(relative(model, names, 64, 2 * balance))
    assert relative(model, names, 64, balance, bytes_each=4) != pytest.approx(of_two)


def test_neither_time_is_hidden_behind_the_other():
    assert Cost({"forward": 2.0}, {"forward": 3.0}).seconds(1e6, 1e6) == 5


WAYS = {
    "norm": lambda model: usft.train_parameters(model, "norm"),
    "bias": lambda model: usft.train_parameters(model, "bias"),
    "norm of some": lambda model: usft.train_parameters(usft.train_only(model, ["enc2", "dec1"]), "norm"),
    "bias of the decoder": lambda model: usft.train_parameters(usft.train_only(model, ["dec2"]), "bias"),
    "lora": lambda model: usft.lora(model, usft.groups(model), 3),
    "lora of some": lambda model: usft.unfreeze(usft.lora(model, ["enc2", "dec2"], 2), ["head"]),
    "lora, frozen in part": lambda model: usft.freeze(usft.lora(model, usft.groups(model), 2), ["enc1", "bottleneck"]),
}


@pytest.mark.parametrize("way", WAYS)
def test_operations_of_parts_agree_with_pytorchs_own_counter(way):
    model = WAYS[way](usft.UNet(4, 2))
    with FlopCounterMode(display=False) as counter:
        model(torch.rand(1, 1, 32, 32)).sum().backward()
    table = usft.summary(model, 32).set_index("group")
    assert table.loc["total", list(PASSES)].sum() == pytest.approx(counter.get_total_flops() / 1e6, rel=1e-9)
    assert step_cost(model, size=32).flops == pytest.approx({way: table.loc["total", way] for way in PASSES})
    assert table.loc["total", "trainable"] == sum(p.numel() for p in model.parameters() if p.requires_grad)


def test_the_table_says_what_learns_in_part():
    model = usft.freeze(usft.train_parameters(usft.UNet(4, 2), "norm"), ["dec2"])
    table = usft.summary(model, 32).set_index("group")
    assert table.loc["enc1", "trained"] == "partly" and table.loc["dec2", "trained"] == "frozen"
    assert table.loc["enc1", "trainable"] == 2 * 2 * 4 and table.loc["total", "to_weights"] == 0
    assert usft.summary(usft.train_parameters(model, "all"), 32)["trained"].tolist()[0] == "trained"
