"""Which precision on which machine, and how many threads beside which other programs, with faked machines."""

import os
import subprocess
import sys

import pytest
import torch

from usft_lib import BadInput, device
from usft_lib.device import Precision, Threads, choose_device, choose_precision


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


@pytest.fixture
def steps(monkeypatch):
    """Takes steps of ``wall`` seconds, in which the calling thread computes for a share of the time."""
    now = {"wall": 0.0, "own": 0.0}
    monkeypatch.setattr(device.time, "perf_counter", lambda: now["wall"])
    monkeypatch.setattr(device.time, "thread_time", lambda: now["own"])

    def take(threads: Threads, share: float, count: int = 10, wall: float = 0.1) -> int:
        for _ in range(count):
            with threads as used:
                assert torch.get_num_threads() == used
                now["wall"] += wall
                now["own"] += share * wall
        return used

    return take


def test_a_run_beside_a_busy_program_takes_fewer_threads_and_leaves_those_of_others(steps):
    torch.set_num_threads(8)  # tests/conftest.py sets them back
    threads = Threads()
    assert steps(threads, 0.9) == 8 and threads.message == ""
    assert steps(threads, 0.4) == 8 and "busy" in threads.message
    assert [steps(threads, 0.4) for _ in range(6)] == [6, 5, 4, 3, 2, 1]
    assert steps(threads, 0.1) == 1 and torch.get_num_threads() == 8
    torch.set_num_threads(2)
    assert steps(beside_one := Threads(), 0.4, 11) == 1 and "fewer" in beside_one.message


def test_one_delay_or_a_gpu_is_no_busy_machine(steps):
    torch.set_num_threads(2)
    threads = Threads()
    assert steps(threads, 0.9, 9) == steps(threads, 0.0, 1) == steps(threads, 0.9) == 2
    assert steps(Threads(), 0.1, 40, wall=0.01) == 2, "less than half a second is too short to tell"
    assert steps(Threads(watching=False), 0.1, 40) == 2
    threads = Threads()
    with pytest.raises(ValueError, match="broken"), threads:
        raise ValueError("broken")
    assert torch.get_num_threads() == 2


@pytest.mark.slow
def test_the_spin_count_is_there_before_pytorch_reads_it():
    own = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"} | {"OMP_DISPLAY_ENV": "verbose"}
    done = subprocess.run(
        [sys.executable, "-c", "import usft_lib"], capture_output=True, text=True, env=own, check=True
    )
    if "GOMP" not in done.stderr:
        pytest.skip("PyTorch brings another OpenMP than GNU's here, which does not know this setting (2026-11-29)")
    assert "GOMP_SPINCOUNT = '1000'" in done.stderr
