"""Scenes drawn at random, jointly plausible: presets, and what a caller narrows (lesson 05).

Drawn independently, most scans would be impossible: their echoes would be lost in noise half-way down. So depth comes
first, then noise, attenuation and frequency within what the echo can afford, then a lesion that fits and can be seen.
"""

import math
from dataclasses import replace

from ..errors import BadInput, check_name
from ..seeds import generator
from .scene import LIMITS, PROBES, Scene, number_in_limits
from .shapes import drawer

SHARES = ("without_target", "convex")  # of the images, so a range makes no sense

# What `draw_scene` draws from: a number stays, a pair is a range. "varied" covers what scanners and bodies do.
VARIED = {
    "depth_cm": (3, 16), "bandwidth": (0.4, 0.8), "receive_f_number": (1, 3), "transmit_f_number": (2, 5),
    "tgc_error_db": (0, 6), "dynamic_range_db": (40, 75), "gain_db": (-8, 8), "noise_db": (-60, -35),
    "clutter_db": (-35, -15), "aspect": (0.5, 1), "irregularity": (0, 0.5), "border_mm": (0.1, 2),
    "mottle_db": (0.5, 3), "layers": 1, "distractors": (0, 3), "skull_db": 0,
}  # fmt: skip
LESION = ("aspect", "irregularity", "border_mm")  # of these, the lesion's: drawn from its own numbers
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
        "minor_radius_mm": (18, 46), "aspect": (0.7, 0.9), "irregularity": (0, 0.02), "border_mm": (0.3, 1),
        "contrast_db": (-12, -2), "shadow_db_cm_mhz": (-0.2, -0.05), "skull_db": (12, 24), "noise_db": (-60, -50),
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
    merged = {"convex": None, "without_target": 0.1 if preset == "varied" else 0.0, **VARIED, **PRESETS[preset]}
    for name, value in chosen.items():
        check_name("scene setting", name, [*LIMITS, *SHARES, "probe", "plane_wave_degrees"])
        if name == "probe":
            merged["convex"] = float(check_name("probe", value, PROBES) == "convex")
        elif name == "plane_wave_degrees":
            merged[name] = tuple(value)
        elif name not in SHARES:
            merged[name] = _range(name, value)
        elif isinstance(value, int | float) and 0 <= value <= 1:
            merged[name] = float(value)
        else:
            raise BadInput(f"{name} = {value!r}: take a share from 0 to 1.")
    return merged


def _range(name: str, value):
    if not isinstance(value, tuple | list):
        return number_in_limits(name, value)
    if len(value) != 2:
        raise BadInput(f"{name} must be a number or a pair (low, high), not {value!r}.")
    low, high = (number_in_limits(name, part) for part in value)
    if low > high:
        raise BadInput(f"{name} = ({low:g}, {high:g}): the first must not exceed the second.")
    return low, high


def _picker(draw, ranges: dict):
    """A function that gives a value for a setting: what the caller fixed, or one from its range, else from a default.

    It takes one number from ``draw`` every time, so what is fixed changes nothing else.
    """

    def pick(name: str, *default: float, log: bool = False) -> float:
        place = draw(0, 1)
        given = ranges.get(name, default)
        if not isinstance(given, tuple):
            return given
        low, high = given
        if log and 0 < low and high < math.inf:
            return low * (high / low) ** place
        return low + (high - low) * place

    return pick


def draw_scene(ranges: dict, seed: int, subject: int) -> Scene:
    """The scene of one subject from `settings`: a function of the seed and the subject alone (SIMULATION: ranges).

    The scan is drawn first, the lesion then, from numbers of its own: whether there is one, and how bright, changes
    nothing else, so the rest of the picture cannot tell.
    """
    draw = drawer(generator("scan", seed, subject))
    pick = _picker(draw, ranges)
    scan = {name: pick(name) for name in sorted(VARIED) if name not in LESION}
    depth = scan["depth_cm"] = pick("depth_cm", log=True)
    convex = draw(0, 1) < (ranges["convex"] if ranges["convex"] is not None else min(1, max(0.2, (depth - 3) / 7)))
    # Jointly plausible: the two-way loss 2·α·f·depth to the bottom stays within 10 dB of the noise's distance.
    budget = (10 - scan["noise_db"]) / (2 * depth)
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
        "tgc": pick("tgc", 1, 1),
        "taper": pick("taper", 0.5, 0.5),
        "plane_wave_degrees": ranges.get("plane_wave_degrees", ()),
    }
    return _with_lesion(Scene(**scan, contrast_db=None), ranges, drawer(generator("lesion", seed, subject)))


def _with_lesion(scan: Scene, ranges: dict, draw) -> Scene:
    """The scan with a lesion that fits it: large enough to be seen, where echoes still come from."""
    pick = _picker(draw, ranges)
    present, kind, place, solid = (draw(0, 1) for _ in range(4))
    low, high = (-30, -4) if kind < 0.65 else (3, 12)
    contrast = pick("contrast_db", low, high) if kind < 0.85 or "contrast_db" in ranges else -80.0
    # A shadow or an enhancement behind the lesion goes with its brightness in anechoic ones alone: they are fluid.
    fluid = contrast <= -60 or solid > 0.75
    default = (-0.9, -0.6) if fluid else ((0.5, 3) if solid < 0.25 else (-0.15, 0.15))
    lesion = {
        "contrast_db": contrast,
        **{name: pick(name) for name in LESION},
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
    if present < ranges["without_target"]:
        return scan
    return replace(scan, **lesion, minor_radius_mm=size, lesion_depth_cm=z / 10, lesion_offset_cm=x / 10)


def _between(given, place: float, low_mm: float, high_mm: float) -> float:
    """A length in mm between two bounds, or what the caller gave, in cm: a number or a pair of bounds."""
    if given is not None and not isinstance(given, tuple):
        return 10 * given
    low, high = (low_mm, high_mm) if given is None else (10 * g for g in given)
    return low + (high - low) * place
