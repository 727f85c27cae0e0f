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
import warnings
from copy import deepcopy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

import usft_lib as usft
from usft_lib.data import augment
from usft_lib.plots import COLOURS, STYLE, show_masks
from usft_lib.seeds import generator

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": longer training
SEED = 0
SIZE = 96  # pixels a side
OVERFIT_STEPS = 40
STEPS = 1200 if PROFILE == "full" else 450
LR = 3e-3
print(f"profile {PROFILE}: {OVERFIT_STEPS} steps on one batch, then {STEPS} steps of 8 at {SIZE} × {SIZE} pixels")

# %% [markdown]
# A network that fails looks much like one that works: the code runs, a loss is printed, masks come out. So how do we
# know that training works? By asking questions whose answers could be "no":
#
# 1. Does the loss measure what we want?
# 2. Can the network learn **anything**, such as eight images by heart?
# 3. Does it get better on people whom it has **never seen**?
# 4. Are the masks good where it matters, on the **worst** image too?
# 5. Do we get the same network back from disk?
#
# The task: find the lungs on chest X-rays. The network that comes out is the kind that later lessons carry over to
# ultrasound.
#
# ## Predict
#
# We train for a minute or so on about a hundred chest X-rays. **(a) What mean Dice will the network reach on people it
# has not seen? (b) And on the worst of their images?**

# %%
usft.guess("03.a", ...)  # your guess: the mean
usft.guess("03.b", ...)  # your guess: the worst image

# %% [markdown]
# ## 1 · Does the loss measure what we want?
#
# We want a high Dice. But Dice counts pixels of a mask, and a mask is a yes or a no. Move a weight a little and no
# pixel flips: the gradient is zero almost everywhere. The **soft Dice** takes probabilities $p$ in place of the mask:
#
# $$\text{loss of one image} = 1 - \frac{2\sum p\,y + 1}{\sum p + \sum y + 1}$$
#
# Here $y$ is 1 inside the lungs and 0 outside, and the sums run over the pixels of **one** image. The two ones keep an
# image without any object from dividing zero by zero. The network returns **logits**, and
# $p = \text{sigmoid}(\text{logit})$.
#
# ## Exercise 03.1 · The soft Dice loss
#
# `logits` are numbers and `masks` are bool, both `[N, 1, H, W]`. Return one number: the loss of each image, averaged
# over the N images. It must carry a gradient back to the logits, so use PyTorch.
#
# <details><summary>Hint 1</summary>
#
# `torch.sigmoid` makes probabilities. Bool masks multiply once they are `.float()`.
# </details>
# <details><summary>Hint 2</summary>
#
# Sum over the pixels of one image, not over the batch: `.flatten(1)`, then sums over dimension 1. The mean comes last.
# </details>


# %%
def my_soft_dice_loss(logits, masks):
    # BEGIN SOLUTION return the mean over images of 1 - soft Dice
    p = torch.sigmoid(logits).flatten(1)
    y = masks.float().flatten(1)
    doubled_overlap = 2 * (p * y).sum(dim=1)
    dice_of_each = (doubled_overlap + 1) / (p.sum(dim=1) + y.sum(dim=1) + 1)
    return 1 - dice_of_each.mean()
    # END SOLUTION


