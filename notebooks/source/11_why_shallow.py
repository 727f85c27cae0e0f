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

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

import usft_lib as usft
from usft_lib.freezing import named
from usft_lib.plots import COLOURS, MARKERS, STYLE, show_masks
from usft_lib.study import claims, matched
from usft_lib.study.figures import LINES, LOOKS, intervals
from usft_lib.study.grids import ALONG_PATH, BY_LEVEL
from usft_lib.study.targets import SHIFTS

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": five seeds, longer training
SEEDS = [0, 1, 2, 3, 4] if PROFILE == "full" else [0]
SIZE = 96  # pixels a side
TRAINING_IMAGES = 40
TEST_IMAGES = 100
STEPS = 300 if PROFILE == "full" else 150
LR = 3e-3
print(f"profile {PROFILE}: {4 * len(SEEDS)} trainings of {STEPS} steps at {SIZE} × {SIZE} pixels")

# %% [markdown]
# Lessons 08 to 10 asked *whether* the first layers are the better ones to train. Say that first k beats last k
# somewhere. **Why?** The two differ in more than their place. Here are the suspects, and what each predicts:
#
# | suspect | it says | then … |
# |---|---|---|
# | **position** | near the input is the better place | of sets of *equal size*, those near the input win |
# | **number** | how many parameters learn is what counts | sets of equal size do alike, wherever they lie |
# | **an artefact** | frozen statistics or a frozen head spoil one side | treated otherwise, the order turns |
# | **the kind of shift** | what changed is the fine grain: speckle | first 2 gains on speckle, not on shapes |
#
# The first three are rivals. The fourth is a reason for the first: the abstract of Amiri, Brooks and Rivaz (2020) says
# that shallow layers learn low-level features, and that these are critical here. How we test any of it is *our
# reconstruction*.
#
# ## Predict first
#
# Two sets of weights, of **the same number of parameters**. One lies near the input of the U-Net, the other near its
# output. Each is trained on 40 simulated breasts. **By how much Dice is the set near the input ahead?** Below zero: it
# loses.
#
# Then the shifts. A network knows one kind of speckle and round lesions. Either the speckle changes, or the shapes.
# **By how much more Dice is first 2 ahead of last 2 when it is the speckle** than when it is the shapes?

# %%
usft.guess("11.a", ...)  # your guess: Dice of the set near the input minus Dice of that near the output
usft.guess("11.b", ...)  # your guess: (first 2 − last 2 in other speckle) − (first 2 − last 2 in other shapes)

# %% [markdown]
# ## Equal size, other place
#
# Why not compare groups? Because no two of them match.

# %%
# NBVAL_CHECK_OUTPUT
net = usft.UNet(width=16, depth=4)
sizes = usft.summary(net).set_index("group")["parameters"]
print("  ".join(f"{name} {sizes[name]:,}" for name in usft.groups(net)))
ordered = np.sort(sizes[list(usft.groups(net))])[1:]  # without the head
print(f"head left out, the largest has {ordered[-1] / ordered[0]:.0f} times as many as the smallest, ", end="")
print(f"and no two are nearer than {(ordered[1:] / ordered[:-1]).min():.1f} to 1")
for k in (2, 4):
    one, other = sizes[usft.first(net, k)].sum(), sizes[usft.last(net, k)].sum()
    print(f"first {k}: {one:,} parameters, last {k}: {other:,}, {other / one:.1f} times as many")

# %% [markdown]
# The last two lines already say something. *More is better* cannot be why a first k beats a last k: it has fewer. But
# with 40 images, *fewer is better* might, as there is less to overfit. So number stays a suspect, in both directions.
#
# Single convolutions are smaller bricks: this U-Net has 23. Take them in random order, each with the normalisation
# behind it, until a **budget** of parameters is spent: as many as *first 2*, *last 2* or *first 4* have. Two more
# rules: no brick takes more than a third of the budget, and a brick that does not fit is cut to what does, by training
# only some of its **output channels**.
#
# ## Exercise 11.1: train a part of a layer
#
# `requires_grad` belongs to a whole tensor. You cannot freeze 14 of 32 channels with it. But you can cut their
# gradient: Adam does not move a weight whose gradient was 0 at every step.
#
# Write `only_first(layer, k)`: from now on, training moves the first `k` **output channels** of `layer`, weight and
# bias, and leaves the others as they are. Return the layer. It is a `Conv2d` (weight: out × in × height × width), a
# `BatchNorm2d` (one weight and one bias a channel), or a `ConvTranspose2d` (weight: **in × out** × height × width).
#
# <details><summary>Hint 1</summary>
#
# `parameter.register_hook(f)`: on the way back, the gradient `g` is replaced by `f(g)`. Multiply it by zeros and ones.
# </details>
# <details><summary>Hint 2</summary>
#
# In a loop, `lambda g: g * mask` sees the mask of the *last* turn. `lambda g, mask=mask: g * mask` keeps its own.
# </details>


# %%
def only_first(layer, k):
    """Let training move the first k output channels of a layer, and no others; the layer is returned."""
    # BEGIN SOLUTION for each parameter, a hook that multiplies its gradient by 1 in the first k channels, 0 in the rest
    for parameter in layer.parameters():
        axis = 1 if isinstance(layer, torch.nn.ConvTranspose2d) and parameter.ndim == 4 else 0
        shape = [-1 if d == axis else 1 for d in range(parameter.ndim)]
        mask = (torch.arange(parameter.shape[axis]) < k).to(parameter).reshape(shape)
        parameter.register_hook(lambda gradient, mask=mask: gradient * mask)
    return layer
    # END SOLUTION


# %%
# @title Check 11.1
# BEGIN CHECK
def images(layer):
    """Two images with as many channels as the layer takes."""
    return torch.linspace(-1, 1, 160).mul(99).cos().reshape(2, 5, 4, 4)[:, : getattr(layer, "in_channels", 5)].clone()


def back(layer):
    """The gradient that arrives at the images."""
    shown = images(layer).requires_grad_()
    out = layer(shown)
    (out * torch.arange(out.numel()).cos().reshape(out.shape)).sum().backward()
    return shown.grad


def moved(layer, name, axis=0):
    """Which output channels of the weight or the bias are moved by two steps of Adam: a list of 0 and 1."""
    before, learning = getattr(layer, name).detach().clone(), [p for p in layer.parameters() if p.requires_grad]
    adam = torch.optim.Adam(learning or [torch.zeros(1)], lr=0.1)
    for _ in range(2):
        adam.zero_grad()
        back(layer)
        adam.step()
    change = (getattr(layer, name).detach() - before).abs().movedim(axis, 0)
    return [int(each.sum() > 0) for each in change]


