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
import os

import matplotlib.pyplot as plt
import torch

import usft_lib as usft
from usft_lib.simulate.points import image_points

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": more places, smaller error
SEED = 0
PLACES = 100_000 if PROFILE == "full" else 20_000

# %% [markdown]
# Every ultrasound image has a grain. It looks like noise, but hold the probe still and scan again: the same grain comes
# back. It is not tissue either. Where a dot is bright, there is no bright thing. Where does it come from? Follow the
# echoes on their way to a picture.
#
# ## Guess first
#
# Tissue is full of tiny structures, called **scatterers**. Each sends back a weak echo. At one
# place, the echoes of 200 scatterers arrive together. Their waves add up, and the strength of the sum is the brightness
# of this place. At the next place there are 200 others, and the brightness is different. Take many places, and divide
# the **mean** brightness by its **standard deviation**.
#
# Now take 400 scatterers at each place. **By which factor does this ratio change?** 1 means that it stays the same.

# %%
usft.guess("05.a", ...)  # the ratio with 400 scatterers ÷ with 200

# %% [markdown]
# ## Echoes are waves
#
# An echo is a wave. It has a size and a **phase**, which tells how far its oscillation has come. If a scatterer lies a
# quarter of a wavelength deeper, the way there and back is half a wavelength longer, and its echo is upside down. So
# echoes can add up or cancel. Draw each echo as an arrow: its length is the size, its direction is the phase.
# Scatterers lie anywhere, so the directions are random. The sum of the arrows is the end of a *random walk*.

# %%
random_numbers = torch.Generator().manual_seed(SEED)


def echoes(scatterers, places):
    """An arrow of length 1 in a random direction for each echo: complex."""
    turns = torch.rand(places, scatterers, generator=random_numbers)
    return torch.polar(torch.ones_like(turns), 2 * torch.pi * turns)


sums = {}
for scatterers in (200, 400):
    sums[scatterers] = echoes(scatterers, PLACES).sum(dim=1)
    brightness = sums[scatterers].abs()
    ratio = brightness.mean() / brightness.std()
    print(f"{scatterers} scatterers: mean {brightness.mean():.1f}, ratio {ratio:.2f}")

# %% tags=["fold"]
# @title Draw three random walks, and the brightness of all places
named = {f"{number} scatterers": ends for number, ends in sums.items()}
usft.plots.walks_figure(echoes(200, 3), named)
plt.show()
ratios = {number: float(ends.abs().mean() / ends.abs().std()) for number, ends in sums.items()}
print(f"factor {ratios[400] / ratios[200]:.2f}; your guess: {usft.guesses().get('05.a', 'none')}")
usft.check_range(ratios[200], 1.87, 1.96, "ratio with 200 scatterers")
usft.check_range(ratios[400], 1.87, 1.96, "ratio with 400 scatterers")
usft.alt("walks of 200 steps end at different distances by chance; both histograms follow the same curve.")

# %% [markdown]
# <details><summary>What came out, and why?</summary>
#
# The ratio stays. If *brightness* were added, as in an average, it would have grown by the root of 2. But waves are
# added, and they may cancel. Twice as many scatterers make the mean larger, and the standard deviation by the same
# factor.
#
# </details>
#
# The dashed curve is the **Rayleigh distribution**, $p(r) = 2r\, e^{-r^2}$ for a brightness $r$ whose root mean square
# is one. It follows when many independent arrows are added (central limit theorem). Its ratio is
# $\sqrt{\pi / (4 - \pi)}$, about 1.91.
#
# ## From one echo to speckle
#
# A **transducer** in the probe sends a short pulse, a few oscillations long, and listens. What it hears is the **RF
# signal** (radio frequency): the pulse again, from each scatterer, and later from deeper ones. Time becomes depth:
# sound travels 1.54 mm in a microsecond, so an echo that comes one microsecond later comes from 0.77 mm deeper. The
# **envelope** is the curve that touches its crests. At each depth it is the length of the arrow.
#
# What happens if two scatterers are closer than the pulse is long?

