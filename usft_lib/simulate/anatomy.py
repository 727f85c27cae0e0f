"""What is there: how strongly each point of the tissue echoes, how much it attenuates, and where the lesion is.

Everything is a function of (x, z) in mm, so it can be sampled on the acoustic grid for the echoes and on the picture's
pixels for the mask, and both agree exactly. Levels are in dB relative to glandular tissue (lesson 05).
"""

import math

import torch
import torch.nn.functional as F

from ..seeds import generator
from .geometry import stacked
from .scene import LIMITS, Scene
from .shapes import blob, coverage, drawer, ellipse, smooth_noise, wave

WAVES = range(2, 8)  # how many times a lesion's outline swings in and out on its way around
LATTICE = 96  # texture samples a side, over 1.5 times the picture
DISTRACTORS = 3
FLUID_DB = -45.0  # amniotic fluid
BONE_DB_CM_MHZ = 8.0  # extra attenuation in a fetal skull


def draw_anatomy(scene: Scene, seed: int, subject: int) -> dict:
    """The random part of a subject's anatomy: numbers, lists of numbers and one texture ``[2, 96, 96]``.

    From a stream of its own, and never from whether there is a lesion or how bright it is.
    """
    random = generator("anatomy", seed, subject)
    draw = drawer(random)
    depth, side = 10 * scene.depth_cm, scene.side_mm
    anatomy = {
        "bend_height": [draw(0.005, 0.03) * depth for _ in range(2)],
        "bend_length": [draw(0.4, 1.5) * side for _ in range(2)],
        "bend_phase": [draw(0, 2 * math.pi) for _ in range(2)],
        "border": [draw(1.0, 2.2), depth * draw(0.1, 0.3), depth * draw(0.6, 0.95)],
        "layer": [draw(2, 8), draw(-8, -2), 0.0, draw(-9, -2)],
        "fascia": [draw(5, 18) for _ in range(3)],
        "fibres": [draw(3, 16)],
        "contact": [draw(-3, 3) for _ in range(7)],
        "tgc_error": [draw(-1, 1) for _ in range(4)],
        "turn": [draw(-25, 25) if scene.skull_db == 0 else draw(-50, 50)],
        "rim": [draw(-2, 5)],
        "skull": [draw(1.5, 3.0)],
    }
    swings = [draw(-1, 1) / k for k in WAVES]
    total = sum(abs(a) for a in swings)
    anatomy["wave"] = [scene.irregularity * a / total for a in swings]  # their sizes add up to the irregularity
    anatomy["wave_phase"] = [draw(0, 2 * math.pi) for _ in WAVES]
    for name, low, high in (("x", -0.45, 0.45), ("z", 0.15, 0.8), ("radius", 0.02, 0.05), ("flat", 0.5, 1)):
        scale = {"x": side, "z": depth, "radius": depth}.get(name, 1)
        anatomy[f"dark_{name}"] = [scale * draw(low, high) for _ in range(DISTRACTORS)]
    levels = [draw(-25, -5) for _ in range(DISTRACTORS)]
    anatomy["dark_level"] = [level * (k < scene.distractors) for k, level in enumerate(levels)]
    # Mottle has bumps of two sizes. Fibres are drawn out sideways: they lie along the layers.
    cell = LATTICE / 1.5 / side  # lattice samples a mm
    grain = max(2.0, min(1.6, 0.04 * side) * cell)
    mottle = smooth_noise(random, LATTICE, LATTICE, grain, 2 * grain)
    mottle = (mottle + 0.7 * smooth_noise(random, LATTICE, LATTICE, 2.5 * grain, 3.5 * grain)) / 1.2
    fibre = smooth_noise(random, LATTICE, LATTICE, draw(1, 2.5) * grain, draw(6, 14) * grain)
    anatomy["texture"] = torch.stack([mottle, fibre])
    # A pocket of fluid in which a fetal head lies, in most scans: is there one, its place and its size.
    anatomy["pocket"] = [float(draw(0, 1) < 0.7), draw(-0.7, 0.7), draw(-0.6, 0.6), draw(0.8, 1.7), draw(0.8, 1.5)]
    return anatomy


