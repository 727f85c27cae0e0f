"""From images to masks (lessons 01, 03)."""

import torch
from torch import Tensor

from .device import choose_precision
from .unet import UNet


@torch.no_grad()
def segment(model: UNet, images: Tensor, precision: str = "float32", batch_size: int = 32) -> Tensor:
    """Masks of ``images`` ``[N, 1, H, W]``: bool ``[N, 1, H, W]`` on the CPU, True where the probability is above ½.

    In float32 by default, so that the same weights score the same on every machine. The model's mode is left as it was.
    """
    device = next(model.parameters()).device
    chosen = choose_precision(precision, device)
    was_training = model.training
    model.eval()
    try:
        with chosen.autocast():
            # The logit of ½ is 0: comparing logits with ½ is a classic mistake.
            masks = [(model(part.to(device)) > 0).cpu() for part in images.split(batch_size)]
    finally:
        model.train(was_training)
    return torch.cat(masks)
