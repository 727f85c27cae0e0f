"""The freezing lab without its front end: choose groups, guess, train, compare (lesson 04).

`Lab` is the one state object behind `FreezeLab`, its plain fallback and `lab.run(…)`: a front end asks for a `snapshot`
and draws it. States: idle → running ⇄ paused → idle; how a run ended stands in the run.
"""

import time
import weakref
from contextlib import nullcontext
from copy import deepcopy

from .. import freezing
from ..cost import by_group, convolution_flops, total
from ..data import SegmentationData
from ..errors import BadInput, check_name
from ..metrics import evaluate, mean_shape, score, summarise
from ..training import VALIDATION_IMAGES, Training
from ..unet import UNet, groups
from .contours import outlines
from .runs import SHOWN, Run, Session, as_csv, scoreboard

RACERS = 6


class Lab:
    """Strategies from the same weights, on the same batches, ranked on validation images (lesson 04).

    Args:
        model: the pretrained U-Net. It is copied; every run begins with these weights, and yours are never touched.
        train, val: the images to learn from, and those that runs are ranked on.
        test: where given, revealed once, for the run that the student commits to.
        steps, lr, batch_size, seed, augment: of every run, as in `Training`.

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
    ):
        self.pretrained = freezing.unfreeze(deepcopy(model))
        self.train, self.val, self._test = train, val, test
        self.settings = {"steps": steps, "lr": lr, "batch_size": batch_size, "seed": seed, "augment": augment}
        Training(deepcopy(self.pretrained), train, val, **self.settings)  # says now what a run could not begin with
        self.groups = list(groups(self.pretrained))
        self._chosen = list(self.groups)
        self.guess: float | None = None
        self.runs: list[Run] = []
        self._session: Session | None = None
        self._references = self._score_references()
        self._flops = convolution_flops(self.pretrained, train.size)
        self._sizes = {name: sum(p.numel() for p in m.parameters()) for name, m in groups(self.pretrained).items()}
        self.revealed: dict | None = None
        self._changes = 0  # of what the student set
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
        self._chosen = freezing.check_groups(self.pretrained, names)
        self._changes += 1

    def toggle(self, name: str) -> None:
        """Freeze a group that was to be trained, or train one that was frozen."""
        check_name("group", name, self.groups)
        self.choose(set(self._chosen) ^ {name})

    def preset(self, name: str, k: int | None = None) -> None:
        """Choose by a name: everything, contracting, expanding; or first, last, outer, inner with a number."""
        self.choose(self.named(name, k))

    def named(self, name: str, k: int | None = None) -> list[str]:
        """The groups of a preset; ``"first 2"`` and ``("first", 2)`` are the same."""
        return freezing.named(self.pretrained, name, k)

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
        number = self._begin([(label or self._label(self._chosen), self._chosen, self.guess)])[0]
        self.guess = None
        return number

    def race(self, strategies, guesses=None) -> list[int]:
        """Two to six strategies in turns, a step each, from the same batches; returns the runs' numbers at once.

        ``strategies``: lists of groups or presets' names, or ``{label: groups}``. ``guesses``: a Dice or None for each,
        in the same order.
        """
        named = isinstance(strategies, dict)
        chosen = [self._groups_of(s) for s in (strategies.values() if named else strategies)]
        labels = list(strategies) if named else [self._label(each) for each in chosen]
        racers = dict(zip(labels, chosen, strict=True))
        if not 2 <= len(racers) <= RACERS:
            raise BadInput(f"A race takes 2 to {RACERS} different strategies, not {len(racers)}.")
        guesses = dict(zip(labels, guesses or (), strict=False))
        for guess in guesses.values():
            _check_dice(guess)
        return self._begin([(label, each, guesses.get(label)) for label, each in racers.items()])

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

    def run(self, strategy, guess: float | None = None, label: str | None = None) -> dict:
        """The same work as a blocking call: train, and return the run's line of the scoreboard.

        ``strategy``: a list of groups, or a preset such as ``"first 2"``. Ctrl-C stops the run; the lab stays usable.

        Raises:
            BadInput: it cannot be begun; or it failed, and why.
        """
        chosen = self._groups_of(strategy)
        self._check_idle("start a run")
        _check_dice(guess)
        fallback = strategy if isinstance(strategy, str) else self._label(chosen)
        number = self._begin([(label or fallback, chosen, guess)])[0]
        run, session = self._run(number), self._session
        try:
            self.wait()
        except KeyboardInterrupt:
            if self.state != "idle":
                self.stop()
            self.wait()
            raise
        if run.dice is None:
            raise BadInput(session.message or f"Run {number} was stopped before its first step.")
        return run.row()

    def _groups_of(self, strategy) -> list[str]:
        """The groups of a strategy: of a preset by its name, or those of a list, checked."""
        return self.named(strategy) if isinstance(strategy, str) else freezing.check_groups(self.pretrained, strategy)

    def _label(self, chosen: list[str]) -> str:
        """The name of a preset that means just these groups, or the groups themselves."""
        counted = [f"{name} {k}" for name in freezing.PRESETS[3:] for k in range(1, self.pretrained.depth + 1)]
        presets = (name for name in (*freezing.PRESETS[:3], *counted) if chosen == self.named(name))
        return next(presets, " ".join(chosen) or "nothing")

    def _new_label(self, label: str) -> str:
        """The label, with a number behind it where a run has that name already."""
        taken = {run.label for run in self.runs}
        return next(n for k in range(1, len(taken) + 2) if (n := label if k == 1 else f"{label} ({k})") not in taken)

    def _begin(self, wanted: list[tuple[str, list[str], float | None]]) -> list[int]:
        self._check_idle("start a run")
        for label, chosen, _ in wanted:
            if not chosen:
                raise BadInput(f"{label}: everything is frozen, so nothing would learn. Train at least one group.")
        first = self.runs[-1].number + 1 if self.runs else 1
        steps = self.settings["steps"]
        runs = [
            Run(first + k, self._new_label(str(label)), list(names), guess, steps)
            for k, (label, names, guess) in enumerate(wanted)
        ]
        session = Session(runs, self.pretrained, self.train, self.val, self.settings)
        self.runs += runs
        self._session = session
        self._changes += 1
        self._close()  # of the session before
        self._close = weakref.finalize(self, session.tell, session.stopping, True)
        session.begin()
        return [run.number for run in runs]

    def _check_idle(self, what: str) -> None:
        if self.state != "idle":
            raise BadInput(f"You cannot {what} while the lab is {self.state}: stop the run first, or wait for it.")

    # ---- the scoreboard ----

    def _score_references(self) -> dict[str, dict]:
        untouched, mean = evaluate(self.pretrained, self.val), score(mean_shape(self.train), self.val)
        return {"untouched": _dice_and_interval(untouched), "mean shape": _dice_and_interval(mean)}

    @property
    def scores(self):
        """The scoreboard as a pandas table, best first; references are what a strategy should beat."""
        import pandas as pd

        return pd.DataFrame(scoreboard(self.runs, self._references))

    def _run(self, number: int) -> Run:
        found = next((run for run in self.runs if run.number == number), None)
        if found is None:
            raise BadInput(f"There is no run {number!r}: there are {[run.number for run in self.runs]}.")
        return found

    def rename(self, number: int, label: str) -> None:
        """Give a run another name; any text stays text."""
        if not isinstance(label, str) or not label.strip() or len(label) > 80:
            raise BadInput("A name has 1 to 80 characters.")
        self._run(number).label = label
        self._changes += 1

    def hide(self, number: int, hidden: bool = True) -> None:
        """Leave a run out of the scoreboard, or show it again."""
        self._run(number).hidden = bool(hidden)
        self._changes += 1

    def csv(self) -> str:
        """The scoreboard as CSV. Text that a spreadsheet would take for a formula gets an apostrophe in front."""
        return as_csv(scoreboard(self.runs, self._references))

    def commit(self, number: int) -> dict:
        """Reveal the test images, once, for this run: its Dice there, with its interval."""
        run = self._run(number)
        if self._test is None:
            raise BadInput("This lab was given no test images: FreezeLab(model, train, val, test).")
        if self.revealed is not None:
            raise BadInput(f"The test images were revealed for run {self.revealed['run']}: there is no second time.")
        if run.status != "done":
            raise BadInput(f"Commit to a run that is done; run {number} is {run.status}.")
        self.revealed = {"run": number, "strategy": run.label, **_dice_and_interval(evaluate(run.model, self._test))}
        self._changes += 1
        return self.revealed

    # ---- what a front end draws ----

    @property
    def version(self) -> int:
        """Another number whenever anything changed."""
        return self._changes * 1_000_000 + (self._session.version if self._session else 0)

    def pictures(self) -> dict:
        """The validation images that are followed, a byte a pixel, and the outlines of their true masks."""
        # The very images that a session follows: the first of those that `Training` validates on.
        shown = self.val.subset(min(VALIDATION_IMAGES, len(set(self.val.subjects))))[:SHOWN]
        return {
            "size": self.val.size,
            "images": [(image[0] * 255).round().byte().numpy().tobytes() for image in shown.images],
            "truth": {k: outlines(mask[0]) for k, mask in enumerate(shown.masks)},
        }

    def snapshot(self) -> dict:
        """Everything that a front end draws, as plain values: small, quick, and never waiting for a step."""
        session = self._session
        with session.lock if session else nullcontext():
            references = sorted(self._references.items(), key=lambda item: -item[1]["dice"])
            return {
                "version": self.version,
                "state": self.state,
                "message": session.message if session else "",
                "threads": session.threads if session else None,
                "steps": self.settings["steps"],
                "chosen": self.chosen,
                "label": self._label(self._chosen),
                "cost": self.cost(self._chosen),
                "guess": self.guess,
                "savings": self._savings(),
                # Outlines are the largest part: only those of the newest runs are drawn.
                "runs": [run.as_message(outlined=bool(session) and run in session.runs) for run in self.runs],
                "references": dict(references),
                "has_test": self._test is not None,
                "test": self.revealed,
            }


def _dice_and_interval(table) -> dict[str, float]:
    found = summarise(table)
    return {key: found[key] for key in ("dice", "low", "high")}


def _check_dice(dice: float | None) -> None:
    if dice is not None and (isinstance(dice, bool) or not isinstance(dice, int | float) or not 0 <= dice <= 1):
        raise BadInput(f"A Dice lies between 0 and 1, {dice!r} does not.")
