"""What the name of a strategy means: what is trained, and when (lessons 07 to 15).

========================================  ========================================================================
``"first 4"``, ``"everything"``, …        groups, as in `freezing.named`; ``"first 4 + head"`` trains the head as well
``"only enc2"``, ``"only dec1 head"``     these groups
``"top 4 by ratio"``                      of the nine steps of the path those with the largest `gradient_ratio`
                                          (`four_of_nine` draws sets of as many)
``"matched first 2 #3"``                  parts of convolutions, see `matched.draw`
``"norm only"``, ``"bias only"``          one kind of parameter in all groups, see `adapters.train_parameters`
``"head only"``                           the head
``"lora 4"``                              changes of rank 4 of all convolutions, see `adapters.lora`
``"lp-ft"``                               the head for a third of the steps, then everything
``"unfreeze from input"``, ``… output"``  enc1 (or dec1 and the head), then one more step of the path at a time, the
                                          last of them after a third of the steps, so that as many are left as in lp-ft
========================================  ========================================================================
"""

from functools import cache
from itertools import pairwise

from ..adapters import lora, train_parameters
from ..cost import step_cost
from ..data import SegmentationData
from ..errors import BadInput
from ..freezing import first, last, named, path, train_only, unfreeze
from ..probes import gradient_ratio, reestimate_statistics
from ..seeds import uniform
from ..unet import UNet, groups
from . import matched

SCHEDULED = ("lp-ft", "unfreeze from input", "unfreeze from output")


def ratios(model: UNet, train: SegmentationData) -> dict[str, float]:
    """The `gradient_ratio` of each step of the path, dec1 and the head being one."""
    return gradient_ratio(model, train, sets=path(model))


def top(strategy: str, found: dict[str, float]) -> str:
    """``"top 4 by ratio"`` as the groups that it means where `ratios` found this: ``"only enc1 enc3 dec1 head"``.

    Raises:
        BadInput: the strategy is not of this form.
    """
    k = strategy.removeprefix("top ").removesuffix(" by ratio")
    if not k.isdigit() or not 0 < int(k) <= len(found):
        raise BadInput(f"{strategy!r}: say 'top 4 by ratio', with a number from 1 to {len(found)}.")
    chosen = sorted(found, key=found.get, reverse=True)[: int(k)]
    return "only " + " ".join(name for names in chosen for name in names.split(" + "))


def four_of_nine(draw: int) -> str:
    """A random set of 4 of the 9 steps of the path, the same on every machine: ``"only enc2 bottleneck dec4 dec2"``."""
    steps = path(UNet())
    chosen = sorted(range(len(steps)), key=lambda k: uniform("four of nine", draw, k))[:4]
    return "only " + " ".join(name for k in sorted(chosen) for name in steps[k])


def prepare(model: UNet, strategy: str, statistics: str, train: SegmentationData, seed: int = 0) -> UNet:
    """The model with what the strategy trains at first, and all else frozen, its statistics treated as said.

    Args:
        statistics: see `experiment.Experiment`.
        seed: of LoRA's first numbers.

    Raises:
        BadInput: there is no such strategy.
    """
    if statistics == "adapting" and (strategy.startswith("matched ") or strategy in SCHEDULED):
        raise BadInput("Matched sets and schedules keep their statistics: 'adapting' would not do what it says.")
    if statistics == "reestimated":
        model = reestimate_statistics(model, train.images)
    kind, _, rest = strategy.partition(" ")
    if kind == "matched":
        return matched.train_only_these(model, matched.draw(model, strategy))
    if strategy in ("norm only", "bias only"):
        train_parameters(unfreeze(model), kind)
    elif strategy in ("head only", "lp-ft"):
        train_only(model, ["head"])
    elif kind == "lora":
        if not rest.isdigit():
            raise BadInput(f"{strategy!r}: say 'lora 4', with the rank.")
        lora(model, groups(model), int(rest), seed)
    elif kind == "only" and rest:
        train_only(model, rest.split())
    elif strategy in SCHEDULED:
        train_only(model, (first if strategy.endswith("input") else last)(model, 1))
    else:
        name, plus, head = strategy.partition(" + ")
        if plus and head != "head":
            raise BadInput(f"Only the head can be added, as in 'first 4 + head', not {head!r}.")
        train_only(model, [*named(model, name), *([head] if plus else [])])
    if statistics == "adapting":
        # Parameters need a gradient or not as before; normalisation goes by the batch everywhere.
        model.frozen = model.fixed = frozenset()
    return model


@cache
def size(strategy: str) -> tuple[float, int] | None:
    """MFLOP of a step for one image, and how many parameters are trained; None where only the images can tell.

    Of a schedule the operations are the mean over a run of 300 steps, the parameters those that learn in the end.
    """
    if strategy.startswith("top "):
        return None
    model = prepare(UNet(), strategy, "kept", None)
    steps, later = 300, unfreezing(model, strategy, 300)
    spent = 0.0
    for start, end in pairwise([0, *later, steps]):
        if start:
            train_only(model, later[start])
        spent += sum(step_cost(model).flops.values()) * (end - start) / steps
    return spent, sum(p.numel() for p in model.parameters() if p.requires_grad)


def unfreezing(model: UNet, strategy: str, steps: int) -> dict[int, list[str]]:
    """What a strategy unfreezes after how many of ``steps``, as `Training` takes it; most strategies nothing."""
    if strategy not in SCHEDULED:
        return {}
    third, more = max(steps // 3, 1), len(path(model)) - 1
    if strategy == "lp-ft":
        return {third: list(groups(model))}
    side = first if strategy.endswith("input") else last
    return {max(third * k // more, 1): side(model, 1 + k) for k in range(1, more + 1)}
