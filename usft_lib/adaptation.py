"""Meeting a new domain without a label and without a gradient: new batch-norm statistics (lesson 05).

Li et al., "Revisiting batch normalization for practical domain adaptation", 2016, arXiv 1603.04779.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from .errors import BadInput
from .unet import UNet


@torch.no_grad()
def reestimate_statistics(model: UNet, images: Tensor, batch_size: int = 32) -> UNet:
    """A copy of ``model`` whose batch normalisation has the means and variances of ``images`` (lesson 05).

    Every batch counts alike, and each layer's statistics are those of what comes out of the layers before it while they
    normalise by the batch. No weight moves, no mask is looked at; groups that are frozen get new statistics too.

    Args:
        images: float32 ``[N, C, H, W]``, N ≥ 2.

    Raises:
        BadInput: there are fewer than two images.
    """
    if len(images) < 2 or batch_size < 2:
        raise BadInput(f"Statistics need at least two images a batch: {len(images)} images, batches of {batch_size}.")
    model, device = deepcopy(model), next(model.parameters()).device
    layers = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    kept = [(layer.momentum, layer.training) for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # PyTorch's word for the plain average over all batches
        layer.train()
    for part in torch.tensor_split(images, -(-len(images) // batch_size)):  # batches of nearly one size
        model(part.to(device))
    for layer, (momentum, training) in zip(layers, kept, strict=True):
        layer.momentum = momentum
        layer.train(training)
    return model
