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
from copy import deepcopy
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import nn

import usft_lib as usft
from usft_lib.plots import COLOURS, MARKERS, STYLE, show_masks

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": more images; nothing is trained here in either
SIZE = 128  # pixels a side: what the networks were pretrained at
IMAGES = 400 if PROFILE == "full" else 64  # at most so many images of a kind
print(f"profile {PROFILE}: up to {IMAGES} images of a kind at {SIZE} × {SIZE} pixels, no training")

# %% [markdown]
# A network that was good at home is sent abroad, and its Dice falls. "Domain gap", people say. But three quite
# different things hide behind those two words:
#
# * **(a) Same task, other hospital.** Lungs on chest X-rays, from another machine, other patients, other experts.
# * **(b) Same shapes, other look.** The very same lungs, at the very same places, drawn in ultrasound speckle. No
#   patient looks like that. It is an experiment in which *appearance* changes and nothing else.
# * **(c) Another task.** Ultrasound of a breast lesion. The network was asked for lungs, and there are none.
#
# In (c) the Dice will be poor however well the network gets on with speckle. So we never call that number a gap.
#
# ## Predict first
#
# At home, on patients that it never saw, the network's Dice is above 0.95. What will it be at another hospital, and on
# the same lungs drawn in speckle?

# %%
usft.guess("07.a", ...)  # your guess: other hospital
usft.guess("07.b", ...)  # your guess: same lungs in speckle

# %% [markdown]
# ## The same lungs in speckle
#
# `usft.in_speckle` takes nothing but the masks of a data set. It scans them as lesson 05 did, with weaker echoes inside
# than outside, and keeps shapes, places and subjects. These are simulated chests.

# %% tags=["train", "curves"]
chests = usft.simulate_radiographs(3, size=SIZE, seed=1)
speckled = usft.in_speckle(chests)
lesions = usft.simulate_ultrasound(3, size=SIZE, seed=1, preset="breast")
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(3, 3, figsize=(6.6, 7), layout="constrained")
    names = ["simulated radiographs", "(b) the same lungs in speckle", "(c) simulated lesions: another task"]
    for row, (name, shown) in enumerate(zip(names, (chests, speckled, lesions), strict=True)):
        for column in range(3):
            show_masks(panels[row, column], shown.images[column], shown.masks[column])
        panels[row, 1].set_title(name, fontsize=12)
    figure.suptitle("First the look changes, then the task as well", fontsize=13)
plt.show()
usft.alt("dashed outlines agree between the first two rows, which differ in texture alone; the third asks for lesions.")

# %% [markdown]
# ## Three shifts, measured
#
# Home is Montgomery County's set, those subjects that the network was not trained on. The other hospital is in
# Shenzhen. Where these two are not at hand, simulated chests stand in for both, the second kind with another display
# curve, and a network that was pretrained on simulated chests.

# %% tags=["train"]
home = usft.load("montgomery", size=SIZE, otherwise="sim-radiographs")
away = usft.load("shenzhen", size=SIZE, otherwise="sim-radiographs")
real = not (home.stand_in or away.stand_in)
net = usft.pretrained("xray" if real else "xray-simulated")
if real:
    known = set(net.card["subjects"][home.origin])
    home = home[[subject not in known for subject in home.subjects]]
    away = away.subset(min(IMAGES, len(set(away.subjects))), seed=0)
else:
    home, away = (usft.simulate_radiographs(IMAGES, size=SIZE, seed=seed) for seed in (1, 2))
    away = replace(away, images=away.images**2.2, name=f"{away.name}, another display curve")
texture = usft.in_speckle(home)
for data in (home, away, texture):
    print(data)

# %% tags=["train"]
shape = usft.mean_shape(home)
scores = {
    "home": usft.evaluate(net, home),
    "(a) other hospital": usft.evaluate(net, away),
    "(b) same lungs in speckle": usft.evaluate(net, texture),
}
blind = {"home": usft.score(shape, home), "(a) other hospital": usft.score(shape, away)}
blind["(b) same lungs in speckle"] = blind["home"]  # the same masks
rows = []
for name, table in scores.items():
    s, guess = usft.summarise(table), usft.summarise(blind[name])["dice"]
    rows.append([name, len(table), f"{s['dice']:.3f}", f"{s['low']:.3f}…{s['high']:.3f}", f"{guess:.3f}"])
