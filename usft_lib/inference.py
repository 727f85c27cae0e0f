"""From images to masks (lessons 01, 03)."""

import torch
from torch import Tensor
from torch.func import functional_call

from .device import choose_precision
from .unet import UNet


@torch.no_grad()
def segment(model: UNet, images: Tensor, precision: str = "float32", batch_size: int | None = None) -> Tensor:
    """Masks of ``images`` ``[N, 1, H, W]``: bool ``[N, 1, H, W]`` on the CPU, True where the probability is above ½.

    In float32 by default, so that the same weights score the same on every machine. The model is left as it was: its
    mode, and the layout of its weights. ``batch_size``: None takes 8 on a processor, 32 on a GPU.
    """
    device, layout = next(model.parameters()).device, torch.channels_last  # quicker; the numbers are the same
    weights = {name: p.to(memory_format=layout) if p.ndim == 4 else p for name, p in model.named_parameters()}
    parts = images.split(batch_size or (8 if device.type == "cpu" else 32))
    chosen = choose_precision(precision, device)
    was_training = model.training
    model.eval()
    try:
        with chosen.autocast():
            # The logit of ½ is 0: comparing logits with ½ is a classic mistake.
            masks = [(functional_call(model, weights, part.to(device)) > 0).cpu() for part in parts]
    finally:
        model.train(was_training)
    return torch.cat(masks)
