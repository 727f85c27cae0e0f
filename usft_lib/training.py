"""Training, a step at a time (lessons 03, 04).

`Training` holds everything that a step needs, and its caller decides when the next step happens: a plain loop, `fit`,
a widget with a pause button, or a race between strategies. Batches and augmentation are pure functions of the seed and
the step, so a run that was paused, or resumed in another process, goes on as if nothing had happened.
"""

import inspect
import math
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

import torch
from torch import Tensor
from tqdm.auto import tqdm

from . import checkpoints
from .data import SegmentationData, batch_indices, check_data, grey_fields
from .data import augment as augmented
from .device import Threads, choose_device, choose_precision
from .errors import BadInput, TrainingDiverged, check_count, check_name, check_seed
from .freezing import check_groups, train_only, trained, unfreeze
from .inference import segment
from .losses import dice_and_cross_entropy
from .metrics import dice
from .seeds import derive, generator
from .unet import UNet

CHECK_EVERY = 10  # steps between two looks at the loss: each look makes a GPU wait
VALIDATION_IMAGES = 64  # enough to see a curve; the score that counts comes from evaluate(model, test)


@dataclass
class History:
    """What happened: one loss per step, one Dice per validation, and the settings that led to them (lesson 03)."""

    settings: dict
    loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # training time up to the end of each step; pauses do not count
    val_step: list[int] = field(default_factory=list)
    val_dice: list[float] = field(default_factory=list)  # mean over the validation images


def _trainable(model: UNet, later: Iterable[str] = ()) -> dict[str, Tensor]:
    """The parameters that an optimiser may hold, by name: those that learn now, and those of the groups ``later``."""
    needing = {name: p for name, p in model.named_parameters() if p.requires_grad}
    for name in needing:
        group = name.partition(".")[0]
        if group in model.frozen:
            raise BadInput(
                f"{group} is frozen, but its parameters require gradients: choose groups only with usft.freeze and "
                "usft.unfreeze."
            )
    if not needing:
        raise BadInput(
            "There is nothing to train, because every group is frozen or has no trainable parameter: call "
            "usft.unfreeze(model, [...]) first."
        )
    waiting = {
        name: p for name, p in model.named_parameters() if name.partition(".")[0] in later and name not in model.fixed
    }
    return needing | waiting


def _check_unfreezing(model: UNet, unfreeze_at, steps: int) -> dict[int, list[str]]:
    if not isinstance(unfreeze_at, Mapping):
        raise BadInput(f"unfreeze_at must map steps to groups, such as {{100: ['enc1']}}, not {unfreeze_at!r}.")
    found = {check_count("a step of unfreeze_at", at): check_groups(model, unfreeze_at[at]) for at in unfreeze_at}
    if found and max(found) >= steps:
        raise BadInput(f"unfreeze_at names step {max(found)}, but the run ends after {steps} steps.")
    return dict(sorted(found.items()))


