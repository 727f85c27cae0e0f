# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %%
import math
import os

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from IPython.display import display

import usft_lib as usft
from usft_lib.plots import COLOURS, MARKERS, STYLE, show_masks
from usft_lib.simulate.points import image_points

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": more repetitions, so smaller error bars
SEED = 0
REPEATS = 12 if PROFILE == "full" else 2  # phantoms for each measurement of speckle size
PLACES = 100_000 if PROFILE == "full" else 20_000  # random walks at a time
print(f"profile {PROFILE}: {REPEATS} phantoms a measurement, {PLACES} random walks, no training")

# %% [markdown]
# Every ultrasound image is covered with a grain. It looks like noise, and it is not: hold the probe still and scan
# again, and the same grain comes back, dot for dot. It is not tissue either: there is no bright thing where a bright
# dot is. This lesson builds an ultrasound image from scratch, finds out where the grain comes from, what decides its
# size and its contrast, and why a network should care.
#
# ## Predict first
#
# A place in the tissue sends back the echoes of 200 scatterers that are too small to be seen one by one. The brightness
# there differs from that of the next place: that is the grain. Divide the **mean** brightness of many such places by
# its **spread** (standard deviation). That is the speckle's *signal-to-noise ratio*, SNR.
#
# Now there are 400 scatterers at each place, twice as many. **By which factor does the SNR change?** 1 means that it
# stays. Write your guess in place of ours.

# %%
usft.guess("05.a", ...)  # your guess: SNR with 400 scatterers over SNR with 200

# %% [markdown]
# ## A random walk
#
# An echo is a wave, so it has a size and a **phase**: how far its oscillation has come. Scatterers lie anywhere, and
# a shift by a quarter of a wavelength turns an echo upside down (the way is longer there *and* back). So at one place
# 200 small waves add up, each with a phase of its own. Drawn as arrows in a plane, that is a walk of 200 steps in
# random directions. Its end is the echo, and the distance from the start its brightness, the **envelope**.


# %%
def walks(steps, places=PLACES):
    """Where a walk of unit steps in random directions ends, for each place: complex [places]."""
    turns = 2 * math.pi * torch.rand(places, steps, generator=random)
    return torch.complex(turns.cos(), turns.sin()).sum(1)


random = torch.Generator().manual_seed(SEED)

# %% tags=["train"]
ends = {steps: walks(steps).abs() for steps in (200, 400)}
snr = {steps: float(r.mean() / r.std()) for steps, r in ends.items()}
for steps, r in ends.items():
    print(f"{steps} scatterers: mean {r.mean():5.2f}, spread {r.std():5.2f}, mean over spread {snr[steps]:.2f}")
print(f"factor {snr[400] / snr[200]:.2f}; you guessed {usft.guesses().get('05.a', '… none')}")
usft.check_range(snr[200], 1.87, 1.96, "SNR with 200 scatterers")
usft.check_range(snr[400], 1.87, 1.96, "SNR with 400 scatterers")

# %% [markdown]
# Had *brightnesses* been added, as in an average, the SNR would have grown by √2. But waves are added, and they may
# cancel: twice the scatterers make the mean larger, and the spread by the very same factor. The two coordinates of the
# end are sums of many independent steps, so both are Gaussian (central limit theorem), and the length of such an arrow
# follows **Rayleigh's** law:
#
# $$p(r) = \frac{2r}{\langle r^2\rangle}\, e^{-r^2 / \langle r^2\rangle} \qquad\qquad
# \frac{\text{mean}}{\text{spread}} = \sqrt{\frac{\pi}{4 - \pi}}$$
#
# That number has nothing in it: no frequency, no organ, no machine. Where it holds, one speaks of **fully developed
# speckle**. (The second line below is for later. **Decibels**, dB, are a logarithmic scale of power: ten more of them
# are ten times the power.)

# %%
# NBVAL_CHECK_OUTPUT
print(f"Rayleigh: SNR of the envelope {math.sqrt(math.pi / (4 - math.pi)):.3f}")
print(f"and the spread of its level in dB, whatever its mean: {math.pi / math.sqrt(6) * 10 / math.log(10):.2f} dB")

# %% tags=["train"]
def draw_rayleigh(axes, **style):
    """Rayleigh's density, for an envelope over its root mean square."""
    r = torch.linspace(0, 3, 200)
    axes.plot(r, 2 * r * torch.exp(-r.square()), "--", color="black", **style)


paths = []  # three walks with every step on the way
for _ in range(3):
    turns = 2 * math.pi * torch.rand(200, generator=random)
    paths.append(F.pad(torch.stack([turns.cos(), turns.sin()]).cumsum(1), [1, 0]))

# %% tags=["train"]
with plt.rc_context(STYLE):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.4), width_ratios=[1, 1.5], layout="constrained")
    for k, path in enumerate(paths):
        left.plot(*path, color=COLOURS[k], lw=1)
        arrow = {"arrowstyle": "-|>", "color": COLOURS[k], "lw": 2.5}
        left.annotate("", path[:, -1].tolist(), (0, 0), arrowprops=arrow)
    left.set(aspect="equal", xlabel="in phase", ylabel="a quarter of a wave later", title="Three places, 200 steps")
    for k, (steps, r) in enumerate(ends.items()):
        scaled = r / r.square().mean().sqrt()
        right.hist(scaled, 60, (0, 3), True, histtype="step", lw=2, color=COLOURS[k], label=f"{steps} scatterers")
    draw_rayleigh(right, label="Rayleigh's density")
    right.set(xlabel="envelope over its root mean square", ylabel="density", title="Twice the scatterers, the same law")
    right.legend(frameon=False)
    plt.show()
usft.alt("walks of 200 steps end near or far by chance; histograms for 200 and 400 steps both lie on Rayleigh's curve.")

# %% [markdown]
# ## From one scatterer to speckle
#
# A probe sends a short **pulse**, a few oscillations long, and listens. What a transducer hears is the **RF line**
# (radio frequency): the pulse again, from each scatterer on its way, later for deeper ones. The time of the echo is
# turned into depth by the speed of sound, 1.54 mm in a microsecond, there and back. The **envelope** is the size of
# the oscillation, without the oscillation.
#
# `scan` puts scatterers wherever we say. Its result is complex: the arrow at each place, and the arrow's length is the
# envelope. We try one scatterer; two that are far apart; two that are closer than the pulse is long; and a crowd.

# %%
probe = usft.Scene(depth_cm=2, width_cm=2, centre_frequency_mhz=5, focus_cm=1, aperture_cm=10, receive_f_number=2,
                   attenuation_db_cm_mhz=0, contrast_db=None)  # fmt: skip
ACROSS, DOWN = (torch.arange(129) - 64) * 20 / 128, (torch.arange(512) + 0.5) * 20 / 512  # places in mm


def scan(x, z):
    """Complex echoes [512, 129] of scatterers of strength 1 at these places in mm."""
    return image_points(x, z, torch.ones(len(z)), ACROSS, DOWN, probe)


# %%
quarter = probe.wavelength_mm / 4
depths = {
    "one scatterer": [10.0],
    "two, 1.5 mm apart": [9.0, 10.5],
    f"two, half a wavelength apart ({2 * quarter:.2f} mm): they add up": [10.0, 10 + 2 * quarter],
    f"two, three quarters ({3 * quarter:.2f} mm): they cancel between": [10.0, 10 + 3 * quarter],
}
crowds = {name: torch.tensor([[0.0] * len(z), z]) for name, z in depths.items()}  # x and z
single = scan(*crowds["one scatterer"]).abs().max()  # how high a single echo is
x, z = torch.rand(2, 12_000, generator=random) * 19.9 + 0.04
crowd = torch.stack([x - 10, z])
crowds[f"{len(z)} anywhere in the picture: speckle"] = crowd

