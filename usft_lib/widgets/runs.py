"""Strategies being trained side by side, and the scoreboard of those that have ended (lesson 04).

A `Session` is one click on "Fine-tune" or "Race": one strategy, or several that take turns step by step. Its thread
owns the models and sends no message; everybody else reads, under the lock, the `Run` that it writes. It holds no
reference to the lab that began it, so a lab can be deleted while it trains.
"""

import atexit
import csv
import io
import threading
import time
from copy import deepcopy

import torch

from ..data import SegmentationData
from ..freezing import train_only
from ..inference import segment
from ..intervals import step_at_share_of_own_plateau
from ..metrics import evaluate, summarise
from ..training import Training
from ..unet import UNet
from .contours import outlines

SHOWN = 3  # validation images whose outlines are followed
VALIDATIONS = 10  # in a run
POINTS = 120  # of a loss curve: more cannot be seen


class Run:
    """One strategy: what it trains, how it goes, how it ended. Written by the session's thread, under its lock."""

    def __init__(self, number: int, label: str, groups: list[str], guess: float | None, steps: int):
        self.number, self.label, self.groups, self.guess, self.steps = number, label, groups, guess, steps
        self.status = "running"
        self.loss: list[float] = []
        self.seconds: list[float] = []
        self.wall = 0.0  # seconds from the first step to the last, validation and all, pauses not taken out
        self.val: list[tuple[int, float]] = []
        self.outlines: dict[int, list[list[int]]] = {}
        self.trainable = 0
        self.dice = self.low = self.high = None
        self.hidden = False
        self.model: UNet | None = None

    @property
    def to_plateau(self) -> tuple[int, float] | None:
        """Step and seconds at which 95 % of this run's own plateau, the mean of its last fifth, was first reached."""
        step = step_at_share_of_own_plateau(self.val) if self.status == "done" else None
        return None if step is None else (step, self.seconds[step - 1])

    @property
    def rate(self) -> float | None:
        """Steps a second, of the last twenty."""
        recent = self.seconds[-21:]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else None

    def row(self) -> dict:
        """The scoreboard's line of a run that ended."""
        reached = self.to_plateau or (None, None)
        return {
            "run": self.number, "strategy": self.label, "groups": " ".join(self.groups), "trainable": self.trainable,
            "dice": self.dice, "low": self.low, "high": self.high, "steps": len(self.seconds),
            "steps_to_95": reached[0], "seconds_to_95": reached[1], "seconds": self.seconds[-1], "guess": self.guess,
            "guess_error": None if self.guess is None else self.guess - self.dice, "status": self.status,
        }  # fmt: skip

    def as_message(self, outlined: bool) -> dict:
        """Plain values for a front end: curves, how long it will take, and where ``outlined`` its newest outlines."""
        rate, step = self.rate, len(self.seconds)
        reached = self.to_plateau or (None, None)
        return {
            "run": self.number, "label": self.label, "groups": self.groups, "colour": self.number - 1,
            "status": self.status, "step": step, "steps": self.steps, "loss": _thinned(self.loss),
            "val": [list(point) for point in self.val], "rate": rate,
            "time_left": (self.steps - step) / rate if rate and self.status == "running" else None,
            "guess": self.guess, "dice": self.dice, "low": self.low, "high": self.high, "trainable": self.trainable,
            "steps_to_95": reached[0], "seconds_to_95": reached[1], "seconds": self.seconds[-1] if step else 0.0,
            "hidden": self.hidden, "outlines": self.outlines if outlined else {},
        }  # fmt: skip


