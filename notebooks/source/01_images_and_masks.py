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
SOFT, BONE = 0.020, 0.045  # attenuation per mm, of soft tissue and of bone
PEOPLE = 120 if PROFILE == "full" else 40
SIZE = 64  # pixels a side

# %% [markdown]
# Every data set of this course consists of images and **masks**. A mask says for each pixel whether it belongs to the
# object. In this lesson you make an image, you score masks, and then you judge a method that has no network and learns
# nothing.
#
# ## Guess first
#
# We simulate ultrasound of 40 people, four images of each. A person who was imaged is called a **subject**. The four
# images of a subject show the same lump (a *lesion*). The probe moved a little between them, and the grain is new each
# time.
#
# We mix all images and set a quarter of them aside for the test. For each test image we look for the training image
# that is most like it, after a little blurring, and **copy that image's mask**. We score a mask by Dice: 1 is perfect,
# 0 is a complete miss.
#
# **What mean Dice will the copied masks reach?** Compare your guess with your neighbour's.

# %%
usft.guess("01.a", ...)  # mean Dice of the copied masks

# %% [markdown]
# ## An X-ray image is a shadow
#
# X-rays lose strength on their way through the body. This is called **attenuation**. Each millimetre of tissue takes
# away the same *share* of what is left, so the strength falls exponentially. This is the Beer–Lambert law:
#
# $$I = I_0\, e^{-(\mu_\text{soft}\, t_\text{soft} + \mu_\text{bone}\, t_\text{bone})}$$
#
# $I_0$ is the strength without a body and $I$ the strength that arrives. $t$ is how many millimetres of a material the
# ray crosses, and $\mu$ says how strongly that material attenuates. How much arrives behind soft tissue alone?

# %%
# NBVAL_CHECK_OUTPUT
for mm in (0, 50, 100, 200):
    arriving = torch.exp(torch.tensor(-0.020 * mm))
    print(f"{mm:3d} mm of soft tissue: {arriving:6.1%} of the X-rays arrive")

# %% [markdown]
# A chest is about 200 mm thick, so only about 2 % arrive. A lung is filled with air, and air takes away almost nothing.
# (Some tissue lies in front of and behind the lung.)
#
# Here is a simple chest. First we say where heart, lungs and bones are. Then the law gives what arrives at each pixel.

# %%
side = torch.linspace(-160, 160, 256)  # mm
y, x = torch.meshgrid(side, side, indexing="ij")
heart = ((x - 25) / 60) ** 2 + ((y - 60) / 50) ** 2 < 1
lungs = (((x.abs() - 68) / 46) ** 2 + (y / 115) ** 2 < 1) & ~heart
ribs = ((y + 0.003 * x**2) % 34 < 9) & (x.abs() < 125)
spine = x.abs() < 14

chest = 200 * (1 - (x / 165) ** 2).clamp(min=0).sqrt()  # thickness in mm
soft = chest * torch.where(lungs, 0.4, 1.0)
bone = 10.0 * ribs + 30.0 * spine
arriving = torch.exp(-(SOFT * soft + BONE * bone))
grey = -arriving.log()

# %% tags=["fold"]
# @title Draw the four steps
maps = {
    "Soft tissue": (soft, "mm"),
    "Bone": (bone, "mm"),
    "What arrives": (100 * arriving, "%"),
    "What we are shown": (grey, "−log of what arrives"),
}
usft.plots.maps_figure(maps)
plt.show()
usft.alt("where much tissue lies in the way, little arrives; the picture shows bone bright and lungs dark.")

