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
from IPython.display import display

import usft_lib as usft

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": more phantoms
SEED = 0
PHANTOMS = 12 if PROFILE == "full" else 2  # for each measurement

# %% [markdown]
# Two scanners look at the same lesion. It sends back 6 dB less than the tissue around it: a quarter of the power. It
# lies in the middle. In which picture do you see where it ends?

# %% tags=["fold"]
# @title Draw one lesion, seen by two scanners
scanners = {
    "fine grain": {"centre_frequency_mhz": 6, "f_number": 1.5},
    "coarse grain": {"centre_frequency_mhz": 2.5, "f_number": 4},
}
looks = {name: usft.bmode(contrast_db=-6, size=128, seed=SEED, **settings) for name, settings in scanners.items()}
nothing = torch.zeros(1, 128, 128, dtype=torch.bool)  # no outline: it would draw the border for you
panels = [(f"{name}, gCNR {shown.gcnr:.2f}", shown.image[None], nothing) for name, shown in looks.items()]
usft.plots.pictures_figure(panels, columns=2)
plt.show()
usft.alt("the lesion has a clear border in fine grain, not in coarse grain; the gCNR is nearly the same.")

# %% [markdown]
# The number above the pictures, the gCNR, says how well grey tells lesion from tissue, from 0 to 1. Does it fit what
# you see?
#
# ## Guess first
#
# Take *single* pixels, half of them from this lesion, half from beside it. Choose the best threshold for their grey.
# **What share of the pixels ends up on the right side?** Tossing a coin gives 0.5.

# %%
usft.guess("06.a", ...)  # share of single pixels on the right side

# %% [markdown]
# ## How large is a grain?
#
# A grain of speckle is as large as the point-spread function (lesson 05). **Along** the beam this is the pulse: about
# $c / (2 B f)$, with the speed of sound $c$, the frequency $f$ and the bandwidth $B$ as a share of $f$. **Across** it
# is the beam: it grows with $\lambda F$. Here $\lambda$ is the wavelength. The **F-number** $F$ is the depth divided by
# the **aperture**, the width of the part of the probe that listens. (Attenuation makes the grain a little wider.)
#
# To measure the size we take the autocovariance: how alike two places are, by their distance. Its full width at half
# its height is the size of a grain. The theory in the figure is exact for our pulse and beam.

# %%
def grain_mm(**settings):
    """Size of the grain along and across: means over phantoms, and theory."""
    settings["attenuation_db_cm_mhz"] = 0
    found = [usft.bmode(seed=100 + k, **settings) for k in range(PHANTOMS)]
    measured = {side: sum(getattr(b, side) for b in found) / PHANTOMS for side in SIDES}
    return measured, found[0].theory


SIDES = ("axial_mm", "lateral_mm")
sizes = {}
for mhz in (3, 5, 8):
    for f_number in (1, 2, 3):
        sizes[mhz, f_number] = grain_mm(centre_frequency_mhz=mhz, f_number=f_number)

# %% tags=["fold"]
# @title Draw measured sizes against theory
points = {side: {f"{mhz} MHz": [] for mhz in (3, 5, 8)} for side in SIDES}
for (mhz, _), (measured, theory) in sizes.items():
    for side in SIDES:
        points[side][f"{mhz} MHz"].append((theory[side], measured[side]))
usft.plots.grains_figure(points["axial_mm"], points["lateral_mm"])
plt.show()
ratios = [measured[side] / theory[side] for measured, theory in sizes.values() for side in SIDES]
usft.check_range(min(ratios), 0.75, 1.0, "measured over theory, smallest")
usft.check_range(max(ratios), 0.95, 1.3, "measured over theory, largest")
usft.alt("the points lie near the line: the grain follows pulse and beam, and is smaller at higher frequency.")

# %% [markdown]
# Nothing in the theory is about tissue. The grain belongs to the *scanner*. Another probe changes the texture of all
# images at once, and the shapes stay.
#
# ## Contrast and gCNR
#
# **Contrast** is the ratio of two mean powers, in dB. It says nothing about how much the values vary. The
# generalised contrast-to-noise ratio, **gCNR**, compares two histograms:
#
# $$\text{gCNR} = 1 - \sum_k \min(p_k, q_k)$$
#
# $p_k$ and $q_k$ are the shares of pixels inside and beside the lesion that fall into bin $k$. The sum is the overlap.
# If grey tells all pixels apart, the overlap is 0 and the gCNR is 1.

# %% tags=["fold"]
# @title Draw the overlap of both scanners
values = {}
for name, shown in looks.items():
    level = 20 * torch.log10(shown.stages["envelope"].clamp_min(1e-6))
    inside = torch.nn.functional.interpolate(shown.mask[None, None].float(), size=level.shape)[0, 0] > 0
    rows = inside.any(dim=1)
    values[name] = (level[inside], level[rows][~inside[rows]])
