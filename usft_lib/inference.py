"""From images to masks (lessons 01, 03)."""

import torch
from torch import Tensor, nn

from .device import choose_precision
from .errors import BadInput, check_count, check_images


@torch.no_grad()
def segment(model: nn.Module, images: Tensor, precision: str = "float32", batch_size: int = 32) -> Tensor:
    """Masks of ``images`` ``[N, 1, H, W]``: bool ``[N, 1, H, W]`` on the CPU, True where the probability is above ½.

    In float32 by default, so that the same weights score the same on every machine. The model's mode is left as it was.

    Raises:
        BadInput: the images are not float32 in 0…1, or the network answers NaN.
    """
    check_images(images)
    device = next(model.parameters()).device
    chosen = choose_precision(precision, device)
    was_training, masks = model.training, []
    model.eval()
    try:
        with chosen.autocast():
            for part in images.split(check_count("batch_size", batch_size)):
                logits = model(part.to(device)).cpu()
                if logits.isnan().any():
                    raise BadInput("The network answers NaN: its weights are broken, so train or load it again.")
                masks.append(logits > 0)  # the logit of ½ is 0: comparing logits with ½ is a classic mistake
    finally:
        model.train(was_training)
    return torch.cat(masks)