# %% tags=["train"]
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(len(crowds), 1, figsize=(10.5, 8.4), sharex=True, layout="constrained")
    for axes, (name, places) in zip(panels, crowds.items(), strict=True):
        echo = scan(*places)
        rf, step = usft.radio_frequency(echo, probe)
        unit, top = (single, 2.1) if places.shape[1] < 3 else (echo.abs().max(), 1.1)
        axes.plot(step * (torch.arange(len(rf)) + 0.5), rf[:, 64] / unit, color=COLOURS[0], lw=0.8, label="RF")
        axes.plot(DOWN, echo[:, 64].abs() / unit, color=COLOURS[1], lw=2, label="envelope")
        axes.set_title(name, fontsize=12, loc="left")
        axes.set(xlim=(8, 12), ylim=(-top, top), yticks=[0])
    panels[0].legend(frameon=False, ncols=2, loc="upper right")
    panels[-1].set_xlabel("depth, mm (the middle line of the picture)")
    plt.show()
usft.alt("two near scatterers give one strong echo, or a hole between them, as their distance says; a crowd, hills.")

# %% [markdown]
# Between the third and the fourth row one scatterer moved by a quarter of a wavelength, less than a tenth of a
# millimetre. Nothing else changed, and where the echo was strongest there is now a hole. In the last row there are
# hills and valleys everywhere, and no hill is *a thing*.
#
# The same in two dimensions. What one scatterer looks like is the **point-spread function**: as long as the pulse,
# as wide as the beam. The patch that it covers is a **resolution cell**: whatever lies in one cell answers at once, and
# its echoes add up. That is the "place" of the random walk.

# %% tags=["train"]
few = torch.tensor([[-6, -3, 0, 3, 6, -4.5, 4.5], [3.5, 10, 10, 10, 10, 16, 16.5]])
with plt.rc_context({**STYLE, "axes.grid": False}):
    figure, panels = plt.subplots(1, 4, figsize=(13.5, 3.9), sharey=True, layout="constrained")
    for axes, places in zip(panels, (few, crowd[:, :80], crowd[:, :800], crowd), strict=True):
        level = 20 * torch.log10(scan(*places).abs().clamp_min(1e-9))
        shown = axes.imshow(level - level.max(), cmap="gray", vmin=-50, vmax=0, extent=(-10, 10, 20, 0))
        if places.shape[1] <= 80:
            axes.plot(*places, "o", ms=5, mfc="none", color=COLOURS[4])
        axes.set(title=f"{places.shape[1]} scatterers", xlabel="across, mm")
    panels[0].set_ylabel("depth, mm")
    figure.colorbar(shown, ax=panels, label="dB below the strongest", shrink=0.85)
    plt.show()
usft.alt("seven scatterers are seven smears; of 80 some smears merge; from 800 on the grain shows no scatterer at all.")

# %% [markdown]
# Orange circles mark where scatterers are. Already at 80 some merge, and then counting bright dots tells nothing about
# what is there.
#
# ## The whole chain
#
# Now a body: layers, fibres, one lesion that echoes less and takes more of the wave away, and too many scatterers to
# count. The probe is **convex**: its lines fan out. The grey picture at the end is called a **B-mode** image, B for
# brightness. `stages=True` returns what each stage on the way made.

# %% tags=["train"]
BODY = {
    "probe": "convex", "depth_cm": 8, "centre_frequency_mhz": 3.5, "scatterers_per_cell": math.inf, "noise_db": -60,
    "dynamic_range_db": 60, "contrast_db": -14, "minor_radius_mm": 10, "aspect": 0.8, "lesion_depth_cm": 4,
    "lesion_offset_cm": 0, "shadow_db_cm_mhz": 1, "tgc_error_db": 0, "without_target": 0,
}  # fmt: skip
data, stages = usft.simulate_ultrasound(1, size=256, seed=11, stages=True, **BODY)
body = usft.ultrasound_scenes(1, seed=11, **BODY)[0]
stage = {name: values[0] for name, values in stages.items()}
for name, values in stage.items():
    print(f"{name:12s}{str(tuple(values.shape)):12s}{values.dtype}")

# %% [markdown]
# 1. **Echo level** (`level_db`): what the tissue is. This is the anatomy, and all that a mask is about.
# 2. **Loss** (`loss_db`): what attenuation takes on the way there and back.
# 3. **Scatterers**: random points, as strong as 1 and 2 say.
# 4. **RF**: what is heard: points blurred by pulse and beam, one oscillating line after the other (`echoes` holds its
#    arrows, as in `scan`).
# 5. **Envelope**, after *time-gain compensation* (TGC), which amplifies late echoes more, and with the electronic noise
#    (`received`).
# 6. **Log compression** to `grey`: the level in decibels (dB) becomes the brightness.
# 7. **Scan conversion**: lines to pixels (`image`).
#
# And in panel 8 we do what only a simulator can: divide the echoes by what the tissue sends back *on average* at that
# place, known from 1 and 2. What is left is the grain alone. (We leave out places where the anatomy changes by more
# than 3 dB within a few samples: there the blur mixes two tissues.)

# %% tags=["train"]
expected = F.interpolate((stage["level_db"] - stage["loss_db"])[None, None], scale_factor=2, mode="bilinear")
change = F.max_pool2d(expected, 9, 1, 4) + F.max_pool2d(-expected, 9, 1, 4)
grain = (stage["echoes"].abs() / 10 ** (expected[0, 0] / 20))[change[0, 0] < 3]
rf, step = usft.radio_frequency(stage["echoes"], body)
usft.check_range(grain.mean() / grain.std(), 1.8, 1.97, "SNR of the grain, anatomy divided out")

# %% tags=["train"]
half, deep = body.sector_degrees / 2, 10 * body.depth_cm
fan, side = {"extent": (-half, half, deep, 0), "aspect": "auto", "cmap": "gray"}, body.side_mm
points = 20 * torch.log10(stage["scatterers"].abs().clamp_min(1e-9))
loud = stage["envelope"].quantile(0.99)
maps = {
    "1 · Echo level": (stage["level_db"], "dB", {"vmin": -35, "vmax": 15}),
    "2 · Loss on the way": (stage["loss_db"], "dB, there and back", {"cmap": "gray_r"}),
    "3 · Scatterers": (points, "dB", {"vmin": -70, "vmax": 10}),
    "5 · Envelope after TGC": (stage["envelope"], "linear", {"vmin": 0, "vmax": loud}),
    "6 · Log compression": (stage["grey"], "grey", {"vmin": 0, "vmax": 1}),
}

# %% [markdown]
# Three small functions draw a map, the RF line and the histogram.


# %% tags=["train"]
def draw_map(axes, title, values, label, look):
    axes.figure.colorbar(axes.imshow(values, **{**fan, **look}), ax=axes, label=label, shrink=0.8)
    axes.set(title=title, xlabel="angle of the line, degrees", ylabel="depth, mm")


def draw_line(axes):
    depth = step * torch.arange(len(rf))
    heard = (depth > 1) & (depth < deep - 1)  # mm
    axes.plot(rf[heard, 256], depth[heard], lw=0.5, color=COLOURS[0])
    axes.set(title="4 · RF, one line of it", ylim=(deep, 0), ylabel="depth, mm", xlabel="echo, before TGC", xticks=[0])


def draw_grain(axes):
    scaled = grain / grain.square().mean().sqrt()
    axes.hist(scaled, 80, (0, 3), True, color="0.75", label="echoes over their\nlocal mean")
    draw_rayleigh(axes, lw=2, label="Rayleigh")
    axes.set(title="8 · Anatomy divided out", xlabel="over its root mean square", ylabel="density", ylim=(0, 1.15))
    axes.legend(frameon=False)

# %% tags=["train"]
with plt.rc_context({**STYLE, "axes.grid": False, "axes.titlesize": 12.5, "font.size": 11}):
    figure, panels = plt.subplots(2, 4, figsize=(14, 7.5), layout="constrained")
    one, two, three, four, five, six, seven, eight = panels.flat
    for axes, (title, what) in zip((one, two, three, five, six), maps.items(), strict=True):
        draw_map(axes, title, *what)
    draw_line(four)
    show_masks(seven, data.images[0], data.masks[0])
    seven.set_title("7 · Scan conversion, mask")
    draw_grain(eight)
    plt.show()
usft.alt("the lesion is clear, then blurred, shadowed and grainy; without anatomy the grain follows Rayleigh's law.")

