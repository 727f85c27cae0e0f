"""The folder in which downloads and prepared data are kept, and its lock: one kernel works, the others wait.

Beside it, one person's notes (guesses, exercises solved): progress.json in the user's own cache folder, or the file
that ``USFT_PROGRESS`` names.
"""

import errno
import json
import os
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import pooch
from filelock import FileLock, Timeout

from ..errors import BadInput

DRIVE = Path("/content/drive")  # where Colab mounts one's Google Drive


def setting(name: str) -> str:
    """The value of an environment variable, "" where it is not set.

    Quotes around it are not its own: ``%env`` in a notebook and ``set`` in a Windows shell keep those that one types.
    """
    return os.environ.get(name, "").strip().strip("\"'“”‘’").strip()


def cache_folder() -> Path:
    """``USFT_DATA``, or the user's own cache folder. Is not created here."""
    return _place("USFT_DATA")


def _place(variable: str, file: str = "") -> Path:
    """What an environment variable names, else this file in the user's own cache folder."""
    named = setting(variable)
    try:
        return Path(named).expanduser() if named else Path(pooch.os_cache("usft")) / file
    except RuntimeError:
        return _without_home() / file


@cache
def _without_home() -> Path:
    """For a user id without a name and a home, as containers and clusters have them."""
    where = os.environ["USFT_DATA"] = tempfile.mkdtemp(prefix="usft-")  # read by this session's processes, too
    print(f"You have no home folder here, so data is kept in {where}: to keep it for longer, set USFT_DATA.")
    return Path(where)


def in_colab() -> bool:
    """Whether this is Google Colab, where downloads cost no disk or network of the reader's own (lesson 04)."""
    return "google.colab" in sys.modules


def use_drive(folder: str = "usft_data") -> Path:
    """In Colab: keep prepared images and your progress in your Google Drive, for the next session (lesson 03).

    Colab forgets its disk after a session. What was noted before in this session is taken along. Google asks whether
    the notebook may use your Drive, for this session only: call it again in the next.

    Args:
        folder: its name in your Drive; it is made when there is something to keep.

    Returns:
        The folder's path, which ``USFT_DATA`` names from now on; ``USFT_PROGRESS`` names a file in it.

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
    noted = read_notes()
    os.environ |= {"USFT_DATA": str(home / name), "USFT_PROGRESS": str(home / name / "progress.json")}
    print(f"Prepared images and your progress are kept in your Drive from now on, in {folder}.")
    if noted:
        write_notes({**read_notes(), **noted})
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


# ---- one person's notes ---------------------------------------------------------------------------------------

_unkept: dict = {}  # notes that no file holds, for as long as this kernel lives


def _notes_file() -> Path:
    """Not in ``USFT_DATA``, which a whole class may share."""
    return _place("USFT_PROGRESS", "progress.json")


def read_notes() -> dict:
    """What was noted so far."""
    try:
        kept = json.loads(_notes_file().read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        kept = {}
    return {**(kept if isinstance(kept, dict) else {}), **_unkept}


def write_notes(notes: dict) -> None:
    """Keep notes in place of those that were there. On a read-only or full disk: in memory, which is said once."""
    path = _notes_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda file: file.write(json.dumps(notes, sort_keys=True).encode()))
        _unkept.clear()
    except OSError as error:
        if not _unkept:
            print(
                f"{path} cannot be written ({error.strerror}), so your progress is kept only until this notebook is "
                "closed: copy the line that usft.progress() prints into your notes."
            )
        _unkept.update(notes)