print(pd.DataFrame(rows, columns=["images", "n", "Dice", "95 % interval", "mean shape"]).to_string(index=False))

# %% tags=["train"]
guesses = usft.guesses()
for key, what in {"07.a": "the other hospital", "07.b": "the lungs in speckle"}.items():
    print(f"you guessed {guesses.get(key, '… none')} for {what}")
mean, low, high = usft.paired_difference(scores["home"], scores["(b) same lungs in speckle"])
print(f"lost to the look alone, subject by subject: {mean:.3f} ({low:.3f}…{high:.3f})")
usft.check_range(usft.summarise(scores["home"])["dice"], 0.93, 1, "Dice at home")

# %% [markdown]
# The last column is one mask for everybody, the mean shape of the lungs at home. It looks at no image, and a Dice below
# it is worse than not looking. (At home it is a little flattered: it was made from those very masks.)
#
# Shift (b) is paired: each chest is scored twice, so the loss is that of appearance and of nothing else. Shift (a) is
# not: other patients, other illnesses, other hands that drew the masks. All of that is in the difference.
#
# ## A repair without a label?
#
# Batch normalisation shifts and scales each channel by a mean and a variance that were counted on the old images. On
# new images these may simply be wrong. They can be counted again: show the network new images in
# training mode, with no gradient and no mask.
#
# ## Exercise 07.1: count again
#
# Write `new_statistics(model, images)`. It returns the model whose batch normalisations hold the mean and variance
# (`running_mean`, `running_var`) of these images, **all** of it and nothing of the old; weights untouched; in
# evaluation mode, ready to use. The images fit into one batch.
#
# <details><summary>Hint 1</summary>
#
# Statistics are counted in training mode alone, whether or not there is a gradient.
# </details>
# <details><summary>Hint 2</summary>
#
# `layer.momentum` is the share of the new batch in the running average, 0.1 by default.
# </details>


# %%
def new_statistics(model, images):
    """The model, in evaluation mode, with the batch-norm statistics of these images."""
    # BEGIN SOLUTION make each BatchNorm2d forget, show the images in training mode, return the model in evaluation mode
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # the new batch counts for all
    with torch.no_grad():
        model.train()(images)
    return model.eval()
    # END SOLUTION


# %%
# @title Check 07.1
# BEGIN CHECK
torch.manual_seed(0)
tiny = usft.UNet(width=4, depth=2).eval()
batch = torch.rand(6, 1, 32, 32)
seen = {}  # what the first and the deepest normalisation are given, in training mode
twin = deepcopy(tiny).train()
for name in ("enc1.1", "bottleneck.4"):
    twin.get_submodule(name).register_forward_pre_hook(lambda m, x, name=name: seen.update({name: x[0].detach()}))
twin(batch)


def close(model, name, what):
    found, x = model.get_submodule(name), seen[name]
    true = x.mean((0, 2, 3)) if what == "mean" else x.var((0, 2, 3))
    return torch.allclose(getattr(found, f"running_{what}"), true, rtol=0.03, atol=1e-4)


def weights(model):
    return all(torch.allclose(p, dict(tiny.named_parameters())[name]) for name, p in model.named_parameters())


usft.check(
    new_statistics,
    {
        "it returns the model": ((tiny, batch), lambda m: isinstance(m, nn.Module), "end with: return model.eval()"),
        "something moved": (
            (tiny, batch),
            lambda m: not torch.allclose(m.enc1[1].running_mean, tiny.enc1[1].running_mean),
            "the statistics are the old ones: in evaluation mode nothing is counted. Call model.train() before.",
        ),
        "the mean in enc1": (
            (tiny, batch),
            lambda m: close(m, "enc1.1", "mean"),
            "a mixture of old and new, or not what comes out of the convolution: with momentum 0.1 one batch counts a "
            "tenth only.",
        ),
        "the variance in enc1": (
            (tiny, batch),
            lambda m: close(m, "enc1.1", "var"),
            "the mean is right, the variance is not: both are wanted.",
        ),
        "the mean at the bottleneck": (
            (tiny, batch),
            lambda m: close(m, "bottleneck.4", "mean"),
            "the first layer is right, the deepest is not: all layers count again, each on what the new ones before it "
            "hand on.",
        ),
        "the weights": ((tiny, batch), weights, "weights must stay as they are: no optimiser, and no reset of layers."),
        "the mode": (
            (tiny, batch),
            lambda m: not any(part.training for part in m.modules()),
            "hand the model back in evaluation mode, or the next image will change it again.",
        ),
    },
    exercise="07.1",
)
# END CHECK

