"""One ultrasound scan in numbers: the probe, the tissue's physics, the scanner's knobs and the lesion (lesson 04).

`Scene` holds what a student may set, each with its unit in its name. `draw_scene` fills in what is not set, at random
and jointly plausible: drawn independently, most would be impossible, their echoes lost in noise half-way down.
"""

import math
from dataclasses import dataclass, fields, replace

from ..errors import BadInput, check_name
from ..seeds import generator
from .shapes import drawer

SPEED_MM_PER_US = 1.54  # speed of sound in soft tissue
PROBES = ("linear", "convex")

# The lowest and the highest value that makes sense, for `Scene` and for the ranges that `draw_scene` is given.
LIMITS = {
    "depth_cm": (1, 30),
    "width_cm": (1, 30),
    "radius_cm": (1, 10),
    "sector_degrees": (20, 100),
    "centre_frequency_mhz": (1, 20),
    "bandwidth": (0.2, 0.9),
    "receive_f_number": (0.5, 8),
    "transmit_f_number": (0.5, 12),
    "focus_cm": (0.5, 30),
    "aperture_cm": (0.3, 10),
    "scatterers_per_cell": (0.1, math.inf),
    "attenuation_db_cm_mhz": (0, 2),
    "noise_db": (-120, 0),
    "clutter_db": (-120, 0),
    "tgc": (0, 1.5),
    "tgc_error_db": (0, 12),
    "gain_db": (-40, 40),
    "dynamic_range_db": (20, 120),
    "minor_radius_mm": (0.5, 80),
    "aspect": (0.3, 1),
    "irregularity": (0, 0.5),
    "border_mm": (0.05, 5),
    "contrast_db": (-80, 20),
    "shadow_db_cm_mhz": (-2, 6),
    "lesion_depth_cm": (0, 30),
    "lesion_offset_cm": (-20, 20),
    "layers": (0, 1),
    "mottle_db": (0, 10),
    "distractors": (0, 3),
    "skull_db": (0, 30),
}
SHARES = {"without_target": (0, 1), "convex": (0, 1)}  # of the images, so ranges make no sense


