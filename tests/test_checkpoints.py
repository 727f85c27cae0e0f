"""Weights on disk: exact, complete, and never a pickle."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import usft_lib as usft
from usft_lib import BadInput, UNet
from usft_lib.checkpoints import WEIGHTS


def one_line(caught):
    return "\n" not in str(caught.value)


def test_weights_come_back_bit_for_bit_with_their_card(discs, tmp_path):
    model = UNet(4, 3)
    usft.fit(model, discs, steps=2, progress=False)
    path = usft.save_model(model, tmp_path / "deep" / "m.safetensors", {"note": "two steps"})
    back = usft.load_model(path)
    assert back.width == 4 and back.depth == 3 and back.card["note"] == "two steps"
    assert back.card["subjects"]["discs"] == sorted(set(discs.subjects))
    assert all(torch.equal(t, back.state_dict()[k]) for k, t in model.state_dict().items())
    assert torch.equal(usft.segment(model, discs.images), usft.segment(back, discs.images))


def test_half_precision_rounds_convolutions_alone(tmp_path, small):
    path = usft.save_model(small, tmp_path / "h.safetensors", half=True)
    kept = load_file(path)
    for name, t in small.state_dict().items():
        assert kept[name].dtype == (torch.float16 if t.ndim == 4 else t.dtype)
        assert torch.allclose(kept[name].to(t.dtype), t, rtol=2**-11, atol=1e-7)
    assert usft.load_model(path).enc1[0].weight.dtype == torch.float32


def test_a_pickle_is_never_opened(tmp_path, small):
    for new in (True, False):
        torch.save(small.state_dict(), tmp_path / "w.safetensors", _use_new_zipfile_serialization=new)
        with pytest.raises(BadInput, match="looks like a pickle.*only safetensors") as caught:
            usft.load_model(tmp_path / "w.safetensors")
        assert one_line(caught)


def test_weights_of_another_architecture_are_named(tmp_path, small):
    path = usft.save_model(small, tmp_path / "m.safetensors")
    tensors = load_file(path)
    card = {"width": 8, "depth": 4, "in_channels": 1}
    save_file(tensors, path, {"card": json.dumps(card)})
    with pytest.raises(
        BadInput, match="another architecture than its card's U-Net .width 8, depth 4.: .* tensors differ"
    ) as e:
        usft.load_model(path)
    assert one_line(e)
    save_file(tensors, path)
    with pytest.raises(BadInput, match="has no card of this course"):
        usft.load_model(path)


def test_a_card_cannot_make_us_allocate(tmp_path, small):
    path = usft.save_model(small, tmp_path / "m.safetensors")
    save_file(load_file(path), path, {"card": json.dumps({"width": 200_000, "depth": 4, "in_channels": 1})})
    with pytest.raises(BadInput, match="another architecture"):
        usft.load_model(path)


HOSTILE = {
    "wide": '{"width": 1000000000, "depth": 2, "in_channels": 1}',
    "wider": '{"width": 1000000000000000000, "depth": 2, "in_channels": 1}',
    "many digits": '{"width": ' + "9" * 5000 + ', "depth": 2, "in_channels": 1}',
    "not a number": '{"width": NaN, "depth": 2, "in_channels": 1}',
    "less than nothing": '{"width": 4, "depth": 2, "in_channels": -3}',
    "deep network": '{"width": 4, "depth": 1000000000, "in_channels": 1}',
    "deep list": "[" * 10**5,
    "deep dict": '{"a":' * 10**5 + "1" + "}" * 10**5,
    "deep within": '{"width": 4, "depth": 4, "in_channels": 1, "note": ' + "[" * 10**5 + "]" * 10**5 + "}",
    "no dict": "[1]",
    "subjects in a list": '{"width": 4, "depth": 4, "in_channels": 1, "subjects": ["a"]}',
    "subjects that are a number": '{"width": 4, "depth": 4, "in_channels": 1, "subjects": {"discs": 3}}',
}


@pytest.mark.parametrize("card", HOSTILE)
def test_a_hostile_card_is_one_line(tmp_path, small, card, monkeypatch):
    path = usft.save_model(small, tmp_path / "m.safetensors")
    save_file(load_file(path), path, {"card": HOSTILE[card]})
    made = []
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda t, *_: made.append(t.device.type) or t)
    with pytest.raises(BadInput, match="has no card of this course") as caught:
        usft.load_model(path)
    assert one_line(caught) and set(made) <= {"meta"}, "nothing is allocated"


def test_weights_that_are_no_numbers_are_neither_written_nor_read(tmp_path, small):
    good = usft.save_model(small, tmp_path / "good.safetensors")
    tensors = load_file(good)
    tensors["enc1.1.running_var"][0] = float("inf")
    save_file(tensors, tmp_path / "bad.safetensors", {"card": '{"width": 4, "depth": 4, "in_channels": 1}'})
    with pytest.raises(BadInput, match="bad.safetensors contains NaN or infinite .* enc1.1.running_var") as e:
        usft.load_model(tmp_path / "bad.safetensors")
    assert one_line(e)
    small.head.bias.data[0] = float("nan")
    with pytest.raises(BadInput, match="This network contains NaN or infinite weights, as in head.bias"):
        usft.save_model(small, tmp_path / "new.safetensors")
    small.head.bias.data[0], small.head.weight.data[0, 0] = 0, 1e6
    with pytest.raises(BadInput, match="infinite weights, as in head.weight"):
        usft.save_model(small, tmp_path / "new.safetensors", half=True)  # 16 bits end at 65 504
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.safetensors", "good.safetensors"]


def test_a_card_holds_plain_values(tmp_path, small):
    path = usft.save_model(small, tmp_path / "m.safetensors", {"dice": np.float32(0.5)})
    assert usft.load_model(path).card["dice"] == 0.5
    with pytest.raises(BadInput, match="card must contain only texts, numbers and lists"):
        usft.save_model(small, path, {"what": object()})
    deep = []
    for _ in range(10**5):
        deep = [deep]
    with pytest.raises(BadInput, match="card must contain only texts, numbers and lists"):
        usft.save_model(small, path, {"what": deep})
    with pytest.raises(BadInput, match="card must contain only texts, numbers and lists"):
        usft.save_model(small, path, "note")


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path, small, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("usft_lib.checkpoints.save_file", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(BadInput, match="Read-only file system.*choose another folder") as caught:
        usft.save_model(small, tmp_path / "m.safetensors")
    assert one_line(caught)


def test_what_is_not_a_whole_file_is_named(tmp_path, small):
    path = usft.save_model(small, tmp_path / "m.safetensors")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadInput, match="not a complete safetensors file"):
        usft.load_model(path)
    with pytest.raises(BadInput, match="There is no file"):
        usft.load_model(tmp_path / "none.safetensors")
    with pytest.raises(BadInput, match="ends in .safetensors"):
        usft.save_model(small, tmp_path / "m.pt")
    with pytest.raises(BadInput, match="is not a paused run"):
        usft.load_state(usft.save_model(small, tmp_path / "n.safetensors"))


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, small, monkeypatch):
    path = usft.save_model(small, tmp_path / "m.safetensors")
    old = path.read_bytes()

    def full(tensors, file, metadata):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("usft_lib.checkpoints.save_file", full)
    with pytest.raises(BadInput, match="could not be written.*No space left.*free some space") as caught:
        usft.save_model(small, path)
    assert one_line(caught) and path.read_bytes() == old and list(tmp_path.iterdir()) == [path]


def test_an_unknown_set_of_weights_names_the_nearest():
    with pytest.raises(BadInput, match="did you mean 'xray-simulated'"):
        usft.pretrained("xray-simulation")


@pytest.mark.parametrize("name", sorted(p.stem for p in WEIGHTS.glob("*.safetensors")))
def test_shipped_weights_are_small_and_say_what_they_are(name):
    model, path = usft.pretrained(name), WEIGHTS / f"{name}.safetensors"
    assert path.stat().st_size <= 8e6
    assert {"data", "licence", "steps", "seed", "dice", "version", "subjects", "command"} <= model.card.keys()
    assert re.match(r"python data_scripts/pretrain\.py ", model.card["command"])
    assert all(torch.isfinite(t).all() for t in model.state_dict().values())


def test_a_fingerprint_tells_one_changed_number(small):
    before = usft.checkpoints.fingerprint(small)
    assert re.fullmatch("[0-9a-f]{12}", before) and before == usft.checkpoints.fingerprint(small)
    with torch.no_grad():
        next(small.buffers())[0] += 1e-6
    assert usft.checkpoints.fingerprint(small) != before