def _thinned(loss: list[float]) -> list[list[float]]:
    """``[[step, loss], …]``, averaged over stretches so that there are at most 120."""
    stretch = -(-len(loss) // POINTS) or 1
    parts = [loss[k : k + stretch] for k in range(0, len(loss), stretch)]
    return [[k * stretch + len(part), round(sum(part) / len(part), 4)] for k, part in enumerate(parts)]


def scoreboard(runs: list[Run], references: dict[str, dict]) -> list[dict]:
    """A line a run that ended and is not hidden, and one a reference, best Dice first."""
    found = [run.row() for run in runs if run.dice is not None and not run.hidden]
    blank = dict.fromkeys(("groups", "steps_to_95", "seconds_to_95", "guess", "guess_error"))
    for name, reference in references.items():
        more = {"run": None, "strategy": name, "trainable": 0, "steps": 0, "seconds": 0.0, "status": "reference"}
        found.append(blank | more | reference)
    return sorted(found, key=lambda row: -row["dice"])


def as_csv(rows: list[dict]) -> str:
    """The scoreboard as CSV. Text that a spreadsheet would take for a formula gets an apostrophe in front."""
    file = io.StringIO()
    names = ["run", "strategy", *(name for name in rows[0] if name not in ("run", "strategy"))]
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    writer.writerows([{key: _plain(value) for key, value in row.items()} for row in rows])
    return file.getvalue()


def _plain(value):
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def first_line(error: Exception) -> str:
    """What went wrong, in one line."""
    return (str(error) or type(error).__name__).splitlines()[0]


class Session:
    """One strategy or several in turns, from the same weights and the same batches.

    ``done`` is set when all is over; ``message`` is a line for the student, or empty.
    """

    def __init__(
        self, runs: list[Run], pretrained: UNet, train: SegmentationData, val: SegmentationData, settings: dict
    ):
        self.runs, self.pretrained, self.train, self.val, self.settings = runs, pretrained, train, val, settings
        self.lock = threading.Lock()
        self.paused, self.stopping, self.done = threading.Event(), threading.Event(), threading.Event()
        self.moved = threading.Condition()  # notified at pause, resume and stop, and when training rests
        self.resting = False
        self.message = ""
        self.threads = torch.get_num_threads()
        self.version = 0

    def begin(self) -> None:
        # A daemon: Python may end while it trains. But to end in the middle of a step aborts the process.
        self.thread = threading.Thread(target=self._work, name="freezing lab", daemon=True)
        atexit.register(self._finish)
        self.thread.start()

    def tell(self, event: threading.Event, on: bool) -> None:
        """Set or clear one of the events, and wake the thread."""
        with self.moved:
            event.set() if on else event.clear()
            self.moved.notify_all()

    def pause(self) -> None:
        """Pause after the step that is under way, and return then: what is read from now on does not change."""
        with self.moved:
            self.paused.set()
            self.moved.wait_for(lambda: self.resting or self.done.is_set(), timeout=20)

    def _finish(self) -> None:
        self.tell(self.stopping, True)
        self.thread.join(10)

    # ---- in the thread ----

    def _work(self) -> None:
        try:
            torch.set_num_threads(self.threads)  # this number belongs to each thread
            self._train()
        except Exception as error:  # it is shown in the lab, which can be used on
            for run in self.runs:
                if run.status == "running":
                    self._fail(run, error)
        finally:
            atexit.unregister(self._finish)
            self.tell(self.done, True)
            with self.lock:
                self.version += 1  # after done: a snapshot taken in between said that it runs

    def _fail(self, run: Run, error: Exception) -> None:
        with self.lock:
            run.status = "failed"
            self.message = f"{'This run' if len(self.runs) == 1 else run.label} failed: {first_line(error)}"
            self.version += 1

    def _train(self) -> None:
        trainings = []
        for run in self.runs:
            run.model = train_only(deepcopy(self.pretrained), run.groups)
            run.trainable = sum(p.numel() for p in run.model.parameters() if p.requires_grad)
            every = max(run.steps // VALIDATIONS, 1)
            trainings.append(Training(run.model, self.train, self.val, validate_every=every, **self.settings))
        watched = trainings[0].val.images[:SHOWN]
        started = time.perf_counter()
        racing = list(zip(self.runs, trainings, strict=True))
        while racing and self._may_go_on():
            for run, training in racing:
                if not self._may_go_on():
                    break
                try:
                    training.step()
                except Exception as error:  # one that fails must not end the others
                    self._fail(run, error)
                    continue
                self._note(run, training, watched)
                run.wall = time.perf_counter() - started
            racing = [(run, t) for run, t in racing if run.status == "running" and not t.finished]
        for run, training in zip(self.runs, trainings, strict=True):
            if run.status == "running":
                self._end(run, training)

    def _may_go_on(self) -> bool:
        """Wait while paused; whether to go on then."""
        with self.moved:
            while self.paused.is_set() and not self.stopping.is_set():
                self.resting = True
                self.moved.notify_all()
                self.moved.wait()
            self.resting = False
        return not self.stopping.is_set()

    def _note(self, run: Run, training: Training, watched: torch.Tensor) -> None:
        """Write down what a step brought; the model is asked outside the lock, so that no snapshot waits for it."""
        history, seen = training.history, None
        if len(history.val_dice) > len(run.val):
            seen = segment(run.model, watched, precision=training.precision.name)
            seen = {k: outlines(mask[0]) for k, mask in enumerate(seen)}
        with self.lock:
            run.seconds.append(history.seconds[-1])
            run.loss += history.loss[len(run.loss) :]
            if seen is not None:
                run.val.append((history.val_step[-1], history.val_dice[-1]))
                run.outlines = seen
            self.threads = training.threads.used
            self.message = self.message or training.threads.message
            self.version += 1

    def _end(self, run: Run, training: Training) -> None:
        """Score a run on all validation images; also one that was stopped, as it stands."""
        found = summarise(evaluate(run.model, self.val)) if training.done else {}
        with self.lock:
            run.dice, run.low, run.high = (found.get(key) for key in ("dice", "low", "high"))
            run.status = "done" if training.finished else "stopped"
            self.version += 1
