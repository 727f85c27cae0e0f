"""What a network sees and computes, asked without training it (lessons 02, 07, 14).

Receptive fields, likeness of activations, statistics estimated again, the gradient against the weights.
"""

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .adapters import merge
from .data import SegmentationData, check_data
from .errors import BadInput, check_images, check_name
from .losses import dice_and_cross_entropy
from .unet import UNet, forward_noting, groups


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


def effective_receptive_field(model: UNet, images: Tensor, group: str, at: tuple[int, int] | None = None) -> Tensor:
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
    images = images.detach().to(next(model.parameters()).device).requires_grad_()
    forward_noting(model, images, [groups(model)[group]], lambda layer, given, out: outputs.append(out))
    out = outputs[0]
    row, column = (out.shape[2] // 2, out.shape[3] // 2) if at is None else at
    (gradient,) = torch.autograd.grad(out[:, :, row, column].sum(), images)
    size = gradient.double().abs().mean((0, 1)).cpu()
    if not size.sum() > 0:
        raise BadInput(f"No image pixel moves this pixel of {group}: all its units are off here; take other images.")
    return size / size.sum()


def effective_receptive_field_width(field: Tensor, share: float = 0.95) -> int:
    """Columns with the middle ``share`` of an `effective_receptive_field`; with 1, all that it touches (lesson 02)."""
    if not 0 < share <= 1:
        raise BadInput(f"share must be in 0…1, such as 0.95, not {share!r}.")
    columns, tail = field.sum(0), (1 - share) / 2
    # Summed from both ends: next to a sum of nearly 1, the last small column would be rounded away.
    left, right = columns.cumsum(0), columns.flip(0).cumsum(0).flip(0)
    return int(((left > tail * left[-1]) & (right > tail * right[0])).sum())


# ---- similarity of activations --------------------------------------------------------------------------------


def linear_cka(x: Tensor, y: Tensor) -> float:
    """Linear centred kernel alignment of ``x [n, p]`` and ``y [n, q]``, row i of both about the same thing: 0…1.

    1 where one is the other turned, mirrored, scaled or shifted; 0 where no direction of one varies with any of the
    other. Meaningful only for n well above p and q: few rows look alike by chance. Kornblith et al., ICML 2019,
    arXiv 1905.00414. (Lesson 07.)

    Raises:
        BadInput: not the same number of rows, fewer than two, or one of them does not vary.
    """
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) < 2:
        raise BadInput(f"Give two tables with the same rows, at least two, not {list(x.shape)} and {list(y.shape)}.")
    x, y = (t.double() - t.double().mean(0) for t in (x, y))
    own = torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y)
    if not own > 0:
        raise BadInput("One of the tables does not vary from row to row, or contains NaN, so nothing can vary with it.")
    return float(torch.linalg.norm(x.T @ y) ** 2 / own)


@torch.no_grad()
def activations(model: UNet, images: Tensor, cells: int = 8, batch_size: int = 32) -> dict[str, Tensor]:
    """What each group says about each place of each image: ``{group: float32 [N · cells², channels]}`` (lesson 07).

    In evaluation mode; averaged over a grid of ``cells`` × ``cells`` places, so that all groups have the same rows.
    """
    device, names = next(model.parameters()).device, {module: name for name, module in groups(model).items()}
    seen: dict[str, list[Tensor]] = {name: [] for name in groups(model)}

    def keep(layer: nn.Module, given: Tensor, out: Tensor) -> None:
        seen[names[layer]].append(F.adaptive_avg_pool2d(out.float(), cells).permute(0, 2, 3, 1).flatten(0, 2).cpu())

    check_images(images)
    for part in images.split(batch_size):
        forward_noting(model, part.to(device), names, keep)
    return {name: torch.cat(parts) for name, parts in seen.items()}


# ---- re-estimated statistics ----------------------------------------------------------------------------------


@torch.no_grad()
def reestimate_statistics(model: UNet, images: Tensor, batch_size: int = 32) -> UNet:
    """A copy of ``model`` whose batch normalisation has the means and variances of ``images`` (lesson 07).

    Every batch counts alike. Each layer's statistics come from the outputs of earlier layers that normalise by the
    batch. No weight moves, no mask is used; groups that are frozen get new statistics too.

    Args:
        images: float32 ``[N, C, H, W]``, N ≥ 2.

    Raises:
        BadInput: there are fewer than two images.
    """
    check_images(images)
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


# ---- the gradient against the weights -------------------------------------------------------------------------


def gradient_ratio(
    model: UNet, data: SegmentationData, sets: Iterable[list[str]] | None = None, batch_size: int = 16
) -> dict[str, float]:
    """How much the images ask of each group: its gradient's norm over its weights' norm (lesson 14).

    The gradient is of the training loss on ``data``, not augmented, at the current weights, in evaluation mode and
    float32; frozen groups get a ratio, too, and the model is left as it was. In Lee et al., "Surgical fine-tuning",
    ICLR 2023, arXiv 2210.11466, layers with a larger ratio train faster.

    The gradient is that of the mean over all images, so batches share the work and change nothing. (Lee et al. average
    the ratio over batches, which adds their noise, the more the smaller they are.) Only weights of convolutions and
    up-convolutions count, found by the kind of module: a normalisation is called ``enc1.1`` here, so leaving out
    names with "bn" would leave out none. Biases do not count: near zero, a ratio says how small they are. No choice
    mends this: a convolution made ten times larger, with its normalisation's statistics to match, is the same function
    and has a hundredth of the ratio.

    Args:
        sets: groups that count as one, such as ``[["enc1"], ["dec1", "head"]]``; None: each group by itself.

    Returns:
        ``{"enc1": ratio, …}``; of a set with several groups the name is ``"dec1 + head"``.

    Raises:
        BadInput: there is no such group, or there are no images.
    """
    sets = [[names] if isinstance(names, str) else names for names in (groups(model) if sets is None else sets)]
    for name in (name for names in sets for name in names):
        check_name("group", name, groups(model))
    check_data(data)
    model = merge(deepcopy(model)).eval().requires_grad_()  # a copy: no weight, statistic, mode or gradient moves
    model.zero_grad()
    device = next(model.parameters()).device
    for images, masks in zip(data.images.split(batch_size), data.masks.split(batch_size), strict=True):
        loss = dice_and_cross_entropy(model(images.to(device)), masks.to(device))
        (loss * len(images) / len(data)).backward()
    ratios = {}
    for names in sets:
        layers = [layer for name in names for layer in groups(model)[name].modules()]
        weights = [layer.weight for layer in layers if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
        asked, own = (
            sum(t.detach().double().square().sum() for t in each) for each in ([w.grad for w in weights], weights)
        )
        ratios[" + ".join(names)] = float((asked / own).sqrt())
    return ratios
