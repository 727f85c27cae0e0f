"""Experiments run once, kept for good, gathered into a table (lessons 08 to 15).

An `Experiment` says all that its outcome depends on; `key` names its result. A `Study` is a folder of results, one file
each, written by rename: whatever is killed, what is there is whole, and what is there is never run again.
"""

import contextlib
import ipaddress
import json
import traceback
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import torch

from ..errors import BadInput
from .experiment import Experiment, run
from .files import gathered

BEGUN = "It was begun and has not ended: it still runs, or it was stopped from outside (out of memory, for example)."
ENDED = "The system ended its process, alone and a second time: does it need more memory than there is?"


def cores() -> int:
    """The cores that this process may use: in a container or a cluster's job often fewer than the machine has."""
    return _joblib().cpu_count()


def _joblib():
    try:
        import joblib
    except ModuleNotFoundError:
        raise BadInput("A study needs joblib: python -m pip install joblib dask distributed") from None
    return joblib


class Study:
    """A folder of results, one file per experiment.

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
        """Run one experiment and keep the result: ``"done"`` or ``"failed"``. One thread: the same numbers anywhere."""
        torch.set_num_threads(1)
        self._keep(f"{experiment.key}.failed.txt", BEGUN)
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
        """What has no result, in order; those that never finished come last, as they may kill their process again."""
        missing = [e for e in dict.fromkeys(experiments) if self.read(e) is None]
        return sorted(missing, key=lambda e: self.failure(e) in (BEGUN, ENDED))

    def run(
        self,
        experiments: Iterable[Experiment],
        jobs: int | None = None,
        scheduler: str | None = None,
        trusted: bool = False,
    ) -> Iterator[tuple[int, int, str]]:
        """Run what is missing, and tell after each ``(how many are done, of how many, "done" or "failed")``.

        Where the system ends a worker, what was under way is put last and tried once more, one experiment at a time;
        what then ends its worker again has failed.

        Args:
            jobs: processes of one thread each; None: one a core, see `cores`.
            scheduler: address of a Dask scheduler (``tcp://…``) whose workers do the work instead; they must see the
                same results folder and have the same data at hand.
            trusted: whether an address beyond this machine may be unencrypted, see `check_scheduler`.

        Raises:
            BadInput: nobody answers at the scheduler's address, or it is open to a network; or workers are ended before
                they begin anything.
        """
        joblib = _joblib()
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        todo = self.missing(experiments)
        backend, client = {"backend": "loky", "n_jobs": jobs or cores()}, contextlib.nullcontext()
        ended = (TerminatedWorkerError,)
        if scheduler is not None:
            from dask.distributed import Client, KilledWorker

            check_scheduler(scheduler, trusted)
            try:
                client = Client(scheduler, timeout=20)
            except TypeError:  # Dask's own way to say that tls:// needs certificates in its configuration
                raise BadInput(f"{scheduler} needs certificates: distributed.comm.tls in Dask's settings.") from None
            except (OSError, ValueError) as error:
                raise BadInput(f"No Dask scheduler answers at {scheduler} ({type(error).__name__}).") from None
            backend, ended = {"backend": "dask", "n_jobs": -1, "client": client}, (KilledWorker,)
        with client, joblib.parallel_config(**backend):
            for k, how in enumerate(self._all_of(todo, joblib, ended), start=1):
                yield k, len(todo), how

    def _all_of(self, todo: list[Experiment], joblib, ended: tuple[type[Exception], ...]) -> Iterator[str]:
        """Run them side by side, and those that were under way when a worker was ended one at a time, at the end."""
        left, last = dict.fromkeys(todo), []
        while left:
            try:
                parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")
                for e, how in parallel(joblib.delayed(self._attempt)(e) for e in list(left)):
                    del left[e]
                    yield how
            except ended as error:
                for e in [e for e in left if self.read(e)]:  # done, and not told before the end
                    del left[e]
                    yield "done"
                under_way = [e for e in left if self.failure(e) == BEGUN]
                if not under_way:
                    raise BadInput(
                        f"Workers are ended before they begin anything ({type(error).__name__}): try fewer (--jobs)."
                    ) from None
                for e in under_way:
                    del left[e]
                last += under_way
        for e in last:
            try:  # n_jobs=1 would run it in this very process
                [how] = joblib.Parallel(n_jobs=2)([joblib.delayed(self.attempt)(e)])
            except ended:
                how = "failed"
                self._keep(f"{e.key}.failed.txt", ENDED)
            yield how

    def _attempt(self, experiment: Experiment) -> tuple[Experiment, str]:
        return experiment, self.attempt(experiment)

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
