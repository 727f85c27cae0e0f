"""One ultrasound scan in numbers: the probe, the tissue's physics, the scanner's knobs and the lesion (lesson 05).

`Scene` holds what a student may set, each with its unit in its name; `presets.draw_scene` draws what is not set.
"""

import math
from dataclasses import dataclass, field, fields

from ..errors import BadInput, check_name

SPEED_MM_PER_US = 1.54  # speed of sound in soft tissue
PROBES = ("linear", "convex")


def _within(low: float, high: float, default: float | None):
    """A setting of `Scene`: the lowest and the highest value that makes sense, and the usual one."""
    return field(default=default, metadata={"limits": (low, high)})


@dataclass(frozen=True)
class Scene:
    """One scan: what is insonified, with what, and how it is shown (lesson 05).

    Levels are in dB relative to the tissue around the lesion. A lesion is the target, the thing in the mask; None for
    its ``contrast_db`` means that there is none.

    Attributes:
        probe: "linear" (lines side by side) or "convex" (lines fan out from an arc of ``radius_cm``).
        depth_cm, width_cm, radius_cm, sector_degrees: what is seen; the last two only matter to a convex probe.
        centre_frequency_mhz, bandwidth: of the two-way pulse; its width at −6 dB as a fraction of the centre.
        receive_f_number: depth over receive aperture; the focus follows the echo. ``aperture_cm`` is its upper bound.
        transmit_f_number, focus_cm: of the one transmitted beam. Unused with ``plane_wave_degrees``.
        plane_wave_degrees: angles of plane waves that are sent one after the other and summed; empty: a focused beam.
        taper: share of the apertures' half-width that is tapered off: 0 for a hard edge.
        scatterers_per_cell: mean number in a resolution cell at the focus; infinite: fully developed speckle.
        attenuation_db_cm_mhz: of the tissue, one way; in a lesion ``shadow_db_cm_mhz`` more.
        noise_db: electronic noise, before time-gain compensation, against the echo at the surface.
        clutter_db: echoes that come from beside the beam and from reverberation, against their neighbourhood.
        tgc: share of the tissue's loss that time-gain compensation gives back; ``tgc_error_db`` bounds its error.
        gain_db, dynamic_range_db: of the display.
        minor_radius_mm, aspect, irregularity, border_mm: the lesion's smaller radius, over its larger one; how much its
            outline strays from an ellipse; how soft its border is.
        contrast_db: level in the lesion; −60 or less is anechoic.
        lesion_depth_cm, lesion_offset_cm: its centre, from the probe's face and from the middle.
        layers, mottle_db, distractors: 1 for skin, fat, gland, muscle with fasciae and fibres, 0 for plain tissue;
            unevenness of the echoes; number of small dark things that are in no mask.
        skull_db: level of a bright shell around the target (a fetal head), 0 for none.

    Raises:
        BadInput: a value out of its range, or a lesion that is not wholly in the field of view.
    """

    probe: str = "linear"
    depth_cm: float = _within(1, 30, 4.0)
    width_cm: float = _within(1, 30, 4.0)
    radius_cm: float = _within(1, 10, 5.0)
    sector_degrees: float = _within(20, 100, 65.0)
    centre_frequency_mhz: float = _within(1, 20, 7.0)
    bandwidth: float = _within(0.2, 0.9, 0.6)
    receive_f_number: float = _within(0.5, 8, 1.5)
    transmit_f_number: float = _within(0.5, 12, 3.0)
    focus_cm: float = _within(0.5, 30, 2.0)
    aperture_cm: float = _within(0.3, 10, 2.5)
    plane_wave_degrees: tuple[float, ...] = ()
    taper: float = _within(0, 1, 0.5)
    scatterers_per_cell: float = _within(0.1, math.inf, math.inf)
    attenuation_db_cm_mhz: float = _within(0, 2, 0.5)
    noise_db: float = _within(-120, 0, -60.0)
    clutter_db: float = _within(-120, 0, -35.0)
    tgc: float = _within(0, 1.5, 1.0)
    tgc_error_db: float = _within(0, 12, 0.0)
    gain_db: float = _within(-40, 40, 0.0)
    dynamic_range_db: float = _within(20, 120, 60.0)
    minor_radius_mm: float = _within(0.5, 80, 6.0)
    aspect: float = _within(0.3, 1, 1.0)
    irregularity: float = _within(0, 0.5, 0.0)
    border_mm: float = _within(0.05, 5, 0.2)
    contrast_db: float | None = _within(-80, 20, -12.0)
    shadow_db_cm_mhz: float = _within(-2, 6, 0.0)
    lesion_depth_cm: float = _within(0, 30, 2.0)
    lesion_offset_cm: float = _within(-20, 20, 0.0)
    layers: float = _within(0, 1, 0.0)
    mottle_db: float = _within(0, 10, 0.0)
    distractors: float = _within(0, 3, 0.0)
    skull_db: float = _within(0, 30, 0.0)

    def __post_init__(self):
        check_name("probe", self.probe, PROBES)
        for name in LIMITS:
            if not (name == "contrast_db" and self.contrast_db is None):
                object.__setattr__(self, name, number_in_limits(name, getattr(self, name)))
        angles = self.plane_wave_degrees
        if not all(isinstance(a, int | float) and abs(a) <= 45 for a in angles):
            raise BadInput(f"plane_wave_degrees = {angles}: take angles from −45 to 45.")
        if 0.8 * SPEED_MM_PER_US / (self.bandwidth * self.centre_frequency_mhz) > 10 * self.depth_cm / 16:
            raise BadInput(
                f"centre_frequency_mhz = {self.centre_frequency_mhz:g} with bandwidth = {self.bandwidth:g}: a pulse of "
                f"that length is too long for depth_cm = {self.depth_cm:g}; take a higher frequency or more depth."
            )
        if self.contrast_db is not None and not self.sees_lesion():
            raise BadInput(
                f"lesion_depth_cm = {self.lesion_depth_cm:g}, lesion_offset_cm = {self.lesion_offset_cm:g}: a lesion "
                f"of up to {self.reach_mm:.1f} mm around that is not wholly in the field of view, "
                f"{self.depth_cm:g} cm deep; keep it inside."
            )

    @property
    def wavelength_mm(self) -> float:
        return SPEED_MM_PER_US / self.centre_frequency_mhz

    @property
    def reach_mm(self) -> float:
        """No point of the lesion is further than this from its centre."""
        return self.minor_radius_mm / self.aspect * (1 + self.irregularity)

    @property
    def rise_mm(self) -> float:
        """How much higher than its middle the edges of a convex probe's face lie."""
        if self.probe == "linear":
            return 0.0
        return 10 * self.radius_cm * (1 - math.cos(math.radians(self.sector_degrees / 2)))

    @property
    def side_mm(self) -> float:
        """Side of the square picture: all of the depth; what is wider is cut off."""
        return 10 * self.depth_cm + self.rise_mm

    def half_width_mm(self, z_mm: float) -> float:
        """Half of what is seen at a depth ``z_mm`` below the probe's middle."""
        if self.probe == "linear":
            seen = 5 * self.width_cm
        else:
            half, radius = math.radians(self.sector_degrees / 2), 10 * self.radius_cm
            deepest = radius + 10 * self.depth_cm  # the lower end of the fan is an arc
            beside = math.sqrt(max(deepest**2 - (radius + z_mm) ** 2, 0))
            seen = min((radius + z_mm) * math.tan(half), beside)
        return min(seen, self.side_mm / 2)

    def room_mm(self, z_mm: float, reach_mm: float) -> float:
        """How far from the middle a circle of radius ``reach_mm`` about depth ``z_mm`` may lie; negative if nowhere."""
        if not reach_mm <= z_mm <= 10 * self.depth_cm - reach_mm:
            return -math.inf
        angles = [math.pi * k / 12 for k in range(-5, 6)]
        return min(self.half_width_mm(z_mm + reach_mm * math.sin(a)) - reach_mm * math.cos(a) for a in angles)

    def sees_lesion(self) -> bool:
        """Whether the lesion lies wholly in the picture."""
        return abs(10 * self.lesion_offset_cm) <= self.room_mm(10 * self.lesion_depth_cm, self.reach_mm) + 1e-3


# The lowest and the highest value of each setting, for `Scene` and for the ranges that `draw_scene` is given.
LIMITS = {f.name: f.metadata["limits"] for f in fields(Scene) if f.metadata}


def number_in_limits(name: str, value) -> float:
    """``value`` as a float, if it is within the `LIMITS` of that setting, else `BadInput`."""
    low, high = LIMITS[name]
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be a number, not {value!r}.") from None
    if not low <= number <= high:
        raise BadInput(f"{name} = {number:g}: take {low:g} to {high:g}.")
    return number


def scene_table(scenes: list[Scene]):
    """Scenes as a pandas table, a row each, NaN for the contrast of no lesion (lesson 05)."""
    import pandas as pd

    return pd.DataFrame(scenes).astype({"contrast_db": float})
