"""Experiments run once, kept for good, gathered into a table (lessons 07 to 11).

An `Experiment` says all that its outcome depends on; `key` names its result. A `Study` is a folder of results, one file
each, written by rename: whatever is killed, what is there is whole, and what is there is never run again.
"""

import contextlib
import ipaddress
import json
import os
import traceback
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import torch

from ..errors import BadInput
from .experiment import Experiment, run
from .files import gathered


class Study:
    """A folder of results, one file an experiment.

    Raises:
        BadInput: the folder cannot be made or written to.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / f".probe-{uuid.uuid4().hex}"  # other machines share the folder, and process numbers
            probe.write_text("")
            probe.unlink()
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise BadInput(
                f"Results cannot be written to {folder} ({why}): name a folder that you may write to."
            ) from None

    # ---- one result ----

    def read(self, experiment: Experiment) -> dict | None:
        """The result of an experiment, or None; a file that is broken is set aside, named, and counts as none."""
        path = self.folder / f"{experiment.key}.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["key"] != experiment.key or found["experiment"] != experiment.plain or "dice" not in found:
                raise ValueError("it is the result of another experiment")
            return found
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(f"{path.name} cannot be used ({error}); it is set aside, and the experiment is run again.")
            with contextlib.suppress(FileNotFoundError):  # another process has seen it, too
                path.replace(path.with_suffix(".broken"))
            return None

    def failure(self, experiment: Experiment) -> str | None:
        """The traceback of an experiment that failed the last time it was tried."""
        path = self.folder / f"{experiment.key}.failed.txt"
        return path.read_text(encoding="utf-8") if path.exists() else None

    def _keep(self, name: str, text: str) -> None:
        path = self.folder / name
        draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)

    def attempt(self, experiment: Experiment) -> str:
        """Run one experiment and keep what comes of it: ``"done"`` or ``"failed"``. One thread, here and anywhere."""
        torch.set_num_threads(1)
        try:
            result = run(experiment)
        except Exception:  # the other experiments go on
            self._keep(f"{experiment.key}.failed.txt", traceback.format_exc())
            return "failed"
        self._keep(f"{experiment.key}.json", json.dumps(result))
        (self.folder / f"{experiment.key}.failed.txt").unlink(missing_ok=True)
        return "done"

    # ---- many ----

    def missing(self, experiments: Iterable[Experiment]) -> list[Experiment]:
        return [e for e in dict.fromkeys(experiments) if self.read(e) is None]

    def run(
        self,
        experiments: Iterable[Experiment],
        jobs: int | None = None,
        scheduler: str | None = None,
        trusted: bool = False,
    ) -> Iterator[tuple[int, int, str]]:
        """Run what is missing, and tell after each ``(how many are done, of how many, "done" or "failed")``.

        Args:
            jobs: processes of one thread each; None: one a core.
            scheduler: address of a Dask scheduler (``tcp://…``) whose workers do the work instead; they must see the
                same results folder and have the same data at hand.
            trusted: whether an address beyond this machine may be unencrypted, see `check_scheduler`.

        Raises:
            BadInput: nobody answers at the scheduler's address, or it is open to a network.
        """
        try:
            from joblib import Parallel, delayed, parallel_config
        except ModuleNotFoundError:
            raise BadInput("A study needs joblib: python -m pip install joblib dask distributed") from None
        todo = self.missing(experiments)
        backend, client = {"backend": "loky", "n_jobs": jobs or os.cpu_count() or 1}, contextlib.nullcontext()
        if scheduler is not None:
            from dask.distributed import Client

            check_scheduler(scheduler, trusted)
            try:
                client = Client(scheduler, timeout=20)
            except TypeError:  # Dask's own way to say that tls:// needs certificates in its configuration
                raise BadInput(f"{scheduler} needs certificates: distributed.comm.tls in Dask's settings.") from None
            except (OSError, ValueError) as error:
                raise BadInput(f"No Dask scheduler answers at {scheduler} ({type(error).__name__}).") from None
            backend = {"backend": "dask", "n_jobs": -1, "client": client}
        with client, parallel_config(**backend):
            parallel = Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")
            for k, how in enumerate(parallel(delayed(self.attempt)(e) for e in todo), start=1):
                yield k, len(todo), how

    def records(self, experiments: Iterable[Experiment]) -> list[dict]:
        """The results that are there, in the order of the experiments."""
        return [found for e in dict.fromkeys(experiments) if (found := self.read(e)) is not None]

    def adopt(self, path: str | Path) -> int:
        """Take over results that were gathered into a file, so that they need not be run again; how many were new."""
        new = 0
        for record in gathered(path):
            if not (self.folder / f"{record['key']}.json").exists():
                self._keep(f"{record['key']}.json", json.dumps(record))
                new += 1
        return new


def check_scheduler(address: str, trusted: bool = False) -> None:
    """Refuse an unencrypted scheduler beyond this machine: whoever reaches it can run anything on its workers.

    Raises:
        BadInput: it is neither on loopback nor ``tls://…``, and the network was not said to be trusted.
    """
    try:
        host = urlsplit(address).hostname or ""
        alone = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        alone = False
    if not (alone or trusted or address.startswith("tls://")):
        raise BadInput(
            f"{address} is open to whoever shares its network: use tls://…, or say --trust-network if nobody does."
        )
