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

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": more people
SEED = 1
SOFT, BONE = 0.020, 0.045  # attenuation per mm of soft tissue and of bone, about that of a 60-70 keV photon
PEOPLE = 120 if PROFILE == "full" else 40  # in the experiment with four images of each
SIZE = 64  # pixels a side, there
print(f"profile {PROFILE}: {PEOPLE} simulated people, four frames of each")

# %% [markdown]
# Two things stand in every file of this course: an image and a mask. This lesson makes an image from scratch, scores
# masks in two ways, and then builds a method with a splendid score. That method has no network and no training, and it
# is worthless. Finding out why is the point.
#
# ## Predict first
#
# We simulate ultrasound of some people, **four frames of each**: the same lesion, the probe moved a little, fresh
# speckle. We shuffle all images and keep some for the test. For each test image we look up the training image that is
# most like it, pixel by pixel, and **copy that image's mask**.
#
# **What mean Dice will that reach?** 1 is perfect, 0 a complete miss. Write your guess in place of ours.

# %%
usft.guess("01.a", ...)  # your guess: mean Dice of copied masks

# %% [markdown]
# ## A radiograph in five lines
#
# An X-ray image is a shadow. Along each ray, every millimetre of tissue takes out a fixed *share* of the photons that
# are still there. A fixed share each millimetre means an exponential: the **Beer–Lambert law**,
#
# $$I = I_0\, e^{-(\mu_\text{soft} t_\text{soft} + \mu_\text{bone} t_\text{bone})}$$
#
# where $t$ is how many millimetres of a material the ray crosses, and $\mu$ how strongly that material attenuates. How
# much is left behind soft tissue alone?

# %%
# NBVAL_CHECK_OUTPUT
for mm in (0, 50, 100, 200):
    left = torch.exp(torch.tensor(-0.020 * mm))
    print(f"{mm:3d} mm of soft tissue: {left:6.1%} of the photons arrive")

# %% [markdown]
# Very few photons carry the picture of a chest. Most of a lung is air, and air stops hardly any.
#
# Now a chest. Three lines say where the lungs and the heart are. Then five lines make the picture: thickness of soft
# tissue, thickness of bone, Beer–Lambert, and a logarithm, which makes thickness add up to grey again.

# %%
y, x = torch.meshgrid(torch.linspace(-160, 160, 256), torch.linspace(-160, 160, 256), indexing="ij")  # mm
heart = ((x - 25) / 60) ** 2 + ((y - 60) / 50) ** 2 < 1
lungs = (((x.abs() - 68) / 46) ** 2 + (y / 115) ** 2 < 1) & ~heart

soft = 200 * (1 - (x / 165) ** 2).clamp(min=0).sqrt() * torch.where(lungs, 0.4, 1.0)  # mm
ribs = (y + 0.003 * x**2) % 34 < 9
bone = 10.0 * (ribs & (x.abs() < 125)) + 30.0 * (x.abs() < 14)  # mm; the spine in the middle
arriving = torch.exp(-(SOFT * soft + BONE * bone))
grey = -arriving.log()

# %%
maps = {
    "Soft tissue": (soft, "mm"),
    "Bone": (bone, "mm"),
    "What arrives": (100 * arriving, "% of the photons"),
    "What we are shown": (grey, "−log of the share that arrives"),
}
with plt.rc_context({**usft.plots.STYLE, "axes.grid": False}):
    figure, panels = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
    for axes, (title, (values, unit)) in zip(panels, maps.items(), strict=True):
        drawn = axes.imshow(values, cmap="gray")
        axes.set(title=title, xticks=[], yticks=[])
        figure.colorbar(drawn, ax=axes, label=unit, shrink=0.8)
    plt.show()
usft.alt("much tissue in the way, few photons: the negative logarithm makes bright bone and dark lungs.")

