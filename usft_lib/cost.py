"""What a training step costs, counted: parameters, floating-point operations, memory traffic (lessons 02, 04, 13).

A step has three parts: forward, the gradient of the inputs, the gradient of the weights. The gradient travels from the
loss back to the first trained convolution. Groups before it have no backward pass at all, frozen groups after it pass
the gradient on, and only trained groups need gradients of weights. Each part takes as many operations as the forward
pass. Normalisation and activation do few operations and move much memory, so bytes are counted beside them. Where only
normalisation or biases learn (lesson 15), weights need no gradient, and yet the gradient has to come that far.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .adapters import low_rank
from .freezing import check_groups, trained
from .unet import UNet, forward_noting, groups

if TYPE_CHECKING:
    import pandas as pd

PASSES = ("forward", "to_inputs", "to_weights")
CONVOLUTIONS = nn.Conv2d | nn.ConvTranspose2d


def by_pass(
    forward: Sequence[float],
    learns: Sequence[bool],
    beside: Sequence[bool] | None = None,
    product: Sequence[float] | None = None,
) -> list[dict[str, float]]:
    """What each layer takes in a step, by pass (`PASSES`): the one rule by which all costs are counted.

    Args:
        forward: what a forward pass takes, layer by layer, in path order.
        learns: whether a layer's weights are trained.
        beside: whether something else is trained in it, a bias or the normalisation behind it, which costs next to
            nothing by itself; None: nowhere.
        product: what LoRA's product of two matrices takes in a layer; its gradients take twice as much; None: nothing.
    """
    beside, product = beside or [False] * len(forward), product or [0] * len(forward)
    found, reached = [], False  # has a trained layer come before? Every earlier layer of a U-Net feeds every later one
    for one, trains, more, made in zip(forward, learns, beside, product, strict=True):
        found.append({"forward": one + made, "to_inputs": one * reached, "to_weights": (one + 2 * made) * trains})
        reached = reached or trains or more
    return found


def total(layers: Iterable[dict[str, float]]) -> dict[str, float]:
    """The sum over layers, by pass."""
    layers = list(layers)
    return {name: sum(layer[name] for layer in layers) for name in PASSES}


def by_group(each: dict[str, list[float]], chosen: Iterable[str]) -> dict[str, dict[str, float]]:
    """For each group its cost by pass, if the groups ``chosen`` are trained.

    ``each``: for each group, in path order, what a forward pass takes in each of its convolutions.
    """
    chosen = set(chosen)
    return _summed(each, [name in chosen for name, layers in each.items() for _ in layers])


def _summed(each: dict[str, list[float]], *how) -> dict[str, dict[str, float]]:
    """The sums of `by_pass` by group."""
    layers = iter(by_pass([one for layers in each.values() for one in layers], *how))
    return {name: total(next(layers) for _ in own) for name, own in each.items()}


def _learning(model: UNet) -> tuple[list[bool], list[bool], list[float]]:
    """What `by_pass` asks of ``model`` as it stands: ``learns``, ``beside``, and ``product`` in MFLOPs."""
    carrying = {lora.plain: lora for lora in low_rank(model).values()}
    learns, beside, product = [], [], []
    for layer in model.modules():  # in path order, a normalisation behind its convolution
        if isinstance(layer, CONVOLUTIONS):
            lora = carrying.get(layer)
            learns.append(layer.weight.requires_grad or (lora is not None and lora.left.requires_grad))
            beside.append(layer.bias is not None and layer.bias.requires_grad)
            # Once per step, whatever the batch: counted in full here, so for more than one image an upper bound.
            product.append(2 * lora.left.shape[1] * layer.weight.numel() / 1e6 if lora else 0)
        elif isinstance(layer, nn.BatchNorm2d):
            beside[-1] = beside[-1] or any(p.requires_grad for p in layer.parameters())
    return learns, beside, product


def summary(model: UNet, size: int = 128) -> "pd.DataFrame":
    """One row per group, and a total: is it trained, its parameters, and its FLOPs for one image (lessons 02, 04, 13).

    Columns: ``group``, ``trained`` ("partly" where only some of its parameters may learn, lesson 15), ``parameters``,
    ``trainable``, and in millions of floating-point operations (a multiply and an add are two) for one ``size`` ×
    ``size`` image: ``forward``, ``to_inputs`` (the backward pass on to earlier layers), ``to_weights`` (the gradient
    that training needs). Only convolutions and LoRA's products count; the rest is under 2 %.
    """
    import pandas as pd  # slow to import, and only tables need it

    costs, rows = _summed(convolution_flops(model, size), *_learning(model)), []
    partly = {name.partition(".")[0] for name in model.fixed}
    for name, module in groups(model).items():
        rows.append({
            "group": name,
            "trained": "frozen" if name in model.frozen else "partly" if name in partly else "trained",
            "parameters": sum(p.numel() for p in module.parameters()),
            "trainable": sum(p.numel() for p in module.parameters() if p.requires_grad),
            **costs[name],
        })  # fmt: skip
    added = {key: sum(row[key] for row in rows) for key in rows[0] if key not in ("group", "trained")}
    return pd.DataFrame([*rows, {"group": "total", "trained": f"{len(trained(model))} of {len(rows)}", **added}])


@dataclass(frozen=True)
class Cost:
    """Of one image in one step: MFLOPs and megabytes, each by pass (`PASSES`)."""

    flops: dict[str, float]
    megabytes: dict[str, float]

    def seconds(self, flops_per_second: float, bytes_per_second: float) -> float:
        """Time of one image on a machine with these rates, neither hidden behind the other."""
        return 1e6 * (sum(self.flops.values()) / flops_per_second + sum(self.megabytes.values()) / bytes_per_second)


def step_cost(model: UNet, names: Iterable[str] | None = None, size: int = 128, bytes_each: int = 2) -> Cost:
    """The cost of a step that trains the groups ``names``, for one ``size`` × ``size`` image (lesson 13).

    Args:
        names: None: what would be trained as the model stands, normalisation alone or LoRA, for example (lesson 15).
        bytes_each: of a number in memory: 2 in bf16 and float16, 4 in float32.

    Raises:
        BadInput: there is no such group.
    """
    counted = convolution_flops(model, size), _traffic(model, size, bytes_each)
    if names is None:
        learns, beside, product = _learning(model)
        found = _summed(counted[0], learns, beside, product), _summed(counted[1], learns, beside)
    else:
        chosen = check_groups(model, names)
        found = [by_group(each, chosen) for each in counted]
    return Cost(*(total(each.values()) for each in found))


def relative(model: UNet, names: Iterable[str], size: int = 128, balance: float = 0.0, bytes_each: int = 2) -> float:
    """A step's cost against that of training everything.

    ``balance``: operations that the machine does in the time of moving a byte; 0 counts operations alone.
    """

    def cost(chosen) -> float:
        found = step_cost(model, chosen, size, bytes_each)
        return sum(found.flops.values()) + balance * sum(found.megabytes.values())

    return cost(names) / cost(groups(model))


def convolution_flops(model: UNet, size: int) -> dict[str, list[float]]:
    """For each group its convolutions' FLOPs, in millions, of one forward pass of a ``size`` × ``size`` image."""

    def flops(layer: nn.Module, given: Tensor, out: Tensor) -> float:
        count = 2 * out.shape[2] * out.shape[3] * layer.weight.numel() / 1e6
        if isinstance(layer, nn.ConvTranspose2d):  # each output pixel sees one tap of stride × stride
            count /= layer.stride[0] * layer.stride[1]
        return count

    return _per_convolution(model, size, flops)