def _turned(x, z, angle):
    """Coordinates in frames that are turned by ``angle`` (radians, a tensor) about the origin."""
    c, s = angle.cos(), angle.sin()
    return c * x + s * z, c * z - s * x


class Anatomy:
    """The anatomies of a batch, to be sampled at points ``x`` and ``z`` in mm, ``[B, rows, columns]`` or broadcasting.

    ``moves``: for each image how far the probe was moved (mm) and tilted (degrees).
    """

    def __init__(self, scenes: list[Scene], drawn: list[dict], moves: list[tuple[float, float]], device="cpu"):
        self.device, self.distractors = device, int(max(s.distractors for s in scenes))
        names = (*LIMITS, "side_mm")
        self.of = dict(zip(names, stacked(scenes, *names, device=device), strict=True))  # the scenes' settings, by name
        self.part = {
            name: torch.tensor([d[name] for d in drawn], device=device)[:, :, None, None].unbind(1)
            for name in drawn[0]
            if name != "texture"
        }
        self.texture = torch.stack([d["texture"] for d in drawn]).to(device)
        shift, tilt = torch.tensor(moves, device=device).float()[:, :, None, None].unbind(1)
        self.shift, self.tilt = shift, torch.deg2rad(tilt)
        self.present = torch.tensor([[[s.contrast_db is not None]] for s in scenes], device=device)

    def moved(self, x, z):
        """Coordinates in the body of what the moved probe sees at ``(x, z)``."""
        return _turned(x - self.shift, z, self.tilt)

    def _from_lesion(self, x, z):
        """Coordinates from the lesion's centre, along its long axis and across it."""
        x, z = x - 10 * self.of["lesion_offset_cm"], z - 10 * self.of["lesion_depth_cm"]
        return _turned(x, z, torch.deg2rad(self.part["turn"][0]))

    def lesion(self, x, z) -> torch.Tensor:
        """Signed distance (mm, about) to the lesion's border in the body; the mask is where it is negative."""
        minor, aspect = self.of["minor_radius_mm"], self.of["aspect"]
        waves = zip(WAVES, self.part["wave"], self.part["wave_phase"], strict=True)
        distance = blob(*self._from_lesion(x, z), minor / aspect, aspect, list(waves))
        return torch.where(self.present, distance, torch.full_like(distance, 1e3))

    def mask(self, x, z) -> torch.Tensor:
        """Where the lesion is, at points of the picture: bool."""
        return self.lesion(*self.moved(x, z)) < 0

    def contact(self) -> torch.Tensor:
        """How well each line of the probe couples to the skin, dB ``[B, 1, points]``, for tissue with skin."""
        return self.of["layers"] * torch.cat(self.part["contact"], -1)

    def tgc_error(self) -> torch.Tensor:
        """What time-gain compensation gets wrong at evenly spaced depths, dB ``[B, points, 1]``."""
        return self.of["tgc_error_db"] * torch.cat(self.part["tgc_error"], 1)

    def _bend(self, x):
        return wave(x, zip(*(self.part[f"bend_{name}"] for name in ("height", "length", "phase")), strict=True))

    def _borders(self, bend):
        """Depths of the layers' borders; the skin, above the first one, bends least."""
        return [border + (0.2 if k == 0 else 1.0) * bend for k, border in enumerate(self.part["border"])]

    def tissue(self, x, z) -> torch.Tensor:
        """Level in dB of the layer at a point, without all that is in it."""
        return self.of["layers"] * self._layered(x, z)

    def _layered(self, x, z):
        levels = self.part["layer"]
        level = levels[0]
        for k, border in enumerate(self._borders(self._bend(x))):
            level = level + (levels[k + 1] - levels[k]) * coverage(border - z, 0.6)
        return level

    def echogenicity(self, x, z, lesion) -> torch.Tensor:
        """Mean echo level in dB at points in the body; ``lesion`` is the distance to the lesion there."""
        of, part = self.of, self.part
        layers, mottled, skull, side = of["layers"], of["mottle_db"], of["skull_db"], of["side_mm"]
        bend = self._bend(x)
        level = self._layered(x, z)
        for border, fascia in zip(self._borders(bend), part["fascia"], strict=True):
            level = level + fascia * coverage((z - border).abs() - 0.15, 0.4)
        where = torch.stack(torch.broadcast_tensors(x / (0.75 * side), (z - bend) / (0.75 * side) - 0.8), -1)
        mottle, fibre = F.grid_sample(self.texture, where, padding_mode="reflection", align_corners=False).unbind(1)
        # Where smooth noise crosses 0 there are thin curved lines: septa and fibres, broken up by the mottle.
        lines = (1 - 4 * fibre.abs()).clamp_min(0) * (0.6 + mottle).clamp(0, 1.5)
        tissue = part["fibres"][0] * lines * coverage(part["border"][0] - z, 1)
        level = layers * (level + tissue) + mottled * mottle
        for k in range(self.distractors):
            dark = ellipse(x - part["dark_x"][k], z - part["dark_z"][k], part["dark_radius"][k],
                           part["dark_radius"][k] * part["dark_flat"][k])  # fmt: skip
            level = level + part["dark_level"][k] * coverage(dark, 0.4)
        rim = torch.where(skull > 0, torch.zeros_like(skull), layers * part["rim"][0])
        level = level + rim * coverage((lesion - 0.3).abs() - 0.2, 0.8)
        inside = coverage(lesion, of["border_mm"])
        # The contrast counts from the layer in which the lesion's centre lies.
        around = layers * self._layered(10 * of["lesion_offset_cm"], 10 * of["lesion_depth_cm"])
        level = level + inside * (around + of["contrast_db"] + 0.5 * mottled * mottle - level)
        if not skull.any():
            return level
        return torch.where(skull > 0, self._with_skull(level, x, z, lesion, skull), level)

    def _shell(self, lesion):
        """The skull of a fetal head: 1 in a shell along the inner side of the lesion's border."""
        half = self.part["skull"][0] / 2
        return coverage((lesion + half).abs() - half, 0.6)

    def _with_skull(self, level, x, z, lesion, skull):
        """A fetal head in its fluid: a bright shell, brightest where the beam meets it head-on, a midline."""
        # The border's normal against the beam, from neighbouring samples along it.
        slope = (lesion[:, 2:] - lesion[:, :-2]) / (z[:, 2:] - z[:, :-2]).clamp_min(1e-3)
        facing = F.pad(slope.abs().clamp(0, 1)[:, None], [0, 0, 1, 1], mode="replicate")[:, 0]
        u, v = self._from_lesion(x, z)
        minor, aspect = self.of["minor_radius_mm"], self.of["aspect"]
        major = minor / aspect
        there, across, down, wide, high = self.part["pocket"]
        pocket = coverage(ellipse(u - across * major, v - down * minor, wide * major, high * minor), 2)
        fluid = there * pocket * (1 - coverage(lesion, 0.6))
        level = level + fluid * (FLUID_DB - level)
        midline = coverage(v.abs() - 0.5, 1) * coverage(u.abs() - 0.75 * minor / aspect, 6)
        level = level + 14 * (midline * (1 - coverage(u.abs() - 6, 8)))  # with a gap in its middle
        return level + self._shell(lesion) * (skull * (0.35 + 0.65 * facing) - level)

    def extra_attenuation(self, lesion) -> torch.Tensor:
        """Attenuation beyond that of plain tissue, dB/cm/MHz one way, given the distance to the lesion."""
        skull = self.of["skull_db"]
        extra = self.of["shadow_db_cm_mhz"] * coverage(lesion, self.of["border_mm"])
        if not skull.any():
            return extra
        return extra + (skull > 0) * self.present * (BONE_DB_CM_MHZ * self._shell(lesion))