# %% tags=["fold"]
# @title Set up a probe, and a function that scans scatterers
probe = usft.Scene(
    depth_cm=2, width_cm=2, centre_frequency_mhz=5, focus_cm=1, aperture_cm=10, attenuation_db_cm_mhz=0,
    contrast_db=None,
)  # fmt: skip
across = (torch.arange(129) - 64) * 20 / 128  # mm
down = (torch.arange(512) + 0.5) * 20 / 512  # mm


def scan(x, z):
    """Echoes of scatterers at these places (mm), complex [512, 129]."""
    return image_points(x, z, torch.ones(len(z)), across, down, probe)


# %%
quarter = probe.wavelength_mm / 4
x, z = torch.rand(2, 12_000, generator=random_numbers) * 19.9 + 0.04
crowd = torch.stack([x - 10, z])
heard = {
    "one scatterer": scan([0.0], [10.0]),
    "two, half a wavelength apart": scan([0.0, 0.0], [10.0, 10.0 + 2 * quarter]),
    "two, a quarter of a wavelength apart": scan([0.0, 0.0], [10.0, 10.0 + quarter]),
    "12 000 scatterers, anywhere": scan(*crowd),
}

# %% tags=["fold"]
# @title Draw the RF signal and its envelope
usft.plots.echo_lines_figure(heard, probe, (8, 12))
plt.show()
peak = {name: field[:, 64].abs() for name, field in heard.items()}
one, together, closer = (peak[name][230:285].max() for name in list(heard)[:3])
usft.check_range(together / one, 1.2, 2.0, "two in step, over one")
usft.check_range(closer / one, 0, 0.6, "two out of step, over one")
usft.alt("two scatterers in step give a stronger echo, two out of step a weak one; a crowd gives many hills.")

# %% [markdown]
# <details><summary>What happened?</summary>
#
# From the second row to the third, one scatterer came closer to the other, by less than a tenth of a millimetre. Now
# they cancel in the middle. Two weak hills are left at the ends, and neither is at a scatterer. With 12 000 scatterers
# (on its own scale) there are hills and gaps everywhere, and no hill is *a thing*. This is speckle.
#
# </details>
#
# In two dimensions one scatterer looks like a smear, the **point-spread function**. It is as long as the pulse along
# the beam (**axial**) and as wide as the beam across (**lateral**). Echoes from within one smear add up. So we call a
# patch of this size a *resolution cell*.

# %% tags=["fold"]
# @title Draw 7, 80 and 12 000 scatterers
few = torch.tensor([[-6, -3, 0, 3, 6, -4.5, 4.5], [3.5, 10, 10, 10, 10, 16, 16.5]])
places = [few, crowd[:, :80], crowd]
usft.plots.scatterers_figure([scan(*shown) for shown in places], places, 20)
plt.show()
usft.alt("seven scatterers are seven smears; some of 80 merge; of 12 000 the grain shows no single one.")

# %% [markdown]
# ## From echoes to a picture
#
# Now a body with a lesion. The library simulates the whole chain:
#
# 1. **Echogenicity**: how strongly the tissue sends echoes back. Only this is the anatomy.
# 2. Scatterers: random, as strong as step 1 says; their echoes weaken with depth.
# 3. The RF signal: all echoes of a line, through pulse and beam.
# 4. The envelope, with electronic noise, amplified more for late echoes.
# 5. **Log compression**: the level in decibels (see below) becomes grey.
# 6. **Scan conversion**: lines become pixels.

# %% tags=["fold"]
# @title Set the body and the probe
BODY = {
    "probe": "convex", "depth_cm": 8, "centre_frequency_mhz": 3.5, "scatterers_per_cell": float("inf"), "noise_db": -60,
    "dynamic_range_db": 60, "contrast_db": -14, "minor_radius_mm": 10, "aspect": 0.8, "lesion_depth_cm": 4,
    "lesion_offset_cm": 0, "shadow_db_cm_mhz": 1, "tgc_error_db": 0, "without_target": 0,
}  # fmt: skip
body = usft.ultrasound_scenes(1, seed=11, **BODY)[0]

