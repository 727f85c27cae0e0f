"""What is there: how strongly each point of the tissue echoes, how much it attenuates, and where the lesion is.

Everything is a function of (x, z) in mm, so it can be sampled on the acoustic grid for the echoes and on the picture's
pixels for the mask, and both agree exactly. Levels are in dB relative to glandular tissue (lesson 04).
"""

import math

import torch
import torch.nn.functional as F

from ..seeds import generator
from .geometry import stacked
from .scene import Scene
from .shapes import blob, coverage, drawer, ellipse, smooth_noise

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


class Anatomy:
    """The anatomies of a batch, to be sampled at points ``x`` and ``z`` in mm, ``[B, rows, columns]`` or broadcasting.

    ``moves``: for each image how far the probe was moved (mm) and tilted (degrees).
    """

    def __init__(self, scenes: list[Scene], drawn: list[dict], moves: list[tuple[float, float]], device="cpu"):
        self.scenes, self.device = scenes, device
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
        c, s = self.tilt.cos(), self.tilt.sin()
        return c * (x - self.shift) + s * z, c * z - s * (x - self.shift)

    def lesion(self, x, z) -> torch.Tensor:
        """Signed distance (mm, about) to the lesion's border in the body; the mask is where it is negative."""
        names = ("minor_radius_mm", "aspect", "lesion_depth_cm", "lesion_offset_cm")
        minor, aspect, depth, offset = stacked(self.scenes, *names, device=self.device)
        turn = torch.deg2rad(self.part["turn"][0])
        x, z = x - 10 * offset, z - 10 * depth
        x, z = turn.cos() * x + turn.sin() * z, turn.cos() * z - turn.sin() * x
        waves = zip(WAVES, self.part["wave"], self.part["wave_phase"], strict=True)
        distance = blob(x, z, minor / aspect, aspect, list(waves))
        return torch.where(self.present, distance, torch.full_like(distance, 1e3))

    def mask(self, x, z) -> torch.Tensor:
        """Where the lesion is, at points of the picture: bool."""
        return self.lesion(*self.moved(x, z)) < 0

    def contact(self) -> torch.Tensor:
        """How well each line of the probe couples to the skin, dB ``[B, 1, points]``, for tissue with skin."""
        (layers,) = stacked(self.scenes, "layers", device=self.device)
        return layers * torch.cat(self.part["contact"], -1)

    def tgc_error(self) -> torch.Tensor:
        """What time-gain compensation gets wrong at evenly spaced depths, dB ``[B, points, 1]``."""
        (largest,) = stacked(self.scenes, "tgc_error_db", device=self.device)
        return largest * torch.cat(self.part["tgc_error"], 1)

    def _bend(self, x):
        part = self.part
        waves = zip(part["bend_height"], part["bend_length"], part["bend_phase"], strict=True)
        return sum(height * torch.sin(2 * math.pi * x / length + phase) for height, length, phase in waves)

    def tissue(self, x, z) -> torch.Tensor:
        """Level in dB of the layer at a point, without all that is in it."""
        (layers,) = stacked(self.scenes, "layers", device=self.device)
        return layers * self._layered(x, z)

    def _layered(self, x, z):
        borders, levels = self.part["border"], self.part["layer"]
        bend = self._bend(x)
        level = levels[0]
        for k, border in enumerate(borders):
            at = border + (0.2 if k == 0 else 1.0) * bend
            level = level + (levels[k + 1] - levels[k]) * coverage(at - z, 0.6)
        return level

    def echogenicity(self, x, z, lesion) -> torch.Tensor:
        """Mean echo level in dB at points in the body; ``lesion`` is the distance to the lesion there."""
        part = self.part
        names = ("layers", "mottle_db", "border_mm", "contrast_db", "skull_db", "side_mm")
        layers, mottled, soft, contrast, skull, side = stacked(self.scenes, *names, device=self.device)
        bend = self._bend(x)
        level = self._layered(x, z)
        for k, border in enumerate(part["border"]):
            at = border + (0.2 if k == 0 else 1.0) * bend
            level = level + part["fascia"][k] * coverage((z - at).abs() - 0.15, 0.4)
        where = torch.stack(torch.broadcast_tensors(x / (0.75 * side), (z - bend) / (0.75 * side) - 0.8), -1)
        mottle, fibre = F.grid_sample(self.texture, where, padding_mode="reflection", align_corners=False).unbind(1)
        # Where smooth noise crosses 0 there are thin curved lines: septa and fibres, broken up by the mottle.
        lines = (1 - 4 * fibre.abs()).clamp_min(0) * (0.6 + mottle).clamp(0, 1.5)
        tissue = part["fibres"][0] * lines * coverage(part["border"][0] - z, 1)
        level = layers * (level + tissue) + mottled * mottle
        for k in range(int(max(s.distractors for s in self.scenes))):
            dark = ellipse(x - part["dark_x"][k], z - part["dark_z"][k], part["dark_radius"][k],
                           part["dark_radius"][k] * part["dark_flat"][k])  # fmt: skip
            level = level + part["dark_level"][k] * coverage(dark, 0.4)
        rim = torch.where(skull > 0, torch.zeros_like(skull), layers * part["rim"][0])
        level = level + rim * coverage((lesion - 0.3).abs() - 0.2, 0.8)
        inside = coverage(lesion, soft)
        level = level + inside * (layers * self._local() + contrast + 0.5 * mottled * mottle - level)
        if not skull.any():
            return level
        return torch.where(skull > 0, self._with_skull(level, x, z, lesion, skull), level)

    def _local(self):
        """Level of the layer in which the lesion's centre lies: the contrast counts from there."""
        depth, offset = stacked(self.scenes, "lesion_depth_cm", "lesion_offset_cm", device=self.device)
        return self._layered(10 * offset, 10 * depth)

    def _with_skull(self, level, x, z, lesion, skull):
        """A fetal head in its fluid: a bright shell, brightest where the beam meets it head-on, a midline."""
        thick = self.part["skull"][0]
        shell = coverage((lesion + thick / 2).abs() - thick / 2, 0.6)
        # The border's normal against the beam, from neighbouring samples along it.
        slope = (lesion[:, 2:] - lesion[:, :-2]) / (z[:, 2:] - z[:, :-2]).clamp_min(1e-3)
        facing = F.pad(slope.abs().clamp(0, 1)[:, None], [0, 0, 1, 1], mode="replicate")[:, 0]
        depth, offset, minor, aspect = stacked(
            self.scenes, "lesion_depth_cm", "lesion_offset_cm", "minor_radius_mm", "aspect", device=self.device
        )
        turn = torch.deg2rad(self.part["turn"][0])
        u, v = x - 10 * offset, z - 10 * depth
        u, v = turn.cos() * u + turn.sin() * v, turn.cos() * v - turn.sin() * u
        there, across, down, wide, high = self.part["pocket"]
        major = minor / aspect
        pocket = coverage(ellipse(u - across * major, v - down * minor, wide * major, high * minor), 2)
        fluid = there * pocket * (1 - coverage(lesion, 0.6))
        level = level + fluid * (FLUID_DB - level)
        midline = (
            coverage(v.abs() - 0.5, 1) * coverage(u.abs() - 0.75 * minor / aspect, 6) * (1 - coverage(u.abs() - 6, 8))
        )
        level = level + 14 * midline
        return level + shell * (skull * (0.35 + 0.65 * facing) - level)

    def extra_attenuation(self, lesion) -> torch.Tensor:
        """Attenuation beyond that of plain tissue, dB/cm/MHz one way, given the distance to the lesion."""
        more, soft, skull = stacked(self.scenes, "shadow_db_cm_mhz", "border_mm", "skull_db", device=self.device)
        extra = more * coverage(lesion, soft)
        if not skull.any():
            return extra
        thick = self.part["skull"][0]
        bone = BONE_DB_CM_MHZ * coverage((lesion + thick / 2).abs() - thick / 2, 0.6)
        return extra + (skull > 0) * self.present * bone
