"""Device, precision and threads: what to compute with on which machine (lesson 03).

Half the bits are about twice the speed, where the hardware has units for them; elsewhere they are emulated and slow.
Weights, their updates and normalisation statistics stay in float32 in every case (mixed precision: Micikevicius et al.,
ICLR 2018, arXiv 1710.03740).
"""

import platform
import re
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

import torch

from .errors import BadInput, check_name

DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "float16": torch.float16}
_say_once = cache(print)


@dataclass(frozen=True)
class Precision:
    """The numbers that a forward pass computes with on ``device``: `name` is ``float32``, ``bf16`` or ``float16``."""

    name: str
    device: str

    def autocast(self) -> AbstractContextManager:
        """Compute convolutions in this precision within the block."""
        return torch.autocast(self.device, dtype=DTYPES[self.name], enabled=self.name != "float32")

    def scaler(self) -> torch.amp.GradScaler:
        """Scales the loss where gradients could underflow, which is in float16 alone; elsewhere it does nothing."""
        return torch.amp.GradScaler(self.device, enabled=self.name == "float16")


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """``"auto"``: a CUDA GPU if there is one that this PyTorch has code for, else the processor.

    Raises:
        BadInput: no such device, or a GPU was asked for by name and there is none to compute on.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", str(device)):
        raise BadInput(f"device must be 'auto', 'cpu' or 'cuda', not {str(device)!r}.")
    lacking = _lacking()
    if device == "auto":
        if lacking and torch.cuda.is_available():
            _say_once(f"{lacking} So the processor is used.")
        return torch.device("cpu" if lacking else "cuda")
    chosen = torch.device(device)
    if chosen.type == "cuda" and (lacking or (chosen.index or 0) >= torch.cuda.device_count()):
        lacking = lacking or f"There is no GPU {chosen} here."
        raise BadInput(f"{lacking} Use device='auto' (in Colab: Runtime → Change runtime type → GPU).")
    return chosen


def _lacking() -> str:
    """Why no GPU can be used here; nothing where one can."""
    if not torch.cuda.is_available():
        return "There is no CUDA GPU here."
    has, built = torch.cuda.get_device_capability(), " ".join(torch.cuda.get_arch_list())
    known = [(kind, (int(a), int(b))) for kind, a, b in re.findall(r"(sm|compute)_(\d+)(\d)", built)]  # none: ROCm
    # Machine code (sm) serves later GPUs of its generation; PTX (compute) is compiled for any later one.
    if not known or any(one <= has and (one[0] == has[0] or kind == "compute") for kind, one in known):
        return ""
    return f"This PyTorch has no code for {torch.cuda.get_device_name()} (sm_{has[0]}{has[1]}), only for {built}."


def choose_precision(precision: str = "auto", device: str | torch.device = "auto") -> Precision:
    """``"auto"`` picks the fastest precision that the hardware has units for (lesson 03).

    * a GPU with native bfloat16 (NVIDIA Ampere or later): ``bf16``; an older one, such as Colab's T4: ``float16``;
    * a processor with bfloat16 instructions (AMX or AVX512-BF16): ``bf16``;
    * anything else: ``float32``.

    Raises:
        BadInput: the name is none of ``auto float32 bf16 float16``, or float16 was asked for on a processor.
    """
    check_name("precision", precision, ["auto", *DTYPES])
    kind = device.type if isinstance(device, torch.device) else choose_device(device).type
    if precision == "float16" and kind == "cpu":
        raise BadInput("float16 is for GPUs: on a processor use precision='bf16' or 'float32' (or 'auto').")
    if precision != "auto":
        return Precision(precision, kind)
    if kind == "cuda":
        # Without this argument PyTorch answers True for the T4 as well, which emulates bfloat16, slowly.
        return Precision("bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16", kind)
    if kind == "cpu" and _processor_has_bf16():
        return Precision("bf16", kind)
    return Precision("float32", kind)


def _processor_has_bf16() -> bool:
    # Private names of PyTorch, so a version that drops them means float32: slower, never wrong.
    asks = [getattr(torch.cpu, name, None) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported")]
    return any(ask is not None and ask() for ask in asks)


# ---- where a lesson runs --------------------------------------------------------------------------------------


def environment() -> None:
    """Print the device, its precision, threads and versions; and in Colab without a GPU, how to get one."""
    _say_once.cache_clear()
    device = choose_device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"processor, {torch.get_num_threads()} threads"
    print(f"{name} · {choose_precision().name} · torch {torch.__version__} · Python {platform.python_version()}")
    if "google.colab" in sys.modules and device.type == "cpu":
        print("No GPU in this runtime. Lessons run without; for more speed: Runtime → Change runtime type → GPU.")


# ---- threads --------------------------------------------------------------------------------------------------

BUSY = 0.7  # of a step's time the calling thread computes: 0.93 on two idle cores, 0.54 beside one busy program
STEPS, SECONDS = 10, 0.5  # looked at together: one short delay is no busy machine


class Threads:
    """The threads that a run computes with: fewer, once its steps show that another program is busy (lesson 04).

    Threads wait for each other many times in a step, so one that has to share its core holds up all others. On two
    cores beside one busy program, one thread is then quicker than two. Enter it around each step.
    """

    message = ""  # a line for the student, once there are fewer

    def __init__(self, watching: bool = True):
        self.most, self.watching, self.looked = sys.maxsize, watching, (0, 0.0, 0.0)

    def __enter__(self) -> int:
        self.found = torch.get_num_threads()
        self.used = min(self.found, self.most)
        torch.set_num_threads(self.used)
        self.began = time.perf_counter(), time.thread_time()
        return self.used

    def __exit__(self, *_) -> None:
        wall, own = time.perf_counter() - self.began[0], time.thread_time() - self.began[1]
        torch.set_num_threads(self.found)
        self.looked = steps, seconds, computing = tuple(map(sum, zip(self.looked, (1, wall, own), strict=True)))
        if steps >= STEPS and seconds >= SECONDS:
            self.looked = (0, 0.0, 0.0)
            if self.watching and self.used > 1 and computing < BUSY * seconds:
                self.most = self.used - max(1, self.used // 4)
                self.message = "Another program is busy, so training goes on with fewer threads: they are quicker then."
