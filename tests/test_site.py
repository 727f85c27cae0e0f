"""The site: built offline, opened from the disk in a real browser, no page at fault; the explorer answers a click."""

import functools
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import browser
import pytest

import usft_lib as usft
from usft_lib.widgets import front_end

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
    assert 'alt="first 2 is ahead in all five' in one
    words = (site / "glossary.html").read_text(encoding="utf-8")
    assert usft.explain.__name__ in words and "gCNR" in words and words.count("(lesson ") >= 60
    formulas = (site / "lessons" / "01_images_and_masks.html").read_text(encoding="utf-8")
    assert "<math" in formulas and "mathjax@" not in formulas and "cdn" not in formulas


# Lessons are made alike, and axe takes seconds for each: two stand for them.
LOOKED_AT = ("index.html", "replay.html", "verdicts.html", "01_images_and_masks.html", "04_freeze_and_thaw.html")


def test_the_front_page_tells_what_came_out_only_after_a_click(site):
    with browser.chromium() as page:
        page.goto((site / "index.html").as_uri())
        told = page.get_by_text("training the contracting path is better")
        assert not told.is_visible()
        page.get_by_text("What came out of the study?").click()
        assert told.is_visible()


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


def test_the_explorer_tells_what_the_study_found_without_python(site):
    """From the disk, by the very module of the lessons."""
    found = usft.results("schemes")
    script = (site / "_static" / "explorer.js").read_text(encoding="utf-8")
    assert front_end("results_explorer")[0].removesuffix("export default { render };\n") in script
    with browser.chromium(viewport={"width": 1280, "height": 1000}) as page:
        page.on("request", lambda r: r.url.startswith(("file:", "data:")) or page.errors.append(r.url))
        page.goto((site / "replay.html").as_uri())
        explorer = page.locator("#explorer")
        explorer.get_by_role("button", name="last k", exact=True).click()
        explorer.get_by_role("button", name="4", exact=True).click()
        marked = explorer.locator(".usft-on").evaluate_all("nodes => nodes.map((node) => node.dataset.group)")
        assert marked == ["dec4", "dec3", "dec2", "dec1", "head"]
        mean, low, high, _ = found.dice("hc18", "last 4")
        said = explorer.get_by_role("status")
        assert f"Dice {mean:.3f} ({low:.3f} to {high:.3f})" in said.inner_text()
        explorer.get_by_role("button", name="first k", exact=True).focus()
        page.keyboard.press("Enter")
        assert said.inner_text().startswith("first 4 on fetal heads")
        for view in ("A or B?", "How many images?", "What can you afford?", "Does more help?"):
            explorer.get_by_role("button", name=view).click()
            assert explorer.locator(".usft-chart").count() == 1
            if folder := os.environ.get("USFT_SCREENSHOTS"):
                page.screenshot(path=f"{folder}/replay_{view[0]}.png", full_page=True)
        assert page.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_explorer_follows_the_themes_own_switch(site, scheme):
    """Not the system's colours alone, which may be the others."""
    with browser.chromium(color_scheme="dark" if scheme == "light" else "light") as page:
        page.add_init_script(f"localStorage.setItem('mode', '{scheme}'); localStorage.setItem('theme', '{scheme}')")
        page.goto((site / "replay.html").as_uri())
        assert page.locator("html").get_attribute("data-theme") == scheme
        paper = page.locator(".usft-explorer").evaluate("node => getComputedStyle(node).backgroundColor")
        assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(27, 27, 27)"}[scheme]
        assert browser.serious_faults(page, "#explorer") == []


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
            page.locator("#explorer .usft-said").wait_for(timeout=120_000)
            page.get_by_role("link", name="11 · Why shallow?").first.click()
            page.get_by_role("heading", name="11 · Why shallow?").wait_for(timeout=120_000)
            assert page.url == address + "lessons/11_why_shallow.html"
        server.shutdown()
    assert failed == []
