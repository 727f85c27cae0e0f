"""A real browser for the widgets' tests: a bare page around one front-end module, and a JupyterLab of one's own.

Where playwright or Chromium is missing, the tests that need them are skipped with that reason.
"""

import atexit
import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from usft_lib.widgets import front_end

# Without these Chromium looks for hosts that a closed network refuses, many at a time.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@functools.cache
def _playwright():
    """Playwright, started once: it allows no second one beside the first."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: python -m pip install playwright")
    started = sync_api.sync_playwright().start()
    atexit.register(started.stop)
    return started


@contextlib.contextmanager
def chromium(**context):
    """A page of a fresh headless Chromium; ``page.errors`` lists what its console complained of."""
    playwright = _playwright()
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium found (Debian: apt-get install chromium)")
    browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
    page = browser.new_context(**context).new_page()
    page.errors = []
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    try:
        yield page
    finally:
        browser.close()


# A stand-in for a widget's model: what the front end sends is kept in `sent`; `answer` is the kernel speaking.
FAKE_MODEL = """
window.sent = []; window.staged = {}; window.traits = %s; window.listeners = {};
window.model = {
  get: (name) => (name in window.staged ? window.staged[name] : window.traits[name]),
  set: (name, value) => { window.staged[name] = value; },
  save_changes: () => { Object.assign(window.traits, window.staged); window.staged = {}; }, // then Python knows
  on: (event, call) => { (window.listeners[event] ??= []).push(call); },
  off: (event, call) => { window.listeners[event] = (window.listeners[event] ?? []).filter((c) => c !== call); },
  send: (content) => { window.sent.push(content); window.onsend?.(content); },
};
window.fire = (event, ...what) => (window.listeners[event] ?? []).forEach((call) => call(...what));
window.answer = (content, buffers = []) =>
  window.fire("msg:custom", content, buffers.map((b) => new DataView(Uint8Array.from(b).buffer)));
"""


def show(page, name: str, traits: dict, before: str = "") -> None:
    """Render the front end of ``usft_lib/widgets/NAME.py`` in a bare page, around a fake model with these traits.

    ``before``: a script that is run first, for example one that sets ``window.onsend``.
    """
    page.goto("about:blank")  # a window of its own: set_content alone would keep the last one's, with its timers
    page.set_content('<!doctype html><html lang="en"><title>widget</title><main id="here"></main></html>')
    script, style = front_end(name)
    page.add_style_tag(content=style)
    page.evaluate(FAKE_MODEL % json.dumps(traits) + before)
    page.evaluate(
        """async (source) => {
          const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
          const module = await import(url);
          window.end = await module.default.render({model: window.model, el: document.getElementById("here")});
        }""",
        script,
    )


def serious_faults(page, inside: str | None = None) -> list[str]:
    """What axe finds serious or critical on a page, or in what the selector ``inside`` names: rule and element."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="no axe: python -m pip install -r docs/requirements.txt"
    ).Axe()
    # Without preload: axe would ask for style sheets again, which a page from the disk may not.
    options = {"preload": False, "resultTypes": ["violations"]}
    found = axe.run(page, context=inside, options=options).response["violations"]
    grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    return [f"{fault['id']}: {node['html'][:120]}" for fault in grave for node in fault["nodes"]]


def overflows(page) -> bool:
    """Whether the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1")


@contextlib.contextmanager
def jupyterlab(folder: Path, **environment):
    """A JupyterLab that serves ``folder``, of this very environment and these variables; gives its address."""
    pytest.importorskip("jupyterlab", reason="no JupyterLab: python -m pip install -r requirements.txt")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = open(folder / "jupyterlab.log", "w")
    here = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "run",
        "IPYTHONDIR": "ip",
    }
    own = {name: str(folder / ".jupyter" / part) for name, part in here.items()} | environment
    # All cells in the page, also those that are scrolled away: a test finds them by their number.
    settings = folder / ".jupyter/config/lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1",
         "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", "--LabApp.news_url=",
         "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", f"--ServerApp.root_dir={folder}"],
        stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **own},
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api"):
                break
            if server.poll() is not None:
                pytest.fail(f"JupyterLab ended:\n{(folder / 'jupyterlab.log').read_text()[-2000:]}")
            time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def notebook(folder: Path, name: str, *cells: str) -> None:
    """Write a notebook of these code cells."""
    import nbformat

    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, folder / name)


def open_notebook(page, address: str, name: str) -> None:
    """Open a notebook alone in the window and wait until its kernel is idle."""
    page.goto(f"{address}/doc/tree/{name}")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_selector('.jp-Toolbar-kernelStatus[data-status="idle"], .jp-NotebookPanel-toolbar', timeout=60_000)


def run_cell(page, k: int, until, tries: int = 20) -> None:
    """Run cell ``k`` until ``until()`` holds: keys that are pressed before the kernel is connected are lost."""
    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(k)
    which_kernel = page.locator(".jp-Dialog .jp-mod-accept")  # JupyterLab asks where kernels are slow to be listed
    for attempt in range(tries):
        if which_kernel.count():
            which_kernel.first.click()
        if attempt % 4 == 0 and "*" not in cell.locator(".jp-InputPrompt").first.inner_text():  # it is not running
            cell.locator(".jp-InputArea-editor").click()
            page.keyboard.press("Control+Enter")
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            if until():
                return
            page.wait_for_timeout(100)
    raise AssertionError(f"Cell {k} did not do what it should: {page.errors[-3:]}")


def run_and_wait(page, k: int, tries: int = 60) -> None:
    """Run cell ``k`` and wait until it has its number."""
    prompt = page.locator(".jp-Notebook .jp-CodeCell").nth(k).locator(".jp-InputPrompt").first
    run_cell(page, k, lambda: any(c.isdigit() for c in prompt.inner_text()), tries)


@contextlib.contextmanager
def kept_on_failure(page, name: str):
    """Keep a picture of the page if the test fails, in test-screenshots/ (which git ignores)."""
    try:
        yield
    except BaseException:
        folder = Path("test-screenshots")
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", full_page=True)
        raise


def complaints(page) -> list[str]:
    """Console errors that count: pictures that need a network do not."""
    return [text for text in page.errors if "ERR_" not in text and "Failed to load resource" not in text]