# %% [markdown]
# The last panel shows the negative logarithm of what arrives. The logarithm undoes the exponential: thicknesses simply
# add up, and a rib adds the same brightness in front of a lung and beside it. At the top, give `BONE` the same number
# as `SOFT`, and run down to here. Which parts fade, and which do not?
#
# <details><summary>Which parts fade?</summary>
#
# Bones fade, because they now attenuate like soft tissue. They do not vanish, because our model adds bone on top of the
# soft tissue. Lungs stay dark, because they hold less tissue.
#
# </details>
#
# `usft.simulate_radiographs` does the same with more anatomy, scattered X-rays and noise. 
#
# ## Two scores of a mask
#
# Let $A$ be the predicted mask and $B$ the true one. We cannot simply count the pixels that are right: most of an image
# is background, and an empty mask gets all of that right. Two scores look at the object alone, **Dice** and **IoU**
# (intersection over union):
#
# $$\text{Dice} = \frac{2\,|A \cap B|}{|A| + |B|} \qquad\qquad \text{IoU} = \frac{|A \cap B|}{|A \cup B|}$$
#
# What if there is no object, and nothing was drawn? That is 0/0, and the answer is right. So in this course **two empty
# masks score 1**. Anything drawn where there is no object scores 0.
#
# ### Exercise 01.1 · Write Dice
#
# Two `bool` masks of the same shape `[H, W]` come in, one number goes out. Use no smoothing terms. They belong in a
# loss (lesson 03).
#
# <details><summary>Hint 1</summary>
#
# For bool masks, `a & b` is True where both are, and `.sum()` counts what is True.
# </details>
# <details><summary>Hint 2</summary>
#
# First compute the sum of both areas. If it is 0, you know the answer without dividing.
# </details>

# %%
def my_dice(predicted, true):
    """Dice of two bool masks of the same shape, a number from 0 to 1."""
    # BEGIN SOLUTION return the Dice of two masks, and 1 if both are empty
    total = predicted.sum() + true.sum()
    if total == 0:
        return 1.0
    return 2 * (predicted & true).sum() / total
    # Why: 0/0 is decided by the rule for empty masks; in all other cases the formula needs no help.
    # END SOLUTION


# %%
# @title Check 01.1
# BEGIN CHECK
def bar(*on):
    """A mask of two rows of eight pixels; in the lower row these places are True, in the upper one none."""
    return torch.tensor([[False] * 8, [k in on for k in range(8)]])