flat, norm, up = torch.nn.Conv2d(4, 5, 3), torch.nn.BatchNorm2d(5), torch.nn.ConvTranspose2d(4, 5, 2, 2)
two = [1, 1, 0, 0, 0]
usft.check(
    only_first,
    {
        "before any training": (
            (flat, 2),
            lambda layer: torch.allclose(layer(images(layer)), flat(images(flat)), atol=1e-6),
            "it must compute what it did before, so touch gradients, not weights; and return the layer.",
        ),
        "weights of a convolution": (
            (flat, 2),
            lambda layer: moved(layer, "weight") == two,
            "of five output channels the first two move: a convolution's weight is out × in × height × width.",
        ),
        "its bias": ((flat, 2), lambda layer: moved(layer, "bias") == two, "the bias has an entry a channel, too."),
        "the layers before it": (
            (flat, 2),
            lambda layer: torch.allclose(back(layer), back(flat), atol=1e-5),
            "earlier layers need the gradient through ALL channels: cut that of the weights, not that of the output.",
        ),
        "a normalisation": (
            (norm, 2),
            lambda layer: moved(layer, "weight") == moved(layer, "bias") == two,
            "BatchNorm2d has a weight and a bias a channel, and both learn.",
        ),
        "an up-convolution": (
            (up, 2),
            lambda layer: moved(layer, "weight", axis=1) == two,
            "the weight of a ConvTranspose2d is in × out × height × width: its output channels are the second axis.",
        ),
        "none": ((flat, 0), lambda layer: not any(moved(layer, "weight")), "k = 0: nothing moves."),
        "all": ((flat, 5), lambda layer: all(moved(layer, "weight")), "k = 5 of 5: everything moves."),
    },
    exercise="11.1",
)
# END CHECK

# %%
# BEGIN WRONG "touch gradients, not weights"
def only_first(layer, k):
    with torch.no_grad():
        layer.weight[k:] = 0
    return layer
# END WRONG
# BEGIN WRONG "and return the layer"
def only_first(layer, k):
    for p in layer.parameters():
        p.register_hook(lambda g: g * (torch.arange(len(g)) < k).reshape(-1, *[1] * (g.ndim - 1)))
# END WRONG
# BEGIN WRONG "the first two move"
def only_first(layer, k):
    return layer.requires_grad_(k > 2)
# END WRONG
# BEGIN WRONG "the first two move"
def only_first(layer, k):
    for p in layer.parameters():
        p.register_hook(lambda g: g * (torch.arange(len(g)) >= len(g) - k).reshape(-1, *[1] * (g.ndim - 1)))
    return layer
# END WRONG
# BEGIN WRONG "out × in × height × width"
def only_first(layer, k):
    def cut(g):
        g = g.clone()
        g[:, k:] = 0
        return g
    layer.weight.register_hook(cut)
    return layer
# END WRONG
# BEGIN WRONG "the first two move"
def only_first(layer, k):
    for p in layer.parameters():
        mask = (torch.arange(len(p)) < k).float().reshape(-1, *[1] * (p.ndim - 1))
        p.register_hook(lambda g: g * mask)  # noqa: B023 (sees the last mask: that is the mistake)
    return layer
# END WRONG
# BEGIN WRONG "the bias has an entry a channel"
def only_first(layer, k):
    layer.weight.register_hook(lambda g: torch.cat([g[:k], torch.zeros_like(g[k:])]))
    return layer
# END WRONG
# BEGIN WRONG "through ALL channels"
def only_first(layer, k):
    layer.register_forward_hook(lambda module, inputs, out: torch.cat([out[:, :k], out[:, k:].detach()], 1))
    return layer
# END WRONG
# BEGIN WRONG "and both learn"
def only_first(layer, k):
    if isinstance(layer, torch.nn.BatchNorm2d):
        return layer
    for p in layer.parameters():
        axis = 1 if isinstance(layer, torch.nn.ConvTranspose2d) and p.ndim == 4 else 0
        p.register_hook(lambda g, a=axis: torch.cat([g.narrow(a, 0, k), 0 * g.narrow(a, k, g.shape[a] - k)], a))
    return layer
# END WRONG
# BEGIN WRONG "are the second axis"
def only_first(layer, k):
    for p in layer.parameters():
        p.register_hook(lambda g: torch.cat([g[:k], torch.zeros_like(g[k:])]))
    return layer
# END WRONG
# BEGIN WRONG "k = 0"
def only_first(layer, k):
    for p in layer.parameters():
        axis = 1 if isinstance(layer, torch.nn.ConvTranspose2d) and p.ndim == 4 else 0
        where = torch.arange(p.shape[axis]) < max(k, 1)
        mask = where.float().reshape([-1 if d == axis else 1 for d in range(p.ndim)])
        p.register_hook(lambda g, mask=mask: g * mask)
    return layer
# END WRONG
# BEGIN WRONG "everything moves"
def only_first(layer, k):
    def cut(axis):
        def hook(g):
            g = g.clone()
            g.movedim(axis, 0)[k - g.shape[axis]:] = 0
            return g
        return hook
    for p in layer.parameters():
        p.register_hook(cut(1 if isinstance(layer, torch.nn.ConvTranspose2d) and p.ndim == 4 else 0))
    return layer
# END WRONG
# BEGIN RIGHT
def only_first(layer, k):
    def cut(parameter):
        axis = 1 if isinstance(layer, torch.nn.ConvTranspose2d) and parameter.ndim > 1 else 0
        parameter.grad.movedim(axis, 0)[k:] = 0
    for parameter in layer.parameters():
        parameter.register_post_accumulate_grad_hook(cut)
    return layer
# END RIGHT
# BEGIN RIGHT
def only_first(layer, k):
    from torch.nn.utils import parametrize

    class Part(torch.nn.Module):
        def forward(self, w):
            axis = 1 if isinstance(layer, torch.nn.ConvTranspose2d) and w.ndim == 4 else 0
            free, fixed = w.split([k, w.shape[axis] - k], axis)
            return torch.cat([free, fixed.detach()], axis)

    for name in ("weight", "bias"):
        parametrize.register_parametrization(layer, name, Part())
    return layer
# END RIGHT
# BEGIN RIGHT
def only_first(layer, k):
    from usft_lib.study.matched import _only_first
    for name, parameter in layer.named_parameters():
        parameter.register_hook(_only_first(k, int(name == "weight" and hasattr(layer, "output_padding")
                                                   and isinstance(layer, torch.nn.ConvTranspose2d))))
    return layer
# END RIGHT
# BEGIN RIGHT
def only_first(layer, k):
    def hook(g):
        kept = torch.zeros_like(g)
        if g.ndim == 4 and type(layer).__name__ == "ConvTranspose2d":
            kept[:, :k] = g[:, :k]
        else:
            kept[:k] = g[:k]
        return kept
    layer.weight.register_hook(hook)
    layer.bias.register_hook(hook)
    return layer
# END RIGHT

# %% [markdown]
# ## The sets, and where they lie
#
# Six draws a budget. Draw 0 leans to the input, draw 5 to the output, those between lean less. The **place** of a set
# is the mean place of its parameters: number the 23 convolutions from 0 (at the input) to 1 (at the head), and weigh
# each by how many of its parameters are trained. The library does both: `matched.draw` and `matched.position`.

