"""Simulated chest radiographs with the exact visible lung field (lesson 01).

A procedural thorax, seen from behind (postero-anterior): maps of how many mm of soft tissue and of bone each ray
crosses, then the Beer–Lambert law, scatter, quantum (Poisson) noise and a film-like display curve. Left on the picture
is the patient's right. Anatomy and settings vary more than in patients on purpose, so that a network trained here has
some chance on real images; thicknesses and coefficients are plausible, not measured.
"""

import math

import torch
import torch.nn.functional as F

from ..data import SegmentationData
from ..seeds import generator
from .shapes import check_request, coverage, drawer, ellipse, grid, rotate, smooth_noise, wave

SOFT, BONE = 0.020, 0.045  # linear attenuation of soft tissue and bone per mm, about that of a 60-70 keV photon


def simulate_radiographs(n: int, size: int = 128, seed: int = 0) -> SegmentationData:
    """Simulate ``n`` chest radiographs, one a subject, with masks of the visible lung field (lesson 01).

    The mask holds both lungs without what lies behind the heart, the mediastinum or the domes of the diaphragm. Image
    i depends on the seed and i alone, never on ``n``.

    Args:
        n, size: number of images; their side in pixels, a multiple of 16 from 32 to 512.

    Returns:
        `SegmentationData` "sim-radiographs": images float32 and masks bool ``[n, 1, size, size]``, ``spacing_mm``.

    Raises:
        BadInput: an argument out of its range.
    """
    n, size = check_request(n, size)
    images, masks = torch.empty(n, 1, size, size), torch.empty(n, 1, size, size, dtype=torch.bool)
    spacing = torch.empty(n)
    for i in range(n):
        random = generator("radiograph", seed, i)
        draw = drawer(random)
        field = draw(310, 410)  # side of the detector, mm
        x, y = grid(size, size, field / size)
        x, y = rotate(x - draw(-15, 15), y - field / 2, draw(-4, 4))
        x, y = x * draw(0.9, 1.1), y + field / 2 - draw(-15, 30)
        soft, bone, lungs = thorax(x, y, draw, random)
        intensity = detect(soft, bone, draw(0, 0.15), 10 ** draw(3.7, 5.5), random)
        images[i, 0], masks[i, 0] = develop(intensity, lungs, draw), lungs < 0
        spacing[i] = field / size
    people = [f"xr{seed}-{i + 1:04d}" for i in range(n)]  # with the seed: person 1 of another seed is somebody else
    made = f"simulated, seed {seed}"
    return SegmentationData(images, masks, people, "sim-radiographs", spacing, ids=people.copy(), provenance=made)


def merge(a, b, roundness: float):
    """Distance to the union of two shapes, its inner corners filled in over ``roundness`` mm."""
    return torch.minimum(a, b) - (roundness - (a - b).abs()).clamp_min(0) ** 2 / (4 * roundness)


def lung_field(x, y, draw) -> dict:
    """Signed distances (mm, about) of the lungs and of what hides them, from ``x`` (0 at the spine) and ``y``."""
    half, top, height = draw(108, 145), draw(25, 50), draw(190, 285)
    base, lean, blunt = top + height, draw(0.05, 0.25), draw(2.2, 3.2)
    shape = {"half": half, "top": top, "base": base}
    outlines, domes = [], []
    for side in (-1, 1):
        u = side * x  # outward
        up = ((base - y) / height).clamp_min(0)
        inner, outer = draw(6, 16), half * draw(0.95, 1.05)
        middle, width = (inner + outer) / 2 - lean * half * up**2, (outer - inner) / 2
        across = (u - middle) / width
        # A superellipse above the base, a straight wall below it.
        radius = (across.abs() ** blunt + up**blunt).clamp_min(1e-9) ** (1 / blunt)
        outlines.append((radius - 1) * width * 0.8)
        # The dome: highest at its middle, falling to a sharp angle at the outer wall.
        crown, drop = draw(15, 40) + (8 if side < 0 else 0), draw(40, 110)
        domes.append(base - crown + drop * ((u / half - draw(0.3, 0.5)) ** 2) - y)
    hemithorax = torch.where(x < 0, *outlines)
    dome = -torch.where(x < 0, *domes)  # positive below the dome
    size = draw(0.75, 1.2)
    heart = ellipse(*rotate(x - draw(14, 30), y - (base - draw(25, 45)), draw(25, 50)), 68 * size, 50 * size)
    middle = draw(16, 26) + wave(y, [(draw(1, 5), draw(60, 150), draw(0, 6.3)) for _ in range(2)])
    middle = x.abs() - middle - 0.2 * (y - top - 0.45 * height).clamp_min(0) * draw(0, 0.6)
    knob = ellipse(x - draw(14, 24), y - (top + height * draw(0.25, 0.35)), draw(13, 20), draw(14, 24))
    shape["behind"] = merge(merge(heart, middle, draw(10, 40)), knob, 8)
    shape["heart"], shape["dome"], shape["hemithorax"] = heart, dome, hemithorax
    shape["visible"] = torch.maximum(torch.maximum(hemithorax, dome), -shape["behind"])
    return shape