# %%
# BEGIN WRONG "in evaluation mode nothing is counted"
def new_statistics(model, images):
    with torch.no_grad():
        model.eval()(images)
    return model
# END WRONG
# BEGIN WRONG "counts a tenth only"
def new_statistics(model, images):
    with torch.no_grad():
        model.train()(images)
    return model.eval()
# END WRONG
# BEGIN WRONG "both are wanted"
def new_statistics(model, images):
    old = {n: m.running_var.clone() for n, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}
    for n in old:
        model.get_submodule(n).momentum = 1.0
    model.train()(images)
    for n, var in old.items():
        model.get_submodule(n).running_var.copy_(var)
    return model.eval()
# END WRONG
# BEGIN WRONG "all layers count again"
def new_statistics(model, images):
    for m in model.enc1.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.momentum = 1.0
    with torch.no_grad():
        model.train()(images)
    return model.eval()
# END WRONG
# BEGIN WRONG "weights must stay"
def new_statistics(model, images):
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.momentum = 1.0
    model.train()(images)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(0.9)
    return model.eval()
# END WRONG
# BEGIN WRONG "in evaluation mode, or the next image"
def new_statistics(model, images):
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.momentum = 1.0
    with torch.no_grad():
        model.train()(images)
    return model
# END WRONG
# BEGIN WRONG "return model.eval()"
def new_statistics(model, images):
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.momentum = 1.0
    model.train()(images)
    model.eval()
# END WRONG
# BEGIN RIGHT
def new_statistics(model, images):
    for m in model.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.reset_running_stats()
            m.momentum = None
    model.train()
    with torch.no_grad():
        model(images)
    model.eval()
    return model
# END RIGHT
# BEGIN RIGHT
def new_statistics(model, images):
    model.train()
    with torch.no_grad():
        for _ in range(100):  # a tenth each time: what is left of the old is 0.9 to the 100th
            model(images)
    return model.eval()
