"""What a training step costs, counted: floating-point operations and memory traffic, strategy by strategy (lesson 11).

A step has three parts: forward, the gradient of the inputs, the gradient of the weights. The gradient travels from the
loss back to the first trained convolution; groups before it have no backward pass at all, frozen groups after it pass
the gradient on, and only trained groups need gradients of weights. Each part takes as many operations as the forward
pass. Normalisation and activation do few operations and move much memory, so bytes are counted beside them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from .freezing import check_groups, convolution_flops
from .unet import UNet, groups

PASSES = ("forward", "to_inputs", "to_weights")


@dataclass(frozen=True)
class Cost:
    """Of one image in one step: MFLOPs and megabytes, each by pass (`PASSES`)."""

    flops: dict[str, float]
    megabytes: dict[str, float]

    def seconds(self, flops_per_second: float, bytes_per_second: float) -> float:
        """Time of one image on a machine with these rates, neither hidden behind the other."""
        return 1e6 * (sum(self.flops.values()) / flops_per_second + sum(self.megabytes.values()) / bytes_per_second)


def step_cost(model: UNet, names: Iterable[str], size: int = 128, bytes_each: int = 2) -> Cost:
    """The cost of a step that trains the groups ``names``, for one ``size`` × ``size`` image (lesson 11).

    Args:
        bytes_each: of a number in memory: 2 in bf16 and float16, 4 in float32.

    Raises:
        BadInput: there is no such group.
    """
    chosen = check_groups(model, names)
    return Cost(by_pass(convolution_flops(model, size), chosen), by_pass(_traffic(model, size, bytes_each), chosen))


def by_pass(forward: dict[str, list[float]], chosen: Iterable[str]) -> dict[str, float]:
    """What a step takes by pass, if each pass through a convolution takes as much as the forward one.

    ``forward``: for each group, in path order, a number for each of its convolutions.
    """
    total, reached, chosen = dict.fromkeys(PASSES, 0.0), False, set(chosen)
    for name, each in forward.items():
        for one in each:
            total["forward"] += one
            total["to_inputs"] += one * reached
            total["to_weights"] += one * (name in chosen)
            reached = reached or name in chosen
    return total


def relative(model: UNet, names: Iterable[str], size: int = 128, balance: float = 0.0, bytes_each: int = 2) -> float:
    """A step's cost against that of training everything.

    ``balance``: operations that the machine does in the time of moving a byte; 0 counts operations alone.
    """

    def cost(chosen) -> float:
        found = step_cost(model, chosen, size, bytes_each)
        return sum(found.flops.values()) + balance * sum(found.megabytes.values())

    return cost(names) / cost(groups(model))


def _traffic(model: UNet, size: int, bytes_each: int) -> dict[str, list[float]]:
    """For each group and convolution the megabytes that a forward pass moves: what is read, and what is written.

    A convolution's output is written, read and written again by the normalisation, and by the activation.
    """
    moved: dict[nn.Module, float] = {}

    def note(module, inputs, output) -> None:
        normalised = not isinstance(module, nn.ConvTranspose2d) and output.shape[1] > 1
        moved[module] = bytes_each * (inputs[0].numel() + output.numel() * (5 if normalised else 1)) / 1e6

    kinds = nn.Conv2d | nn.ConvTranspose2d
    layers = {name: [m for m in group.modules() if isinstance(m, kinds)] for name, group in groups(model).items()}
    hooks = [layer.register_forward_hook(note) for each in layers.values() for layer in each]
    was_training = model.training
    try:
        with torch.no_grad():
            like = next(model.parameters())
            model.eval()(torch.zeros(1, model.in_channels, size, size, device=like.device, dtype=like.dtype))
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    return {name: [moved[layer] for layer in each] for name, each in layers.items()}
