"""Scores against closed forms and MONAI, and the conventions for empty masks."""

import numpy as np
import pandas as pd
import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput, SegmentationData


def ellipse(a, b, angle=0.0, side=160, centre=(80.0, 80.0)):
    y, x = np.mgrid[:side, :side]
    u = (x - centre[1]) * np.cos(angle) + (y - centre[0]) * np.sin(angle)
    v = -(x - centre[1]) * np.sin(angle) + (y - centre[0]) * np.cos(angle)
    return torch.from_numpy((u / a) ** 2 + (v / b) ** 2 <= 1)[None, None]


@pytest.fixture(scope="module")
def random_masks():
    draw = torch.Generator().manual_seed(0)
    coarse = torch.rand(24, 2, 6, 6, generator=draw)
    masks = torch.nn.functional.interpolate(coarse, size=48, mode="bilinear") > 0.55
    return masks[:, :1], masks[:, 1:]


def data_of(masks, **more):
    return SegmentationData(torch.zeros(masks.shape), masks, [f"s{i}" for i in range(len(masks))], name="d", **more)


def test_dice_and_iou_of_two_squares():
    a, b = torch.zeros(2, 1, 1, 20, 20, dtype=torch.bool)
    a[..., 0:10, 0:10] = True
    b[..., 5:15, 0:10] = True  # 50 pixels of 100 and 100 in common
    assert usft.dice(a, b).item() == pytest.approx(0.5) and usft.iou(a, b).item() == pytest.approx(50 / 150)


def test_dice_and_iou_are_tied_by_their_identity(random_masks):
    d, j = usft.dice(*random_masks), usft.iou(*random_masks)
    assert torch.allclose(d, 2 * j / (1 + j)) and d.std() > 0.05


def test_scores_agree_with_monai(random_masks):
    monai = pytest.importorskip("monai.metrics", reason="MONAI, the second implementation, is not installed")
    assert torch.allclose(usft.dice(*random_masks), monai.compute_dice(*random_masks)[:, 0])
    assert torch.allclose(usft.iou(*random_masks), monai.compute_iou(*random_masks)[:, 0])
    theirs = monai.compute_hausdorff_distance(*random_masks, include_background=True, percentile=95)[:, 0].numpy()
    ours = [usft.hausdorff95(a, b) for a, b in zip(*(m[:, 0].numpy() for m in random_masks), strict=True)]
    assert np.allclose(ours, theirs, atol=1e-5)


def test_hausdorff_of_moved_and_grown_discs_is_the_closed_form():
    disc = ellipse(30, 30)[0, 0].numpy()
    assert usft.hausdorff95(disc, disc) == 0
    grown = ellipse(37, 37)[0, 0].numpy()  # every outline point is 7 away
    assert usft.hausdorff95(disc, grown) == pytest.approx(7, abs=0.8)
    assert np.isnan(usft.hausdorff95(disc, np.zeros_like(disc)))


def test_scores_do_not_depend_on_the_batch(random_masks):
    together = usft.dice(*random_masks)
    alone = torch.cat([usft.dice(a[None], b[None]) for a, b in zip(*random_masks, strict=True)])
    assert torch.equal(together, alone)


def test_empty_masks_follow_the_convention():
    masks = torch.zeros(3, 1, 16, 16, dtype=torch.bool)
    masks[2, 0, 4:8, 4:8] = True
    answer = torch.zeros_like(masks)
    answer[1, 0, 0, 0] = True
    table = usft.score(answer, data_of(masks))
    assert table["dice"].tolist() == table["iou"].tolist() == [1, 0, 0]
    assert table["empty"].tolist() == [True, True, False] and table["hd95_px"].isna().all()
    line = usft.summarise(table)
    assert line["subjects"] == 1 and line["dice"] == 0 and line["failures"] == 1 and line["false_positives"] == 0.5


def test_millimetres_follow_the_spacing_and_are_unknown_without():
    a, b = ellipse(30, 30), ellipse(35, 35)
    with_mm = usft.score(a, data_of(b, spacing_mm=torch.tensor([0.25])))
    assert with_mm["hd95_mm"].item() == pytest.approx(with_mm["hd95_px"].item() / 4)
    assert usft.score(a, data_of(b))["hd95_mm"].isna().all()


