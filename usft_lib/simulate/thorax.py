"""A procedural thorax, seen from behind: how many mm of soft tissue, bone and metal each ray crosses (lesson 01).

Coordinates are in mm: ``x`` is 0 at the spine and grows towards the patient's left, the picture's right; ``y`` grows
downward. Two coordinate maps ``[S, S]`` come in, thickness maps of the same shape go out. Sizes are plausible, not
measured. Whatever only exists in some people is drawn for everybody and then used or not, so nothing else shifts.
"""

import math

import torch
import torch.nn.functional as F

from .shapes import coverage, ellipse, rotate, smooth_noise, wave

DEVICES, OPACITIES, BREASTS = 0.12, 0.3, 0.45  # share of people


def merge(a, b, roundness: float):
    """Distance to the union of two shapes, its inner corners filled in over ``roundness`` mm."""
    return torch.minimum(a, b) - (roundness - (a - b).abs()).clamp_min(0) ** 2 / (4 * roundness)


def lung_field(x, y, draw) -> dict:
    """Signed distances (mm, about) of the lungs and of what hides them; ``wall`` is how far out the lung reaches."""
    half, top, height = draw(108, 145), draw(25, 50), draw(190, 285)
    base, lean, blunt = top + height, draw(0.05, 0.25), draw(2.2, 3.2)
    shape = {"half": half, "top": top, "base": base}
    outlines, domes, walls = [], [], []
    up = ((base - y) / height).clamp_min(0)
    for side in (-1, 1):
        u = side * x  # outward
        inner, outer = draw(6, 16), half * draw(0.95, 1.05)
        middle, width = (inner + outer) / 2 - lean * half * up**2, (outer - inner) / 2
        across = (u - middle) / width
        # A superellipse above the base, a straight wall below it.
        radius = (across.abs() ** blunt + up**blunt).clamp_min(1e-9) ** (1 / blunt)
        outlines.append((radius - 1) * width * 0.8)
        walls.append(middle + width * (1 - up**blunt).clamp_min(0) ** (1 / blunt))
        # The dome: highest at its middle, falling to a sharp angle at the outer wall.
        crown, drop = draw(15, 40) + (8 if side < 0 else 0), draw(40, 110)
        domes.append(base - crown + drop * ((u / half - draw(0.3, 0.5)) ** 2) - y)
    hemithorax, shape["wall"] = torch.where(x < 0, *outlines), torch.where(x < 0, *walls)
    dome = -torch.where(x < 0, *domes)  # positive below the dome
    size = draw(0.75, 1.2)
    heart = ellipse(*rotate(x - draw(14, 30), y - (base - draw(25, 45)), draw(25, 50)), 68 * size, 50 * size)
    middle = draw(16, 26) + wave(y, [(draw(1, 5), draw(60, 150), draw(0, 6.3)) for _ in range(2)])
    middle = x.abs() - middle - 0.2 * (y - top - 0.45 * height).clamp_min(0) * draw(0, 0.6)
    knob = ellipse(x - draw(10, 20), y - (top + height * draw(0.25, 0.35)), draw(13, 20), draw(18, 32))
    shape["behind"] = merge(merge(heart, middle, draw(10, 40)), knob, draw(8, 30))
    shape["heart"], shape["dome"], shape["hemithorax"] = heart, dome, hemithorax
    shape["visible"] = torch.maximum(torch.maximum(hemithorax, dome), -shape["behind"])
    return shape