# %%
data, stages = usft.simulate_ultrasound(1, size=256, seed=11, stages=True, **BODY)
for name, values in stages.items():
    print(f"{name:12s}{tuple(values.shape)}")

# %% tags=["fold"]
# @title Draw the stages
made = {name: values[0] for name, values in stages.items()}
usft.plots.chain_figure(made, body, data.images[0], data.masks[0])
plt.show()
returned = (made["level_db"] - made["loss_db"])[None, None]  # on average, dB
returned = torch.nn.functional.interpolate(returned, scale_factor=2.0, mode="bilinear")
highest, lowest = (torch.nn.functional.max_pool2d(sign * returned, 9, 1, 4) for sign in (1, -1))
even = (highest + lowest)[0, 0] < 3  # at a border the blur mixes two tissues
grain = (made["echoes"].abs() / 10 ** (returned[0, 0] / 20))[even]
usft.check_range(grain.mean() / grain.std(), 1.8, 1.97, "ratio of the grain, in all tissues together")
usft.alt("the lesion is clear in 1, blurred and grainy from 4 on, with a dark shadow behind it.")

# %% [markdown]
# The check printed below the figure divides the echoes by what each tissue sends back on average. What is left is the
# grain of all tissues together. Compare its ratio with Rayleigh's.
#
# <details><summary>What does this mean?</summary>
#
# **The grain does not tell in which tissue it lies** (if there are many scatterers). The anatomy is in the local *mean*
# only. A network's first layers see the grain before anything else.
#
# </details>
#
# ### Exercise 05.1 · Log compression
#
# Echoes differ so much in size that no screen can show them. So the level in **decibels** (dB) becomes the grey: ten
# decibels more are ten times the *power*, and power is the square of the envelope. Level against a reference:
#
# $$\text{level} = 10 \log_{10} \frac{\text{envelope}^2}{\text{reference}^2}$$
#
# A level of 0 dB is white, 1. A level of minus the **dynamic range** is black, 0. Between them grey grows evenly with
# the level. Beyond them it is cut off. The reference is a plain number.
#
# <details><summary>Hint 1</summary>
#
# The logarithm of a square is twice the logarithm: 20 · log₁₀(envelope / reference).
# </details>
# <details><summary>Hint 2</summary>
#
# The straight line through both points is 1 + level / dynamic range. `.clamp(0, 1)` cuts it off.
# </details>

# %%
def to_grey(envelope, reference, dynamic_range_db):
    """Grey values from 0 to 1, a tensor of the same shape as the envelope."""
    # BEGIN SOLUTION the level in dB over the dynamic range, cut off at 0 and 1
    level_db = 20 * torch.log10(envelope / reference)
    return (1 + level_db / dynamic_range_db).clamp(0, 1)
    # Why: in decibels, "twice as strong" is the same step in dark tissue and in bright tissue.
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
            "You got 0.75? The envelope is no power: amplitudes take 20 · log₁₀, and that of base 10.",
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
    import math

    levels_db = [20 * math.log10(max(float(e), 1e-12) / reference) for e in envelope.flatten()]
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
    import math

    return torch.log(envelope.clamp(floor, reference) / floor) / math.log(reference / floor)
# END RIGHT
# BEGIN RIGHT
def to_grey(envelope, reference, dynamic_range_db):
    level = 20 * (torch.log10(envelope) - torch.log10(torch.tensor(reference)))
    return torch.where(level > 0, 1.0, torch.where(level < -dynamic_range_db, 0.0, 1 + level / dynamic_range_db))
# END RIGHT

# %% [markdown]
# ### Exercise 05.2 · Which reference?
#
# What is white? Many programs take the image's own maximum. We try this on two **phantoms**: simulated blocks of even
# material. Only the lesion differs: 12 dB darker, or 12 dB brighter than what lies around it. We print the mean grey of
# the **background**, once with the image's own maximum as white, once with a fixed level.

