"""Splits by subject, subsets, what `SegmentationData` refuses, and augmentation."""

import math
from dataclasses import replace

import pytest
import torch

from usft_lib import BadInput, SegmentationData
from usft_lib.data import augment
from usft_lib.seeds import generator, uniform


def make(subjects, **more):
    n = len(subjects)
    return SegmentationData(torch.rand(n, 1, 16, 16), torch.rand(n, 1, 16, 16) > 0.5, list(subjects), **more)


@pytest.fixture
def hundred():
    return make([f"p{i // 3:02d}" for i in range(300)], ids=[f"i{i}" for i in range(300)])


def test_no_subject_stands_on_two_sides_and_no_image_is_lost(hundred):
    for seed in range(5):
        parts = hundred.split(0.6, 0.2, 0.2, seed=seed)
        people = [set(p.subjects) for p in parts]
        assert not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2])
        assert sorted(i for p in parts for i in p.ids) == sorted(hundred.ids)


def test_split_does_not_depend_on_the_order_of_files(hundred):
    mixed = hundred[torch.randperm(300)]
    for a, b in zip(hundred.split(0.5, 0.5, seed=3), mixed.split(0.5, 0.5, seed=3), strict=True):
        assert set(a.ids) == set(b.ids)


def test_a_subset_agrees_with_the_full_set_on_who_is_tested(hundred):
    test = set(hundred.split(0.7, 0.3, seed=1)[1].subjects)
    few = hundred[:60]
    assert set(few.split(0.7, 0.3, seed=1)[1].subjects) == test & set(few.subjects)


def test_seeds_give_other_splits_of_about_the_asked_size():
    many = make([str(i) for i in range(4000)])
    a, b = (many.split(0.25, 0.75, seed=s)[0] for s in (0, 1))
    for part in (a, b):  # 1000 ± 27 (one standard deviation of a binomial)
        assert abs(len(part) - 1000) < 4 * 27.4
    overlap = len(set(a.ids) & set(b.ids)) / len(a)
    assert overlap == pytest.approx(0.25, abs=0.06)


def test_subset_is_nested_with_one_image_a_subject(hundred):
    ten, twenty = hundred.subset(10, seed=2), hundred.subset(20, seed=2)
    assert set(ten.ids) < set(twenty.ids) and len(set(twenty.subjects)) == 20
    assert set(hundred.subset(10, seed=3).ids) != set(ten.ids)
    with pytest.raises(BadInput, match="300 images: choose at most"):
        hundred.subset(301)


def test_a_subset_larger_than_the_people_takes_second_images_and_says_so(capsys):
    data = make([f"p{i // 3}" for i in range(60)], ids=[f"i{i}" for i in range(60)])
    twenty = data.subset(20)
    assert capsys.readouterr().out == ""
    forty, fifty = data.subset(40), data.subset(50)
    assert set(twenty.ids) < set(forty.ids) < set(fifty.ids)
    assert [forty.subjects.count(s) for s in set(data.subjects)] == [2] * 20
    assert "only 20 subjects for 40 images" in capsys.readouterr().out


def test_indexing_keeps_everything_together(hundred):
    data = SegmentationData(
        hundred.images,
        hundred.masks,
        hundred.subjects,
        spacing_mm=torch.arange(1.0, 301.0),
        ids=hundred.ids,
        labels=[f"l{i}" for i in range(300)],
        extra={"fold": torch.arange(300.0, dtype=torch.float64)},
    )
    chosen = torch.tensor([7, 250, 3])
    for part in (data[chosen], data[[7, 250, 3]]):
        assert part.ids == ["i7", "i250", "i3"] and part.labels == ["l7", "l250", "l3"]
        assert part.subjects == ["p02", "p83", "p01"] and part.spacing_mm.tolist() == [8, 251, 4]
        assert part.extra["fold"].tolist() == [7, 250, 3] and part.extra["fold"].dtype == torch.float64
        assert torch.equal(part.images, data.images[chosen]) and torch.equal(part.masks, data.masks[chosen])
    assert data[-1].ids == ["i299"] and data[2:4].ids == ["i2", "i3"]
    assert data[[s == "p05" for s in data.subjects]].ids == ["i15", "i16", "i17"]


def test_nothing_and_nonsense_as_indices(hundred):
    assert len(hundred[[]]) == 0
    for wrong in ([300], "first", None, math.nan, {}):
        with pytest.raises(BadInput, match="has 300 images"):
            hundred[wrong]


def test_the_origin_outlives_a_new_name(hundred):
    assert hundred.origin == "data" and replace(hundred, name="other")[:3].origin == "data"


