"""Where weights come from: made once a seed, kept, and the same whoever asks."""

import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput
from usft_lib.study import pretraining


@pytest.fixture
def sources(monkeypatch, tmp_path, discs):
    """An empty data folder, discs as the one source, and a count of how often they were asked for."""
    asked = []
    monkeypatch.setenv("USFT_DATA", str(tmp_path))
    monkeypatch.setitem(pretraining._IMAGES, "xray", lambda size: asked.append(size) or discs)
    monkeypatch.setattr(pretraining, "STEPS", 2)
    return asked


def same(a: usft.UNet, b: usft.UNet) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_pretraining_happens_once_a_seed_and_is_kept(sources):
    first, again = pretraining.pretrained_source("xray", 0, 32), pretraining.pretrained_source("xray", 0, 32)
    assert same(first, again) and sources == [32]
    assert not same(first, pretraining.pretrained_source("xray", 1, 32)) and sources == [32, 32]
    assert first.card["steps"] == "2" and first.card["subjects"]


def test_it_is_fit_from_the_seeds_own_start(sources, discs):
    torch.manual_seed(3)
    model = usft.UNet()
    usft.fit(model, discs, steps=2, lr=pretraining.LR, seed=3, progress=False)
    assert same(model, pretraining.pretrained_source("xray", 3, 32))


def test_scratch_is_not_trained_and_leaves_other_random_numbers_alone(sources):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    model = pretraining.pretrained_source("scratch", 2)
    assert torch.equal(torch.rand(3), expected)
    torch.manual_seed(2)
    assert same(model, usft.UNet()) and sources == []


def test_fewer_steps_are_part_of_the_name(sources):
    assert pretraining.pretrained_source("xray@1", 0, 32).card["steps"] == "1" and not same(
        pretraining.pretrained_source("xray@1", 0, 32), pretraining.pretrained_source("xray", 0, 32)
    )


@pytest.mark.parametrize("name", ["lungs", "xray@", "xray@many", "", "xray@-5", "../xray"])
def test_a_wrong_name_is_one_line_and_leaves_no_file(sources, tmp_path, name):
    with pytest.raises(BadInput, match="xray@100") as error:
        pretraining.pretrained_source(name, 0, 32)
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())