# %%
distance = torch.arange(512) - 255.5
background = torch.hypot(distance[:, None], distance[None]) > 170  # outside the lesion
grey = {}
for contrast_db in (-12, 12):
    phantom = usft.bmode(contrast_db=contrast_db, seed=SEED)
    envelope = phantom.stages["envelope"]
    for reference, white in {"own maximum": envelope.max(), "fixed": 30.0}.items():
        level = 20 * torch.log10(envelope.clamp_min(1e-6) / white)
        mean = (1 + level / 60).clamp(0, 1)[background].mean()
        grey[reference, contrast_db] = float(mean)
        print(f"lesion {contrast_db:+d} dB, {reference}: {mean:.3f}")

# %% [markdown]
# With which reference does the background tell whether the lesion is dark or bright? Set `tells` to its name, and
# `difference` to the difference between both backgrounds (dark minus bright lesion) with it.

# %%
# BEGIN SOLUTION "own maximum" or "fixed", and a difference of two printed numbers
tells = "own maximum"
difference = grey["own maximum", -12] - grey["own maximum", 12]
# Why: a bright lesion raises the maximum, and everything else becomes darker.
# END SOLUTION

# %% tags=["reading"]
# @title Check 05.2
# BEGIN CHECK
gap = {name: grey[name, -12] - grey[name, 12] for name in ("own maximum", "fixed")}
usft.check_range(gap["own maximum"], 0.04, 0.3, "background, own maximum: difference")
usft.check_range(gap["fixed"], -0.005, 0.005, "background, fixed: difference")
usft.check(
    lambda: (str(tells), float(difference)),
    {
        "which reference": ((), lambda r: r[0] == "own maximum", "which of the two changes where the tissue is equal?"),
        "the difference": (
            (),
            lambda r: abs(r[1] - gap["own maximum"]) < 2e-3,
            "both numbers with the same reference: dark lesion minus bright lesion.",
        ),
    },
    exercise="05.2",
)
# END CHECK

# %%
# BEGIN WRONG "where the tissue is equal"
tells, difference = "fixed", gap["fixed"]
# END WRONG
# BEGIN WRONG "dark lesion minus bright"
tells, difference = "own maximum", grey["own maximum", -12] - grey["fixed", -12]
# END WRONG
# BEGIN WRONG "dark lesion minus bright"
tells, difference = "own maximum", -gap["own maximum"]
# END WRONG
# BEGIN RIGHT
tells, difference = "own maximum", round(gap["own maximum"], 3)
# END RIGHT

# %% [markdown]
# Write one sentence: what would a network learn from images that were scaled by their own maximum? Then open the
# points.
#
# <details><summary>Three points to look for</summary>
#
# * It can tell the kind of lesion from a corner without a lesion.
# * Where images are scaled in another way, this trick fails.
# * Many public archives are scaled in this way. Find this out before you train.
# </details>
#
# ## What the tissue takes away
#
# Each centimetre takes a fixed share of the wave, as with X-rays (lesson 01). At 1 MHz a wave loses about ½ dB in a
# centimetre, at 5 MHz five times as much. The echo must come back, so each centimetre of depth costs twice as much.
# High frequencies give fine pictures of little depth.

# %%
# NBVAL_CHECK_OUTPUT
for mhz in (2.5, 5, 10):
    loss = 2 * 0.5 * mhz  # dB for each cm of depth, there and back
    print(f"{mhz:4.1f} MHz: {loss:4.1f} dB for each cm, 60 dB at {60 / loss:4.1f} cm")

# %% [markdown]
# The scanner gives back what plain tissue takes: **time-gain compensation** (TGC) amplifies late echoes more. It cannot
# know what lies on the way. Behind a lesion that takes more, the gain is too small: a **shadow**. Behind fluid, which
# takes nearly nothing, it is too large: **enhancement**.