def segment(x, y, start, end):
    """Distance to the straight line from ``start`` to ``end``, both (x, y)."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = (((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy)).clamp(0, 1)
    return torch.hypot(x - start[0] - along * dx, y - start[1] - along * dy)


def strands(x, y, points, radius):
    """Thickness in mm of thin round strands: ``points [B, K, 2]`` along each of B, ``radius [B]``, in mm.

    Each point leaves the volume of its piece of strand on the four pixels around it, so that a strand which is thinner
    than a pixel casts the shadow it should.
    """
    size = len(x)
    at = torch.stack([x, y], -1)
    step = torch.stack([at[0, 1] - at[0, 0], at[1, 0] - at[0, 0]], 1)  # mm from a pixel to the next: right, down
    place = torch.linalg.solve(step, (points - at[0, 0]).reshape(-1, 2).T)
    piece = torch.hypot(*(points[:, 1:] - points[:, :-1]).unbind(-1))
    piece = F.pad(piece, [0, 1]) / 2 + F.pad(piece, [1, 0]) / 2
    volume = (math.pi * radius[:, None] ** 2 * piece).flatten() / torch.linalg.det(step).abs()
    corner = place.floor()
    right, below = place - corner
    out = torch.zeros(size * size)
    for i, j, weight in ((0, 0, (1 - right) * (1 - below)), (1, 0, right * (1 - below)),
                         (0, 1, (1 - right) * below), (1, 1, right * below)):  # fmt: skip
        column, row = corner[0] + i, corner[1] + j
        inside = (column >= 0) & (column < size) & (row >= 0) & (row < size)
        out.index_add_(0, ((row * size + column) * inside).long(), volume * weight * inside)
    return out.view(size, size)


def soften(picture, pixels: float):
    """Gaussian blur of a map ``[S, S]``."""
    reach = max(1, math.ceil(2.5 * pixels))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / pixels) ** 2)
    kernel = kernel / kernel.sum()
    padded = F.pad(picture[None, None], [reach] * 4)
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[0, 0]


def vessels(x, y, shape: dict, draw, random: torch.Generator):
    """Thickness in mm of the blood vessels, which leave each hilum like a fan and fork three times."""
    top, height, size = shape["top"], shape["base"] - shape["top"], len(x)
    side = torch.tensor([-1.0, 1.0]).repeat_interleave(7)
    hilum = [draw(20, 34), top + draw(0.4, 0.5) * height]
    start = torch.stack([side * hilum[0], hilum[1] - 6 * side], 1)  # the left one is higher

    def between(low, high, count):
        return low + (high - low) * torch.rand(count, generator=random)

    angle = torch.linspace(-1.35, 1.45, 7).repeat(2) + between(-0.2, 0.2, 14)  # up, outward, down
    length, radius = height * between(0.13, 0.2, 14), between(2.6, 4.2, 14) * draw(0.7, 1.2)
    way, out = torch.linspace(0, 1, max(16, size // 4))[:, None], 0.0
    for fork in range(4):
        ahead = torch.stack([side * torch.cos(angle), torch.sin(angle)], 1)
        aside = torch.stack([-side * torch.sin(angle), torch.cos(angle)], 1)
        bend = between(-0.3, 0.3, len(side))[:, None, None] * way**2
        path = start[:, None] + length[:, None, None] * (way * ahead[:, None] + bend * aside[:, None])
        drawn = strands(x, y, path, radius)
        out = out + (soften(drawn, 2.0 / abs(float(x[0, 1] - x[0, 0]))) if fork < 2 else drawn)
        # Two children each: one leaves at the end, one a little before it, to the other side.
        early = path[:, len(way) * 2 // 3]
        turn = between(0.1, 0.6, len(side))
        start, side = torch.cat([path[:, -1], early]), side.repeat(2)
        angle = torch.cat([angle + turn, angle - turn - 0.1])
        length, radius = length.repeat(2) * between(0.6, 1.0, len(side)), radius.repeat(2) * 0.72
    return out


def opacities(x, y, shape: dict, draw, texture):
    """Share of the air that a few clouds or nodules displace: 0 in most people."""
    ill = draw(0, 1) < OPACITIES
    lost = 0.0 * x
    for k in range(3):
        reach, there = draw(6, 45), draw(0, 1) < (1 if k == 0 else 0.4)
        centre = (1 if draw(0, 1) < 0.5 else -1) * draw(0.25, 0.8) * shape["half"], draw(shape["top"], shape["base"])
        spot = ellipse(x - centre[0], y - centre[1], reach, reach * draw(0.6, 1.4))
        lost = lost + ill * there * draw(0.2, 0.9) * coverage(spot, min(30, 1.5 * reach)) * (0.75 + 0.35 * texture)
    return lost.clamp_min(0)


def curve(corners, steps: int):
    """A Bézier curve ``[1, steps, 2]`` through its first and last corner."""
    points, t = torch.tensor(corners)[:, None], torch.linspace(0, 1, steps)[:, None]
    while len(points) > 1:
        points = points[:-1] * (1 - t) + points[1:] * t
    return points


def devices(x, y, shape: dict, draw):
    """Thickness of metal in mm: in a few people a pacemaker with its lead, ECG wires, or a tube."""
    half, top, base = shape["half"], shape["top"], shape["base"]
    height, metal = base - top, 0.0 * x

    def wire(radius: float, *corners):
        return strands(x, y, curve(corners, 2 * len(x)), torch.tensor([radius]))

    kind = draw(0, 1) / DEVICES  # beyond 1: no device
    place, at = draw(0.55, 0.8) * half, top + draw(0.1, 0.3) * height
    if kind < 1 / 3:
        u, v = rotate(x - place, y - at, draw(-30, 30))
        metal = 6 * coverage(((u / 24) ** 4 + (v / 20) ** 4) ** 0.25 * 20 - 20, 2)
        vein = (0.5 * half, top - 25), (-15.0, top), (-45.0, base - 60), (50.0, base - 8.0)
        metal = metal + wire(1.0, (place - 15, at), *vein)
    elif kind < 2 / 3:
        for _ in range(3):
            u, v = draw(-0.9, 0.9) * half, top + draw(0.1, 0.9) * height
            bends = (u + draw(-80, 80), v + 60), (draw(-60, 60), v + 100), (draw(-90, 90), base + 140)
            metal = metal + wire(0.8, (u, v), *bends)
            metal = metal + 2.0 * coverage(torch.hypot(x - u, y - v) - draw(4, 7), 2)
    elif kind < 1:
        end = top + draw(0.2, 1.1) * height  # in the windpipe, or on to the stomach
        metal = soften(wire(1.1, (draw(-8, 8), -60.0), (draw(-8, 8), end - 60), (draw(-6, 14), end)), 0.6)
    return metal


def ribs(x, y, shape: dict, draw):
    """Thickness of the ribs in mm: each a tilted hoop from the spine round the side to the front."""
    top, height = shape["top"], shape["base"] - shape["top"]
    side = (x > 0).long()
    cage = shape["wall"].clamp_min(0.4 * shape["half"]) + draw(2, 6)
    out = x.abs() / cage
    depth = (1 - out**2).clamp_min(0.02).sqrt()  # 1 at the spine, 0 at the side
    drop = draw(30, 70) * (0.55 + 0.45 * ((y - top) / height).clamp(0, 1.2))  # from the spine to the side
    slope, thick = draw(-5, 25), draw(4.5, 7)
    # No two ribs alike, nor its two sides: [12] levels at the spine, closer together at the apex, and their details.
    levels = torch.tensor([top - 18 + (height + 20) * (k / 11) ** 1.12 + draw(-3, 3) for k in range(12)])
    shift, turn = (torch.tensor([[draw(-r, r) for _ in range(12)] for _ in "lr"]) for r in (3, 7))
    width = torch.tensor([draw(0.85, 1.2) for _ in range(12)])
    between = (levels[1:] + levels[:-1]) / 2

    def arm(level, steep):
        near = torch.bucketize(level, between)
        off = level - levels[near] - shift[side, near] - turn[side, near] * out
        off = off.abs() / (thick * width[near]) / (1 + steep**2).sqrt().clamp(max=2.2)
        # A tube: dense at both edges, less in the middle.
        return coverage(off - 1, 0.4) * (0.5 + 0.5 * off**2) * (near > 0), near

    steep = (drop * out / (depth * cage)).clamp(max=3)
    edge_on = 1 / (depth + 0.35)
    behind, _ = arm(y - drop * (1 - depth) - slope * out, steep)
    # In front they are fainter and end in cartilage, which cannot be seen.
    front, near = arm(y - drop * (1 + 0.9 * depth) - slope * out, steep)
    front = front * (near < 8) * coverage(draw(0.35, 0.55) - out, 0.2)
    bone = torch.maximum(draw(6, 15) * behind * coverage(0.06 - out, 0.08), draw(3, 9) * front)
    return bone * edge_on * coverage(out - 1, 0.05) * (1 - 0.6 * coverage(-shape["dome"] - 10, 40))


def bones(x, y, shape: dict, arms: list, draw):
    """Thickness of bone in mm: ribs, clavicles, spine, shoulder blades, upper arms."""
    half, top = shape["half"], shape["top"]
    bone = ribs(x, y, shape, draw)
    high, stout = top + draw(8, 35), draw(4.5, 6.5)
    rise = wave(x.abs(), [(draw(3, 9), draw(120, 200), draw(0, 6.3))]) - draw(0.05, 0.3) * x.abs() + 10
    off = (y - high - rise - 0.04 * x * draw(-1, 1)).abs() / stout
    clavicle = coverage(off - 1, 0.5) * (0.6 + 0.5 * off**2) * coverage(18 - x.abs(), 8)
    bone = bone + draw(6, 12) * clavicle * coverage(x.abs() - 1.2 * half, 10)
    pitch, phase = draw(20, 30), draw(0, 6.3)
    discs = torch.tanh(3 * torch.cos(2 * math.pi * y / pitch + phase) + 1.5)
    body = draw(14, 19) + 1.5 * discs
    bone = bone + draw(6, 20) * (0.85 + 0.15 * discs) * coverage(x.abs() - body, 5)
    process = ellipse(x, (y + pitch * phase / 6.3 + pitch / 2) % pitch - pitch / 2, 3.5, 6.5)
    bone = bone + draw(2, 7) * coverage(process, 3)
    tilt, plate, rim = draw(10, 30), draw(2, 6), draw(2, 8)
    for s, (start, end, _) in zip((-1, 1), arms, strict=True):
        u, v = rotate(s * x - half * draw(0.95, 1.2), y - top - draw(45, 75), tilt)
        blade = ellipse(u, v, draw(22, 32), draw(50, 70)) * (1 + 0.3 * (v > 0))
        bone = bone + plate * coverage(blade, 5) + rim * coverage((blade + 3).abs() - 2.5, 3) * (u > -5)
        shaft = segment(x, y, start, end)
        head = torch.hypot(x - start[0], y - start[1]) - draw(21, 26)
        tube = coverage(shaft - 11, 3) * (10 + 12 * (shaft / 11).clamp(max=1) ** 2)
        bone = bone + torch.maximum(tube, draw(14, 24) * coverage(head, 6))
    return bone


def trunk(x, y, shape: dict, draw):
    """Thickness in mm of the body as if it were solid, and the arms as ``[(start, end, radius)]``, left one first."""
    half, top, base = shape["half"], shape["top"], shape["base"]
    # The half-width: neck, sloping shoulders, then the flank.
    neck, flank = draw(45, 65), half + draw(12, 40)
    reach, armpit = draw(1.25, 1.45) * half, top + draw(90, 140)
    shoulder = neck + (reach - neck) * coverage(top - 5 - y, draw(50, 100))
    outer = shoulder + (flank - shoulder) * coverage(armpit - y, draw(60, 120))
    outer = outer + draw(0, 25) * torch.exp(-(((y - base + 40) / 45) ** 2))
    depth = draw(170, 240)
    deep = depth * (0.55 + 0.45 * coverage(top + 20 - y, 100)) * (1 + draw(0.1, 0.6) * coverage(base - 20 - y, 80))
    solid = deep * (1 - (x / outer).abs().clamp(0, 1) ** 3).clamp_min(0).sqrt()
    spread, thick, arms = draw(5, 45), draw(36, 52), []
    for s in (-1, 1):
        start = s * draw(1.3, 1.5) * half, top + draw(25, 50)
        angle = math.radians(spread + draw(-6, 6))
        arms.append((start, (start[0] + s * 320 * math.sin(angle), start[1] + 320 * math.cos(angle)), thick))
        arm = (thick**2 - segment(x, y, *arms[-1][:2]) ** 2).clamp_min(0).sqrt() * 1.7
        solid = torch.maximum(solid, arm) + 0.25 * torch.minimum(solid, arm)
    return solid, arms


def breasts(x, y, shape: dict, draw):
    """Thickness in mm of the breasts: some people, sharp below and outside."""
    there, full, wide = draw(0, 1) < BREASTS, draw(15, 55), draw(45, 70)
    low, soft = shape["base"] - draw(0, 60), 0.0 * x
    for s in (-1, 1):
        u, v = (s * x - draw(0.6, 0.8) * shape["half"]) / wide, (y - low + wide) / wide
        v = torch.where(v < 0, v / draw(1.3, 2.2), v)  # drawn out upward
        soft = soft + there * full * (1 - u**2 - v**2).clamp_min(0) ** 0.6
    return soft


def thorax(x, y, draw, random: torch.Generator) -> dict:
    """Maps ``[S, S]``: ``soft``, ``bone``, ``metal`` in mm, ``lungs``, the distance to the visible lung field."""
    shape = lung_field(x, y, draw)
    half, top, base = shape["half"], shape["top"], shape["base"]
    height = base - top
    solid, arms = trunk(x, y, shape, draw)
    texture = smooth_noise(random, *x.shape, len(x) / 12, len(x) / 12)
    fine = smooth_noise(random, *x.shape, len(x) / 48, len(x) / 48)
    # Air: deep in the middle of a lung, little before and behind the heart and in the recess under the dome.
    share = draw(0.45, 0.62) * torch.sqrt((-shape["hemithorax"] / 30).clamp(0, 1))
    hidden = draw(0, 0.35) * coverage(shape["heart"], 6) * coverage(shape["dome"], 8)
    under = draw(0, 0.35) * torch.exp(-shape["dome"].clamp_min(0) / 25) * coverage(-shape["behind"], 8)
    air = share * torch.maximum(coverage(shape["visible"], 4), torch.maximum(under, hidden))
    hilum = torch.exp(-(((x.abs() - 34) / 22) ** 2) - ((y - top - 0.45 * height) / 38) ** 2)
    haze = draw(0.02, 0.12) * texture + draw(0, 0.05) * fine + draw(0.05, 0.25) * hilum
    air = air * (1 - haze - opacities(x, y, shape, draw, texture)).clamp(0.05, 1.1)
    blood = draw(0.7, 1.6) * vessels(x, y, shape, draw, random) * (air / 0.3).clamp(max=1)
    gas = ellipse(x - half * draw(0.4, 0.7), y - base - draw(5, 40), draw(10, 35), draw(6, 16))
    air = air + draw(0, 0.3) * (draw(0, 1) < 0.5) * coverage(gas, 10) * coverage(4 - shape["dome"], 4)
    carina = top + draw(0.28, 0.38) * height
    windpipe = draw(8, 16) * coverage((x - draw(-5, 3)).abs() - draw(6, 9), 5) * coverage(y - carina, 20)
    soft = solid * (1 - air.clamp(0, 0.9)) + blood - windpipe * (solid > 60) + breasts(x, y, shape, draw)
    bone = bones(x, y, shape, arms, draw) * (solid > 0)
    return {"soft": soft, "bone": bone, "metal": devices(x, y, shape, draw), "lungs": shape["visible"]}