usft.plots.overlap_figure(values)
plt.show()
usft.alt("fine or coarse, the two histograms overlap by nearly the same amount, about half.")

# %% [markdown]
# ### Exercise 06.1 · Write gCNR
#
# You get the values inside and beside, two tensors that may differ in length. Use 64 bins of equal width from the
# smallest to the largest value **of both together**.
#
# <details><summary>Hint 1</summary>
#
# `torch.histc(values, 64, low, high)` or `numpy.histogram(values, 64, (low, high))` count.
# </details>
# <details><summary>Hint 2</summary>
#
# Divide each count by its own number of values. Then take the smaller share of each bin.
# </details>

# %%
def gcnr(inside, beside):
    """Generalised contrast-to-noise ratio, from 0 to 1."""
    # BEGIN SOLUTION shares in 64 common bins; 1 minus the sum of the smaller ones
    both = torch.cat([inside, beside])
    low, high = float(both.min()), float(both.max())
    p = torch.histc(inside, 64, low, high) / len(inside)
    q = torch.histc(beside, 64, low, high) / len(beside)
    return 1 - torch.minimum(p, q).sum()
    # Why: where both histograms have pixels, no threshold can tell them apart.
    # END SOLUTION


# %%
# @title Check 06.1
# BEGIN CHECK
def of(*values):
    return torch.tensor(values, dtype=torch.float64)


def comb(inside, beside, step):
    """Values spread evenly over 64 bins of width 1."""
    places = torch.arange(0, 64, step, dtype=torch.float64)
    return torch.cat([of(0), places + inside]), torch.cat([places + beside, of(64)])


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
        "equal means": (
            (of(0, 0, 1, 1), of(0.5, 0.5)),
            1.0,
            "no overlap: compare histograms, not means, nor one threshold (these lie on both sides).",
        ),
        "neighbours, one bin apart": (comb(0.5, 1.5, 2), 1.0, "64 bins: with fewer, neighbours fall together."),
        "neighbours, in one bin": (
            comb(0.3, 0.7, 1),
            lambda found: float(found) < 0.05,
            "64 bins: with more, values that are nearly equal count as different.",
        ),
        "two bells": ((dark, plain), 0.68, "about ⅔ for bells two spreads apart: 64 bins, neither two nor thousands."),
    },
    exercise="06.1",
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
# BEGIN WRONG "not means, nor one threshold"
def gcnr(inside, beside):
    cuts = torch.cat([inside, beside]).sort().values
    return max(abs(float((inside <= c).double().mean() - (beside <= c).double().mean())) for c in cuts)
# END WRONG
# BEGIN WRONG "with fewer, neighbours fall"
def gcnr(inside, beside):
    both = torch.cat([inside, beside])
    p, q = (torch.histc(v, 16, float(both.min()), float(both.max())) / len(v) for v in (inside, beside))
    return 1 - torch.minimum(p, q).sum()
# END WRONG
# BEGIN WRONG "with fewer, neighbours fall"
def gcnr(inside, beside):
    both = torch.cat([inside, beside])
    p, q = (torch.histc(v, 32, float(both.min()), float(both.max())) / len(v) for v in (inside, beside))
    return 1 - torch.minimum(p, q).sum()
# END WRONG
# BEGIN WRONG "with more, values that are nearly equal"
def gcnr(inside, beside):
    both = torch.cat([inside, beside])
    p, q = (torch.histc(v, 128, float(both.min()), float(both.max())) / len(v) for v in (inside, beside))
    return 1 - torch.minimum(p, q).sum()
# END WRONG
# BEGIN WRONG "with more, values that are nearly equal"
def gcnr(inside, beside):
    both = torch.cat([inside, beside])
    p, q = (torch.histc(v, 256, float(both.min()), float(both.max())) / len(v) for v in (inside, beside))
    return 1 - torch.minimum(p, q).sum()
# END WRONG
# BEGIN WRONG "with more, values that are nearly equal"
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
# With the best threshold, a share of (1 + gCNR) / 2 of the pixels is told right, if the two histograms cross only once,
# as here. Single samples of speckle follow the
# Rayleigh distribution (lesson 05). So their gCNR can be computed exactly:

# %%
# NBVAL_CHECK_OUTPUT
for contrast_db in (3, 6, 12, 20):
    ratio = 10 ** (contrast_db / 10)  # of two mean powers
    exact = ratio ** (-1 / (ratio - 1)) - ratio ** (-ratio / (ratio - 1))
    print(f"{contrast_db:2d} dB: gCNR {exact:.2f}, {(1 + exact) / 2:.1%} told right")

# %% tags=["fold"]
# @title Compare with your guess
print(f"the line of 6 dB answers it; your guess: {usft.guesses().get('06.a', 'none')}")