# %%
# @title Check 03.1
# BEGIN CHECK
undecided, pixel = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1, dtype=torch.bool)  # p = ½, inside
half = torch.tensor([True, True, False, False]).view(1, 1, 2, 2)
big, small = torch.ones(1, 1, 4, 4, dtype=torch.bool), torch.zeros(1, 1, 4, 4, dtype=torch.bool)
small[..., 0, 0] = True
found_and_missed = torch.cat([torch.full((1, 1, 4, 4), 200.0), torch.full((1, 1, 4, 4), -200.0)])


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
            "Two empty masks agree: add 1 above and below the line, or zero is divided by zero.",
        ),
        "no squares": (
            (undecided, pixel),
            lambda loss: abs(loss - 1 / 9) > 1e-3,
            "Below the line stand the sums of p and y themselves, without squares.",
        ),
        "one undecided pixel": ((undecided, pixel), 0.2, "Twice the overlap: 1 − (2·½ + 1)/(½ + 1 + 1)."),
        "one found, one missed": (
            (found_and_missed, torch.cat([big, small])),
            0.25,
            "One loss an image, then their mean: else the large object outvotes the small one.",
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

# %% [markdown]
# From here on the library's version takes over. In training it adds the binary cross-entropy of each pixel
# (`usft.dice_and_cross_entropy`): overlap steers, and cross-entropy still pulls where the soft Dice hardly has a slope.
#
# ## 2 · Images, and three sides of them
#
# `usft.load` fetches the Montgomery chest X-rays, or simulated radiographs where they cannot be had; the name says
# which. The network learns from `train`. We watch `val` while it learns. `test` stays untouched until the end. Nobody
# is on two sides.

# %% tags=["train"]
data = usft.load("montgomery", size=SIZE, otherwise="sim-radiographs")
simulated = data.stand_in
train, val, test = data.split(0.7, 0.1, 0.2, seed=SEED)
print(f"{data}\n{len(train)} to learn from, {len(val)} to watch, {len(test)} to test on")
if simulated:
    print("Simulated radiographs stand in: what follows is no verdict on real X-rays.")

# %% [markdown]
# ## 3 · Can it learn anything? Overfit one batch
#
# Before you wait for a long run, try the smallest one. Take eight images, switch off everything random, and show them
# again and again. Any network of this size can learn eight images by heart. If yours cannot, something is broken: the
# loss, the gradient, the learning rate, a frozen layer. No amount of data would help.

# %% tags=["train"]
torch.manual_seed(SEED)
batch, parrot = train[:8], usft.UNet(width=16, depth=4)
memory = usft.fit(parrot, batch, steps=OVERFIT_STEPS, lr=1e-2, schedule="constant", augment=False, progress=False)
usft.check_range(memory.loss[-1] / memory.loss[0], 0, 0.4, "the last loss, as a share of the first,")

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, axes = plt.subplots(figsize=(8, 3.8), layout="constrained")
    axes.plot(range(1, len(memory.loss) + 1), memory.loss, color=COLOURS[0], marker="o", markersize=4)
    axes.set(xlabel="step, always on the same 8 images", ylabel="loss", ylim=(0, None))
    axes.set_title(f"Eight images, learnt by heart · {train.name}")
plt.show()
usft.alt("the loss falls to a small share of where it began: loss, gradient and optimiser are connected.")

# %% [markdown]
# Does that mean that the masks are right now? Ask twice: once as in training, where batch normalisation uses the
# statistics of *this batch*, and once as in use, where it takes the running averages that it stored.

# %% tags=["train"]
images, masks = batch.images.to(next(parrot.parameters()).device), batch.masks
with torch.no_grad():
    as_trained = deepcopy(parrot).train()(images).cpu() > 0  # this cut: section 8
print(f"with the batch's own statistics: Dice {usft.dice(as_trained, masks).mean():.3f}")
print(f"with the stored statistics:      Dice {usft.dice(usft.segment(parrot, batch.images), masks).mean():.3f}")

# %% [markdown]
# The same weights, the same images, two answers. The stored averages follow slowly, and within so few steps at a high
# rate they lag behind. In a long run whose rate falls to zero they catch up. Remember this gap: in lesson 04 it is what
# makes a "frozen" layer move.
#
# ## 4 · More images than there are: augmentation
#
# A hundred X-rays are few. A chest that is turned a little, shifted, mirrored or exposed otherwise is still a chest, so
# each time an image comes up it is changed at random. One rule decides whether that helps or ruins everything: **what
# moves the image moves its mask; what changes the grey values leaves the mask alone.**
#
# ## Exercise 03.2 · Change both alike
#
# Write a small augmentation, with nothing random in it. `image` is float `[1, H, W]` in 0…1, `mask` is bool of the same
# shape. If `mirror` is true, swap left and right. Then raise the grey values to the power `gamma`. Return image and
# mask.
#
# <details><summary>Hint 1</summary>
#
# Left and right lie along the last dimension: `.flip(-1)`.
# </details>
# <details><summary>Hint 2</summary>
#
# Which of the two changes moves pixels, and which changes grey values? The rule above says what each does to the mask.
# </details>


# %%
def change(image, mask, mirror, gamma):
    # BEGIN SOLUTION mirror what must be mirrored, raise what must be raised, return both
    if mirror:
        image, mask = image.flip(-1), mask.flip(-1)
    return image**gamma, mask
    # END SOLUTION


# %%
# @title Check 03.2
# BEGIN CHECK
image = torch.tensor([[[0.0, 0.25, 0.64], [0.81, 1.0, 0.36]]])
mask = torch.tensor([[[False, False, True], [True, True, False]]])
turned_image = torch.tensor([[[0.64, 0.25, 0.0], [0.36, 1.0, 0.81]]])
turned_mask = torch.tensor([[[True, False, False], [False, True, True]]])


def close(a, b):
    return torch.allclose(a.float(), b.float(), atol=1e-5)


usft.check(
    change,
    {
        "nothing to do": (
            (image, mask, False, 1.0),
            lambda both: close(both[0], image) and close(both[1], mask),
            "Without mirror and with gamma 1, image and mask come back as they were, in this order.",
        ),
        "the image mirrored": (
            (image, mask, True, 1.0),
            lambda both: close(both[0], turned_image),
            "Left and right lie along the last dimension, the columns: .flip(-1).",
        ),
        "the mask mirrored": (
            (image, mask, True, 1.0),
            lambda both: close(both[1], turned_mask),
            "The mask stayed behind: what moves the image must move its mask.",
        ),
        "gamma ½": (
            (image, mask, False, 0.5),
            lambda both: close(both[0], image.sqrt()),
            "To the power gamma: image ** gamma keeps 0 at 0 and 1 at 1; a factor would not.",
        ),
        "the mask keeps its type": (
            (image, mask, True, 2.0),
            lambda both: both[1].dtype == torch.bool,
            "Grey values have a gamma, masks have none: the mask stays bool.",
        ),
        "both at once": (
            (image, mask, True, 2.0),
            lambda both: close(both[0], turned_image**2) and close(both[1], turned_mask),
            "Mirror and gamma may come together.",
        ),
    },
    exercise="03.2",
)
# END CHECK

# %%
# BEGIN WRONG "The mask stayed behind"
def change(image, mask, mirror, gamma):
    return (image.flip(-1) if mirror else image) ** gamma, mask
# END WRONG
# BEGIN WRONG "the columns"
def change(image, mask, mirror, gamma):
    if mirror:
        image, mask = image.flip(-2), mask.flip(-2)
    return image**gamma, mask
# END WRONG
# BEGIN WRONG "a factor would not"
def change(image, mask, mirror, gamma):
    if mirror:
        image, mask = image.flip(-1), mask.flip(-1)
    return (image * gamma).clamp(0, 1), mask
# END WRONG
# BEGIN WRONG "masks have none"
def change(image, mask, mirror, gamma):
    if mirror:
        image, mask = image.flip(-1), mask.flip(-1)
    return image**gamma, mask.float() ** gamma
# END WRONG
# BEGIN WRONG "in this order"
def change(image, mask, mirror, gamma):
    if mirror:
        image, mask = image.flip(-1), mask.flip(-1)
    return mask, image**gamma
# END WRONG
# BEGIN WRONG "may come together"
def change(image, mask, mirror, gamma):
    if mirror:
        return image.flip(-1), mask.flip(-1)
    return image**gamma, mask
# END WRONG
# BEGIN RIGHT
def change(image, mask, mirror, gamma):
    step = -1 if mirror else 1
    columns = torch.arange(image.shape[-1])
    order = columns.flip(0) if step < 0 else columns
    return torch.pow(image[..., order], gamma), mask[..., order]
# END RIGHT
# BEGIN RIGHT
def change(image, mask, mirror, gamma):
    if mirror:
        image, mask = torch.from_numpy(image.numpy()[..., ::-1].copy()), torch.fliplr(mask[0])[None]
    return [image**gamma, mask]
# END RIGHT
# BEGIN RIGHT
def change(image, mask, mirror, gamma):
    both = torch.cat([image, mask.float()])
    if mirror:
        both = torch.flip(both, dims=[2])
    return torch.exp(gamma * torch.log(both[:1])), both[1:] > 0.5
# END RIGHT

# %% [markdown]
# The library turns, scales and shifts as well. Here is what it does to one **simulated** radiograph. The dashed outline
# is the mask, moved along. Change `draw` and run the cell again: does the outline ever leave the lungs?

# %% tags=["curves"]
draw = 0  # change me
chest = usft.simulate_radiographs(1, size=SIZE, seed=3)
many = [t.expand(9, -1, -1, -1) for t in (chest.images, chest.masks)]
changed_images, changed_masks = augment(*many, generator("show", draw))
with plt.rc_context(STYLE | {"axes.grid": False}):
    figure, panels = plt.subplots(2, 5, figsize=(11, 4.9), layout="constrained")
    show_masks(panels[0, 0], chest.images[0], chest.masks[0])
    panels[0, 0].set_title("as it was")
    for axes, one, its_mask in zip(panels.flat[1:], changed_images, changed_masks, strict=True):
        show_masks(axes, one, its_mask)
    figure.suptitle("One simulated radiograph, changed nine times: the mask moves along")
plt.show()
usft.alt("nine versions of a chest, turned, shifted, mirrored, darker or brighter; the outline follows the lungs.")

# %% [markdown]
# It should not: image and mask went through the same turn, shift and mirror. About half of the chests have their heart
# on the other side. That does no harm to a network that looks for lungs; it would to one that must tell left from
# right.
#
# ## 5 · Pretrain
#
# Now the real run: all training images, augmented, with a learning rate that falls to zero along half a cosine. Every
# so often the network is asked for masks of the `val` people, from whom it learns nothing. This takes a minute or so on
# two processor cores.

# %% tags=["train"]
torch.manual_seed(SEED)
model = usft.UNet(width=16, depth=4)
untrained = deepcopy(model)
history = usft.fit(model, train, val, steps=STEPS, lr=LR, seed=SEED, validate_every=STEPS // 10)
print(f"{STEPS} steps in {history.seconds[-1]:.0f} s of training, in {history.settings['precision']}")

# %% [markdown]
# Read the curves before you read any score. The loss is noisy, as every step sees other images. Is it still falling at
# the end, or flat? Does the Dice of unseen people rise meanwhile? Does it pass that of the **mean shape**, the one mask
# that fits all training people best on average? That mask never looks: what lies above it comes from looking.

# %% tags=["train", "curves"]
floor = usft.mean_shape(train)
shape_val = float(usft.dice(floor.expand_as(val.masks), val.masks).mean())
smooth = np.convolve(history.loss, np.ones(25) / 25, "valid")
print(f"mean shape on the validation people: Dice {shape_val:.2f}")

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained")
    left.plot(range(1, STEPS + 1), history.loss, color=COLOURS[5], linewidth=0.8, label="each step")
    left.plot(np.arange(len(smooth)) + 13, smooth, color=COLOURS[0], linewidth=2.5, label="mean of 25 steps")
    left.set(xlabel="training step", ylabel="loss (training images)", ylim=(0, None))
    left.set_title("What it is told: the loss falls")
    right.plot(history.val_step, history.val_dice, color=COLOURS[1], marker="s", label="the network")
    right.axhline(shape_val, color="0.3", linestyle="--", label="mean shape, without looking")
    right.set(xlabel="training step", ylabel="Dice (validation)", ylim=(0, 1), title="What we want: unseen people")
    for axes in (left, right):
        axes.legend(frameon=False)
    figure.suptitle(f"How do we know that training works? · {train.name}")
plt.show()
usft.alt("the training loss falls and flattens; the Dice of unseen people ends well above that of the mean shape.")

# %% [markdown]
# If the loss fell and the Dice did not rise, the network would be learning its people by heart. If neither moved, we
# would go back to the eight images.
#
# ## 6 · Test, once
#
# We looked at `val` while we built this. So the number that counts comes from `test`, once, at the end. Beside it stand
# two answers that took no training.

# %% tags=["train"]
scores = usft.evaluate(model, test)
rows = {
    "mean shape": usft.score(floor, test),
    "untrained": usft.evaluate(untrained, test),
    "pretrained": scores,
}
print(f"{len(test)} test images of {test.name}\n{'':12s}{'Dice':>6s}   95 % interval over people   worst image")
for name, table in rows.items():
    found = usft.summarise(table)
    print(f"{name:12s}{found['dice']:6.3f}   {found['low']:.3f}…{found['high']:.3f}{table['dice'].min():25.3f}")
found, guess = usft.summarise(scores), usft.guesses()
print(f"you guessed {guess.get('03.a', '… none')} for the mean, and {guess.get('03.b', '… none')} for the worst image")
usft.check_range(found["dice"], *((0.95, 0.995) if simulated else (0.92, 0.99)), "Dice of the test images")

# %% [markdown]
# A mean says little about a patient. Sort the images from worst to best and look at the left end. Is the worst image a
# little worse, or lost?

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, axes = plt.subplots(figsize=(9, 4.4), layout="constrained")
    looks = {"pretrained": (COLOURS[1], "s"), "mean shape": (COLOURS[0], "o")}
    for name, (colour, marker) in looks.items():
        ordered = np.sort(rows[name]["dice"])
        axes.plot(range(1, len(ordered) + 1), ordered, color=colour, marker=marker, markersize=5, label=name)
    axes.axhline(found["dice"], color=COLOURS[1], linestyle=":", label="pretrained, mean")
    axes.set(xlabel="test images, from worst to best (each row by itself)", ylabel="Dice", ylim=(0, 1.02))
    axes.set_title(f"The mean hides the worst image · {test.name}")
    axes.legend(frameon=False, loc="lower right")
plt.show()
usft.alt("from the worst image to the best the network lies above the mean shape; its curve dips at the left end.")

# %% [markdown]
# Now look at three of them: the worst, the one in the middle, and the best. Where does the network go wrong: at the
# rim, at the heart, under the diaphragm? And is it the network that is wrong, or could a second expert have drawn it
# so?

# %% tags=["train", "real-image"]
order = np.argsort(scores["dice"].to_numpy())
chosen = {"worst": order[0], "median": order[len(order) // 2], "best": order[-1]}
with plt.rc_context(STYLE | {"axes.grid": False}):
    figure, panels = plt.subplots(1, 3, figsize=(12, 4.6), layout="constrained")
    for axes, (what, k) in zip(panels, chosen.items(), strict=True):
        show_masks(axes, test.images[k], test.masks[k], usft.segment(model, test.images[k : k + 1])[0])
        axes.set_title(f"{what}: Dice {scores['dice'][k]:.3f}")
    figure.suptitle("white dashes: drawn by an expert or known exactly · orange: the network", fontsize=11)
    figure.text(0.995, 0.003, test.provenance, ha="right", fontsize=8, color="0.35")
plt.show()
usft.alt("three chests, two outlines each; on the median and the best they nearly coincide, on the worst they part.")

# %% [markdown]
# ## 7 · Save it, with a card
#
# Weights without a history are a riddle: what were they trained on, may I use them, how good are they? So the course
# saves a **card** inside the same file; `usft.fit` has already noted on it whom the network has seen. The format is
# safetensors, plain numbers; a pickle, as `torch.save` writes it, can run any code when it is opened.
#
# The folder below is deleted again. Name one of your own if you want to keep the network; later lessons bring theirs.

# %% tags=["train"]
with tempfile.TemporaryDirectory() as folder:
    card = {
        "title": "my first U-Net for lungs",
        "data": f"{len(train)} images of {train.name} at {SIZE} × {SIZE} pixels",
        "steps": STEPS,
        "seed": SEED,
        "dice": f"{found['dice']:.3f} on {len(test)} held-out images",
        "limits": "for teaching, never for diagnosis",
    }
    path = usft.save_model(model, Path(folder) / "lungs.safetensors", card)
    loaded = usft.load_model(path)
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
for key, value in loaded.card.items():
    print(f"  {key}: {sum(map(len, value.values())) if key == 'subjects' else value}")

# %% [markdown]
# Is it the same network? And does it remember whom it has seen? Score it on its own training people, and the library
# objects.

# %% tags=["train"]
same = torch.equal(usft.segment(model.cpu(), test.images), usft.segment(loaded, test.images))
print(f"the loaded network draws the same masks: {same}")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    usft.evaluate(loaded, train[:4])
print(f"on training people: {'a warning, ' if caught else 'no warning, '}" + str(caught[0].message).split(" (such")[0])

# %% [markdown]
# ## 8 · From logits to a mask
#
# One line stands between the network and every mask above, and it is easy to get wrong. The network returns logits. A
# pixel belongs to the lungs if its **probability** is above ½.
#
# ## Exercise 03.3 · The cut
#
# `logits` is a float tensor of any shape. Return a bool tensor of that shape: True where the probability is above ½.
#
# <details><summary>Hint 1</summary>
#
# A logit is no probability. `torch.sigmoid` turns one into the other.
# </details>
# <details><summary>Hint 2</summary>
#
# Or ask which logit has a probability of just one half, and compare with that.
# </details>


# %%
def to_masks(logits):
    # BEGIN SOLUTION return where the probability is above one half
    return torch.sigmoid(logits) > 0.5
    # END SOLUTION


# %%
# @title Check 03.3
# BEGIN CHECK
usft.check(
    to_masks,
    {
        "logit 0.3": (
            (torch.full((1, 1, 2, 2), 0.3),),
            lambda mask: bool(mask.bool().all()),
            "sigmoid(0.3) is above ½: logits were cut at ½ as if they were probabilities.",
        ),
        "logit −0.3": (
            (torch.full((1, 1, 2, 2), -0.3),),
            lambda mask: not mask.bool().any(),
            "sigmoid(−0.3) is below ½: probabilities are cut at ½, logits at 0, and there is one channel, no arg max.",
        ),
        "logit 0": (
            (torch.zeros(1, 1, 2, 2),),
            lambda mask: not mask.bool().any(),
            "A probability of exactly ½ is not above ½: > and not ≥.",
        ),
        "type and shape": (
            (torch.zeros(3, 1, 4, 2),),
            lambda mask: mask.dtype == torch.bool and mask.shape == (3, 1, 4, 2),
            "Return a bool tensor of the same shape, as a comparison gives it.",
        ),
        "mixed": (
            (torch.tensor([-9.0, -0.01, 0.01, 0.49, 0.51, 40.0]),),
            torch.tensor([False, False, True, True, True, True]),
            "Each pixel by itself: the other pixels have no say.",
        ),
    },
    exercise="03.3",
)
# END CHECK

# %%
# BEGIN WRONG "as if they were probabilities"
def to_masks(logits):
    return logits > 0.5
# END WRONG
# BEGIN WRONG "probabilities are cut at ½"
def to_masks(logits):
    return torch.sigmoid(logits) > 0
# END WRONG
# BEGIN WRONG "no arg max"
def to_masks(logits):
    return torch.softmax(logits, dim=1) > 0.5
# END WRONG
# BEGIN WRONG "is not above ½"
def to_masks(logits):
    return logits >= 0
# END WRONG
# BEGIN WRONG "Return a bool tensor"
def to_masks(logits):
    return torch.sigmoid(logits).round()
# END WRONG
# BEGIN WRONG "the other pixels have no say"
def to_masks(logits):
    return (logits > 0) & (logits > logits.mean() - 5)
# END WRONG
# BEGIN RIGHT
def to_masks(logits):
    return logits > 0
# END RIGHT
# BEGIN RIGHT
def to_masks(logits):
    return torch.from_numpy(1 / (1 + np.exp(-logits.numpy())) > 0.5)
# END RIGHT
# BEGIN RIGHT
def to_masks(logits):
    return torch.tensor([value > 0 for value in logits.flatten().tolist()]).view(logits.shape)
# END RIGHT

# %% [markdown]
# What does it cost to cut logits at ½, as if they were probabilities? Cut those of the test images at many heights, and
# mark both cuts. (`test`, once more? We choose nothing by this figure. To choose a cut we would take `val`.)

# %% tags=["train", "curves"]
with torch.no_grad():
    logits = loaded.eval()(test.images)
cuts = torch.linspace(-6, 6, 49)
at_cut = [float(usft.dice(logits > cut, test.masks).mean()) for cut in cuts]
probabilities = usft.dice(logits.sigmoid() > 0, test.masks).mean()
print(f"probabilities cut at 0, so that everything is lung: Dice {probabilities:.3f}")

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    axes.plot(cuts, at_cut, color=COLOURS[0], linewidth=2)
    for cut, colour, what in ((0, COLOURS[2], "0: probability ½"), (0.5, COLOURS[1], "½: the mistake")):
        axes.axvline(cut, color=colour, linestyle="-" if cut == 0 else "--", label=f"logit {what}")
    axes.set(xlabel="logits above this are lung", ylabel="Dice (test)", ylim=(0, 1))
    axes.set_title(f"What does a wrong cut cost? · {test.name}")
    axes.legend(frameon=False, loc="lower right")
plt.show()
usft.alt("a broad hill: 0 and ½ lie side by side near its top, and the Dice falls off only for cuts far from both.")

# %% [markdown]
# The opposite slip, probabilities cut at 0, calls everything lung, and anybody notices. Logits cut at ½ are another
# matter: on a network that is sure of itself that costs next to nothing. **That is why the mistake survives**: no score
# gives it away. It starts to matter where many logits lie near zero, as they may after a move to another kind of image.
# Lesson 07 makes such a move.

# %% [markdown]
# ## Quiz
#
# Choose before you click. The wrong answers are explained as well.

# %%
# @title Question 1
usft.Quiz("""
A network learns one batch by heart without trouble. Which of these bugs has the test ruled out?

- [ ] The gradient does not reach the first layers.
  The later layers may manage eight images alone.
- [x] The optimiser was given none of the parameters.
  Then no weight would have moved and the loss would have stood still. The test proves that *something* learns. It is
  cheap and catches much; it proves no more than that.
- [ ] Each image was given the mask of its neighbour in the list.
  Wrong masks can be learnt by heart like right ones. Try `batch.masks = batch.masks.roll(1, 0)`: the loss still falls.
- [ ] The same people are in training and test.
  One batch knows nothing of a split.
""")

# %%
# @title Question 2
usft.Quiz("""
The training loss is still falling. The Dice on `val` rose, and has been falling for the last third of the run. The
length of the run was fixed beforehand. Which number do you report?

- [ ] The Dice on `val` at its best step.
  You looked many times and kept the luckiest look: part of that height is chance. And `val` has had a say in the
  network, so it is no judge of it.
- [ ] The Dice on `test` at the step where it is highest.
  To pick the step on `test` is to learn from `test`.
- [x] The Dice on `test` after the last step.
  As in all of this course. The network overfits: it gets better on its own people and worse on others. More
  augmentation, more people or fewer steps will help in the *next* run, and the number you report does not hide it.
""")

# %%
# @title Question 3
usft.Quiz("""
Two networks have the same mean Dice on a hundred patients. One is a little off on everybody; the other is excellent,
but loses two patients altogether. Which of these shows it best?

- [x] The curve of images sorted by Dice.
  Look at its left end. Beside the mean belongs the worst image or, with many images, the share that failed (in this
  course: Dice below 0.1; it is `failures` in `usft.summarise`).
- [ ] The curve of validation Dice against steps.
  Each of its points is a mean over people, and hides what a mean hides.
- [ ] The 95 % interval of the mean.
  It says where the mean may lie with other people. It may be wide because of two failures, or because of many images
  that are neither good nor bad.
""")

# %% [markdown]
# ## What this does not show
#
# * The test people come from the same hospital and the same machine as those in training. How the network does
#   elsewhere is the question of lesson 07.
# * One seed, one split, a small test set: the interval covers other people of this kind, not other trainings.
# * The images are small, and lungs are large and alike. A Dice this high does not carry over to harder tasks.
# * If simulated radiographs stood in: they are easier than real ones, and no verdict on X-rays follows.
# * Architecture, loss, rate and number of steps are our reconstruction; the paper's settings are not known to us.

# %% [markdown]
# ## Recap
#
# * Ask questions that can be answered "no": overfit one batch, watch unseen people, compare with the mean shape.
# * Per image, then the mean; and look at the worst image, not at the mean alone.
# * Weights travel with a card: data, seed, Dice, limits, and the people they have seen.

# %% [markdown]
# ## Further reading
#
# * F. Milletari, N. Navab, S.-A. Ahmadi, "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
#   Segmentation", 3DV 2016, doi [10.1109/3DV.2016.79](https://doi.org/10.1109/3DV.2016.79): the soft Dice, with
#   squares.
# * I. Loshchilov, F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, [arXiv
#   1608.03983](https://arxiv.org/abs/1608.03983): the cosine.
# * S. Jaeger and others, "Two public chest X-ray datasets for computer-aided screening of pulmonary diseases",
#   Quantitative Imaging in Medicine and Surgery 4(6):475-477, 2014: the Montgomery images.
