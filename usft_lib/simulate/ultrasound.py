"""Simulated B-mode ultrasound of a lesion in layered tissue, with the exact mask (lesson 04).

A chain, each stage a function: `anatomy` (what is there) → `echogenicity` (how strongly it scatters) → `speckle`
(random scatterers seen through the point-spread function) → `receive` (attenuation, noise, time-gain compensation) →
`display` (log compression). A linear array looks down from the top edge; lengths are in mm, levels in decibels (dB)
relative to glandular tissue. Physics in textbook terms: Szabo, Diagnostic Ultrasound Imaging, 2nd ed.

Left out, and so not to be learned here: refraction, aberration, reverberation, slice thickness, the pulse's shift to
lower frequencies with depth, and single strong scatterers (the speckle is always fully developed).
"""

import math

import torch
import torch.nn.functional as F

from ..data import SegmentationData
from ..seeds import generator
from .shapes import blob, check_range, check_request, coverage, drawer, ellipse, grid, rotate, smooth_noise, wave

SPEED_MM_PER_US = 1.54  # speed of sound in soft tissue
NOISE_DB = -50.0  # electronic noise, relative to the echo of glandular tissue at the surface


def simulate_ultrasound(
    n: int,
    size: int = 128,
    seed: int = 0,
    frames_per_subject: int = 1,
    *,
    contrast_db: tuple[float, float] | None = None,
    depth_mm: tuple[float, float] | None = None,
    frequency_mhz: tuple[float, float] | None = None,
    dynamic_range_db: tuple[float, float] | None = None,
) -> SegmentationData:
    """Simulate ``n`` B-mode images of breast-like tissue with one lesion each (lesson 04).

    Image i depends on the seed, i and the arguments, never on ``n``. Frames of one subject show one anatomy under a
    slightly moved probe with new speckle. A pair (low, high) narrows what is drawn at random; None draws widely.

    Args:
        n, size: number of images; their side in pixels, a multiple of 16 from 32 to 512.
        frames_per_subject: consecutive images that share a subject.
        contrast_db: the lesion's echo level against the tissue around it, by default −30…−4 (four of five) or +3…+12.
        depth_mm: depth and width of the square field of view, by default 28…50.
        frequency_mhz: centre frequency, by default 5…11; lowered where the echo from the bottom would drown in noise.
        dynamic_range_db: levels between black and white, by default 42…65.

    Returns:
        `SegmentationData` "sim-ultrasound": images float32 and masks bool ``[n, 1, size, size]``, ``spacing_mm``, and
        labels "hypoechoic" or "hyperechoic".

    Raises:
        BadInput: an argument out of its range.
    """
    n, size = check_request(n, size)
    frames, _ = check_request(frames_per_subject, size)
    ranges = {
        "contrast": check_range("contrast_db", contrast_db, None, -40, 20),
        "depth": check_range("depth_mm", depth_mm, (28, 50), 20, 100),
        "frequency": check_range("frequency_mhz", frequency_mhz, (5, 11), 2, 15),
        "range": check_range("dynamic_range_db", dynamic_range_db, (42, 65), 30, 90),
    }
    images, masks = torch.empty(n, 1, size, size), torch.empty(n, 1, size, size, dtype=torch.bool)
    spacing, labels = torch.empty(n), []
    for i in range(n):
        scene = anatomy(seed, i // frames, ranges)
        images[i, 0], masks[i, 0] = render(scene, size, generator("ultrasound", seed, i // frames, i % frames))
        spacing[i] = scene["depth"] / size
        labels.append("hypoechoic" if scene["contrast"] < 0 else "hyperechoic")
    return SegmentationData(
        images,
        masks,
        # The seed belongs to the name: subject 1 of another seed is somebody else.
        subjects=[f"us{seed}-{i // frames + 1:04d}" for i in range(n)],
        ids=[f"us{seed}-{i // frames + 1:04d}-{i % frames + 1}" for i in range(n)],
        name="sim-ultrasound",
        spacing_mm=spacing,
        labels=labels,
        provenance=f"simulated, seed {seed}",
    )


def anatomy(seed: int, subject: int, ranges: dict) -> dict:
    """Everything that is fixed for a subject: layers, lesion, distractors and the scanner's settings."""
    random = generator("ultrasound anatomy", seed, subject)
    draw = drawer(random)
    # The contrast takes the same two draws whatever its range: nothing else in the picture can tell it.
    hyper, place = draw(0, 1) < 0.2, draw(0, 1)
    low, high = ranges["contrast"] or ((3, 12) if hyper else (-30, -4))
    contrast = low + (high - low) * place
    depth = draw(*ranges["depth"])
    tissue = draw(0.35, 0.65)  # attenuation, dB/cm/MHz
    # Jointly plausible: the two-way loss to the bottom stays within 10 dB of the noise's distance.
    frequency = min(draw(*ranges["frequency"]), (10 - NOISE_DB) / (2 * tissue * depth / 10))
    bends = [(draw(0.2, 1.2), draw(15, 60), draw(0, 2 * math.pi)) for _ in range(2)]
    under = -6 * draw(0, 1) ** 2  # many scans are set too weak for the deep part: up to 18 dB at the bottom
    scene = {
        "contrast": contrast, "depth": depth, "frequency": frequency, "tissue": tissue, "bends": bends,
        "layers": [depth * draw(0.1, 0.3), depth * draw(0.6, 0.95)], "skin": draw(1.0, 2.2),
        "levels": [draw(2, 8), draw(-8, -2), 0.0, draw(-9, -2)], "fascia": [draw(5, 18) for _ in range(3)],
        "mottle": draw(1, 4), "fibres": draw(3, 16), "focus": depth * draw(0.3, 0.7), "f_number": draw(1.5, 3),
        "gain": draw(-6, 6), "tgc": [draw(-4, 4) + under * k for k in range(4)],
        "contact": [draw(-3, 3) for _ in range(7)], "range": draw(*ranges["range"]),
    }  # fmt: skip
    irregular = 0.6 * draw(0, 1) ** 2  # keeps the sum of all waves below 1
    waves = [(k, irregular * draw(-1, 1) / k, draw(0, 2 * math.pi)) for k in range(2, 8)]
    radius, aspect = depth * (0.08 + 0.16 * draw(0, 1)), draw(0.5, 1.1)
    reach = radius * max(aspect, 1) * (1 + sum(abs(a) for _, a, _ in waves))  # all of it stays in the picture
    span = max(0.0, depth / 2 - reach - 2.5)
    top, bottom = 3 + reach, max(3 + reach, min(0.65 * depth, depth - reach - 2))
    scene["lesion"] = {"radius": radius, "aspect": aspect, "waves": waves}
    scene["place"] = (draw(-span, span), draw(top, bottom), draw(-20, 20))
    scene["border"], scene["rim"] = draw(0.2, 2.5), draw(-2, 5)
    # Fluid hardly attenuates (enhancement behind it); solid lesions range from a little less than tissue to a shadow.
    solid = draw(0.7, 1.0) * tissue if draw(0, 1) < 0.5 else tissue + draw(0.2, 1.2)
    scene["lesion_attenuation"] = 0.02 if contrast < -20 else solid
    scene["distractors"] = [
        (draw(-0.45, 0.45) * depth, draw(0.15, 0.8) * depth, draw(0.02, 0.05) * depth, draw(0.5, 1), draw(-25, -5))
        for _ in range(1 + (draw(0, 1) < 0.5))
    ]
    # One lattice of texture, 0.4 mm a sample: mottle in channel 0; fibres in channel 1 lie along the layers.
    side = math.ceil(1.5 * depth / 0.4)
    mottle = smooth_noise(random, side, side, 4, 8) + 0.7 * smooth_noise(random, side, side, 10, 14)
    scene["texture"] = torch.stack([mottle / 1.2, smooth_noise(random, side, side, draw(3, 8), draw(20, 50))])
    return scene


def lesion_distance(scene: dict, x, z):
    """Signed distance (mm, about) to the lesion's border; the mask is where it is negative."""
    cx, cz, degrees = scene["place"]
    return blob(*rotate(x - cx, z - cz, degrees), **scene["lesion"])


def echogenicity(scene: dict, x, z, lesion):
    """Mean echo level in dB at ``(x, z)`` mm; ``lesion`` is the `lesion_distance` there."""
    bend = wave(x, scene["bends"])
    borders = [scene["skin"] + 0.2 * bend, *(at + bend for at in scene["layers"])]
    level = scene["levels"][0]
    for k, border in enumerate(borders):
        step = scene["levels"][k + 1] - scene["levels"][k]
        level = level + step * coverage(border - z, 0.6) + scene["fascia"][k] * coverage((z - border).abs() - 0.15, 0.4)
    half = 0.75 * scene["depth"]
    points = torch.stack(torch.broadcast_tensors(x / half, (z - bend) / half - 0.8), -1)[None]
    mottle, fibre = F.grid_sample(scene["texture"][None], points, padding_mode="reflection", align_corners=False)[0]
    # Where smooth noise crosses 0 there are thin curved lines: septa and fibres, here broken up by the mottle.
    lines = (1 - 4 * fibre.abs()).clamp_min(0) * (0.6 + mottle).clamp(0, 1.5)
    tissue = scene["mottle"] * mottle + scene["fibres"] * lines
    level = level + tissue * coverage(scene["skin"] - z, 1)
    for dx, dz, radius, aspect, contrast in scene["distractors"]:
        level = level + contrast * coverage(ellipse(x - dx, z - dz, radius, radius * aspect), 0.4)
    level = level + scene["rim"] * coverage((lesion - 0.3).abs() - 0.2, 0.8)
    inside = coverage(lesion, scene["border"])
    # The contrast counts from the layer in which the lesion's centre lies.
    cx, cz, _ = scene["place"]
    local = scene["levels"][1 + sum(cz > at + wave(torch.tensor(cx), scene["bends"]) for at in scene["layers"])]
    return level + inside * (local + scene["contrast"] + 0.5 * scene["mottle"] * mottle - level)


def speckle(level_db, lateral, axial: float, random: torch.Generator) -> torch.Tensor:
    """The complex echo field of random scatterers, ``[rows, columns]``; its absolute value is the envelope.

    Complex Gaussian scatterers (fully developed speckle) of strength ``level_db [rows, columns]``, blurred by a
    Gaussian point-spread function, at baseband: the carrier is already taken off. The point spread has unit energy,
    so the mean of the squared envelope is 10^(level_db / 10). Its standard deviations are in samples: ``axial`` along
    the beam, ``lateral`` across, one number or one a row. Both convolutions are circular: the caller cuts off margins.
    """
    rows, columns = level_db.shape

    def transfer(length, width):
        """The point spread's Fourier transform along one direction, for unit energy there."""
        gauss = torch.exp(-0.5 * (2 * math.pi * torch.fft.fftfreq(length) * width) ** 2)
        return gauss / gauss.square().mean(-1, keepdim=True).sqrt()

    white = torch.randn(rows, columns, dtype=torch.complex64, generator=random) * 10 ** (level_db / 20)
    field = torch.fft.ifft(torch.fft.fft(white, dim=0) * transfer(rows, axial)[:, None], dim=0)
    lateral = torch.as_tensor(lateral, dtype=torch.float32).reshape(-1, 1)
    return torch.fft.ifft(torch.fft.fft(field) * transfer(columns, lateral))


def point_spread(scene: dict, z) -> tuple[torch.Tensor, float]:
    """Standard deviations of the point-spread function in mm: lateral at depths ``z``, and axial.

    Laterally a beam is about wavelength · F-number wide (full width at half maximum), and wider out of focus; axially
    the pulse of about 60 % bandwidth is about 0.75 wavelengths long (two-way, so half of its length).
    """
    wavelength = SPEED_MM_PER_US / scene["frequency"]
    width = wavelength * scene["f_number"] * torch.sqrt(1 + (z / scene["focus"] - 1) ** 2)
    return width / 2.355, 0.75 * wavelength / 2.355


def receive(scene: dict, field, z, lesion, step: float, random: torch.Generator) -> torch.Tensor:
    """Attenuate ``field`` along the beam, add noise, then amplify by depth (time-gain compensation, TGC)."""
    rows, columns = field.shape
    loss = 2 * scene["frequency"] * scene["tissue"] * z / 10  # two-way, dB; mm / 10 is cm
    other = scene["lesion_attenuation"] - scene["tissue"]
    extra = 2 * scene["frequency"] * other * step / 10 * coverage(lesion, scene["border"]).cumsum(0)
    blur = 2 * round(0.7 / step) + 1  # the aperture looks past the lesion's sides: a shadow has soft edges
    extra = F.avg_pool1d(extra, blur, 1, blur // 2, count_include_pad=False)
    noise = torch.randn(rows, columns, dtype=torch.complex64, generator=random) * 10 ** (NOISE_DB / 20)
    error = F.interpolate(torch.tensor([[scene["tgc"]]]), rows, mode="linear", align_corners=True).reshape(-1, 1)
    contact = F.interpolate(torch.tensor([[scene["contact"]]]), columns, mode="linear", align_corners=True)[0]
    return (field * 10 ** ((contact - loss - extra) / 20) + noise) * 10 ** ((loss + error) / 20)


def display(scene: dict, field, size: int) -> torch.Tensor:
    """Grey values 0…1 ``[size, size]``: log compression against a fixed reference.

    Glandular tissue (0 dB) is at 0.46 at gain 0. Scaling by an image's own maximum instead would make the background
    darker where a lesion is bright, and a network could read the answer there.
    """
    level = 20 * torch.log10(field.abs().clamp_min(1e-6)) + scene["gain"]
    grey = (0.46 + level / scene["range"]).clamp(0, 1)
    return F.avg_pool2d(grey[None], grey.shape[0] // size)[0]


def render(scene: dict, size: int, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """One frame of a scene and its mask, ``[size, size]`` each; ``random`` moves the probe and draws the speckle."""
    draw = drawer(random)
    shift, tilt, step = draw(-1.5, 1.5), draw(-1.5, 1.5), scene["depth"] / size
    side, above = size // 8, -(-size // 32)  # margins, cut off later, for what the filters carry around the edges
    x, z = grid(size + 2 * above, size + 2 * side, step)
    x, z = rotate(x - shift, z - above * step, tilt)
    lesion = lesion_distance(scene, x, z)
    mask = lesion[above : above + size, side : side + size] < 0
    # Tissue is drawn at one sample a pixel, its echoes at two, so that speckle finer than a pixel is kept.
    maps = torch.stack([echogenicity(scene, x, z, lesion), lesion])[None]
    level, lesion = F.interpolate(maps, scale_factor=2, mode="bilinear")[0]
    step, side, above = step / 2, 2 * side, 2 * above
    inner = slice(above, above + 2 * size)
    z = grid(len(level), 1, step)[1] - above * step
    lateral, axial = point_spread(scene, z)
    field = speckle(level, lateral / step, axial / step, random)[inner]
    field = receive(scene, field, z[inner], lesion[inner], step, random)
    return display(scene, field[:, side : side + 2 * size], size), mask