def test_a_stand_in_stays_one_whatever_is_taken_of_it(hundred):
    assert not hundred.stand_in and not hundred[:3].stand_in
    other = replace(hundred, stand_in=True)
    for part in (other[:3], other[[]], other.subset(4), *other.split(0.5, 0.5), replace(other, name="hc18")):
        assert part.stand_in


def test_empty_masks_are_flagged(hundred):
    hundred.masks[4] = False
    assert hundred.empty.nonzero().tolist() == [[4]] and "1 with an empty mask" in repr(hundred)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"masks": torch.zeros(2, 1, 16, 16)}, "masks must be bool"),
        ({"masks": torch.zeros(2, 1, 8, 8, dtype=torch.bool)}, "differ in shape"),
        ({"images": torch.full((2, 1, 16, 16), float("nan"))}, "NaN"),
        ({"images": torch.zeros(2, 1, 16, 16, dtype=torch.uint8)}, "must be float32"),
        ({"images": torch.full((2, 1, 16, 16), 255.0)}, "must be in 0…1, but go from 255 to 255"),
        ({"images": torch.zeros(2, 1, 16, 8), "masks": torch.zeros(2, 1, 16, 8, dtype=torch.bool)}, "grey squares"),
        ({"images": torch.zeros(2, 16, 16)}, "must be \\[N, 1, S, S\\]"),
        ({"subjects": ["a"]}, "1 subjects for 2 images"),
        ({"subjects": None}, "a name for each of 2 images, not None"),
        ({"subjects": "ab"}, "a name for each of 2 images, not 'ab'"),
        ({"subjects": ["a", None]}, "a name for each of 2 images"),
        ({"subjects": [float("nan"), "b"]}, "a name for each of 2 images"),
        ({"spacing_mm": torch.tensor([0.1, -1.0])}, "a number above 0 per image"),
        ({"spacing_mm": torch.tensor([0.1, math.inf])}, "a number above 0 per image"),
        ({"spacing_mm": torch.ones(3)}, "spacing_mm must be a tensor \\[2\\]"),
        ({"extra": {"fold": torch.ones(3)}}, r"extra\['fold'\] must be a float tensor \[2\]"),
        ({"extra": {"fold": torch.ones(2, 1)}}, r"extra\['fold'\] must be"),
        ({"extra": {"fold": torch.ones(2, dtype=torch.int64)}}, r"extra\['fold'\] must be"),
        ({"extra": {"fold": [1.0, 2.0]}}, r"extra\['fold'\] must be"),
    ],
)
def test_bad_data_is_refused_in_one_line(change, message):
    good = {
        "images": torch.zeros(2, 1, 16, 16),
        "masks": torch.zeros(2, 1, 16, 16, dtype=torch.bool),
        "subjects": ["a", "b"],
    }
    with pytest.raises(BadInput, match=message) as caught:
        SegmentationData(**{**good, **change})
    assert "\n" not in str(caught.value)


NOT_FRACTIONS = [(), (0.5, 0.2), (1.5, -0.5), (math.nan, 1), (1, math.nan), (math.inf, -math.inf), ([0.6, 0.4],)]


@pytest.mark.parametrize("fractions", [*NOT_FRACTIONS, (".5", ".5"), (None, 1), (60, 40)])
def test_fractions_must_add_up_to_one(hundred, fractions):
    with pytest.raises(BadInput, match="add up to 1"):
        hundred.split(*fractions)


@pytest.mark.parametrize("n", [0, -1, 2.5, 0.5, "3", math.nan, True])
def test_a_subset_has_a_whole_number_of_images(hundred, n):
    with pytest.raises(BadInput, match="n must be a whole number"):
        hundred.subset(n)


def test_images_can_be_passed_one_by_one_and_sets_are_not_added(hundred):
    assert [one.ids for one in hundred[:3]] == [["i0"], ["i1"], ["i2"]]
    with pytest.raises(BadInput, match="cannot be added: join .* by torch.cat") as caught:
        hundred + hundred
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [list, torch.tensor, "numpy"])
def test_subjects_are_people_by_what_they_are_called(kind):
    """Two tensors of the number 1 are two objects: as subjects they would be two people, on two sides."""
    import numpy as np

    numbers = (np.array if kind == "numpy" else kind)([1, 1, 2, 2])
    data = SegmentationData(torch.zeros(4, 1, 16, 16), torch.zeros(4, 1, 16, 16).bool(), numbers)
    assert data.subjects == ["1", "1", "2", "2"]


def test_fewer_people_than_sides_are_refused():
    with pytest.raises(BadInput, match="1 subjects, too few for 2 parts"):
        make(["only"]).split(0.5, 0.5)


