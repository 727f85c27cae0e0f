"""Strategies being trained, in turns or one after the other (lesson 04).

A `Session` is one click on "Fine-tune", "Race" or "Repeat". Its thread owns the models and sends no message; everybody
else reads, under the lock, the `Run` that it writes. It holds no reference to the lab that began it, so a lab can be
deleted while it trains.
"""

import atexit
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy

import torch

from ..data import SegmentationData
from ..freezing import train_only
from ..inference import segment
from ..metrics import evaluate, summarise
from ..training import Training
from ..unet import UNet
from .contours import outlines
from .looks import changes

VALIDATIONS = 10  # in a run
POINTS, FEWER = 120, 40  # of a loss curve: more cannot be seen; of curves that are not followed, fewer do
WARM = 2  # steps before the clock starts
OVER = ("done", "stopped", "failed")


class Run:
    """One training of a strategy, how it goes, how it ended. Written by the session's thread, under its lock.

    ``repeats`` is the strategy's first run, where this is the same again with another seed; it has its name and place.
    """

    def __init__(
        self, number: int, label: str, groups: list[str], guess: float | None, steps: int, *,
        seed: int = 0, scratch: bool = False, colour: int = 0, repeats: "Run | None" = None,
    ):  # fmt: skip
        self.number, self._label, self.groups, self.guess, self.steps = number, label, groups, guess, steps
        self.seed, self.scratch, self.colour, self.repeats = seed, scratch, colour, repeats
        self.status = "waiting"
        self.loss: list[float] = []
        self.seconds: list[float] = []
        self.wall = 0.0  # seconds from the first step to the last, validation and all, pauses not taken out
        self.val: list[tuple[int, float]] = []
        self.outlines: dict[int, list[list[int]]] = {}
        self.trainable = 0
        self.dice = self.low = self.high = None
        self.table = None  # the scores of all validation images, once it is over
        self.changes: dict[str, float] = {}  # of each group's weights
        self._hidden = False
        self.model: UNet | None = None

    @property
    def label(self) -> str:
        return self.repeats.label if self.repeats else self._label

    @property
    def name(self) -> str:
        """The label, of a repeat with its seed."""
        return f"{self.label}, seed {self.seed}" if self.repeats else self.label

    @property
    def hidden(self) -> bool:
        return self.repeats.hidden if self.repeats else self._hidden

    @property
    def spent(self) -> float:
        """Seconds of training."""
        return self.seconds[-1] if self.seconds else 0.0

    @property
    def rate(self) -> float | None:
        """Steps a second, of the last twenty."""
        recent = self.seconds[-21:]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else None

    def as_message(self, followed: bool) -> dict:
        """Plain values for a front end: curves, how long it will take, and where ``followed`` its newest outlines."""
        rate, step = self.rate, len(self.seconds)
        return {
            "run": self.number, "label": self.label, "colour": self.colour, "seed": self.seed,
            "repeats": self.repeats and self.repeats.number, "status": self.status, "step": step, "steps": self.steps,
            "loss": _thinned(self.loss, POINTS if followed else FEWER), "rate": rate and round(rate, 3),
            "val": [[step, round(value, 4)] for step, value in self.val],
            "time_left": (self.steps - step) / rate if rate and self.status == "running" else None,
            "guess": self.guess, "dice": self.dice, "trainable": self.trainable,
            "changes": [round(change, 4) for change in self.changes.values()],
            "hidden": self.hidden, "outlines": self.outlines if followed else {},
        }  # fmt: skip