random = torch.rand(2, 12, 12, generator=torch.Generator().manual_seed(3)) < 0.4
both = float((random[0] & random[1]).sum())
usft.check(
    my_dice,
    {
        "equal masks": ((bar(1, 2, 3), bar(1, 2, 3)), 1.0, "½: the 2 is missing; 2: bool + bool is 'or', not a sum."),
        "nothing in common": ((bar(1), bar(5)), 0.0, "no smoothing terms: with them a miss scores above 0."),
        "half of each": ((bar(1, 2), bar(2, 3)), 0.5, "1/3 is the IoU: divide by the sum of areas, not by the union."),
        "too large": ((bar(0, 1, 2, 3, 4, 5), bar(0, 1)), 0.5, "both areas count: what is drawn too much costs."),
        "two objects": (
            (torch.tensor([[True] * 4, [False] * 4]), torch.tensor([[True] * 4, [True] * 4])),
            2 / 3,
            "count all rows of the mask together, not the first row, nor each row by itself.",
        ),
        "random masks": (
            (random[0], random[1]),
            2 * both / float(random.sum()),
            "count all rows of the mask together, not the first row, nor each row by itself.",
        ),
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
# BEGIN WRONG "not the first row"
def my_dice(predicted, true):
    a, b = predicted[-1], true[-1]
    total = a.sum() + b.sum()
    return 2 * (a & b).sum() / total if total else 1.0
# END WRONG
# BEGIN WRONG "nor each row by itself"
def my_dice(predicted, true):
    both, total = (predicted & true).sum(1), predicted.sum(1) + true.sum(1)
    return torch.where(total > 0, 2 * both / total, 1.0)[total > 0].mean().nan_to_num(1.0)
# END WRONG
# BEGIN WRONG "by the sum of areas, not by the union"
def my_dice(predicted, true):
    both, either = (predicted & true).sum(1), (predicted | true).sum(1)
    return torch.where(either > 0, both / either, 1.0)[either > 0].mean().nan_to_num(1.0)
# END WRONG

# %% [markdown]
# On one image, each score fixes the other: IoU = Dice / (2 − Dice). So they never disagree on which of two masks is
# better, and IoU is the lower number. We use Dice. `usft.dice` and `usft.iou` give one number for each image, and
# `usft.score` makes a table.

# %%
# NBVAL_CHECK_OUTPUT
for dice in (0.5, 0.7, 0.8, 0.9, 0.95):
    print(f"Dice {dice:.2f} is IoU {dice / (2 - dice):.2f}")

# %% [markdown]
# ## One number hides mistakes
#
# Below is one simulated lesion with three wrong masks. They were made so that all three have (nearly) the same Dice:
#
# * **shifted**: the right size and shape at the wrong place;
# * **too small**: the right place, but the rim is missing;
# * **an island**: the whole lesion is found, and something far away that is not there.
#
# Which one would you accept if you want to measure whether the lesion grows? Which one if you want to place a needle?

# %% tags=["fold"]
# @title Make three masks with one Dice, and draw them
scene = usft.simulate_ultrasound(11, size=192, seed=SEED, preset="breast")[[10]]
true = scene.masks[0, 0]
area, size = int(true.sum()), true.shape[0]
shifted = true.roll(9, dims=1)
dice = float(usft.dice(shifted[None, None], true[None, None]))

depth = usft.plots.distance_inside(true)  # how far each pixel is from the outside
kept = depth.flatten().topk(round(area * dice / (2 - dice))).indices
too_small = torch.zeros(size * size, dtype=torch.bool).index_fill(0, kept, True).view(size, size)

rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
away = (rows - 32) ** 2 + (columns - 125) ** 2
extra = away.flatten().topk(round(2 * area * (1 - dice) / dice), largest=False).indices
island = true.flatten().index_fill(0, extra, True).view(size, size)

panels, told = [], []
for name, mask in {"shifted": shifted, "too small": too_small, "an island": island}.items():
    row = usft.score(mask[None, None], scene).iloc[0]
    grown = float(mask.sum()) / area - 1
    told.append([name, round(row["dice"], 2), round(row["hd95_mm"], 1), f"{grown:+.0%}"])
    title = f"{name}: Dice {row['dice']:.2f}\nborder off by {row['hd95_mm']:.1f} mm, area {grown:+.0%}"
    panels.append((title, scene.images[0], scene.masks[0], mask[None]))
usft.plots.pictures_figure(panels, columns=3, title="White dashes: the truth. Orange: what was drawn")
plt.show()
dice, off, size = zip(*(row[1:] for row in told), strict=True)
assert max(dice) - min(dice) < 0.03 and off[2] > 2 * max(off[:2]) and size[0] == "+0%"
usft.alt("all three masks have nearly the same Dice. The island's border is furthest off; only the shifted area fits.")

# %% [markdown]
# "Border off by" is the **Hausdorff distance** in its 95 % version. For each point of one outline, take the distance to
# the nearest point of the other. Find the distance that 95 % of the points stay below. Do this in both directions. The
# larger number counts.
#
# <details><summary>Which mask would you take, and why?</summary>
#
# To measure growth, take the shifted mask, because its area is right. For the needle, take the one that is too small:
# all of it lies inside the lesion. The Hausdorff distance finds the island. The area finds the missing rim, but it
# cannot see the shift.
#
# </details>
#
# One number is not enough. Tables in this course carry several scores, and they count misses (Dice below 0.1)
# separately.
#
# ## A method without a network
#
# Back to your guess. This is the whole method:

# %% tags=["train"]
people = usft.simulate_ultrasound(
    4 * PEOPLE, size=SIZE, seed=SEED, frames_per_subject=4, preset="breast"
)


def copy_nearest(train, test):
    """For each test image, the place of the training image that is most like it."""
    blurred = torch.nn.AvgPool2d(4)  # so that single pixels of grain do not decide
    a, b = blurred(test.images).flatten(1), blurred(train.images).flatten(1)
    return torch.cdist(a, b).argmin(1)


# %% [markdown]
# We mix the images, set a quarter aside, and copy.

# %% tags=["train"]
random_order = torch.Generator().manual_seed(SEED)
order = torch.randperm(len(people), generator=random_order)
quarter = len(people) // 4
train, test = people[order[quarter:]], people[order[:quarter]]

nearest = copy_nearest(train, test)
by_image = usft.dice(train.masks[nearest], test.masks)
copied_from = [train.subjects[k] for k in nearest]
same = sum(a == b for a, b in zip(copied_from, test.subjects, strict=True))
print(f"mean Dice of {len(test)} copied masks: {by_image.mean():.2f}")
print(f"your guess: {usft.guesses().get('01.a', 'none')}")

# %% tags=["train", "fold"]
# @title Draw four test images, and below each the training image whose mask was copied
shown = range(0, len(test), len(test) // 4)
panels = [(f"test: {test.subjects[i]}", test.images[i], test.masks[i], train.masks[nearest[i]]) for i in shown]
panels += [(f"from: {train.subjects[nearest[i]]}", train.images[nearest[i]], train.masks[nearest[i]]) for i in shown]
usft.plots.pictures_figure(panels, title="Above: the copied mask (orange). Below: where it comes from")
plt.show()
usft.alt(f"{same} of {len(test)} test images get the mask of another image of the same subject.")

# %% [markdown]
# Read the names above the panels. Whose mask was copied?
#
# If information about the test images reaches the training, this is called a **leak**. A large network can exploit a
# leak just as well, and nobody sees it.
#
# <details><summary>What is the score worth?</summary>
#
# It looks excellent. But nearly always the mask comes from *another image of the same subject*. The method recognises
# people. It does not find lesions.
#
# </details>
#
# ### Exercise 01.2 · Is somebody on both sides?
#
# Write the test that every experiment of this course relies on: do two data sets share a subject?
#
# <details><summary>Hint 1</summary>
#
# Each has a list `.subjects`. It does not matter at which place a name is, nor how often it occurs.
# </details>
# <details><summary>Hint 2</summary>
#
# Python's sets can tell what they have in common: look at `isdisjoint`, or at `&`.
# </details>

# %%
def share_a_subject(one, other):
    """True if a subject is in both data sets, else False."""
    # BEGIN SOLUTION return True if a subject is in both data sets
    return not set(one.subjects).isdisjoint(other.subjects)
    # Why: a set keeps each name once, so neither the order nor the number of images matters.
    # END SOLUTION


# %%
# @title Check 01.2
# BEGIN CHECK
def named(*subjects):
    blank = torch.zeros(len(subjects), 1, 8, 8)
    return usft.SegmentationData(blank, blank > 0, list(subjects), ids=[f"{name} of {subjects}" for name in subjects])


usft.check(
    share_a_subject,
    {
        "nobody in common": ((named("ann", "bo"), named("cem", "dee")), False, "all four are different people."),
        "other files of one person": ((people[[0]], people[[1]]), True, "compare .subjects: .ids names files."),
        "one of three in both": ((named("ann", "bo", "cem"), named("ann")), True, "one shared person is enough."),
        "bo, two places": ((named("ann", "bo"), named("bo", "cem")), True, "compare all pairs, not place by place."),
        "p12 and p1": ((named("p1", "p2"), named("p12")), False, "p1 is not p12: compare whole names."),
        "two of ann, on one side": ((named("ann", "ann"), named("bo")), False, "a name twice on one side is no leak."),
        "nobody on one side": ((named("ann"), named()), False, "an empty set shares nobody."),
    },
    exercise="01.2",
)
# END CHECK

# %%
# BEGIN WRONG "place by place"
def share_a_subject(one, other):
    return any(a == b for a, b in zip(one.subjects, other.subjects, strict=False))
# END WRONG
# BEGIN WRONG "one shared person is enough"
def share_a_subject(one, other):
    return all(a in other.subjects for a in one.subjects)
# END WRONG
# BEGIN WRONG "names files"
def share_a_subject(one, other):
    return bool(set(one.ids) & set(other.ids))
# END WRONG
# BEGIN WRONG "compare whole names"
def share_a_subject(one, other):
    return any(a in b for a in one.subjects for b in other.subjects)
# END WRONG
# BEGIN WRONG "all four are different people"
def share_a_subject(one, other):
    return set(one.subjects) != set(other.subjects)
# END WRONG
# BEGIN WRONG "an empty set shares nobody"
def share_a_subject(one, other):
    return set(other.subjects) <= set(one.subjects) or bool(set(one.subjects) & set(other.subjects))
# END WRONG
# BEGIN RIGHT
def share_a_subject(one, other):
    for subject in one.subjects:
        for another in other.subjects:
            if subject == another:
                return True
    return False
# END RIGHT
# BEGIN RIGHT
def share_a_subject(one, other):
    return len(set(one.subjects) & set(other.subjects)) > 0
# END RIGHT
# BEGIN RIGHT
def share_a_subject(one, other):
    import numpy as np
    return np.isin(one.subjects, other.subjects).any()
# END RIGHT
# BEGIN WRONG "a name twice on one side is no leak"
def share_a_subject(one, other):
    both = list(one.subjects) + list(other.subjects)
    return len(set(both)) < len(both)
# END WRONG

# %% [markdown]
# ## The same method, an honest split
#
# `split` of the library keeps each subject on one side. We run the same method on the same images again. For comparison
# we add the **mean shape**: one mask for everybody, the one that fits all training masks best on average. It never
# looks at an image. Before you run the cell: where will the two means be?

# %% tags=["train"]
honest_train, honest_test = people.split(0.75, 0.25, seed=SEED)
nearest = copy_nearest(honest_train, honest_test)
by_subject = usft.dice(honest_train.masks[nearest], honest_test.masks)

shape = usft.mean_shape(honest_train).expand_as(honest_test.masks)
mean_shape = usft.dice(shape, honest_test.masks)

# %% tags=["train", "fold"]
# @title Draw every score as a dot
scores = {
    "copy the nearest,\nsplit by image": by_image,
    "copy the nearest,\nsplit by subject": by_subject,
    "mean shape,\nsplit by subject": mean_shape,
}
usft.plots.dots_figure(scores, "Dice of each test image", "The same method, the same images, two ways to split")
plt.show()
means = (f"{name.replace(chr(10), ' ')} {dice.mean():.2f}" for name, dice in scores.items())
usft.alt(f"mean Dice: {'; '.join(means)}.")
usft.check_range(by_image.mean(), 0.75, 1.0, "Dice of copies, split by image")
usft.check_range(by_subject.mean(), 0.1, 0.45, "Dice of copies, split by subject")

# %% [markdown]
# ### Exercise 01.3 · Read the result
#
# Set two variables: `lost`, the mean of `by_image` minus the mean of `by_subject` (to two digits), and `better`,
# whether copying does better than the mean shape on subjects that it has not seen (`True` or `False`).

# %%
# BEGIN SOLUTION compare the means of by_image, by_subject and mean_shape
lost = by_image.mean() - by_subject.mean()
better = by_subject.mean() > mean_shape.mean()
# Why: the method and the images are the same, so nearly the whole difference is the leak.
# END SOLUTION

# %% tags=["reading"]
# @title Check 01.3
# BEGIN CHECK
first, second = float(by_image.mean()), float(by_subject.mean())
usft.check(
    lambda: (float(lost), bool(better)),
    {
        "what the leak was worth": (
            (),
            lambda r: abs(r[0] - (first - second)) < 0.011,
            "the first mean minus the second.",
        ),
        "against the mean shape": (
            (),
            lambda r: r[1] == (second > float(mean_shape.mean())),
            "compare the two means that were split by subject.",
        ),
    },
    exercise="01.3",
)
# END CHECK

# %%
# BEGIN WRONG "the first mean minus the second"
lost, better = by_image.mean() - mean_shape.mean(), False
# END WRONG
# BEGIN WRONG "the first mean minus the second"
lost, better = by_subject.mean() - by_image.mean(), False
# END WRONG
# BEGIN WRONG "that were split by subject"
lost, better = by_image.mean() - by_subject.mean(), by_image.mean() > mean_shape.mean()
# END WRONG
# BEGIN RIGHT
lost, better = round(float(by_image.mean() - by_subject.mean()), 2), bool(by_subject.mean() > mean_shape.mean())
# END RIGHT
# BEGIN RIGHT
lost = by_image.numpy().mean() - by_subject.numpy().mean()
better = by_subject.numpy().mean() > mean_shape.numpy().mean()
# END RIGHT

# %% [markdown]
# Now write one sentence for a colleague: what did the first score measure? Then open the points below.
#
# <details><summary>Three points to look for</summary>
#
# * It measured how well the method recognises *people* it has seen, not how well it finds lesions.
# * Method and images were the same both times, so nearly the whole difference is due to the split.
# * On new people it does worse than a mask that ignores the image. It is no help there.
# </details>
#
# Real data sets leak less visibly: two files of one patient, an image and its mirrored copy, the same scan in two
# folders. Some public sets do not even say who is who. Lesson 10 meets such sets.

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
On the same image, network A has an IoU of 0.60 and network B a Dice of 0.70. Whose mask is better?

- [ ] B's, because 0.70 is more than 0.60.
  The two scores are different scales. For the same mask, Dice is the higher number (unless both are 0 or 1).
- [x] A's.
  On one image, an IoU of 0.60 is a Dice of 2 × 0.60 / 1.60 = 0.75. For means over many images this is only roughly so.
- [ ] Nobody can tell: two different scores cannot be compared.
  On one image each score fixes the other: IoU = Dice / (2 − Dice).
""")

# %%
# @title Question 2
usft.Quiz("""
A test set has 100 healthy images without a lesion and 100 with a lesion. A program never draws anything. Which mean
Dice does it get, by the rule of this course?

- [ ] None, because Dice is 0/0 on the healthy images.
  That is why a rule is needed. Ours says that two empty masks score 1.
- [ ] 0, because it found no lesion.
  Each missed lesion scores 0. But on each healthy image the two empty masks agree, and that is right.
- [x] 0.5, although it does nothing.
  A hundred ones and a hundred zeros. So we report images without an object separately.
""")

# %%
# @title Question 3
usft.Quiz("""
To have more data, someone mirrors every image, mixes originals and mirrored copies, and then splits at random. What
happens to the test score?

- [x] It is too high: many test images have their mirrored copy in the training set.
  This is the leak of this lesson again. Split first, by subject. Then mirror training images only.
- [ ] It stays honest, because a mirrored image is a new image.
  The pixels are new, but the person and the lesion are the same. Whoever remembers the outline only has to mirror it.
- [ ] It is too low, because mirrored bodies do not exist.
  They may look odd, but equally so in training and test. A copy on the other side matters far more.
""")

# %% [markdown]
# ## What this does not show
#
# * Simulated images of one person are very alike. In real sets a leak may be smaller or larger.
# * Our chest has no scattered X-rays, no noise and no blur.
# * The true masks were exact here. On real images an expert drew them, and two experts differ.

# %% [markdown]
# ## Recap
#
# * An X-ray image shows how much tissue lies in the way; a mask says where the object is.
# * Dice and IoU rank two masks in the same order, and both hide what kind of mistake was made.
# * Split by subject before you do anything else.
#
# ## Try it alone
#
# In a new cell, make 160 images of 160 people: `usft.simulate_ultrasound(160, size=SIZE, seed=SEED, preset="breast")`.
# Mix them, and copy the nearest, as above. What is left of the leak, and why?

# %% [markdown]
# ## Further reading
#
# * Taha and Hanbury, "Metrics for evaluating 3D medical image segmentation", 2015,
#   [doi 10.1186/s12880-015-0068-x](https://doi.org/10.1186/s12880-015-0068-x).
# * Maier-Hein, Reinke and others, "Metrics reloaded", 2024,
#   [doi 10.1038/s41592-023-02151-z](https://doi.org/10.1038/s41592-023-02151-z): which score for which question.
# * Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science", 2023,
#   [doi 10.1016/j.patter.2023.100804](https://doi.org/10.1016/j.patter.2023.100804).
