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
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

import usft_lib as usft

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": longer training
SEED = 0
SIZE = 96  # pixels a side
STEPS = 1200 if PROFILE == "full" else 450
LR = 3e-3  # the learning rate
FETCH = False  # True: fetch the real X-rays, 614 MB, if they are not here

# %% [markdown]
# A network that fails looks much like one that works: the code runs, a loss is printed, masks come out. How do we know
# that training works? We check the chain link by link. Each check can fail, and each failure tells where to look.
#
# The task is to find the lungs on chest X-rays. Later lessons take such a network to ultrasound.
#
# ## Guess first
#
# We train on about a hundred chest X-rays, or on 280 simulated ones if you have not fetched them, for one to six
# minutes. **What mean Dice will the network reach on people it has not seen (03.a)? And on its worst image (03.b)?**
# Compare with your neighbour.

# %%
usft.guess("03.a", ...)  # mean Dice on new people
usft.guess("03.b", ...)  # Dice of its worst image

# %% [markdown]
# ## Does the loss measure what we want?
#
# We want a high Dice. But a mask is yes or no. If a weight changes a little, usually no pixel changes, so Dice has no
# gradient. The **soft Dice loss** uses probabilities $p$ in place of the mask:
#
# $$\text{loss of one image} = 1 - \frac{2\sum p\,y + 1}{\sum p + \sum y + 1}$$
#
# $y$ is 1 inside the lungs and 0 outside. The sums run over the pixels of **one** image. The two "+ 1" matter when an
# image has no object: they make the loss small if nearly nothing is drawn. The network gives a number for each pixel, a
# **logit**. The **sigmoid** turns it into a probability: $p = 1 / (1 + e^{-\text{logit}})$. A logit of 0 means ½.
#
# ### Exercise 03.1 · The soft Dice loss
#
# `logits` (numbers) and `masks` (bool) have the shape `[N, 1, H, W]`. Return one number: the loss of each image,
# averaged over the N images. It needs a gradient, so use PyTorch.
#
# <details><summary>Hint 1</summary>
#
# `torch.sigmoid` makes probabilities. Bool masks can be multiplied after `.float()`.
# </details>
# <details><summary>Hint 2</summary>
#
# Sum over the pixels of one image, not over the batch: `.flatten(1)`, then `.sum(dim=1)`. Take the mean at the end.
# </details>

# %%
def my_soft_dice_loss(logits, masks):
    # BEGIN SOLUTION return the mean over images of 1 − soft Dice
    p = torch.sigmoid(logits).flatten(1)
    y = masks.float().flatten(1)
    twice_the_overlap = 2 * (p * y).sum(dim=1)
    dice = (twice_the_overlap + 1) / (p.sum(dim=1) + y.sum(dim=1) + 1)
    return 1 - dice.mean()
    # Why: each image counts once, so a small object matters as much as a large one.
    # END SOLUTION


# %% tags=["long"]
# @title Check 03.1
# BEGIN CHECK
undecided, pixel = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1, dtype=torch.bool)  # p = ½, inside
half = torch.tensor([True, True, False, False]).view(1, 1, 2, 2)
big, small = torch.ones(1, 1, 4, 4, dtype=torch.bool), torch.zeros(1, 1, 4, 4, dtype=torch.bool)
small[..., 0, 0] = True
found_and_missed = torch.cat([torch.full((1, 1, 4, 4), 200.0), torch.full((1, 1, 4, 4), -200.0)])

random_numbers = torch.Generator().manual_seed(5)
random_logits = 10 * torch.rand(3, 1, 6, 6, generator=random_numbers) - 5
random_masks = torch.rand(3, 1, 6, 6, generator=random_numbers) < 0.3


def carries_a_gradient(loss):
    return torch.is_tensor(loss) and loss.requires_grad