# %% [markdown]
# **Play.** In the parameters cell, give bone the attenuation of soft tissue, and run down to here: which parts fade,
# and which do not? Ribs and spine do, though not wholly: in our five lines they still come on top of the soft tissue.
# Lungs do not: they are air. At higher photon energies bone and soft tissue do come closer to each other, and ribs fade
# on real X-rays too.
#
# ## From five lines to a film
#
# `simulate_radiographs` does the same with more anatomy, and then what a real detector adds. Here is one chest, step by
# step: thickness of soft tissue and of bone in mm; the **primary** beam, which is Beer–Lambert; **scatter**, photons
# that were deflected and arrive in the wrong place; **quantum noise**, as photons come one by one; and the display,
# which stretches the contrast.
#
# Before you look: which step takes contrast away between the lungs and the mediastinum, the bright strip between them
# with heart and spine? And in which parts of the picture will noise show, the dark or the bright ones?

# %%
_, stages = usft.simulate_radiographs(1, size=256, seed=SEED, stages=True)
steps = {"soft_mm": "soft tissue, mm", "bone_mm": "bone, mm", "primary": "primary beam", "with_scatter": "+ scatter",
         "with_noise": "+ quantum noise", "display": "as displayed"}  # fmt: skip
with plt.rc_context({**usft.plots.STYLE, "axes.grid": False}):
    figure, panels = plt.subplots(2, 3, figsize=(11, 7.4), layout="constrained")
    for axes, (name, title) in zip(panels.flat, steps.items(), strict=True):
        values = stages[name][0, 0]
        shown = -values.log() if name in ("primary", "with_scatter", "with_noise") else values
        axes.imshow(shown, cmap="gray")
        axes.set(title=title, xticks=[], yticks=[])
    figure.suptitle("One radiograph, step by step (beams are shown as −log of what arrives)", fontsize=13)
    plt.show()
usft.alt("bone and tissue add up in the primary beam; scatter greys the bright parts, where noise shows, if anywhere.")

# %% [markdown]
# Scatter takes it away. It adds nearly the same amount of light everywhere: little behind a lung, where much arrives
# anyway, and much behind the mediastinum, where little does. So the two come closer.
#
# Photons come at random: where $N$ are expected, the spread is $\sqrt{N}$. Few photons, a large share of noise, and few
# arrive where the picture is bright. Here there are so many that you hardly see it. **What will a tenth of the exposure
# do to the noise?** Ten times fewer photons, so as a share it grows by $\sqrt{10}$, to about three times as much.

# %%
# NBVAL_CHECK_OUTPUT
for photons in (10_000, 1_000, 100):
    print(f"{photons:6d} photons expected: spread {photons**0.5:5.0f}, that is {1 / photons**0.5:.1%} of the signal")

# %% [markdown]
# Ultrasound works by other rules: its grey is the strength of an *echo*, and lesson 05 builds it. One thing is the
# same in both worlds: the grey value is physics, the mask is somebody's **answer**.
#
# ## A mask, and its size in the world
#
# A mask says yes or no for each pixel. Where the size of a pixel is known, a mask is a measurement.

# %%
chests = usft.simulate_radiographs(3, size=128, seed=SEED)
echoes = usft.simulate_ultrasound(3, size=128, seed=SEED, preset="breast")
with plt.rc_context(usft.plots.STYLE):
    figure, panels = plt.subplots(1, 6, figsize=(14, 3.2), layout="constrained")
    pairs = [(data, i) for data in (chests, echoes) for i in range(3)]
    for axes, (data, i) in zip(panels, pairs, strict=True):
        cm2 = float(data.masks[i].sum() * data.spacing_mm[i] ** 2 / 100)
        usft.plots.show_masks(axes, data.images[i], data.masks[i])
        axes.set_title(f"{cm2:.0f} cm²" if cm2 > 10 else f"{cm2:.1f} cm²")
    figure.suptitle("How large is what the mask outlines? Three pairs of lungs, three lesions", fontsize=13)
    plt.show()
usft.alt("lungs outlined on three X-rays measure hundreds of cm², lesions on three ultrasound images a few cm².")

