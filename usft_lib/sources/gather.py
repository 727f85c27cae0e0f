"""An archive that a server has as single files only: they are fetched four at a time, then put together.

What came stays on the disk until all are there, so a download that was stopped goes on where it was.
"""

import sys
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from .cache import write_whole

AT_ONCE = 4


def gather(files: Iterable[str], path: Path, top: str, fetch_one: Callable[[str, Path], None]) -> None:
    """Write the zip ``path`` of ``files``, under the folder ``top`` in it; ``fetch_one(file, place)`` fetches one.

    The same files give the same bytes. An error of one file ends the call once those under way are done. The single
    files stay in `parts_of` (path).
    """
    parts = parts_of(path)
    parts.mkdir(exist_ok=True)
    for left in parts.glob("tmp*"):  # of a kernel that was killed
        left.unlink(missing_ok=True)
    place = {file: parts / file.replace("/", "-") for file in files}
    missing = [file for file in place if not place[file].is_file()]
    if len(missing) < len(place):
        print(f"  {len(place) - len(missing)} of {len(place)} files are here already.")
    with (
        tqdm(total=len(place), initial=len(place) - len(missing), unit="file", ascii=sys.platform == "win32") as bar,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        under_way = [pool.submit(fetch_one, file, place[file]) for file in missing]
        try:
            for one in as_completed(under_way):
                one.result()
                bar.update()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    write_whole(path, lambda file: _write_zip(file, {f"{top}/{name}": place[name] for name in sorted(place)}))


def parts_of(path: Path) -> Path:
    """The folder in which the single files of the archive ``path`` are kept until all are there."""
    return path.with_name(f"{path.name}.parts")


def _write_zip(file, members: dict[str, Path]) -> None:
    with zipfile.ZipFile(file, "w") as out:  # stored: pictures are packed already
        for name, part in members.items():
            out.writestr(zipfile.ZipInfo(name), part.read_bytes())  # a ZipInfo of 1980, whenever this is
