"""The lessons' solutions under nbval: a few at a time, each with one thread, behind the other tests."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOLUTIONS = Path(__file__).resolve().parents[1] / "notebooks" / "solutions"
HANGS = 900  # seconds after which a cell counts as one that will never end, on a slow and busy machine, too


def start(path: Path, *options: str, first: tuple[str, ...] = (), **environment) -> subprocess.Popen:
    """nbval on a notebook, or on a folder of notebooks."""
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={HANGS}"]
    folder = path if path.is_dir() else path.parent
    return subprocess.Popen(
        [*first, *command, "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), *options, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "USFT_PROFILE": "quick", "OMP_NUM_THREADS": "1", **environment},
        cwd=folder,
    )


def ended(process: subprocess.Popen) -> subprocess.CompletedProcess:
    told, _ = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, told)


def nbval(path: Path, *options: str) -> subprocess.CompletedProcess:
    """nbval on a notebook, or on a folder of notebooks, here and now."""
    return ended(start(path, *options))


class Solutions:
    """Runs of several lessons, started at once; two processes of one thread do more than one process of two."""

    def __init__(self, names: list[str], **environment):
        self.processes: list[subprocess.Popen] = []
        self.stopped = False
        self.pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
        self.runs = {name: self.pool.submit(self._run, SOLUTIONS / f"{name}.ipynb", environment) for name in names}

    def _run(self, path: Path, environment: dict) -> subprocess.CompletedProcess | None:
        if self.stopped:
            return None
        behind = ("nice", "-n", "10") if shutil.which("nice") else ()  # tests in front of it go first
        process = start(path, first=behind, **environment)
        self.processes.append(process)
        return ended(process)

    def wait(self, name: str) -> subprocess.CompletedProcess:
        return self.runs[name].result()

    def stop(self) -> None:
        """End what still runs; a kernel ends when the process that started it has ended."""
        self.stopped = True
        for process in self.processes:
            process.terminate()
        self.pool.shutdown()