# %% [markdown]
# (The small dark thing to the left of the lesion is a distractor: it looks the part, and is in no mask.)
#
# Read panel 8 twice. All tissues of the picture are in that one histogram, and one parameter-free curve fits. **The
# grain says nothing about which tissue it lies in** (as long as there are many scatterers; we come to the others). The
# anatomy sits in the local *mean* alone. Yet the grain is what a network's first convolutions see before all else.
#
# It is also why an ultrasound image is no "grey photograph". In a photograph a pixel is a measurement with a little
# noise added. Here a pixel is one draw from a law with a very wide spread, it is *multiplied*, neighbours share it, and
# it comes back at the next scan.

# %% [markdown]
# ## Log compression, and why the reference is fixed
#
# Echoes span a range of levels that no screen can show. So the level in decibels becomes the grey: with a **dynamic
# range** of 60 dB, white and black lie 60 dB apart, and what is beyond either is clipped. As a bonus the log turns
# "multiplied" into "added": in dB, fully developed speckle has the same spread everywhere, bright tissue or dark.
#
# What is white? One needs a **reference** level.
#
# ### Exercise 05.1 · Write log compression
#
# In: an envelope of any shape, the reference level, the dynamic range in dB. Out: grey values. An envelope as large as
# the reference is white, 1. One that is a whole dynamic range below it is black, 0. Levels between are spread evenly
# *in dB*; what lies beyond is clipped. An envelope is an amplitude, and decibels are 10 log₁₀ of a *power*.
#
# <details><summary>Hint 1</summary>
#
# Power goes with the square of the amplitude, and the log of a square is twice the log.
# </details>
# <details><summary>Hint 2</summary>
#
# Two levels are known: 0 dB against the reference is grey 1, minus the dynamic range is grey 0. Draw the line
# between them, then cut it off at both ends.
# </details>


# %%
def to_grey(envelope, reference, dynamic_range_db):
    """Grey values 0…1 of an envelope, both tensors of the same shape."""
    # BEGIN SOLUTION level in dB against the reference, spread over the dynamic range, clipped to 0…1
    level_db = 20 * torch.log10(envelope / reference)
    return (1 + level_db / dynamic_range_db).clamp(0, 1)
    # END SOLUTION


# %%
# @title Check 05.1
# BEGIN CHECK
def levels(*db, of=1.0):
    """An envelope at these levels in dB against ``of``."""
    return of * 10 ** (torch.tensor(db, dtype=torch.float64) / 20)


silence = torch.tensor([0.0, 1.0])
usft.check(
    to_grey,
    {
        "the reference": ((levels(0), 1.0, 60), (1,), "as large as the reference is white: 1 + level / range."),
        "half-way, 30 of 60 dB down": (
            (levels(-30, 0), 1.0, 60),
            (0.5, 1),
            "¾: 10 log₁₀ is for powers, amplitudes take 20; far off: the logarithm is that of base 10.",
        ),
        "a weak image": ((levels(-24, -18), 1.0, 60), (0.6, 0.7), "the reference is given: the maximum plays no part."),
        "another reference": ((levels(-6, -12, of=5.0), 5.0, 60), (0.9, 0.8), "divide by the reference first."),
        "40 dB of range": ((levels(-10, -30), 1.0, 40), (0.75, 0.25), "spread over the dynamic range that is given."),
        "too strong": ((levels(12, 0), 1.0, 60), (1, 1), "clip at white: nothing is brighter than 1."),
        "too weak": ((levels(-90, -60), 1.0, 60), (0, 0), "clip at black: nothing is darker than 0."),
        "no echo at all": ((silence, 1.0, 60), (0, 1), "an envelope of 0 is black, not NaN."),
        "a small picture": ((levels(-15, -45).view(1, 2), 1.0, 60), ((0.75, 0.25),), "keep the shape."),
    },
    exercise="05.1",
)
# END CHECK

# %%
# BEGIN WRONG "amplitudes take 20"
def to_grey(envelope, reference, dynamic_range_db):
    return (1 + 10 * torch.log10(envelope / reference) / dynamic_range_db).clamp(0, 1)
# END WRONG
# BEGIN WRONG "that of base 10"
def to_grey(envelope, reference, dynamic_range_db):
    return (1 + 20 * torch.log(envelope / reference) / dynamic_range_db).clamp(0, 1)
# END WRONG
# BEGIN WRONG "the maximum plays no part"
def to_grey(envelope, reference, dynamic_range_db):
    return (1 + 20 * torch.log10(envelope / envelope.max()) / dynamic_range_db).clamp(0, 1)
# END WRONG
# BEGIN WRONG "the maximum plays no part"
def to_grey(envelope, reference, dynamic_range_db):
    grey = (1 + 20 * torch.log10(envelope / reference) / dynamic_range_db).clamp(0, 1)
    return grey / grey.max()
# END WRONG
# BEGIN WRONG "as large as the reference is white"
def to_grey(envelope, reference, dynamic_range_db):
    return (20 * torch.log10(envelope / reference) / dynamic_range_db).clamp(0, 1)
# END WRONG
# BEGIN WRONG "divide by the reference first"
def to_grey(envelope, reference, dynamic_range_db):
    return (1 + 20 * torch.log10(envelope) / dynamic_range_db).clamp(0, 1)
# END WRONG
# BEGIN WRONG "that is given"
def to_grey(envelope, reference, dynamic_range_db):
    return (1 + 20 * torch.log10(envelope / reference) / 60).clamp(0, 1)
# END WRONG
# BEGIN WRONG "clip at white"
def to_grey(envelope, reference, dynamic_range_db):
    return (1 + 20 * torch.log10(envelope / reference) / dynamic_range_db).clamp(min=0)
# END WRONG
# BEGIN WRONG "clip at black"
def to_grey(envelope, reference, dynamic_range_db):
    return 1 + 20 * torch.log10((envelope / reference).clamp(max=1)) / dynamic_range_db
# END WRONG
# BEGIN WRONG "is black, not NaN"
def to_grey(envelope, reference, dynamic_range_db):
    ratio = envelope / reference
    return (1 + 20 * ratio * torch.log10(ratio) / ratio / dynamic_range_db).clamp(0, 1)
# END WRONG
# BEGIN WRONG "keep the shape"
def to_grey(envelope, reference, dynamic_range_db):
    levels_db = [20 * math.log10(max(e, 1e-12) / reference) for e in envelope.flatten()]
    return [min(1, max(0, 1 + level / dynamic_range_db)) for level in levels_db]
# END WRONG
# BEGIN RIGHT
def to_grey(envelope, reference, dynamic_range_db):
    import numpy as np
    power = np.asarray(envelope) ** 2 / reference**2
    level = 10 * np.log10(np.maximum(power, 1e-30))
    return np.clip((level + dynamic_range_db) / dynamic_range_db, 0, 1)
# END RIGHT
# BEGIN RIGHT
def to_grey(envelope, reference, dynamic_range_db):
    floor = reference * 10 ** (-dynamic_range_db / 20)
    return torch.log(envelope.clamp(floor, reference) / floor) / math.log(reference / floor)
# END RIGHT
# BEGIN RIGHT
def to_grey(envelope, reference, dynamic_range_db):
    level = 20 * (torch.log10(envelope) - math.log10(reference))
    return torch.where(level > 0, 1.0, torch.where(level < -dynamic_range_db, 0.0, 1 + level / dynamic_range_db))
# END RIGHT

# %% [markdown]
# ### Which reference?
#
# Handy, and often seen: the image's own maximum. Try it on two **phantoms** (blocks of even tissue, made for tests;
# here simulated ones) that differ in the lesion alone: 12 dB below the tissue around it, and 12 dB above. Same seed, so
# the background is the same, scatterer for scatterer. We measure the mean grey of the **background**.

# %% tags=["train"]
beside = torch.hypot(*torch.meshgrid(torch.arange(512) - 255.5, torch.arange(512) - 255.5, indexing="ij")) > 170
background = {}
for contrast in (-12, 12):
    shown = usft.bmode(contrast_db=contrast, scatterers_per_cell=math.inf, seed=SEED)
    level = 20 * torch.log10(shown.stages["envelope"].clamp_min(1e-6))  # dB
    own = (1 + (level - level.max()) / 60).clamp(0, 1)[beside].mean()
    fixed = (1 + (level - 30) / 60).clamp(0, 1)[beside].mean()  # 30 dB above the tissue's mean level is white, always
    background[contrast] = float(own), float(fixed)
    print(f"lesion {contrast:+d} dB: background grey {own:.3f} by the image's own maximum, {fixed:.3f} by a fixed one")