def _traffic(model: UNet, size: int, bytes_each: int) -> dict[str, list[float]]:
    """For each group and convolution the megabytes that a forward pass moves: what is read, and what is written.

    A convolution's output is written, read and written again by the normalisation, and by the activation.
    """

    def moved(layer: nn.Module, given: Tensor, out: Tensor) -> float:
        normalised = not isinstance(layer, nn.ConvTranspose2d) and out.shape[1] > 1
        return bytes_each * (given.numel() + out.numel() * (5 if normalised else 1)) / 1e6

    return _per_convolution(model, size, moved)


def _per_convolution(model: UNet, size: int, count) -> dict[str, list[float]]:
    """``count(layer, input, output)`` of each convolution by group, read off a real forward pass of one image."""
    layers = {n: [m for m in group.modules() if isinstance(m, CONVOLUTIONS)] for n, group in groups(model).items()}
    found: dict[nn.Module, float] = {}
    like = next(model.parameters())
    image = torch.zeros(1, model.in_channels, size, size, device=like.device, dtype=like.dtype)
    with torch.no_grad():
        forward_noting(
            model,
            image,
            [layer for each in layers.values() for layer in each],
            lambda layer, given, out: found.__setitem__(layer, count(layer, given, out)),
        )
    return {name: [found[layer] for layer in each] for name, each in layers.items()}