def ribs(x, y, shape: dict, draw):
    """Thickness of bone in mm: ribs, clavicles, spine, shoulder blades."""
    half, top, base = shape["half"], shape["top"], shape["base"]
    pitch, slope, bow = (base - top) / draw(8, 10), draw(15, 60), draw(5, 30)
    out, thick = x.abs() / half, draw(5, 8)

    def tubes(rows, fall):
        """Curved bands: at the spine ``rows = [(left y, right y, slope)]``; dense at both edges, less in the middle."""
        left, right, steep = torch.tensor(rows)[:, :, None, None].unbind(1)
        bent = y - fall * out**2 + bow * torch.sin(math.pi * out.clamp(0, 1.3))
        off = (bent - steep * out - torch.where(x < 0, left, right)).abs() / thick
        return (coverage(off - 1, 0.4) * (0.5 + 0.5 * off**2)).amax(0)

    def heights(first, last, steep):
        """No two ribs alike, nor its two sides."""
        levels = [(top + (k + draw(-0.2, 0.2)) * pitch, draw(-5, 5), draw(-steep, steep)) for k in range(first, last)]
        return [(level + skew, level - skew, turn) for level, skew, turn in levels]

    # Behind, ribs leave the spine outward and down; in front, fainter, they come from the side and end in cartilage.
    bone = draw(6, 16) * tubes(heights(-1, 11, 8), slope) * coverage(0.08 - out, 0.1)
    front = tubes(heights(1, 9, 15), -slope * draw(0.6, 1.3)) * coverage(0.45 - out, 0.2)
    bone = torch.maximum(bone, draw(2, 8) * front) * coverage(out - 1.05, 0.1)
    bone = bone * coverage(shape["hemithorax"] - 12, 10) * (1 - 0.7 * coverage(-shape["dome"] - 10, 40))
    high = top + draw(8, 35)
    rise = wave(x.abs(), [(draw(3, 9), draw(120, 200), draw(0, 6.3))]) - draw(0.05, 0.3) * x.abs() + 10
    clavicle = coverage((y - high - rise).abs() - draw(5, 7), 3) * coverage(18 - x.abs(), 8)
    bone = bone + draw(5, 11) * clavicle * coverage(x.abs() - 1.2 * half, 10)
    vertebrae = 1 + 0.15 * torch.cos(2 * math.pi * y / draw(20, 30))
    bone = bone + draw(5, 20) * vertebrae * coverage(x.abs() - draw(14, 19), 8)
    tilt = draw(10, 30)
    for s in (-1, 1):
        u, v = rotate(s * x - half * draw(0.95, 1.15), y - top - draw(45, 75), tilt)
        bone = bone + draw(2, 8) * coverage(ellipse(u, v, draw(22, 32), draw(50, 70)), 8)
        bone = bone + draw(4, 16) * coverage(ellipse(s * x - half * draw(1.35, 1.5), y - top - draw(5, 40), 24, 40), 25)
    return bone