# %% [markdown]
# An outline that is one pixel too wide all around adds a larger share to a small lesion than to a large one. So an
# equally careful hand scores lower on small objects, by the scores that follow too.
#
# ## How alike are two masks?
#
# Call the predicted mask $A$ and the true one $B$. Counting pixels that are right does not help: most of an image is
# background, and an empty mask gets all of that right. Two scores look at the object alone.
#
# $$\text{Dice} = \frac{2\,|A \cap B|}{|A| + |B|} \qquad\qquad \text{IoU} = \frac{|A \cap B|}{|A \cup B|}$$
#
# One case is left open: there is nothing to find, and nothing was drawn. That is $0/0$, and it is a perfect answer. In
# this course **two empty masks score 1**; anything drawn on an empty truth scores 0.
#
# ### Exercise 01.1 · Write Dice
#
# Two `bool` masks of one shape come in, one number goes out. No smoothing terms: they belong in a loss (lesson 03), a
# score should be what it says.
#
# <details><summary>Hint 1</summary>
#
# For bool masks, `a & b` is True where both are, and `.sum()` counts what is True.
# </details>
# <details><summary>Hint 2</summary>
#
# Ask for the sum of both areas first. If it is 0, nothing is left to divide, and you know the answer.
# </details>

# %%
def my_dice(predicted, true):
    """Dice of two bool masks of the same shape, a number in 0…1."""
    # BEGIN SOLUTION return twice the overlap over the sum of both areas, and 1 for two empty masks
    total = predicted.sum() + true.sum()
    if total == 0:
        return 1.0
    return 2 * (predicted & true).sum() / total
    # END SOLUTION


# %%
# @title Check 01.1
# BEGIN CHECK
def bar(*on):
    """A mask of one row of eight pixels, True at these places."""
    return torch.tensor([[k in on for k in range(8)]])


usft.check(
    my_dice,
    {
        "equal masks": ((bar(1, 2, 3), bar(1, 2, 3)), 1.0, "½: the 2 is missing; 2: bool + bool is 'or', not a sum."),
        "nothing in common": ((bar(1), bar(5)), 0.0, "no smoothing terms: with them a miss scores above 0."),
        "half of each": ((bar(1, 2), bar(2, 3)), 0.5, "1/3 is the IoU: divide by the sum of areas, not by the union."),
        "too large": ((bar(0, 1, 2, 3, 4, 5), bar(0, 1)), 0.5, "both areas count: what is drawn too much costs."),
        "nothing drawn": ((bar(), bar(4)), 0.0, "a missed object scores 0; only two empty masks score 1."),
        "nothing there": ((bar(), bar()), 1.0, "two empty masks agree: answer 1 instead of dividing 0 by 0."),
    },
    exercise="01.1",
)
# END CHECK

# %%
# BEGIN WRONG "the 2 is missing"
def my_dice(predicted, true):
    total = predicted.sum() + true.sum()
    return (predicted & true).sum() / total if total else 1.0
# END WRONG
# BEGIN WRONG "by the sum of areas, not by the union"
def my_dice(predicted, true):
    union = (predicted | true).sum()
    return (predicted & true).sum() / union if union else 1.0
# END WRONG
# BEGIN WRONG "bool + bool is 'or'"
def my_dice(predicted, true):
    return 2 * (predicted & true).sum() / (predicted + true).sum()
# END WRONG
# BEGIN WRONG "no smoothing terms"
def my_dice(predicted, true):
    return (2 * (predicted & true).sum() + 1e-2) / (predicted.sum() + true.sum() + 1e-2)
# END WRONG
# BEGIN WRONG "both areas count"
def my_dice(predicted, true):
    if not predicted.any() and not true.any():
        return 1.0
    return (predicted & true).sum() / true.sum() if true.any() else 0.0
# END WRONG
# BEGIN WRONG "instead of dividing 0 by 0"
def my_dice(predicted, true):
    return 2 * (predicted & true).sum() / (predicted.sum() + true.sum())
# END WRONG
# BEGIN WRONG "instead of dividing 0 by 0"
def my_dice(predicted, true):
    return 2 * (predicted & true).sum() / (predicted.sum() + true.sum() + 1e-8)
# END WRONG
# BEGIN WRONG "only two empty masks score 1"
def my_dice(predicted, true):
    if not predicted.any() or not true.any():
        return 1.0
    return 2 * (predicted & true).sum() / (predicted.sum() + true.sum())
# END WRONG
# BEGIN RIGHT
def my_dice(predicted, true):
    import numpy as np
    a, b = np.asarray(predicted), np.asarray(true)
    total = a.sum() + b.sum()
    return 2 * np.logical_and(a, b).sum() / total if total > 0 else 1
