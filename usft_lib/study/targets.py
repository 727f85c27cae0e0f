"""The study's targets: who may be trained on, who is for choosing, who is tested (lessons 08 to 15).

A target's parts are fixed by its images alone, before any training: the same for every strategy, seed and machine.
"""

from collections.abc import Mapping
from functools import lru_cache, partial

import torch

from ..data import SegmentationData
from ..errors import BadInput, check_name
from ..metrics import head_circumference_mm
from ..seeds import uniform
from ..simulate import shifted_shapes, shifted_speckle, simulate_ultrasound
from ..sources import load

FOLDS = 5
FOLDED = ("busi", "busbra")  # targets whose seeds test a fold each
SHIFTS = (0.25, 0.5, 0.75, 1.0)  # of claim 11: from home, 0, to as far as can be
BETWEEN = 0.35  # a shift of speckle that was added, as it leaves about as much to gain as the largest of shapes
TESTED, CHOSEN = 160, 60  # subjects of a fixed test set, and of the validation set


def names() -> list[str]:
    return list(_PARTS)


def parts(name: str, size: int = 128, seed: int = 0) -> tuple[SegmentationData, SegmentationData, SegmentationData]:
    """``(pool, val, test)`` of a target; the three share no subject.

    Args:
        name: one of `names`.
        seed: of the experiment. Only ``busi`` and ``busbra`` heed it: seeds 0 to 4 test the five folds of one partition
            of the lesions, seeds 6 to 10 those of another (``busbra``: the same); all other targets have one fixed test
            set.

    Raises:
        BadInput: there is no such target, or a part would be left empty.
        DataUnavailable: its images cannot be had.
    """
    check_name("target", name, names())
    return _parts(name, size, seed if name in FOLDED else 0)


@lru_cache(maxsize=6)
def _parts(name: str, size: int, seed: int):
    made = _PARTS[name](size, seed)
    for what, part in zip(("training", "validation", "test"), made, strict=True):
        if not len(part):
            raise BadInput(f"{name}: no {what} images are left after the split.")
    return made


def _of(data: SegmentationData, subjects: set[str]) -> SegmentationData:
    return data[torch.tensor([subject in subjects for subject in data.subjects])]


def _one_each(data: SegmentationData) -> SegmentationData:
    return data.subset(len(set(data.subjects)))