# END RIGHT
# BEGIN RIGHT
def new_statistics(model, images):
    def count(m, inputs):
        x = inputs[0].detach()
        m.running_mean = x.mean((0, 2, 3))
        m.running_var = x.var((0, 2, 3), unbiased=False)

    hooks = [m.register_forward_pre_hook(count) for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    model.eval()(images)
    for hook in hooks:
        hook.remove()
    return model
# END RIGHT
# BEGIN RIGHT
def new_statistics(model, images):
    return usft.reestimate_statistics(model, images, batch_size=len(images)).eval()
# END RIGHT

# %% [markdown]
# The library's `usft.reestimate_statistics` does it for any number of images. Note what is used: the test images
# themselves, but none of their masks. In a hospital one would count on last month's images.
#
# And (c), in a panel of its own: the lesions, with the mean shape of *other* simulated lesions. That panel asks only
# whether the untouched network beats a mask that never looks.

# %% tags=["train"]
again = {"home": home, "(a) other hospital": away, "(b) same lungs in speckle": texture}
repaired = {name: usft.evaluate(usft.reestimate_statistics(net, x.images), x) for name, x in again.items()}
for name, table in repaired.items():
    mean, low, high = usft.paired_difference(table, scores[name])
    print(f"{name}: new statistics change the Dice by {mean:+.3f} ({low:+.3f}…{high:+.3f})")
lesions, others = (usft.simulate_ultrasound(48, size=SIZE, seed=seed, preset="breast") for seed in (1, 2))
task = {"lung network": usft.evaluate(net, lesions), "mean shape": usft.score(usft.mean_shape(others), lesions)}
print("(c) another task:", {name: round(usft.summarise(table)["dice"], 3) for name, table in task.items()})

# %% tags=["train", "curves"]
def draw_intervals(axes, tables, shift, k, label=None):
    """Mean Dice with its interval, a row a table; ``shift`` moves them up a little, so that two sets fit in."""
    for row, table in enumerate(tables.values()):
        s = usft.summarise(table)
        axes.plot([s["low"], s["high"]], [shift - row] * 2, color=COLOURS[k], lw=2)
        axes.plot(s["dice"], shift - row, MARKERS[k], color=COLOURS[k], ms=8, label=None if row else label)
    axes.set_yticks([-row for row in range(len(tables))], list(tables))
    axes.set(xlabel="Dice, 95 % interval over subjects", xlim=(0, 1.02), ylim=(-len(tables) + 0.4, 0.6))


# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.8), width_ratios=[2, 1], layout="constrained")
    draw_intervals(left, scores, 0.12, 0, "as it came")
    draw_intervals(left, repaired, -0.12, 1, "statistics counted again")
    draw_intervals(right, task, 0, 6)
    for row, table in enumerate(blind.values()):
        left.plot([usft.summarise(table)["dice"]] * 2, [-row - 0.3, -row + 0.3], ":", color="0.3")
    left.set_title("What does a new look cost? (dotted: mean shape)")
    right.set_title("(c) Another task, not a gap")
    left.legend(frameon=False, loc="upper left")
plt.show()
usft.alt("left, how far each shift pulls the Dice from home, and what new statistics give back; right, another task.")

# %% [markdown]
# Compare three distances on the left: how far (a) is from home, how far (b) is, and how much of each comes back (or is
# lost on top) when nothing but means and variances is renewed. Where the interval of that change, printed above, holds
# 0, these images cannot tell whether anything came back. And look for points to the left of their dotted line: there
# the network is worse than a mask that never looks. What is still missing needs other *weights*. Which ones is the
# question of the lessons to come.

# %% [markdown]
# ## Where in the network do the two looks part?
#
# In (b) each chest exists twice, as a radiograph and in speckle. So for each group of layers we may ask: does it say
# the same about the same place in both? That is: does it tell the same places apart? In which channel, on which scale
# and above which offset is of no interest, as weights that come next can undo all that. So the measure must not mind
# rotation (a mixing of channels), scale and shift. **Linear CKA** (centred kernel alignment) does not. Take two tables
# with one row per place, and one column per channel; subtract each column's mean, giving *X* and *Y*; then
#
# $$ \mathrm{CKA}(X, Y) = \frac{\lVert X^T Y \rVert^2}{\lVert X^T X \rVert \; \lVert Y^T Y \rVert} $$
#
# with ‖·‖ the root of the sum of squares of all entries (Frobenius norm). It is 1 if one table is the other but for
# rotation, scale and shift, and 0 if nothing in one varies with anything in the other.
#
# ## Exercise 07.2: linear CKA
#
# Write `cka(x, y)` for tensors `[n, p]` and `[n, q]`.
#
# <details><summary>Hint 1</summary>
#
# `x - x.mean(0)` subtracts each column's own mean.
# </details>
# <details><summary>Hint 2</summary>
#
# `torch.linalg.norm(matrix)` is the Frobenius norm. Only the one above the line is squared.
# </details>


# %%
def cka(x, y):
    """Linear CKA of two tables [n, p] and [n, q]: 0…1."""
    # BEGIN SOLUTION subtract each column's mean, then the formula: three Frobenius norms
    x, y = x - x.mean(0), y - y.mean(0)
    norm = torch.linalg.norm
    return norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y))
    # END SOLUTION


# %%
# @title Check 07.2
# BEGIN CHECK
draw = torch.Generator().manual_seed(5)
x, z = torch.randn(400, 6, generator=draw).double(), torch.randn(400, 9, generator=draw).double()
x = x - x.mean(0)
turn = torch.linalg.qr(torch.randn(6, 6, generator=draw).double())[0]
steps = 5 * torch.arange(6)  # another offset for each channel
y = x @ torch.randn(6, 9, generator=draw).double() + z
usft.check(
    cka,
    {
        "a table and itself": ((x, x), 1.0, "it must be 1: divide by the two norms, each on its own (not squared)."),
        "itself times 3": ((x, 3 * x), 1.0, "scale must not matter: divide by the norms of BOTH tables."),
        "itself turned": (
            (x, x @ turn),
            1.0,
            "rotation must not matter: compare through XᵀY and its norm, not entry by entry or by its trace.",
        ),
        "itself shifted, each channel by its own": (
            (x, x + steps),
            1.0,
            "a shift must not matter: subtract the mean of each COLUMN.",
        ),
        "nothing in common, but both far from 0": (
            (x + 20, z + 20),
            lambda found: float(found) < 0.3,
            "unrelated tables come out alike: subtract the mean of each column first.",
        ),
        "nine channels of six and noise": (
            (x, y),
            usft.linear_cka(x, y),
            "right at the ends, wrong between: the norm above is squared, those below are not.",
        ),
    },
    exercise="07.2",
)
# END CHECK

