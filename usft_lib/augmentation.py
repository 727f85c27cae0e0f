"""Random changes of image and mask together, a batch at a time (lesson 03)."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def augment(images: Tensor, masks: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rotate, scale, shift and mirror images and masks alike, and change the images' gamma (lesson 03).

    Args:
        images: float32 ``[N, 1, H, W]`` in 0…1, on any device.
        masks: bool of the same shape.
        generator: on the CPU; its seed alone decides what happens.

    Returns images in 0…1 and bool masks. What is moved in from outside the picture is black and not object.
    Ranges: ±15°, a factor of 0.86…1.16, ±8 % of the side, mirrored left-right in half the cases, gamma 0.7…1.4.
    """
    n = len(images)
    u = torch.rand(6, n, generator=generator) * 2 - 1  # six numbers an image, each in -1…1
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