# END RIGHT
# BEGIN RIGHT
def my_dice(predicted, true):
    both = one = 0
    for a, b in zip(predicted.flatten().tolist(), true.flatten().tolist(), strict=True):
        both += a and b
        one += a + b
    return 2 * both / one if one else 1.0
# END RIGHT
# BEGIN RIGHT
def my_dice(predicted, true):
    a, b = predicted.float(), true.float()
    return torch.nan_to_num(2 * (a * b).sum() / (a + b).sum(), nan=1.0)
# END RIGHT

# %% [markdown]
# ### Exercise 01.2 · Write IoU, for many images
#
# Now `[N, 1, H, W]` comes in and **one score an image** goes out, `[N]`. Never pool the pixels of all images first: one
# big easy object would then hide many small ones, and the score would depend on how you made the batches. The rule for
# empty masks is the same.
#
# <details><summary>Hint 1</summary>
#
# `.flatten(1)` makes one row of pixels an image; `.sum(1)` then gives one number a row.
# </details>
# <details><summary>Hint 2</summary>
#
# Dividing 0 by 0 gives NaN, without an error. `torch.where(condition, a, b)` chooses image by image.
# </details>

# %%
def my_iou(predicted, true):
    """Intersection over union of each image: [N] numbers from bool masks [N, 1, H, W]."""
    # BEGIN SOLUTION return one IoU an image, and 1 where both masks are empty
    both = (predicted & true).flatten(1).sum(1)
    either = (predicted | true).flatten(1).sum(1)
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)
    # END SOLUTION


# %%
# @title Check 01.2
# BEGIN CHECK
def stack(*bars):
    return torch.stack(bars)[:, None]  # [N, 1, 1, 8]


big = bar(0, 1, 2, 3, 4, 5, 6, 7)
usft.check(
    my_iou,
    {
        "one image": ((stack(bar(1, 2)), stack(bar(2, 3))), (1 / 3,), "½ is the Dice; ¼ counts the overlap twice."),
        "easy, missed": ((stack(big, bar(1)), stack(big, bar(5))), (1, 0), "one score an image, of its pixels alone."),
        "good, fair, bad": ((stack(big, big, bar(1)), stack(big, bar(1, 2), bar(2))), (1, 0.25, 0), "keep the order."),
        "an empty pair": ((stack(bar(), bar(1)), stack(bar(), bar(1, 2))), (1, 0.5), "empty pairs: 1, not NaN or 0."),
        "nothing there, yet drawn": ((stack(bar(3)), stack(bar())), (0,), "only two empty masks score 1, not this."),
    },
    exercise="01.2",
)
# END CHECK

# %%
# BEGIN WRONG "½ is the Dice"
def my_iou(predicted, true):
    both = (predicted & true).flatten(1).sum(1)
    total = predicted.flatten(1).sum(1) + true.flatten(1).sum(1)
    return torch.where(total > 0, 2 * both / total, 1.0)
# END WRONG
# BEGIN WRONG "counts the overlap twice"
def my_iou(predicted, true):
    both = (predicted & true).flatten(1).sum(1)
    total = predicted.flatten(1).sum(1) + true.flatten(1).sum(1)
    return torch.where(total > 0, both / total, 1.0)
# END WRONG
# BEGIN WRONG "one score an image"
def my_iou(predicted, true):
    both, either = (predicted & true).sum(), (predicted | true).sum()
    return both / either if either else torch.tensor(1.0)
# END WRONG
# BEGIN WRONG "one score an image"
def my_iou(predicted, true):
    both, either = (predicted & true).flatten(1).sum(1), (predicted | true).flatten(1).sum(1)
    return torch.where(either > 0, both / either, 1.0).mean()
# END WRONG
# BEGIN WRONG "not NaN or 0"
def my_iou(predicted, true):
    return (predicted & true).flatten(1).sum(1) / (predicted | true).flatten(1).sum(1)
# END WRONG
# BEGIN WRONG "not NaN or 0"
def my_iou(predicted, true):
    return (predicted & true).flatten(1).sum(1) / (predicted | true).flatten(1).sum(1).clamp(min=1)
