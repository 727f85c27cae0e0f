"""Shapes drawn in speckle: only the look changes, and it is the one that was asked for."""

from dataclasses import replace

import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput, in_speckle


@pytest.fixture(scope="module")
def chests():
    return usft.simulate_radiographs(6, size=64, seed=3)


def test_only_the_look_changes(chests):
    drawn = in_speckle(chests)
    assert torch.equal(drawn.masks, chests.masks) and drawn.subjects == chests.subjects and drawn.ids == chests.ids
    assert drawn.origin == chests.origin and "in speckle" in drawn.name and drawn.images.shape == chests.images.shape
    # Nothing of the old picture is left: from its negative comes the same.
    assert torch.equal(in_speckle(replace(chests, images=1 - chests.images)).images, drawn.images)


def test_an_image_depends_on_seed_and_id_alone(chests):
    drawn = in_speckle(chests, seed=1)
    assert torch.equal(in_speckle(chests[[4, 2]], seed=1).images, drawn.images[[4, 2]])
    assert not torch.equal(in_speckle(chests, seed=2).images, drawn.images)


def test_the_contrast_is_what_was_asked_for(chests):
    def difference(db):
        drawn = in_speckle(chests, contrast_db=(db, db))
        return float(drawn.images[drawn.masks].mean() - drawn.images[~drawn.masks].mean())

    differences = [difference(db) for db in (-16, -8, 0, 8)]
    assert differences == sorted(differences) and abs(differences[2]) < 0.03, "at 0 dB nothing tells lung from tissue"
    # Grey is level over dynamic range, 42-65 dB: 8 dB are 0.12-0.19 of the scale.
    assert 0.12 < differences[2] - differences[1] < 0.19
    with pytest.raises(BadInput, match="contrast_db"):
        in_speckle(chests, contrast_db=(5, -5))
