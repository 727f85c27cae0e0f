"""How fast is a grid? ``python benchmarks/study.py`` (ten minutes), experiments an hour as ratios within one run.

The same experiments twice: by `Study`, a process of one thread a core in the machine's own precision; and as they would
be written at first, one after the other in one process with all threads, in float32, in PyTorch's usual memory layout,
frozen by ``requires_grad=False``. Augmentation, steps and scoring are the same, and data is at hand before the clock
starts. With a GPU both run on it; `Study` then keeps ``--jobs`` experiments in flight. Run it on idle cores.
"""

import argparse
import os
import tempfile
import time
from copy import deepcopy

import torch

import usft_lib as usft
from usft_lib.data import augment, batch_indices
from usft_lib.device import choose_device, choose_precision
from usft_lib.freezing import named
from usft_lib.losses import dice_and_cross_entropy
from usft_lib.seeds import generator
from usft_lib.study import targets
from usft_lib.study.experiment import Experiment
from usft_lib.study.pretraining import pretrained_source
from usft_lib.study.runner import Study

STRATEGIES = ["everything", "first 2", "first 4", "first 7", "last 2", "last 4", "outer 2", "inner 2"]


def usual(e: Experiment) -> float:
    """One experiment as most would write it; its mean Dice."""
    pool, val, test = targets.parts(e.target, e.size, e.seed)
    train, device = pool.subset(e.n, seed=e.seed), choose_device("auto")
    model = deepcopy(pretrained_source(e.source, e.seed, e.size)).to(device)
    chosen = set(named(model, e.strategy))
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.partition(".")[0] in chosen
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=e.lr)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, e.steps)
    images, masks = train.images.to(device), train.masks.to(device)
    model.train()
    for step in range(e.steps):
        batch = batch_indices(len(images), e.batch_size, e.seed, step)
        x, y = augment(images[batch], masks[batch], generator("augment", e.seed, step))
        optimiser.zero_grad()
        loss = dice_and_cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        decay.step()
        loss.item()
    usft.evaluate(model, val)
    return float(usft.evaluate(model, test)["dice"].mean())


def by_study(experiments: list[Experiment], jobs: int) -> float:
    """Seconds that `Study` takes."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        ends = [how for _, _, how in Study(folder).run(experiments, jobs)]
        if ends != ["done"] * len(experiments):
            raise SystemExit(f"not all experiments were done: {ends}")
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300, help="of each experiment (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default: one a core)")
    parser.add_argument("--rounds", type=int, default=2, help="of Study; of the usual loop one less, at least one")
    chosen = parser.parse_args()
    some = [Experiment("scratch", "sim-ultrasound", 40, s, 3e-3, steps=chosen.steps) for s in STRATEGIES]
    warm = [
        Experiment("scratch", "sim-ultrasound", 40, s, 3e-3, steps=2, seed=k)
        for k in range(3 * chosen.jobs)
        for s in ("first 1", "last 1")
    ]
    by_study(warm, chosen.jobs)  # starts the processes, which then have the data at hand
    usual(warm[0])
    ours, theirs = [], []
    for k in range(chosen.rounds):
        ours.append(by_study(some, chosen.jobs))
        if k < max(1, chosen.rounds - 1):
            began = time.perf_counter()
            for e in some:
                usual(e)
            theirs.append(time.perf_counter() - began)
    device = choose_device("auto")
    print(f"{len(some)} experiments of {chosen.steps} steps on {device.type}, torch {torch.__version__}")
    for words, seconds in (
        (f"Study, {chosen.jobs} processes, {choose_precision('auto', device).name}", ours),
        (f"one process, {torch.get_num_threads()} threads, float32", theirs),
    ):
        each = ", ".join(f"{s:.1f}" for s in seconds)
        print(f"{words}: {each} s; at best {3600 * len(some) / min(seconds):.0f} experiments an hour")
    print(f"ratio: {min(theirs) / min(ours):.2f}×")


if __name__ == "__main__":
    main()
