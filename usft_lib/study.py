"""Experiments as plain records: run once, kept for good, gathered into a table (lessons 07 to 11).

An `Experiment` says all that its outcome depends on; `key` names its result. A `Study` is a folder of results, one file
each, written by rename: whatever is killed, what is there is whole, and what is there is never run again.
"""

import gzip
import hashlib
import json
import os
import platform
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from . import targets
from .checkpoints import fingerprint
from .errors import BadInput, check_count
from .freezing import named, train_only
from .metrics import evaluate, mean_shape, score
from .origins import begin
from .training import fit

PROTOCOL = 1  # a new number when the meaning of a record changes: no old result answers for a new question
UNTRAINED = ("untouched", "mean shape")  # references: what a strategy has to beat


@dataclass(frozen=True)
class Experiment:
    """One training and its score: everything that the outcome depends on, but for the machine.

    Args:
        source: where the weights come from, see `origins.begin`.
        target: what is segmented, see `targets.names`.
        n: training images, one a subject; the subset of a smaller n lies inside that of a larger one.
        strategy: as in `freezing.named`, or ``"untouched"``, or ``"mean shape"``.
        lr, steps, batch_size, augment, seed: of the training, see `Training`. ``seed`` also draws the subset and takes
            the source's checkpoint of that number; in ``busi`` it is the fold as well.
        size: side of the images in pixels.
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

    @property
    def key(self) -> str:
        """16 hexadecimal digits that depend on every field: the name of the result."""
        text = json.dumps({**asdict(self), "protocol": PROTOCOL}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def check_sizes(experiments: Iterable[Experiment]) -> None:
    """Refuse a grid that asks for more images than its targets have, before any of it is run.

    Raises:
        BadInput: naming the target, what is asked and what is there.
    """
    for name, size, seed in sorted({(e.target, e.size, e.seed) for e in experiments}):
        pool = targets.parts(name, size, seed)[0]
        there = len(set(pool.subjects))
        asked = max(e.n for e in experiments if (e.target, e.size, e.seed) == (name, size, seed))
        if asked > there:
            raise BadInput(f"{name} has {there} subjects to train on (seed {seed}), not {asked}: take a smaller n.")


def run(experiment: Experiment) -> dict:
    """Train and test: a record of plain values, the Dice of every test image among them.

    Raises:
        BadInput: the experiment makes no sense, for example more images than the target has.
        DataUnavailable: its images cannot be had.
    """
    e = experiment
    check_count("n", e.n)
    pool, val, test = targets.parts(e.target, e.size, e.seed)
    train = pool.subset(e.n, seed=e.seed)
    model = begin(e.source, e.seed, e.size)
    weights = fingerprint(model)  # strategies of a seed share them: two tables from two pretrainings would not pair
    settings, seconds, loss = {}, 0.0, None
    if e.strategy == "mean shape":
        shape = mean_shape(train)
        tables = {"val": score(shape, val), "test": score(shape, test)}
    else:
        if e.strategy != "untouched":
            train_only(model, named(model, e.strategy))
            how = {"steps": e.steps, "batch_size": e.batch_size, "lr": e.lr, "seed": e.seed, "augment": e.augment}
            history = fit(model, train, progress=False, **how)
            settings, seconds, loss = history.settings, history.seconds[-1], history.loss[-1]
        tables = {"val": evaluate(model, val), "test": evaluate(model, test)}
    return {
        "key": e.key,
        "experiment": asdict(e),
        "val_dice": float(tables["val"]["dice"].mean()),
        "dice": float(tables["test"]["dice"].mean()),
        "scores": {
            "image": list(tables["test"]["image"]),
            "subject": list(tables["test"]["subject"]),
            "dice": [round(float(value), 4) for value in tables["test"]["dice"]],
        },
        "seconds": round(seconds, 2),
        "loss": loss,
        "made": {
            "precision": settings.get("precision"),
            "device": settings.get("device"),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "machine": platform.machine(),
            "data": test.provenance,
            "origin": weights,
        },
    }


class Study:
    """A folder of results, one file an experiment.

    Raises:
        BadInput: the folder cannot be made or written to.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / f".probe-{os.getpid()}"
            probe.write_text("")
            probe.unlink()
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise BadInput(
                f"Results cannot be written to {folder} ({why}): name a folder that you may write to."
            ) from None

    # ---- one result ----

    def read(self, experiment: Experiment) -> dict | None:
        """The result of an experiment, or None; a file that is broken is set aside, named, and counts as none."""
        path = self.folder / f"{experiment.key}.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["key"] != experiment.key or found["experiment"] != asdict(experiment) or "dice" not in found:
                raise ValueError("it is the result of another experiment")
            return found
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(f"{path.name} cannot be used ({error}); it is set aside, and the experiment is run again.")
            path.replace(path.with_suffix(".broken"))
            return None

    def failure(self, experiment: Experiment) -> str | None:
        """The traceback of an experiment that failed the last time it was tried."""
        path = self.folder / f"{experiment.key}.failed.txt"
        return path.read_text(encoding="utf-8") if path.exists() else None

    def _keep(self, name: str, text: str) -> None:
        path = self.folder / name
        draft = path.with_name(f"{path.name}.{os.getpid()}.part")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)

    def attempt(self, experiment: Experiment) -> str:
        """Run one experiment and keep what comes of it: ``"done"`` or ``"failed"``. One thread, here and anywhere."""
        torch.set_num_threads(1)
        try:
            result = run(experiment)
        except Exception:  # one bad experiment must not end a night's work
            self._keep(f"{experiment.key}.failed.txt", traceback.format_exc())
            return "failed"
        self._keep(f"{experiment.key}.json", json.dumps(result))
        (self.folder / f"{experiment.key}.failed.txt").unlink(missing_ok=True)
        return "done"

    # ---- many ----

    def missing(self, experiments: Iterable[Experiment]) -> list[Experiment]:
        return [e for e in dict.fromkeys(experiments) if self.read(e) is None]

    def run(
        self, experiments: Iterable[Experiment], jobs: int | None = None, scheduler: str | None = None
    ) -> Iterator[tuple[int, int, str]]:
        """Run what is missing, and tell after each ``(how many are done, of how many, "done" or "failed")``.

        Args:
            jobs: processes of one thread each; None: one a core.
            scheduler: address of a Dask scheduler (``tcp://…``) whose workers do the work instead; they must see the
                same results folder and have the same data at hand.
        """
        from joblib import Parallel, delayed, parallel_config

        todo = self.missing(experiments)
        client = None
        if scheduler is None:
            backend = {"backend": "loky", "n_jobs": jobs or os.cpu_count() or 1}
        else:
            from dask.distributed import Client

            client = Client(scheduler, timeout=20)
            backend = {"backend": "dask", "n_jobs": -1, "client": client}
        try:
            with parallel_config(**backend):
                parallel = Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")
                for k, how in enumerate(parallel(delayed(_attempt)(str(self.folder), e) for e in todo), start=1):
                    yield k, len(todo), how
        finally:
            if client is not None:
                client.close()

    def records(self, experiments: Iterable[Experiment]) -> list[dict]:
        """The results that are there, in the order of the experiments."""
        return [found for e in dict.fromkeys(experiments) if (found := self.read(e)) is not None]

    def adopt(self, path: str | Path) -> int:
        """Take over results that were gathered into a file, so that they need not be run again; how many were new."""
        new = 0
        for record in gathered(path):
            if not (self.folder / f"{record['key']}.json").exists():
                self._keep(f"{record['key']}.json", json.dumps(record))
                new += 1
        return new


