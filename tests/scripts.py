"""Import a script of the repository that belongs to no package."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
# For a test that needs more than the library and its tests.
repository = pytest.mark.skipif("USFT_WHEEL_ONLY" in os.environ, reason="needs the repository's files (2026-11-25)")


def script(path: str) -> ModuleType:
    """The module of a file named from the repository's root: ``script("notebooks/build.py")``."""
    if (folder := str((ROOT / path).parent)) not in sys.path:
        sys.path.append(folder)  # as when it is run: its neighbours can be imported
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
