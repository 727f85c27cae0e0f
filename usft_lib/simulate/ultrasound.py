"""Simulated B-mode ultrasound with exact masks: the whole chain, batched (lesson 05).

Each function is a stage: `level_maps` (what echoes how much, and what is lost on the way) → `scatterers` (random
points, too many to count) → `echoes` (seen through pulse and beam) → `receive` (noise, time-gain compensation) →
`compress` (log, grey) → `geometry.scan_convert`. Depths in mm, levels in dB.

Left out, and so not to be learned here: refraction and shadows of edges, aberration, slice thickness, reverberation
other than an even clutter, non-linear imaging.
"""

import math

import torch
import torch.nn.functional as F

from ..data import SegmentationData
from ..device import choose_device
from ..seeds import generator
from .anatomy import Anatomy, draw_anatomy
from .beam import attenuated_db, pulses, tissue_loss
from .convolution import across_lines, along_lines
from .geometry import Grid, in_view, picture_points, scan_convert, stacked
from .presets import draw_scene, settings
from .scatterers import amplitude, scatterers, white_noise
from .scene import SPEED_MM_PER_US, Scene
from .shapes import check_request, drawer

PIXELS = 2**17  # at a time, 8 images at 128²: more do not fit the processor's cache


def simulate_ultrasound(
    n: int,
    size: int = 128,
    seed: int = 0,
    frames_per_subject: int = 1,
    preset: str = "varied",
    *,
    stages: bool = False,
    device: str | torch.device = "cpu",
    **scene,
) -> SegmentationData | tuple[SegmentationData, dict]:
    """Simulate ``n`` B-mode images with the exact mask of their lesion (lesson 05).

    Image i depends only on the seed, i, the size and the scene, never on ``n``; on another device it differs by
    rounding. Frames of one subject show one anatomy under a slightly moved probe with new speckle.

    Args:
        n, size: number of images; their side in pixels, a multiple of 16 from 32 to 512.
        frames_per_subject: consecutive images that share a subject.
        preset: "varied" (any probe, any depth), "breast", "fetal_head" or "cyst_phantom".
        stages: return also what each stage of the chain made.
        device: where to compute, ``"cpu"``, ``"cuda"`` or ``"auto"``; images come back on the CPU.
        scene: any setting of `Scene`, as a number or as a pair (low, high) to draw from, ``probe``, and
            ``without_target``, the share of images without a lesion (0.1 by default for "varied", else 0).

    Returns:
        `SegmentationData` "sim-ultrasound" (images float32 and masks bool ``[n, 1, size, size]``, ``spacing_mm``,
        labels "hypoechoic", "hyperechoic", "anechoic" or "no lesion"), and with ``stages`` a dict of tensors.
        `ultrasound_scenes` tells what each image shows.

    Raises:
        BadInput: an argument or a setting out of its range, or a lesion outside the picture.
    """
    n, size = check_request(n, size)
    frames, _ = check_request(frames_per_subject, size)
    device = choose_device(device)
    scenes = ultrasound_scenes(-(-n // frames), seed, preset, **scene)
    made = f"simulated, seed {seed}" + ("" if preset == "varied" else f", {preset}")
    return image_scenes(scenes, n, size, seed, frames, made, stages, device)


def image_scenes(
    scenes: list[Scene], n: int, size: int, seed: int, frames: int, provenance: str, stages=False, device="cpu"
) -> SegmentationData | tuple[SegmentationData, dict]:
    """``n`` frames of the scenes of subjects 0, 1, …, ``frames`` of each, and what the stages made if asked for."""
    bodies = [draw_anatomy(scene, seed, k) for k, scene in enumerate(scenes)]
    frame = [divmod(i, frames) for i in range(n)]  # which subject, which of its frames
    shown = [scenes[k] for k, _ in frame]
    images, masks, kept = torch.empty(n, 1, size, size), torch.empty(n, 1, size, size, dtype=torch.bool), []
    batch = max(1, PIXELS // size**2)
    for start in range(0, n, batch):
        part = slice(start, start + batch)
        streams = [("ultrasound", seed, *place) for place in frame[part]]
        made = render(shown[part], [bodies[k] for k, _ in frame[part]], size, streams, device)
        images[part, 0], masks[part, 0] = made["image"].cpu(), made["mask"].cpu()
        if stages:
            kept.append(made)
    people = [f"us{seed}-{k + 1:04d}" for k, _ in frame]  # with the seed: subject 1 of another seed is somebody else
    ids = [f"{person}-{i + 1}" for person, (_, i) in zip(people, frame, strict=True)]
    spacing, labels = torch.tensor([s.side_mm / size for s in shown]), [_label(s) for s in shown]
    data = SegmentationData(images, masks, people, "sim-ultrasound", spacing, ids, labels, provenance)
    return (data, {name: torch.cat([made[name].cpu() for made in kept]) for name in kept[0]}) if stages else data


def ultrasound_scenes(n: int, seed: int = 0, preset: str = "varied", **scene) -> list[Scene]:
    """The scenes of the ``n`` subjects that `simulate_ultrasound` draws for the same arguments (lesson 05)."""
    n, _ = check_request(n, 32)
    ranges = settings(preset, scene)
    return [draw_scene(ranges, seed, k) for k in range(n)]


def true_contrast_db(scene: Scene) -> float:
    """Contrast of the lesion as echoes show it, at its centre: clutter and noise fill it up (lesson 05).

    Without noise and clutter that is ``contrast_db``. NaN without a lesion.
    """
    if scene.contrast_db is None:
        return math.nan
    z = torch.full((1, 1, 1), 10 * scene.lesion_depth_cm)
    lost = float(attenuated_db(tissue_loss([scene], z), [scene]))
    floor = 10 ** (scene.clutter_db / 10) + 10 ** ((scene.noise_db + lost) / 10)
    return 10 * math.log10((10 ** (scene.contrast_db / 10) + floor) / (1 + floor))


def _label(scene: Scene) -> str:
    if scene.contrast_db is None:
        return "no lesion"
    if scene.contrast_db <= -60:
        return "anechoic"
    return "hypoechoic" if scene.contrast_db < 0 else "hyperechoic"


def render(scenes: list[Scene], bodies: list[dict], size: int, streams: list[tuple], device="cpu") -> dict:
    """The chain for a batch: one frame of each scene and everything on the way there.

    ``streams`` name each image's stream of random numbers. From it come the probe's movement, the scatterers and the
    noise, all drawn on the CPU, so they are the same in every batch and on every device.

    Returns:
        A dict in the chain's order. For each pixel of the acoustic grid, ``[B, size, size]``: "level_db" and
        "loss_db" (two-way). At two: "scatterers" (before blurring), "echoes" and "received", complex, "envelope", and
        "grey". In the picture, ``[B, size, size]``: "image", "mask".
    """
    randoms = [generator(*stream) for stream in streams]
    body = Anatomy(scenes, bodies, [_movement(s, r) for s, r in zip(scenes, randoms, strict=True)], device)
    level, loss = level_maps(scenes, body, size)
    made = insonify(scenes, level, loss, randoms, body.contact(), body.tgc_error())
    made["mask"] = body.mask(*picture_points(scenes, size, device)) & in_view(scenes, size, device)
    return made


def _movement(scene: Scene, random: torch.Generator) -> tuple[float, float]:
    """How far the hand moved the probe (mm) and tilted it (degrees); a phantom's probe is clamped."""
    draw = drawer(random)
    shift, tilt = draw(-1.5, 1.5), draw(-1.5, 1.5)
    return (shift, tilt) if scene.layers else (0.0, 0.0)


def level_maps(scenes: list[Scene], body: Anatomy, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Echo level (dB) and two-way loss (dB per MHz) for each pixel of the acoustic grid, margins included."""
    grid = Grid(scenes, size, coarse=2, device=body.device)
    x, z = body.moved(*grid.points())
    lesion = body.lesion(x, z)
    level = with_clutter(body.echogenicity(x, z, lesion), body.tissue(x, z), scenes)
    # Everything above a point on its line takes its share, twice; mm / 10 is cm.
    extra = 0.2 * (body.extra_attenuation(lesion) * grid.sample_mm).cumsum(1)
    # The aperture looks past an absorber's sides, so a shadow's edges are soft.
    side = 2 * (size // 64) + 1
    extra = F.avg_pool2d(extra, (1, side), 1, (0, side // 2), count_include_pad=False)
    return level, tissue_loss(scenes, grid.range_mm) + extra


def with_clutter(level: torch.Tensor, tissue, scenes: list[Scene]) -> torch.Tensor:
    """Level (dB) of echoes and clutter together; ``tissue``: level of the plain tissue around, dB.

    Clutter comes from beside the beam, so it is heard from a cyst as well. Independent echoes add in power: clutter
    that is fully developed costs no second set of scatterers.
    """
    (clutter,) = stacked(scenes, "clutter_db", device=level.device)
    return 10 * torch.log10(amplitude(2 * level) + amplitude(2 * (tissue + clutter)))


def insonify(scenes: list[Scene], level, loss, randoms: list[torch.Generator], contact=None, error=None) -> dict:
    """From maps of echo level and loss to the picture: the acoustic part of `render`, for any maps.

    Args:
        level, loss: dB, and dB per MHz two-way, ``[B, 9/8 size, 9/8 size]``: one value per pixel, with margins.
        contact, error: dB, how well lines couple and what TGC gets wrong, at a few points along ``[B, 1, points]`` and
            ``[B, points, 1]``.
    """
    sent = send(scenes, level, loss, randoms)
    return sent | receive_and_show(scenes, sent["echoes"], randoms, contact, error)


def send(scenes: list[Scene], level, loss, randoms) -> dict:
    """The first half of `insonify`: what comes back, before the scanner adds or amplifies anything."""
    size = 8 * level.shape[-1] // 9
    grid, coarse = Grid(scenes, size, device=level.device), Grid(scenes, size, coarse=2, device=level.device)
    lost = attenuated_db(loss, scenes)
    points = scatterers(scenes, grid, level - lost, randoms)
    return {
        "level_db": coarse.inside(level),
        "loss_db": coarse.inside(lost),
        "scatterers": grid.inside(points),
        "echoes": echoes(scenes, grid, points),
    }


def receive_and_show(scenes: list[Scene], field, randoms, contact=None, error=None) -> dict:
    """The second half of `insonify`: noise, amplification, grey, picture."""
    grid = Grid(scenes, field.shape[-1] // 2, device=field.device)
    received = receive(scenes, grid, field, randoms, contact, error)
    envelope = received.abs()
    grey = compress(scenes, envelope)
    return {"received": received, "envelope": envelope, "grey": grey, "image": scan_convert(grey, scenes)}


def echoes(scenes: list[Scene], grid: Grid, points: torch.Tensor) -> torch.Tensor:
    """Scatterers seen through the point-spread function, complex ``[B, lines, lines]``, without margins.

    Mean power stays: the point spread has unit energy. The carrier is taken off (baseband).
    """
    blurred = across_lines(points, scenes, grid.range_mm, grid.pitch_mm)[..., grid.margin : -grid.margin]
    depths = grid.range_mm[:, grid.margin : -grid.margin]
    pulse = pulses(scenes, grid.sample_mm, tissue_loss(scenes, depths))
    k = (pulse.shape[2] - 1) // 2
    return along_lines(blurred[:, grid.margin - k : points.shape[1] - grid.margin + k], pulse)


def receive(scenes: list[Scene], grid: Grid, field, randoms, contact=None, error=None) -> torch.Tensor:
    """Electronic noise is added, then both are amplified by depth: time-gain compensation (TGC)."""
    noise_db, share = stacked(scenes, "noise_db", "tgc", device=field.device)
    noise = white_noise(*field.shape[1:], randoms).to(field.device)
    if contact is not None:
        field = field * amplitude(F.interpolate(contact, field.shape[2], mode="linear", align_corners=True))
    amplified = share * attenuated_db(tissue_loss(scenes, grid.range_mm[:, grid.margin : -grid.margin]), scenes)
    if error is not None:
        amplified = amplified + F.interpolate(error.mT, field.shape[1], mode="linear", align_corners=True).mT
    return (field + noise * amplitude(noise_db)) * amplitude(amplified)


def compress(scenes: list[Scene], envelope: torch.Tensor) -> torch.Tensor:
    """Grey values 0…1 of an envelope: log compression against a fixed reference.

    The level 0 dB is at 0.46 at gain 0. Scaling by an image's own maximum instead would make the background darker
    where a lesion is bright, and a network could read the answer there.
    """
    gain, decibels = stacked(scenes, "gain_db", "dynamic_range_db", device=envelope.device)
    return (0.46 + (20 * torch.log10(envelope.clamp_min(1e-6)) + gain) / decibels).clamp(0, 1)


def radio_frequency(field: torch.Tensor, scene: Scene) -> tuple[torch.Tensor, float]:
    """The oscillating echoes that a transducer hears, from the baseband ``field [rows, lines]`` of one scene.

    Returns:
        real ``[rows · m, lines]`` with at least eight samples a wave, and their spacing in mm (lesson 05).
    """
    shown, margin = field.shape[0], field.shape[0] // 8
    spacing = 10 * scene.depth_cm / shown
    # The transform is periodic: without silence around it the skin would be heard at the bottom.
    field = F.pad(field, [0, 0, margin, margin])
    rows = field.shape[0]
    m = math.ceil(8 * 2 * spacing / scene.wavelength_mm)  # the way there and back: a wave is half a wavelength of depth
    half = rows // 2
    spectrum = torch.fft.fft(field, dim=0)
    gap = torch.zeros(rows * (m - 1), field.shape[1], dtype=field.dtype, device=field.device)
    fine = m * torch.fft.ifft(torch.cat([spectrum[:half], gap, spectrum[half:]]), dim=0)
    z = torch.arange(rows * m, dtype=torch.float64) * spacing / m + spacing / 2 - margin * spacing
    turns = 2 * z * scene.centre_frequency_mhz / SPEED_MM_PER_US
    carrier = torch.polar(torch.ones_like(z), 2 * math.pi * (turns % 1)).to(fine)
    return (fine * carrier[:, None]).real[margin * m : (margin + shown) * m], spacing / m