@pytest.mark.parametrize("fractions, sizes", [((0.6, 0.2, 0.2), [5, 2, 1]), ((0.8, 0.1, 0.1), [6, 1, 1])])
def test_few_people_are_dealt_only_where_a_side_would_be_empty(capsys, fractions, sizes):
    data = make([f"p{i // 2}" for i in range(16)], ids=[f"i{i}" for i in range(16)])
    told = 0
    for seed in range(40):
        parts = data.split(*fractions, seed=seed)
        people = [set(part.subjects) for part in parts]
        place = [uniform("split", seed, f"p{i}") for i in range(8)]
        ends = [0, *(sum(fractions[: k + 1]) for k in range(2)), 1]
        hashed = [{f"p{i}" for i in range(8) if ends[k] <= place[i] < ends[k + 1]} for k in range(3)]
        out = capsys.readouterr().out
        assert "too few to decide between two networks" in out
        assert ("subjects are now split" in out) == (not all(hashed))
        told += not all(hashed)
        if all(hashed):
            assert people == hashed
        else:
            assert list(map(len, people)) == sizes
            rank = sorted(range(8), key=lambda i: place[i])
            assert people[0] == {f"p{i}" for i in rank[: sizes[0]]}
    assert told > 10


def test_a_test_set_that_cannot_decide_is_told(hundred, capsys):
    hundred[:90].split(0.5, 0.5)
    assert capsys.readouterr().out == ""
    make([str(i) for i in range(6)]).split(0.5, 0.5, seed=3)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "too few to decide" in out and "in 1 of " in out


# ---- batches and augmentation -----------------------------------------------------------------------------------


def blobs(n=64, side=64):
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    masks = ((y - 30) ** 2 / 100 + (x - 38) ** 2 / 225 < 1).expand(n, 1, side, side)
    return masks.float() * 0.8, masks.clone()


def test_image_and_mask_move_together_and_the_mask_is_cut_at_one_half():
    images, masks = blobs()
    moved, moved_masks = augment(images, masks, generator("a"))
    # A pixel that lies to the share w in the blob is (0.8 w) ** gamma bright, and 0.8 ** gamma where w = 1. The image
    # tells gamma and w; the mask must be where w exceeds one half.
    gamma = moved.amax((1, 2, 3), keepdim=True).log() / math.log(0.8)
    share = moved ** (1 / gamma) / 0.8
    sure = (share - 0.5).abs() > 1e-3
    assert torch.equal(moved_masks[sure], share[sure] > 0.5) and (sure.float().mean() > 0.999)
    for low, high in ((0.4, 0.5), (0.5, 0.6)):
        assert ((share > low) & (share < high) & sure).sum() > 500, "the border has pixels that another cut would turn"
    assert moved_masks.dtype == torch.bool and moved.shape == images.shape and not torch.equal(moved_masks, masks)


def test_ranges_are_as_documented():
    images, masks = blobs(512)
    moved, moved_masks = augment(images, masks, generator("b"))
    area = moved_masks.sum((1, 2, 3)) / masks.sum((1, 2, 3))
    assert 0.86**2 - 0.03 < area.min() < 0.85 and 1.2 < area.max() < 1.17**2 + 0.03
    centre = torch.stack([m[0].nonzero().float().mean(0) for m in moved_masks])
    mirrored = (centre[:, 1] < 31).float().mean()
    assert 0.35 < mirrored < 0.65
    brightest = moved.amax((1, 2, 3))
    gamma = brightest.log() / torch.tensor(0.8).log()
    assert 0.69 < gamma.min() < 0.76 and 1.3 < gamma.max() < 1.43


def test_only_the_generator_decides():
    images, masks = blobs(4)
    torch.manual_seed(1)
    a = augment(images, masks, generator("seed", 1))
    torch.manual_seed(2)
    b = augment(images, masks, generator("seed", 1))
    c = augment(images, masks, generator("seed", 2))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) and not torch.equal(a[0], c[0])


def test_values_stay_in_range():
    moved, _ = augment(torch.rand(32, 1, 16, 16), torch.rand(32, 1, 16, 16) > 0.5, generator("c"))
    assert moved.min() >= 0 and moved.max() <= 1 and torch.isfinite(moved).all()


def test_what_is_moved_in_from_outside_is_black_and_not_object():
    full = torch.ones(16, 1, 32, 32)
    images, masks = augment(full, full.bool(), generator("outside"))
    moved = (images[:, :, 0] < 1e-6).any() and (images[:, :, -1] < 1e-6).any()
    assert moved and (~masks).any()
    assert not masks[images < 1e-6].any() and images.min() == 0
