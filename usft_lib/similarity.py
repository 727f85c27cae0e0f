"""How alike are two sets of activations? (lesson 05)"""

import torch
from torch import Tensor
from torch.nn import functional as F

from .errors import BadInput
from .unet import UNet, groups


def linear_cka(x: Tensor, y: Tensor) -> float:
    """Linear centred kernel alignment of ``x [n, p]`` and ``y [n, q]``, row i of both about the same thing: 0…1.

    1 where one is the other turned, mirrored, scaled or shifted; 0 where no direction of one varies with any of the
    other. Meaningful only for n well above p and q: few rows look alike by chance. Kornblith et al., ICML 2019,
    arXiv 1905.00414. (Lesson 05.)

    Raises:
        BadInput: not the same number of rows, fewer than two, or one of them does not vary.
    """
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) < 2:
        raise BadInput(f"Give two tables with the same rows, at least two, not {list(x.shape)} and {list(y.shape)}.")
    x, y = (t.double() - t.double().mean(0) for t in (x, y))
    own = torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y)
    if own == 0:
        raise BadInput("One of the tables does not vary from row to row, so nothing can vary with it.")
    return float(torch.linalg.norm(x.T @ y) ** 2 / own)


@torch.no_grad()
def activations(model: UNet, images: Tensor, cells: int = 8, batch_size: int = 32) -> dict[str, Tensor]:
    """What each group says about each place of each image: ``{group: float32 [N · cells², channels]}`` (lesson 05).

    In evaluation mode; averaged over a grid of ``cells`` × ``cells`` places, so that all groups have the same rows.
    """
    device, was_training = next(model.parameters()).device, model.training
    seen: dict[str, list[Tensor]] = {name: [] for name in groups(model)}

    def keep(name):
        def hook(module, inputs, output):
            seen[name].append(F.adaptive_avg_pool2d(output.float(), cells).permute(0, 2, 3, 1).flatten(0, 2).cpu())

        return hook

    hooks = [module.register_forward_hook(keep(name)) for name, module in groups(model).items()]
    model.eval()
    try:
        for part in images.split(batch_size):
            model(part.to(device))
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    return {name: torch.cat(parts) for name, parts in seen.items()}
