"""Which layers to fine-tune: choosing groups and freezing them (lessons 04, 08, 09).

Two meanings of "shallow" give two schemes (Amiri et al. 2020 analysed two; the groups are our reconstruction):

* scheme 1, along the path: shallow is near the input. `first`, `last`, and the halves `contracting`, `expanding`.
* scheme 2, by level of the U: shallow is near the image, on both sides. `outer`, `inner`.
"""

from collections.abc import Iterable
from numbers import Integral

from .errors import BadInput, check_name, shown
from .unet import UNet, check_network, groups

# ---- choosing groups: lists of names, in path order ------------------------------------------------------------


def path(model: UNet) -> list[list[str]]:
    """The steps of scheme 1, in path order; the last decoder group and the head are one step."""
    names = list(groups(model))
    return [[name] for name in names[:-2]] + [names[-2:]]


def levels(model: UNet) -> list[list[str]]:
    """The levels of scheme 2, from the outermost (``enc1 dec1 head``) to the bottleneck."""
    sides = [[f"enc{k}", f"dec{k}"] for k in range(1, check_network(model).depth + 1)] + [["bottleneck"]]
    sides[0].append("head")
    return sides


def _take(steps: list[list[str]], k: int, what: str) -> set[str]:
    if not isinstance(k, Integral) or isinstance(k, bool) or k not in range(len(steps) + 1):
        raise BadInput(f"This U-Net has {len(steps)} {what}, so k must be 0…{len(steps)}, not {k!r}.")
    return {name for step in steps[:k] for name in step}


def _in_order(model: UNet, names: set[str]) -> list[str]:
    return [name for name in groups(model) if name in names]


def first(model: UNet, k: int) -> list[str]:
    """The first ``k`` groups along the path, beginning at the input (scheme 1, lesson 08)."""
    return _in_order(model, _take(path(model), k, "steps along its path"))


def last(model: UNet, k: int) -> list[str]:
    """The last ``k`` groups along the path, ending at the output; ``dec1`` and ``head`` count as one (scheme 1)."""
    return _in_order(model, _take(path(model)[::-1], k, "steps along its path"))


def outer(model: UNet, k: int) -> list[str]:
    """The ``k`` outermost levels, both sides of the U (scheme 2, lesson 09)."""
    return _in_order(model, _take(levels(model), k, "levels"))


def inner(model: UNet, k: int) -> list[str]:
    """The ``k`` innermost levels, beginning at the bottleneck (scheme 2, lesson 09)."""
    return _in_order(model, _take(levels(model)[::-1], k, "levels"))


def contracting(model: UNet) -> list[str]:
    """The contracting path ``enc1 …`` without the bottleneck (lesson 04)."""
    return first(model, model.depth)


def expanding(model: UNet) -> list[str]:
    """The expanding path ``… dec1 head`` without the bottleneck (lesson 04)."""
    return last(model, model.depth)


WHOLE, COUNTED = ("everything", "contracting", "expanding"), ("first", "last", "outer", "inner")
PRESETS = WHOLE + COUNTED


def named(model: UNet, name: str, k: int | None = None) -> list[str]:
    """The groups of a strategy by its name: ``"everything"``, ``"contracting"``, ``"first 2"``, or ``("first", 2)``.

    Raises:
        BadInput: there is no such name, or a number is missing.
    """
    if k is None and isinstance(name, str) and len(parts := name.split()) == 2 and parts[1].isdigit():
        name, k = parts[0], int(parts[1])
    check_name("preset", name, PRESETS)
    if k is not None and name in WHOLE:
        raise BadInput(f"{name} takes no number: write only {name!r}.")
    whole = {"everything": groups, "contracting": contracting, "expanding": expanding}
    if name in whole:
        return list(whole[name](model))
    if k is None:
        raise BadInput(f'How many? Write "{name} 2", for example.')
    return {"first": first, "last": last, "outer": outer, "inner": inner}[name](model, k)


def check_groups(model: UNet, names: Iterable[str]) -> list[str]:
    """These groups in path order, each once; a single name will do.

    Raises:
        BadInput: there is no such group; the message gives the nearest name.
    """
    if not isinstance(names, Iterable):
        raise BadInput(f"Name groups in a list, such as ['enc1', 'enc2'], not {shown(names)}.")
    names = [names] if isinstance(names, str) else list(names)
    return _in_order(model, {check_name("group", name, groups(model)) for name in names})


# ---- freezing --------------------------------------------------------------------------------------------------


def _set_frozen(model: UNet, names: set[str]) -> UNet:
    model.frozen = frozenset(names)
    for name, parameter in model.named_parameters():
        learns = name.partition(".")[0] not in names and name not in model.fixed
        parameter.requires_grad_(learns)
        if not learns:
            parameter.grad = None  # a gradient left from before would still be seen by clipping or an optimiser
    return model.train(model.training)  # UNet.train puts frozen groups into evaluation mode: statistics stay


def freeze(model: UNet, names: Iterable[str]) -> UNet:
    """Freeze these groups, weights **and** normalisation statistics, beside those frozen already (lesson 04).

    Their parameters need no gradient, `Training` gives them to no optimiser, and their batch normalisation uses and
    keeps its stored statistics, even after ``model.train()``. Returns the model.

    Raises:
        BadInput: there is no such group; the message gives the nearest name.
    """
    return _set_frozen(model, check_network(model).frozen.union(check_groups(model, names)))


def unfreeze(model: UNet, names: Iterable[str] | None = None) -> UNet:
    """Train these groups again; without names, all of them. Returns the model (lesson 04)."""
    names = groups(model) if names is None else names
    return _set_frozen(model, check_network(model).frozen.difference(check_groups(model, names)))


def train_only(model: UNet, names: Iterable[str]) -> UNet:
    """Train these groups and freeze all others. Returns the model (lesson 04)."""
    return _set_frozen(model, set(groups(model)).difference(check_groups(model, names)))


def trained(model: UNet) -> list[str]:
    """The names of the groups that are not frozen, in path order."""
    return [name for name in groups(model) if name not in model.frozen]