usft.check(
    my_soft_dice_loss,
    {
        "a gradient": (
            (torch.zeros(1, 1, 2, 2, requires_grad=True), half),
            carries_a_gradient,
            "Nothing can be learnt: a comparison (>), .item() or NumPy cuts the gradient. Use probabilities.",
        ),
        "a perfect answer": (
            (torch.where(half, 200.0, -200.0), half),
            lambda loss: abs(loss) < 0.05,
            "A loss is small where the mask is right: 1 − Dice.",
        ),
        "logits": (
            (undecided, pixel),
            lambda loss: abs(loss - 0.5) > 1e-3,
            "Logits are no probabilities: take their sigmoid first.",
        ),
        "no object, nothing drawn": (
            (torch.full((1, 1, 2, 2), -200.0), ~half & half),
            0,
            "Two empty masks agree: add 1 in both sums, or zero is divided by zero.",
        ),
        "no squares": (
            (undecided, pixel),
            lambda loss: abs(loss - 1 / 9) > 1e-3,
            "Divide by the sums of p and y themselves, without squares.",
        ),
        "one undecided pixel": ((undecided, pixel), 0.2, "Twice the overlap: 1 − (2·½ + 1)/(½ + 1 + 1)."),
        "one found, one missed": (
            (found_and_missed, torch.cat([big, small])),
            0.25,
            "Compute one loss for each image, then their mean. Otherwise the large object outvotes the small one.",
        ),
        "random logits from −5 to 5": (
            (random_logits, random_masks),
            float(usft.soft_dice_loss(random_logits, random_masks)),
            "p must be sigmoid(logit) itself; something that only looks like it gives other numbers.",
        ),
    },
    exercise="03.1",
)
# END CHECK

# %%
# BEGIN WRONG "cuts the gradient"
def my_soft_dice_loss(logits, masks):
    p, y = (logits > 0).float().flatten(1), masks.float().flatten(1)
    return (1 - (2 * (p * y).sum(1) + 1) / (p.sum(1) + y.sum(1) + 1)).mean()
# END WRONG
# BEGIN WRONG "A loss is small"
def my_soft_dice_loss(logits, masks):
    p, y = logits.sigmoid().flatten(1), masks.float().flatten(1)
    return ((2 * (p * y).sum(1) + 1) / (p.sum(1) + y.sum(1) + 1)).mean()
# END WRONG
# BEGIN WRONG "take their sigmoid"
def my_soft_dice_loss(logits, masks):
    p, y = logits.clamp(0, 1).flatten(1), masks.float().flatten(1)
    return (1 - (2 * (p * y).sum(1) + 1) / (p.sum(1) + y.sum(1) + 1)).mean()
# END WRONG
# BEGIN WRONG "zero is divided by zero"
def my_soft_dice_loss(logits, masks):
    p, y = logits.sigmoid().flatten(1), masks.float().flatten(1)
    return (1 - 2 * (p * y).sum(1) / (p.sum(1) + y.sum(1))).mean()
# END WRONG
# BEGIN WRONG "without squares"
def my_soft_dice_loss(logits, masks):
    p, y = logits.sigmoid().flatten(1), masks.float().flatten(1)
    return (1 - (2 * (p * y).sum(1) + 1) / ((p**2).sum(1) + y.sum(1) + 1)).mean()
# END WRONG
# BEGIN WRONG "Twice the overlap"
def my_soft_dice_loss(logits, masks):
    p, y = logits.sigmoid().flatten(1), masks.float().flatten(1)
    overlap = (p * y).sum(1)
    return (1 - (overlap + 1) / (p.sum(1) + y.sum(1) - overlap + 1)).mean()
# END WRONG
# BEGIN WRONG "outvotes the small one"
def my_soft_dice_loss(logits, masks):
    p, y = logits.sigmoid(), masks.float()
    return 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)
# END WRONG
# BEGIN RIGHT
def my_soft_dice_loss(logits, masks):
    losses = []
    for logit, mask in zip(logits, masks, strict=True):
        p = 1 / (1 + torch.exp(-logit))
        losses.append(1 - (2 * p[mask].sum() + 1) / (p.sum() + mask.sum() + 1))
    return sum(losses) / len(losses)
# END RIGHT
# BEGIN RIGHT
def my_soft_dice_loss(logits, masks):
    return usft.soft_dice_loss(logits, masks)
# END RIGHT
# BEGIN RIGHT
def my_soft_dice_loss(logits, masks):
    p, y = torch.nn.functional.logsigmoid(logits).exp(), masks.to(logits.dtype)
    overlap = torch.einsum("nchw,nchw->n", p, y)
    total = p.sum((1, 2, 3)) + y.sum((1, 2, 3))
    return ((total - 2 * overlap) / (total + 1)).mean()
# END RIGHT
# BEGIN WRONG "only looks like it"
def my_soft_dice_loss(logits, masks):
    p, y = torch.nn.functional.hardsigmoid(logits).flatten(1), masks.float().flatten(1)
    return (1 - (2 * (p * y).sum(1) + 1) / (p.sum(1) + y.sum(1) + 1)).mean()
