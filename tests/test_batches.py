"""Image and mask move together, and only the seed decides how."""

import math

import torch

from usft_lib.data import augment
from usft_lib.seeds import generator


def blobs(n=64, side=64):
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    masks = ((y - 30) ** 2 / 100 + (x - 38) ** 2 / 225 < 1).expand(n, 1, side, side)
    return masks.float() * 0.8, masks.clone()


def test_image_and_mask_move_together_and_the_mask_is_cut_at_one_half():
    images, masks = blobs()
    moved, moved_masks = augment(images, masks, generator("a"))
    # A pixel that lies to the share w in the blob is (0.8 w) ** gamma bright, and 0.8 ** gamma where w = 1. The image
    # tells gamma and w; the mask must be where w exceeds one half.
    gamma = moved.amax((1, 2, 3), keepdim=True).log() / math.log(0.8)
    share = moved ** (1 / gamma) / 0.8
    sure = (share - 0.5).abs() > 1e-3
    assert torch.equal(moved_masks[sure], share[sure] > 0.5) and (sure.float().mean() > 0.999)
    for low, high in ((0.4, 0.5), (0.5, 0.6)):
        assert ((share > low) & (share < high) & sure).sum() > 500, "the border has pixels that another cut would turn"
    assert moved_masks.dtype == torch.bool and moved.shape == images.shape and not torch.equal(moved_masks, masks)


def test_ranges_are_as_documented():
    images, masks = blobs(512)
    moved, moved_masks = augment(images, masks, generator("b"))
    area = moved_masks.sum((1, 2, 3)) / masks.sum((1, 2, 3))
    assert 0.86**2 - 0.03 < area.min() < 0.85 and 1.2 < area.max() < 1.17**2 + 0.03
    centre = torch.stack([m[0].nonzero().float().mean(0) for m in moved_masks])
    mirrored = (centre[:, 1] < 31).float().mean()
    assert 0.35 < mirrored < 0.65
    brightest = moved.amax((1, 2, 3))
    gamma = brightest.log() / torch.tensor(0.8).log()
    assert 0.69 < gamma.min() < 0.76 and 1.3 < gamma.max() < 1.43


def test_only_the_generator_decides():
    images, masks = blobs(4)
    torch.manual_seed(1)
    a = augment(images, masks, generator("seed", 1))
    torch.manual_seed(2)
    b = augment(images, masks, generator("seed", 1))
    c = augment(images, masks, generator("seed", 2))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) and not torch.equal(a[0], c[0])


def test_values_stay_in_range():
    moved, _ = augment(torch.rand(32, 1, 16, 16), torch.rand(32, 1, 16, 16) > 0.5, generator("c"))
    assert moved.min() >= 0 and moved.max() <= 1 and torch.isfinite(moved).all()