# END WRONG
# BEGIN WRONG "only two empty masks score 1"
def my_iou(predicted, true):
    both, either = (predicted & true).flatten(1).sum(1), (predicted | true).flatten(1).sum(1)
    return torch.where(true.flatten(1).any(1), both / either, 1.0)
# END WRONG
# BEGIN RIGHT
def my_iou(predicted, true):
    scores = []
    for a, b in zip(predicted, true, strict=True):
        either = (a | b).sum()
        scores.append(float((a & b).sum() / either) if either else 1.0)
    return scores
# END RIGHT
# BEGIN RIGHT
def my_iou(predicted, true):
    import numpy as np
    a, b = np.asarray(predicted), np.asarray(true)
    both, either = (a & b).sum((1, 2, 3)), (a | b).sum((1, 2, 3))
    return np.where(either == 0, 1.0, both / np.maximum(either, 1))
# END RIGHT
# BEGIN RIGHT
def my_iou(predicted, true):
    a, b = predicted.float(), true.float()
    both = (a * b).sum(dim=(1, 2, 3))
    return (both / (a + b - a * b).sum(dim=(1, 2, 3))).nan_to_num(nan=1.0)
# END RIGHT

# %% [markdown]
# The two scores always agree on which of two masks is better: IoU = Dice / (2 − Dice). So report either one, and say
# which. `usft.dice` and `usft.iou` do what you wrote, and `usft.score` makes a table with a row an image.
#
# ## One Dice, three mistakes
#
# A single number must forget something. Here is one simulated lesion, and three wrong masks, built to score **alike**,
# as nearly as whole pixels allow:
#
# * **shifted**: right size, right shape, wrong place;
# * **too small**: right place, its whole rim is missing;
# * **an island**: every pixel of the lesion is found, and so is something far away that does not exist.
#
# Which of the three would you rather have in a clinic, if you measure growth? If you place a needle? Decide, then look
# at what other scores say.

# %%
scene = usft.simulate_ultrasound(11, size=192, seed=SEED, preset="breast")[[10]]
true = scene.masks[0, 0]
area, size = int(true.sum()), true.shape[0]
shifted = true.roll(9, dims=1)
dice = float(usft.dice(shifted[None, None], true[None, None]))

depth = usft.plots.distance_inside(true)  # how far each pixel is from the outside
kept = depth.flatten().topk(round(area * dice / (2 - dice))).indices  # Dice = 2 kept / (kept + area)
too_small = torch.zeros(size * size, dtype=torch.bool).index_fill(0, kept, True).view(size, size)

rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
away = (rows - 32) ** 2 + (columns - 125) ** 2
extra = away.flatten().topk(round(2 * area * (1 - dice) / dice), largest=False).indices  # 2 area / (2 area + extra)
island = true.flatten().index_fill(0, extra, True).view(size, size)
mistakes = {"shifted": shifted, "too small": too_small, "an island": island}

# %%
with plt.rc_context(usft.plots.STYLE):
    figure, panels = plt.subplots(1, 3, figsize=(11, 5.4), layout="constrained")
    for axes, (name, mask) in zip(panels, mistakes.items(), strict=True):
        row = usft.score(mask[None, None], scene).iloc[0]
        usft.plots.show_masks(axes, scene.images[0], scene.masks[0], mask[None])
        off = float(mask.sum()) / area - 1
        scores = f"Dice {row['dice']:.2f} · IoU {row['iou']:.2f}"
        axes.set_title(f"{name}\n{scores}\nborder off by {row['hd95_mm']:.1f} mm · area {off:+.0%}")
    figure.suptitle("Same Dice, three different mistakes (white dashes: the truth, orange: drawn)", fontsize=12)
    plt.show()
usft.alt("Dice and IoU are equal in all three; the island's border is furthest off, the area fits only when shifted.")

# %% [markdown]
# The line "border off by" is the 95 % Hausdorff distance: 95 % of the outline's points lie closer than that to the
# other outline. It sees the island at once. The area sees the missing rim, and does not see the shift.
#
# To measure growth, the shifted mask will do: its area is right. To place a needle, take the one that is too small: all
# of it lies inside the lesion. The island is the one that frightens a patient. So tables in this course carry more than
# one score, and they count misses, images with a Dice under 0.1, apart.
#
# ## A splendid method
#
# Back to your prediction. Some people, four frames of each, shuffled and split **by image**. The whole method is
# `copy_nearest`.

