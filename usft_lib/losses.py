"""The loss that training minimises (lesson 03)."""

from torch import Tensor
from torch.nn import functional as F

from .errors import BadInput


def soft_dice_loss(logits: Tensor, masks: Tensor, smooth: float = 1.0) -> Tensor:
    """1 − soft Dice, per image, then averaged (lesson 03).

    ``logits`` and ``masks`` are ``[N, 1, H, W]``; ``smooth`` keeps an image with an empty mask from dividing by zero.
    Per image, not per batch, so that a large object does not outvote a small one (Milletari et al. 2016,
    doi 10.1109/3DV.2016.79, there with squares in the denominator).
    """
    if logits.shape != masks.shape:
        raise BadInput(f"The loss needs logits and masks of one shape, not {[*logits.shape]} and {[*masks.shape]}.")
    p, y = logits.float().sigmoid().flatten(1), masks.float().flatten(1)
    overlap = (p * y).sum(1)
    return (1 - (2 * overlap + smooth) / (p.sum(1) + y.sum(1) + smooth)).mean()


def dice_and_cross_entropy(logits: Tensor, masks: Tensor) -> Tensor:
    """Soft Dice loss plus binary cross-entropy, ``[N, 1, H, W]`` each (lesson 03).

    The Dice term rewards overlap; cross-entropy still gives a gradient where that of Dice is nearly zero.
    """
    return soft_dice_loss(logits, masks) + F.binary_cross_entropy_with_logits(logits.float(), masks.float())