usft.check_range(background[-12][0] - background[12][0], 0.04, 0.3, "background, own maximum: the difference")
usft.check_range(background[-12][1] - background[12][1], -0.005, 0.005, "background, fixed reference: the difference")

# %% [markdown]
# With its own maximum, the picture of a bright lesion has a darker background. A network can read the answer in a
# corner that holds nothing, and on the next scanner that trick is worth nothing. (Real archives often come normalised
# in just this way, and then nothing can be done about it but to know.) Dividing each image by its own mean or maximum
# before training does it again.
#
# ## What the tissue takes: attenuation
#
# Each centimetre takes a fixed *share* of a wave, as in Beer–Lambert (lesson 01). But the share grows with the
# frequency $f$, by about $\alpha$ = ½ dB for each centimetre and megahertz in soft tissue, and the way is there and
# back. High frequencies make a fine picture of little depth. Suppose that noise lies 60 dB below the echo at the
# surface. How deep can one look?

# %%
# NBVAL_CHECK_OUTPUT
for mhz in (2.5, 5, 10):
    print(f"{mhz:4.1f} MHz: {2 * 0.5 * mhz:4.1f} dB lost for each cm of depth, 60 dB at {60 / (2 * 0.5 * mhz):4.1f} cm")

# %% [markdown]
# Time-gain compensation gives back what plain tissue takes. It cannot know about anything else. Behind a lesion that
# attenuates *more*, the gain is too small: a **shadow**. Behind fluid (a *cyst*), which takes almost nothing, it is too
# large: **enhancement**. And noise, which comes in after the tissue, is amplified along with the echoes.

# %% tags=["train"]
pictures, power = {}, {}  # power: of the envelope, samples × lines
for name, tgc in {"no TGC": 0, "TGC": 1}.items():
    lossy = {"centre_frequency_mhz": 10, "depth_cm": 8, "attenuation_db_cm_mhz": 0.7}
    shown = usft.bmode(**lossy, scatterers_per_cell=math.inf, tgc=tgc, size=192)
    pictures[name], power[name] = (shown.image[None], shown.mask[None]), shown.stages["envelope"].square()
for name, contrast, more in (("more loss: shadow", -12, 1), ("fluid: enhancement", -80, -0.45), ("neither", -12, 0)):
    drawn, made = usft.simulate_ultrasound(
        1, size=192, seed=SEED, preset="cyst_phantom", stages=True, contrast_db=contrast, shadow_db_cm_mhz=more
    )
    pictures[name], power[name] = (drawn.images[0], drawn.masks[0]), made["envelope"][0].square()

# %% [markdown]
# How does the mean level change with depth? `profile` averages over lines that lie side by side.


# %% tags=["train"]
def profile(name, lines, deep_mm):
    """Depths in mm, and the mean level in dB there on some of the lines."""
    level = 10 * torch.log10(F.avg_pool1d(power[name][:, lines].mean(1)[None], 9, 1, 4, count_include_pad=False)[0])
    return (torch.arange(len(level)) + 0.5) * deep_mm / len(level), level


def draw_profiles(axes, title, names, lines, deep_mm):
    for k, name in enumerate(power):
        if name in names:
            style = {"color": COLOURS[k], "ls": ("-", "--", "-", "-.", ":")[k], "lw": 2}
            axes.plot(*profile(name, lines, deep_mm), **style, label=name)
    axes.set(title=title, xlabel="depth, mm", ylabel="mean level, dB")


z, level = profile("no TGC", slice(0, 60), 80)
fall = torch.diff(level[[24, 120]]) / torch.diff(z[[24, 120]]) * 10  # dB a cm, between 5 and 25 mm
usft.check_range(-float(fall) / (2 * 0.7 * 10), 0.75, 1.02, "loss a cm without TGC, over 2 · α · f")

# %% tags=["train"]
with plt.rc_context(STYLE):
    figure = plt.figure(figsize=(12, 6.8), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.1, 1])
    for axes, (name, picture) in zip(upper.subplots(1, 4), pictures.items(), strict=False):
        show_masks(axes, *picture)
        axes.set_title(f"{name} ({80 if 'TGC' in name else 40} mm)", fontsize=12)
    left, right = lower.subplots(1, 2)
    draw_profiles(left, "Beside the lesion", list(power)[:2], slice(0, 60), 80)
    draw_profiles(right, "On the lines through the lesion, with TGC", list(power)[2:], slice(168, 216), 40)
    right.axvspan(14, 26, color="0.9", label="lesion", zorder=0)
    right.set_ylim(-40, 15)
    for axes in (left, right):
        axes.legend(frameon=False, loc="lower left", fontsize=10, handlelength=1.8)
    plt.show()
usft.alt("TGC levels the picture until noise takes over at depth; behind an absorber it is dark, behind a cyst bright.")

# %% [markdown]
# On the left without TGC the level first falls (a little less steeply than 2·α·f, and ever less, since the pulse loses
# its high frequencies first and sinks in pitch), then lies flat: that is noise. TGC lifts it to the rising part. Down
# there is a grain as well, and it *is* noise: it would be another one in the next scan. On the right, inside the cyst,
# the level is low but not nothing. What is heard there is **clutter**, echoes from beside the beam.
#
# For segmentation: shadow and enhancement are **not** part of the lesion, yet they tell about it. A network that sees
# only a small surrounding may well paint the shadow too. So would you, through a keyhole.

# %% [markdown]
# ## From lines to pixels
#
# The lines of a convex probe start on an arc of radius $R$, the probe's face, and fan out from a common point behind
# it. A scanner stores lines × samples. A picture has pixels of one size in mm. To fill a pixel, ask where *it* lies on
# the scanner's grid, and look there. (The other way round, from samples to pixels, leaves holes.)
#
# ### Exercise 05.2 · Write the look-up
#
# A pixel lies $x$ mm to the right of the middle line and $z$ mm below the **middle of the probe's face**. Lines
# meet at a point $R$ mm above that middle. Return the pixel's **range**, its distance in mm from the probe's face along
# its line, and the **angle** of that line in **degrees** against the middle line, positive to the right.
#
# <details><summary>Hint 1</summary>
#
# Measure from the point where the lines meet. How far below it does the pixel lie, and how far to the right?
# </details>
# <details><summary>Hint 2</summary>
#
# Distance by Pythagoras (`torch.hypot`), angle by `torch.atan2`, which counts in radians. The probe's face lies
# *R* mm from the point where the lines meet.
# </details>


# %%
def look_up(x_mm, z_mm, radius_mm):
    """Where pixels lie on a convex probe's grid: (range in mm, angle in degrees), each of the shape of x_mm."""
    # BEGIN SOLUTION distance from the point where lines meet, less the radius; angle at that point
    below = z_mm + radius_mm
    return torch.hypot(x_mm, below) - radius_mm, torch.rad2deg(torch.atan2(x_mm, below))
    # END SOLUTION


# %%
# @title Check 05.2
# BEGIN CHECK
def lies_at(ranges, angles):
    """Right if both come back, in this order, in mm and degrees."""

    def right(found):
        pair = [torch.as_tensor(part, dtype=torch.float64).cpu() for part in found]
        wanted = [torch.as_tensor(part, dtype=torch.float64) for part in (ranges, angles)]
        return len(pair) == 2 and all(
            a.shape == b.shape and torch.allclose(a, b, rtol=0, atol=1e-3) for a, b in zip(pair, wanted, strict=True)
        )

    return right


def at(range_mm, degrees, radius):
    """Arguments for pixels that lie at these ranges and angles."""
    away, turn = radius + torch.tensor(range_mm).double(), torch.deg2rad(torch.tensor(degrees).double())
    return away * turn.sin(), away * turn.cos() - radius, radius