# %%
# NBVAL_CHECK_OUTPUT
at = {part.convolution: k for k, part in enumerate(matched.parts(net))}  # 0 to 22, along the path
BUDGETS = ["first 2", "last 2", "first 4"]  # from the smallest to the largest
draws = {f"matched {like} #{k}": matched.draw(net, f"matched {like} #{k}") for like in BUDGETS for k in range(6)}
place = {name: matched.position(chosen, net) for name, chosen in draws.items()}
count = {name: sum(part.parameters for part in chosen) for name, chosen in draws.items()}
for like in BUDGETS:
    mine = [name for name in draws if f" {like} #" in name]
    print(f"as {like}, {sizes[named(net, like)].sum():7,} parameters: ", end="")
    print(f"sets of {min(count[n] for n in mine):,} to {max(count[n] for n in mine):,}, ", end="")
    print("at " + ", ".join(f"{place[name]:.2f}" for name in mine))

# %% tags=["curves"]
with plt.rc_context({**STYLE, "axes.grid": False}):
    figure, panels = plt.subplots(3, 1, figsize=(11.5, 8.4), layout="constrained", sharex=True)
    for axes, (name, chosen) in zip(np.repeat(panels, 6), draws.items(), strict=True):
        boxes, heights = [at[part.convolution] for part in chosen], [0.8 * part.channels / part.of for part in chosen]
        axes.bar(range(23), 0.8, bottom=-int(name[-1]), color="0.91")
        axes.bar(boxes, np.maximum(heights, 0.07), bottom=-int(name[-1]), color=COLOURS[0])
        axes.plot(22 * place[name], 0.4 - int(name[-1]), "D", color=COLOURS[1], mec="white", mew=1.5, ms=11)
        axes.set_yticks([0.4 - k for k in range(6)], [f"draw {k}" for k in range(6)])
        axes.set_title(f"as many parameters as {name[8:-3]}: {sizes[named(net, name[8:-3])].sum():,}", loc="left")
    panels[-1].set_xlim(-0.6, 22.6)
    panels[-1].set_xticks(range(23), [name.replace(".block", "") for name in at], rotation=90, fontsize=10)
    figure.suptitle("A box a convolution, blue as far as its channels are trained; diamond: the set's place")
plt.show()
reach = [f"{like} from {place[f'matched {like} #0']:.2f} to {place[f'matched {like} #5']:.2f}" for like in BUDGETS]
usft.alt(f"from draw 0 to draw 5 the place moves towards the output: {'; '.join(reach)}.")

# %% [markdown]
# Look at three things. In the smallest budget a convolution of the deep, wide groups joins with a few of its channels
# only. In the largest budget most parameters must come from wide convolutions, and these lie in the middle, so the
# diamonds stay nearer to it. And only sets that lean to the output ever train the head. Keep that one in mind.
#
# **Play with it.** Any of the 18, drawn into the U-Net: the share of each group that learns, in per cent.

# %%
LIKE, DRAW = "first 2", 5  # change me: "first 2", "last 2" or "first 4"; 0 to 5
drawn = dict.fromkeys(usft.groups(net), 0)
for part in matched.draw(net, f"matched {LIKE} #{DRAW}"):
    drawn[part.group] += 100 * part.parameters / sizes[part.group]
usft.UNetDiagram(net, values={name: round(share) for name, share in drawn.items()}, label="% trained", size=SIZE)

# %% [markdown]
# ## A slice of it, live
#
# Draw 0 and draw 5 of the smallest budget, on the simulated breasts of lessons 08 and 09, beside *first 2* (the same
# budget, as a block) and *last 2* (nearly three times as much). Same images, batches and learning rate for all four.

# %% tags=["train"]
source = usft.pretrained("xray-simulated")
pool = usft.simulate_ultrasound(5 * TRAINING_IMAGES, size=SIZE, seed=71, preset="breast")
test = usft.simulate_ultrasound(TEST_IMAGES, size=SIZE, seed=72, preset="breast")
names = ["first 2", "matched first 2 #0", "matched first 2 #5", "last 2"]
models, tables = {}, {name: [] for name in names}
for name in names:
    for seed in SEEDS:
        model, train = deepcopy(source), pool.subset(TRAINING_IMAGES, seed=seed)
        if name in draws:  # normalisation keeps its statistics in all of the network
            models[name] = matched.train_only_these(model, draws[name])
        else:
            models[name] = usft.train_only(model, named(model, name))
        usft.fit(models[name], train, steps=STEPS, lr=LR, seed=seed, progress=False)
        tables[name].append(usft.evaluate(models[name], test))
print(f"{len(SEEDS) * len(names)} trainings done, tested on {len(test)} subjects")

# %% tags=["train"]
for name in ("first 2", "last 2"):
    draws[name] = [part for part in matched.parts(net) if part.group in named(net, name)]
    place[name], count[name] = matched.position(draws[name], net), sum(part.parameters for part in draws[name])
print(f"not fine-tuned: {usft.summarise(usft.evaluate(source, test))['dice']:.3f}, ", end="")
print(f"mean shape: {usft.summarise(usft.score(usft.mean_shape(train), test))['dice']:.3f}")
for name in names:
    mean, low, high = usft.seed_mean(tables[name])
    print(f"{name:20s}{count[name]:7,} parameters at {place[name]:.2f}   Dice {mean:.3f} ({low:.3f}…{high:.3f})")
mean, low, high = usft.seed_difference(tables[names[1]], tables[names[2]])
said = usft.verdict(mean, low, high, seeds=len(SEEDS), stand_in=test.stand_in)
print(f"\nnear the input − near the output, equal size: {mean:+.3f} ({low:+.3f}…{high:+.3f}), {said}")
print(f"your guess was {usft.guesses().get('11.a', '… none')}")
usft.check_range(max(usft.seed_mean(tables[name])[0] for name in names), 0.3, 0.95, "Dice of the best")
spread = np.array([tables[name][-1]["dice"] for name in names])
worst = int(spread.std(0).argmax())  # the image on which the four disagree most

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(1, 5, figsize=(12.5, 3.6), layout="constrained", width_ratios=[2, 1, 1, 1, 1])
    for k, (name, axes) in enumerate(zip(names, panels[1:], strict=True)):
        mean, low, high = usft.seed_mean(tables[name])
        look = {"color": COLOURS[k], "marker": MARKERS[k], "ms": 9, "label": name.replace("first 2 #", "draw ")}
        panels[0].errorbar(place[name], mean, [[mean - low], [high - mean]], **look)
        show_masks(axes, test.images[worst], test.masks[worst], usft.segment(models[name], test.images[[worst]])[0])
        axes.set_title(f"{look['label']}\nDice {spread[k, worst]:.2f}")
    panels[0].set(xlabel="place: 0 input, 1 output", ylabel="Dice, 95 % interval", xlim=(0, 1))
    panels[0].legend(frameon=False, fontsize=9)
    figure.suptitle("Right: the test image on which they disagree most (dashes: truth)", fontsize=12)
plt.show()
means = {at_end: usft.seed_mean(tables[name])[0] for at_end, name in zip(("input", "output"), names[1:3], strict=True)}
usft.alt(f"of two sets of one size, that near the {max(means, key=means.get)} has the higher mean Dice.")

# %% [markdown]
# Two sets and one seed: no verdict, and not even a line. Each set is one draw out of many, and luck has chosen its
# convolutions. Compare the first two as well: *first 2* and draw 0 have one size and nearly one place. How far they are
# apart tells how much hangs on *which* convolutions, when size and place are settled.
#
# ## The study
#
# Six draws for each of three budgets, three seeds, two targets, by `usft_lib/results/PROTOCOL.md`. Two more grids come
# further down. They are made by `python data_scripts/run_study.py --grid matched` (or `norm`, or `mechanism`), and
# every number from here on is computed from their tables in the cell that shows it. By the protocol, **a grid that is
# not complete gives no verdict**: it could be stopped at whichever seed suits. So first: how much is there?