def _thinned(loss: list[float], points: int) -> list[list[float]]:
    """``[[step, loss], …]``, averaged over stretches so that there are at most that many."""
    stretch = -(-len(loss) // points) or 1
    parts = [loss[k : k + stretch] for k in range(0, len(loss), stretch)]
    return [[k * stretch + len(part), round(sum(part) / len(part), 4)] for k, part in enumerate(parts)]


def first_line(error: Exception) -> str:
    """What went wrong, in one line."""
    return (str(error) or type(error).__name__).splitlines()[0]


class Session:
    """Runs from the same weights: in turns, a step each, or one after the other.

    ``done`` is set when all is over; ``message`` is a line for the student, or empty.

    Args:
        drawn: the training images of a seed.
        watched: places of the validation images whose outlines are followed; whoever made the list may change it.
    """

    def __init__(
        self, runs: list[Run], pretrained: UNet, drawn: Callable[[int], SegmentationData], val: SegmentationData,
        settings: dict, watched: list[int], in_turns: bool = True,
    ):  # fmt: skip
        self.runs, self.pretrained, self.drawn, self.val, self.settings = runs, pretrained, drawn, val, settings
        self.watched, self.in_turns = watched, in_turns
        self.lock = threading.Lock()
        self.paused, self.stopping, self.done = threading.Event(), threading.Event(), threading.Event()
        self.moved = threading.Condition()  # notified at pause, resume and stop, and when training rests
        self.resting = False
        self.message = ""
        self.threads = torch.get_num_threads()
        self.version = 0
        for run in runs if in_turns else runs[:1]:  # warming up is a part of running
            run.status = "running"

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
            self._warm_up()
            for runs in [self.runs] if self.in_turns else [[run] for run in self.runs]:
                if self._may_go_on():
                    self._train(runs)
        except Exception as error:  # it is shown in the lab, which can be used on
            for run in self.runs:
                if run.status not in OVER:
                    self._fail(run, error)
        finally:
            for run in self.runs:
                run.status = run.status if run.status in OVER else "stopped"  # it waited
            atexit.unregister(self._finish)
            self.tell(self.done, True)
            with self.lock:
                self.version += 1  # after done: a snapshot taken in between said that it runs

    def _fail(self, run: Run, error: Exception) -> None:
        with self.lock:
            run.status = "failed"
            self.message = f"{'This run' if len(self.runs) == 1 else run.name} failed: {first_line(error)}"
            self.version += 1

    def _weights(self, run: Run) -> UNet:
        """What a run begins with: the pretrained network, or the random weights of its seed."""
        if not run.scratch:
            return deepcopy(self.pretrained)
        like = self.pretrained
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            return UNet(like.width, like.depth, like.in_channels)

    def _train(self, runs: list[Run]) -> None:
        trainings = []
        for run in runs:
            run.model = train_only(self._weights(run), run.groups)
            run.trainable = sum(p.numel() for p in run.model.parameters() if p.requires_grad)
            every = max(run.steps // VALIDATIONS, 1)
            mine = self.settings | {"seed": run.seed, "validate_every": every}
            trainings.append(Training(run.model, self.drawn(run.seed), self.val, **mine))
            run.status = "running"
        started = time.perf_counter()
        racing = list(zip(runs, trainings, strict=True))
        while racing and self._may_go_on():
            for run, training in racing:
                if not self._may_go_on():
                    break
                try:
                    training.step()
                except Exception as error:  # one that fails must not end the others
                    self._fail(run, error)
                    continue
                self._note(run, training)
                run.wall = time.perf_counter() - started
            racing = [(run, t) for run, t in racing if run.status == "running" and not t.finished]
        for run, training in zip(runs, trainings, strict=True):
            if run.status == "running":
                self._end(run, training)

    def _warm_up(self) -> None:
        """Two steps and a look at masks with a copy: a thread's first ones are slow, and are not what a run takes."""
        run = self.runs[0]
        with suppress(Exception):  # what goes wrong here goes wrong again in the run itself, and is told there
            copy = train_only(self._weights(run), run.groups)
            for training in Training(copy, self.drawn(run.seed), **self.settings | {"steps": WARM}):
                segment(copy, self.val.images[self.watched], precision=training.precision.name)

    def _may_go_on(self) -> bool:
        """Wait while paused; whether to go on then."""
        with self.moved:
            while self.paused.is_set() and not self.stopping.is_set():
                self.resting = True
                self.moved.notify_all()
                self.moved.wait()
            self.resting = False
        return not self.stopping.is_set()

    def _note(self, run: Run, training: Training) -> None:
        """Write down what a step brought; the model is asked outside the lock, so that no snapshot waits for it."""
        history, seen = training.history, None
        if len(history.val_dice) > len(run.val):
            numbers = list(self.watched)
            watched = self.val.images[numbers]
            seen = segment(run.model, watched, precision=training.precision.name)
            seen = {k: outlines(mask[0]) for k, mask in zip(numbers, seen, strict=True)}
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
        table = evaluate(run.model, self.val) if training.done else None
        found = {} if table is None else summarise(table)
        moved = changes(run.model, self._weights(run))
        with self.lock:
            run.table, run.changes = table, moved
            run.dice, run.low, run.high = (found.get(key) for key in ("dice", "low", "high"))
            run.status = "done" if training.finished else "stopped"
            self.version += 1
