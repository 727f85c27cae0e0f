"""Files of results: one file per grid, one line per record (lesson 08)."""

import gzip
import json
import os
import zlib
from collections.abc import Set
from pathlib import Path

from ..errors import BadInput


def gather(records: list[dict], path: str | Path) -> Path:
    """Write records as ``….jsonl.gz``, one per line, in the order of their keys: the same records, the same bytes."""
    path = Path(path)
    lines = [json.dumps(record, sort_keys=True) for record in sorted(records, key=lambda r: r["key"])]
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    draft.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))
    draft.replace(path)
    return path


def gathered(path: str | Path) -> list[dict]:
    """The records that `gather` wrote.

    Raises:
        BadInput: there is no such file, or it is broken.
    """
    try:
        return [json.loads(line) for line in gzip.decompress(Path(path).read_bytes()).decode().splitlines()]
    except FileNotFoundError:
        raise BadInput(f"There are no results in {path}: make them with data_scripts/run_study.py.") from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadInput(f"{path} is broken ({error}): take it from the repository again.") from None


def finished(path: Path, keys: Set[str]) -> list[dict]:
    """Of the experiments with these keys the records in a file; none where there is no file yet."""
    return [record for record in gathered(path) if record["key"] in keys] if path.exists() else []
