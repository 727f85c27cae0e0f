"""The folder in which downloads and prepared data are kept, and its lock: one kernel works, the others wait."""

import errno
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pooch
from filelock import FileLock, Timeout

from ..errors import BadInput

DRIVE = Path("/content/drive")  # where Colab mounts one's Google Drive


def cache_folder() -> Path:
    """``USFT_DATA``, or the user's own cache folder. Is not created here."""
    named = os.environ.get("USFT_DATA", "")
    try:
        return Path(named).expanduser() if named else Path(pooch.os_cache("usft"))
    except RuntimeError:  # a user id without a name and a home, as containers and clusters have them
        where = os.environ["USFT_DATA"] = tempfile.mkdtemp(prefix="usft-")  # read by this session's processes, too
        print(f"You have no home folder here, so data is kept in {where}: to keep it for longer, set USFT_DATA.")
        return Path(where)


def use_drive(folder: str = "usft_data") -> Path:
    """In Colab: fetch and prepare images in your Google Drive, where the next session finds them (lesson 03).

    Colab forgets its disk after a session. Google asks whether the notebook may use your Drive, for this session only:
    call it again in the next.

    Args:
        folder: its name in your Drive; it is made when the first images are kept.

    Returns:
        The folder's path, which ``USFT_DATA`` names from now on.

    Raises:
        BadInput: this is not Colab, the name leads elsewhere, or the Drive could not be opened.
    """
    try:
        from google.colab import drive
    except ImportError:
        raise BadInput(
            "usft.use_drive() is for Google Colab; here, prepared images are kept anyway (USFT_DATA says where)."
        ) from None
    name = Path(folder)
    if name.is_absolute() or ".." in name.parts or not name.parts:
        raise BadInput(f'folder must be a name in your Drive, such as "usft_data", not {folder!r}.')
    home = DRIVE / "MyDrive"
    try:
        drive.mount(str(DRIVE))
        if not home.is_dir():
            raise FileNotFoundError(f"{home} is not there")
    except Exception as error:  # Colab raises what it likes where one says no
        raise BadInput(f"Your Drive was not opened ({error}); images are kept for this session only.") from None
    os.environ["USFT_DATA"] = str(home / name)
    print(f"Prepared images are kept in your Drive from now on, in {folder}.")
    return home / name


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
def locked(name: str):
    """Hold the lock of data set ``name``: of two kernels that ask at once, one fetches and the other waits for it."""
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