def hc18_parts(size: int, seed: int = 0, data: SegmentationData | None = None):
    """Fetal heads: one examination from each of 160 strata of head circumference is tested.

    Files are ordered by age, so the first of them would be a test of small heads.
    """
    data = load("hc18", size=size, large=True) if data is None else data
    heads = _one_each(data)
    around = head_circumference_mm(heads.masks, heads.spacing_mm)
    strata = torch.tensor_split(around.argsort(stable=True), min(TESTED, len(heads) // 3))
    tested = {
        min((heads.subjects[i] for i in group.tolist()), key=lambda s: uniform("hc18 test", s)) for group in strata
    }
    rest = sorted(set(heads.subjects) - tested, key=lambda s: uniform("hc18 val", s))
    chosen = set(rest[: min(CHOSEN, len(rest) // 3)])
    return _of(data, set(rest) - chosen), _one_each(_of(data, chosen)), _one_each(_of(data, tested))


def busi_parts(size: int, seed: int = 0, data: SegmentationData | None = None):
    """Breast lesions: five folds over clusters of near-duplicates, so that five seeds test every lesion once.

    Of the four other folds a sixth of the clusters are for choosing. Normal images have no lesion to overlap with:
    they are left out here.
    """
    data = load("busi", size=size, large=True) if data is None else data
    data = data[~data.empty]
    again, fold = divmod(seed, FOLDS + 1)  # 0 to 4: the first partition; 5, for choosing rates, its fold 0; 6 to 10
    clusters = sorted(set(data.subjects), key=lambda s: uniform("busi fold", *([again] if again else []), s))
    return _around_a_fold(data, set(clusters[fold % FOLDS :: FOLDS]), "busi val")


def busbra_parts(size: int, seed: int = 0, data: SegmentationData | None = None):
    """Breast lesions of 1064 patients, in the five folds that were published with them: seed s tests fold s.

    Seeds 6 to 10 test the same folds again, as in `busi_parts`. Of the other folds a sixth of the patients are for
    choosing; all images of a tested patient are tested.

    Raises:
        BadInput: a patient is in two folds.
    """
    data = load("busbra", size=size, large=True) if data is None else data
    pairs = set(zip(data.subjects, data.extra["fold"].tolist(), strict=True))
    if len(pairs) > len(set(data.subjects)):
        raise BadInput(f"{data.name}: a patient is in two folds, so a test would not be one. Fetch the archive again.")
    folds = sorted({fold for _, fold in pairs})
    this = folds[seed % (FOLDS + 1) % len(folds)]
    return _around_a_fold(data, {subject for subject, fold in pairs if fold == this}, "busbra val")


def _around_a_fold(data: SegmentationData, tested: set[str], stream: str):
    """``(pool, val, test)``: of the subjects that are not tested a sixth are for choosing."""
    rest = sorted(set(data.subjects) - tested, key=lambda s: uniform(stream, s))
    chosen = set(rest[: len(rest) // 6])
    return _of(data, set(rest) - chosen), _of(data, chosen), _of(data, tested)


# Images of one lesion that perceptual hashes leave in different clusters: at 64 × 64 pixels they correlate by .91 and
# more. All other pairs of two clusters are below .90. Looked at down to .867, they show different lesions, or (23 and
# 24, at .880) leave it open.
ALIKE = tuple(
    frozenset(f"malignant ({k})" for k in lesion) for lesion in ((3, 4, 5, 6, 7, 8, 9), (24, 25), (39, 40, 42))
)


def busi_leaks(seed: int, n: int, clusters: Mapping[str, str]) -> set[str]:
    """Lesions of a fold's test of which an image that is `ALIKE` was trained on: they are left out of its scores.

    Args:
        clusters: for each lesion of the set its cluster.
    """
    ids, one = list(clusters), torch.ones(len(clusters), 1, 16, 16)
    stand_in = SegmentationData(one, one.bool(), list(clusters.values()), "busi", ids=ids)
    pool, _, test = busi_parts(16, seed, stand_in)
    trained = set(pool.subset(n, seed=seed).ids)
    return {one for one in test.ids for lesion in ALIKE if one in lesion and lesion & trained}


def simulated_parts(size: int, seed: int = 0):
    """Simulated breasts: three draws with seeds of their own."""
    counts = enumerate((400, CHOSEN, TESTED))
    return tuple(simulate_ultrasound(n, size=size, seed=7000 + k, preset="breast") for k, n in counts)


def shifted_parts(size: int, seed: int = 0, *, draw, shift: float):
    """Simulated lesions that differ from the source ``home`` in their speckle alone, or in their shapes alone."""
    return tuple(draw(n, size, seed=7010 + k, shift=shift) for k, n in enumerate((100, CHOSEN, TESTED)))


def shenzhen_parts(size: int, seed: int = 0):
    """Chest X-rays of another hospital, the control: a hashed split."""
    data = load("shenzhen", size=size, large=True)
    people = sorted(set(data.subjects), key=lambda s: uniform("shenzhen test", s))
    sides = people[:TESTED], people[TESTED : TESTED + CHOSEN], people[TESTED + CHOSEN :]
    test, val, pool = (_of(data, set(side)) for side in sides)
    return pool, _one_each(val), _one_each(test)


_PARTS = {
    "hc18": hc18_parts,
    "busi": busi_parts,
    "busbra": busbra_parts,
    "sim-ultrasound": simulated_parts,
    "shenzhen": shenzhen_parts,
    **{
        f"{what} {shift}": partial(shifted_parts, draw=draw, shift=shift)
        for what, draw in (("speckle", shifted_speckle), ("shapes", shifted_shapes))
        for shift in SHIFTS
    },
    f"speckle {BETWEEN}": partial(shifted_parts, draw=shifted_speckle, shift=BETWEEN),
}