@pytest.mark.parametrize("a, b, angle", [(50, 50, 0), (60, 45, 0.4), (70, 40, 1.2), (80, 16, 0.2)])
def test_head_circumference_is_that_of_the_ellipse(a, b, angle):
    t = np.linspace(0, 2 * np.pi, 20001)
    exact = np.hypot(np.diff(a * np.cos(t)), np.diff(b * np.sin(t))).sum()
    masks = torch.cat([ellipse(a, b, angle), ellipse(a, b, angle) & False])
    found = usft.head_circumference_mm(masks, torch.tensor([0.5, 0.5]))
    assert found[0].item() == pytest.approx(exact * 0.5, rel=2e-3) and found[1].isnan()


def test_a_pixel_is_a_square_and_not_a_point():
    """Two by two pixels, by hand: points have a variance of 1/4, the square around them of 2²/12."""
    mask = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    mask[0, 0, 3:5, 3:5] = True
    circle = 2 * np.pi * 2 * (4 / 12) ** 0.5  # a disc of that variance
    assert usft.head_circumference_mm(mask, torch.tensor([1.0])).item() == pytest.approx(circle)


def test_mean_shape_is_the_best_fixed_answer_among_its_levels(discs):
    shape = usft.mean_shape(discs)
    assert shape.shape == (1, 1, 32, 32) and shape.dtype == torch.bool
    best = usft.dice(shape.expand_as(discs.masks), discs.masks).mean()
    for level in (0.1, 0.3, 0.5, 0.7):
        other = discs.masks.float().mean(0, keepdim=True) >= level
        assert best >= usft.dice(other.expand_as(discs.masks), discs.masks).mean()
    one = discs[[3] * 4]
    assert torch.equal(usft.mean_shape(one), one.masks[:1]), "for identical masks it is that mask"


def test_probabilities_are_refused_in_one_line():
    with pytest.raises(BadInput, match="threshold logits at 0, probabilities at 0.5") as caught:
        usft.dice(torch.rand(1, 1, 4, 4), torch.rand(1, 1, 4, 4) > 0.5)
    assert "\n" not in str(caught.value)


def test_segment_cuts_at_a_probability_of_one_half_and_keeps_the_mode(discs, small):
    small.train()
    usft.segment(small, discs.images)
    assert small.training
    small.eval()
    with torch.no_grad():
        small.head.weight *= 1000  # an untrained network hardly tells pixels apart
        small.head.bias -= small(discs.images).median()  # so that half the pixels lie on either side
        masks = usft.segment(small, discs.images)
        probability = small(discs.images).sigmoid()
    sure = (probability - 0.5).abs() > 1e-5  # rounding differs with the batch size
    assert torch.equal(masks[sure], probability[sure] > 0.5) and sure.float().mean() > 0.99
    assert 0.4 < masks.float().mean() < 0.6


BAD_IMAGES = {
    "must be in 0…1": lambda images: images * 255,
    "but go from -": lambda images: images - 0.5,
    "must be float32 tensors in 0…1, not torch.uint8": lambda images: (images * 255).byte(),
    "must be float32 tensors in 0…1, not torch.float64": lambda images: images.double(),
    "NaN or infinite": lambda images: images * float("nan"),
}


@pytest.mark.parametrize("message", BAD_IMAGES)
def test_images_that_no_network_was_trained_on_are_refused(discs, small, message):
    images = BAD_IMAGES[message](discs.images[:4])
    for call in (usft.segment, usft.activations, usft.reestimate_statistics):
        with pytest.raises(BadInput, match=message) as caught:
            call(small, images)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_a_batch_has_an_image_at_least(discs, small, size):
    with pytest.raises(BadInput, match="batch_size must be a whole number"):
        usft.segment(small, discs.images, batch_size=size)


def test_a_network_that_answers_nan_has_no_score(discs, small):
    """NaN > 0 is False: it would pass for an empty mask, and for a Dice of 0."""
    torch.nn.init.constant_(small.head.bias, float("nan"))
    small.train()
    with pytest.raises(BadInput, match="gives NaN"):
        usft.evaluate(small, discs)
    assert small.training, "and the mode is left as it was"


