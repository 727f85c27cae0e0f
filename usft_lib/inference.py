"""From images to masks (lessons 01, 03)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .device import choose_precision
from .errors import BadInput, check_count, check_images, shown


def segment(model: nn.Module, images: Tensor, precision: str = "float32", batch_size: int | None = None) -> Tensor:
    """Masks of ``images`` ``[N, 1, H, W]``: bool ``[N, 1, H, W]`` on the CPU, True where the probability is above ½.

    In float32 by default, so that the same weights score the same on every machine. The model is left as it was: its
    mode, and the layout of its weights. ``batch_size``: None takes 8 on a processor, 32 on a GPU.

    Raises:
        BadInput: the images are not float32 in 0…1, or the network gives NaN.
    """
    # The logit of ½ is 0: comparing logits with ½ is a classic mistake.
    return torch.cat([part > 0 for part in logits(model, images, precision, batch_size)])


@torch.no_grad()
def logits(model: nn.Module, images: Tensor, precision="float32", batch_size=None) -> Iterator[Tensor]:
    """The network's answers, a batch at a time: ``[n, 1, H, W]`` on the CPU; arguments and errors as `segment`."""
    if not isinstance(model, nn.Module):
        raise BadInput(f"segment takes a network and then images, not {shown(model)} first.")
    check_images(images)
    device, layout = next(model.parameters()).device, torch.channels_last  # quicker; the numbers are the same
    weights = {name: p.to(memory_format=layout) if p.ndim == 4 else p for name, p in model.named_parameters()}
    size = (8 if device.type == "cpu" else 32) if batch_size is None else check_count("batch_size", batch_size)
    chosen = choose_precision(precision, device)
    was_training = model.training
    model.eval()
    try:
        with chosen.autocast():
            for part in images.split(size):
                answer = functional_call(model, weights, part.to(device)).cpu()
                if answer.isnan().any():
                    raise BadInput("The network gives NaN: its weights are broken, so train or load it again.")
                yield answer
    finally:
        model.train(was_training)
