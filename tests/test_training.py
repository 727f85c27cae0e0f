"""The step, the loop, pausing and resuming."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

import usft_lib as usft
from usft_lib import BadInput, Training, TrainingDiverged, UNet
from usft_lib.data import batch_indices
from usft_lib.device import Precision, choose_precision


def fresh(seed=0):
    torch.manual_seed(seed)
    return UNet(4, 4)


def weights(model):
    return torch.cat([t.detach().float().flatten() for t in model.state_dict().values()])


@pytest.mark.slow
def test_training_learns_what_a_mean_shape_cannot(discs):
    train, val, test = discs.split(0.6, 0.2, 0.2, seed=0)
    torch.manual_seed(0)
    model = UNet(8, 3)
    history = usft.fit(model, train, val, steps=80, lr=1e-2, progress=False)
    learnt = usft.evaluate(model, test)["dice"].mean()
    assert learnt > 0.85 > usft.score(usft.mean_shape(train), test)["dice"].mean() + 0.2
    assert sum(history.loss[-8:]) / 8 < 0.7 * history.loss[0] and len(history.loss) == len(history.seconds) == 80
    assert history.val_step == [16, 32, 48, 64, 80] and history.val_dice[-1] > 0.85
    assert len(history.val_dice) == 5 and history.seconds == sorted(set(history.seconds))


def test_a_float32_step_equals_the_textbook_loop(discs):
    # The oracle: the same batches through plain PyTorch, no channels-last, no fused optimiser.
    settings = {"steps": 5, "batch_size": 4, "lr": 3e-3, "seed": 5, "augment": False, "precision": "float32"}
    model, reference = fresh(), fresh()
    history = usft.fit(model, discs, **settings, progress=False)
    optimiser = torch.optim.Adam(reference.parameters())
    losses = []
    for step in range(5):
        optimiser.param_groups[0]["lr"] = 3e-3 * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * step / 5)).item())
        chosen = batch_indices(len(discs), 4, 5, step)
        logits, y = reference(discs.images[chosen]), discs.masks[chosen].float()
        p = logits.sigmoid()
        overlap, total = (p * y).sum((1, 2, 3)), p.sum((1, 2, 3)) + y.sum((1, 2, 3))
        cross = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
        loss = (1 - (2 * overlap + 1) / (total + 1)).mean() + cross
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert history.loss == pytest.approx(losses, rel=1e-4)


def test_batches_pass_every_image_once_an_epoch_and_need_no_history():
    n, size = 20, 8
    stream = torch.cat([batch_indices(n, size, 3, step) for step in range(10)])  # 80 places are 4 epochs
    for epoch in stream.split(n):
        assert sorted(epoch.tolist()) == list(range(n))
    assert not torch.equal(stream[:n], stream[n : 2 * n])
    assert torch.equal(batch_indices(n, size, 3, 7), stream[56:64])
    assert not torch.equal(batch_indices(n, size, 4, 7), stream[56:64])
    assert len(batch_indices(3, 8, 0, 0)) == 8, "a set smaller than a batch is passed more than once"


def test_the_same_seed_gives_the_same_bits_and_another_does_not(discs):
    runs = []
    for seed in (0, 0, 1):
        model = fresh()
        usft.fit(model, discs, steps=4, seed=seed, progress=False)
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


def test_strategies_of_one_seed_share_their_batches(discs):
    a = Training(fresh(), discs, seed=3)
    b = Training(usft.train_only(fresh(1), ["head"]), discs, seed=3, lr=1e-2, steps=7)
    assert all(torch.equal(x, y) for x, y in zip(a.batch(5), b.batch(5), strict=True))


RESUME = """
import sys, torch, usft_lib as usft
folder = sys.argv[1]
torch.set_num_threads(1)
saved = torch.load(folder + "/discs.pt", weights_only=True)
discs = usft.SegmentationData(saved["images"], saved["masks"], saved["subjects"], name="discs", ids=saved["ids"])
for precision in sys.argv[2:]:
    torch.manual_seed(99)  # other first weights, which the state must overwrite
    model = usft.freeze(usft.UNet(4, 4), ["enc2"])
    run = usft.Training(model, discs, discs, steps=20, batch_size=4, precision=precision)
    run.restore(usft.load_state(f"{folder}/half {precision}.safetensors"))
    for _ in run: pass
    usft.save_state(run.state(), f"{folder}/resumed {precision}.safetensors")