def _attempt(folder: str, experiment: Experiment) -> str:
    return Study(folder).attempt(experiment)


# ---- tables ----------------------------------------------------------------------------------------------------


def gather(records: list[dict], path: str | Path) -> Path:
    """Write records as ``….jsonl.gz``, one a line, in the order of their keys: the same records, the same bytes."""
    path = Path(path)
    lines = [json.dumps(record, sort_keys=True) for record in sorted(records, key=lambda r: r["key"])]
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    draft.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
    draft.replace(path)
    return path


def gathered(path: str | Path) -> list[dict]:
    """The records that `gather` wrote.

    Raises:
        BadInput: there is no such file, or it is broken.
    """
    try:
        return [json.loads(line) for line in gzip.decompress(Path(path).read_bytes()).decode().splitlines()]
    except FileNotFoundError:
        raise BadInput(f"There are no results in {path}: make them with data_scripts/run_study.py.") from None
    except (OSError, EOFError, ValueError) as error:
        raise BadInput(f"{path} is broken ({error}): take it from the repository again.") from None


def table(records: list[dict]):
    """A pandas row an experiment: its fields, its Dice on test and validation images, seconds (lesson 07)."""
    import pandas as pd

    more = ("key", "dice", "val_dice", "seconds")
    return pd.DataFrame([{**r["experiment"], **{name: r[name] for name in more}} for r in records])


def scores(record: dict):
    """The per-image scores of one record, as `metrics.evaluate` gives them: for paired statistics."""
    import pandas as pd

    return pd.DataFrame(record["scores"])


def left(began: float, done: int, of: int) -> str:
    """How long the rest will take, in words."""
    seconds = (time.monotonic() - began) / done * (of - done)
    return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"
