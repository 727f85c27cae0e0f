"""Where things are: the acoustic grid of lines and samples, the tissue in mm, and the picture (lesson 05).

A scanner listens along lines. On a linear probe they run side by side; on a convex one they fan out, so its grid is
polar. The picture is square with one size of pixel, whatever the probe: going there is the scan conversion.
"""

import math

import torch
import torch.nn.functional as F

from .scene import Scene


def stacked(scenes: list[Scene], *names: str, device="cpu") -> tuple[torch.Tensor, ...]:
    """Settings of several scenes as float32 tensors ``[B, 1, 1]``, which broadcast with maps ``[B, rows, columns]``.

    The contrast of a lesion that is not there is 0.
    """
    return tuple(torch.tensor([[[float(getattr(s, name) or 0)]] for s in scenes], device=device) for name in names)


def _field(scenes: list[Scene], device) -> tuple[torch.Tensor, ...]:
    """Depth (mm), what is seen from side to side (mm, or radians if convex), radius (mm) and whether convex."""
    depth, width, radius, sector = stacked(scenes, "depth_cm", "width_cm", "radius_cm", "sector_degrees", device=device)
    convex = torch.tensor([[[s.probe == "convex"]] for s in scenes], device=device)
    return 10 * depth, torch.where(convex, torch.deg2rad(sector), 10 * width), 10 * radius, convex


class Grid:
    """The acoustic grid of a batch of scenes: ``2 · size`` samples on each of ``2 · size`` lines, and margins.

    Margins hold tissue that is beside the picture but within the beam or the pulse. They are cut off in the end.

    Attributes:
        range_mm: ``[B, rows, 1]``, distance from the probe's face, negative in the margin above.
        line: ``[B, 1, columns]``, mm from the middle (linear) or radians (convex).
        pitch_mm: ``[B, rows, 1]``, distance of neighbouring lines; it grows with the range if they fan out.
        sample_mm: ``[B, 1, 1]``, distance of neighbouring samples along a line.
    """

    def __init__(self, scenes: list[Scene], size: int, coarse: int = 1, device="cpu"):
        lines = 2 * size // coarse
        self.device, self.margin = device, lines // 16  # as many samples above and below as lines on either side
        depth_mm, across, self.radius_mm, self.convex = _field(scenes, device)
        self.sample_mm = depth_mm / lines
        steps = torch.arange(-self.margin, lines + self.margin, device=device) + 0.5
        self.range_mm = steps[None, :, None] * self.sample_mm
        pitch = across / lines
        self.line = (steps - lines / 2)[None, None, :] * pitch
        fan = (self.radius_mm + self.range_mm).clamp_min(0) * pitch
        self.pitch_mm = torch.where(self.convex, fan, pitch.expand_as(fan))

    def points(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Where the samples are, ``x`` to the right and ``z`` down from the middle of the probe's face, in mm."""
        x, z = self.line.expand(-1, self.range_mm.shape[1], -1), self.range_mm.expand(-1, -1, self.line.shape[2])
        if not self.convex.any():
            return x, z
        r = self.radius_mm + self.range_mm
        x = torch.where(self.convex, r * self.line.sin(), x)
        return x, torch.where(self.convex, r * self.line.cos() - self.radius_mm, z)

    def inside(self, field: torch.Tensor) -> torch.Tensor:
        """``field`` without its margins."""
        m = self.margin
        return field[..., m:-m, m:-m]


def picture_points(scenes: list[Scene], size: int, device="cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """``x [B, 1, size]`` and ``z [B, size, 1]`` of the pixels' centres in mm."""
    side, rise = stacked(scenes, "side_mm", "rise_mm", device=device)
    steps = (torch.arange(size, device=device) + 0.5) / size
    return (steps - 0.5)[None, None, :] * side, steps[None, :, None] * side - rise


def _on_grid(scenes: list[Scene], size: int, device) -> torch.Tensor:
    """Where pixels lie on the acoustic grid: ``[B, size, size, 2]``, −1…1 across the lines and along them."""
    x, z = picture_points(scenes, size, device)
    depth_mm, across, radius_mm, convex = _field(scenes, device)
    down = torch.where(convex, torch.hypot(x, z + radius_mm) - radius_mm, z)
    line = torch.where(convex, torch.atan2(x, z + radius_mm), x) / across
    return torch.stack(torch.broadcast_tensors(2 * line, 2 * down / depth_mm - 1), -1)


def in_view(scenes: list[Scene], size: int, device="cpu") -> torch.Tensor:
    """Pixels that some line looks at, bool ``[B, size, size]``: all of them, or a fan."""
    return _hit(_on_grid(scenes, size, device))


def _hit(where: torch.Tensor) -> torch.Tensor:
    across, down = where.abs().unbind(-1)
    return (across <= 1) & (down <= 1)


def scan_convert(values: torch.Tensor, scenes: list[Scene]) -> torch.Tensor:
    """From the acoustic grid ``[B, 2·size, 2·size]`` to the picture ``[B, size, size]``; 0 where no line looks.

    Two points a pixel and direction are looked up and averaged, so that speckle finer than a pixel is not aliased.
    """
    square = torch.tensor([s.probe == "linear" and math.isclose(s.width_cm, s.depth_cm) for s in scenes])
    picture = F.avg_pool2d(values, 2)  # lines and samples of a square scan lie on the picture's own points already
    if not square.all():
        fans = [s for s, simple in zip(scenes, square, strict=True) if not simple]
        where = _on_grid(fans, values.shape[-1], values.device)
        looked_up = F.grid_sample(values[~square, None], where, padding_mode="border", align_corners=False)[:, 0]
        picture[~square] = F.avg_pool2d(looked_up * _hit(where), 2)
    return picture