# %% tags=["train"]
there = {name: usft.results(name) for name in ("schemes", "matched", "norm", "mechanism")}
for name, found in there.items():
    print(f"{name:10s}{len(found.records):4d} of {len(found.records) + found.missing} planned experiments")


# %% tags=["train"]
def judged(name, line):
    """A line of a claim: its difference, its interval, and a verdict if its grid is complete."""
    said = "no verdict: the grid is not complete" if there[name].missing else line.said
    return f"{line.mean:+.3f} ({line.low:+.3f}…{line.high:+.3f}), {line.seeds} seed(s)   {said}"


def sheet(rows, columns, size, title=""):
    """Panels [rows, columns]; none, and a line instead, where there is nothing to draw yet."""
    if not rows * columns:
        print("Nothing to draw yet: this grid has not been run.")
        return np.empty((rows, columns), object)
    figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    figure.suptitle(title, fontsize=12)
    return axes


# %% [markdown]
# ## Exercise 11.2: hold the budget fixed
#
# **Claim 8** says: of sets with one number of parameters, those nearer to the input are better. Eighteen sets, three
# budgets. A straight line through all 18 mixes two questions. Larger budgets may do better *and* lie elsewhere; then
# the line shows the budget's effect as if it were the place's. So compare each set with sets of its own budget only.
#
# Write `slope(x, y, budget)`: the slope of `y` on `x` with budgets held fixed. Every budget has a level of its own (its
# own intercept), and one slope is common to all, fitted by least squares. `x`, `y`: numbers, one a set; `budget`:
# texts, such as `"first 2"`.
#
# <details><summary>Hint 1</summary>
#
# Subtract from each set's `x` and `y` the mean `x` and `y` of *its budget*. What is left knows nothing of budgets.
# </details>
# <details><summary>Hint 2</summary>
#
# Then a line through the origin: the sum of x·y over the sum of x·x. Or, in one go, `np.linalg.lstsq` with `x` and one
# column of zeros and ones for each budget.
# </details>


# %%
def slope(x, y, budget):
    """Slope of y on x by least squares, with a level of its own for each budget."""
    # BEGIN SOLUTION subtract each budget's means from x and from y, then fit a line through the origin
    table = pd.DataFrame({"x": np.asarray(x, float), "y": np.asarray(y, float)})
    left = table - table.groupby(np.asarray(budget)).transform("mean")
    return (left["x"] * left["y"]).sum() / (left["x"] ** 2).sum()
    # END SOLUTION


# %%
# @title Check 11.2
# BEGIN CHECK
one, other = ["first 2"] * 3, ["first 4"] * 3
aside = [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]  # the larger budget lies further along
level = np.array([0.5] * 3 + [0.8] * 3)  # and is better for its size
middle = ["small"] * 2 + ["middle"] * 2 + ["large"] * 2
usft.check(
    slope,
    {
        "one budget": (
            ([0.1, 0.5, 0.6], [0.91, 0.95, 0.96], one),
            0.1,
            "with a single budget it is the ordinary slope, y on x: here y rises by 0.1 where x rises by 1.",
        ),
        "two budgets, the sign": (
            (aside, level - 0.2 * np.array(aside), one + other),
            lambda found: float(found) < 0,
            "within each budget y falls. It rises only from one budget to the other, and that is the budget's doing.",
        ),
        "two budgets": (
            (aside, level - 0.2 * np.array(aside), one + other),
            -0.2,
            "0.2 in each budget. Did you take the budget's means from x as well as from y?",
        ),
        "the middle budget is the best": (
            ([0.1, 0.3, 0.2, 0.5, 0.5, 0.9], [0.01, 0.03, 0.52, 0.55, 0.05, 0.09], middle),
            0.1,
            "a level for each budget, not a straight line over the budgets: the middle one may be the best.",
        ),
        "in any order": (
            ([0.7, 0.1, 0.9, 0.2, 0.8, 0.3], [0.77, 0.11, 0.79, 0.12, 0.78, 0.13], ["b", "a", "b", "a", "b", "a"]),
            0.1,
            "sets come in any order: go by their texts.",
        ),
        "budgets of different width": (
            ([0.0, 1.0, 0.4, 0.6], [0.0, 0.1, 0.0, 0.1], ["a", "a", "b", "b"]),
            0.06 / 0.52,
            "one slope for all, not the mean of the budgets' slopes: sets far apart tell more about it.",
        ),
        "budgets of different number": (
            ([0.0, 1.0, 0.0, 1.0, 1.0, 0.0], [0.0, 0.3, 0.0, 0.0, 0.0, 0.0], ["a", "a", "b", "b", "b", "b"]),
            0.1,
            "every set counts once: the budget with four sets counts for more than that with two.",
        ),
    },
    exercise="11.2",
)
# END CHECK

# %%
# BEGIN WRONG "that is the budget's doing"
def slope(x, y, budget):
    return np.polyfit(x, y, 1)[0]
# END WRONG
# BEGIN WRONG "the ordinary slope, y on x"
def slope(x, y, budget):
    t = pd.DataFrame({"x": x, "y": y})
    t = t - t.groupby(budget).transform("mean")
    return (t.x * t.y).sum() / (t.y**2).sum()
# END WRONG
# BEGIN WRONG "the ordinary slope, y on x"
def slope(x, y, budget):
    t = pd.DataFrame({"x": x, "y": y})
    t = t - t.groupby(budget).transform("mean")
    return t.x.corr(t.y)
# END WRONG
# BEGIN WRONG "from x as well as from y"
def slope(x, y, budget):
    t = pd.DataFrame({"x": x, "y": y})
    return np.polyfit(t.x, t.y - t.groupby(budget).y.transform("mean"), 1)[0]
# END WRONG
# BEGIN WRONG "the ordinary slope, y on x"
def slope(x, y, budget):
    t = pd.DataFrame({"x": x, "y": y})
    t["y"] -= t.groupby(budget).y.transform("mean")
    return (t.x * t.y).sum() / (t.x**2).sum()
# END WRONG
# BEGIN WRONG "a level for each budget"
def slope(x, y, budget):
    code = pd.factorize(np.array(budget))[0]
    return np.linalg.lstsq(np.stack([x, code, np.ones(len(x))], 1), np.array(y), rcond=None)[0][0]
# END WRONG
# BEGIN WRONG "in any order"
def slope(x, y, budget):
    k = len(set(budget))
    x, y = (np.array(v).reshape(k, -1) for v in (x, y))
    x, y = (v - v.mean(1, keepdims=True) for v in (x, y))
    return (x * y).sum() / (x * x).sum()
# END WRONG
# BEGIN WRONG "not the mean of the budgets' slopes"
def slope(x, y, budget):
    t = pd.DataFrame({"x": x, "y": y, "b": budget})
    return np.mean([np.polyfit(part.x, part.y, 1)[0] for _, part in t.groupby("b")])
