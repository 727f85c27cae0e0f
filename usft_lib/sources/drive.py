"""Google Colab forgets its disk after a session: prepared images may be kept in one's own Google Drive instead."""

import os
from pathlib import Path

from ..errors import BadInput

MOUNT = Path("/content/drive")


def use_drive(folder: str = "usft_data") -> Path:
    """In Colab: fetch and prepare images in your Google Drive, where the next session finds them (lesson 03).

    Google asks whether the notebook may use your Drive. For this session, only: call it again in the next.

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
    try:
        drive.mount(str(MOUNT))
    except Exception as error:  # Colab raises what it likes where one says no
        raise BadInput(f"Your Drive was not opened ({error}); images are kept for this session only.") from None
    home = MOUNT / "MyDrive"
    if not home.is_dir():
        raise BadInput(f"Your Drive was not opened ({home} is not there); images are kept for this session only.")
    os.environ["USFT_DATA"] = str(home / name)
    print(f"Prepared images are kept in your Drive from now on, in {folder}.")
    return home / name
