"""Sets that differ in one thing alone: in their speckle, or in their shapes (lessons 07 and 11).

If shallow layers matter because ultrasound *looks* different, they should matter when speckle changes and shapes stay,
and less the other way round. A shift of 0 is one and the same set in both functions, and one seed gives every set the
same people, places and random numbers.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F

from ..data import SegmentationData
from ..errors import BadInput
from ..seeds import generator
from .geometry import Grid
from .presets import draw_scene, settings
from .scene import LIMITS, Scene
from .shapes import check_request, drawer, smooth_noise
from .ultrasound import image_scenes, insonify, with_clutter

# What both shifts start from: fine speckle and smooth round lesions, both far from where the shifts lead.
HOME = {
    "depth_cm": 4, "centre_frequency_mhz": 9, "bandwidth": 0.6, "receive_f_number": 1.2, "transmit_f_number": 2.5,
    "focus_cm": 2, "aperture_cm": 2.5, "attenuation_db_cm_mhz": 0.4, "scatterers_per_cell": 50, "noise_db": -60,
    "clutter_db": -30, "dynamic_range_db": 55, "gain_db": 0, "tgc_error_db": 2, "contrast_db": (-16, -8),
    "minor_radius_mm": (3, 5), "aspect": 0.5, "irregularity": 0.5, "border_mm": 0.3, "shadow_db_cm_mhz": 0,
    "mottle_db": 1.5, "distractors": 2,
}  # fmt: skip
ROUND = {"aspect": 0.95, "irregularity": 0.02}  # lesions at home; they are placed where those of shift 1 fit as well


def shifted_speckle(n: int, size: int = 128, seed: int = 0, shift: float = 1.0) -> SegmentationData:
    """The lesions of a home set, seen in another speckle: masks stay to the pixel (lesson 11, claim 11).

    With ``shift`` from 0 (home) to 1 the resolution cell grows fourfold each way, with fewer scatterers in it.

    Raises:
        BadInput: a shift that is not from 0 to 1, or `simulate_ultrasound`'s own.
    """

    def change(scene: Scene) -> Scene:
        return replace(
            scene,
            centre_frequency_mhz=scene.centre_frequency_mhz * 4**-shift,
            receive_f_number=scene.receive_f_number * (1 + 0.25 * shift),
            scatterers_per_cell=scene.scatterers_per_cell * 20**-shift,
            # A longer wave loses less on its way; without this the picture's deep half would brighten as well.
            attenuation_db_cm_mhz=min(scene.attenuation_db_cm_mhz * 4**shift, LIMITS["attenuation_db_cm_mhz"][1]),
        )

    return _home(n, size, seed, shift, change, "speckle")


def shifted_shapes(n: int, size: int = 128, seed: int = 0, shift: float = 1.0) -> SegmentationData:
    """Other lesions in the speckle of a home set: away from the lesions its pixels stay (lesson 11, claim 11).

    With ``shift`` from 0 (home) to 1 outlines become irregular and flat, around the same centres, of the same area.

    Raises:
        BadInput: a shift that is not from 0 to 1, or `simulate_ultrasound`'s own.
    """

    def change(scene: Scene) -> Scene:
        return _shaped(scene, **{name: value + (HOME[name] - value) * shift for name, value in ROUND.items()})

    return _home(n, size, seed, shift, change, "shapes")


def _home(n: int, size: int, seed: int, shift: float, change, what: str) -> SegmentationData:
    n, size = check_request(n, size)
    if not isinstance(shift, int | float) or not 0 <= shift <= 1:
        raise BadInput(f"shift = {shift!r}: take a number from 0 (home) to 1.")
    ranges = settings("breast", HOME)
    scenes = [change(_shaped(draw_scene(ranges, seed, k), **ROUND)) for k in range(n)]
    where = "home" if shift == 0 else f"{what} shifted by {shift:g}"
    return image_scenes(scenes, n, size, seed, 1, f"simulated, seed {seed}, {where}")


def _shaped(scene: Scene, aspect: float, irregularity: float) -> Scene:
    """The scene with a lesion of other proportions, about the same area, in the same place."""
    minor = scene.minor_radius_mm * (aspect / scene.aspect) ** 0.5
    return replace(scene, aspect=aspect, irregularity=irregularity, minor_radius_mm=minor)


def in_speckle(
    data: SegmentationData, seed: int = 0, *, contrast_db: tuple[float, float] | None = None
) -> SegmentationData:
    """The masks of ``data`` drawn as echo-poor shapes in speckled tissue; masks and subjects stay (lesson 07).

    A lung filled with speckle exists in no patient. It is an experiment: same shapes, same places, same task, only the
    look is that of ultrasound, so what a network loses here it loses to appearance. Image i depends only on the seed,
    its id and its mask; nothing of the old image is used.

    Args:
        contrast_db: echo level inside against outside, by default −16…−6 (dark, as lungs are on a radiograph).

    Raises:
        BadInput: a contrast out of its range.
    """
    try:
        low, high = map(float, (-16, -6) if contrast_db is None else contrast_db)
    except (TypeError, ValueError):
        raise BadInput(f"contrast_db must be a pair (low, high), not {contrast_db!r}.") from None
    if not -40 <= low <= high <= 20:
        raise BadInput(f"contrast_db = ({low:g}, {high:g}): take -40 ≤ low ≤ high ≤ 20.")
    shown = zip(data.masks, data.ids, strict=True)
    images = torch.stack([_draw(mask[0], low, high, seed, name) for mask, name in shown])
    made = f"masks of {data.provenance or data.name}, speckle simulated with seed {seed}"
    return replace(data, images=images[:, None], name=f"{data.name} in speckle", provenance=made)


def _draw(mask: torch.Tensor, low: float, high: float, seed: int, name: str) -> torch.Tensor:
    """One image ``[S, S]`` of a mask ``[S, S]``."""
    random = generator("in speckle", seed, name)
    draw = drawer(random)
    scene = Scene(
        centre_frequency_mhz=draw(4, 10), bandwidth=draw(0.5, 0.8), receive_f_number=draw(1, 2), gain_db=draw(-4, 4),
        dynamic_range_db=draw(42, 65), attenuation_db_cm_mhz=0.3, clutter_db=-30, contrast_db=None,
    )  # fmt: skip
    size = len(mask)
    grid = Grid([scene], size, coarse=2)
    inside = F.avg_pool2d(mask[None, None].float(), 3, 1, 1, count_include_pad=False)
    inside = F.pad(inside, [grid.margin] * 4, mode="replicate")[0, 0]
    mottle = draw(1, 4) * smooth_noise(random, *inside.shape, size / 6, size / 6)
    level = (mottle + draw(low, high) * inside)[None]
    # The plain tissue's own loss, which TGC gives back exactly.
    loss = (0.2 * scene.attenuation_db_cm_mhz * grid.range_mm.clamp_min(0)).expand_as(level)
    return insonify([scene], with_clutter(level, 0.0, [scene]), loss, [random])["image"][0]
