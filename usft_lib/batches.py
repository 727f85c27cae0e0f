"""Which images make up a batch, and how they are changed at random (lesson 03).

Both are pure functions of a seed and a step: no generator's state to keep, and strategies of one seed share batches.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .seeds import generator


def batch_indices(n: int, batch_size: int, seed: int, step: int) -> Tensor:
    """Which of ``n`` images make up batch ``step``: int64 ``[batch_size]``.

    The images pass in an order shuffled anew each epoch, and each comes up once an epoch, as with a shuffling loader;
    but the order is computed from (seed, epoch), so any batch can be had without those before it.
    """
    places = torch.arange(step * batch_size, (step + 1) * batch_size)
    epochs = {e: torch.randperm(n, generator=generator("batch", seed, e)) for e in set((places // n).tolist())}
    return torch.stack([epochs[p // n][p % n] for p in places.tolist()])


def augment(images: Tensor, masks: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rotate, scale, shift and mirror images and masks alike, and change the images' gamma (lesson 03).

    Args:
        images: float32 ``[N, 1, H, W]`` in 0…1, on any device.
        masks: bool of the same shape.
        random: a generator on the CPU; its seed alone decides what happens.

    Returns images in 0…1 and bool masks. What is moved in from outside the picture is black and not object.
    Ranges: ±15°, a factor of 0.86…1.16, ±8 % of the side, mirrored left-right in half the cases, gamma 0.7…1.4.
    """
    n = len(images)
    u = torch.rand(6, n, generator=random) * 2 - 1  # six numbers an image, each in -1…1
    angle, scale = u[0] * math.radians(15), torch.exp(u[1] * 0.15)
    mirror = torch.where(u[4] < 0, -1.0, 1.0)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    # Rows of the 2×3 matrices that take a point of the new picture to its place in the old one; unit: half a side.
    matrices = torch.stack([cos * mirror, -sin, u[2] * 0.16, sin * mirror, cos, u[3] * 0.16], dim=1).view(n, 2, 3)
    gamma = torch.exp(u[5] * 0.35).view(n, 1, 1, 1)

    both = torch.cat([images, masks.to(images.dtype)], dim=1)
    grid = F.affine_grid(matrices.to(images.device), list(both.shape), align_corners=False)
    moved = F.grid_sample(both, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    # Interpolated and then cut at one half: the smooth counterpart of nearest-neighbour for a binary mask.
    return moved[:, :1].clamp(0, 1) ** gamma.to(images.device), moved[:, 1:] > 0.5
