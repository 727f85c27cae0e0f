"""Make the README's picture of the freezing lab: ``python docs/lab_picture.py`` (a minute, in JupyterLab and Chromium).

On simulated images, as nothing else may be shown: two strategies are run, and the lab is photographed.
"""

import io
import sys
import tempfile
from pathlib import Path

import nbformat
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import browser  # noqa: E402 (the tests' own, beside this folder)

CELL = """
import usft_lib as usft

data = usft.simulate_ultrasound(240, size=96, seed=5, preset="breast")
pool, val, test = data.split(0.5, 0.2, 0.3, seed=0)
lab = usft.FreezeLab(usft.pretrained("xray-simulated"), pool.subset(40, seed=0), val, test, steps=100, lr=3e-3)
for strategy in ("last 2", "first 2"):
    lab.run(strategy)
lab.lab.choose(["enc1", "enc2"])
lab
"""


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL.strip())])
    book.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(book, folder / "lab.ipynb")
    with (
        browser.jupyterlab(folder, USFT_MIRROR="", USFT_DATA=str(folder / "data")) as address,
        browser.chromium(viewport={"width": 1280, "height": 1700}) as page,
    ):
        browser.open_notebook(page, address, "lab.ipynb")
        lab = page.locator(".usft-lab[data-state]")
        browser.run_cell(page, 0, lambda: lab.count() == 1, tries=100)
        page.add_style_tag(content=".Toastify { display: none }")  # JupyterLab's own news
        page.wait_for_timeout(1500)
        taken = Image.open(io.BytesIO(lab.first.screenshot())).convert("RGB")
    taken.quantize(256, dither=Image.Dither.NONE).save(ROOT / "docs" / "_static" / "lab.png", optimize=True)


if __name__ == "__main__":
    main()
