"""The course's experiment in miniature: ``python -m usft_lib``; masks of new images: ``… segment WEIGHTS IMAGES OUT``.

Pretrain a U-Net on chest X-rays, move it to ultrasound with 40 images, fine-tune four different sets of its layers, and
compare. One seed and one learning rate are a first look. The study has several seeds and intervals over them.
"""

import argparse
import os
import sys
import time
from copy import deepcopy
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import torch

from .apply import segment_command
from .cost import summary
from .data import SegmentationData
from .device import choose_precision
from .errors import BadInput, DataUnavailable
from .freezing import contracting, expanding, last, train_only, trained
from .inference import segment
from .intervals import paired_difference
from .metrics import evaluate, mean_shape, score, summarise
from .plots import strategies_figure
from .sources import load
from .training import fit
from .unet import UNet, groups

STRATEGIES = {
    "everything": lambda model: list(groups(model)),
    "contracting": contracting,
    "expanding": expanding,
    "last two": lambda model: last(model, 2),
}
LR = 3e-3
TRAINING_IMAGES, TEST_IMAGES = 40, 160


def run(
    out: str | Path = "usft_miniature.png",
    large: bool = False,
    size: int = 128,
    pretrain_steps: int = 400,
    steps: int = 200,
) -> dict[str, dict[str, float]]:
    """Run the experiment, print its table and write its figure to ``out``; returns `metrics.summarise` of each row."""
    began = time.perf_counter()
    folder = Path(out).absolute().parent  # said before minutes of work, not after
    if Path(out).suffix not in (".png", ".pdf", ".svg") or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise BadInput(f"{out} cannot be written: choose a .png, .pdf or .svg in a folder that you may write to.")
    xray, ultrasound = data_pair(size, large)
    print(f"X-rays      {xray}\nultrasound  {ultrasound}\nprecision   {choose_precision().name}")

    source = pretrain(xray, pretrain_steps)
    pool, val, test = ultrasound.split(0.6, 0.1, 0.3, seed=0)
    train = pool.subset(TRAINING_IMAGES, seed=0)
    test = test.subset(min(TEST_IMAGES, len(set(test.subjects))), seed=0)
    models, histories = fine_tune(source, train, val, steps)
    masks = {name: segment(model, test.images[:2]) for name, model in models.items()}

    tables = {"mean shape": score(mean_shape(train), test), "zero-shot": evaluate(source, test)}
    tables |= {name: evaluate(model, test) for name, model in models.items()}
    rows = {name: summarise(table) for name, table in tables.items()}
    title = f"{xray.name} → {test.name}, {len(train)} training images, one seed"
    figure = strategies_figure(histories, rows, masks, test, title)
    figure.savefig(out)  # before the table: a terminal's alphabet may lack one of its characters
    plt.close(figure)
    print(f"\n3 · {len(test)} test images of {test.name}: mean over subjects, 95 % bootstrap interval over subjects")
    print(f"    {'':12s}  Dice  interval        IoU  HD95 px  missed")
    for name, r in rows.items():
        interval = f"{r['low']:.3f}…{r['high']:.3f}"
        print(f"    {name:12s} {r['dice']:.3f} {interval} {r['iou']:6.3f} {r['hd95_px']:8.2f} {r['failures']:7.0%}")
    mean, low, high = paired_difference(tables["contracting"], tables["expanding"])
    print(f"\n    contracting − expanding: {mean:+.3f} (paired, 95 % interval {low:+.3f}…{high:+.3f})")
    print("    One seed, one learning rate: the interval covers other subjects, not other trainings.")
    print(f"\nFigure: {out}   Time: {time.perf_counter() - began:.0f} s")
    return rows


def data_pair(size: int, large: bool) -> tuple[SegmentationData, SegmentationData]:
    """Chest X-rays and ultrasound: real ones if both are available, else both simulated, so that they match."""
    try:
        return load("montgomery", size=size, large=large), load("hc18", size=size, large=large)
    except DataUnavailable as reason:
        print(f"{reason}\nSo this run uses SIMULATED images.")
        return load("sim-radiographs", size=size), load("sim-ultrasound", size=size)


def pretrain(data: SegmentationData, steps: int) -> UNet:
    """A U-Net trained on 70 % of the subjects of ``data``; prints its Dice on 20 % that it never saw."""
    train, val, test = data.split(0.7, 0.1, 0.2, seed=0)
    print(f"\n1 · Pretraining on {len(train)} images of {data.name}, {steps} steps of 8")
    torch.manual_seed(0)  # the first weights; all else is seeded where it is drawn
    model = UNet()
    fit(model, train, val, steps=steps, lr=LR, progress=sys.stderr.isatty())
    found = summarise(evaluate(model, test))
    print(f"    Dice on {len(test)} held-out images: {found['dice']:.3f} ({found['low']:.3f}…{found['high']:.3f})")
    return model


def fine_tune(source: UNet, train: SegmentationData, val: SegmentationData, steps: int) -> tuple[dict, dict]:
    """A copy of ``source`` fine-tuned by each strategy: ``({name: model}, {name: history})``."""
    print(f"\n2 · Fine-tuning on {len(train)} images of {train.name}, {steps} steps of 8")
    models, histories = {}, {}
    for name, choose in STRATEGIES.items():
        model = models[name] = train_only(deepcopy(source), choose(source))
        history = histories[name] = fit(model, train, val, steps=steps, lr=LR, progress=sys.stderr.isatty())
        trainable = summary(model, train.size)["trainable"].iloc[-1]
        print(f"    {name:12s}{history.seconds[-1]:5.1f} s {trainable:9,} parameters: {' '.join(trained(model))}")
    return models, histories


def main() -> None:
    if sys.argv[1:2] == ["segment"]:
        return segment_command(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m usft_lib", description="The course's experiment in miniature.")
    parser.add_argument("--out", default="usft_miniature.png", help="where the figure goes (default: %(default)s)")
    parser.add_argument("--large", action="store_true", help="may download more than 60 MB (about 1 GB in all)")
    arguments = parser.parse_args()
    matplotlib.use("Agg")  # a file is written and no window opened
    sys.stdout.reconfigure(errors="replace")  # Windows writes a log in cp1252, which has no minus sign
    try:
        run(arguments.out, arguments.large)
    except BadInput as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