class Training:
    """One run of training that you control: call `step`, or iterate, until `finished` (lesson 03).

    Args:
        model: its frozen groups stay frozen; during a run only ``unfreeze_at`` may change which they are.
        train: the images to learn from.
        val: where given, the Dice on up to 64 of its subjects is recorded now and then; it never steers anything.
        steps, batch_size, lr, seed: the usual. Adam, with the soft Dice and cross-entropy loss.
        schedule: ``"cosine"`` lets the learning rate fall to 0 over ``steps`` (then the last step is the one to score);
            ``"constant"`` leaves it.
        unfreeze_at: groups that train later on, by the number of steps taken before: ``{100: usft.groups(model)}``.
            With the head trained at first that is LP-FT (Kumar et al., ICLR 2022, arXiv 2202.10054); group by group it
            is gradual unfreezing (Howard and Ruder, ACL 2018, arXiv 1801.06146). Until then a group is frozen as any
            other; Adam's moments of groups that train already go on. (Lesson 15.)
        augment: random geometry and gamma, see `data.augment`.
        validate_every: steps between two validations; None: five in a run. The last step is always validated.
        precision: ``"auto"``, ``"float32"``, ``"bf16"``, ``"float16"``: see `device.choose_precision`.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``.

    On a processor a seed gives the same bits as long as the number of threads is the same. Beside a busy program a run
    goes on with fewer, says so once, and its bits differ from there on: ``history.settings["threads"]`` then reads
    ``[[0, 2], [40, 1]]``, two and after 40 steps one. ``torch.set_num_threads(1)`` before a run rules that out.

    Raises:
        BadInput: a setting is out of range, or every group is frozen.
        TrainingDiverged: by `step`, when the loss is no longer a finite number.
    """

    def __init__(
        self,
        model: UNet,
        train: SegmentationData,
        val: SegmentationData | None = None,
        *,
        steps: int = 300,
        batch_size: int = 8,
        lr: float = 1e-3,
        seed: int = 0,
        augment: bool = True,
        schedule: str = "cosine",
        unfreeze_at: Mapping[int, Iterable[str]] | None = None,
        validate_every: int | None = None,
        precision: str = "auto",
        device: str = "auto",
    ):
        steps, batch_size = check_count("steps", steps), check_count("batch_size", batch_size)
        validate_every = max(steps // 5, 1) if validate_every is None else check_count("validate_every", validate_every)
        if not isinstance(lr, int | float) or isinstance(lr, bool) or not (math.isfinite(lr) and lr > 0):
            raise BadInput(f"lr must be a positive number, such as 1e-3, not {lr!r}.")
        check_name("schedule", schedule, ["cosine", "constant"])
        seed = check_seed(seed)
        if not isinstance(augment, bool):
            raise BadInput(f"augment must be True or False, not {augment!r}.")
        check_data(train, "train")
        if train.empty.all():
            warnings.warn("No mask of train has an object, so there is nothing to find.", stacklevel=2)
        if val is not None:
            check_data(val, "val")
            if both := {*train.subjects} & {*val.subjects} if val.origin == train.origin else ():
                warnings.warn(
                    f"{len(both)} validation subjects are in train, too (such as {min(both)!r}), so the curve says "
                    "nothing about new subjects: split by subject first.",
                    stacklevel=2,
                )
        self.unfreeze_at = _check_unfreezing(model, unfreeze_at or {}, steps)
        self.trained, self.fixed = trained(model), model.fixed
        self.parameters = _trainable(model, {name for names in self.unfreeze_at.values() for name in names})

        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)
        # Channels-last suits convolutions on processors and GPUs alike; the numbers are the same.
        self.model = model.to(self.device, memory_format=torch.channels_last)
        self.images, self.masks = train.images.to(self.device), train.masks.to(self.device)
        self.train_data = train
        self.val = None if val is None else val.subset(min(VALIDATION_IMAGES, len(set(val.subjects))))
        self.steps, self.batch_size, self.lr, self.seed = steps, batch_size, lr, seed
        self.augment, self.schedule, self.validate_every = augment, schedule, validate_every
        # Adam passes over what has no gradient, so groups that wait have neither moments nor steps: nothing to rebuild.
        self.optimiser = torch.optim.Adam(self.parameters.values(), lr=lr, fused=True)
        self.scaler = self.precision.scaler()
        self.threads = Threads(watching=self.device.type == "cpu")
        self.done = 0  # steps taken
        self.history = History(self._settings())
        self.diverged = ""  # what went wrong, once the loss is no longer finite
        self._unread: list[Tensor] = []  # losses that are still on the device

    # ---- the step ----

    def step(self) -> None:
        """Take one step: draw a batch, predict, compute the loss, update the trained weights."""
        if self.diverged:
            raise TrainingDiverged(self.diverged)
        if self.finished:
            raise BadInput(f"All {self.steps} steps are taken: begin a new Training to go on.")
        if (trained(self.model), self.model.fixed) != (self._trained_in(self.done - 1), self.fixed):
            raise BadInput("Groups were frozen or unfrozen during this run: begin a new Training after such a change.")
        with self.threads as used:
            self._note_threads(used)
            began = time.perf_counter()
            if self.done in self.unfreeze_at:
                unfreeze(self.model, self.unfreeze_at[self.done])
            self.model.train()
            images, masks = self.batch(self.done)
            for group in self.optimiser.param_groups:
                group["lr"] = self.learning_rate(self.done)

            with self.precision.autocast():
                logits = self.model(images)
            loss = dice_and_cross_entropy(logits, masks)
            self.optimiser.zero_grad()
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimiser)
            self.scaler.update()

            self.done += 1
            self._record(loss.detach(), began)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """The images and masks of batch ``step``, augmented: float32 and bool ``[batch_size, 1, S, S]``."""
        chosen = batch_indices(len(self.images), self.batch_size, self.seed, step).to(self.device)
        images, masks = self.images[chosen], self.masks[chosen]
        if self.augment:
            images, masks = augmented(images, masks, generator("augment", self.seed, step))
        return images, masks

    def learning_rate(self, step: int) -> float:
        """The learning rate of step ``step`` (cosine decay: Loshchilov and Hutter, ICLR 2017, arXiv 1608.03983)."""
        return self.lr if self.schedule == "constant" else self.lr * (1 + math.cos(math.pi * step / self.steps)) / 2

    def _trained_in(self, step: int) -> list[str]:
        """The groups that train in step ``step``; before the first, those of the beginning."""
        later = [name for at, names in self.unfreeze_at.items() if at <= step for name in names]
        return check_groups(self.model, [*self.trained, *later])

    # ---- the loop ----

    @property
    def finished(self) -> bool:
        return self.done >= self.steps

    def __len__(self) -> int:
        """Steps still to take."""
        return self.steps - self.done

    def __iter__(self) -> Iterator["Training"]:
        while not self.finished:
            before = self.threads.message
            self.step()
            if self.threads.message != before:
                warnings.warn(self.threads.message, stacklevel=2)
            yield self

    def validate(self) -> float:
        """Mean Dice on the validation images, in the precision of training; also kept in the history."""
        if self.val is None:
            raise BadInput("This Training has no validation images: use Training(model, train, val, …).")
        masks = segment(self.model, self.val.images, precision=self.precision.name)
        self.history.val_step.append(self.done)
        self.history.val_dice.append(float(dice(masks, self.val.masks).mean()))
        return self.history.val_dice[-1]

    def _record(self, loss: Tensor, began: float) -> None:
        if self.done == 1:
            self._note_subjects()
        self._unread.append(loss)
        validating = self.val is not None and (self.done % self.validate_every == 0 or self.finished)
        if self.done % CHECK_EVERY == 0 or self.finished or validating:
            self._read_losses()
        before = self.history.seconds[-1] if self.history.seconds else 0.0
        self.history.seconds.append(before + time.perf_counter() - began)
        if validating:
            self.validate()

    def _read_losses(self) -> None:
        if not self._unread:
            return
        values = torch.stack(self._unread).tolist()
        first = self.done - len(values) + 1
        self._unread.clear()
        self.history.loss += values
        for step, value in enumerate(values, start=first):
            if not math.isfinite(value):
                self.diverged = (
                    f"The loss became {value} at step {step}: begin again with a smaller learning rate than "
                    f"{self.lr:g}, and look for images that are broken."
                )
                raise TrainingDiverged(self.diverged)

    def _note_threads(self, used: int) -> None:
        told = self.history.settings["threads"]  # a number; or where it changed, [[0, 2], [40, 1]]
        told = told if isinstance(told, list) else [[0, told]]
        if told[-1][1] != used:
            self.history.settings["threads"] = [*told, [self.done, used]] if self.done else used

    def _note_subjects(self) -> None:
        """Write down whom the model has seen, so that `evaluate` can warn when they turn up in a test set, and how.

        ``prepared`` is what `segment_folder` needs for new images: size, fit, and of `grey_fields` the 1 % and 99 %
        quantile over images. What else the card says (Dice, steps …) was true before this run: it moves to
        ``began_from``.
        """
        card, train, origin = self.model.card, self.train_data, self.train_data.origin
        before = {key: value for key, value in card.items() if key not in ("subjects", "pictures", "prepared")}
        seen = dict(card.get("subjects", {}))
        seen[origin] = sorted({*seen.get(origin, []), *train.subjects})
        reach = grey_fields(train.images).quantile(torch.tensor([0.01, 0.99]), dim=0)
        greys = [[round(grey, 2) for grey in end] for end in reach.tolist()]
        known = {
            "subjects": seen,
            "pictures": sorted({*card.get("pictures", []), *train.fingerprints()}),
            "prepared": {**train.prepared, "size": train.size, "greys": greys},
        }
        self.model.card = {**known, **({"began_from": before} if before else {})}

    # ---- pause and resume ----

    def _settings(self) -> dict:
        train = self.train_data
        own = ("steps", "batch_size", "lr", "seed", "augment", "schedule", "validate_every", "trained")
        return {
            **{name: getattr(self, name) for name in own},
            "unfreeze_at": [[at, names] for at, names in self.unfreeze_at.items()] or None,
            "parameters": f"{len(self.parameters)} tensors, {derive(*self.parameters):016x}" if self.fixed else None,
            "data": f"{len(train)} images of {train.name} at {train.size}, {derive(*train.ids):016x}",
            "provenance": train.provenance,
            "precision": self.precision.name,
            "device": self.device.type,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }

    def state(self) -> dict[str, Tensor | str]:
        """Everything needed to go on later: a flat dict of tensors, and one text under ``"json"``.

        `checkpoints.save_state` writes it as safetensors.
        """
        self._read_losses()
        rest = {"done": self.done, "card": self.model.card, "history": asdict(self.history)}
        return checkpoints.pack(self.model, self.parameters, self.optimiser, self.scaler, rest)

    def restore(self, state: dict[str, Tensor | str]) -> "Training":
        """Go on from ``state``, in this process or another; bit for bit on a CPU with the same threads and torch.

        Raises:
            BadInput: the state belongs to a run with other settings; nothing is changed then.
        """
        saved = checkpoints.unpack(state, self.model, self.parameters, self.optimiser, self.scaler, self._settings())
        self.model.card = saved["card"]
        self.done, self.history, self.diverged = saved["done"], History(**saved["history"]), ""
        self._unread.clear()
        if self.unfreeze_at:
            train_only(self.model, self._trained_in(self.done - 1))
        return self


def fit(
    model: UNet, train: SegmentationData, val: SegmentationData | None = None, *, progress: bool = True, **settings
) -> History:
    """Train ``model`` and return what happened: the loop over `Training`, which explains the settings (lesson 03)."""
    for name in settings:
        check_name("setting", name, [*inspect.signature(Training).parameters, "progress"])
    run = Training(model, train, val, **settings)
    with tqdm(run, disable=not progress, unit="step", leave=False) as bar:
        for _ in bar:
            if run.history.val_dice:
                bar.set_postfix(loss=f"{run.history.loss[-1]:.3f}", val_dice=f"{run.history.val_dice[-1]:.3f}")
    return run.history