# %% tags=["fold"]
# @title Draw no TGC, TGC, a shadow and an enhancement
pictures, below = [], {}
for name, tgc in {"without TGC": 0, "with TGC": 1}.items():
    shown = usft.bmode(centre_frequency_mhz=10, depth_cm=8, attenuation_db_cm_mhz=0.7, tgc=tgc, size=192)
    pictures.append((name, shown.image[None], shown.mask[None]))
for name, contrast, more in (("a lesion that takes more", -12, 1), ("fluid", -80, -0.45)):
    drawn, kept = usft.simulate_ultrasound(
        1, size=192, seed=SEED, preset="cyst_phantom", stages=True, contrast_db=contrast, shadow_db_cm_mhz=more
    )
    power = kept["envelope"][0].square()[320:]  # below the lesion
    below[name] = float(10 * torch.log10(power[:, 168:216].mean() / power[:, :60].mean()))
    title = f"{name}\nbehind it: {below[name]:+.0f} dB against beside it"
    pictures.append((title, drawn.images[0], drawn.masks[0]))
usft.plots.pictures_figure(pictures)
plt.show()
assert below["a lesion that takes more"] < -3 < 3 < below["fluid"]
usft.alt("TGC evens out the picture until noise takes over; it is dark behind what takes more, bright behind fluid.")

# %% [markdown]
# Shadow and enhancement are not part of the lesion. A network that sees little around it may draw a shadow as lesion.
# Deep down, TGC amplifies noise. This noise has a grain, too, but a new one in each scan.
#
# ## From lines to pixels
#
# The lines of a convex probe start on an arc of radius $R$ and fan out from a common point behind it. To fill a pixel,
# we ask where *it* lies on the scanner's grid, and look there.
#
# ### Exercise 05.3 · Look it up
#
# A pixel lies $x$ mm to the right of the middle line, and $z$ mm below the **middle of the probe's face**. The lines
# meet $R$ mm above this middle. Return the **range** (the pixel's distance from the face along its line, in mm) and the
# **angle** of this line in **degrees** against the middle line, positive to the right.
#
# <details><summary>Hint 1</summary>
#
# Measure from the point where the lines meet. The pixel lies z + R below it.
# </details>
# <details><summary>Hint 2</summary>
#
# Distance by `torch.hypot`. Angle by `torch.atan2`, which counts in radians. The face lies R from the meeting point.
# </details>

# %%
def look_up(x_mm, z_mm, radius_mm):
    """Range in mm and angle in degrees of pixels, tensors of the shape of x_mm."""
    # BEGIN SOLUTION distance from where lines meet, less the radius; the angle there
    below_mm = z_mm + radius_mm
    range_mm = torch.hypot(x_mm, below_mm) - radius_mm
    return range_mm, torch.rad2deg(torch.atan2(x_mm, below_mm))
    # Why: going from pixels to samples leaves no holes; the other way round would.
    # END SOLUTION


