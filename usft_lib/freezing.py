"""Which layers to fine-tune: choosing groups, freezing them, and what that costs (lessons 06, 07, 08).

Two meanings of "shallow" give two schemes (Amiri et al. 2020 analysed two; the groups are our reconstruction):

* scheme 1, along the path: shallow is near the input. `first`, `last`, and the halves `contracting`, `expanding`.
* scheme 2, by level of the U: shallow is near the image, on both sides. `outer`, `inner`.
"""

from collections.abc import Iterable
from operator import index
from typing import TYPE_CHECKING

import torch
from torch import nn

from .errors import BadInput, check_name
from .unet import UNet, groups

if TYPE_CHECKING:
    import pandas as pd


# ---- choosing groups: lists of names, in path order ------------------------------------------------------------


def path(model: UNet) -> list[list[str]]:
    """The steps of scheme 1, in path order; the last decoder group and the head are one step."""
    names = list(groups(model))
    return [[name] for name in names[:-2]] + [names[-2:]]


def levels(model: UNet) -> list[list[str]]:
    """The levels of scheme 2, from the outermost (``enc1 dec1 head``) to the bottleneck."""
    sides = [[f"enc{k}", f"dec{k}"] for k in range(1, model.depth + 1)] + [["bottleneck"]]
    sides[0].append("head")
    return sides


def _take(steps: list[list[str]], k: int, what: str) -> set[str]:
    try:
        within = 0 <= index(k) <= len(steps)
    except TypeError:
        within = False
    if not within:
        raise BadInput(f"This U-Net has {len(steps)} {what}, so k must be 0…{len(steps)}, not {k!r}.")
    return {name for step in steps[:k] for name in step}


def _in_order(model: UNet, names: set[str]) -> list[str]:
    return [name for name in groups(model) if name in names]


def first(model: UNet, k: int) -> list[str]:
    """The first ``k`` groups along the path, beginning at the input (scheme 1, lesson 07)."""
    return _in_order(model, _take(path(model), k, "steps along its path"))


def last(model: UNet, k: int) -> list[str]:
    """The last ``k`` groups along the path, ending at the output; ``dec1`` and ``head`` count as one (scheme 1)."""
    return _in_order(model, _take(path(model)[::-1], k, "steps along its path"))


def outer(model: UNet, k: int) -> list[str]:
    """The ``k`` outermost levels, both sides of the U (scheme 2, lesson 08)."""
    return _in_order(model, _take(levels(model), k, "levels"))


def inner(model: UNet, k: int) -> list[str]:
    """The ``k`` innermost levels, beginning at the bottleneck (scheme 2, lesson 08)."""
    return _in_order(model, _take(levels(model)[::-1], k, "levels"))


def contracting(model: UNet) -> list[str]:
    """The contracting path ``enc1 …`` without the bottleneck (lesson 06)."""
    return first(model, model.depth)


def expanding(model: UNet) -> list[str]:
    """The expanding path ``… dec1 head`` without the bottleneck (lesson 06)."""
    return last(model, model.depth)


PRESETS = ("everything", "contracting", "expanding", "first", "last", "outer", "inner")


def named(model: UNet, name: str, k: int | None = None) -> list[str]:
    """The groups of a strategy by its name: ``"everything"``, ``"contracting"``, ``"first 2"``, or ``("first", 2)``.

    Raises:
        BadInput: there is no such name, or a number is missing.
    """
    if k is None and isinstance(name, str) and len(parts := name.split()) == 2 and parts[1].isdigit():
        name, k = parts[0], int(parts[1])
    check_name("preset", name, PRESETS)
    if k is not None and name in PRESETS[:3]:
        raise BadInput(f"{name} takes no number: say {name!r} alone.")
    if name == "everything":
        return list(groups(model))
    if name == "contracting":
        return contracting(model)
    if name == "expanding":
        return expanding(model)
    if k is None:
        raise BadInput(f'How many? Say "{name} 2", for example.')
    return {"first": first, "last": last, "outer": outer, "inner": inner}[name](model, k)


# ---- freezing --------------------------------------------------------------------------------------------------


def check_groups(model: UNet, names: Iterable[str]) -> list[str]:
    """These groups, in path order, each once; a single name counts as a list of one.

    Raises:
        BadInput: there is no such group, the nearest name is told; or ``names`` is no list.
    """
    if not isinstance(names, Iterable):
        raise BadInput(f"Name groups in a list, such as ['enc1', 'enc2'], not {names!r}.")
    names = [names] if isinstance(names, str) else list(names)
    return _in_order(model, {check_name("group", name, groups(model)) for name in names})


