"""The speckle bench without its front end: the sliders, what is measured in a picture, and the picture as a file.

(Lesson 06.)
"""

import base64
import contextlib
import io
import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from PIL import Image

from ..errors import BadInput, check_name
from ..simulate.phantom import Bmode, Phantom, bmode
from .tasks import Task, check_tasks


@dataclass(frozen=True)
class Slider:
    """One slider: an argument of `bmode`, the values it stops at, and the number of the one it starts with."""

    name: str
    label: str
    values: tuple[float, ...]
    start: int
    unit: str = ""
    digits: int = 1

    @property
    def marks(self) -> list[str]:
        """What stands beside the slider at each of its values."""
        return [self.mark(value) for value in self.values]

    def mark(self, value: float) -> str:
        """A value in words, with its unit."""
        if value == math.inf:
            return "∞, fully developed"
        if self.name == "contrast_db" and value <= -60:
            return "anechoic"
        if self.name == "scatterers_per_cell":
            return f"{value:g}"
        sign = "+" if self.name == "contrast_db" and value > 0 else ""
        return f"{sign}{value:.{self.digits}f}{self.unit}".replace("-", "−")


def _steps(low: float, high: float, step: float) -> tuple[float, ...]:
    return tuple(round(low + k * step, 6) for k in range(round((high - low) / step) + 1))


_FEW_TO_MANY = (0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100, math.inf)
_CONTRASTS = (-80.0, *_steps(-30, 12, 3))
SLIDERS = {
    slider.name: slider
    for slider in (
        Slider("centre_frequency_mhz", "Centre frequency", _steps(2, 12, 0.5), 6, " MHz"),
        Slider("bandwidth", "Bandwidth", _steps(0.3, 0.9, 0.05), 6, "", 2),
        Slider("f_number", "F-number (depth / aperture)", _steps(1, 5, 0.25), 4, "", 2),
        Slider("depth_cm", "Depth", _steps(2, 10, 0.5), 4, " cm"),
        Slider("scatterers_per_cell", "Scatterers in a cell", _FEW_TO_MANY, 8, "", 1),
        Slider("attenuation_db_cm_mhz", "Attenuation", _steps(0, 1.2, 0.1), 5, " dB/cm/MHz"),
        Slider("tgc", "Time-gain compensation", _steps(0, 1.2, 0.1), 10, " of the loss"),
        Slider("dynamic_range_db", "Dynamic range", _steps(30, 90, 5), 6, " dB", 0),
        Slider("contrast_db", "Lesion contrast", _CONTRASTS, 7, " dB", 0),
    )
}
HINTS = {
    "centre_frequency_mhz": "Higher: finer grain in both directions.",
    "bandwidth": "Larger: a shorter pulse, finer grain along the beam.",
    "f_number": "Smaller: a wider aperture, finer grain across.",
    "depth_cm": "Deeper: more of the sound is lost on the way.",
    "scatterers_per_cell": "Few: dark gaps, and the grain follows another law.",
    "attenuation_db_cm_mhz": "More: deep echoes sink into the noise.",
    "tgc": "How much of the loss is made up for.",
    "dynamic_range_db": "Of the display: the look changes, the echoes do not.",
    "contrast_db": "Echoes of the lesion against those around it.",
}


MEASURED = {name: name for name in ("snr", "axial_mm", "lateral_mm", "gcnr")} | {"measured_contrast_db": "contrast_db"}


class Bench:
    """The speckle bench without its sliders: pictures of one phantom, what was seen so far, and tasks (lesson 06).

    Attributes:
        result: the `Bmode` that was shown last.
    """

    def __init__(self, tasks: Iterable[Task] = ()):
        self.tasks, self.result = check_tasks(tasks), None
        self._phantom, self._seen = Phantom(), []
        self._lock = threading.Lock()  # newer kernels handle messages beside a running cell

    def show(self, settings: dict[str, float]) -> Bmode:
        """The picture for these settings of `bmode`; tasks are asked."""
        with self._lock, one_thread():
            self.result = bmode(**settings, phantom=self._phantom)
            self._seen.append(settings | {name: getattr(self.result, what) for name, what in MEASURED.items()})
            for task in self.tasks:
                task.look(self.seen)
            return self.result

    @property
    def seen(self):
        """A pandas table, a row per picture: its settings, and what was measured in it."""
        import pandas as pd

        return pd.DataFrame(self._seen)


