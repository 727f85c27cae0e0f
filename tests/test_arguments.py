"""What is given in the wrong order, or under another library's name, is told in one line."""

from dataclasses import replace

import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput


@pytest.mark.parametrize("setting, near", [
    ({"epochs": 3}, "steps"), ({"learning_rate": 1e-3}, "lr"), ({"batch": 4}, "batch_size"), ({"step": 4}, "steps"),
    ({"random_state": 4}, "seed"), ({"augmentation": True}, "augment"), ({"scheduler": "cosine"}, "schedule"),
    ({"progres": False}, "progress"), ({"verbose": False}, "progress"),
])  # fmt: skip
def test_a_setting_that_does_not_exist_names_the_nearest(discs, small, setting, near):
    with pytest.raises(BadInput, match=f"no setting '.*did you mean '{near}'") as caught:
        usft.fit(small, discs, **setting)
    assert "\n" not in str(caught.value)


SWAPPED = {
    "fit": lambda m, d: usft.fit(d, m),
    "fit: val": lambda m, d: usft.fit(m, d, m),
    "fit: tensors": lambda m, d: usft.fit(m, d.images, d.masks),
    "fit: both parts": lambda m, d: usft.fit(m, d.split(0.5, 0.5)),
    "Training": lambda m, d: usft.Training(d, d),
    "evaluate": lambda m, d: usft.evaluate(d, m),
    "evaluate: images": lambda m, d: usft.evaluate(m, d.images),
    "segment": lambda m, d: usft.segment(d.images, m),
    "segment: data": lambda m, d: usft.segment(m, d),
    "segment: NumPy": lambda m, d: usft.segment(m, d.images.numpy()),
    "score": lambda m, d: usft.score(d, d.masks),
    "score: model": lambda m, d: usft.score(m, m),
    "mean_shape": lambda m, d: usft.mean_shape(m),
    "freeze": lambda m, d: usft.freeze(["enc1"], m),
    "unfreeze": lambda m, d: usft.unfreeze(d, ["enc1"]),
    "train_only": lambda m, d: usft.train_only(["enc1"], m),
    "first": lambda m, d: usft.first(2, m),
    "outer": lambda m, d: usft.outer(2, m),
    "groups": lambda m, d: usft.groups(torch.nn.Conv2d(1, 1, 1)),
    "save_model": lambda m, d: usft.save_model("x.safetensors", m),
    "lora": lambda m, d: usft.lora(["enc1"], m),
    "summary": lambda m, d: usft.summary(d),
    "activations": lambda m, d: usft.activations(m, d),
    "reestimate_statistics": lambda m, d: usft.reestimate_statistics(d.images, m),
    "gradient_ratio": lambda m, d: usft.gradient_ratio(m, d.images),
    "SegmentationData": lambda m, d: usft.SegmentationData(d.images.numpy(), d.masks, d.subjects),
    "SegmentationData: one spacing": lambda m, d: replace(d, spacing_mm=0.1),
    "SegmentationData: a list of spacings": lambda m, d: replace(d, spacing_mm=[0.1] * len(d)),
    "first: a fraction": lambda m, d: usft.first(m, 1.0),
    "first: a truth": lambda m, d: usft.first(m, True),
    "dice: one mask": lambda m, d: usft.dice(d.masks[0, 0], d.masks[0, 0]),
    "dice: NumPy": lambda m, d: usft.dice(d.masks.numpy(), d.masks.numpy()),
    "summarise": lambda m, d: usft.summarise({"dice": 0.5}),
    "paired_difference: summaries": lambda m, d: usft.paired_difference({"dice": 0.5}, {"dice": 0.6}),
    "soft_dice_loss": lambda m, d: usft.soft_dice_loss(d.images, d.masks[..., 1:]),
    "segment_image": lambda m, d: usft.segment_image(m, d.images[0]),
    "load_model": lambda m, d: usft.load_model(3),
}


@pytest.mark.parametrize("name", SWAPPED)
def test_arguments_in_the_wrong_order_are_one_line(discs, small, name):
    with pytest.raises(BadInput) as caught:
        SWAPPED[name](small, discs)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


@pytest.mark.parametrize("seed", [1.0, None, float("nan"), "1", True])
def test_a_seed_that_is_no_whole_number_would_draw_something_else(discs, seed):
    for call in (lambda: discs.split(0.5, 0.5, seed=seed), lambda: discs.subset(3, seed=seed)):
        with pytest.raises(BadInput, match="seed must be a whole number, not "):
            call()


def test_a_whole_number_of_numpy_is_a_seed(discs):
    import numpy as np

    sides = [[len(part) for part in discs.split(0.5, 0.5, seed=seed)] for seed in (1, np.int64(1))]
    assert sides[0] == sides[1]


@pytest.mark.parametrize("images, how", [
    (torch.zeros(1, 1, 16, 16, dtype=torch.uint8), "images.float() / 255"),
    (torch.zeros(1, 1, 16, 16, dtype=torch.float64), "use images.float()."),
    (torch.zeros(1, 1, 16, 16).numpy(), "torch.from_numpy"),
])  # fmt: skip
def test_what_to_do_with_another_kind_of_number_does_not_darken_the_images(small, images, how):
    with pytest.raises(BadInput) as caught:
        usft.segment(small, images)
    assert how in str(caught.value)


def test_a_curve_or_a_training_that_says_nothing_is_told(discs, small):
    with pytest.warns(UserWarning, match="validation subjects are in train, too"):
        usft.Training(small, discs, discs[:4], steps=1)
    with pytest.warns(UserWarning, match="No mask of train has an object"):
        usft.Training(small, replace(discs, masks=torch.zeros_like(discs.masks)), steps=1)
