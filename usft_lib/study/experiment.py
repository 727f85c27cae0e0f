"""One experiment of the study: a record of all that its outcome depends on, and how it is run (lessons 08 to 15)."""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass, fields

import torch

from ..checkpoints import fingerprint
from ..errors import check_count, check_name
from ..metrics import evaluate, mean_shape, score
from ..training import fit
from . import convergence, targets
from .folding import folded
from .pretraining import pretrained_source
from .strategies import prepare, ratios, top, unfreezing

PROTOCOL = 1  # a new number when the meaning of a record changes: no old result answers for a new question
UNTRAINED = ("untouched", "mean shape")  # references: what a strategy has to beat
STATISTICS, COURSES = ("kept", "reestimated", "adapting"), ("decay", "plateau")


@dataclass(frozen=True)
class Experiment:
    """One training and its score: everything that the outcome depends on, but for the machine.

    Args:
        source: where the weights come from, see `pretraining.pretrained_source`.
        target: what is segmented, see `targets.names`.
        n: training images, one per subject; the subset of a smaller n lies inside that of a larger one.
        strategy: see `strategies`; or ``"untouched"``, or ``"mean shape"``.
        lr, steps, batch_size, augment, seed: of the training, see `Training`. ``seed`` also draws the subset and takes
            the source's checkpoint of that number; in ``busi`` it is the fold as well.
        size: side of the images in pixels.
        statistics: of the frozen groups' normalisation: ``"kept"``; ``"reestimated"`` on the training images before
            training, then kept; ``"adapting"`` while training, as a bare ``requires_grad=False`` lets them.
        course: ``"decay"``, the cosine; or ``"plateau"``, a constant rate with looks, see `convergence.fit_with_ema`.
    """

    source: str
    target: str
    n: int
    strategy: str
    lr: float
    seed: int = 0
    steps: int = 300
    batch_size: int = 8
    augment: bool = True
    size: int = 128
    statistics: str = "kept"
    course: str = "decay"

    @property
    def lr_schedule(self) -> str:
        """The schedule as `Training` calls it. The field is ``course``, as keys of results hang on its name."""
        return {"decay": "cosine", "plateau": "constant"}[self.course]


    @property
    def plain(self) -> dict:
        """The fields as they are written down: the two last only where they are not as usual, so that keys last."""
        usual = {field.name: field.default for field in fields(self)[-2:]}
        return {name: value for name, value in asdict(self).items() if name not in usual or value != usual[name]}

    @property
    def key(self) -> str:
        """16 hexadecimal digits that depend on every field: the name of the result."""
        text = json.dumps({**self.plain, "protocol": PROTOCOL}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def run(experiment: Experiment) -> dict:
    """Train and test: a record of plain values, the Dice of every test image among them.

    Raises:
        BadInput: the experiment makes no sense, for example more images than the target has.
        DataUnavailable: its images cannot be had.
    """
    e = experiment
    check_count("n", e.n)
    check_name("treatment of statistics", e.statistics, STATISTICS)
    check_name("course", e.course, COURSES)
    pool, val, test = targets.parts(e.target, e.size, e.seed)
    train = pool.subset(e.n, seed=e.seed)
    model = pretrained_source(e.source, e.seed, e.size)
    weights = fingerprint(model)  # strategies of a seed share them: two tables from two pretrainings would not pair
    settings, more = {}, {"seconds": 0.0, "loss": None}
    if e.strategy == "mean shape":
        shape = mean_shape(train)
        tables = {"val": score(shape, val), "test": score(shape, test)}
    else:
        if e.strategy != "untouched":
            strategy = e.strategy
            if strategy.startswith("top "):  # by the source's weights and the training images, before any training
                more["ratio"] = ratios(model, train)
                strategy = top(strategy, more["ratio"])
            model = prepare(model, strategy, e.statistics, train, e.seed)
            how = {"steps": e.steps, "batch_size": e.batch_size, "lr": e.lr, "seed": e.seed, "augment": e.augment}
            how["unfreeze_at"] = later = unfreezing(model, strategy, e.steps)
            with folded(model, keep={name for names in later.values() for name in names}):
                if e.lr_schedule == "constant":
                    history, model, curve = convergence.fit_with_ema(model, train, val, **how)
                    more["curve"] = curve
                else:
                    history = fit(model, train, progress=False, **how)
            settings = history.settings
            more |= {"seconds": round(history.seconds[-1], 2), "loss": history.loss[-1]}
        tables = {"val": evaluate(model, val), "test": evaluate(model, test)}
    return {
        "key": e.key,
        "experiment": e.plain,
        "val_dice": float(tables["val"]["dice"].mean()),
        "dice": float(tables["test"]["dice"].mean()),
        "scores": {
            "image": list(tables["test"]["image"]),
            "subject": list(tables["test"]["subject"]),
            "dice": [round(float(value), 4) for value in tables["test"]["dice"]],
        },
        **more,
        "made": {
            "precision": settings.get("precision"),
            "device": settings.get("device"),
            "threads": settings.get("threads", torch.get_num_threads()),  # fewer from some step on where it was busy
            "torch": torch.__version__,
            "machine": platform.machine(),
            "data": test.provenance,
            "origin": weights,
        },
    }