# END WRONG
# BEGIN WRONG "only looks like it"
def my_soft_dice_loss(logits, masks):
    p, y = torch.sigmoid(2 * logits).flatten(1), masks.float().flatten(1)
    return (1 - (2 * (p * y).sum(1) + 1) / (p.sum(1) + y.sum(1) + 1)).mean()
# END WRONG
# BEGIN WRONG "only looks like it"
def my_soft_dice_loss(logits, masks):
    p, y = ((logits + 1) / 2).clamp(0, 1).flatten(1), masks.float().flatten(1)
    return (1 - (2 * (p * y).sum(1) + 1) / (p.sum(1) + y.sum(1) + 1)).mean()
# END WRONG

# %% [markdown]
# In training we add the **cross-entropy** of each pixel: the negative logarithm of the probability that the network
# gave to the right answer. The Dice term rewards overlap. Where it has almost no gradient, cross-entropy still has one.
# The library has both together: `usft.dice_and_cross_entropy`.
#
# ## Can the network learn anything?
#
# First the data. `train` is for learning, `val` for watching, `test` stays closed until the end.

# %% tags=["train"]
data = usft.load("montgomery", size=SIZE, otherwise="sim-radiographs", large=FETCH)
train, val, test = data.split(0.7, 0.1, 0.2, seed=SEED)
print(data)
print(f"{len(train)} images to learn from, {len(val)} to watch, {len(test)} to test on")
if data.stand_in:
    print("Simulated X-rays: the numbers below say nothing about real ones.")
    print("To learn from real ones, set FETCH = True above.")

# %% [markdown]
# Before a long run, try the shortest one. Take eight images and show them again and again. In many steps, a network of
# this size learns eight images by heart. This is **overfitting**: usually a fault, here a test. We only watch its
# start. If the loss does not fall clearly, something is broken, and more data will not help.
#
# This is the whole training loop. One **step** is one update of the weights. The **learning rate** says how far they
# move. The **seed** fixes everything random, here the first weights. (One **epoch** is a pass over all training images.
# We count steps.)

# %% tags=["train"]
torch.manual_seed(SEED)
parrot = usft.UNet(width=16, depth=4)
optimiser = torch.optim.Adam(parrot.parameters(), lr=1e-2)
images, masks = train.images[:8], train.masks[:8]

losses = []
for _ in range(40):
    logits = parrot(images)
    loss = usft.dice_and_cross_entropy(logits, masks)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    losses.append(loss.item())
print(f"loss of the first step {losses[0]:.2f}, of the last {losses[-1]:.2f}")
usft.check_range(losses[-1] / losses[0], 0, 0.4, "last loss / first loss")

# %% [markdown]
# If the loss falls, then loss, gradient and optimiser work together.
#
# ## Pretrain, and watch people it does not learn from
#
# `usft.fit` runs the same loop, with a new batch of eight images for each step. Each image is turned, shifted, mirrored
# and made brighter or darker at random. What moves the image also moves its mask. The learning rate falls to zero. Now
# and then the network is scored on `val`.

# %% tags=["train"]
torch.manual_seed(SEED)
model = usft.UNet(width=16, depth=4)
history = usft.fit(
    model, train, val, steps=STEPS, lr=LR, seed=SEED, validate_every=STEPS // 10
)
print(f"{STEPS} steps in {history.seconds[-1]:.0f} s")

# %% [markdown]
# Look at the curves before any score. Does the loss still fall at the end? Does the Dice of other people rise with it?
# The dashed line is the mean shape, which never looks at an image.

# %% tags=["train", "curves", "fold"]
# @title Draw the curves
shape = usft.mean_shape(train)
without = float(usft.score(shape, val)["dice"].mean())
usft.plots.training_figure(history, {"mean shape": without}, f"Does training work? ({train.name})")
plt.show()
rose = history.val_dice[-1] > without
usft.alt(f"the loss falls and flattens; the Dice of other people ends {'above' if rose else 'below'} the mean shape.")

# %% [markdown]
# If the loss fell but the Dice did not rise, the network would learn its people by heart. If neither moved, we would go
# back to the eight images.
#
# ## How sure is the result?
#
# Now the test, once: a Dice for each person, and their mean.