places = {
    "the middle of the face": (([0.0], [0.0], 50.0), "range 0 is at the face, not at the point where lines meet."),
    "straight below": (([30.0], [0.0], 50.0), "on the middle line the range is z, and the angle 0: x first in atan2."),
    "the face's right end": (([0.0], [30.0], 50.0), "0 mm and 30°: measure from where lines meet, R above the middle."),
    "left": (([40.0], [-20.0], 50.0), "left of the middle the angle is negative."),
    "far right": (([60.0], [35.0], 50.0), "right at the face but not below: angles in degrees, range along the line."),
    "a small probe": (([25.0], [45.0], 12.0), "use the radius that is given."),
    "four pixels": (([[5.0, 10.0], [20.0, 40.0]], [[-10.0, 0.0], [8.0, 30.0]], 40.0), "each pixel by itself."),
}
usft.check(
    look_up,
    {name: (at(*where), lies_at(*where[:2]), hint) for name, (where, hint) in places.items()},
    exercise="05.2",
)
# END CHECK

# %%
# BEGIN WRONG "range 0 is at the face"
def look_up(x_mm, z_mm, radius_mm):
    below = z_mm + radius_mm
    return torch.hypot(x_mm, below), torch.rad2deg(torch.atan2(x_mm, below))
# END WRONG
# BEGIN WRONG "x first in atan2"
def look_up(x_mm, z_mm, radius_mm):
    below = z_mm + radius_mm
    angle = torch.rad2deg(torch.atan2(below, x_mm))
    return torch.hypot(x_mm, below) - radius_mm, torch.where(below == radius_mm, 0.0, angle)
# END WRONG
# BEGIN WRONG "measure from where lines meet"
def look_up(x_mm, z_mm, radius_mm):
    return torch.hypot(x_mm, z_mm), torch.rad2deg(torch.atan2(x_mm, z_mm))
# END WRONG
# BEGIN WRONG "measure from where lines meet"
def look_up(x_mm, z_mm, radius_mm):
    return z_mm, torch.rad2deg(torch.atan2(x_mm, z_mm + radius_mm))
# END WRONG
# BEGIN WRONG "the angle is negative"
def look_up(x_mm, z_mm, radius_mm):
    away = torch.hypot(x_mm, z_mm + radius_mm)
    return away - radius_mm, torch.rad2deg(torch.acos(((z_mm + radius_mm) / away).clamp(-1, 1)))
# END WRONG
# BEGIN WRONG "measure from where lines meet"
def look_up(x_mm, z_mm, radius_mm):
    below = z_mm + radius_mm
    return torch.hypot(x_mm, below) - radius_mm, torch.atan2(x_mm, below)
# END WRONG
# BEGIN WRONG "use the radius that is given"
def look_up(x_mm, z_mm, radius_mm):
    below = z_mm + 50
    return torch.hypot(x_mm, below) - 50, torch.rad2deg(torch.atan2(x_mm, below))
# END WRONG
# BEGIN WRONG "each pixel by itself"
def look_up(x_mm, z_mm, radius_mm):
    below = z_mm + radius_mm
    away = torch.linalg.norm(torch.stack([x_mm, below]).flatten())
    return (away - radius_mm).expand_as(x_mm), torch.rad2deg(torch.atan2(x_mm, below))
# END WRONG
# BEGIN RIGHT
def look_up(x_mm, z_mm, radius_mm):
    import numpy as np
    x, below = np.asarray(x_mm), np.asarray(z_mm) + radius_mm
    return np.sqrt(x**2 + below**2) - radius_mm, np.degrees(np.arctan(x / below))
# END RIGHT
# BEGIN RIGHT
def look_up(x_mm, z_mm, radius_mm):
    place = torch.complex(z_mm + radius_mm, x_mm)
    return place.abs() - radius_mm, place.angle() * 180 / math.pi
# END RIGHT
# BEGIN RIGHT
def look_up(x_mm, z_mm, radius_mm):
    away = ((z_mm + radius_mm) ** 2 + x_mm**2) ** 0.5
    return away - radius_mm, torch.asin(x_mm / away).rad2deg()
# END RIGHT

# %% [markdown]
# What does that do to speckle? Here is the scan of the chain again. Two patches of the scanner's grid, equal in lines
# and samples, are outlined in both pictures.

# %% tags=["train"]
def border(top, bottom):
    """Around a patch 10 degrees wide on the scanner's grid: angles in degrees and depths in mm."""
    ring = torch.linspace(0, 1, 20)
    angle = torch.cat([-5 + 10 * ring, 5 + 0 * ring, 5 - 10 * ring, -5 + 0 * ring])
    high = (bottom - top) * ring
    return angle, torch.cat([top + 0 * ring, top + high, bottom + 0 * ring, bottom - high])

# %% tags=["train"]
patches = {"near": (8, 16), "far": (66, 74)}  # mm of depth
with plt.rc_context({**STYLE, "axes.grid": False}):
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.4, 4.4), layout="constrained")
    left.imshow(stage["grey"], **fan)
    right.imshow(data.images[0, 0], cmap="gray", extent=(-side / 2, side / 2, side - body.rise_mm, -body.rise_mm))
    for k, patch in enumerate(patches.values()):
        angle, depth = border(*patch)
        away, turn = 10 * body.radius_cm + depth, torch.deg2rad(angle)
        left.plot(angle, depth, color=COLOURS[4 + k], lw=2.5)
        right.plot(away * turn.sin(), away * turn.cos() - 10 * body.radius_cm, color=COLOURS[4 + k], lw=2.5)
    left.set(title="What the scanner stores: lines × samples", xlabel="angle, degrees", ylabel="range, mm")
    right.set(title="What we are shown: pixels", xlabel="x, mm", ylabel="z, mm")
    plt.show()
usft.alt("two patches of equal size on the scanner's grid: in the picture the far one is wider, and so is its grain.")

# %% [markdown]
# In the picture lines spread with depth, and so does the grain: it becomes wider, and it turns with the angle. A
# photograph's texture does not depend on where in the frame it lies. This one does, and a convolution uses the same
# weights everywhere.
#
# ## How large is a grain?
#
# Theory says: **along** the beam as long as the pulse, which goes with $c / (2 B f)$, where $B$ is the bandwidth as a
# fraction of the frequency $f$. **Across**, as wide as the beam: $\lambda \cdot F$, the wavelength times the F-number,
# which is depth over aperture (the width of the part of the probe that listens). The size of a *thing* is not among the
# ingredients.
#
# We measure it in phantoms: how far must one go until the brightness here tells nothing about the brightness there? (In
# numbers: the width of the autocovariance of the intensity, at half its height.)

# %% tags=["train"]
def measured(**settings):
    """Speckle size along and across in mm, and what theory says: means over phantoms with fresh scatterers."""
    settings = {"scatterers_per_cell": math.inf, "attenuation_db_cm_mhz": 0} | settings
    found = [usft.bmode(**settings, seed=100 + k) for k in range(REPEATS)]
    means = [sum(getattr(b, name) for b in found) / REPEATS for name in ("axial_mm", "lateral_mm")]
    return [*means, found[0].theory["axial_mm"], found[0].theory["lateral_mm"]]


along = [(f, b, *measured(centre_frequency_mhz=f, bandwidth=b)) for f in (3, 5, 8) for b in (0.4, 0.8)]
wide = [(f, n, *measured(centre_frequency_mhz=f, f_number=n)) for f in (4, 8) for n in (1, 1.5, 2, 2.5)]
ratios = [row[2] / row[4] for row in along] + [row[3] / row[5] for row in wide]
usft.check_range(min(ratios), 0.8, 1.0, "measured size over theory, smallest")
usft.check_range(max(ratios), 1.0, 1.25, "measured size over theory, largest")

# %% tags=["train"]
def draw_sizes(axes, rows, k, label):
    """Measured and theoretical grain sizes against what they should go with: rows of (that, measured, theory), mm."""
    at_mm, size, theory = zip(*sorted(rows), strict=True)
    axes.plot(at_mm, size, MARKERS[k], color=COLOURS[k], ms=9, label=f"measured, {label}")
    axes.plot(at_mm, theory, "_", color="black", ms=18, label="theory" if k else None)
    return sum(theory) / sum(at_mm)