# %%
# @title Check 05.3
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
    "the middle of the face": (
        ([0.0], [0.0], 50.0),
        "range 0 is at the face, not where lines meet; and the angle is 0 (90°? x first in atan2).",
    ),
    "straight below": (([30.0], [0.0], 50.0), "on the middle line the range is z, and the angle 0: x first in atan2."),
    "the face's right end": (([0.0], [30.0], 50.0), "0 mm, 30 degrees: measure from where lines meet, R above it."),
    "left": (([40.0], [-20.0], 50.0), "left of the middle the angle is negative."),
    "far right": (([60.0], [35.0], 50.0), "right at the face but not below: angles in degrees, range along the line."),
    "a small probe": (([25.0], [45.0], 12.0), "use the radius that is given."),
    "four pixels": (([[5.0, 10.0], [20.0, 40.0]], [[-10.0, 0.0], [8.0, 30.0]], 40.0), "each pixel by itself."),
}
usft.check(
    look_up,
    {name: (at(*where), lies_at(*where[:2]), hint) for name, (where, hint) in places.items()},
    exercise="05.3",
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
    return place.abs() - radius_mm, place.angle() * 180 / torch.pi
# END RIGHT
# BEGIN RIGHT
def look_up(x_mm, z_mm, radius_mm):
    away = ((z_mm + radius_mm) ** 2 + x_mm**2) ** 0.5
    return away - radius_mm, torch.asin(x_mm / away).rad2deg()
# END RIGHT

# %% [markdown]
# What does this do to a patch? Two patches of the scanner's grid, equal in lines and samples, are marked in both
# pictures.

# %% tags=["fold"]
# @title Draw the scanner's grid and the picture
patches = {"near": ((12, 20), (8, 16)), "far": ((12, 20), (66, 74))}
usft.plots.grids_figure(made["grey"], data.images[0], body, patches)
plt.show()
eight_degrees = torch.deg2rad(torch.tensor(8.0))
wide = {name: (10 * body.radius_cm + depths[0]) * eight_degrees for name, (_, depths) in patches.items()}
print(f"width in the picture: near {wide['near']:.0f} mm, far {wide['far']:.0f} mm")
usft.alt("two equal patches of the scanner's grid: in the picture the far one is about twice as wide.")

# %% [markdown]
# In the picture the far patch is wider, and it turns with the angle. So does the grain. A convolution uses the same
# weights everywhere.

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
Twice as many scatterers in each place. What happens to the grain of the picture?

- [x] Its look stays the same: the whole picture only becomes brighter.
  Mean and standard deviation grow by the same factor, and TGC or gain takes the brightness back.
- [ ] It becomes smoother, because more echoes are averaged.
  Waves are added, not averaged: they still cancel by chance.
- [ ] Its dots become smaller, because there are more of them.
  The size of a dot is that of pulse and beam. Lesson 06 measures it.
""")

# %%
# @title Question 2
usft.Quiz("""
You add random noise to every pixel of the training images, "to make the network robust against the speckle of other
probes". What does this imitate?

- [ ] Speckle of other probes.
  Neighbouring pixels share a dot of speckle, and before log compression it multiplies. Pixel noise does neither.
- [x] At best the electronic noise of the scanner.
  It is added, and has nothing to do with the echoes. (A scanner adds it before log compression.)
- [ ] Tissue with fewer scatterers.
  That changes the distribution of the brightness, within dots of the same size.
""")

# %%
# @title Question 3
usft.Quiz("""
Why may images of one person not lie in training *and* test, although the speckle of each scan may differ? (From lesson
01.)

- [ ] They may: other speckle makes other images.
  The anatomy is the same. A network can recognise the person and draw the outline from memory.
- [x] The anatomy is the same, so the test would be too easy.
  This is a leak. Split by subject.
- [ ] Because the masks would be wrong.
  The masks are right. The test is not.
""")

# %% [markdown]
# ## What this does not show
#
# * **A living body.** This is the realism of a test phantom: layers, fibres and lesions drawn by functions.
# * **Effects that we left out**: refraction and shadows of edges, different speeds of sound, the thickness of the
#   slice, multiple reflections, non-linear (harmonic) imaging.
# * **What a scanner adds** after the envelope: speckle reduction, edge enhancement. There, Rayleigh's law is not valid.

# %% [markdown]
# ## Recap
#
# * Speckle is interference: many echoes add up or cancel.
# * With many scatterers the anatomy is in the local mean, not in the grain.
# * Scale images by a fixed reference, or the background tells about the lesion.
#
# ## Try it alone
#
# Give each arrow of the random walk another length (`torch.rand`). Does the ratio change? And with three arrows only?

# %% [markdown]
# ## Further reading
#
# * Goodman, "Some fundamental properties of speckle", 1976,
#   [doi 10.1364/JOSA.66.001145](https://doi.org/10.1364/JOSA.66.001145): the random walk, for laser light.
# * Wagner and others, "Statistics of speckle in ultrasound B-scans", 1983,
#   [doi 10.1109/T-SU.1983.31404](https://doi.org/10.1109/T-SU.1983.31404).
