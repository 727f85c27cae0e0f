"""Notebooks under nbval behind the other tests: a few at a time, in processes of one thread that go on and on."""

import contextlib
import io
import multiprocessing
import os
from multiprocessing.pool import AsyncResult
from pathlib import Path

import pytest

HANGS = 900  # seconds after which a cell counts as one that will never end, on a slow and busy machine, too


def nbval(path: Path, *options: str) -> tuple[int, str]:
    """The exit status of nbval on a notebook, or on a folder of notebooks, and what it said."""
    folder = path if path.is_dir() else path.parent
    os.chdir(folder)
    command = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={HANGS}", "-q", "-p", "no:cacheprovider"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = pytest.main([*command, "--rootdir", str(folder), *options, str(path)])
    return int(status), said.getvalue()


def _begin(environment: dict[str, str]) -> None:
    os.environ.update(environment)
    if hasattr(os, "nice"):
        os.nice(10)  # tests in front of it go first


class Notebooks:
    """Runs of notebooks. Two processes of one thread do more than one process of two, and import nbval once each."""

    def __init__(self, **environment: str):
        self.environment = {"USFT_PROFILE": "quick", "OMP_NUM_THREADS": "1", **environment}
        self.pool = None

    def begin(self, path: Path, *options: str) -> AsyncResult:
        """Let `nbval` run; ``.get()`` waits for what it returns."""
        if self.pool is None:
            context = multiprocessing.get_context("spawn")
            self.pool = context.Pool(min(4, os.cpu_count() or 1), _begin, (self.environment,))
        return self.pool.apply_async(nbval, (path, *options))

    def stop(self) -> None:
        """End what still runs; a kernel ends when the process that started it has ended."""
        if self.pool is not None:
            self.pool.terminate()
            self.pool.join()