# %%
# BEGIN WRONG "each on its own (not squared)"
def cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return torch.linalg.norm(x.T @ y) ** 2
# END WRONG
# BEGIN WRONG "BOTH tables"
def cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return torch.linalg.norm(x.T @ y) ** 2 / torch.linalg.norm(x.T @ x) ** 2
# END WRONG
# BEGIN WRONG "not entry by entry"
def cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    n = min(x.shape[1], y.shape[1])
    x, y = x[:, :n], y[:, :n]
    return (x * y).sum() ** 2 / ((x * x).sum() * (y * y).sum())
# END WRONG
# BEGIN WRONG "mean of each COLUMN"
def cka(x, y):
    x, y = x - x.mean(), y - y.mean()
    return torch.linalg.norm(x.T @ y) ** 2 / (torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y))
# END WRONG
# BEGIN WRONG "mean of each COLUMN"
def cka(x, y):
    return torch.linalg.norm(x.T @ y) ** 2 / (torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y))
# END WRONG
# BEGIN WRONG "the norm above is squared"
def cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return torch.linalg.norm(x.T @ y) / (torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y)) ** 0.5
# END WRONG
# BEGIN RIGHT
def cka(x, y):
    n = len(x)
    centre = torch.eye(n).double() - 1 / n
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    return (k * m).sum() / ((k * k).sum() * (m * m).sum()).sqrt()
# END RIGHT
# BEGIN RIGHT
def cka(x, y):
    x, y = np.asarray(x), np.asarray(y)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return ((x.T @ y) ** 2).sum() / np.sqrt(((x.T @ x) ** 2).sum() * ((y.T @ y) ** 2).sum())
# END RIGHT
# BEGIN RIGHT
def cka(x, y):
    u, s, _ = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    v, t, _ = torch.linalg.svd(y - y.mean(0), full_matrices=False)
    return (s**2 @ (u.T @ v) ** 2 @ t**2) / ((s**4).sum() * (t**4).sum()).sqrt()
# END RIGHT

# %% [markdown]
# Now for each group: the network on radiographs against the network on the same lungs in speckle, as it came and with
# new statistics. A reference is needed here as well, since all chests resemble each other: the dotted line compares
# each chest with the speckled lungs of *another*. Only what lies above that line is about this very chest.

# %% tags=["train"]
before = usft.activations(net, home.images)
adapted = usft.reestimate_statistics(net, texture.images)
other = texture.images.roll(1, 0)  # everybody's neighbour
lines = {
    "as it came": usft.activations(net, texture.images),
    "statistics counted again": usft.activations(adapted, texture.images),
    "another chest (reference)": usft.activations(net, other),
}
alike = pd.DataFrame({name: {g: usft.linear_cka(before[g], a[g]) for g in a} for name, a in lines.items()})
print(alike.round(2).to_string())
usft.check_range(float(alike.to_numpy().max()), 0, 1, "largest CKA")

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
    for k, (name, line) in enumerate(zip(alike, ("-", "--", ":"), strict=True)):
        axes.plot(alike.index, alike[name], line, color=[*COLOURS[:2], "0.4"][k], marker=MARKERS[k], label=name)
    axes.set(ylabel="CKA, radiograph against speckle", ylim=(0, 1), title="Where do the two looks part?")
    axes.legend(frameon=False)
    axes.text(1, -0.16, home.provenance, transform=axes.transAxes, ha="right", fontsize=8, color="0.35")
plt.show()
usft.alt("one line over the groups along the path; what lies above the dotted line is about the same chest.")

