"""The freezing lab without its front end: choose groups, guess, train, compare (lesson 04).

`Lab` is the one state object behind `FreezeLab`, its plain fallback and `lab.run(…)`: a front end asks for a `snapshot`
and draws it. States: idle → running ⇄ paused → idle; how a run ended stands in the run.
"""

import time
import weakref
from collections.abc import Iterable
from contextlib import nullcontext
from copy import deepcopy
from functools import partial

from .. import freezing
from ..cost import by_group, convolution_flops, total
from ..data import SegmentationData
from ..errors import BadInput, check_count, check_name
from ..intervals import seed_mean, subject_means
from ..metrics import evaluate, mean_shape, score, summarise
from ..probes import gradient_ratio
from ..training import Training
from ..unet import UNet, groups
from . import looks
from .board import Scoreboard, as_csv, plateau, rival, trainings
from .compare import MEANING, in_detail, shared
from .contours import outlines
from .runs import Run, Session
from .tasks import Task, check_tasks

RACERS, SEEDS = 6, 10  # at most
SCRATCH = "scratch"  # the strategy that trains everything from random weights
ASKED = 64  # images that the gradient ratio is asked of, at most


class Lab:
    """Strategies from the same weights, on the same batches, ranked on validation images (lesson 04).

    Args:
        model: the pretrained U-Net. It is copied; every run begins with these weights, and yours are never touched.
        train, val: the images to learn from, and those that runs are ranked on.
        test: where given, revealed once, for the run that the student commits to.
        steps, lr, batch_size, seed, augment: of every run, as in `Training`.
        n: where given, each run learns from ``n`` images of as many subjects of ``train``, which its seed draws. Then
            another seed means other batches *and* other images; without ``n``, only other batches.
        tasks: what is to be found out, a list of `Task`, each of which is asked with `scores`.

    Raises:
        BadInput: by any call that makes no sense now, in one line; nothing changes then.
    """

    def __init__(
        self,
        model: UNet,
        train: SegmentationData,
        val: SegmentationData,
        test: SegmentationData | None = None,
        *,
        steps: int = 150,
        lr: float = 1e-3,
        batch_size: int = 8,
        seed: int = 0,
        augment: bool = True,
        n: int | None = None,
        tasks: Iterable[Task] = (),
    ):
        self.pretrained = freezing.unfreeze(deepcopy(model))
        self.train, self.val, self._test = train, val, test
        self.settings = {"steps": steps, "lr": lr, "batch_size": batch_size, "seed": seed, "augment": augment}
        self.tasks = check_tasks(tasks)
        self._drawn = partial(_draw, train, n)
        first = self._drawn(seed)
        Training(deepcopy(self.pretrained), first, val, **self.settings)  # says now what a run could not begin with
        self._untouched = evaluate(self.pretrained, val)
        if len(subject_means(self._untouched, "dice")) < 2:
            raise BadInput("val needs at least two subjects whose images have an object: an interval is over subjects.")
        self._board = Scoreboard(
            {name: _dice_and_interval(table) for name, table in (
                ("untouched", self._untouched), ("mean shape", score(mean_shape(first), val)))},
            list(groups(self.pretrained)), val.stand_in,
        )  # fmt: skip
        self.groups = list(groups(self.pretrained))
        self._chosen, self._preset = list(self.groups), ""  # the preset's name, where one was chosen
        self.guess: float | None = None
        self.runs: list[Run] = []
        self._session: Session | None = None
        self._followed: list[Run] = []  # whose outlines are drawn
        self._watched = looks.choose("spread", self._untouched, len(val))
        self._flops = convolution_flops(self.pretrained, train.size)
        self._sizes = {name: sum(p.numel() for p in m.parameters()) for name, m in groups(self.pretrained).items()}
        self._ratios: dict[str, float] = {}
        self.revealed: dict | None = None
        self._changes = 0  # of what the student set
        self._lines: tuple = (None, [])  # the scoreboard, and of what
        self._close = lambda: None

    # ---- choosing ----

    @property
    def state(self) -> str:
        session = self._session
        if session is None or session.done.is_set():
            return "idle"
        return "paused" if session.paused.is_set() else "running"

    @property
    def chosen(self) -> list[str]:
        """The groups that the next run trains, in path order."""
        return list(self._chosen)

    def choose(self, names) -> None:
        """Train these groups in the next run."""
        self._check_idle("choose groups")
        self._chosen, self._preset = freezing.check_groups(self.pretrained, names), ""
        self._changes += 1

    def toggle(self, name: str) -> None:
        """Freeze a group that was to be trained, or train one that was frozen."""
        check_name("group", name, self.groups)
        self.choose(set(self._chosen) ^ {name})

    def preset(self, name: str, k: int | None = None) -> None:
        """Choose by a name: everything, contracting, expanding, scratch; or first, last, outer, inner with a number."""
        self.choose(self.named(name, k))
        self._preset = name if k is None else f"{name} {k}"

    def named(self, name: str, k: int | None = None) -> list[str]:
        """The groups of a preset; ``"first 2"`` and ``("first", 2)`` are the same. ``"scratch"`` trains all of them."""
        return list(self.groups) if name == SCRATCH and k is None else freezing.named(self.pretrained, name, k)

    def set_guess(self, dice: float | None) -> None:
        """The student's guess of the Dice that the next run will reach, 0…1, or None."""
        _check_dice(dice)
        self.guess = None if dice is None else float(dice)
        self._changes += 1

    def cost(self, names) -> dict:
        """What training these groups takes: parameters, and a step's floating-point operations against a full one."""
        names = freezing.check_groups(self.pretrained, names)
        trainable = sum(self._sizes[name] for name in names)
        return {
            "trainable": trainable,
            "share": trainable / sum(self._sizes.values()),
            "step": self._operations(names) / self._operations(self.groups),
        }

    def _operations(self, names) -> float:
        return sum(total(by_group(self._flops, names).values()).values())

    def _savings(self) -> dict[str, float]:
        """For each group how much of a full step freezing it would save now; if it is frozen, what it saves."""
        chosen = set(self._chosen)
        full = self._operations(self.groups)
        return {
            name: (self._operations(chosen | {name}) - self._operations(chosen - {name})) / full for name in self.groups
        }

    # ---- running ----

    def start(self, label: str | None = None) -> int:
        """Fine-tune the chosen groups from the pretrained weights; returns the run's number at once.

        The guess goes with this run: the next one wants a guess of its own.
        """
        number = self._begin([self._planned(self._preset or self._chosen, self.guess, label)])[0]
        self.guess = None
        return number

    def race(self, strategies, guesses=None) -> list[int]:
        """Two to six strategies in turns, a step each, from the same batches; returns the runs' numbers at once.

        ``strategies``: lists of groups or presets' names, or ``{label: groups}``. ``guesses``: a Dice or None for each,
        in the same order.
        """
        named = isinstance(strategies, dict)
        chosen = list(strategies.values() if named else strategies)
        labels = list(strategies) if named else [None] * len(chosen)
        each = zip(chosen, [*(guesses or ()), *[None] * len(chosen)], labels, strict=False)
        racers = {run.label: run for run in [self._planned(*one) for one in each]}
        if not 2 <= len(racers) <= RACERS:
            raise BadInput(f"A race takes 2 to {RACERS} different strategies, not {len(racers)}.")
        return self._begin(list(racers.values()))

    def again(self, *numbers: int, seeds: int = 3) -> list[int]:
        """Train strategies with further seeds, one after the other, until each has ``seeds``; returns the new numbers.

        The further seeds follow the lab's own, for all strategies the same, so that they stay paired (lesson 04).

        Raises:
            BadInput: a run did not end well, or all have that many seeds already.
        """
        self._check_idle("repeat a strategy")
        _check_seeds(seeds)
        firsts = dict.fromkeys(self._first(number) for number in numbers)
        if not firsts:
            raise BadInput("Say which runs to repeat, by their numbers: lab.again(1, 2).")
        if failed := [first for first in firsts if first.status != "done"]:
            raise BadInput(f"Repeat a run that is done; run {failed[0].number} is {failed[0].status}.")
        first_seed = self.settings["seed"]
        wanted = [
            Run(0, first.label, first.groups, None, first.steps, seed=seed, scratch=first.scratch, repeats=first)
            for seed in range(first_seed, first_seed + seeds)
            for first in firsts
            if seed not in {run.seed for run in trainings(first, self.runs)}
        ]
        if not wanted:
            more = f"ask for more, lab.again(…, seeds={min(seeds + 2, SEEDS)})" if seeds < SEEDS else "more are not run"
            raise BadInput(f"Each of these has {seeds} seeds already: {more}.")
        return self._begin(wanted, in_turns=False)

    def pause(self) -> None:
        """Pause the runs; returns once the step that is under way has ended."""
        if self.state != "running":
            raise BadInput(f"Nothing to pause: the lab is {self.state}.")
        self._session.pause()
        self._changes += 1

    def resume(self) -> None:
        if self.state != "paused":
            raise BadInput(f"Nothing to resume: the lab is {self.state}.")
        self._session.tell(self._session.paused, False)
        self._changes += 1

    def stop(self) -> None:
        if self.state == "idle":
            raise BadInput("Nothing to stop: the lab is idle.")
        self._session.tell(self._session.stopping, True)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs; False if that takes longer than ``timeout`` seconds."""
        session, end = self._session, None if timeout is None else time.monotonic() + timeout
        while session is not None and not session.done.wait(0.1):  # in short pieces, so that Ctrl-C gets through
            if end is not None and time.monotonic() > end:
                return False
        return True

    def run(self, strategy, guess: float | None = None, label: str | None = None, seeds: int = 1) -> dict:
        """The same work as a blocking call: train, and return the strategy's line of the scoreboard.

        ``strategy``: a list of groups, or a preset such as ``"first 2"``, or ``"scratch"``. With several ``seeds`` it
        is repeated, see `again`. Ctrl-C stops the run; the lab stays usable.

        Raises:
            BadInput: it cannot be begun; or it failed, and why.
        """
        if seeds != 1:
            _check_seeds(seeds)
        number = self._begin([self._planned(strategy, guess, label)])[0]
        self._wait_or_stop()
        run = self._run(number)
        if run.dice is None:
            raise BadInput(self._session.message or f"Run {number} was stopped before its first step.")
        if seeds != 1:
            self.again(number, seeds=seeds)
            self._wait_or_stop()
        return self._line(run)

    def _wait_or_stop(self) -> None:
        try:
            self.wait()
        except KeyboardInterrupt:
            if self.state != "idle":
                self.stop()
            self.wait()
            raise

    def _planned(self, strategy, guess: float | None, label: str | None) -> Run:
        """A run of a preset by its name, or of a list of groups, checked; it has no number yet."""
        by_name = isinstance(strategy, str)
        chosen = self.named(strategy) if by_name else freezing.check_groups(self.pretrained, strategy)
        scratch = strategy == SCRATCH
        label = str(label or (strategy if by_name else self._label(chosen)))
        _check_dice(guess)
        if not chosen:
            raise BadInput(f"{label}: everything is frozen, so nothing would learn. Train at least one group.")
        return Run(0, label, chosen, guess, self.settings["steps"], seed=self.settings["seed"], scratch=scratch)

    def _label(self, chosen: list[str]) -> str:
        """The name of a preset that means just these groups, or the groups themselves."""
        counted = [f"{name} {k}" for name in freezing.COUNTED for k in range(1, self.pretrained.depth + 1)]
        presets = (name for name in (*freezing.WHOLE, *counted) if chosen == self.named(name))
        others = [name for name in self.groups if name not in chosen]
        words = f"all but {' '.join(others)}" if 0 < len(others) < len(chosen) else " ".join(chosen)
        return next(presets, words or "nothing")

    def _begin(self, planned: list[Run], in_turns: bool = True) -> list[int]:
        self._check_idle("start a run")
        taken = {run.label for run in self.runs}
        for number, run in enumerate(planned, start=len(self.runs) + 1):
            run.number = number
            if run.repeats is None:  # a name that a run has already gets a number behind it
                names = (run.label if k == 1 else f"{run.label} ({k})" for k in range(1, len(taken) + 2))
                run._label = next(name for name in names if name not in taken)
                taken.add(run.label)
            run.colour = run.repeats.colour if run.repeats else len(taken) - 1
        session = Session(
            planned, self.pretrained, self._drawn, self.val, self.settings, self._watched, in_turns=in_turns
        )
        self._followed = planned if in_turns else self._followed
        self.runs += planned
        self._session = session
        self._changes += 1
        self._close()  # of the session before
        self._close = weakref.finalize(self, session.tell, session.stopping, True)
        session.begin()
        return [run.number for run in planned]

    def _check_idle(self, what: str) -> None:
        if self.state != "idle":
            raise BadInput(f"You cannot {what} while the lab is {self.state}: stop the run first, or wait for it.")

    # ---- the scoreboard ----

    def _scoreboard(self) -> list[dict]:
        """Its lines; made anew, and tasks asked, only when a run ended, was hidden or was renamed."""
        key = [(run.number, run.status, run.label, run.hidden) for run in self.runs]
        if key != self._lines[0]:
            self._lines = key, self._board.lines(self.runs)
            for task in self.tasks:
                task.look(self.scores)
        return self._lines[1]

    def _line(self, run: Run) -> dict:
        return dict(next(line for line in self._scoreboard() if line["run"] == run.number))

    @property
    def scores(self):
        """The scoreboard as a pandas table, a row per strategy, best first (lesson 04).

        ``dice`` with ``low`` and ``high`` is over the subjects and ``seeds`` of a strategy. ``difference`` is that to
        the strategy named in ``against``, paired by subject and by the seeds that both have (``paired``, how many),
        with its own interval and the word for "this one is better". References are what a strategy should beat.
        """
        import pandas as pd

        return pd.DataFrame(self._scoreboard())

    def compare(self, a: int, b: int) -> dict:
        """Strategy ``a`` less ``b`` in Dice, paired by seed, subject and image; hidden ones, too (lesson 04).

        Returns:
            ``difference`` with ``difference_low`` and ``difference_high``; ``seeds``, how many both have; the ``word``
            for "a is better", and its ``meaning``; ``subjects``: name and difference, smallest first; ``images``: where
            the two disagree most, the place in ``val`` and both Dice.

        Raises:
            BadInput: no such runs, one and the same, or nothing that can be paired.
        """
        one, other = self._first(a), self._first(b)
        if one is other:
            raise BadInput(f"Both are trainings of {one.label}: compare two strategies.")
        if unfinished := [run for run in (one, other) if run.status != "done"]:
            raise BadInput(f"Compare runs that are done; run {unfinished[0].number} is {unfinished[0].status}.")
        pairs = shared(*(trainings(run, self.runs) for run in (one, other)))
        found = self._board.pair(*zip(*pairs, strict=True))
        names = {"a": one.label, "b": other.label, "runs": [one.number, other.number]}
        meaning = MEANING.get(found["word"], "Simulated images say nothing about real ones.")
        return names | found | {"meaning": meaning} | in_detail(pairs, looks.SHOWN)

    def _run(self, number: int) -> Run:
        found = next((run for run in self.runs if run.number == number), None)
        if found is None:
            raise BadInput(f"There is no run {number!r}: there are {[run.number for run in self.runs]}.")
        return found

    def _first(self, number: int) -> Run:
        """The first run of the strategy that this run belongs to."""
        run = self._run(number)
        return run.repeats or run

    def rename(self, number: int, label: str) -> None:
        """Give a strategy another name; any text stays text."""
        if not isinstance(label, str) or not label.strip() or len(label) > 80:
            raise BadInput("A name has 1 to 80 characters.")
        first = self._first(number)
        if any(run.label == label and (run.repeats or run) is not first for run in self.runs):
            raise BadInput(f"Another strategy is called {label!r} already: take another name.")
        first._label = label
        self._changes += 1

    def hide(self, number: int, hidden: bool = True) -> None:
        """Leave a strategy out of the scoreboard, or show it again."""
        self._first(number)._hidden = bool(hidden)
        self._changes += 1

    def csv(self) -> str:
        """The scoreboard as CSV. Text that a spreadsheet would take for a formula gets an apostrophe in front."""
        return as_csv(self._scoreboard())

    def commit(self, number: int) -> dict:
        """Reveal the test images, once, for this strategy: its Dice there, with its interval over all its trainings."""
        run = self._first(number)
        if self._test is None:
            raise BadInput("This lab was given no test images: FreezeLab(model, train, val, test).")
        if self.revealed is not None:
            raise BadInput(f"The test images were revealed for run {self.revealed['run']}: there is no second time.")
        if run.status != "done":
            raise BadInput(f"Commit to a run that is done; run {number} is {run.status}.")
        tables = [evaluate(each.model, self._test) for each in trainings(run, self.runs)]
        found = dict(zip(("dice", "low", "high"), map(_plain, seed_mean(tables)), strict=True))
        self.revealed = {"run": run.number, "strategy": run.label, "seeds": len(tables), **found}
        self._changes += 1
        return self.revealed

    # ---- a closer look ----

    def look_at(self, which, number: int | None = None) -> list[int]:
        """Choose the validation images that are followed; returns their places in ``val`` (lesson 04).

        Args:
            which: their places; or "worst", "median", "best", "spread" (one of each), by the Dice of run ``number``;
                None: of the newest that is over, or of the untouched network.
        """
        chosen = looks.choose(which, self._table(number), len(self.val))
        self._watched[:] = chosen
        for run in self._followed:
            if run.table is not None:
                run.outlines = looks.drawn(run.model, self.val, chosen)
        self._changes += 1
        return chosen

    def _table(self, number: int | None):
        over = [run.table for run in self.runs if run.table is not None]
        found = self._run(number).table if number is not None else over[-1] if over else self._untouched
        if found is None:
            raise BadInput(f"Run {number} is {self._run(number).status}, so it has no scores.")
        return found

    def pictures(self, numbers: list[int] | None = None) -> dict:
        """Validation images, a byte per pixel, and the outlines of their true masks; None: those that are followed."""
        numbers = looks.choose(self._watched if numbers is None else numbers, None, len(self.val))
        return {
            "size": self.val.size,
            "numbers": numbers,
            "images": [looks.grey(self.val.images[k]) for k in numbers],
            "truth": {k: outlines(self.val.masks[k, 0]) for k in numbers},
        }

    def drawn(self, number: int, numbers: list[int]) -> dict[int, list[list[int]]]:
        """The outlines that a run's network draws on these validation images."""
        return looks.drawn(self._model(number), self.val, looks.choose(numbers, None, len(self.val)))

    def _model(self, number: int | None) -> UNet:
        """The network of a run that is over; None: the untouched one."""
        if number is None:
            return self.pretrained
        run = self._run(number)
        if run.table is None:
            raise BadInput(f"Run {number} is {run.status}, so it has no network to ask.")
        return run.model

    def field(self, group: str, image: int | None = None, number: int | None = None) -> dict:
        """What the middle pixel of a group sees of a validation image, measured (lesson 04).

        Args:
            image: its place in ``val``; None: the first that is followed.
            number: the run whose network is asked; None: the untouched one.

        Returns:
            ``field``, float32 ``[S, S]`` with the sum 1; ``width``, the columns with 95 % of it; ``group``, ``image``.
        """
        image = self._watched[0] if image is None else image
        return looks.field(self._model(number), self.val, image, group)

    def changes(self, number: int) -> dict[str, float]:
        """How far each group's parameters moved in a run, against their length before: ``|w − w₀| / |w₀|``."""
        self._model(number)
        return dict(self._run(number).changes)

    def ratios(self) -> dict[str, float]:
        """The `gradient_ratio` of each group before any step, on up to 64 of the training images."""
        if not self._ratios:
            data = self._drawn(self.settings["seed"])
            some = data.subset(min(ASKED, len(set(data.subjects))))
            self._ratios = gradient_ratio(self.pretrained, some)
        return dict(self._ratios)

    # ---- what a front end draws ----

    @property
    def version(self) -> int:
        """Another number whenever anything changed."""
        return self._changes * 1_000_000 + (self._session.version if self._session else 0)

    @property
    def plateau(self) -> str:
        """Which plateau the steps on the scoreboard lead to, in words."""
        rows = self._board.rows(self.runs)
        found = plateau(rows, self.groups)
        if found is None:
            return ""
        whose, level = found
        best = "" if rival(rows, self.groups).groups == self.groups else ", the best so far"
        return f"The plateau is that of {whose}{best}: the mean of the last fifth of its curve, {level:.3f}."

    def snapshot(self) -> dict:
        """Everything that a front end draws, as plain values: small, quick, and never waiting for a step."""
        session, version, board = self._session, self.version, self._scoreboard()  # a later change has a new version
        with session.lock if session else nullcontext():
            followed = [run for run in self.runs if run in self._followed or run.status == "running"]
            return {
                "version": version,
                "state": self.state,
                "message": session.message if session else "",
                "threads": session.threads if session else None,
                "steps": self.settings["steps"],
                "chosen": self.chosen,
                "label": self._preset or self._label(self._chosen),
                "preset": self._preset,
                "cost": self.cost(self._chosen),
                "guess": self.guess,
                "savings": self._savings(),
                "watched": list(self._watched),
                "runs": [run.as_message(followed=run in followed) for run in self.runs],
                "board": [_told(line) for line in board],
                "plateau": self.plateau,
                "tasks": [task.as_message() for task in self.tasks],
                "has_test": self._test is not None,
                "test": self.revealed,
            }


def _draw(train: SegmentationData, n: int | None, seed: int) -> SegmentationData:
    """The training images of a seed: all of them, or the ``n`` that it draws."""
    return train if n is None else train.subset(check_count("n", n), seed)


UNTOLD = ("groups", "trainable", "steps", "status")  # of a line: they stand in the run


def _told(line: dict) -> dict:
    return {
        key: round(value, 5) if isinstance(value, float) else value for key, value in line.items() if key not in UNTOLD
    }


def _plain(value: float) -> float | None:
    return None if value != value else value  # NaN is no JSON


def _dice_and_interval(table) -> dict[str, float]:
    found = summarise(table)
    return {key: found[key] for key in ("dice", "low", "high")}


def _check_seeds(seeds: int) -> None:
    if not isinstance(seeds, int) or not 2 <= seeds <= SEEDS:
        raise BadInput(f"seeds must be a whole number from 2 to {SEEDS}, not {seeds!r}.")


def _check_dice(dice: float | None) -> None:
    if dice is not None and (isinstance(dice, bool) or not isinstance(dice, int | float) or not 0 <= dice <= 1):
        raise BadInput(f"A Dice must be between 0 and 1, not {dice!r}.")
