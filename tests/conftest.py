"""Shared by all tests: where real images come from, and a cache folder that no test shares with the user."""

import json
import os
import tempfile
from pathlib import Path

import pytest

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
if "USFT_MIRROR" not in os.environ and (BESIDE / "registry.txt").is_file():
    os.environ["USFT_MIRROR"] = str(BESIDE)
MIRROR = os.environ.get("USFT_MIRROR", "")

# What tests solve is not the user's progress.
os.environ["USFT_PROGRESS"] = str(Path(tempfile.gettempdir()) / f"usft-tests-{os.getpid()}.json")

# Lessons run beside the other tests. Where a core is taken, one thread is quicker than two that wait for each other,
# and threads that wait must not keep a core busy. Both must stand here before PyTorch is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import matplotlib.pyplot as plt  # noqa: E402
import torch  # noqa: E402


@pytest.fixture(autouse=True)
def no_traces():
    """Figures that a test leaves open, and a number of threads that it sets, are not the next one's."""
    threads = torch.get_num_threads()
    yield
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    plt.close("all")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder of this test's own, and no mirror."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("USFT_DATA", str(folder))
    monkeypatch.setenv("USFT_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setenv("USFT_MIRROR", "")
    return folder


@pytest.fixture(scope="session")
def real_cache(tmp_path_factory):
    """One cache folder for all tests on real images, so that each data set is prepared once a session."""
    return tmp_path_factory.mktemp("real")


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items):
    """Real images are read slowly; what runs behind the other tests is waited for at the end."""
    for item in items:
        if "mirror" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")
    items.sort(key=lambda item: item.get_closest_marker("behind") is not None)


@pytest.fixture(scope="session")
def notebooks(real_cache):
    """Processes that run notebooks behind the tests; see solutions.py."""
    from solutions import Notebooks

    runs = Notebooks(USFT_MIRROR=MIRROR, USFT_DATA=str(real_cache))
    yield runs
    runs.stop()


@pytest.fixture(scope="session", autouse=True)
def solutions(request):
    """The solutions of the lessons that are to be tested, running from the session's start: ``{name: its run}``."""
    items = [item for item in request.session.items if item.get_closest_marker("behind") and hasattr(item, "callspec")]
    if not items:
        return {}
    notebooks, runs = Path(__file__).resolve().parents[1] / "notebooks", request.getfixturevalue("notebooks")
    seconds = {name: one["seconds"] for name, one in json.loads((notebooks / "measured.json").read_text()).items()}
    names = [item.callspec.params["name"] for item in items]
    names.sort(key=lambda name: -seconds.get(name, 0))  # the longest first, or one of them is left for the end
    return {name: runs.begin(notebooks / "solutions" / f"{name}.ipynb") for name in names}


@pytest.fixture
def mirror(real_cache, monkeypatch):
    """The folder of real images; tests that use it are skipped where there is none."""
    if not MIRROR:
        pytest.skip("no real images at hand: set USFT_MIRROR to a mirror (a folder or an address)")
    monkeypatch.setenv("USFT_MIRROR", MIRROR)
    monkeypatch.setenv("USFT_DATA", str(real_cache))
    return Path(MIRROR)


@pytest.fixture(scope="session")
def discs():
    """60 bright noisy discs on a dark ground at 32 × 32, two images a subject: learnt in a few steps."""
    from usft_lib import SegmentationData

    draw = torch.Generator().manual_seed(1)
    y, x = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    centre = torch.randint(9, 23, (60, 2, 1, 1), generator=draw)
    radius = torch.randint(4, 8, (60, 1, 1), generator=draw)
    masks = (y - centre[:, 0]) ** 2 + (x - centre[:, 1]) ** 2 < radius**2
    images = (0.2 + 0.4 * masks + 0.3 * torch.rand(60, 32, 32, generator=draw)).clamp(0, 1)
    subjects = [f"s{i // 2:02d}" for i in range(60)]
    return SegmentationData(
        images[:, None], masks[:, None], subjects, name="discs", ids=[f"disc{i}" for i in range(60)]
    )


@pytest.fixture
def tiny_target(monkeypatch):
    """The study's simulated target with few images; see tiny.py."""
    import tiny

    from usft_lib.study import targets

    monkeypatch.setitem(targets._PARTS, "sim-ultrasound", tiny.parts)
    targets._parts.cache_clear()
    yield
    targets._parts.cache_clear()


@pytest.fixture
def small():
    """A small U-Net with the ten groups of the course's."""
    from usft_lib import UNet

    torch.manual_seed(0)
    return UNet(width=4, depth=4)
