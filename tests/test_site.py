"""The site: built offline, opened from the disk in a real browser, no page at fault; the replay answers a click."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import browser
import pytest

import usft_lib as usft
from usft_lib.study import grids

if os.environ.get("USFT_WHEEL_ONLY"):
    pytest.skip("needs the repository, and only the wheel is tested here (2026-11-25)", allow_module_level=True)

WHY = "not installed: python -m pip install -r docs/requirements.txt"
for name in ("sphinx", "myst_nb", "sphinx_book_theme", "latex2mathml"):
    pytest.importorskip(name, reason=f"{name} is {WHY}")

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site as the README's command makes it, without a warning."""
    folder = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def pages(site: Path) -> list[Path]:
    return sorted(page for page in site.rglob("*.html") if "_static" not in page.parts)


def test_every_lesson_is_a_page_and_no_page_asks_the_network_for_anything(site):
    lessons = {path.stem for path in (ROOT / "notebooks" / "solutions").glob("*.ipynb")}
    assert {page.stem for page in (site / "lessons").glob("*.html")} == lessons and len(lessons) >= 12
    one = (site / "lessons" / "08_scheme_1_path.html").read_text(encoding="utf-8")
    assert "Open the student’s copy in Colab" in one and "colab-badge" not in one and "%pip" not in one
    assert 'alt="hc18: the curve of first k' in one or 'alt="busi: the curve of first k' in one
    formulas = (site / "lessons" / "01_images_and_masks.html").read_text(encoding="utf-8")
    assert "<math" in formulas and "mathjax@" not in formulas and "cdn" not in formulas


# Lessons are made alike, and axe takes seconds for each: two stand for them.
LOOKED_AT = ("index.html", "replay.html", "verdicts.html", "01_images_and_masks.html", "04_freeze_and_thaw.html")


def test_every_page_fits_a_telephone_and_its_console_is_quiet(site):
    wrong = []
    with browser.chromium(viewport={"width": 480, "height": 900}, color_scheme="dark") as page:
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or wrong.append(f"it asked for {r.url}"))
        for path in pages(site):
            page.errors.clear()
            page.goto(path.as_uri())
            wrong += [f"{path.name}: {error}" for error in page.errors]
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            wrong += [f"{path.name} is {wide} pixels too wide"] * (wide > 2)
    assert wrong == []


@pytest.mark.parametrize("scheme, names", [("light", LOOKED_AT), ("dark", LOOKED_AT[:2])])
def test_pages_are_free_of_serious_faults_of_accessibility(site, scheme, names):
    wrong = []
    with browser.chromium(viewport={"width": 1280, "height": 900}, color_scheme=scheme) as page:
        for path in pages(site):
            if path.name in names:
                page.goto(path.as_uri())
                wrong += [f"{path.name}: {fault}" for fault in browser.serious_faults(page)]
                wrong += [f"{path.name}: {error}" for error in page.errors]
                page.errors.clear()
    assert wrong == []


def test_the_replay_tells_what_the_study_found_by_mouse_and_by_keys(site):
    found = usft.results("schemes")
    with browser.chromium(viewport={"width": 1280, "height": 1400}) as page:
        page.goto((site / "replay.html").as_uri())
        replay = page.locator("#replay")
        replay.get_by_text("last k: up to the output").click()
        replay.get_by_role("button", name="4", exact=True).click()
        assert replay.locator(".trained text").all_text_contents() == ["dec4", "dec3", "dec2", "dec1", "head"]
        mean, low, high, _ = found.dice("hc18", "last 4")
        told = f"Dice {mean:.3f}, 95 % interval {low:.3f} to {high:.3f}"
        assert replay.locator("svg title").all_text_contents()[1] == told
        replay.get_by_role("button", name="Keep for comparison").click()
        page.keyboard.press("Escape")
        replay.get_by_role("radio", name="first k").focus()
        page.keyboard.press("Space")  # by keys alone: choose, go on to k, keep
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert replay.locator(".said").inner_text().startswith("first 1: ")
        replay.get_by_role("button", name="Keep for comparison").focus()
        page.keyboard.press("Enter")
        rows = replay.locator("tbody tr").all_inner_texts()
        assert [row.split("\t")[0] for row in rows] == ["last 4", "first 1"] and f"{mean:.3f}" in rows[0]
        found_said = replay.locator("details li")
        assert not found_said.first.is_visible(), "what came out waits for the reader's guess"
        replay.locator("summary").click()
        told = json.loads((grids.RESULTS / "verdicts.json").read_text(encoding="utf-8"))["sentences"]
        assert found_said.all_inner_texts() == [text.replace("**", "") for text in told]
        if folder := os.environ.get("USFT_SCREENSHOTS"):
            page.screenshot(path=f"{folder}/replay.png", full_page=True)
        assert page.errors == []


def test_the_replays_table_is_the_studys(site):
    text = (site / "_static" / "study.js").read_text(encoding="utf-8")
    told = json.loads(text.removeprefix("window.USFT_STUDY = ").rstrip().rstrip(";"))
    found, sizes = usft.results("schemes"), usft.summary(usft.UNet()).set_index("group")["parameters"]
    assert set(told["strategies"]) == set(found.strategies("hc18")) - {"mean shape"}
    one = told["strategies"]["outer 2"]
    assert one["groups"] == usft.outer(usft.UNet(), 2)
    assert one["parameters"] == pytest.approx(sizes[one["groups"]].sum() / sizes["total"])
    for target in found.targets:
        assert one["dice"][target]["mean"] == pytest.approx(found.mean(target, "outer 2"), abs=1e-4)
        assert len(one["dice"][target]["seeds"]) == 5


def test_search_finds_a_lesson_from_the_disk(site):
    with browser.chromium() as page:
        page.goto((site / "search.html").as_uri() + "?q=speckle")
        found = page.locator("#search-results li a")
        found.first.wait_for(timeout=120_000)
        assert any("05_ultrasound" in link.get_attribute("href") for link in found.all()) and page.errors == []


def test_it_works_under_a_sub_path(site):
    """As on GitHub Pages, whose addresses end in the repository's name: all that pages ask for is there."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=site.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address, failed = f"http://127.0.0.1:{server.server_port}/{site.name}/", []
        with browser.chromium(viewport={"width": 1280, "height": 900}) as page:
            page.on("response", lambda r: r.status < 400 or failed.append(f"{r.status} {r.url}"))
            page.on("request", lambda r: r.url.startswith((address, "data:")) or failed.append(r.url))
            page.goto(address)
            page.get_by_role("link", name="Click a strategy").first.click()
            page.locator("#replay .said").wait_for(timeout=120_000)
            page.get_by_role("link", name="11 · Why shallow?").first.click()
            page.get_by_role("heading", name="11 · Why shallow?").wait_for(timeout=120_000)
            assert page.url == address + "lessons/11_why_shallow.html"
        server.shutdown()
    assert failed == []