"""


@pytest.mark.slow
def test_a_run_resumed_in_a_new_process_is_bit_equal(discs, tmp_path):
    precisions = sorted({"float32", choose_precision().name})  # float32, and what this machine is quick in
    straight, threads = {}, torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for precision in precisions:
            run = Training(usft.freeze(fresh(), ["enc2"]), discs, discs, steps=20, batch_size=4, precision=precision)
            for _ in range(9):
                run.step()
            usft.save_state(run.state(), tmp_path / f"half {precision}.safetensors")
            for _ in run:
                pass
            straight[precision] = run.state()
    finally:
        torch.set_num_threads(threads)
    kept = {"images": discs.images, "masks": discs.masks, "subjects": discs.subjects, "ids": discs.ids}
    torch.save(kept, tmp_path / "discs.pt")
    command = [sys.executable, "-c", RESUME, str(tmp_path), *precisions]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    for precision, state in straight.items():
        resumed = usft.load_state(tmp_path / f"resumed {precision}.safetensors")
        tensors = {k for k, v in state.items() if isinstance(v, torch.Tensor)}
        assert tensors == {k for k, v in resumed.items() if isinstance(v, torch.Tensor)}
        assert any(k.startswith("optimiser/exp_avg_sq/") for k in tensors)
        assert all(torch.equal(state[k], resumed[k]) for k in tensors), precision


def test_resuming_keeps_history_and_card(discs):
    run = Training(fresh(), discs, discs, steps=10, validate_every=4)
    for _ in range(5):
        run.step()
    other = Training(fresh(1), discs, discs, steps=10, validate_every=4).restore(run.state())
    for _ in other:
        pass
    assert other.history.val_step == [4, 8, 10] and len(other.history.loss) == 10
    assert other.history.loss[:5] == run.history.loss and other.model.card["subjects"]["discs"] == sorted(
        set(discs.subjects)
    )


def test_a_float16_run_scales_its_loss_and_keeps_the_scale(discs, monkeypatch):
    # The scaler works on a processor too, so Colab's T4 can be stood in for here.
    monkeypatch.setattr("usft_lib.training.choose_precision", lambda *_: Precision("float16", "cpu"))
    run = Training(fresh(), discs, steps=8)
    run.step()
    assert run.scaler.is_enabled() and run.history.settings["precision"] == "float16"
    run.scaler.update(1234.0)
    other = Training(fresh(1), discs, steps=8).restore(run.state())
    assert other.scaler.get_scale() == 1234.0
    run.step()
    other.step()
    assert torch.equal(weights(run.model), weights(other.model))


def test_each_step_is_augmented_anew(discs):
    run = Training(fresh(), discs[:1], batch_size=2)
    (a, _), (b, _) = run.batch(0), run.batch(1)
    assert not torch.equal(a, b) and not torch.equal(a[0], a[1])
    assert torch.equal(*[Training(fresh(), discs[:1], augment=False).batch(s)[0] for s in (0, 1)])


def test_validation_runs_in_the_precision_of_training_and_moves_no_statistics(discs, monkeypatch):
    asked = []

    def spy(model, images, precision):
        asked.append(precision)
        return usft.segment(model, images, precision)

    monkeypatch.setattr("usft_lib.training.segment", spy)
    run = Training(fresh(), discs, discs, precision="bf16")
    before = weights(run.model)
    run.validate()
    assert asked == ["bf16"] and torch.equal(weights(run.model), before)


def test_a_state_of_another_run_is_refused_and_changes_nothing(discs):
    state = Training(fresh(), discs, lr=1e-3).state()
    for other in (
        Training(fresh(1), discs, lr=3e-3),
        Training(usft.freeze(fresh(1), ["enc1"]), discs),
        Training(fresh(1), discs[:10]),
        Training(fresh(1), discs, seed=1),
    ):
        before = weights(other.model)
        with pytest.raises(BadInput, match="of another run: ") as caught:
            other.restore(state)
        assert "\n" not in str(caught.value) and torch.equal(weights(other.model), before)
    with pytest.raises(BadInput, match="U-Net of another size"):
        Training(UNet(6, 4), discs).restore(state)
    with pytest.raises(BadInput, match="not the state of a Training"):
        Training(fresh(), discs).restore({})


def test_a_loss_that_is_not_finite_stops_with_one_clear_line(discs, small):
    broken = discs[:]
    broken.images = broken.images.clone()
    broken.images[3, 0, 0, 0] = float("inf")
    with pytest.raises(TrainingDiverged, match="The loss became nan at step [1-9]") as caught:
        usft.fit(small, broken, steps=30, progress=False, augment=False)
    assert "\n" not in str(caught.value) and "smaller learning rate" in str(caught.value)
    run = Training(small, broken, augment=False)
    with pytest.raises(TrainingDiverged):
        list(run)
    with pytest.raises(TrainingDiverged, match="The loss became nan"):
        run.step()  # and there is no going on


def test_everything_frozen_is_refused(discs, small):
    with pytest.raises(BadInput, match="every group is frozen.*usft.unfreeze"):
        Training(usft.freeze(small, usft.groups(small)), discs)


def test_gradients_switched_on_behind_our_back_are_refused(discs, small):
    usft.train_only(small, ["enc1"]).requires_grad_(True)
    with pytest.raises(BadInput, match="enc2 is frozen, but its parameters require gradients"):
        Training(small, discs)
    with pytest.raises(BadInput, match="nothing to train"):
        Training(fresh().requires_grad_(False), discs)


def test_freezing_in_the_middle_of_a_run_is_refused(discs, small):
    run = Training(small, discs)
    run.step()
    usft.freeze(small, ["enc1"])
    with pytest.raises(BadInput, match="begin a new Training"):
        run.step()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"steps": 0}, "steps must be a whole number"),
        ({"batch_size": 1.5}, "batch_size must be a whole number"),
        ({"lr": float("nan")}, "lr must be a positive number"),
        ({"lr": "1e-3"}, "lr must be a positive number"),
        ({"lr": True}, "lr must be a positive number"),
        ({"seed": 0.5}, "seed must be a whole number"),
        ({"augment": "no"}, "augment must be True or False"),
        ({"validate_every": 0}, "validate_every must be a whole number"),
        ({"device": "gpu"}, "device must be 'auto', 'cpu' or 'cuda', not 'gpu'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"precision": "bf61"}, "did you mean 'bf16'"),
    ],
)
def test_bad_settings_are_one_clear_line(discs, small, settings, message):
    with pytest.raises(BadInput, match=message) as caught:
        Training(small, discs, **settings)
    assert "\n" not in str(caught.value)


def test_a_set_without_images_is_refused(discs, small):
    for train, val in ((discs[[]], None), (discs, discs[[]])):
        with pytest.raises(BadInput, match="discs has no images"):
            usft.fit(small, train, val, progress=False)


def test_a_finished_run_and_a_missing_validation_set_say_so(discs, small):
    run = Training(small, discs, steps=1)
    run.step()
    assert run.finished and len(run) == 0
    with pytest.raises(BadInput, match="All 1 steps are taken"):
        run.step()
    with pytest.raises(BadInput, match="no validation images"):
        run.validate()


def test_evaluate_warns_about_subjects_that_were_trained_on_whatever_the_set_is_called(discs, small, recwarn):
    train, test = discs.split(0.7, 0.3, seed=0)
    usft.evaluate(small, discs)  # untrained: nothing to warn of
    usft.fit(small, train, steps=1, progress=False)
    usft.evaluate(small, test)
    assert not recwarn.list
    for named in (discs, replace(discs, name="discs (hc18 not available)")):
        with pytest.warns(UserWarning, match=f"{len(set(train.subjects))} of these test subjects of discs"):
            usft.evaluate(small, named)


def test_simulated_subjects_of_two_seeds_are_two_people(recwarn):
    a, b = (usft.simulate_ultrasound(4, size=32, seed=s) for s in (0, 1))
    assert not set(a.subjects) & set(b.subjects) and not set(a.ids) & set(b.ids)
    model = UNet(2, 2)
    usft.fit(model, a, steps=1, progress=False)
    usft.evaluate(model, b)
    assert not recwarn.list


def test_a_fine_tuned_model_does_not_keep_the_score_of_its_parent(discs):
    model = fresh()
    model.card = {"dice": "0.989", "steps": 1200, "subjects": {"lungs": ["p1"]}}
    usft.fit(model, discs, steps=1, progress=False)
    assert model.card["began_from"] == {"dice": "0.989", "steps": 1200} and "dice" not in model.card
    assert model.card["subjects"].keys() == {"lungs", "discs"}


def test_training_turns_training_mode_on(discs):
    """A network that was just evaluated learns as any other: its statistics adapt."""
    model = fresh().eval()
    before = model.enc1[1].running_mean.clone()
    usft.fit(model, discs, steps=1, batch_size=4, progress=False)
    assert not torch.equal(model.enc1[1].running_mean, before)


def test_whom_a_network_has_seen_adds_up_over_trainings(discs):
    model = fresh()
    for part in (discs[:4], discs[10:14]):
        usft.fit(model, part, steps=1, batch_size=2, progress=False)
    assert model.card["subjects"]["discs"] == sorted({*discs[:4].subjects, *discs[10:14].subjects})


# ---- unfreezing later on -----------------------------------------------------------------------------------------

LATER = {3: ["dec1"], 5: list(usft.groups(UNet(4, 4)))}


def head_first(discs, seed=0, **settings):
    """A run that trains the head, then dec1 as well, then everything."""
    how = {"steps": 8, "batch_size": 4, "lr": 1e-2, "unfreeze_at": LATER} | settings
    return Training(usft.train_only(fresh(seed), ["head"]), discs, **how)


def test_a_group_that_waits_stands_still_entirely(discs):
    run = head_first(discs)
    before = {name: t.clone() for name, t in run.model.state_dict().items()}
    moved = []
    for _ in run:
        now = run.model.state_dict()
        moved.append({name.partition(".")[0] for name, t in before.items() if not torch.equal(now[name], t)})
        holding = {name.partition(".")[0] for name, p in run.parameters.items() if run.optimiser.state[p]}
        assert holding == moved[-1], "no weight, no statistic and no moment before its time"
    assert moved == [{"head"}] * 3 + [{"head", "dec1"}] * 2 + [set(usft.groups(run.model))] * 3
    assert run.history.settings["trained"] == ["head"] and run.history.settings["unfreeze_at"][0] == [3, ["dec1"]]


def test_the_optimiser_never_holds_what_does_not_learn_in_any_group(discs):
    model = usft.train_parameters(usft.train_only(fresh(), ["enc1"]), "norm")
    held = Training(model, discs, steps=8, unfreeze_at={4: ["dec1"]}).parameters
    norms = ["enc1.1", "enc1.4", "dec1.block.1", "dec1.block.4"]
    assert set(held) == {f"{norm}.{what}" for norm in norms for what in ("weight", "bias")}


@pytest.mark.parametrize("rebuilt", [False, True])
def test_moments_go_on_when_groups_are_unfrozen(discs, rebuilt):
    """The oracle adds the new parameters to a plain Adam. An optimiser that is rebuilt there ends elsewhere."""
    how = {"steps": 8, "batch_size": 4, "augment": False, "precision": "float32", "schedule": "constant"}
    run = head_first(discs, unfreeze_at={4: ["dec1"]}, **how)
    list(run)
    model = usft.train_only(fresh(), ["head"])
    optimiser = torch.optim.Adam(model.head.parameters(), lr=1e-2)
    for step in range(8):
        if step == 4:
            usft.unfreeze(model, ["dec1"])
            if rebuilt:
                optimiser = torch.optim.Adam([*model.head.parameters(), *model.dec1.parameters()], lr=1e-2)
            else:
                optimiser.add_param_group({"params": list(model.dec1.parameters())})
        chosen = batch_indices(len(discs), 4, 0, step)
        optimiser.zero_grad()
        usft.dice_and_cross_entropy(model.train()(discs.images[chosen]), discs.masks[chosen]).backward()
        optimiser.step()
    off = (weights(run.model) - weights(model)).abs().max()
    assert off > 1e-3 if rebuilt else off < 1e-4


def lora_first(discs, seed=0):
    """A run that trains low-rank changes of the encoder, and later the head, which carries none."""
    model = usft.lora(fresh(seed), ["enc1", "enc2"], rank=2, seed=seed)
    return Training(model, discs, steps=8, batch_size=4, lr=1e-2, unfreeze_at={4: ["head"]})


@pytest.mark.parametrize("make", [head_first, lora_first])
def test_a_run_that_unfreezes_resumes_from_any_step_bit_for_bit(discs, make, tmp_path):
    run = make(discs)
    states = [run.state()] + [run.state() for _ in run]
    for state in (states[k] for k in (0, 3, 4, 5)):  # before, at and after a change
        usft.save_state(state, tmp_path / "state.safetensors")
        other = make(discs, seed=1).restore(usft.load_state(tmp_path / "state.safetensors"))
        assert usft.trained(other.model) == other._trained_in(other.done - 1)
        list(other)
        assert torch.equal(weights(other.model), weights(run.model))
    run.restore(states[0])  # and back to the beginning: what was unfrozen is frozen again
    assert usft.trained(run.model) == run.trained
    list(run)
    assert torch.equal(weights(run.model), weights(other.model))


def test_a_state_of_another_plan_is_refused_and_changes_nothing(discs):
    plain = {"steps": 8, "batch_size": 4, "lr": 1e-2}
    run = Training(usft.train_only(fresh(), ["head"]), discs, **plain)
    with pytest.raises(BadInput, match="unfreeze_at was .*dec1.* and is None"):
        run.restore(head_first(discs).state())
    norms = Training(usft.train_parameters(fresh(), "norm"), discs, **plain)
    everything = Training(fresh(1), discs, **plain)
    before = weights(everything.model)
    with pytest.raises(BadInput, match="parameters was '36 tensors.* and is None"):
        everything.restore(norms.state())
    assert torch.equal(weights(everything.model), before) and not everything.optimiser.state


@pytest.mark.parametrize(
    "later, message",
    [
        ({0: ["enc1"]}, "step of unfreeze_at must be a whole number of at least 1, not 0"),
        ({8: ["enc1"]}, "names step 8, but the run ends after 8"),
        ({3: ["enc9"]}, "no group 'enc9': did you mean"),
        (["enc1"], "must map steps to groups"),
        ({3: 4}, "Name groups in a list"),
    ],
)
def test_a_plan_that_cannot_be_is_one_clear_line(discs, later, message):
    model = usft.train_only(fresh(), ["head"])
    with pytest.raises(BadInput, match=message) as caught:
        Training(model, discs, steps=8, unfreeze_at=later)
    assert "\n" not in str(caught.value) and usft.trained(model) == ["head"]


def test_unfreezing_by_hand_in_the_middle_of_a_plan_is_refused(discs):
    run = head_first(discs)
    for _ in range(4):
        run.step()
    usft.unfreeze(run.model, ["enc1"])
    with pytest.raises(BadInput, match="begin a new Training"):
        run.step()
    loras = lora_first(discs)
    usft.merge(loras.model)
    with pytest.raises(BadInput, match="begin a new Training"):
        loras.step()


def test_a_run_tells_the_threads_that_it_used_and_warns_once(discs, monkeypatch):
    torch.set_num_threads(2)
    run = Training(fresh(), discs, steps=6, batch_size=4)
    assert run.history.settings["threads"] == 2
    torch.set_num_threads(1)
    run.step()
    assert run.history.settings["threads"] == 1, "what the first step uses, whatever was set when the run was made"
    torch.set_num_threads(2)
    run.step()
    assert run.history.settings["threads"] == [[0, 1], [1, 2]]
    monkeypatch.setattr("usft_lib.device.STEPS", 1)
    monkeypatch.setattr("usft_lib.device.SECONDS", 0)
    monkeypatch.setattr("usft_lib.device.BUSY", 100)  # any machine is busy
    with pytest.warns(UserWarning, match="Another program is busy") as told:
        list(run)
    assert len(told) == 1 and run.history.settings["threads"] == [[0, 1], [1, 2], [3, 1]]
    assert torch.get_num_threads() == 2
    again = Training(fresh(), discs, steps=6, batch_size=4).restore(run.state())
    assert again.history.settings["threads"] == [[0, 1], [1, 2], [3, 1]]


def test_after_falling_back_the_bits_are_those_of_one_thread(discs, monkeypatch):
    alone, beside = (Training(fresh(), discs, steps=6, batch_size=4) for _ in range(2))
    torch.set_num_threads(1)
    list(alone)
    torch.set_num_threads(2)
    beside.threads.most = 1
    list(beside)
    assert torch.equal(weights(alone.model), weights(beside.model)) and beside.history.settings["threads"] == 1
