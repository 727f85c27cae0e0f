"""For ``pytest --nbval-lax notebooks/solutions``: an unrun notebook would pass with nothing compared, so it fails."""

import json

import pytest


class Unrun(pytest.File):
    """Stands for a notebook whose cells were not all run in order."""

    def collect(self):
        raise self.CollectError(f"{self.path.name} is not executed from top to bottom: build.py --execute")


def pytest_collect_file(file_path, parent):
    """Let unrun notebooks fail, beside what nbval makes of them."""
    if file_path.suffix != ".ipynb":
        return None
    cells = json.loads(file_path.read_text(encoding="utf-8"))["cells"]
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    return None if counts == list(range(1, len(counts) + 1)) else Unrun.from_parent(parent, path=file_path)