def thorax(x, y, draw, random: torch.Generator):
    """Maps ``[S, S]`` in mm: thickness of soft tissue and of bone, and the distance to the visible lung field."""
    shape = lung_field(x, y, draw)
    half, top, base = shape["half"], shape["top"], shape["base"]
    # The body's half-width: neck, sloping shoulders with the arms, then the flank.
    neck, flank = draw(45, 65), half + draw(12, 45)
    shoulder = neck + (draw(1.6, 2.1) * half - neck) * coverage(top - 10 - y, draw(50, 110))
    armpit = top + draw(70, 130)
    outer = shoulder + (flank - shoulder) * coverage(armpit - y, draw(30, 90)) + draw(0, 25) * (
        torch.exp(-(((y - base + 40) / 45) ** 2))
    )
    depth = draw(170, 240)
    deep = depth * (0.55 + 0.45 * coverage(top + 20 - y, 100)) * (1 + draw(0.1, 0.6) * coverage(base - 20 - y, 80))
    soft = deep * (1 - (x / outer).abs().clamp(0, 1) ** 3).clamp_min(0).sqrt()
    texture = smooth_noise(random, *soft.shape, len(soft) / 12, len(soft) / 12)
    fine = smooth_noise(random, *soft.shape, len(soft) / 40, len(soft) / 40)
    # Air: deep in the middle of a lung, little before and behind the heart and in the recess under the dome.
    share = draw(0.45, 0.62) * torch.sqrt((-shape["hemithorax"] / 30).clamp(0, 1))
    hidden = draw(0, 0.35) * coverage(shape["heart"], 6) * coverage(shape["dome"], 8)
    open_ = coverage(shape["visible"], 4)
    under = draw(0, 0.35) * torch.exp(-shape["dome"].clamp_min(0) / 25) * coverage(-shape["behind"], 8)
    air = share * torch.maximum(open_, torch.maximum(under, hidden))
    hilum = torch.exp(-((x.abs() - 38) / 26) ** 2 - ((y - top - 0.45 * (base - top)) / 45) ** 2)
    marks = (0.05 + 0.25 * hilum) * (1 - 2 * fine.abs()).clamp_min(0) + 0.06 * texture + 0.12 * hilum
    ill = 0.0
    for _ in range(3):
        spot = ellipse(x - draw(-1, 1) * half, y - draw(top, base), draw(10, 45), draw(10, 45))
        ill = ill + draw(0, 0.8) * (draw(0, 1) < 0.2) * coverage(spot, 30) * (0.7 + 0.4 * texture)
    air = air * (1 - draw(0.5, 1.6) * marks - ill).clamp(0.05, 1.1)
    gas = ellipse(x - half * draw(0.4, 0.7), y - base - draw(5, 40), draw(10, 35), draw(6, 16))
    air = air + draw(0, 0.3) * (draw(0, 1) < 0.5) * coverage(gas, 10) * coverage(4 - shape["dome"], 4)
    bone = ribs(x, y, shape, draw) * (soft > 0)
    return soft * (1 - air.clamp(0, 0.9)), bone, shape["visible"]


def detect(soft, bone, scatter: float, quanta: float, random: torch.Generator) -> torch.Tensor:
    """Intensity behind the body, 1 for the bare beam: Beer–Lambert, scatter, Poisson noise, a little blur.

    ``soft`` and ``bone`` are thicknesses in mm; ``quanta`` is the number of photons a pixel of the bare beam.
    """
    size = len(soft)
    primary = torch.exp(-SOFT * soft - BONE * bone)
    wide = F.interpolate(F.adaptive_avg_pool2d(primary[None, None], 8), (size, size), mode="bilinear")[0, 0]
    # Only the body scatters: without the limit the bare beam beside it would outshine everything.
    expected = primary + scatter * wide.clamp(max=0.1)
    seen = torch.poisson(expected * quanta, generator=random) / quanta
    blurred = F.avg_pool2d(F.pad(seen[None, None], [1, 1, 1, 1], mode="replicate"), 3, 1)[0, 0]
    return ((seen + blurred) / 2).clamp_min(0.5 / quanta)


def develop(intensity, lungs, draw) -> torch.Tensor:
    """Grey values 0…1: film curve, collimation, lettering; ``lungs`` is the distance to the lung field."""
    size = len(intensity)
    density = -torch.log(intensity)
    # Exposure is controlled under the lungs: they come out about equally dark in slim and in stout people.
    level = density[lungs < 0].mean()
    slope, dark = draw(1.2, 2.6), draw(0.18, 0.42)
    shift = math.log(dark / (1 - dark))
    grey, floor = torch.sigmoid(slope * (density - level) + shift), torch.sigmoid(-slope * level + shift)
    grey = ((grey - floor) / (1 - floor)).clamp(0, 1) ** draw(0.8, 1.25)  # the bare beam is black
    x, y = grid(size, size, 1 / size)
    tilt = math.tan(math.radians(draw(-1.5, 1.5)))
    rows, columns = torch.where(lungs < 0)
    lowest, widest = y[rows, 0].max() + 0.04, x[0, columns].abs().max() + 0.02  # the shutters spare the lungs
    bottom = max(lowest, draw(0.72, 1.0)) if draw(0, 1) < 0.6 else 2
    side = max(widest, draw(0.4, 0.5)) if draw(0, 1) < 0.25 else 2
    grey = grey * coverage(y + tilt * x - bottom, 1 / size) * coverage(x.abs() - side, 1 / size)
    for _ in range(int(draw(0, 3.99))):  # lettering: side marker, name plate
        cx, cy = draw(0.2, 0.48) * (1 if draw(0, 1) < 0.6 else -1), draw(0.02, 0.2)
        box = ((x - cx).abs() < draw(0.01, 0.07)) & ((y - cy).abs() < draw(0.01, 0.04))
        grey = torch.where(box, draw(0.6, 1.0), grey)
    return grey
