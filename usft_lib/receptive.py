"""How far each group of a U-Net sees: what its layers allow, and what a gradient finds (lesson 02).

What is allowed is arithmetic on kernels and strides. What is used is smaller and depends on weights and images: Luo et
al., "Understanding the effective receptive field in deep convolutional neural networks", NIPS 2016, arXiv 1701.04128.
"""

import torch
from torch import Tensor

from .errors import BadInput, check_name
from .unet import UNet, groups


def receptive_fields(model: UNet) -> dict[str, int]:
    """Side, in image pixels, of the square that can reach one output pixel of each group (lesson 02).

    Two 3×3 convolutions look two pixels further on either side, a 2×2 pooling at both halves of its pixel, and an
    up-convolution at the one pixel that it splits. Where that falls depends on the pixel, by up to one pixel of the
    level below: the largest side counts.
    """
    period = 2**model.depth
    sides = {}
    for name in groups(model):
        level = model.depth + 1 if name == "bottleneck" else 1 if name == "head" else int(name[3:])
        expanding = name == "head" or name.startswith("dec")  # the head looks at one pixel of dec1, so sees the same
        sides[name] = max(_side(model.depth, level, expanding, at) for at in range(period))
    return sides


def _side(depth: int, level: int, expanding: bool, at: int) -> int:
    """Trace pixel ``at`` of a group's output back to the image; skips lie within what comes from below."""
    low, high = at - 2, at + 2
    if expanding:
        for _ in range(level, depth):  # up through the decoder's groups …
            low, high = low // 2 - 2, high // 2 + 2
        low, high, level = low // 2 - 2, high // 2 + 2, depth + 1  # … to the bottleneck
    for _ in range(1, level):
        low, high = 2 * low - 2, 2 * high + 1 + 2
    return high - low + 1


def footprint(model: UNet, images: Tensor, group: str, at: tuple[int, int] | None = None) -> Tensor:
    """How much each image pixel moves one output pixel of ``group``: ``[H, W]``, its sum 1 (lesson 02).

    The size of the gradient of that pixel's channels, added up, averaged over ``images`` ``[N, 1, H, W]``. The network
    is asked in evaluation mode; its mode and its parameters' gradients are left as they were.

    Args:
        at: row and column of the pixel in the group's output; None: the middle.

    Raises:
        BadInput: there is no such group, or no image pixel moves it (all its units are off).
    """
    check_name("group", group, groups(model))
    outputs: list[Tensor] = []
    hook = groups(model)[group].register_forward_hook(lambda module, given, out: outputs.append(out))
    was_training = model.training
    images = images.detach().to(next(model.parameters()).device).requires_grad_()
    try:
        model.eval()(images)
    finally:
        hook.remove()
        model.train(was_training)
    out = outputs[0]
    row, column = (out.shape[2] // 2, out.shape[3] // 2) if at is None else at
    (gradient,) = torch.autograd.grad(out[:, :, row, column].sum(), images)
    size = gradient.double().abs().mean((0, 1)).cpu()
    if not size.sum() > 0:
        raise BadInput(f"No image pixel moves this pixel of {group}: all its units are off here; take other images.")
    return size / size.sum()


def reach(footprint: Tensor, share: float = 0.95) -> int:
    """Columns that hold the middle ``share`` of a `footprint`; with 1, all that it touches (lesson 02)."""
    if not 0 < share <= 1:
        raise BadInput(f"share must lie in 0…1 (0.95, say), not {share!r}.")
    columns, tail = footprint.sum(0), (1 - share) / 2
    # Summed from both ends: next to a sum of nearly 1, the last small column would be rounded away.
    left, right = columns.cumsum(0), columns.flip(0).cumsum(0).flip(0)
    return int(((left > tail * left[-1]) & (right > tail * right[0])).sum())