# %% [markdown]
# Read the *height above the dotted line*, not the height. Coarse layers see coarse shapes, and those are common to all
# chests: a high value there may say no more than "a chest". The first groups see a few pixels (lesson 02), and in these
# a rib and a grain have little in common.
#
# The solid line once more, on the network itself: how far the two looks are apart (1 − CKA). Red is far.

# %% tags=["train", "curves"]
apart = (1 - alike["as it came"]).round(2)
usft.UNetDiagram(net, apart.to_dict(), label="1 − CKA, radiograph against speckle", size=SIZE)

# %% [markdown]
# Keep one thing in mind: likeness at a late layer does not prove that the early ones are fine, nor that the late ones
# need no training. CKA describes; it does not tell which layer to tune. That takes an experiment, from lesson 04 on.

# %% [markdown]
# ## Quiz
#
# Three claims that you may meet in a paper, or in your own draft.

# %%
# @title Question 1
usft.Quiz("""
On chest X-rays a lung network has a Dice of 0.95. On ultrasound of kidneys, scored against outlines of kidneys, it has
0.10. "The domain gap is 0.85." Is it?

- [ ] Yes, if the interval over patients is narrow.
  A narrow interval would make the number more certain. It would not make it a domain gap.
- [x] No: it was never asked for kidneys, only for lungs.
  A network that saw ultrasound perfectly well would draw lungs, or nothing. Look and task changed together.
- [ ] No: first subtract what a mean shape scores.
  A mean shape belongs beside the number, but subtracting it does not part the look from the task.
""")

# %%
# @title Question 2
usft.Quiz("""
You score a network on 40 radiographs, on the same 40 chests in speckle, and on 40 patients of another hospital. For
which comparison with the radiographs may you take the interval of differences, subject by subject?

- [ ] For both: there are 40 and 40 scores each time.
  Equal numbers make no pairs. Patient 7 here and patient 7 there have nothing to do with each other.
- [ ] For neither: images of different kinds cannot be paired.
  What must agree is the subject. How hard a chest is to outline shows in both of its images, and cancels.
- [x] For the speckle only, where each chest meets itself.
  What is left then is the look. The other hospital is another group of people, with no pairs.
""")

# %%
# @title Question 3
usft.Quiz("""
A colleague counts the batch-norm statistics again on the test images, then scores the network on them: "No label was
used, so this is a fair test." Is it?

- [x] Only where all the images are there before the first answer is due.
  No mask was used, and no gradient. But the images were, all at once. Say so, or count on other images from there.
- [ ] Yes: without labels nothing about the test can leak.
  The network was fitted to these very images. A patient who comes alone, tomorrow, does not get such a network.
- [ ] No: the statistics are weights, so this was training on the test.
  They are no weights, and no answer was shown. What leaked is the look of the images, not their masks.
""")

# %% [markdown]
# ## What this does not show
#
# * **What the paper's shift was.** Our steps between worlds are our own reconstruction; (b) is an experiment, not an
#   organ.
# * **That speckle is all of ultrasound.** There are no shadows, no depth, no probe in (b), only texture and contrast.
# * **Why (a) costs what it costs.** Machine, patients and the hands that drew the masks change together.
# * **Other networks.** One pretraining each; on simulated chests the same repair may help less, or even harm. Try both.

# %% [markdown]
# ## Recap
#
# * Keep three shifts apart: other hospital, other look, other task. The last one is never called a gap.
# * Batch-norm statistics can be counted again without labels. See on (a) and (b) what that gives back and what not.
# * CKA compares groups place by place, and needs a reference: all chests resemble each other.

# %% [markdown]
# ## Further reading
#
# * Li et al., "Revisiting batch normalization for practical domain adaptation", 2016,
#   [arXiv 1603.04779](https://arxiv.org/abs/1603.04779).
# * Kornblith, Norouzi, Lee and Hinton, "Similarity of neural network representations revisited", ICML 2019,
#   [arXiv 1905.00414](https://arxiv.org/abs/1905.00414).
# * Jaeger et al., "Two public chest X-ray datasets …", Quant. Imaging Med. Surg. 4(6):475-477, 2014: Montgomery and
#   Shenzhen.
# * Lee et al., "Surgical fine-tuning", 2022, [arXiv 2210.11466](https://arxiv.org/abs/2210.11466): a shift at the input
#   calls for the first blocks.
