"""Which device and precision on which machine, and how many threads beside which programs, with faked machines."""

import os
import subprocess
import sys

import pytest
import torch
from fake_gpu import fake_gpu

from usft_lib import BadInput, Training, device, environment, simulate_ultrasound
from usft_lib.device import Precision, Threads, _say_once, choose_device, choose_precision


@pytest.fixture
def machine(monkeypatch):
    def fake(amx=False, avx512_bf16=False, cuda=False, native_bf16=False):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16, raising=False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (7, 5))
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


NONSENSE = ["mps", None, "meta", "gpu", "", 0, 3.5, "cuda:", "cpu:1", torch.device("meta")]


@pytest.mark.parametrize("device", NONSENSE, ids=repr)
def test_a_device_that_the_course_does_not_know_is_one_line(device, small, discs):
    asked = [
        lambda: choose_device(device),
        lambda: Training(small, discs, device=device),
        lambda: simulate_ultrasound(1, size=32, device=device),
    ]
    if not isinstance(device, torch.device):  # those are asked of a model, wherever somebody has put it
        asked.append(lambda: choose_precision("auto", device))
    for ask in asked:
        with pytest.raises(BadInput) as error:
            ask()
        assert str(error.value) == f"device must be 'auto', 'cpu' or 'cuda', not {str(device)!r}."


def test_a_gpu_that_is_not_there_is_one_line():
    with fake_gpu():
        assert choose_device("cuda:0") == torch.device("cuda:0")
        with pytest.raises(BadInput, match="no GPU cuda:1 here. Use device='auto'"):
            choose_device("cuda:1")


WHEELS = "sm_75 sm_80 sm_86 sm_90a sm_100 sm_120"


@pytest.mark.parametrize(
    "capability, built, used",
    [
        ((6, 1), WHEELS, False),  # a GTX 1060
        ((7, 0), WHEELS, False),  # older than anything built for, though of a generation that is there
        ((7, 5), WHEELS, True),
        ((8, 9), WHEELS, True),  # machine code of its generation
        ((12, 1), WHEELS, True),
        ((11, 0), WHEELS, False),  # between two generations
        ((13, 0), WHEELS, False),  # newer than all
        ((13, 0), WHEELS + " compute_120", True),  # compiled when it is loaded
        ((6, 1), WHEELS + " compute_75", False),
        ((9, 0), "gfx90a gfx942", True),  # ROCm
        ((6, 1), "", True),  # PyTorch does not say
    ],
)
def test_a_gpu_that_pytorch_has_no_code_for_is_not_used(capability, built, used, capsys):
    with fake_gpu(capability, built.split()):
        _say_once.cache_clear()
        assert choose_device().type == ("cuda" if used else "cpu")
        assert choose_device("cpu").type == "cpu"
        assert choose_device().type == choose_precision().device
    assert capsys.readouterr().out.count("\n") == (not used)  # once


def test_such_a_gpu_is_told_in_one_line_and_the_processor_goes_on(discs, small, capsys):
    line = "This PyTorch has no code for Fake T4 (sm_61), only for sm_75 sm_80."
    with fake_gpu((6, 1), ("sm_75", "sm_80")):
        for _ in range(2):  # a set-up cell may be run again
            environment()
            told = capsys.readouterr().out.splitlines()
            assert told[0] == f"{line} So the processor is used." and told[1].startswith("processor, ") and not told[2:]
        run = Training(small, discs, steps=1)
        run.step()
        assert run.history.settings["device"] == "cpu" and capsys.readouterr().out == ""
        with pytest.raises(BadInput) as error:
            Training(small, discs, device="cuda")
        assert str(error.value).startswith(f"{line} Use device='auto'")


def test_environment_tells_the_gpu(capsys):
    with fake_gpu():
        environment()
    assert capsys.readouterr().out.startswith("Fake T4 · float16 · torch ")


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