# %% [markdown]
# No contrast stretch and no other function of *one sample* can do better, with any probe. (Where a pixel is larger than
# a grain, it is an average already.)
#
# ## The speckle bench
#
# Which settings of a scanner change the gCNR? Move the sliders. **Your task** is written above them. Always begin with
# *Reset*. Nothing to slide? `bench.settings = {"tgc": 0.5}` moves one by code.

# %% tags=["fold"]
# @title Set the task
def moved_alone(seen):
    """The sliders that alone, from their start, brought the gCNR below 0.5."""
    start, names = seen.iloc[0], list(bench_start)
    found = set()
    for _, row in seen[seen["gcnr"] < 0.5].iterrows():
        moved = [name for name in names if row[name] != start[name]]
        if len(moved) == 1:
            found.add(moved[0])
    return found


bench_start = usft.SpeckleBench().settings
task = usft.Task(
    "From Reset, move one slider at a time. Two of the nine can push the gCNR below 0.5. Find a value for each.",
    done=lambda seen: len(moved_alone(seen)) >= 2,
)

# %%
bench = usft.SpeckleBench(tasks=[task])
display(bench)

# %% tags=["fold"]
# @title Without the mouse: two sliders by code
if not task.solved:
    for settings in ({"contrast_db": -6}, {"scatterers_per_cell": 0.5}):
        bench.settings = bench_start | settings
print(task)

# %% tags=["fold"]
# @title What the other sliders do
others = {
    "start": {},
    "frequency 2.5 MHz": {"centre_frequency_mhz": 2.5},
    "bandwidth 0.9": {"bandwidth": 0.9},
    "F-number 5": {"f_number": 5},
    "depth 8 cm": {"depth_cm": 8},
}
for name, settings in others.items():
    shown = usft.bmode(**settings)
    print(f"{name:18s} grain {shown.axial_mm:.2f} × {shown.lateral_mm:.2f} mm, gCNR {shown.gcnr:.2f}")
    usft.check_range(shown.gcnr, 0.7, 0.82, f"gCNR, {name}")

# %% [markdown]
# <details><summary>What came out, and why</summary>
#
# Of the settings shown, only the lesion's contrast and the number of scatterers do it. Few scatterers make dark gaps
# everywhere, inside and beside. Frequency, bandwidth and F-number change the grain, but hardly the gCNR: it takes one
# pixel at a time and does not know how large a grain is. The dynamic range changes what you see, not what can be told
# apart.
# </details>
#
# ## What must a layer see?
#
# In one picture you saw the border, in the other not. So your eye seems to average. We do the same: take the mean grey
# of a window, and ask how many windows are told right. The lesion is fainter now, 3 dB.
# Lines show how many pixels the first groups of our U-Net see (lesson 02).

# %% tags=["fold"]
# @title Measure windows of growing size in both scanners
def told_right(a, b):
    """Share on the right side of the best threshold, for as much of a as of b."""
    order = torch.cat([a, b]).argsort()
    step = torch.cat([torch.full_like(a, 1 / len(a)), torch.full_like(b, -1 / len(b))])[order]
    return float((1 + step.cumsum(0).abs().max()) / 2)


