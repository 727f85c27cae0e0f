"""Images with their masks, the split by subject, batches and their augmentation (lessons 01, 03).

Knows nothing of files or networks: a data set here is a handful of tensors of one size. Batches and augmentation are
pure functions of a seed and a step, so there is no generator's state to keep, and strategies of one seed share batches.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from .errors import BadInput, check_count, check_images, check_seed, shown
from .seeds import generator, uniform


@dataclass(repr=False, eq=False)
class SegmentationData:
    """Grey images with one binary mask each (lesson 01).

    Attributes:
        images: float32 ``[N, 1, S, S]`` in 0…1; like the masks on the CPU, wherever they come from.
        masks: bool ``[N, 1, S, S]``, True inside the object.
        subjects: N strings; images of one person (or animal, or near-duplicates) share theirs.
        name: the data set's name, as figures and tables print it.
        spacing_mm: float32 ``[N]``, millimetres per pixel, or None where no image of the set has one.
        ids: N strings, one per image (its file's name); made up from the position where none are given.
        labels: N strings, one class per image ("benign", "normal" …), or None.
        provenance: where the pixels came from ("busi: 135 images, mirror 3fa1…").
        origin: the set that the subjects are from, whatever figures call it; by default the name.
        stand_in: True where simulated images take the place of a set that is not available: no verdict follows.
        extra: further numbers that a set publishes, a float tensor ``[N]`` each ("circumference_mm", "fold").
        prepared: how images, and later new ones, are made from files: ``{"fit": "pad"}`` or ``"stretch"`` to a square;
            and the number that becomes 1, where that is not 255: ``{"white": {"uint16": 4095}}``.
    """

    images: torch.Tensor
    masks: torch.Tensor
    subjects: list[str]
    name: str = "data"
    spacing_mm: torch.Tensor | None = None
    ids: list[str] | None = None
    labels: list[str] | None = None
    provenance: str = ""
    origin: str = ""
    stand_in: bool = False
    extra: dict[str, torch.Tensor] = field(default_factory=dict)
    prepared: dict = field(default_factory=lambda: {"fit": "pad"})

    def __post_init__(self):
        n = len(self.images)
        self.origin = self.origin or self.name
        if self.ids is None:
            self.ids = [f"{self.name}-{i:05d}" for i in range(n)]
        shape = self.images.shape
        if len(shape) != 4 or shape[1] != 1 or shape[2] != shape[3]:
            raise BadInput(f"images must be [N, 1, S, S] (grey squares), not {list(shape)}.")
        check_images(self.images)
        if self.masks.shape != self.images.shape:
            raise BadInput(f"masks {list(self.masks.shape)} and images {list(self.images.shape)} differ in shape.")
        if self.masks.dtype != torch.bool:
            raise BadInput(f"masks must be bool, not {self.masks.dtype}: threshold them first (masks > 0.5).")
        self.images, self.masks = self.images.cpu(), self.masks.cpu()
        names = getattr(self.subjects, "tolist", lambda: self.subjects)()  # NumPy, pandas and PyTorch have it
        if not isinstance(names, list | tuple) or any(name is None or name != name for name in names):
            raise BadInput(f"subjects must be a list with a name for each of {n} images, not {shown(names)}.")
        self.subjects = list(map(str, names))
        for what, values in (("subjects", self.subjects), ("ids", self.ids), ("labels", self.labels)):
            if values is not None and len(values) != n:
                raise BadInput(f"{len(values)} {what} for {n} images: give one for each.")
        mm = self.spacing_mm
        if mm is not None and (getattr(mm, "shape", None) != (n,) or ((mm <= 0) | mm.isinf()).any()):
            raise BadInput(f"spacing_mm must be a tensor [{n}], a number above 0 per image (NaN where unknown).")
        for key, values in self.extra.items():
            if not (isinstance(values, torch.Tensor) and values.is_floating_point() and values.shape == (n,)):
                raise BadInput(f"extra[{key!r}] must be a float tensor [{n}], a number for each of the {n} images.")

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator["SegmentationData"]:
        return (self[i] for i in range(len(self)))

    def __add__(self, other):
        raise BadInput("Data sets cannot be added: join their images and masks by torch.cat, and their subjects by +.")

    def __repr__(self) -> str:
        people = len(set(self.subjects))
        empty = int(self.empty.sum())
        return (
            f"{self.name}: {len(self)} images of {people} subjects at {self.size} × {self.size} pixels"
            + (f", {empty} with an empty mask" if empty else "")
            + (f" ({self.provenance})" if self.provenance else "")
        )

    def __getitem__(self, indices) -> "SegmentationData":
        """The images at ``indices`` (an int, a slice, integers, or one bool an image), as data of the same kind."""
        order = torch.arange(len(self))
        try:
            if not isinstance(indices, slice):
                indices = torch.as_tensor(indices)
                indices = indices if indices.numel() else indices.long()  # an empty list has no integers to tell
            chosen = order[indices].reshape(-1)
        except (IndexError, TypeError, ValueError, RuntimeError) as error:
            raise BadInput(f"{self.name} has {len(self)} images: {error}.") from None
        pick = chosen.tolist()
        return replace(
            self,
            images=self.images[chosen],
            masks=self.masks[chosen],
            subjects=[self.subjects[i] for i in pick],
            spacing_mm=None if self.spacing_mm is None else self.spacing_mm[chosen],
            ids=[self.ids[i] for i in pick],
            labels=None if self.labels is None else [self.labels[i] for i in pick],
            extra={key: values[chosen] for key, values in self.extra.items()},
        )

    @property
    def size(self) -> int:
        """Side of the square images, in pixels."""
        return self.images.shape[-1]

    @property
    def empty(self) -> torch.Tensor:
        """bool ``[N]``: True where the mask holds no object (a normal breast, for instance)."""
        return ~self.masks.flatten(1).any(1)

    def fingerprints(self) -> list[str]:
        """N short hashes of the images' pixels: the same picture has the same one, whatever its file is called."""
        pixels = self.images.mul(255).round().byte().flatten(1).numpy()
        return [hashlib.sha256(each.tobytes()).hexdigest()[:12] for each in pixels]

    def split(self, *fractions: float, seed: int = 0) -> tuple["SegmentationData", ...]:
        """Split into parts of about these ``fractions``, no subject on two sides (lesson 01).

        A subject's part depends only on the seed and on its own name, not on the order of files or on who else is in
        the set, so a subset and the full set agree on who is tested. The price: parts are only about as large as asked.
        Only where a side would be empty (few subjects) are they dealt in the order of these hashes, which is said.

        Raises:
            BadInput: the fractions do not add up to 1, or there are fewer subjects than sides.
        """
        seed = check_seed(seed)
        proper = all(isinstance(f, int | float) and f >= 0 for f in fractions)  # NaN is not
        if not (proper and abs(sum(fractions) - 1) <= 1e-6):
            raise BadInput(f"Fractions are numbers ≥ 0 that add up to 1, as in data.split(0.8, 0.2), not {fractions}.")
        ends = torch.tensor(fractions, dtype=torch.float64).cumsum(0)
        place = torch.tensor([uniform("split", seed, s) for s in self.subjects], dtype=torch.float64)
        side = torch.bucketize(place, ends[:-1], right=True)
        sides = [k for k, fraction in enumerate(fractions) if fraction > 0]
        if not all((side == k).any() for k in sides):
            people = sorted({*self.subjects}, key=lambda s: uniform("split", seed, s))
            if len(people) < len(sides):
                raise BadInput(f"{self.name} has {len(people)} subjects, too few for {len(sides)} parts: use fewer.")
            counts = [int(k in sides) for k in range(len(fractions))]
            while sum(counts) < len(people):
                lacking = [f * len(people) - n for f, n in zip(fractions, counts, strict=True)]
                counts[lacking.index(max(lacking))] += 1
            dealt = dict(zip(people, (k for k, n in enumerate(counts) for _ in range(n)), strict=True))
            side = torch.tensor([dealt[s] for s in self.subjects])
            print(f"{self.name}: seed {seed} left a part empty; the {len(people)} subjects are now split {counts}.")
        parts = tuple(self[side == k] for k in range(len(fractions)))
        if len(sides) > 1 and (says := few(len({*parts[-1].subjects}))):
            print(f"{self.name}: {says}")
        return parts

    def subset(self, n: int, seed: int = 0) -> "SegmentationData":
        """``n`` images of ``n`` different subjects (lesson 12); nested: the subset of 10 is part of that of 20.

        Where there are fewer subjects, each gives a second image, a third …, which is said.

        Raises:
            BadInput: there are fewer than ``n`` images.
        """
        n, seed, before = check_count("n", n), check_seed(seed), Counter()
        if n > len(self):
            raise BadInput(f"{self.name} has {len(self)} images: choose at most that many, not {n}.")
        turns = []
        for i in sorted(range(len(self)), key=lambda i: uniform("image", seed, self.ids[i])):
            turns.append((before[self.subjects[i]], uniform("subset", seed, self.subjects[i]), i))
            before[self.subjects[i]] += 1
        if n > len(before):
            print(f"{self.name}: only {len(before)} subjects for {n} images, so some give several similar ones.")
        return self[[i for _, _, i in sorted(turns)[:n]]]


def few(people: int) -> str:
    """In words, that so few test subjects cannot decide anything (n agree by chance in 2 of 2ⁿ cases); "" from 6 on."""
    return "" if people > 5 else (
        f"the test set has {people} of the subjects, too few to decide between two networks: all prefer the same one "
        f"by chance in 1 of {2 ** (people - 1)} cases. Cross-validation by subject tests everybody."
    )


def check_data(data, name: str = "data") -> None:
    """Raise `BadInput` unless this is a data set with at least one image."""
    if not isinstance(data, SegmentationData):
        raise BadInput(f"{name} must be a SegmentationData, not {shown(data)}: the network comes first, then the data.")
    if not len(data):
        raise BadInput(f"{data.name} has no images: did your selection leave out everything?")


def grey_fields(images: Tensor) -> Tensor:
    """The mean greys of 4 × 4 fields of each image, by which new ones are compared: float32 ``[N, 16]`` (lesson 16)."""
    return F.adaptive_avg_pool2d(images, 4).flatten(1)


# ---- batches and augmentation ---------------------------------------------------------------------------------


def batch_indices(n: int, batch_size: int, seed: int, step: int) -> Tensor:
    """Which of ``n`` images make up batch ``step``: int64 ``[batch_size]``.

    The images pass in an order shuffled anew each epoch, and each comes up once an epoch, as with a shuffling loader;
    but the order is computed from (seed, epoch), so any batch can be had without those before it.
    """
    places = torch.arange(step * batch_size, (step + 1) * batch_size)
    epochs = {e: torch.randperm(n, generator=generator("batch", seed, e)) for e in set((places // n).tolist())}
    return torch.stack([epochs[p // n][p % n] for p in places.tolist()])


def augment(images: Tensor, masks: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rotate, scale, shift and mirror images and masks alike, and change the images' gamma (lesson 03).

    Args:
        images: float32 ``[N, 1, H, W]`` in 0…1, on any device.
        masks: bool of the same shape.
        random: a generator on the CPU; its seed alone decides what happens.

    Returns images in 0…1 and bool masks. What is moved in from outside the picture is black and not object.
    Ranges: ±15°, a factor of 0.86…1.16, ±8 % of the side, mirrored left-right in half the cases, gamma 0.7…1.4.
    """
    n = len(images)
    u = torch.rand(6, n, generator=random) * 2 - 1  # six numbers an image, each in -1…1
    angle, scale = u[0] * math.radians(15), torch.exp(u[1] * 0.15)
    mirror = torch.where(u[4] < 0, -1.0, 1.0)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    # Rows of the 2×3 matrices that take a point of the new picture to its place in the old one; unit: half a side.
    matrices = torch.stack([cos * mirror, -sin, u[2] * 0.16, sin * mirror, cos, u[3] * 0.16], dim=1).view(n, 2, 3)
    gamma = torch.exp(u[5] * 0.35).view(n, 1, 1, 1)

    both = torch.cat([images, masks.to(images.dtype)], dim=1)
    grid = F.affine_grid(matrices.to(images.device), list(both.shape), align_corners=False)
    moved = F.grid_sample(both, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    # Interpolated and then cut at one half: the smooth counterpart of nearest-neighbour for a binary mask.
    return moved[:, :1].clamp(0, 1) ** gamma.to(images.device), moved[:, 1:] > 0.5
