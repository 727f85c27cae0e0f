"""The folder in which downloads and prepared data are kept, and its lock: one kernel works, the others wait."""

import errno
import os
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ..errors import BadInput


def cache_folder() -> Path:
    """``USFT_DATA``, or the user's own cache folder. Is not created here."""
    import pooch  # not at the top: `import usft_lib` stays quick

    named = os.environ.get("USFT_DATA", "")
    return Path(named).expanduser() if named else Path(pooch.os_cache("usft"))


@contextmanager
def clear_disk_errors(opening: bool = False):
    """Say in one line what to do where the cache folder cannot be written to or the disk is full.

    While the folder is being opened or created, any other error of the disk means that it cannot be used either.
    """
    try:
        yield
    except OSError as error:
        folder = cache_folder()
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
            raise BadInput(
                f"No space left for the data in {folder}: free some, or set USFT_DATA to a folder on another disk."
            ) from None
        closed = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)
        if opening or error.errno in closed or isinstance(error, PermissionError):  # pooch's has no number
            why = error.strerror or "no permission"
            raise BadInput(
                f"The data folder {folder} cannot be written to ({why}): set USFT_DATA to one that you may write to."
            ) from None
        raise


@contextmanager
def alone(name: str):
    """Hold the lock of data set ``name``: of two kernels that ask at once, one fetches and the other waits for it."""
    from filelock import FileLock, Timeout

    folder = cache_folder()
    with clear_disk_errors(opening=True):
        (folder / name).mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        try:
            lock.acquire(timeout=1)
        except Timeout:
            print(f"{name}: another notebook is fetching or preparing it; waiting for that one.")
            lock.acquire()
    try:
        with clear_disk_errors():
            for left in (folder / name).glob("tmp*"):  # of a kernel that was killed: nobody else writes here now
                left.unlink(missing_ok=True)
        yield folder / name
    finally:
        lock.release()


def write_whole(path: Path, write) -> None:
    """Call ``write(file)`` on a temporary file beside ``path`` and rename it: ``path`` is never half-written."""
    temporary = path.with_name(f"tmp-{uuid4().hex}")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
