"""How good is a mask? Scores an image, tables, and the baseline that every table carries (lesson 01).

All scores are per image and then averaged: a Dice over a whole batch would depend on the batch size. An empty mask that
is answered by an empty mask scores 1; any pixel drawn there scores 0; empty masks are also reported apart.
"""

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from .data import SegmentationData, check_data
from .errors import BadInput
from .inference import segment
from .intervals import bootstrap_mean, check_scores, subject_means
from .unet import UNet

if TYPE_CHECKING:
    import pandas as pd

FAILURE = 0.1  # a Dice below this: the object was missed


def dice(predicted: Tensor, true: Tensor) -> Tensor:
    """Dice similarity coefficient ``2|A∩B| / (|A|+|B|)`` of each image: float32 ``[N]`` from bool ``[N, 1, H, W]``.

    Dice, Ecology 26:297, 1945, doi 10.2307/1932409. Two empty masks agree: 1. (Lesson 01.)
    """
    overlap, total = _overlap_and_total(predicted, true)
    return torch.where(total > 0, 2 * overlap / total.clamp(min=1), 1.0)


def iou(predicted: Tensor, true: Tensor) -> Tensor:
    """Intersection over union ``|A∩B| / |A∪B|`` of each image: float32 ``[N]`` from bool ``[N, 1, H, W]``.

    Two empty masks score 1 (lesson 01).
    """
    overlap, total = _overlap_and_total(predicted, true)
    return torch.where(total > 0, overlap / (total - overlap).clamp(min=1), 1.0)