# %% tags=["train"]
with plt.rc_context(STYLE):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.3), layout="constrained")
    for k, b in enumerate((0.4, 0.8)):
        rows = [(1.54 / (2 * b * f), row[0], row[2]) for f, width, *row in along if width == b]
        draw_sizes(left, rows, k, f"bandwidth {100 * b:.0f} %")
    for k, f in enumerate((4, 8)):
        rows = [(1.54 / f * n, row[1], row[3]) for g, n, *row in wide if g == f]
        slope = draw_sizes(right, rows, k, f"{f} MHz")
    left.set(xlabel="c / (2·B·f), mm", ylabel="grain along the beam, mm", title="Along: the pulse", xlim=0, ylim=0)
    right.set(xlabel="λ · F, mm", ylabel="grain across the beam, mm", title="Across: the beam", xlim=0, ylim=0)
    for axes, steep in ((left, 0.96), (right, slope)):
        axes.axline((0, 0), slope=steep, color="0.7", ls=":", zorder=0)
        axes.legend(frameon=False)
    plt.show()
usft.alt("measured grain sizes follow theory, proportional to the pulse length along and to λF across.")

# %% [markdown]
# A grain is a property of the *scanner*, in millimetres. So a change of probe changes all textures at once, while the
# shapes stay. That is a shift in appearance, and lesson 07 takes it apart.
#
# ## The speckle bench
#
# All sliders at once. Beside the SNR and the grain it tells the **gCNR**: how well grey alone separates the lesion from
# the tissue beside it, from 0, not at all, to 1, entirely (you will write it below). For each question guess first,
# then slide.
#
# * Which slider changes the grain **along** the beam, which **across**, which both?
# * Does the dynamic range change the SNR? Does it change the gCNR? (Both are measured on the envelope: look at the
#   picture, then at the numbers.)
# * From which **number of scatterers** downwards does it stop being speckle? Watch the SNR.
# * Go **deep** at a **high frequency**. What does TGC amplify at the bottom? Now turn TGC down.
# * Make the lesion 3 dB darker than the rest. Which settings help you see it, which only *look* as if they did?

# %% tags=["train"]
bench = usft.SpeckleBench()  # nothing to slide? usft.speckle_panel() is the same in plain sliders
display(bench)

# %% [markdown]
# The same without sliders: `usft.bmode` takes the same settings, and tells what it measured.

# %% tags=["train"]
settings = {
    "as it begins": {},
    "low frequency": {"centre_frequency_mhz": 2.5},
    "small aperture": {"f_number": 5},
    "1 scatterer a cell": {"scatterers_per_cell": 1},
    "deep and high": {"depth_cm": 8, "centre_frequency_mhz": 10},
    "35 dB of range": {"dynamic_range_db": 35},
}
benches = {name: usft.bmode(**chosen) for name, chosen in settings.items()}

# %% tags=["train"]
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(2, 3, figsize=(9.4, 7.2), layout="constrained")
    for axes, (name, shown) in zip(panels.flat, benches.items(), strict=True):
        show_masks(axes, shown.image[None], shown.mask[None])
        grain_size = f"grain {shown.axial_mm:.2f} × {shown.lateral_mm:.2f} mm"
        axes.set_title(f"{name}\n{grain_size}\nSNR {shown.snr:.2f} · gCNR {shown.gcnr:.2f}", fontsize=12)
    plt.show()
usft.alt("grain grows along and across at low frequency, across with a small aperture; few scatterers lower the SNR.")

# %% [markdown]
# <details><summary>Answers to the five questions</summary>
#
# * Bandwidth changes the grain along, the F-number across, the frequency both.
# * Neither. The dynamic range comes after the envelope: it changes what you see, not what there is to see.
# * There is no sharp edge. With a few in a cell the SNR is clearly below Rayleigh's; the next section says how far.
# * Noise, which has a grain of its own. With less TGC the bottom is black in place of grainy, and shows as little.
# * A higher frequency and a smaller F-number: the grain is finer, so more grains fit into the lesion. (gCNR hardly
#   notices, as it goes pixel by pixel.) The dynamic range only looks as if it helped.
#
# </details>

# %% [markdown]
# ## When it is no longer speckle
#
# With few scatterers the walk is short, and the central limit theorem has not yet done its work. A convenient measure
# is the second moment of the intensity $I$, the envelope squared. For a Poisson number of scatterers with $N$ in a
# resolution cell on average,
#
# $$\frac{\langle I^2\rangle}{\langle I\rangle^2} = 2 + \frac{\kappa}{N} \qquad\qquad
# \kappa = \frac{\langle a^4\rangle}{\langle a^2\rangle^2}$$
#
# where $a$ are the strengths of the scatterers. Rayleigh's law is the 2. The **excess** over 2 is what the tissue adds:
# few scatterers, or unequal ones. Strengths in our simulator follow Rayleigh's law themselves, so $\kappa = 2$; in the
# walks above all steps are 1, and $\kappa = 1$.

# %% tags=["train"]
def excess(intensity):
    """How far the second moment of the intensity lies above that of fully developed speckle."""
    return float(intensity.square().mean() / intensity.mean() ** 2 - 2)

# %% tags=["train"]
by_walk, by_scan = {}, {}
for number in (1, 2, 4, 8, 16):
    steps = torch.poisson(torch.full((PLACES, 1), float(number)), generator=random)
    turns = 2 * math.pi * torch.rand(PLACES, 48, generator=random)
    taken = torch.arange(48) < steps  # the first so many steps of each walk
    by_walk[number] = excess(torch.polar(taken.float(), turns).sum(1).abs().square())
    _, made = usft.simulate_ultrasound(
        12 * REPEATS, size=128, seed=SEED, preset="cyst_phantom", without_target=1, scatterers_per_cell=number,
        centre_frequency_mhz=4, attenuation_db_cm_mhz=0, focus_cm=2, stages=True,
    )  # fmt: skip
    by_scan[number] = excess(made["echoes"].abs().square()[:, 116:140])  # around the focus, where N is meant
sparse = usft.bmode(scatterers_per_cell=1, contrast_db=0, seed=SEED)
usft.check_range(4 * by_walk[4], 0.8, 1.2, "excess of walks times N (κ = 1)")
usft.check_range(4 * by_scan[4], 1.6, 2.4, "excess of scans times N (κ = 2)")

# %% tags=["train"]
with plt.rc_context(STYLE):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.4), width_ratios=[1.3, 1], layout="constrained")
    numbers = torch.tensor([0.8, 20.0])
    for k, (name, values) in enumerate({"walks of steps 1": by_walk, "simulated scans": by_scan}.items()):
        left.loglog(values.keys(), values.values(), MARKERS[k], color=COLOURS[k], ms=9, label=name)
        left.loglog(numbers, (k + 1) / numbers, ("--", ":")[k], color="0.3", label=f"{k + 1} / N")
    left.set(xlabel="scatterers in a cell, N", ylabel="⟨I²⟩ / ⟨I⟩² − 2", title="Few scatterers show")
    left.set_xticks(list(by_scan), list(by_scan), minor=False)
    left.minorticks_off()
    left.legend(frameon=False)
    right.imshow(sparse.image, cmap="gray", vmin=0, vmax=1)
    right.set(title="One scatterer in a cell", xticks=[], yticks=[])
    plt.show()
usft.alt("the excess falls as one over the number of scatterers in a cell; with one in a cell the picture has holes.")

# %% [markdown]
# So the grain can carry something after all: not shape, but *how many* scatterers there are. Real tissue is often short
# of fully developed, and tissues may differ in it. That is a texture a first layer can pick up, and it is bound to the
# resolution cell, hence to the scanner.
#
# ## What must a layer see?
#
# A lesion echoes 6 dB less than the tissue around it: a quarter of the power. Take *single* pixels, half of them from
# the lesion, and choose the best threshold. **What share ends up on the right side?** Half would be guessing.

# %%
usft.guess("05.b", ...)  # your guess: share of single pixels that the best threshold tells right

# %%
# NBVAL_CHECK_OUTPUT
for contrast in (3, 6, 12, 20):
    ratio = 10 ** (contrast / 10)  # of two mean intensities, each spread exponentially: fully developed speckle
    apart = ratio ** (-1 / (ratio - 1)) - ratio ** (-ratio / (ratio - 1))  # at the threshold where the two laws cross
    print(f"contrast {contrast:2d} dB: {(1 + apart) / 2:.1%} of single pixels on the right side")