def by_window(windows, **settings):
    """For each side of a window, the share of windows told right, ten phantoms together."""
    shares = {}
    shown = [usft.bmode(contrast_db=-3, size=128, seed=k, **settings) for k in range(10)]
    for w in windows:
        means = [torch.nn.functional.avg_pool2d(b.image[None, None], w, 1)[0, 0] for b in shown]
        share = [torch.nn.functional.avg_pool2d(b.mask[None, None].float(), w, 1)[0, 0] for b in shown]
        middle = slice(45 - w // 2, 83 - w // 2)  # rows at the depth of the lesion
        dark = torch.cat([m[s > 0.999] for m, s in zip(means, share, strict=True)])
        plain = torch.cat([m[middle][s[middle] == 0] for m, s in zip(means, share, strict=True)])
        shares[w] = told_right(dark, plain)
    return shares


windows = (1, 3, 5, 7, 9, 13, 17, 21)
right = {name: by_window(windows, **settings) for name, settings in scanners.items()}
fields = usft.receptive_fields(usft.UNet(width=16, depth=4))
usft.plots.windows_figure(right, {name: fields[name] for name in ("enc1", "enc2")}, 40 / 128, wanted=0.75)
plt.show()
for name, shares in right.items():
    print(f"{name}:", {side: round(share, 2) for side, share in shares.items()})
usft.check_range(right["coarse grain"][1], 0.54, 0.68, "coarse grain, single pixels")
usft.check_range(right["fine grain"][5] - right["coarse grain"][5], 0.08, 0.4, "fine minus coarse, 5 pixels")
usft.alt("single pixels tell little; larger windows tell more, and much sooner where the grain is fine.")

# %% [markdown]
# ### Exercise 06.2 · Read the windows
#
# Set `fine` and `coarse`: for each scanner the side of the smallest window, of those tried, that tells at least 0.75
# right.

# %%
# BEGIN SOLUTION two sides in pixels, from the printed lines
fine = min(side for side, share in right["fine grain"].items() if share >= 0.75)
coarse = min(side for side, share in right["coarse grain"].items() if share >= 0.75)
# Why: a coarse grain covers several pixels, so as many grains take more pixels.
# END SOLUTION

# %% tags=["reading"]
# @title Check 06.2
# BEGIN CHECK
needed = {name: min(side for side, share in shares.items() if share >= 0.75) for name, shares in right.items()}
usft.check(
    lambda: (fine, coarse),
    {
        "fine grain": ((), lambda r: r[0] == needed["fine grain"], "the first side whose share is 0.75 or more."),
        "coarse grain": ((), lambda r: r[1] == needed["coarse grain"], "the same in the other line."),
    },
    exercise="06.2",
)
# END CHECK

# %%
# BEGIN WRONG "0.75 or more"
fine, coarse = 1, needed["coarse grain"]
# END WRONG
# BEGIN WRONG "in the other line"
fine, coarse = needed["fine grain"], needed["fine grain"]
# END WRONG
# BEGIN RIGHT
fine, coarse = float(needed["fine grain"]), torch.tensor(needed["coarse grain"])
# END RIGHT

# %% [markdown]
# Write one sentence: what must change in a network that moves from fine to coarse grain? Then open the points.
#
# <details><summary>Three points to look for</summary>
#
# * In fine grain the few pixels of enc1 are enough. In coarse grain they are not: a later layer, which sees more
#   pixels, must average.
# * A larger window has its price: it no longer knows where exactly the border is.
# * Either the first layers must change, or those that use them. Which is better, is a question for experiments (lesson
#   08).
# </details>

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
You halve the aperture of a probe. What happens to the grain?

- [x] It becomes twice as wide across the beam.
  The F-number doubles, and across the grain goes with the wavelength times the F-number.
- [ ] It becomes twice as long along the beam.
  Along the beam it is the pulse, which does not know the aperture.
- [ ] It becomes finer, since less tissue is heard.
  A smaller aperture makes a wider beam, so more tissue is heard at once.
""")

# %%
# @title Question 2
usft.Quiz("""
A filter averages grey over windows of 5 pixels. The gCNR of the filtered picture is higher. What was gained?

- [ ] Information: the filter has found what was hidden.
  It was all in the picture before. A network could have averaged itself.
- [x] Single pixels now stand for a window, at the price of a blurred border.
  gCNR takes one pixel at a time. After averaging, a pixel knows its neighbours.
- [ ] Nothing: gCNR does not change under any filter.
  It does not change when each grey value gets a new value of its own. Averaging is not of this kind.
""")

# %%
# @title Question 3
usft.Quiz("""
Why do the bottleneck's pixels see so much more than those of enc1, with the same 3 × 3 convolutions? (From lesson 02.)

- [x] The picture was halved four times before.
  Each step at the bottleneck is sixteen pixels of the image.
- [ ] Its convolutions have more channels.
  Channels do not widen what is seen.
- [ ] It was trained to look further.
  The limit follows from the layers alone. Training decides what is used of it.
""")

# %% [markdown]
# ## What this does not show
#
# * **Real tissue.** It often has few or unequal scatterers, so its speckle is not fully developed.
# * **What a network does.** The mean of a window is a simple feature. A network may find better ones.
# * **That it transfers.** Whether this matters on real images is measured (lessons 10 and 11).

# %% [markdown]
# ## Recap
#
# * The size of a grain is that of pulse and beam. It belongs to the scanner.
# * gCNR is 1 minus the overlap of two histograms. It takes single pixels, so the grain's size does not matter to it.
# * To see a faint lesion, average over many *grains*. How many pixels this takes depends on the scanner.
#
# ## Try it alone
#
# For each `shown` in `looks.values()`, the two pictures of the beginning: filter it with
# `torch.nn.functional.avg_pool2d(shown.image[None], 5, 1, 2)[0]`, and compute your gCNR inside and outside
# `shown.mask`.

# %% [markdown]
# ## Further reading
#
# * Rodriguez-Molares and others, "The generalized contrast-to-noise ratio", 2020,
#   [doi 10.1109/TUFFC.2019.2956855](https://doi.org/10.1109/TUFFC.2019.2956855).
# * Wagner and others, "Statistics of speckle in ultrasound B-scans", 1983,
#   [doi 10.1109/T-SU.1983.31404](https://doi.org/10.1109/T-SU.1983.31404).
