"""How an echo becomes a picture, and what its grain does (lessons 05 and 06)."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ..simulate import radio_frequency
from ..simulate.scene import Scene
from .masks import show_masks
from .style import COLOURS, MARKERS, STYLE, literal

MAPS = {**STYLE, "axes.grid": False, "axes.titlesize": 12}


def _array(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy()


def walks_figure(paths: Sequence[Tensor], ends: Mapping[str, Tensor]) -> Figure:
    """Echoes that are added up as arrows, and how long the sums are, against Rayleigh's law (lesson 05).

    Args:
        paths: complex ``[steps]``, the single arrows of a few places.
        ends: by name, complex ``[places]``, the sum of all arrows of each place.
    """
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.3), width_ratios=[1, 1.5], layout="constrained")
        for k, arrows in enumerate(paths):
            walk = torch.cat([torch.zeros_like(arrows[:1]), arrows]).cumsum(0)
            left.plot(_array(walk.real), _array(walk.imag), color=COLOURS[k], linewidth=1)
            end = (float(walk[-1].real), float(walk[-1].imag))
            left.annotate("", end, (0, 0), arrowprops={"arrowstyle": "-|>", "color": COLOURS[k], "lw": 2.5})
        left.set(aspect="equal", xlabel="in phase", ylabel="a quarter of a wave later", title="Echoes of three places")
        for k, (name, sums) in enumerate(ends.items()):
            scaled = sums.abs() / sums.abs().square().mean().sqrt()
            look = {"histtype": "step", "linewidth": 2, "color": COLOURS[k], "label": literal(name)}
            right.hist(_array(scaled), 60, range=(0, 3), density=True, **look)
        r = np.linspace(0, 3, 200)
        right.plot(r, 2 * r * np.exp(-(r**2)), "--", color="black", label="Rayleigh distribution")
        right.set(xlabel="brightness / root mean square", ylabel="density", title="Brightness of many places")
        right.legend(frameon=False)
    return figure


def echo_lines_figure(echoes: Mapping[str, Tensor], scene: Scene, shown_mm: tuple[float, float]) -> Figure:
    """What is heard on one line, and its envelope, a row per set of scatterers (lesson 05).

    Rows share their scale with the first, unless they are more than four times as strong.

    Args:
        echoes: by title, complex echoes ``[samples, lines]`` over the scene's whole depth; the middle line is drawn.
        shown_mm: from which depth to which.
    """
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            len(echoes), 1, figsize=(10, 1.75 * len(echoes) + 0.5), sharex=True, layout="constrained", squeeze=False
        )
        unit = float(next(iter(echoes.values())).abs().max())
        for axes, (title, field) in zip(panels[:, 0], echoes.items(), strict=True):
            line = field.shape[1] // 2
            heard, step = radio_frequency(field, scene)
            depth = (torch.arange(len(field)) + 0.5) * 10 * scene.depth_cm / len(field)
            at = step * (torch.arange(len(heard)) + 0.5)
            axes.plot(_array(at), _array(heard[:, line]), color=COLOURS[0], lw=0.8, label="RF signal")
            axes.plot(_array(depth), _array(field[:, line].abs()), color=COLOURS[1], lw=2, label="envelope")
            axes.set_title(literal(title), fontsize=12, loc="left")
            peak = float(field.abs().max())
            top = 1.5 * unit if peak < 4 * unit else 1.1 * peak
            axes.set(xlim=shown_mm, ylim=(-top, top), yticks=[0])
        panels[0, 0].legend(frameon=False, ncols=2, loc="upper right")
        panels[-1, 0].set_xlabel("depth, mm")
    return figure


def scatterers_figure(fields: Sequence[Tensor], places: Sequence[Tensor], side_mm: float) -> Figure:
    """The envelopes of more and more scatterers in dB, and where the scatterers are if they are few (lesson 05).

    Args:
        fields: complex echoes ``[samples, lines]``, a picture each, ``side_mm`` wide and deep.
        places: of each picture the scatterers' x and z in mm, ``[2, N]``.
    """
    with plt.rc_context(MAPS):
        figure, panels = plt.subplots(
            1, len(fields), figsize=(3.3 * len(fields) + 0.8, 3.6), sharey=True, layout="constrained"
        )
        edges = (-side_mm / 2, side_mm / 2, side_mm, 0)
        for axes, field, (x, z) in zip(panels, fields, places, strict=True):
            level = 20 * torch.log10(field.abs().clamp_min(1e-9))
            drawn = axes.imshow(_array(level - level.max()), cmap="gray", vmin=-50, vmax=0, extent=edges)
            if len(x) < 100:
                axes.plot(_array(x), _array(z), "o", markersize=11, markerfacecolor="none", color=COLOURS[4])
            axes.set(title=f"{len(x):,} scatterers", xlabel="across, mm")
        panels[0].set_ylabel("depth, mm")
        figure.colorbar(drawn, ax=panels, label="dB below the strongest", shrink=0.85)
    return figure


def chain_figure(stages: Mapping[str, Tensor], scene: Scene, image: Tensor, mask: Tensor) -> Figure:
    """From tissue to picture: the stages of one simulated scan (lesson 05).

    Args:
        stages: what `simulate_ultrasound` returned with ``stages=True``, of one image.
        image, mask: ``[1, S, S]``.
    """
    half, deep = scene.sector_degrees / 2, 10 * scene.depth_cm
    edges = (-half, half, deep, 0)
    points = 20 * torch.log10(stages["scatterers"].abs().clamp_min(1e-9))
    envelope = stages["envelope"]
    maps = [("1 · Echogenicity (dB)", stages["level_db"], -35, 15), ("2 · Scatterers (dB)", points, -70, 10), None,
            ("4 · Envelope", envelope, 0, float(envelope.quantile(0.99))),
            ("5 · Log compression", stages["grey"], 0, 1), None]  # fmt: skip
    with plt.rc_context(MAPS):
        figure, panels = plt.subplots(2, 3, figsize=(11, 7.4), layout="constrained")
        for axes, shown in zip(panels.flat, maps, strict=True):
            if shown is not None:
                title, values, low, high = shown
                axes.imshow(_array(values), cmap="gray", vmin=low, vmax=high, extent=edges, aspect="auto")
                axes.set(title=title, xlabel="angle of the line, degrees", ylabel="depth, mm")
        _line(panels[0, 2], stages["echoes"], scene)
        show_masks(panels[1, 2], image, mask)
        panels[1, 2].set_title("6 · Scan conversion, with the mask")
    return figure


def _line(axes: Axes, field: Tensor, scene: Scene) -> None:
    heard, step = radio_frequency(field, scene)
    depth, deep = step * torch.arange(len(heard)), 10 * scene.depth_cm
    inside = (depth > 1) & (depth < deep - 1)  # mm
    axes.plot(_array(heard[inside, field.shape[1] // 2]), _array(depth[inside]), linewidth=0.5, color=COLOURS[0])
    axes.set(title="3 · RF signal, the middle line", ylim=(deep, 0), ylabel="depth, mm", xlabel="echo", xticks=[0])


def grids_figure(grey: Tensor, image: Tensor, scene: Scene, patches: Mapping[str, tuple]) -> Figure:
    """The scanner's grid of lines and samples beside the picture, with the same patches in both (lesson 05).

    Args:
        grey: ``[samples, lines]`` of a convex probe.
        image: ``[1, S, S]``, the picture made of it.
        patches: by name ``(angles, depths)``, each a pair: degrees, and mm below the probe's face.
    """
    half, deep, side, radius = scene.sector_degrees / 2, 10 * scene.depth_cm, scene.side_mm, 10 * scene.radius_cm
    with plt.rc_context(MAPS):
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.5), layout="constrained")
        left.imshow(_array(grey), cmap="gray", vmin=0, vmax=1, extent=(-half, half, deep, 0), aspect="auto")
        edges = (-side / 2, side / 2, side - scene.rise_mm, -scene.rise_mm)
        right.imshow(_array(image[0]), cmap="gray", vmin=0, vmax=1, extent=edges)
        along = torch.linspace(0, 1, 20)
        for k, (name, ((a, b), (near, far))) in enumerate(patches.items()):
            angle = torch.cat([a + (b - a) * along, b + 0 * along, b - (b - a) * along, a + 0 * along])
            deeper = (far - near) * along
            depth = torch.cat([near + 0 * along, near + deeper, far + 0 * along, far - deeper])
            turn = torch.deg2rad(angle)
            style = {"color": COLOURS[4 + k], "linewidth": 2.5, "linestyle": ("-", "--")[k % 2], "label": literal(name)}
            left.plot(_array(angle), _array(depth), **style)
            across, below = (radius + depth) * turn.sin(), (radius + depth) * turn.cos() - radius
            right.plot(_array(across), _array(below), **style)
        left.set(title="What the scanner stores: lines × samples", xlabel="angle, degrees", ylabel="range, mm")
        right.set(title="What we see: pixels", xlabel="x, mm", ylabel="z, mm")
        left.legend(loc="upper left", fontsize=10)
    return figure


def grains_figure(along: Mapping[str, list], across: Mapping[str, list]) -> Figure:
    """Measured sizes of speckle against theory, along the beam and across it (lesson 06).

    Args:
        along, across: by name, ``(size in theory, size measured)`` in mm, a list each.
    """
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
        for axes, title, groups in zip(panels, ("Along the beam", "Across the beam"), (along, across), strict=True):
            for k, (name, sizes) in enumerate(groups.items()):
                theory, measured = zip(*sizes, strict=True)
                axes.plot(theory, measured, MARKERS[k], color=COLOURS[k], markersize=8, label=literal(name))
            axes.axline((0, 0), slope=1, color="0.5", linestyle=":", zorder=0, label="measured = theory")
            axes.set(title=title, xlabel="size in theory, mm", ylabel="size measured, mm", xlim=0, ylim=0)
            axes.legend(frameon=False, fontsize=10)
    return figure


def windows_figure(
    shares: Mapping[str, Mapping[int, float]], fields: Mapping[str, int], pixel_mm: float, wanted: float | None = None
) -> Figure:
    """The share of windows that are recognised, by their side, and how much some groups of a network see (lesson 06).

    Args:
        shares: by scanner, for each side in pixels the share of windows that are recognised.
        fields: by group the side of its receptive field in pixels.
        pixel_mm: side of a pixel.
        wanted: a share to be reached, drawn as a line.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
        for k, (name, by_side) in enumerate(shares.items()):
            axes.plot(by_side.keys(), by_side.values(), ("-", "--")[k % 2], marker=MARKERS[k], color=COLOURS[k],
                      label=literal(name))  # fmt: skip
        for name, pixels in fields.items():
            axes.axvline(pixels, color="0.5", linewidth=1)
            axes.text(pixels + 0.2, 0.51, literal(f"{name} sees\n{pixels} px"), color="0.3", fontsize=11)
        if wanted is not None:
            axes.axhline(wanted, color="0.3", linestyle=":", linewidth=1)
        axes.set(xlabel=f"side of the window, pixels of {pixel_mm:.2f} mm", ylabel="share told right", ylim=(0.5, 1.02))
        axes.set_title("How much must one see to tell lesion from tissue?")
        axes.legend(frameon=False, loc="center right")
    return figure


