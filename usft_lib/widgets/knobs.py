"""The sliders of the speckle bench: what each may be set to, and how it is told."""

import math
from dataclasses import dataclass

from ..errors import BadInput, check_name
from ..simulate.phantom import Bmode


@dataclass(frozen=True)
class Knob:
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
        return [self.told(value) for value in self.values]

    def told(self, value: float) -> str:
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
KNOBS = {
    knob.name: knob
    for knob in (
        Knob("centre_frequency_mhz", "Centre frequency", _steps(2, 12, 0.5), 6, " MHz"),
        Knob("bandwidth", "Bandwidth", _steps(0.3, 0.9, 0.05), 6, "", 2),
        Knob("f_number", "F-number (depth / aperture)", _steps(1, 5, 0.25), 4, "", 2),
        Knob("depth_cm", "Depth", _steps(2, 10, 0.5), 4, " cm"),
        Knob("scatterers_per_cell", "Scatterers in a cell", _FEW_TO_MANY, 8, "", 1),
        Knob("attenuation_db_cm_mhz", "Attenuation", _steps(0, 1.2, 0.1), 5, " dB/cm/MHz"),
        Knob("tgc", "Time-gain compensation", _steps(0, 1.2, 0.1), 10, " of the loss"),
        Knob("dynamic_range_db", "Dynamic range", _steps(30, 90, 5), 6, " dB", 0),
        Knob("contrast_db", "Lesion contrast", _CONTRASTS, 7, " dB", 0),
    )
}


def nearest(settings: dict) -> dict[str, int]:
    """For each setting the number of the mark that is nearest to it; infinity has a mark of its own."""
    found = {}
    for name, value in settings.items():
        values = KNOBS[check_name("slider", name, KNOBS)].values
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise BadInput(f"{name} must be a number, not {value!r}.")
        found[name] = values.index(value) if value in values else _closest(values, value)
    return found


def _closest(values: tuple[float, ...], value: float) -> int:
    return min((k for k, v in enumerate(values) if v < math.inf), key=lambda k: abs(values[k] - value))


def checked(content) -> dict[str, int]:
    """The places that a message of the front end asks for, if each is a mark of its slider, else `BadInput`."""
    places = content.get("places") if isinstance(content, dict) else None
    if not isinstance(places, dict) or set(places) != set(KNOBS):
        raise BadInput("The front end asked for something else than a place of each slider: reload the page.")
    for name, place in places.items():
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(KNOBS[name].values):
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
        {"label": "gCNR", "measured": f"{shown.gcnr:.2f}", "theory": "1 if nothing overlaps"},
    ]  # fmt: skip