@dataclass(frozen=True)
class Scene:
    """One scan: what is insonified, with what, and how it is shown (lesson 04).

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
    depth_cm: float = 4.0
    width_cm: float = 4.0
    radius_cm: float = 5.0
    sector_degrees: float = 65.0
    centre_frequency_mhz: float = 7.0
    bandwidth: float = 0.6
    receive_f_number: float = 1.5
    transmit_f_number: float = 3.0
    focus_cm: float = 2.0
    aperture_cm: float = 2.5
    plane_wave_degrees: tuple[float, ...] = ()
    taper: float = 0.5
    scatterers_per_cell: float = math.inf
    attenuation_db_cm_mhz: float = 0.5
    noise_db: float = -60.0
    clutter_db: float = -35.0
    tgc: float = 1.0
    tgc_error_db: float = 0.0
    gain_db: float = 0.0
    dynamic_range_db: float = 60.0
    minor_radius_mm: float = 6.0
    aspect: float = 1.0
    irregularity: float = 0.0
    border_mm: float = 0.2
    contrast_db: float | None = -12.0
    shadow_db_cm_mhz: float = 0.0
    lesion_depth_cm: float = 2.0
    lesion_offset_cm: float = 0.0
    layers: float = 0.0
    mottle_db: float = 0.0
    distractors: float = 0.0
    skull_db: float = 0.0

    def __post_init__(self):
        check_name("probe", self.probe, PROBES)
        for name in LIMITS:
            if not (name == "contrast_db" and self.contrast_db is None):
                object.__setattr__(self, name, _number(name, getattr(self, name)))
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


def _number(name: str, value) -> float:
    low, high = LIMITS[name]
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be a number, not {value!r}.") from None
    if not low <= number <= high:
        raise BadInput(f"{name} = {number:g}: take {low:g} to {high:g}.")
    return number


# What `draw_scene` draws from: a number stays, a pair is a range. "varied" covers what scanners and bodies do.
VARIED = {
    "depth_cm": (3, 16),
    "bandwidth": (0.4, 0.8),
    "receive_f_number": (1, 3),
    "transmit_f_number": (2, 5),
    "tgc_error_db": (0, 6),
    "dynamic_range_db": (40, 75),
    "gain_db": (-8, 8),
    "noise_db": (-60, -35),
    "clutter_db": (-35, -15),
    "aspect": (0.5, 1),
    "irregularity": (0, 0.5),
    "border_mm": (0.1, 2),
    "mottle_db": (0.5, 3),
    "layers": 1,
    "distractors": (0, 3),
    "skull_db": 0,
}
PRESETS = {
    "varied": {},
    # A breast scan: linear, shallow, high frequency; most lesions dark.
    "breast": {
        "convex": 0, "depth_cm": (2.8, 5), "centre_frequency_mhz": (6, 12), "scatterers_per_cell": (4, 200),
        "noise_db": (-60, -48), "clutter_db": (-35, -20), "dynamic_range_db": (45, 70), "gain_db": (-6, 6),
    },
    # A fetal head: an ellipse inside a bright shell that casts shadows, far from a convex probe.
    "fetal_head": {
        "convex": 1, "depth_cm": (11, 16), "centre_frequency_mhz": (2.5, 4.5), "attenuation_db_cm_mhz": (0.3, 0.45),
        "minor_radius_mm": (30, 46), "aspect": (0.7, 0.85), "irregularity": (0, 0.02), "border_mm": (0.3, 1),
        "contrast_db": (-16, -6), "shadow_db_cm_mhz": (-0.2, -0.05), "skull_db": (12, 22), "noise_db": (-60, -50),
    },
    # A phantom from a catalogue: one anechoic cyst in even, fully developed speckle. Nothing is drawn but the speckle.
    "cyst_phantom": {
        "convex": 0, "depth_cm": 4, "centre_frequency_mhz": 7, "bandwidth": 0.6, "receive_f_number": 1.5,
        "transmit_f_number": 3, "scatterers_per_cell": math.inf, "attenuation_db_cm_mhz": 0.5, "tgc_error_db": 0,
        "dynamic_range_db": 60, "gain_db": 0, "noise_db": -60, "clutter_db": -35, "minor_radius_mm": 6, "aspect": 1,
        "irregularity": 0, "border_mm": 0.1, "contrast_db": -80, "shadow_db_cm_mhz": -0.5, "lesion_depth_cm": 2,
        "lesion_offset_cm": 0, "layers": 0, "mottle_db": 0, "distractors": 0,
    },
}  # fmt: skip


def settings(preset: str, chosen: dict) -> dict:
    """The ranges to draw from: "varied", changed by a preset, changed by what the caller chose; all checked."""
    check_name("preset", preset, PRESETS)
    merged = {"convex": None, "without_target": 0.1, **VARIED, **PRESETS[preset]}
    if preset != "varied":
        merged["without_target"] = 0.0
    for name, value in chosen.items():
        if name == "probe":
            check_name("probe", value, PROBES)
            merged["convex"] = float(value == "convex")
            continue
        check_name("scene setting", name, [*LIMITS, *SHARES, "probe"])
        merged[name] = _share(name, value) if name in SHARES else _range(name, value)
    return merged


def _share(name: str, value) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadInput(f"{name} = {value!r}: take a share from 0 to 1.")
    return float(value)


def _range(name: str, value):
    if not isinstance(value, tuple | list):
        return _number(name, value)
    if len(value) != 2:
        raise BadInput(f"{name} must be a number or a pair (low, high), not {value!r}.")
    low, high = (_number(name, part) for part in value)
    if low > high:
        raise BadInput(f"{name} = ({low:g}, {high:g}): the first must not exceed the second.")
    return low, high


def draw_scene(ranges: dict, seed: int, subject: int) -> Scene:
    """The scene of one subject from `settings`: a function of the seed and the subject alone (SIMULATION: ranges).

    The scan is drawn first, the lesion then, from numbers of its own: whether there is one, and how bright, changes
    nothing else, so the rest of the picture cannot tell.
    """
    draw = drawer(generator("scan", seed, subject))

    def pick(name: str, low: float, high: float, log: bool = False) -> float:
        """A value for ``name``: the caller's, or from the caller's range, or from low…high. Takes one draw always."""
        place = draw(0, 1)
        given = ranges.get(name, (low, high))
        if not isinstance(given, tuple):
            return given
        a, b = given
        if log and 0 < a and b < math.inf:
            return a * (b / a) ** place
        return a + (b - a) * place

    scan = {name: pick(name, *LIMITS[name]) for name in sorted(VARIED) if name not in _LESION}
    depth, noise = pick("depth_cm", 3, 16, log=True), scan["noise_db"]
    scan["depth_cm"] = depth
    convex = draw(0, 1) < (ranges["convex"] if ranges["convex"] is not None else min(1, max(0.2, (depth - 3) / 7)))
    # Jointly plausible: the two-way loss 2·α·f·depth to the bottom stays within 10 dB of the noise's distance.
    budget = (10 - noise) / (2 * depth)
    alpha = pick("attenuation_db_cm_mhz", 0.3, max(0.3, min(0.9, budget / 3)))
    highest = max(3.0, min(12.0, budget / max(alpha, 0.05)))
    frequency = pick("centre_frequency_mhz", 3, highest)
    if isinstance(ranges.get("centre_frequency_mhz"), tuple):
        frequency = max(min(frequency, budget / max(alpha, 0.05)), ranges["centre_frequency_mhz"][0])
    density = pick("scatterers_per_cell", 1, 300, log=True)
    scan |= {
        "probe": "convex" if convex else "linear",
        "attenuation_db_cm_mhz": alpha,
        "centre_frequency_mhz": frequency,
        "width_cm": pick("width_cm", depth, depth),
        "radius_cm": pick("radius_cm", 4, 6),
        "sector_degrees": pick("sector_degrees", 60, 80),
        "focus_cm": min(pick("focus_cm", 0.3 * depth, 0.7 * depth), 30),
        "aperture_cm": pick("aperture_cm", 2, 3.5),
        # Above 200 scatterers in a cell no statistic of ours can tell them from infinitely many.
        "scatterers_per_cell": math.inf if density > 200 and "scatterers_per_cell" not in ranges else density,
        "distractors": round(scan["distractors"]),
    }
    return _with_lesion(Scene(**scan, contrast_db=None), ranges, drawer(generator("lesion", seed, subject)))


_LESION = ("aspect", "irregularity", "border_mm")


def _with_lesion(scan: Scene, ranges: dict, draw) -> Scene:
    """The scan with a lesion that fits it: large enough to be seen, where echoes still come from."""

    def pick(name: str, low: float, high: float) -> float:
        place = draw(0, 1)
        given = ranges.get(name, (low, high))
        return given[0] + (given[1] - given[0]) * place if isinstance(given, tuple) else given

    present, kind, place, solid = (draw(0, 1) for _ in range(4))
    low, high = (-30, -4) if kind < 0.65 else (3, 12)
    contrast = pick("contrast_db", low, high) if kind < 0.85 or "contrast_db" in ranges else -80.0
    # A shadow or an enhancement behind the lesion goes with its brightness in anechoic ones alone: they are fluid.
    fluid = contrast <= -60 or solid > 0.75
    default = (-0.9, -0.6) if fluid else ((0.5, 3) if solid < 0.25 else (-0.15, 0.15))
    lesion = {
        "contrast_db": contrast,
        "aspect": pick("aspect", 0.5, 1),
        "irregularity": pick("irregularity", 0, 0.5),
        "border_mm": pick("border_mm", 0.1, 2),
        "shadow_db_cm_mhz": max(pick("shadow_db_cm_mhz", *default), 0.02 - scan.attenuation_db_cm_mhz),
    }
    depth, wide = 10 * scan.depth_cm, scan.side_mm
    # Echoes from below this depth are within 10 dB of the noise: no lesion could be seen there.
    loss = 2 * scan.attenuation_db_cm_mhz * scan.centre_frequency_mhz / 10  # dB a mm
    penetration = min(0.95 * depth, max((-scan.noise_db - 10) / max(loss, 1e-3), 0.5 * depth))
    smallest = max(3.0, 5 * wide / 128)
    radius = ranges.get("minor_radius_mm", (smallest, min(15.0, 0.2 * wide)))
    fixed = not isinstance(radius, tuple)
    low, high = (radius, radius) if fixed else (max(part, smallest) for part in radius)
    down, across = draw(0, 1), draw(0, 1)
    for shrink in range(25):  # smaller until it fits; what the caller fixed stays, and `Scene` judges it
        size = low * (high / low) ** place * (1 if fixed else 0.93**shrink)
        reach = size / lesion["aspect"] * (1 + lesion["irregularity"])
        z = _between(ranges.get("lesion_depth_cm"), down, reach + 2, max(penetration - reach, reach + 2))
        room = scan.room_mm(z, reach)
        if room >= 0 or fixed:
            break
    x = _between(ranges.get("lesion_offset_cm"), across, -max(room, 0), max(room, 0))
    lesion["minor_radius_mm"] = size
    if present < ranges["without_target"]:
        return scan
    return replace(scan, **lesion, lesion_depth_cm=z / 10, lesion_offset_cm=x / 10)


def _between(given, place: float, low_mm: float, high_mm: float) -> float:
    """A length in mm between two bounds, or what the caller gave, in cm: a number or a pair of bounds."""
    if given is not None and not isinstance(given, tuple):
        return 10 * given
    low, high = (low_mm, high_mm) if given is None else (10 * g for g in given)
    return low + (high - low) * place


def scene_table(scenes: list[Scene]):
    """Scenes as a pandas table, a row each, NaN for the contrast of no lesion (lesson 04)."""
    import pandas as pd

    rows = [{f.name: getattr(scene, f.name) for f in fields(Scene)} for scene in scenes]
    table = pd.DataFrame(rows)
    table["contrast_db"] = table["contrast_db"].astype(float)
    return table