@contextlib.contextmanager
def one_thread():
    """A single thread for torch: two that share the cores with a drawing browser wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def starting_places(settings: dict) -> dict[str, int]:
    """For each slider the number of its mark: the one nearest to its setting, if there is one, else its start.

    Infinity has a mark of its own.

    Raises:
        BadInput: a setting that there is no slider for, or that is not a number.
    """
    return {name: slider.start for name, slider in SLIDERS.items()} | nearest(settings)


def nearest(settings: dict) -> dict[str, int]:
    """As `starting_places`, of the sliders that ``settings`` names."""
    found = {}
    for name, value in settings.items():
        values = SLIDERS[check_name("slider", name, SLIDERS)].values
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise BadInput(f"{name} must be a number, not {value!r}.")
        found[name] = values.index(value) if value in values else _closest(values, value)
    return found


def _closest(values: tuple[float, ...], value: float) -> int:
    return min((k for k, v in enumerate(values) if v < math.inf), key=lambda k: abs(values[k] - value))


def checked(content) -> dict[str, int]:
    """The places that a message of the front end asks for, if each is a mark of its slider, else `BadInput`."""
    places = content.get("places") if isinstance(content, dict) else None
    if not isinstance(places, dict) or set(places) != set(SLIDERS):
        raise BadInput("The front end asked for something else than a place of each slider: reload the page.")
    for name, place in places.items():
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(SLIDERS[name].values):
            raise BadInput(f"{name}: there is no mark {place!r} on that slider.")
    return places


def numbers(shown: Bmode) -> list[dict[str, str]]:
    """The table beside the picture: what was measured, and what theory says."""
    theory = shown.theory

    def contrast(value: float) -> str:
        return f"{value:+.1f} dB".replace("-", "−")

    return [
        {"label": "Speckle SNR", "measured": f"{shown.snr:.2f}", "theory": f"{theory['snr']:.2f} if fully developed"},
        {"label": "Size along the beam", "measured": f"{shown.axial_mm:.2f} mm",
         "theory": f"{theory['axial_mm']:.2f} mm"},
        {"label": "Size across", "measured": f"{shown.lateral_mm:.2f} mm", "theory": f"{theory['lateral_mm']:.2f} mm"},
        {"label": "Contrast", "measured": contrast(shown.contrast_db), "theory": contrast(theory["contrast_db"])},
        {"label": "gCNR (1 − overlap of greys)", "measured": f"{shown.gcnr:.2f}",
         "theory": "0: looks like around it, 1: no grey in common"},
    ]  # fmt: skip


def grey_bytes(shown: Bmode) -> bytes:
    """The picture's grey values as one byte per pixel, row by row."""
    return (shown.image * 255).round().byte().numpy().tobytes()


def png(shown: Bmode) -> bytes:
    """The picture as a PNG file."""
    file = io.BytesIO()
    Image.frombytes("L", shown.image.shape[::-1], grey_bytes(shown)).save(file, "PNG")
    return file.getvalue()


def still(shown: Bmode, settings: dict[str, float]) -> str:
    """Picture, settings and numbers as one SVG, for pages without a kernel."""
    lines = [f"{SLIDERS[name].label}: {SLIDERS[name].mark(value)}" for name, value in settings.items()]
    lines += [""] + [f"{row['label']}: {row['measured']} (theory {row['theory']})" for row in numbers(shown)]
    text = "".join(
        f'<text x="276" y="{26 + 17 * k}" font-size="12.5">{line}</text>' for k, line in enumerate(lines) if line
    )
    picture = base64.b64encode(png(shown)).decode()
    scale = 256 / shown.scene.side_mm
    middle, radius = 10 + 128, shown.scene.minor_radius_mm * scale
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 276" width="600" height="276" role="img" '
        'font-family="sans-serif"><title>The speckle bench, as it was when this page was made</title>'
        '<rect width="600" height="276" rx="6" fill="#ffffff" stroke="#888888"/>'
        f'<image x="10" y="10" width="256" height="256" href="data:image/png;base64,{picture}"/>'
        f'<circle cx="{middle}" cy="{10 + 10 * shown.scene.lesion_depth_cm * scale:.1f}" r="{radius:.1f}" fill="none" '
        f'stroke="#ffffff" stroke-dasharray="5 4"/><g fill="#222222">{text}</g></svg>'
    )