# END WRONG
# BEGIN WRONG "counts for more than that with two"
def slope(x, y, budget):
    up = down = 0.0
    for b in set(budget):
        mine = np.array([each == b for each in budget])
        covariance = np.cov(np.array(x)[mine], np.array(y)[mine], ddof=0)
        up, down = up + covariance[0, 1], down + covariance[0, 0]
    return up / down
# END WRONG
# BEGIN RIGHT
def slope(x, y, budget):
    columns = [[float(b == each) for b in budget] for each in sorted(set(budget))]
    return np.linalg.lstsq(np.array([list(x), *columns]).T, np.array(y), rcond=None)[0][0]
# END RIGHT
# BEGIN RIGHT
def slope(x, y, budget):
    up = down = 0.0
    for b in set(budget):
        mine = [k for k, each in enumerate(budget) if each == b]
        mx, my = sum(x[k] for k in mine) / len(mine), sum(y[k] for k in mine) / len(mine)
        up += sum((x[k] - mx) * (y[k] - my) for k in mine)
        down += sum((x[k] - mx) ** 2 for k in mine)
    return up / down
# END RIGHT
# BEGIN RIGHT
def slope(x, y, budget):
    x, y = torch.tensor(list(x), dtype=torch.float64), torch.tensor(list(y), dtype=torch.float64)
    levels = torch.tensor([[b == each for each in sorted(set(budget))] for b in budget], dtype=torch.float64)
    return torch.linalg.lstsq(torch.cat([x[:, None], levels], 1), y[:, None]).solution[0, 0]
# END RIGHT
# BEGIN RIGHT
def slope(x, y, budget):
    t = pd.DataFrame({"x": x, "y": y, "b": budget})
    design = pd.get_dummies(t.b, drop_first=True).astype(float).assign(x=t.x, one=1.0)
    return pd.Series(np.linalg.pinv(design.to_numpy()) @ t.y.to_numpy(), design.columns)["x"]
# END RIGHT

# %% [markdown]
# ## Position: claim 8
#
# Above, each set with its mean Dice, at its place. Below, the same with each budget's means taken away, as you just
# did. The line is the fit; the grey bow tie is its 95 % interval, over sets and trainings. **The claim counts from
# right to left**: what Dice gains when a set moves a tenth of the way from the output to the input. So a line that
# *falls to the right* is a positive number, and speaks for position.

# %% tags=["train"]
found, lines = there["matched"], claims.position(there["matched"])
fits = {line.target: line for line in lines if not line.secondary}
points = {}
for target in found.targets:
    tried = [name for name in draws if name in found.strategies(target)]
    seeds = found.seeds(target, tried) or None  # the same seeds for all sets, or what there is
    rows = [[name, name[8:-3], count[name], place[name], found.mean(target, name, seeds)] for name in tried]
    points[target] = pd.DataFrame(rows, columns=["set", "budget", "parameters", "place", "dice"])
    means = points[target].groupby("budget")[["place", "dice"]].transform("mean")
    points[target][["place left", "dice left"]] = points[target][["place", "dice"]] - means
ACROSS = np.linspace(-0.42, 0.42, 3)  # where the fitted line is drawn
TENTHS = -10 * ACROSS  # the same in tenths of the way, towards the input

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    panels = sheet(2, len(points), (5.6 * len(points), 7.4), "Above: as they are. Below: less the budget's own means")
    for (upper, lower), (target, table) in zip(panels.T, points.items(), strict=True):
        for like, colour, marker in zip(BUDGETS, COLOURS, MARKERS, strict=False):
            part, look = table[table["budget"] == like], {"color": colour, "marker": marker, "ls": "", "ms": 9}
            upper.plot(part["place"], part["dice"], label=f"as {like}", **look)
            lower.plot(part["place left"], part["dice left"], **look)
        upper.set(title=target, ylabel="Dice, mean over seeds", xlabel="place: 0 input, 1 output", xlim=(0, 1))
        lower.set(ylabel="Dice, less budget's mean", xlabel="place, less budget's mean: to the right, the output")
        if fit := fits.get(target):
            lower.plot(ACROSS, fit.mean * TENTHS, color="black", lw=2)
            lower.fill_between(ACROSS, fit.low * TENTHS, fit.high * TENTHS, color="0.5", alpha=0.25, lw=0)
    for axes in panels[0, :1]:
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
plt.show()

# %% tags=["train"]
for target, fit in fits.items():
    way = "all of the interval is above 0" if fit.low > 0 else "below 0" if fit.high < 0 else "0 is inside"
    usft.alt(f"{target}: a tenth of the way nearer to the input, at equal size, is worth {fit.mean:+.3f} Dice; {way}.")
for target in [target for target in points if target not in fits]:
    print(f"claim 8 on {target}: no seed has all of its sets yet")
for line in lines:
    what = line.words.partition("to the input, ")[2].rpartition(", ")[0] or "budgets held fixed"
    print(f"claim 8 on {line.target}, {what}:\n   {judged('matched', line)}")
for target, table in points.items():
    plain = np.polyfit(1 - table["place"], table["dice"], 1)[0] / 10 if len(table) > 2 else float("nan")
    print(f"{target}: a line through all {len(table)} sets that ignores budgets would say {plain:+.3f}")
tied = np.corrcoef([(place[n], matched.step_flops(draws[n], net)) for n in draws if " #" in n], rowvar=False)[0, 1]
print(f"over the sets, place and operations of a step have correlation {tied:+.2f}")

# %% [markdown]
# How to read these lines.
#
# * **The first line of a target is claim 8.** It is told for a tenth of the way from output to input, as no set lies
#   at either end. Its interval covers other sets *and* other trainings. At first it covered sets only, and the claim
#   looked decided; with three seeds it is not. The study's protocol says when and why this was changed.
# * **The line with operations** also holds the operations of a training step fixed: near the input they are more, as
#   the gradient has to come all the way back. Look at the correlation. The closer it is to −1, the less can any
#   regression tell the two apart, and the wider the second interval tends to be.
# * **Points of one budget scatter around the line.** That is what place does not explain: which convolutions they are.
# * **Is one point alone, far below?** The mean of three seeds falls far if one training fails. Does the line hang on
#   it? A line "without …" leaves such a set out. The *median* of a set's seeds does not mind one failure either. The
#   claim goes by means, as the protocol said before; your `slope` can go by medians.

# %% tags=["train"]
for target, table in points.items():
    every = {name: [found.one(target, name, seed) for seed in found.seeds(target, [name])] for name in table["set"]}
    worst = min(every, key=lambda name: min(every[name]))
    print(f"{target}: the lowest single training is one of {worst}: ", ", ".join(f"{d:.3f}" for d in every[worst]))
    by_median = slope(list(table["place"]), [np.median(d) for d in every.values()], list(table["budget"]))
    print(f"   a tenth of the way nearer to the input, by medians over seeds: {-by_median / 10:+.3f}")

# %% [markdown]
# ## Number: what size does
#
# If place were all that counts, size would not matter. Here are the ordinary strategies of lessons 08 and 09 against
# how many parameters they train, and on top of them, as discs, the matched sets: dark near the input, light near the
# output. Follow the curves from left to right: that is size, mixed with place. Look up and down a column of discs: that
# is place and luck, at one size.