# %% [markdown]
# The line of 6 dB answers your guess. These numbers are exact for fully developed speckle, and no contrast stretch, no
# gamma and no learned function *of one pixel* can do better. What helps is to look at more **grains**. More pixels are
# not enough: neighbours share a grain. Below we take the faintest of these lesions, 3 dB, and average the grey over
# windows of growing size. Two scanners look at the same lesion. Lines mark how many pixels the first two levels of our
# U-Net see (lesson 02).


# %% tags=["train"]
def told_right(a, b):
    """Share on the right side of the best threshold, for as much of ``a`` as of ``b``."""
    values, order = torch.cat([a, b]).sort()
    step = torch.cat([torch.full_like(a, 1 / len(a)), torch.full_like(b, -1 / len(b))])[order]
    return float((1 + step.cumsum(0).abs().max()) / 2)

# %% tags=["train"]
def by_window(windows, **settings):
    """`told_right` for means of the grey over windows of so many pixels a side, ten phantoms pooled."""
    shares = {}
    shown = [usft.bmode(contrast_db=-3, scatterers_per_cell=math.inf, size=128, seed=k, **settings) for k in range(10)]
    for w in windows:
        means = [F.avg_pool2d(b.image[None, None], w, 1)[0, 0] for b in shown]
        inside = [F.avg_pool2d(b.mask[None, None].float(), w, 1)[0, 0] for b in shown]
        middle = slice(45 - w // 2, 83 - w // 2)  # rows at the depth of the lesion
        dark = torch.cat([m[i > 0.999] for m, i in zip(means, inside, strict=True)])
        plain = torch.cat([m[middle][i[middle] == 0] for m, i in zip(means, inside, strict=True)])
        shares[w] = told_right(dark, plain)
    return shares

# %% tags=["train"]
WINDOWS = (1, 3, 5, 7, 9, 13, 17, 21)
fine = by_window(WINDOWS, centre_frequency_mhz=6, f_number=1.5)
coarse = by_window(WINDOWS, centre_frequency_mhz=2.5, f_number=4)
print(f"you guessed {usft.guesses().get('05.b', '… none')} for single pixels at 6 dB")
print("told right in fine grain:  ", {w: round(share, 2) for w, share in fine.items()})
print("told right in coarse grain:", {w: round(share, 2) for w, share in coarse.items()})
usft.check_range(coarse[1], 0.54, 0.68, "told right by single pixels, coarse grain")
usft.check_range(fine[5] - coarse[5], 0.08, 0.4, "gain of fine over coarse grain in windows of 5 pixels")

# %% tags=["train"]
with plt.rc_context(STYLE):
    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    lines = {"fine grain (6 MHz, F 1.5)": fine, "coarse grain (2.5 MHz, F 4)": coarse}
    for k, (name, shares) in enumerate(lines.items()):
        axes.plot(shares.keys(), shares.values(), ("-", "--")[k], marker=MARKERS[k], color=COLOURS[k], label=name)
    for name, pixels in usft.receptive_fields(usft.UNet(width=16, depth=4)).items():
        if name in ("enc1", "enc2"):
            axes.axvline(pixels, color="0.5", lw=1)
            axes.text(pixels + 0.2, 0.51, f"{name} sees\n{pixels} px", color="0.3", fontsize=11)
    axes.set(xlabel="side of the window, pixels of 0.31 mm", ylabel="share told right", ylim=(0.5, 1.02))
    axes.set_title("How much must one see to tell a lesion of −3 dB from tissue?")
    axes.legend(frameon=False, loc=(0.56, 0.28))
    plt.show()
usft.alt("single pixels tell little; larger windows tell more, and sooner where the grain is fine.")

# %% [markdown]
# (A pixel of the picture is a mean already where the grain is finer than a pixel, so "fine" starts ahead.) A window's
# mean is a simple feature, and a network may find better ones. But the direction holds: what the first layers see here
# is grain, and how much of it must be pooled depends on the *size of the grain*. And pooling has its price: a wide
# window knows that there is a lesion, but no longer where exactly it ends. On an X-ray the same layers see edges that
# are simply there.
#
# Is that why shallow layers want to be tuned for ultrasound? It is a reason to suspect so, no proof. Lesson 11 puts it
# to the test.

# %% [markdown]
# ## Scoring a picture: contrast and gCNR
#
# How well *can* a lesion be seen? Contrast in dB is the usual answer, and any change of the grey scale changes it.
# The **generalised contrast-to-noise ratio** asks what the threshold above asked: how much do the two histograms
# overlap?
#
# $$\text{gCNR} = 1 - \sum_k \min(p_k, q_k)$$
#
# where $p_k$ and $q_k$ are the shares of pixels inside and beside the lesion that fall into bin $k$. It is 1 if grey
# alone tells all pixels apart, 0 if it tells none. The best threshold then tells (1 + gCNR) / 2 right, if one threshold
# is the best rule.
#
# ### Exercise 05.3 · Write gCNR
#
# In: grey values (or dB, or anything) inside and beside the lesion, of any two lengths. Use 64 bins of equal width from
# the smallest to the largest value **of both together**.
#
# <details><summary>Hint 1</summary>
#
# `torch.histc(values, 64, low, high)` and `numpy.histogram(values, 64, (low, high))` count. Counts are not yet
# shares.
# </details>
# <details><summary>Hint 2</summary>
#
# The two lists differ in length, so divide each count by its own number of values. Then take the smaller share of
# each bin.
# </details>


# %%
def gcnr(inside, beside):
    """Generalised contrast-to-noise ratio of two lists of values, 0…1."""
    # BEGIN SOLUTION shares in 64 common bins for either; 1 minus the sum of the smaller ones
    both = torch.cat([inside, beside])
    low, high = float(both.min()), float(both.max())
    p, q = (torch.histc(part, 64, low, high) / len(part) for part in (inside, beside))
    return 1 - torch.minimum(p, q).sum()
    # END SOLUTION


# %%
# @title Check 05.3
# BEGIN CHECK
def of(*values):
    return torch.tensor(values, dtype=torch.float64)


draw = torch.Generator().manual_seed(4)
dark, plain = torch.randn(2, 4000, generator=draw, dtype=torch.float64) * 0.1 + of(0.4, 0.6)[:, None]
usft.check(
    gcnr,
    {
        "the same values": ((of(0, 0.2, 1), of(0, 0.2, 1)), 0.0, "nothing to tell: 1 minus the overlap is 0."),
        "nothing in common": ((of(0, 0.1, 0.2), of(0.8, 0.9, 1)), 1.0, "one range for both: the bins must be common."),
        "a quarter in common": ((of(0, 0, 0, 0.5), of(0.5, 1)), 0.75, "of two shares the smaller one is the overlap."),
        "many and few": ((of(*[0.0] * 8, *[1.0] * 8), of(0, 1)), 0.0, "shares, not counts: divide by its own number."),
        "brighter inside": ((of(0.9, 1), of(0, 0.1)), 1.0, "either may be the brighter one: its sign plays no part."),
        "levels in dB": ((of(-50, -40, -30), of(-30, -10, 0)), 2 / 3, "values may be negative, or above 1: any range."),
        "equal means": ((of(0, 0, 1, 1), of(0.5, 0.5)), 1.0, "equal means, no overlap: compare histograms, not means."),
        "two bells": ((dark, plain), 0.68, "about ⅔ for bells two spreads apart: 64 bins, neither two nor thousands."),
    },
    exercise="05.3",
    tolerance=0.025,
)
# END CHECK

# %%
# BEGIN WRONG "1 minus the overlap is 0"
def gcnr(inside, beside):
    both = torch.cat([inside, beside])
    p, q = (torch.histc(v, 64, float(both.min()), float(both.max())) / len(v) for v in (inside, beside))
    return torch.minimum(p, q).sum()
# END WRONG
# BEGIN WRONG "the bins must be common"
def gcnr(inside, beside):
    p, q = (torch.histc(v, 64, float(v.min()), float(v.max())) / len(v) for v in (inside, beside))
    return 1 - torch.minimum(p, q).sum()
# END WRONG
# BEGIN WRONG "the smaller one is the overlap"
def gcnr(inside, beside):
    both = torch.cat([inside, beside])
    p, q = (torch.histc(v, 64, float(both.min()), float(both.max())) / len(v) for v in (inside, beside))
    return 1 - (p * q).sqrt().sum()
# END WRONG
# BEGIN WRONG "shares, not counts"
def gcnr(inside, beside):
    both = torch.cat([inside, beside])
    p, q = (torch.histc(v, 64, float(both.min()), float(both.max())) for v in (inside, beside))
    return 1 - torch.minimum(p, q).sum() / len(inside)
# END WRONG
# BEGIN WRONG "its sign plays no part"
def gcnr(inside, beside):
    cuts = torch.cat([inside, beside]).sort().values
    return max(float((inside <= c).double().mean() - (beside <= c).double().mean()) for c in cuts)
# END WRONG
# BEGIN WRONG "any range"
def gcnr(inside, beside):
    p, q = (torch.histc(v, 64, 0, 1) / len(v) for v in (inside, beside))
    return 1 - torch.minimum(p, q).sum()
# END WRONG
# BEGIN WRONG "not means"
def gcnr(inside, beside):
    cuts = torch.cat([inside, beside]).sort().values
    return max(abs(float((inside <= c).double().mean() - (beside <= c).double().mean())) for c in cuts)
# END WRONG
# BEGIN WRONG "neither two nor thousands"
def gcnr(inside, beside):
    both = torch.cat([inside, beside])
    p, q = (torch.histc(v, 10000, float(both.min()), float(both.max())) / len(v) for v in (inside, beside))
    return 1 - torch.minimum(p, q).sum()
# END WRONG
# BEGIN RIGHT
def gcnr(inside, beside):
    import numpy as np
    a, b = np.asarray(inside), np.asarray(beside)
    span = (min(a.min(), b.min()), max(a.max(), b.max()))
    p = np.histogram(a, 64, span)[0] / a.size
    q = np.histogram(b, 64, span)[0] / b.size
    return 1 - np.minimum(p, q).sum()
# END RIGHT
# BEGIN RIGHT
def gcnr(inside, beside):
    both = torch.cat([inside, beside])
    edges = torch.linspace(float(both.min()), float(both.max()), 65, dtype=torch.float64)[1:-1]
    p, q = (torch.bincount(torch.bucketize(v, edges, right=True), minlength=64) / len(v) for v in (inside, beside))
    return ((p - q).abs().sum() / 2).item()
# END RIGHT
# BEGIN RIGHT
def gcnr(inside, beside):
    low = min(inside.min(), beside.min())
    wide = max(inside.max(), beside.max()) - low
    shares = [[0.0] * 64, [0.0] * 64]
    for side, values in enumerate((inside, beside)):
        for v in values.tolist():
            shares[side][min(63, int(64 * (v - low) / wide))] += 1 / len(values)
    return 1 - sum(min(a, b) for a, b in zip(*shares, strict=True))
# END RIGHT

# %% [markdown]
# Now the claim that contrast depends on the grey scale and gCNR does not. One scan, three grey scales: as it is,
# squared, and its square root. None of them adds anything to see. (In place of the gCNR we print what the best
# threshold tells right: 64 equal bins cut another grey scale in other places, which would blur the point a little.)

# %% tags=["train"]
shown = usft.bmode(contrast_db=-6, scatterers_per_cell=math.inf, size=128)
rows = slice(45, 83)
for name, power in {"as it is": 1, "squared": 2, "square root": 0.5}.items():
    grey = shown.image**power
    a, b = grey[shown.mask], grey[rows][~shown.mask[rows]]
    ratio = float(20 * torch.log10(a.mean() / b.mean()))
    print(f"{name:12s} 'contrast' of the grey {ratio:+5.1f} dB · best threshold tells {told_right(a, b):.2f} right")
usft.check_range(told_right(a, b), 0.66, 0.82, "told right")

# %% [markdown]
# The contrast in dB roughly doubles or halves, and not one pixel more or less is told right: a threshold moves along
# with the grey scale. So compare pictures by gCNR, and beware of a contrast in dB that was read off a screen.

# %% [markdown]
# ## Quiz
#
# Three situations from a scanner's room. Click; each answer says why.

# %%
# @title Question 1
usft.Quiz("""
To tame the grain, somebody holds the probe still, scans the same place eight times, and averages the eight images. What
becomes of the picture?

- [ ] The grain fades, by about √8, as in every average of eight.
  That holds for eight independent draws. These are eight copies of one draw: same scatterers, same phases.
- [ ] Nothing changes: the mean of eight equal images is that image.
  The grain is equal in all eight, but the electronic noise is not, and that does fade.
- [x] The noise becomes weaker, and the grain stays as strong as it was.
  Only *different* grain of the same tissue averages out: another angle (spatial compounding) or another frequency band.
""")

# %%
# @title Question 2
usft.Quiz("""
The mean level of a patch of fully developed speckle is wanted in dB. You average the dB values of its pixels. A
colleague averages the intensities, and takes dB then. Who gets the lower number?

- [x] You do.
  The log lets the dark valleys weigh more: some 2.5 dB, the same in each fully developed patch. So on the *contrast* of
  two such patches you agree again. If one of them is clipped at black, or has few scatterers, you do not.
- [ ] Your colleague does.
  In a mean of intensities the bright grains have their say, and they pull it *up*.
- [ ] Neither: you agree.
  The log is monotone, which keeps the order and the median. Only a straight line keeps the mean.
""")

# %%
# @title Question 3
usft.Quiz("""
You add white Gaussian noise to the grey of training images, pixel by pixel, "so that the network becomes robust against
speckle from other probes". What does this augmentation imitate?

- [ ] Speckle from other probes.
  Neighbouring pixels share a grain, whose size is that of pulse and beam, and before the log it multiplies. White noise
  is new at each pixel, and added.
- [x] Electronic noise of the scanner.
  That one is added and owes nothing to the echoes. To be robust against it may be worth having, but it is no speckle.
- [ ] Tissue with fewer scatterers.
  Few scatterers change the law of the brightness, within grains of the same size. Added noise knows nothing of them.
""")

# %% [markdown]
# ## What this does not show
#
# * **A body.** This is the realism of a tissue-mimicking phantom, not of a living patient: layers, fibres and lesions
#   are drawn by functions.
# * **Effects that we left out**: refraction and the shadows of edges; aberration, when sound travels faster through one
#   part of the aperture's way than through another; the thickness of the slice (elevation); reverberation other than an
#   even clutter; non-linear (harmonic) imaging. Nothing about them can be learned here.
# * **What a scanner adds** after the envelope: speckle reduction, compounding, edge enhancement. On such images
#   Rayleigh's law does not hold any more.
# * **That it transfers.** Whether something learned on these images helps on real ones is measured (lessons 10 to 12),
#   not assumed.

# %% [markdown]
# ## Recap
#
# * Speckle is interference: a random walk of many echoes. Its SNR is √(π / (4 − π)), whatever the number of scatterers,
#   if there are many.
# * Its size is that of pulse and beam. It belongs to the scanner, not to the anatomy.
# * Compress against a fixed reference, or the background will tell what the lesion is.
# * A single pixel says little; what must be pooled depends on the grain. That is what first layers meet.

# %% [markdown]
# ## Further reading
#
# * Goodman, "Some fundamental properties of speckle", J. Opt. Soc. Am., 1976,
#   [doi 10.1364/JOSA.66.001145](https://doi.org/10.1364/JOSA.66.001145): the random walk, for laser light.
# * Wagner, Smith, Sandrik and Lopez, "Statistics of speckle in ultrasound B-scans", 1983,
#   [doi 10.1109/T-SU.1983.31404](https://doi.org/10.1109/T-SU.1983.31404).
# * Rodriguez-Molares et al., "The generalized contrast-to-noise ratio", 2020,
#   [doi 10.1109/TUFFC.2019.2956855](https://doi.org/10.1109/TUFFC.2019.2956855).
# * Garcia, "SIMUS: an open-source simulator for medical ultrasound imaging", 2022,
#   [doi 10.1016/j.cmpb.2022.106726](https://doi.org/10.1016/j.cmpb.2022.106726): physics in more detail than ours.
# * Szabo, *Diagnostic Ultrasound Imaging: Inside Out*: a whole book about the chain.