# %% tags=["train"]
scores = usft.evaluate(model, test)
by_person = scores.groupby("subject")["dice"].mean().to_numpy()
baseline = usft.score(shape, test)
print(f"{len(by_person)} people: mean Dice {by_person.mean():.3f}")
print(f"worst image {scores['dice'].min():.3f}")
print(f"mean shape {baseline['dice'].mean():.3f}")
guesses = usft.guesses()
print("your guesses:", guesses.get("03.a", "none"), "and", guesses.get("03.b", "none"))
usft.check_range(by_person.mean(), 0.92, 0.995, "mean Dice of the test")

# %% [markdown]
# Would other people give the same mean? We cannot test everybody. But we can ask how much the mean *varies* from one
# group of people to another. The **bootstrap** does this with the people we have: draw as many people as there are,
# **with replacement**, so that some come twice and some not at all, and take the mean. Repeat this many times. The
# middle 95 % of these means is a **95 % interval**. If 100 studies each compute such an interval, about 95 of the
# intervals contain the true mean.
#
# ### Exercise 03.2 · Write the bootstrap
#
# `values` is a NumPy array with one number for each person. Draw `draws` times as described. Return the 2.5 % and the
# 97.5 % quantile of the means.
#
# <details><summary>Hint 1</summary>
#
# `np.random.default_rng(0)` makes random numbers; call it `rng`. Then `rng.choice(values, size=len(values),
# replace=True)` is one draw.
# </details>
# <details><summary>Hint 2</summary>
#
# Collect the means in a list. `np.quantile(means, [0.025, 0.975])` returns both ends.
# </details>

# %%
def bootstrap_interval(values, draws=2000):
    """The ends of a 95 % interval of the mean: (low, high)."""
    # BEGIN SOLUTION return the 2.5 % and 97.5 % quantiles of the drawn means
    rng = np.random.default_rng(0)
    means = []
    for _ in range(draws):
        drawn = rng.choice(values, size=len(values), replace=True)
        means.append(drawn.mean())
    return np.quantile(means, [0.025, 0.975])
    # Why: drawing people again imitates other groups of people; means of draws vary as means of groups do.
    # END SOLUTION


# %% tags=["long"]
# @title Check 03.2
# BEGIN CHECK
many = np.random.default_rng(7).normal(0.8, 0.1, size=400)
few = np.array([0.2, 0.9, 0.9, 0.95, 0.97, 0.99])
error = many.std() / len(many) ** 0.5  # theory: the interval reaches 1.96 of these to both sides


def ends(interval):
    low, high = np.asarray(interval, dtype=float).tolist()
    return low, high


usft.check(
    bootstrap_interval,
    {
        "two ends": ((many,), lambda r: len(r) == 2, "return two numbers, the low end and the high end."),
        "in order, around the mean": (
            (many,),
            lambda r: ends(r)[0] < many.mean() < ends(r)[1],
            "the mean lies inside: draw with replacement, and return the low end first.",
        ),
        "of means, not of people": (
            (many,),
            lambda r: ends(r)[1] - ends(r)[0] < 8 * error,
            "take quantiles of the means of your draws, not of single people.",
        ),
        "as wide as theory says": (
            (many,),
            lambda r: abs((ends(r)[1] - ends(r)[0]) / (2 * 1.96 * error) - 1) < 0.1,
            "draw with replacement, as many as there are, and cut 2.5 % from each side.",
        ),
        "one bad person of six": (
            (few,),
            lambda r: abs(ends(r)[0] - 0.55) < 0.05 and abs(ends(r)[1] - 0.97) < 0.03,
            "take the quantiles of the drawn means themselves: few people give an interval that is not symmetric.",
        ),
        "everybody equal": ((np.full(9, 0.5),), lambda r: ends(r) == (0.5, 0.5), "equal values have no spread."),
    },
    exercise="03.2",
)
# END CHECK

# %%
# BEGIN WRONG "quantiles of the means of your draws"
def bootstrap_interval(values, draws=2000):
    return np.quantile(values, [0.025, 0.975])
# END WRONG
# BEGIN WRONG "draw with replacement"
def bootstrap_interval(values, draws=2000):
    rng = np.random.default_rng(0)
    return np.quantile([rng.permutation(values).mean() for _ in range(draws)], [0.025, 0.975])