# %% tags=["train"]
people = usft.simulate_ultrasound(4 * PEOPLE, size=SIZE, seed=SEED, frames_per_subject=4, preset="breast")


def copy_nearest(train, test):
    """For each test image, the place of the training image that is most like it."""
    a, b = (torch.nn.functional.avg_pool2d(data.images, 4).flatten(1) for data in (test, train))
    return torch.cdist(a, b).argmin(1)  # blurred a little, so that speckle does not decide


order = torch.randperm(len(people), generator=torch.Generator().manual_seed(SEED))
train, test = people[order[len(people) // 4 :]], people[order[: len(people) // 4]]
nearest = copy_nearest(train, test)
by_image = usft.dice(train.masks[nearest], test.masks)
print(f"{len(test)} test images, split by image: mean Dice {by_image.mean():.2f}")
print(f"you guessed {usft.guesses().get('01.a', '… none')}")

# %% [markdown]
# A network with such a score would make anybody happy. Before you celebrate, look at what was copied from where.

# %% tags=["train"]
def show_copies(train, test, nearest, title):
    """Four test images with the copied mask; below each, the training image that it was copied from."""
    with plt.rc_context(usft.plots.STYLE):
        figure, panels = plt.subplots(2, 4, figsize=(10, 5.8), layout="constrained")
        for upper, lower, i in zip(*panels, range(0, len(test), len(test) // 4), strict=False):
            source = int(nearest[i])
            usft.plots.show_masks(upper, test.images[i], test.masks[i], train.masks[source])
            usft.plots.show_masks(lower, train.images[source], train.masks[source])
            upper.set_title(f"test: {test.subjects[i]}")
            lower.set_title(f"copied from {train.subjects[source]}", fontsize=11)
        figure.suptitle(title)
        plt.show()


show_copies(train, test, nearest, "Split by image: who is copied? (white dashes: the truth, orange: copied)")
usft.alt("compare the names: nearly every test image finds another frame of the same person, so the outline fits.")

# %% [markdown]
# The nearest image is nearly always another frame *of the same person*. The method recognises people, it does not
# segment lesions. A large network can do just that, silently. Where the two names differ, you see what awaits a new
# patient, who is in no training set: somebody else's lesion.
#
# ### Exercise 01.3 · Split people, not images
#
# Write the split that stops the leak. In: one name an image, and the share of **people** to test. Out: one `True`
# (test) or `False` (train) an image. Everybody's images stay together, and as many people are tested as
# `round(share * number of people)`. Which people is up to you.
#
# <details><summary>Hint 1</summary>
#
# First decide about people, without looking at images: how many different names are there, and which are tested?
# </details>
# <details><summary>Hint 2</summary>
#
# Then walk along the images: is this one's name among the tested?
# </details>

# %%
def split_by_subject(subjects, share):
    """One bool an image: True where it belongs to the test. subjects: a list of names, one an image."""
    # BEGIN SOLUTION choose whom to test, then say for each image whether its subject is among them
    everybody = sorted(set(subjects))
    tested = set(everybody[: round(share * len(everybody))])
    return [name in tested for name in subjects]
    # END SOLUTION


# %%
# @title Check 01.3
# BEGIN CHECK
def tests(subjects, wanted):
    """Right if there is a side an image, nobody has two, and ``wanted`` people are tested."""

    def right(sides):
        sides = [bool(side) for side in sides]
        on = {name for name, side in zip(subjects, sides, strict=True) if side}
        off = {name for name, side in zip(subjects, sides, strict=True) if not side}
        return not on & off and len(on) == wanted

    return right


cases = {
    "four people, an image each": ("dcba", 0.5, 2, "give one True or False for each image, True for the test."),
    "two people, three frames each": ("aaabbb", 0.5, 1, "choose whom to test, not which images."),
    "five people, uneven frames": ("aaabbcddde", 0.4, 2, "a border between images can cut a person in two."),
    "frames in mixed order": ("abcabcabc", 1 / 3, 1, "go by the names: a person's frames may lie anywhere."),
    "one person with many frames": ("aaaaaaaaabcd", 0.5, 2, "the share counts people, not images."),
    "nobody tested": ("aabb", 0.0, 0, "a share of 0 tests nobody."),
}
usft.check(
    split_by_subject,
    {name: ((list(who), share), tests(who, wanted), hint) for name, (who, share, wanted, hint) in cases.items()},
    exercise="01.3",
)
# END CHECK

# %%
# BEGIN WRONG "one True or False for each image"
def split_by_subject(subjects, share):
    everybody = sorted(set(subjects))
    tested = set(everybody[: round(share * len(everybody))])
    return [k for k, name in enumerate(subjects) if name in tested]
# END WRONG
# BEGIN WRONG "not which images"
def split_by_subject(subjects, share):
    order = torch.randperm(len(subjects), generator=torch.Generator().manual_seed(0))
    return order < round(share * len(subjects))
# END WRONG
# BEGIN WRONG "cut a person in two"
def split_by_subject(subjects, share):
    return [k < round(share * len(subjects)) for k in range(len(subjects))]
# END WRONG
# BEGIN WRONG "may lie anywhere"
def split_by_subject(subjects, share):
    from itertools import groupby
    runs = [list(frames) for _, frames in groupby(subjects)]
    return [k < round(share * len(runs)) for k, frames in enumerate(runs) for _ in frames]
# END WRONG
# BEGIN WRONG "counts people, not images"
def split_by_subject(subjects, share):
    tested, images = set(), 0
    for name in sorted(set(subjects)):
        if images < round(share * len(subjects)):
            tested.add(name)
            images += list(subjects).count(name)
    return [name in tested for name in subjects]
# END WRONG
# BEGIN WRONG "a share of 0 tests nobody"
def split_by_subject(subjects, share):
    everybody = sorted(set(subjects))
    tested = everybody[: max(1, round(share * len(everybody)))]
    return [name in tested for name in subjects]
# END WRONG
# BEGIN RIGHT
def split_by_subject(subjects, share):
    import random
    everybody = sorted(set(subjects))
    tested = random.Random(3).sample(everybody, round(share * len(everybody)))
    return [name in tested for name in subjects]
# END RIGHT
# BEGIN RIGHT
def split_by_subject(subjects, share):
    import numpy as np
    names, who = np.unique(subjects, return_inverse=True)
    order = np.random.default_rng(0).permutation(len(names))
    return order[who] < round(share * len(names))
# END RIGHT
# BEGIN RIGHT
def split_by_subject(subjects, share):
    places = {}
    for name in subjects:
        places.setdefault(name, len(places))
    who = torch.tensor([places[name] for name in subjects])
    return who >= len(places) - round(share * len(places))
# END RIGHT

# %% [markdown]
# ## Leaky against honest
#
# The same method, the same images, another split. The library's `split` keeps everybody on one side. Beside it the mean
# shape: one mask for all, that never looks at an image.

# %% tags=["train"]
honest_train, honest_test = people.split(0.75, 0.25, seed=SEED)
nearest = copy_nearest(honest_train, honest_test)
by_subject = usft.dice(honest_train.masks[nearest], honest_test.masks)
everybody = usft.mean_shape(honest_train).expand_as(honest_test.masks)
shape = usft.dice(everybody, honest_test.masks)
print(f"split by image {by_image.mean():.2f} · by subject {by_subject.mean():.2f} · mean shape {shape.mean():.2f}")

# %% tags=["train"]
with plt.rc_context(usft.plots.STYLE):
    figure, axes = plt.subplots(figsize=(8.5, 4.6), layout="constrained")
    columns = {
        "copy the nearest,\nsplit by image (leaky)": by_image,
        "copy the nearest,\nsplit by subject (honest)": by_subject,
        "mean shape,\nsplit by subject": shape,
    }
    usft.plots.dots(axes, columns, "Dice of each test image")
    axes.set_title("Same method, same images: most of the score was the leak")
    plt.show()
usft.alt("split by image most dots lie near 1; split by subject the mean falls to that of a blind mean shape or below.")

# %% tags=["train"]
usft.check_range(by_image.mean(), 0.75, 1.0, "Dice of copies, split by image")
usft.check_range(by_subject.mean(), 0.1, 0.45, "Dice of copies, split by subject")

# %% [markdown]
# Nothing about the method changed. Only the question did: "have I seen this person?" or "can I find a lesion in
# somebody new?". On the second, copying does no better than a mask that never looks.
#
# Real data sets leak in quieter ways: two files of one patient, an image and its mirrored copy, the
# same scan in two folders. Public sets do hold near-duplicates, and some carry no names of patients at all. Lesson 10
# meets both.

# %% [markdown]
# ## Quiz
#
# Choose before you click. The wrong answers are explained as well.

# %%
# @title Question 1
usft.Quiz("""
On one and the same image, network A has an IoU of 0.60 and network B a Dice of 0.70. Whose mask is better?

- [ ] B's, as 0.70 is more than 0.60.
  The two scores are different rulers. Between 0 and 1, the Dice of a mask is always larger than its IoU.
- [x] A's.
  An IoU of 0.60 on an image is a Dice of 2 × 0.60 / 1.60 = 0.75. For means over many images this holds only roughly:
  the formula is curved, and a mean does not pass through a curve.
- [ ] Nobody can tell, as two different scores cannot be compared.
  On one image each fixes the other: solve IoU = Dice / (2 − Dice) for Dice.
""")

# %%
# @title Question 2
usft.Quiz("""
A test set has 100 healthy images with empty masks and 100 with a lesion. A "network" never draws anything. Which mean
Dice does it get, by the rule of this course?

- [ ] None: on the healthy images Dice is 0/0.
  That is why a rule is needed, and ours says that two empty masks score 1.
- [ ] 0, as it found no lesion.
  Each missed lesion scores 0. But on each healthy image two empty masks agree, and that is a perfect answer.
- [x] 0.5, though it does nothing.
  A hundred ones and a hundred zeros. So empty masks are reported apart: Dice on images with an object, and beside it
  how often something is drawn where nothing is.
""")

# %%
# @title Question 3
usft.Quiz("""
To have more data, someone mirrors every image, pools originals and mirrored copies, and then splits at random. What
becomes of the test score?

- [x] It is too high: many an image has its mirrored twin on the other side.
  The leak of this lesson in a new coat. Split first, by subject, and augment the training side only.
- [ ] It stays honest, as a mirrored image is a new image.
  New pixels, but the same person and the same lesion. Whoever remembers the outline need only mirror it.
- [ ] It is too low, as mirrored bodies do not exist.
  They may be odd, but they are equally odd in training and in test, and a twin to copy from outweighs that.
""")

# %% [markdown]
# ## What this does not show
#
# * Simulated frames of one person are very alike, and each person here has exactly four. In real sets the leak may be
#   smaller, or larger. Its direction stays.
# * Our chest of five lines has no scatter, no noise and no blur. `simulate_radiographs` adds them, simply; a real
#   detector, and the software behind it, adds more.
# * Truth was exact here. On real images an expert drew it, and two experts differ. No score can be trusted beyond that.

# %% [markdown]
# ## Recap
#
# * A radiograph shows summed thickness through an exponential; a mask is an answer, not physics.
# * Dice and IoU rank two masks alike, and forget *how* they are wrong: carry a distance and the misses beside them.
# * Split by subject before anything else, or a photocopier will win.

# %% [markdown]
# ## Further reading
#
# * Dice, "Measures of the amount of ecologic association between species", 1945,
#   [doi 10.2307/1932409](https://doi.org/10.2307/1932409).
# * Taha and Hanbury, "Metrics for evaluating 3D medical image segmentation", 2015,
#   [doi 10.1186/s12880-015-0068-x](https://doi.org/10.1186/s12880-015-0068-x).
# * Maier-Hein, Reinke and others, "Metrics reloaded", 2024,
#   [doi 10.1038/s41592-023-02151-z](https://doi.org/10.1038/s41592-023-02151-z): which score for which question.
# * Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science", 2023,
#   [doi 10.1016/j.patter.2023.100804](https://doi.org/10.1016/j.patter.2023.100804).
