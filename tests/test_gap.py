"""What lesson 05 measures with: shapes in speckle, statistics estimated anew, and the likeness of activations."""

import pytest
import torch
from torch import nn

import usft_lib as usft
from usft_lib import BadInput, activations, groups, in_speckle, linear_cka, reestimate_statistics

# ---- shapes in speckle -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chests():
    return usft.simulate_radiographs(6, size=64, seed=3)


def test_only_the_look_changes(chests):
    drawn = in_speckle(chests)
    assert torch.equal(drawn.masks, chests.masks) and drawn.subjects == chests.subjects and drawn.ids == chests.ids
    assert drawn.origin == chests.origin and "in speckle" in drawn.name and drawn.images.shape == chests.images.shape
    # Nothing of the old picture is left: from its negative comes the same.
    from dataclasses import replace

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


# ---- batch-norm statistics ---------------------------------------------------------------------------------------


def test_one_batch_gives_its_own_mean_and_variance(small, discs):
    images = discs.images[:12]
    new = reestimate_statistics(small, images, batch_size=12)
    before = small.enc1[0](images)
    assert torch.allclose(new.enc1[1].running_mean, before.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(new.enc1[1].running_var, before.var((0, 2, 3)), rtol=1e-4)
    # With one batch, evaluation then does what training does (up to n/(n−1) in the variance), in the deepest layer too.
    assert torch.allclose(new.eval()(images), small.train()(images), atol=0.05)


def test_several_batches_count_alike(small, discs):
    new = reestimate_statistics(small, discs.images[:24], batch_size=8)
    parts = [small.enc1[0](part).mean((0, 2, 3)) for part in discs.images[:24].split(8)]
    assert torch.allclose(new.enc1[1].running_mean, torch.stack(parts).mean(0), atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_nothing_else_moves(small, discs, training):
    usft.freeze(small, ["enc2"]).train(training)
    before = {name: t.clone() for name, t in small.state_dict().items()}
    new = reestimate_statistics(small, discs.images)
    assert all(torch.equal(t, before[name]) for name, t in small.state_dict().items()), "the given model stays"
    assert all(torch.equal(p, before[name]) for name, p in new.named_parameters())
    assert not torch.equal(new.enc2[1].running_mean, before["enc2.1.running_mean"]), "frozen groups are included"
    assert [m.training for m in new.modules()] == [m.training for m in small.modules()]
    assert {m.momentum for m in new.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1} and new.frozen == small.frozen


def test_one_image_has_no_statistics(small):
    with pytest.raises(BadInput, match="at least two images"):
        reestimate_statistics(small, torch.rand(1, 1, 32, 32))


# ---- CKA ---------------------------------------------------------------------------------------------------------


def by_kernels(x, y):
    """The definition: HSIC of the two centred Gram matrices, written with the centring matrix (a second opinion)."""
    n = len(x)
    centre = torch.eye(n, dtype=torch.float64) - 1 / n
    k, m = (centre @ (t.double() @ t.double().T) @ centre for t in (x, y))
    return float(torch.trace(k @ m) / (torch.trace(k @ k) * torch.trace(m @ m)).sqrt())


@pytest.mark.parametrize("p, q, seed", [(5, 5, 0), (3, 9, 1), (40, 2, 2)])
def test_cka_agrees_with_its_definition(p, q, seed):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(30, p, generator=draw)
    y = x @ torch.randn(p, q, generator=draw) + torch.randn(30, q, generator=draw) + 7
    assert linear_cka(x, y) == pytest.approx(by_kernels(x, y), abs=1e-9)
    assert linear_cka(x, y) == pytest.approx(linear_cka(y, x)) and 0 <= linear_cka(x, y) <= 1


def test_cka_does_not_see_rotation_scale_or_shift():
    draw = torch.Generator().manual_seed(4)
    x, y = torch.randn(50, 6, generator=draw), torch.randn(50, 6, generator=draw)
    turn = torch.linalg.qr(torch.randn(6, 6, generator=draw))[0]
    assert linear_cka(x, x) == pytest.approx(1)
    assert linear_cka(x, -3 * x @ turn + 100) == pytest.approx(1, abs=1e-5)
    assert linear_cka(x, y @ turn * 0.01 - 5) == pytest.approx(linear_cka(x, y), abs=1e-5)
    assert linear_cka(x, x * torch.logspace(0, 3, 6)) < 0.9, "it does see that single channels are stretched"


def test_cka_of_unrelated_tables_falls_with_rows():
    draw = torch.Generator().manual_seed(5)
    few, many = (linear_cka(*torch.randn(2, n, 10, generator=draw)) for n in (12, 5000))
    assert few > 0.3 and many < 0.01


@pytest.mark.parametrize("x, y", [((4, 2), (5, 2)), ((1, 2), (1, 2)), ((4,), (4,))])
def test_tables_that_cannot_be_compared_are_refused(x, y):
    with pytest.raises(BadInput, match="same rows"):
        linear_cka(torch.rand(x), torch.rand(y))
    with pytest.raises(BadInput, match="does not vary"):
        linear_cka(torch.ones(5, 2), torch.rand(5, 2))


def test_activations_have_a_row_a_place(small, discs):
    small.train()
    found = activations(small, discs.images[:5], cells=4, batch_size=2)
    assert list(found) == list(groups(small)) and small.training
    assert [t.shape for t in found.values()] == [(5 * 16, c) for c in (4, 8, 16, 32, 64, 32, 16, 8, 4, 1)]
    # The head's row of image 3, place (1, 2): its logits there, averaged.
    logits = small.eval()(discs.images[:5])
    place = logits[3, 0].view(4, 8, 4, 8).mean((1, 3))[1, 2]
    assert float(found["head"][3 * 16 + 1 * 4 + 2]) == pytest.approx(float(place.detach()), abs=1e-5)
    assert not any(m._forward_hooks for m in small.modules())