# END WRONG
# BEGIN WRONG "as many as there are"
def bootstrap_interval(values, draws=2000):
    rng = np.random.default_rng(0)
    means = [rng.choice(values, size=len(values) // 2).mean() for _ in range(draws)]
    return np.quantile(means, [0.025, 0.975])
# END WRONG
# BEGIN WRONG "2.5 % from each side"
def bootstrap_interval(values, draws=2000):
    rng = np.random.default_rng(0)
    means = [rng.choice(values, size=len(values)).mean() for _ in range(draws)]
    return np.quantile(means, [0.05, 0.95])
# END WRONG
# BEGIN WRONG "is not symmetric"
def bootstrap_interval(values, draws=2000):
    half = 1.96 * values.std() / len(values) ** 0.5
    return values.mean() - half, values.mean() + half
# END WRONG
# BEGIN WRONG "the low end first"
def bootstrap_interval(values, draws=2000):
    rng = np.random.default_rng(0)
    means = [rng.choice(values, size=len(values)).mean() for _ in range(draws)]
    return np.quantile(means, [0.975, 0.025])
# END WRONG
# BEGIN RIGHT
def bootstrap_interval(values, draws=2000):
    return usft.bootstrap_mean(values, draws=draws)[1:]
# END RIGHT
# BEGIN RIGHT
def bootstrap_interval(values, draws=2000):
    places = torch.randint(len(values), (draws, len(values)), generator=torch.Generator().manual_seed(1))
    means = torch.from_numpy(values)[places].mean(1)
    return torch.quantile(means, torch.tensor([0.025, 0.975], dtype=means.dtype))
# END RIGHT
# BEGIN RIGHT
def bootstrap_interval(values, draws=2000):
    import random
    rng = random.Random(2)
    means = sorted(sum(rng.choices(list(values), k=len(values))) / len(values) for _ in range(draws))
    return [means[round(0.025 * draws)], means[round(0.975 * draws) - 1]]
# END RIGHT

# %% [markdown]
# The interval gets narrower with the square root of the number of people: with four times as many it is half as wide.
#
# `usft.summarise` gives the means of all scores, and this interval for Dice. Here are the network and the mean shape.
# (In the figure, each row of dots is sorted by itself.)

# %% tags=["train", "curves", "fold"]
# @title Draw every test image, and print both intervals
network, blind = usft.summarise(scores), usft.summarise(baseline)
for name, row in {"network": network, "mean shape": blind}.items():
    print(f"{name:11s}{row['dice']:.3f} (95 % interval {row['low']:.3f} to {row['high']:.3f})")
shown = {"network": scores["dice"], "mean shape": baseline["dice"]}
usft.plots.ordered_figure(shown, title=f"Every test image ({test.name})")
plt.show()
usft.alt("two rows of dots that rise from the worst image to the best; "
         f"the network's worst has Dice {scores['dice'].min():.2f}.")  # fmt: skip

# %% tags=["train", "real-image", "fold"]
# @title Draw the worst, the median and the best image
order = np.argsort(scores["dice"].to_numpy())
panels = []
for what, k in {"worst": order[0], "median": order[len(order) // 2], "best": order[-1]}.items():
    drawn = usft.segment(model, test.images[k : k + 1])[0]
    panels.append((f"{what}: Dice {scores['dice'][k]:.3f}", test.images[k], test.masks[k], drawn))
usft.plots.pictures_figure(panels, columns=3, title=f"White dashes: the truth. Orange: the network. {test.provenance}")
plt.show()
usft.alt("on the median and the best image both outlines nearly coincide; on the worst one they part.")

# %% [markdown]
# ### Exercise 03.3 · Read the result
#
# From the two printed lines, *network* and *mean shape*, set two variables: `ahead`, by how much the network's mean is
# above that of the mean shape (two digits), and `overlap`, whether the two intervals overlap (`True` or `False`).

# %%
# BEGIN SOLUTION two means to subtract, and the ends of two intervals to compare
ahead = network["dice"] - blind["dice"]
overlap = bool(max(network["low"], blind["low"]) <= min(network["high"], blind["high"]))
# Why: the network's lowest plausible mean lies above the highest plausible mean of the mean shape.
# END SOLUTION

# %% tags=["reading"]
# @title Check 03.3
# BEGIN CHECK
means = network["dice"], blind["dice"]
lead, meet = means[0] - means[1], network["low"] <= blind["high"] and blind["low"] <= network["high"]
usft.check(
    lambda: (float(ahead), bool(overlap)),
    {
        "ahead": ((), lambda r: abs(r[0] - lead) < 0.006, "the network's mean minus that of the mean shape."),
        "overlap": ((), lambda r: r[1] == bool(meet), "is there a number that lies in both intervals?"),
    },
    exercise="03.3",
)
# END CHECK

# %%
# BEGIN WRONG "the network's mean minus"
ahead, overlap = network["low"] - blind["high"], False
# END WRONG
# BEGIN WRONG "lies in both intervals"
ahead, overlap = network["dice"] - blind["dice"], True
# END WRONG
# BEGIN RIGHT
ahead = round(float(by_person.mean() - baseline.groupby("subject")["dice"].mean().mean()), 2)
overlap = not (network["low"] > blind["high"] or blind["low"] > network["high"])
# END RIGHT

# %% [markdown]
# Write one sentence: what may you say about people who were not tested? Then open the points.
#
# <details><summary>Three points to look for</summary>
#
# * On people like these the network is better than a mask that ignores the image. The intervals do not even touch.
#   (Both were tested on the same people. Lesson 08 shows how to use this.)
# * The mean does not describe the worst image. A patient is one image, not a mean.
# * The interval covers other *people*. It does not cover another training, another hospital or another task.
# </details>
#
# Save weights together with a **card** that says what they were trained on. `usft.fit` has already noted the subjects,
# so that `usft.evaluate` can warn you if you test on one of them.

# %% tags=["train"]
with tempfile.TemporaryDirectory() as folder:
    card = {"title": "my first U-Net", "data": train.provenance, "steps": STEPS}
    path = usft.save_model(model, Path(folder) / "lungs.safetensors", card)
    loaded = usft.load_model(path)
same = torch.equal(usft.segment(model, test.images), usft.segment(loaded, test.images))
print(f"loaded again, the network draws the same masks: {same}")

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
The loss falls nicely over 40 steps on eight images. What do you know now?

- [ ] The network will work on new people.
  Eight images by heart say nothing about anybody else.
- [x] Loss, gradient and optimiser are connected.
  That is all this check says, and it is worth a lot: many mistakes show here within seconds.
- [ ] The learning rate is the best one.
  It is good enough to learn eight images. Other rates may do so faster.
""")

# %%
# @title Question 2
usft.Quiz("""
Test A has 20 people, test B has 180 people like them. How do the two 95 % intervals compare?

- [ ] They are equally wide: both are 95 % intervals.
  95 % says how often the rule is right. The width depends on how many people were tested.
- [x] B's is about three times narrower.
  The spread of a mean falls with the root of the number of people: √9 = 3.
- [ ] B's is nine times narrower.
  Nine times the people, but the root counts: three times.
""")

# %%
# @title Question 3
usft.Quiz("""
You show a trained network an image twice: once in training mode with seven other images, once alone in evaluation mode.
The masks differ. Why? (From lesson 02.)

- [ ] The weights were changed in between.
  Nothing was trained: there was no backward pass and no step.
- [x] Batch normalisation used other statistics.
  In training mode it takes mean and variance of the batch, in evaluation mode the running ones.
- [ ] The sigmoid is left out in evaluation mode.
  The network gives logits in both modes.
""")

# %% [markdown]
# ## What this does not show
#
# * One training, one split of the people. Another seed gives another network (lesson 08).
# * The interval covers other people of the same kind, not another hospital (lesson 07).
# * For teaching, never for diagnosis.

# %% [markdown]
# ## Recap
#
# * Check each link: the loss, a few images by heart, people it does not learn from, then the test, once.
# * A 95 % interval says how far the mean would move with other people.
# * Look at the worst image as well as at the mean.
#
# ## Try it alone
#
# Train with ten people instead of all (`train.subset(10)`). How do the mean and the worst image change?

# %% [markdown]
# ## Further reading
#
# * Milletari, Navab, Ahmadi, "V-Net", 2016, [arXiv 1606.04797](https://arxiv.org/abs/1606.04797): the soft Dice loss.
# * Efron and Tibshirani, "An Introduction to the Bootstrap", 1993,
#   [doi 10.1201/9780429246593](https://doi.org/10.1201/9780429246593).
# * Jaeger and others, "Two public chest X-ray datasets for computer-aided screening of pulmonary diseases", 2014,
#   [doi 10.3978/j.issn.2223-4292.2014.11.20](https://doi.org/10.3978/j.issn.2223-4292.2014.11.20).
