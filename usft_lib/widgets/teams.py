"""OpenMP's threads, when more than one Python thread computes (lesson 06).

Each Python thread that computes gets a team of OpenMP threads of its own, and keeps it when it is done. GNU's OpenMP
counts them all: once they outnumber the cores, every team goes to sleep at each barrier instead of waiting awake, and a
training step on two cores takes 100 ms instead of 76. So whoever hands work over to another thread sends its own team
home first; a new one is there when it computes again.
"""

import contextlib
import ctypes
import sys
from pathlib import Path

import torch

SOFT = 1  # omp_pause_soft of OpenMP 5.0: the team goes, what was allocated stays


def dismiss() -> bool:
    """Send the calling thread's idle OpenMP team home; whether that was possible here."""
    here = Path(torch.__file__).parent
    for file in (*here.glob("lib/libgomp*.so*"), *here.parent.glob("torch.libs/libgomp*.so*")):
        with contextlib.suppress(OSError, AttributeError):  # not there, or older than OpenMP 5.0
            return ctypes.CDLL(str(file)).omp_pause_resource_all(SOFT) == 0
    return False


def dismiss_after_cells() -> None:
    """In a notebook: send the team of the thread that runs cells home whenever a cell has ended.

    A click may be handled in another thread, which cannot do it.
    """
    dismiss()
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and _cell_has_ended not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _cell_has_ended)


def _cell_has_ended(result=None) -> None:
    dismiss()
