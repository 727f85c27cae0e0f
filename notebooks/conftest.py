"""For ``pytest --nbval-lax notebooks/solutions``: an unrun notebook would pass with nothing compared, so it fails."""

import json

import pytest


def pytest_collect_file(file_path, parent):
    """Refuse notebooks whose cells were not all run in order."""
    if file_path.suffix == ".ipynb":
        cells = json.loads(file_path.read_text(encoding="utf-8"))["cells"]
        counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
        if counts != list(range(1, len(counts) + 1)):
            raise pytest.UsageError(f"{file_path.name} is not executed from top to bottom: build.py --execute")