def _set_frozen(model: UNet, names: set[str]) -> UNet:
    model.frozen = frozenset(names)
    for name, module in groups(model).items():
        for parameter in module.parameters():
            parameter.requires_grad_(name not in names)
            if name in names:
                parameter.grad = None  # a gradient left from before would still be seen by clipping or an optimiser
    return model.train(model.training)


def freeze(model: UNet, names: Iterable[str]) -> UNet:
    """Freeze these groups, weights **and** normalisation statistics, beside those frozen already (lesson 06).

    Their parameters need no gradient, `Training` gives them to no optimiser, and their batch normalisation uses and
    keeps its stored statistics, even after ``model.train()``. Returns the model.

    Raises:
        BadInput: there is no such group; the nearest name is told.
    """
    return _set_frozen(model, model.frozen | set(check_groups(model, names)))


def unfreeze(model: UNet, names: Iterable[str] | None = None) -> UNet:
    """Train these groups again; without names, all of them. Returns the model (lesson 06)."""
    return _set_frozen(model, model.frozen - set(check_groups(model, groups(model) if names is None else names)))


def train_only(model: UNet, names: Iterable[str]) -> UNet:
    """Train these groups and freeze all others. Returns the model (lesson 06)."""
    return _set_frozen(model, set(groups(model)) - set(check_groups(model, names)))


def trained(model: UNet) -> list[str]:
    """The names of the groups that are not frozen, in path order."""
    return [name for name in groups(model) if name not in model.frozen]


# ---- what it costs ---------------------------------------------------------------------------------------------


def summary(model: UNet, size: int = 128) -> "pd.DataFrame":
    """One row a group, and a total: is it trained, its parameters, and its FLOPs for one image (lessons 02, 06, 11).

    Columns: ``group``, ``trained``, ``parameters``, ``trainable``, and in millions of floating-point operations (a
    multiply and an add are two) for one ``size`` × ``size`` image: ``forward``, ``to_inputs`` (the backward pass on to
    earlier layers), ``to_weights`` (the gradient that training needs). Only convolutions count; the rest is under 2 %.

    A gradient travels back to the first trained layer and no further: layers before it need no backward pass at all.
    Layers after it pass the gradient through, frozen or not.
    """
    import pandas as pd  # slow to import, and only tables need it

    rows = []
    reached = False  # has a trained layer come before this one? Every earlier layer of a U-Net feeds every later one.
    flops = convolution_flops(model, size)
    for name, module in groups(model).items():
        row = {"group": name, "trained": name not in model.frozen}
        row["parameters"] = sum(p.numel() for p in module.parameters())
        row["trainable"] = sum(p.numel() for p in module.parameters() if p.requires_grad)
        row |= {"forward": 0.0, "to_inputs": 0.0, "to_weights": 0.0}
        for forward in flops[name]:
            row["forward"] += forward
            row["to_inputs"] += forward * reached
            row["to_weights"] += forward * row["trained"]
            reached |= row["trained"]
        rows.append(row)
    total = {key: sum(row[key] for row in rows) for key in rows[0] if key not in ("group", "trained")}
    for row in rows:
        row["trained"] = "trained" if row["trained"] else "frozen"
    return pd.DataFrame([*rows, {"group": "total", "trained": f"{len(trained(model))} of {len(rows)}", **total}])


def convolution_flops(model: UNet, size: int) -> dict[str, list[float]]:
    """For each group its convolutions' FLOPs, in millions, of one forward pass of a ``size`` × ``size`` image.

    Each of the two parts of a backward pass, to the inputs and to the weights, takes as many again (lesson 11).
    """
    found: dict[str, list[float]] = {}
    outputs = _output_pixels(model, size)
    for name, module in groups(model).items():
        found[name] = []
        for convolution in _convolutions(module):
            flops = 2 * outputs[convolution] * convolution.weight.numel() / 1e6
            if isinstance(convolution, nn.ConvTranspose2d):  # each output pixel sees one tap of stride × stride
                flops /= convolution.stride[0] * convolution.stride[1]
            found[name].append(flops)
    return found


def _convolutions(module: nn.Module) -> list[nn.Module]:
    return [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]


def _output_pixels(model: UNet, size: int) -> dict[nn.Module, int]:
    """Output pixels of each convolution for one square image, read off a real forward pass."""
    pixels: dict[nn.Module, int] = {}
    hooks = [
        module.register_forward_hook(lambda module, _, out: pixels.__setitem__(module, out.shape[2] * out.shape[3]))
        for module in _convolutions(model)
    ]
    was_training = model.training
    parameter = next(model.parameters())
    try:
        with torch.no_grad():  # in evaluation mode, so that no statistic moves
            model.eval()(torch.zeros(1, model.in_channels, size, size, device=parameter.device, dtype=parameter.dtype))
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    return pixels
