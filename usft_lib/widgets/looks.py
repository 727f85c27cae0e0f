"""What the freezing lab shows of images and networks: outlines, changes of weights, what a group sees (lesson 04)."""

import torch
from torch import Tensor

from ..data import SegmentationData
from ..errors import BadInput, check_name
from ..inference import segment
from ..probes import effective_receptive_field, effective_receptive_field_width
from ..unet import UNet, groups
from .contours import outlines

SHOWN = 3  # validation images that are looked at
PLACES = ("spread", "worst", "median", "best")


def choose(which, table, count: int) -> list[int]:
    """Places of up to three images: by their numbers, or by their Dice in ``table`` (of those with an object).

    Args:
        which: ``"worst"``, ``"median"``, ``"best"``, one of each by ``"spread"``; or a number, or a few.

    Raises:
        BadInput: there is no such word or image.
    """
    if isinstance(which, str):
        check_name("choice of images", which, PLACES)
        order = table[~table["empty"]].sort_values("dice", kind="stable").index.tolist()
        few = min(SHOWN, len(order))
        middle = max(0, (len(order) - few) // 2)
        each = {"worst": order[:few], "median": order[middle : middle + few], "best": order[::-1][:few]}
        each["spread"] = list(dict.fromkeys([order[0], order[len(order) // 2], order[-1]]))
        return each[which]
    numbers = list(which) if isinstance(which, list | tuple) else [which]
    whole = all(isinstance(k, int) and not isinstance(k, bool) and 0 <= k < count for k in numbers)
    if not whole or not 1 <= len(set(numbers)) <= SHOWN:
        raise BadInput(f"Look at 1 to {SHOWN} images by their numbers, 0…{count - 1}, not {which!r}.")
    return list(dict.fromkeys(numbers))


def grey(image: Tensor) -> bytes:
    """An image ``[1, S, S]`` in 0…1, a byte per pixel."""
    return (image[0] * 255).round().byte().numpy().tobytes()


def drawn(model: UNet, data: SegmentationData, numbers: list[int]) -> dict[int, list[list[int]]]:
    """The outlines that the network draws on these images, by their number."""
    return dict(zip(numbers, map(outlines, segment(model, data.images[numbers])[:, 0]), strict=True))


@torch.no_grad()
def changes(model: UNet, before: UNet) -> dict[str, float]:
    """How far the parameters of each group went, against their length: ``|w − w₀| / |w₀|``."""
    old = dict(before.named_parameters())
    moved, own = dict.fromkeys(groups(model), 0.0), dict.fromkeys(groups(model), 0.0)
    for name, p in model.named_parameters():
        group, was = name.partition(".")[0], old[name].to(p.device)
        moved[group] += float((p - was).double().square().sum())
        own[group] += float(was.double().square().sum())
    return {name: (moved[name] / own[name]) ** 0.5 if own[name] else 0.0 for name in moved}


def field(model: UNet, data: SegmentationData, number: int, group: str) -> dict:
    """What the middle pixel of a group sees of an image: the `effective_receptive_field`, and its width in pixels."""
    choose(number, None, len(data))
    found = effective_receptive_field(model, data.images[[number]], group)
    width = effective_receptive_field_width(found)
    return {"group": group, "image": number, "width": width, "field": found.float()}