def overlap_figure(inside: Mapping[str, tuple[Tensor, Tensor]], label: str = "level, dB") -> Figure:
    """Histograms inside and beside a lesion; their overlap is what a threshold cannot tell apart (lesson 06).

    Args:
        inside: by title the values inside and beside.
    """
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(
            1, len(inside), figsize=(4.6 * len(inside), 3.6), sharex=True, sharey=True, layout="constrained",
            squeeze=False)  # fmt: skip
        for axes, (title, (dark, plain)) in zip(panels[0], inside.items(), strict=True):
            both = torch.cat([dark, plain])
            low, high = float(both.quantile(0.002)), float(both.max())
            shares = [torch.histc(part, 64, low, high) / len(part) for part in (dark, plain)]
            places = low + (torch.arange(64) + 0.5) * (high - low) / 64
            for k, (name, share) in enumerate(zip(("inside", "beside"), shares, strict=True)):
                look = {"color": COLOURS[k], "linestyle": ("-", "--")[k], "linewidth": 2, "label": name}
                axes.step(_array(places), _array(share), where="mid", **look)
            overlap = _array(torch.minimum(*shares))
            axes.fill_between(_array(places), overlap, step="mid", color="0.8", label="overlap")
            axes.set(title=literal(title), xlabel=label)
        panels[0, 0].set_ylabel("share of the pixels")
        panels[0, 0].legend(frameon=False)
    return figure
