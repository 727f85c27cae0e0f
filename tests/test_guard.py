"""What students call: arguments that are unknown, missing, swapped or of another kind are one clear line."""

import pickle

import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput, UNet
from usft_lib.guard import checked


def one_line(call, message):
    with pytest.raises(BadInput, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("setting, near", [
    ({"epochs": 3}, "steps"), ({"learning_rate": 1e-3}, "lr"), ({"batch": 4}, "batch_size"), ({"step": 4}, "steps"),
    ({"random_state": 4}, "seed"), ({"augmentation": True}, "augment"), ({"scheduler": "cosine"}, "schedule"),
])  # fmt: skip
def test_a_setting_that_does_not_exist_names_the_nearest(discs, small, setting, near):
    one_line(lambda: usft.fit(small, discs, **setting), f"no setting of Training '.*did you mean '{near}'")


def test_other_functions_name_the_nearest_setting_too(discs, small):
    one_line(lambda: usft.simulate_radiographs(1, image_size=32), "did you mean 'size'")
    one_line(lambda: UNet(channels=4), "did you mean 'width'")
    one_line(lambda: usft.lora(small, ["enc1"], ranks=4), "did you mean 'rank'")
    one_line(lambda: discs.split(0.5, 0.5, sed=1), "did you mean 'seed'")


SWAPPED = {
    "fit": lambda m, d: usft.fit(d, m),
    "fit: val": lambda m, d: usft.fit(m, d, m),
    "fit: train": lambda m, d: usft.fit(m, m, d),
    "fit: tensors": lambda m, d: usft.fit(m, d.images, d.masks),
    "fit: both parts": lambda m, d: usft.fit(m, d.split(0.5, 0.5)),
    "Training": lambda m, d: usft.Training(d, m),
    "evaluate": lambda m, d: usft.evaluate(d, m),
    "evaluate: images": lambda m, d: usft.evaluate(m, d.images),
    "segment": lambda m, d: usft.segment(d.images, m),
    "segment: data": lambda m, d: usft.segment(m, d),
    "segment: NumPy": lambda m, d: usft.segment(m, d.images.numpy()),
    "score": lambda m, d: usft.score(d, d.masks),
    "score: model": lambda m, d: usft.score(m, d),
    "dice": lambda m, d: usft.dice(d, d),
    "mean_shape": lambda m, d: usft.mean_shape(m),
    "summarise": lambda m, d: usft.summarise(m),
    "freeze": lambda m, d: usft.freeze(["enc1"], m),
    "unfreeze": lambda m, d: usft.unfreeze(d),
    "train_only": lambda m, d: usft.train_only(["enc1"], m),
    "first": lambda m, d: usft.first(2, m),
    "outer": lambda m, d: usft.outer(2, m),
    "groups": lambda m, d: usft.groups(torch.nn.Conv2d(1, 1, 1)),
    "save_model": lambda m, d: usft.save_model("x.safetensors", m),
    "load_model": lambda m, d: usft.load_model(None),
    "save_state": lambda m, d: usft.save_state(usft.Training(m, d), "x.safetensors"),
    "lora": lambda m, d: usft.lora(["enc1"], m),
    "summary": lambda m, d: usft.summary(d),
    "activations": lambda m, d: usft.activations(m, d),
    "reestimate_statistics": lambda m, d: usft.reestimate_statistics(d.images, m),
    "gradient_ratio": lambda m, d: usft.gradient_ratio(m, d.images),
    "paired_difference": lambda m, d: usft.paired_difference([0.1], [0.2]),
    "Lab": lambda m, d: usft.Lab(d, m, d),
    "UNet.forward": lambda m, d: m(d),
    "SegmentationData": lambda m, d: usft.SegmentationData(d.images.numpy(), d.masks, d.subjects),
    "unet_figure": lambda m, d: usft.plots.unet_figure(d),
}


@pytest.mark.parametrize("name", SWAPPED)
def test_what_is_of_another_kind_is_told_with_the_order_of_arguments(discs, small, name):
    call = name.partition(":")[0]
    one_line(lambda: SWAPPED[name](small, discs), rf"^\w+ must be .*: call {call}\(")


@pytest.mark.parametrize("wrong", [
    lambda m, d: usft.fit(m),
    lambda m, d: usft.fit(m, d, d, 100),
    lambda m, d: usft.freeze(m, "enc1", "enc2"),
    lambda m, d: usft.SegmentationData(d.images, d.masks),
])  # fmt: skip
def test_missing_and_superfluous_arguments_are_told_with_the_order(discs, small, wrong):
    one_line(lambda: wrong(small, discs), r"^(Missing a required argument: '\w+'|Too many .*arguments): call \w+\(")


@pytest.mark.parametrize("seed", [1.0, None, float("nan"), "1", True])
def test_a_seed_that_is_no_whole_number_would_draw_something_else(discs, seed):
    one_line(lambda: discs.split(0.5, 0.5, seed=seed), "seed must be a whole number, not ")


def test_what_fits_passes(discs, small):
    import numpy as np

    assert [len(p) for p in discs.split(0.5, 0.5, seed=np.int64(1))] == [len(p) for p in discs.split(0.5, 0.5, seed=1)]
    assert usft.segment(torch.nn.Conv2d(1, 1, 1), discs.images).shape == discs.masks.shape, "any network segments"
    assert usft.evaluate(small, test=discs).shape == (60, 7)


def test_a_wrong_kind_does_nothing_before_it_is_refused(discs, small):
    called = []

    def given(model: UNet, table: "pd.DataFrame" = None, n: int | None = None):  # noqa: F821
        called.append(n)

    look = checked(given, "given")
    for wrong in ((discs,), (small, discs), (small, None, 2.0)):
        with pytest.raises(BadInput):
            look(*wrong)
    look(small, n=None)
    assert called == [None]


def test_a_guarded_function_is_one_object_and_can_be_pickled():
    from usft_lib.metrics import evaluate

    assert evaluate is usft.evaluate and pickle.loads(pickle.dumps(usft.evaluate)) is usft.evaluate
    assert usft.evaluate.__module__ == "usft_lib.metrics" and "Score ``model``" in usft.evaluate.__doc__


def test_every_public_function_is_guarded():
    import inspect

    for home in (usft, usft.plots):
        functions = [thing for name, thing in vars(home).items() if inspect.isfunction(thing) and name[0] != "_"]
        assert len(functions) > 5
        assert [f.__name__ for f in functions if f.__code__.co_name != "looks_first"] == []


def test_a_warning_points_to_the_call_that_it_is_about(discs, small):
    small.card = {"subjects": {"discs": discs.subjects}}
    with pytest.warns(UserWarning, match="were in the training set") as caught:
        usft.evaluate(small, discs[:2])
    assert caught[0].filename == __file__
