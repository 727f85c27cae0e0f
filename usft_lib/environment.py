"""One line about where a lesson runs (all lessons)."""

import platform
import sys

import torch

from .precision import choose_device, choose_precision


def environment() -> None:
    """Print the device, its precision, threads and versions; and in Colab without a GPU, how to get one."""
    device = choose_device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"processor, {torch.get_num_threads()} threads"
    print(f"{name} · {choose_precision().name} · torch {torch.__version__} · Python {platform.python_version()}")
    if "google.colab" in sys.modules and device.type == "cpu":
        print("No GPU in this runtime. Lessons run without; for more speed: Runtime → Change runtime type → GPU.")
