"""How soon a strategy is as good as it gets: a constant rate, averaged weights, many looks (lesson 13, claim 7).

With a rate that decays, the end of the schedule decides when the curve flattens; with a constant rate the last step
wanders. So the rate stays, and what is looked at is a running average of the weights (Polyak and Juditsky, 1992, doi
10.1137/0330046; here exponential).
"""

from collections.abc import Sequence

from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..data import SegmentationData
from ..inference import segment
from ..metrics import dice
from ..training import History, Training
from ..unet import UNet

EVERY, MEMORY = 10, 0.98  # steps between two looks; of the average, a step keeps this part


def fit_with_ema(
    model: UNet, train: SegmentationData, val: SegmentationData, **how
) -> tuple[History, UNet, list[tuple[int, float]]]:
    """Train at a constant rate; the history, the averaged model and its curve ``[(step, Dice on all of val), …]``.

    Args:
        how: as in `Training`, but for the schedule.
    """
    run = Training(model, train, schedule="constant", **how)
    averaged = AveragedModel(run.model, multi_avg_fn=get_ema_multi_avg_fn(MEMORY), use_buffers=True)
    curve = []
    for _ in run:
        averaged.update_parameters(run.model)
        if run.done % EVERY == 0:
            masks = segment(averaged.module, val.images, precision=run.precision.name)
            curve.append((run.done, round(float(dice(masks, val.masks).mean()), 4)))
    averaged.module.card = run.model.card  # whom it has seen
    return run.history, averaged.module, curve


def restricted_mean(steps: Sequence[int | None], end: int) -> float:
    """Mean number of steps up to ``end``, which is counted where the plateau was never reached (lesson 13).

    The restricted mean survival time (Royston and Parmar, 2013, doi 10.1186/1471-2288-13-152): no run is left out for
    being slow.
    """
    return sum(end if step is None else min(step, end) for step in steps) / len(steps)