# %% tags=["train"]
kinds = {kind: [name for name in [*ALONG_PATH, *BY_LEVEL] if name.startswith(kind)] for kind in LOOKS}
curves = {}
for target in there["schemes"].targets:
    for kind, mine in kinds.items():
        tried = [name for name in mine if there["schemes"].seeds(target, [name])]
        at_size = [(sizes[named(net, name)].sum(), there["schemes"].mean(target, name)) for name in tried]
        curves.setdefault(target, {})[kind] = np.array(at_size, float).reshape(-1, 2)

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    panels = sheet(1, len(curves), (4.4 * len(curves), 4.9), "Size from left to right; place within a column of discs")
    for axes, (target, by_kind) in zip(panels[0], curves.items(), strict=True):
        for kind, line in by_kind.items():
            look = {"marker": MARKERS[LOOKS[kind]], "ls": LINES[kind], "color": COLOURS[LOOKS[kind]], "alpha": 0.75}
            axes.plot(*line.T, label=f"{kind} k", ms=5, lw=1.5, **look)
        axes.set(xscale="log", title=target, xlabel="parameters that learn")
        for _, part in points.get(target, pd.DataFrame({"budget": []})).groupby("budget"):
            look = {"c": part["place"], "cmap": "cividis", "vmin": 0, "vmax": 1, "edgecolors": "black", "zorder": 3}
            dots = axes.scatter(part["parameters"], part["dice"], 70, **look)
    if points:
        axes.figure.colorbar(dots, ax=panels[0], label="place: 0 input, 1 output", shrink=0.8)
    for axes in panels[0, :1]:
        axes.figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
plt.show()

# %% tags=["train"]
for target, by_kind in curves.items():
    rank = pd.DataFrame(np.concatenate(list(by_kind.values()))).corr("spearman").iloc[0, 1]
    usft.alt(f"{target}: over ordinary strategies, Dice and number of parameters have rank correlation {rank:+.2f}.")
    if target in points:
        apart = points[target].groupby("budget")["dice"].agg(np.ptp).max()
        print(f"   at one number of parameters, matched sets are up to {apart:.3f} apart")

# %% [markdown]
# Both can be true at once: that size matters, and that at one size the place matters. Compare how far a curve climbs
# over a tenfold size with how far a column of discs reaches up and down.
#
# ## Is it an artefact?
#
# Two things were fixed by us and might favour one side.
#
# * **Statistics.** Frozen groups keep the batch-norm statistics of chest X-rays: last k in all of the encoder, first k
#   in all of the decoder. Let them *adapt* while training, or *re-estimate* them once on the training images and keep
#   those.
# * **The head.** Its 17 parameters once drew lungs. Last k always retrains it, first k never does. Let it learn in
#   *first k*, too.
#
# Each is changed alone, on fetal heads and breast lesions, with five seeds. (So the usual treatment has these five
# here, too; claim 1 in lesson 10 rests on ten.) The rule was written down beforehand: these rows stand *beside* claims
# 1 and 3, they do not decide them.

# %% tags=["train"]
told = {}
for line in claims.normalisation(there["schemes"], there["norm"]):
    pair, way = line.words.split(", with ")
    usual = there["schemes"].difference(line.target, *pair.split(" − "))  # what the others are to be compared with
    rows = told.setdefault((line.target, pair), {"as in lessons 08 to 10": usual})
    rows[way] = (line.mean, line.low, line.high, line.seeds)
    print(f"{line.target:5s} {pair}, {way:30s}{judged('norm', line)}")

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    high = (len(told) + 1) // 2
    panels = sheet(high, 2 if told else 0, (12.5, 3.1 * high), "First less last: does the treatment turn the order?")
    for axes, ((target, pair), ways) in zip(panels.flat, told.items(), strict=False):
        intervals(axes, {way: line[:3] for way, line in ways.items() if line})
        axes.set_title(f"{target}: {pair}")
plt.show()
for (target, pair), ways in told.items():
    signs = {way: line[0] > 0 for way, line in ways.items() if line}
    usual = signs.pop("as in lessons 08 to 10", None)
    turned = [way for way, sign in signs.items() if usual is not None and sign != usual]
    usft.alt(f"{target}, {pair}: the mean changes its sign with {', '.join(turned) or 'none of the treatments tried'}.")

# %% [markdown]
# **How to read it.** The top row of each panel is the treatment of lessons 08 to 10. If another row lies clearly on the
# other side of 0, the order depends on that treatment, and "first beats last" without naming it says too little. If all
# rows lie on one side, it is not *these* artefacts, which is less than "no artefact". And if a row is merely wider or
# its mean merely smaller? Then look at the interval before you tell a story about the mean.
#
# ## Speckle or shapes?
#
# Now the reason behind position. Suppose a network knows ultrasound already: fine speckle, smooth round lesions. That
# is **home**. From there, two roads. On one the **speckle** gets coarser and the lesions stay, to the pixel. On the
# other the **shapes** get flat and ragged and the speckle stays. A shift of 0 is home, 1 is as far as it goes.

# %%
roads = {"home": usft.shifted_speckle(2, size=128, seed=15, shift=0)}
for kind, drawn in {"speckle": usft.shifted_speckle, "shapes": usft.shifted_shapes}.items():
    roads |= {f"{kind} {shift}": drawn(2, size=128, seed=15, shift=shift) for shift in (0.5, 1.0)}
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(2, 5, figsize=(12.5, 5.4), layout="constrained")
    for column, (name, data) in zip(panels.T, roads.items(), strict=True):
        for axes, image, mask in zip(column, data.images, data.masks, strict=True):
            show_masks(axes, image, mask)
        column[0].set_title(name)
    figure.suptitle("Two simulated lesions (dashes: truth) at home, on the way to other speckle, and to other shapes")
plt.show()
same = [torch.equal(roads["home"].masks, roads[name].masks) for name in ("speckle 1.0", "shapes 1.0")]
words = ["the same as at home" if each else "other than at home" for each in same]
usft.alt(f"with other speckle the outlines are {words[0]}; with other shapes they are {words[1]}, the grain stays.")

# %% [markdown]
# If shallow layers are the better choice *because* of speckle, then first 2 should be further ahead of last 2 on the
# first road than on the second. That is **claim 11**, at the largest shift. It compares two differences.
#
# ## Exercise 11.3: a difference of differences
#
# A common mistake: "the advantage is significant for speckle and not for shapes, so it is larger for speckle". The one
# interval may end just above 0 and the other just below, and nothing tells them apart. What is needed is the interval
# of the *difference of the two differences*. Both sets hold the same people and places, so it can be taken lesion by
# lesion.
#
# Write `twice(a, b, c, d)`: four arrays of Dice, **seeds × lesions**, column j the same lesion in all. `a` and `b` are
# first 2 and last 2 in other speckle, `c` and `d` first 2 and last 2 in other shapes. Return `(mean, error)`: the mean
# of (a − b) − (c − d), and its standard error **over lesions** (`ddof=1`).
#
# <details><summary>Hint 1</summary>
#
# Combine the four arrays number by number first. Then the mean over seeds: one number a lesion.
# </details>
# <details><summary>Hint 2</summary>
#
# The standard error of a mean of n numbers is their standard deviation over √n. Here n is the number of lesions.
# </details>