def _overlap_and_total(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    if not all(isinstance(masks, Tensor) and masks.ndim > 2 for masks in (predicted, true)):
        raise BadInput("Give two tensors [N, 1, H, W]: torch.from_numpy makes one, and mask[None, None] of one mask.")
    _check_masks(predicted, true, predicted.shape == true.shape)
    a, b = predicted.flatten(1), true.flatten(1)
    return (a & b).sum(1).float(), (a.sum(1) + b.sum(1)).float()


def _check_masks(a, b, fit: bool, needed: str = "two bool masks of one shape") -> None:
    if not fit or not all(str(mask.dtype).endswith("bool") for mask in (a, b)):
        these = f"{a.dtype} {list(a.shape)} and {b.dtype} {list(b.shape)}"
        raise BadInput(f"Scores need {needed}; these are {these}: threshold logits at 0, probabilities at 0.5.")


def hausdorff95(predicted: np.ndarray, true: np.ndarray) -> float:
    """95 % Hausdorff distance between the outlines of two bool masks ``[H, W]``, in pixels; NaN if one is empty.

    The distance that 95 % of outline pixels stay below, the worse of the two directions (Taha and Hanbury, BMC Medical
    Imaging 15:29, 2015, doi 10.1186/s12880-015-0068-x). (Lesson 01.)
    """
    from scipy.ndimage import binary_erosion, distance_transform_edt

    _check_masks(predicted, true, predicted.shape == true.shape and predicted.ndim == 2, "two bool masks [H, W]")
    if not predicted.any() or not true.any():
        return float("nan")
    a, b = (mask & ~binary_erosion(mask) for mask in (predicted, true))
    to_b, to_a = distance_transform_edt(~b)[a], distance_transform_edt(~a)[b]
    return float(max(np.quantile(to_b, 0.95), np.quantile(to_a, 0.95)))


def head_circumference_mm(masks: Tensor, spacing_mm: Tensor | None) -> Tensor:
    """Circumference of the ellipse with the area moments of each mask: float32 ``[N]`` in mm, NaN if empty (lesson 10).

    A filled ellipse with semi-axes a, b has variances a²/4 and b²/4 along them; Ramanujan's second approximation then
    gives the circumference (exact to 1e-5 for heads). ``masks`` is bool ``[N, 1, H, W]``, ``spacing_mm`` ``[N]``.
    """
    if spacing_mm is None:
        raise BadInput("The size of a pixel is not known for these images, so nothing can be measured in mm.")
    if masks.dtype != torch.bool or spacing_mm.shape != masks.shape[:1]:
        raise BadInput(f"Give bool masks and a spacing for each, not {masks.dtype} and {len(spacing_mm)} spacings.")
    results = []
    for mask, mm in zip(masks[:, 0], spacing_mm.tolist(), strict=True):
        points = mask.nonzero().cpu().double()
        if len(points) < 2:
            results.append(float("nan"))
            continue
        # A pixel is a unit square, not a point: its own variance of 1/12 belongs to the area.
        covariance = torch.cov(points.T, correction=0) + torch.eye(2) / 12
        b, a = (2 * torch.linalg.eigvalsh(covariance).sqrt()).tolist()
        h = ((a - b) / (a + b)) ** 2
        results.append(np.pi * (a + b) * (1 + 3 * h / (10 + (4 - 3 * h) ** 0.5)) * mm)
    return torch.tensor(results, dtype=torch.float32)


def score(predicted: Tensor, data: SegmentationData) -> "pd.DataFrame":
    """Score masks bool ``[N, 1, S, S]`` (or one for all) against those of ``data``: a row per image (lesson 01).

    Columns: ``image``, ``subject``, ``dice``, ``iou``, ``hd95_px``, ``hd95_mm`` (NaN where the spacing is unknown),
    ``empty`` (the true mask is).
    """
    import pandas as pd

    check_data(data)
    fits = predicted.shape[1:] == data.masks.shape[1:] and len(predicted) in (1, len(data))
    _check_masks(predicted, data.masks, fits, "bool masks, one for each image or one for all")
    predicted = predicted.cpu().expand_as(data.masks)
    pairs = zip(predicted[:, 0].numpy(), data.masks[:, 0].numpy(), strict=True)
    pixels = np.array([hausdorff95(a, b) for a, b in pairs])
    spacing = np.full(len(data), np.nan) if data.spacing_mm is None else data.spacing_mm.numpy()
    table = pd.DataFrame(
        {
            "image": data.ids,
            "subject": data.subjects,
            "dice": dice(predicted, data.masks).numpy(),
            "iou": iou(predicted, data.masks).numpy(),
            "hd95_px": pixels,
            "hd95_mm": pixels * spacing,
            "empty": data.empty.numpy(),
        }
    )
    table.attrs = {"data": data.name, "provenance": data.provenance}
    return table


def evaluate(model: UNet, test: SegmentationData) -> "pd.DataFrame":
    """Score ``model`` on ``test``: a row per image, columns as in `score` (lessons 01, 03).

    Warns when the model was trained on one of these subjects, or on the same pictures in another folder: its score
    would then say nothing about new subjects.
    """
    check_data(test, "test")
    seen = set(model.card.get("subjects", {}).get(test.origin, ())) & set(test.subjects)
    if seen:
        warnings.warn(
            f"{len(seen)} of these test subjects of {test.name} were in the training set (such as {min(seen)!r}): "
            "split by subject first.",
            stacklevel=2,
        )
    elif (known := model.card.get("pictures")) and (same := {*known} & {*test.fingerprints()}):
        warnings.warn(
            f"{len(same)} of these test images of {test.name} were in the training set, under other names.",
            stacklevel=2,
        )
    return score(segment(model, test.images), test)


def mean_shape(train: SegmentationData) -> Tensor:
    """The one mask that fits all training masks best on average: bool ``[1, 1, S, S]`` (lesson 01).

    The mean of the masks, cut at the level that gives the training images the highest mean Dice. It uses no image, so
    only what a network scores above it comes from the images.
    """
    check_data(train, "train")
    mean = train.masks.float().mean(0, keepdim=True)
    candidates = [mean >= level for level in torch.linspace(0.05, 0.95, 19)]
    return max(candidates, key=lambda mask: dice(mask.expand_as(train.masks), train.masks).mean())


def summarise(scores: "pd.DataFrame") -> dict[str, float]:
    """The line of a table (lesson 01): means over subjects, and what a mean hides.

    On images with an object, averaged by subject first: ``subjects``; ``dice`` with ``low`` and ``high``, its 95 %
    bootstrap interval over subjects; ``iou``; ``failures``, the share with a Dice under 0.1; ``hd95_px``, over the
    images in which something was drawn, and ``undrawn``, the share in which nothing was. On images **without**
    an object: ``false_positives``, the share in which something was drawn. NaN where there are no such images.
    """
    columns = ["iou", "failures", "hd95_px", "undrawn"]
    check_scores(scores)
    marked = scores.assign(failures=scores["dice"] < FAILURE, undrawn=scores["hd95_px"].isna())
    means = subject_means(marked, ["dice", *columns])
    dice_mean, low, high = bootstrap_mean(means["dice"]) if len(means) else [float("nan")] * 3
    empty = scores[scores["empty"]]
    return {
        "subjects": len(means),
        "dice": dice_mean,
        "low": low,
        "high": high,
        **{name: float(means[name].mean()) for name in columns},
        "false_positives": float((empty["dice"] < 1).mean()),
    }
