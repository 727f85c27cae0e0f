"""Which precision on which machine, with faked machines."""

import pytest
import torch

from usft_lib import BadInput
from usft_lib.device import Precision, choose_device, choose_precision


@pytest.fixture
def machine(monkeypatch):
    def fake(amx=False, avx512_bf16=False, cuda=False, native_bf16=False):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16, raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        # As PyTorch does: with emulation counted, every GPU says yes.
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native_bf16
        )

    return fake


@pytest.mark.parametrize(
    "has, expected",
    [
        ({}, ("float32", "cpu")),
        ({"amx": True}, ("bf16", "cpu")),
        ({"avx512_bf16": True}, ("bf16", "cpu")),
        ({"cuda": True, "native_bf16": True}, ("bf16", "cuda")),
        ({"cuda": True}, ("float16", "cuda")),  # the T4 of free Colab
        ({"cuda": True, "amx": True}, ("float16", "cuda")),
    ],
)
def test_auto_picks_what_the_hardware_has_units_for(machine, has, expected):
    machine(**has)
    chosen = choose_precision()
    assert (chosen.name, chosen.device) == expected


def test_a_pytorch_without_the_questions_means_float32(monkeypatch):
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert choose_precision(device="cpu").name == "float32"


def test_autocast_computes_in_the_chosen_precision():
    x, w = torch.rand(1, 1, 8, 8), torch.rand(1, 1, 3, 3)
    for name, dtype in (("bf16", torch.bfloat16), ("float32", torch.float32)):
        with choose_precision(name, "cpu").autocast():
            assert torch.nn.functional.conv2d(x, w).dtype == dtype


def test_what_cannot_be_had_is_one_clear_line(machine):
    machine()
    with pytest.raises(BadInput, match="float16 is for GPUs"):
        choose_precision("float16", "cpu")
    with pytest.raises(BadInput, match="no CUDA GPU here"):
        choose_device("cuda")


def test_only_float16_scales_its_gradients():
    assert Precision("float16", "cpu").scaler().is_enabled()
    assert not choose_precision("bf16", "cpu").scaler().is_enabled()
    assert not choose_precision("float32", "cpu").scaler().is_enabled()