# %%
def twice(a, b, c, d):
    """Mean and standard error, over lesions, of (a − b) − (c − d); arrays of seeds × lesions."""
    # BEGIN SOLUTION combine all four lesion by lesion, average the seeds, then mean and standard error over lesions
    each = (np.asarray(a) - np.asarray(b) - np.asarray(c) + np.asarray(d)).mean(axis=0)
    return each.mean(), each.std(ddof=1) / len(each) ** 0.5
    # END SOLUTION


# %%
# @title Check 11.3
# BEGIN CHECK
hard = np.linspace(-0.3, 0.3, 7)  # some lesions are hard, whoever tries
helped = np.array([0.2, -0.2, 0.1, -0.1, 0.15, -0.15, 0.0])  # some like first 2, whatever the picture is like
own = np.array([0.03, 0.05, 0.07, 0.03, 0.05, 0.07, 0.05])  # what we are after, lesion by lesion
base = np.full((1, 7), 0.6)
luck = np.array([[0.04], [-0.04], [0.0]])  # a training's luck, the same for all of its lesions
usft.check(
    twice,
    {
        "the sign": (
            (base + 0.1, base, base, base),
            lambda told: float(told[0]) > 0,
            "first 2 is ahead in other speckle alone, so the result is positive: (a − b) − (c − d).",
        ),
        "ahead in both": (
            (base + 0.1, base, base + 0.04, base),
            lambda told: abs(float(told[0]) - 0.06) < 1e-6,
            "ahead by 0.10 in speckle and by 0.04 in shapes: 0.06 is the speckle's own. Mind the sign of d.",
        ),
        "hard lesions": (
            (base + hard + 0.1, base + hard, base + hard, base + hard),
            lambda told: float(told[1]) < 1e-3,
            "too unsure: a hard lesion is hard four times, and that cancels if you subtract lesion by lesion.",
        ),
        "lesions that like first 2": (
            (base + helped + own, base, base + helped, base),
            lambda told: float(told[1]) < 0.02,
            "too unsure: what a lesion gains in speckle AND in shapes cancels as well. Subtract first, spread last.",
        ),
        "a lesion at a time": (
            (base + own, base, base, base),
            (0.05, 0.006172),
            "seven lesions: standard deviation with ddof=1, over the root of seven.",
        ),
        "three seeds": (
            (np.repeat(base + own, 3, 0) + luck, *[np.repeat(base, 3, 0)] * 3),
            (0.05, 0.006172),
            "three trainings on seven lesions are not 21 lesions: average the seeds first, then count lesions.",
        ),
    },
    exercise="11.3",
    tolerance=1e-5,
)
# END CHECK

# %%
# BEGIN WRONG "so the result is positive"
def twice(a, b, c, d):
    each = (c - d - a + b).mean(0)
    return each.mean(), each.std(ddof=1) / len(each) ** 0.5
# END WRONG
# BEGIN WRONG "so the result is positive"
def twice(a, b, c, d):
    each = (a - b - c - d).mean(0)
    return each.mean(), each.std(ddof=1) / len(each) ** 0.5
# END WRONG
# BEGIN WRONG "Mind the sign of d"
def twice(a, b, c, d):
    each = (a - b).mean(0)  # speckle alone
    return each.mean(), each.std(ddof=1) / len(each) ** 0.5
# END WRONG
# BEGIN WRONG "hard four times"
def twice(a, b, c, d):
    four = [v.mean(0) for v in (a, b, c, d)]
    mean = four[0].mean() - four[1].mean() - four[2].mean() + four[3].mean()
    return mean, sum(v.var(ddof=1) / len(v) for v in four) ** 0.5
# END WRONG
# BEGIN WRONG "Subtract first, spread last"
def twice(a, b, c, d):
    one, other = (a - b).mean(0), (c - d).mean(0)
    return one.mean() - other.mean(), (one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)) ** 0.5
# END WRONG
# BEGIN WRONG "over the root of seven"
def twice(a, b, c, d):
    each = (a - b - c + d).mean(0)
    return each.mean(), each.std(ddof=1)
# END WRONG
# BEGIN WRONG "standard deviation with ddof=1"
def twice(a, b, c, d):
    each = (a - b - c + d).mean(0)
    return each.mean(), each.std() / len(each) ** 0.5
# END WRONG
# BEGIN WRONG "are not 21 lesions"
def twice(a, b, c, d):
    each = (a - b - c + d).ravel()
    return each.mean(), each.std(ddof=1) / len(each) ** 0.5
# END WRONG
# BEGIN WRONG "over the root of seven"
def twice(a, b, c, d):
    each = (a - b - c + d).mean(1)  # by seed
    return each.mean(), each.std(ddof=1) / len(each) ** 0.5 if len(each) > 1 else 0.0
# END WRONG
# BEGIN RIGHT
def twice(a, b, c, d):
    from scipy import stats
    each = np.mean(a - b, 0) - np.mean(c - d, 0)
    return np.mean(each), stats.sem(each)
# END RIGHT
# BEGIN RIGHT
def twice(a, b, c, d):
    a, b, c, d = (torch.as_tensor(v) for v in (a, b, c, d))
    each = ((a - b) - (c - d)).mean(0)
    return torch.stack([each.mean(), each.std() / each.numel() ** 0.5])
# END RIGHT
# BEGIN RIGHT
def twice(a, b, c, d):
    lesions = [
        sum(a[s][j] - b[s][j] - c[s][j] + d[s][j] for s in range(len(a))) / len(a) for j in range(len(a[0]))
    ]
    mean = sum(lesions) / len(lesions)
    return [mean, (sum((x - mean) ** 2 for x in lesions) / (len(lesions) - 1) / len(lesions)) ** 0.5]
# END RIGHT

# %% [markdown]
# ## Mechanism: claim 11
#
# The study pretrained networks at home, moved them along both roads in four steps, and trained on 40 images there, with
# three seeds. Left: how far first 2 is ahead of last 2. Right: what there is to gain at all, *everything* less the
# untouched network. **Look to the right first**: a shift that costs the untouched network nothing leaves nothing to
# repair, and shows nothing, whatever the curve on the left does.

# %% tags=["train"]
found = there["mechanism"]
pairs = {"first 2 − last 2": ("first 2", "last 2"), "everything − untouched": ("everything", "untouched")}
ways = {}
for what, (a, b) in pairs.items():
    for kind in ("speckle", "shapes"):
        line = {shift: found.difference(f"{kind} {shift}", a, b) for shift in SHIFTS}
        if rows := [(shift, *told[:3]) for shift, told in line.items() if told]:
            ways.setdefault(what, {})[kind] = np.array(rows)

# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    panels = sheet(1, len(ways), (6 * len(ways), 4.4), "Speckle or shapes? Bars: 95 % intervals")
    for axes, (what, by_kind) in zip(panels[0], ways.items(), strict=True):
        for kind, rows in by_kind.items():
            k, (shift, mean, low, high) = ["speckle", "shapes"].index(kind), rows.T
            look = {"color": COLOURS[k], "marker": MARKERS[k], "ls": ["-", "--"][k], "ms": 8, "lw": 2, "capsize": 4}
            axes.errorbar(shift + 0.012 * (2 * k - 1), mean, [mean - low, high - mean], label=f"other {kind}", **look)
        axes.axhline(0, color="0.3", lw=1)
        axes.set(title=what, ylabel="difference in Dice", xlabel="shift: 0 is home", xlim=(0, 1.06))
        axes.set_xticks([0, *SHIFTS])
        axes.legend(frameon=False)
plt.show()
for what, by_kind in ways.items():
    ends = [f"{rows[-1, 1]:+.3f} at a shift of {rows[-1, 0]:g} of {kind}" for kind, rows in by_kind.items()]
    usft.alt(f"{what}: {', '.join(ends)}.")

# %% tags=["train"]
for line in claims.mechanism(found):
    print(f"{line.claim}\n   {line.target}: {judged('mechanism', line)}")
print(f"your guess for claim 11 was {usft.guesses().get('11.b', '… none')}")

# %% [markdown]
# The library's interval of claim 11 is your `twice`, except that it covers other *trainings* as well as other lesions.
#
# **Why not compare the ends of the two roads?** That was the first rule, and it stands beside the claim. But one end
# hurts much and the other little. The first has more to repair, and any strategy more room to be ahead. So the claim
# is now decided by the two steps that leave *the most similar gain*. (The rule was changed when the results were
# known; the protocol says so.) Here are the two steps.

# %% tags=["train"]
lead, gain = ways.get("first 2 − last 2", {}), ways.get("everything − untouched", {})
if len(lead) == len(gain) == 2:
    steps = {"shapes": len(gain["shapes"]) - 1}  # the last step of shapes, and of speckle the one that hurts as much
    steps["speckle"] = int(np.abs(gain["speckle"][:, 1] - gain["shapes"][-1, 1]).argmin())
    for kind, k in steps.items():
        shift, mean, low, high = lead[kind][k]
        print(f"{kind} {shift:g}: {gain[kind][k, 1]:+.3f} to gain; first 2 − last 2 ", end="")
        print(f"{mean:+.3f} ({low:+.3f}…{high:+.3f})")

# %% [markdown]
# If the lead in speckle is clear only where the shift of shapes has no match for it, say so: *where speckle changes
# much, the shallow layers are the better ones*. Whether a change of shapes that hurts as much would do the same, these
# two roads do not tell.
#
# If the advantage grows with the shift of speckle and stays flat with that of shapes, the story of low-level features
# has passed a test that it could have failed. If both grow alike, shallow layers may matter for another reason. If
# neither grows, look whether the shifts cost anything. And if the verdict is *undecided*, the story stays a story.
#
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
Last 2 has nearly three times as many parameters as first 2. Suppose that first 2 wins. What is off the list of
suspects?

- [ ] Number: the smaller set has won, so how many parameters learn cannot be the reason.
  It can. With 40 training images, fewer parameters may be better for being fewer: there is less to overfit.
- [x] Only "more is better".
  Fewer may still be better for being fewer. To tell number from place you need sets of one size at different places.
- [ ] Position: last 2 has lost in spite of its size, so it must be the size that hurts.
  That is one story, position is another, and this one comparison fits both.
""")

# %%
# @title Question 2
usft.Quiz("""
First 2 is ahead by 0.05 (0.01…0.09) in other speckle, and by 0.03 (−0.01…0.07) in other shapes. What may you say?

- [ ] The advantage is real in speckle and not in shapes, so the mechanism is speckle.
  "Significant here, not there" compares neither with the other. Both intervals hold 0.02, 0.03 and 0.05.
- [ ] The two advantages are equal, since their intervals overlap.
  Overlap does not show that two things are equal, as wide intervals overlap easily.
- [x] Nothing yet about which is larger.
  They differ by 0.02, and that difference needs an interval of its own: the difference of differences.
""")

# %%
# @title Question 3
usft.Quiz("""
With every shift of shapes, *everything* gains nothing over the untouched network, and first 2 and last 2 are equal.
Does it matter which layers one trains when shapes change?

- [x] Nobody can tell from this.
  The untouched network still works on these shapes, so no layer had anything to repair. The shift is too easy.
- [ ] No: first 2 and last 2 came out equal.
  So did training nothing at all. Strategies can only be told apart where there is something to gain.
- [ ] Yes: shapes are high-level, so the last layers must be the ones.
  That is the idea that was to be tested, not a result.
""")

# %% [markdown]
# ## What this does not show
#
# * **What it is about the place.** Near the input, images are large, receptive fields small, skips are written, and the
#   gradient is long on its way. A slope over place cannot tell these from each other. Nor from the head: only sets that
#   lean to the output hold it.
# * **The place of a spread-out set.** One with a half at either end has the same mean place as one in the middle.
# * **Every set at its best.** All sets of a budget take the learning rate of the strategy that lent them their size.
#   Where that rate suits the early layers, late sets pay for it, or the other way round.
# * **Other trainings, for claim 8.** Its interval is over sets, of which there are few, averaged over three seeds that
#   they all share. Other people and other source networks are not in it.
# * **Equal roads.** A shift of 1 of speckle is not "as much" as a shift of 1 of shapes: they are the ends of two scales
#   of ours, both simulated. That is why the panel of what there is to gain stands beside.
# * **The paper's explanation of its own results.** Its networks and data are not known to us; this tests the idea, on
#   our reconstruction.

# %% [markdown]
# ## Recap
#
# * Position, number and treatment differ together between first k and last k. Take them apart one at a time.
# * A gradient mask trains a part of a layer, so sets of equal size can lie anywhere; hold the budget fixed by comparing
#   within it.
# * "Larger here than there" needs the interval of the difference of differences, and something to gain in both places.

# %% [markdown]
# ## Further reading
#
# * Lee et al., "Surgical fine-tuning", 2022, [arXiv 2210.11466](https://arxiv.org/abs/2210.11466): a shift at the input
#   asks for the first blocks, other shifts for others. Claim 11 is that idea, in speckle.
# * Shirokikh et al., 2020, [arXiv 2008.07357](https://arxiv.org/abs/2008.07357): first layers beat last layers under a
#   domain shift in MRI.
# * Raghu et al., "Transfusion", 2019, [arXiv 1902.07208](https://arxiv.org/abs/1902.07208), and Karimi et al., 2021,
#   [PMC8164174](https://pmc.ncbi.nlm.nih.gov/articles/PMC8164174/): what transfer to medical images does and does not
#   do; in the second, a frozen random encoder does well.
# * Frankle, Schwab and Morcos, "Training BatchNorm and only BatchNorm", 2021,
#   [arXiv 2003.00152](https://arxiv.org/abs/2003.00152): how much normalisation alone can learn.
# * Gelman and Stern, "The difference between 'significant' and 'not significant' is not itself statistically
#   significant", The American Statistician 60(4):328, 2006,
#   [doi 10.1198/000313006X152649](https://doi.org/10.1198/000313006X152649).
# * Frisch and Waugh, "Partial time regressions as compared with individual trends", Econometrica 1(4):387, 1933,
#   [doi 10.2307/1907330](https://doi.org/10.2307/1907330): why subtracting means is the same as adding columns.