def test_masks_that_are_none_are_refused(discs):
    bad = discs.masks.float()
    for wrong in (bad, discs.masks.int(), bad * float("nan"), discs.masks[:2], discs.masks[:, 0]):
        with pytest.raises(BadInput, match="bool masks, one for each image or one for all"):
            usft.score(wrong, discs)
    a, b = discs.masks[:2].numpy()
    for pair in ((a[0].astype(float), b[0]), (a[0], b[0, :9]), (a, b)):
        with pytest.raises(BadInput, match="two bool masks .H, W."):
            usft.hausdorff95(*pair)
    for masks, mm in ((bad, torch.ones(60)), (discs.masks, torch.ones(3))):
        with pytest.raises(BadInput, match="Give bool masks and a spacing for each"):
            usft.head_circumference_mm(masks, mm)


def test_nothing_has_no_mean_shape(discs):
    with pytest.raises(BadInput, match="discs has no images"):
        usft.mean_shape(discs[[]])


def test_segment_moves_no_statistics_and_does_not_depend_on_the_batch(discs, small):
    usft.fit(small, discs, steps=3, progress=False)
    before = {k: t.clone() for k, t in small.state_dict().items()}
    one, many = usft.segment(small, discs.images, batch_size=1), usft.segment(small, discs.images, batch_size=60)
    assert all(torch.equal(t, before[k]) for k, t in small.state_dict().items())
    assert (one == many).float().mean() > 0.999  # but for rounding; batch statistics would move many pixels


def test_summarise_averages_by_subject_and_shows_what_the_mean_hides():
    nan = float("nan")
    table = pd.DataFrame(
        {
            "image": list("abcdef"),
            "subject": ["p", "p", "p", "q", "q", "r"],
            "dice": [0.9, 0.6, 0.0, 0.3, 1.0, 0.0],
            "iou": [0.8, 0.5, 0.0, 0.2, 1.0, 0.0],
            "hd95_px": [2.0, 4.0, nan, 7.0, nan, nan],
            "empty": [False, False, False, False, True, True],
        }
    )
    found = usft.summarise(table)
    assert found["subjects"] == 2 and found["dice"] == pytest.approx((0.5 + 0.3) / 2)
    assert found["iou"] == pytest.approx((1.3 / 3 + 0.2) / 2) and found["failures"] == pytest.approx(1 / 6)
    assert found["hd95_px"] == pytest.approx((3 + 7) / 2) and found["undrawn"] == pytest.approx(1 / 6)
    assert found["false_positives"] == 0.5 and found["low"] <= found["dice"] <= found["high"]
    nothing = usft.summarise(table[4:])
    assert nothing["subjects"] == 0 and np.isnan(nothing["dice"]) and nothing["false_positives"] == 0.5


def test_tables_carry_their_provenance():
    data = data_of(ellipse(30, 30), provenance="drawn here")
    assert usft.score(data.masks, data).attrs == {"data": "d", "provenance": "drawn here"}


def test_what_cannot_be_scored_is_one_clear_line():
    data = data_of(ellipse(30, 30))
    with pytest.raises(BadInput, match="bool masks, one for each image or one for all; these are torch.bool"):
        usft.score(torch.zeros(1, 1, 8, 8, dtype=torch.bool), data)
    with pytest.raises(BadInput, match="size of a pixel is not known"):
        usft.head_circumference_mm(data.masks, data.spacing_mm)


def test_soft_dice_loss_of_certain_answers_is_one_minus_dice(random_masks):
    a, b = random_masks
    certain = torch.where(a, 50.0, -50.0)
    expected = 1 - usft.dice(a, b).mean()
    assert usft.soft_dice_loss(certain, b, smooth=0.0).item() == pytest.approx(expected.item(), abs=1e-6)
    empty = torch.zeros_like(b)
    assert usft.soft_dice_loss(torch.full(b.shape, -50.0), empty).item() == pytest.approx(0, abs=1e-6)
