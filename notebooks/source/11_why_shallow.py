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
import pandas as pd
import torch
from IPython.display import display

import usft_lib as usft
from usft_lib.study import matched

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": five trainings, longer
SEEDS = [0, 1, 2, 3, 4] if PROFILE == "full" else [0]
SIZE = 96  # pixels a side
STEPS = 300 if PROFILE == "full" else 150
LR = 3e-3  # learning rate

# %% [markdown]
# Lessons 08 to 10 asked *whether* the first layers are the better ones to train. **Why** might they be? First k and
# last k differ in more than their place. Here are three suspects, and what each of them predicts. More than one may be
# guilty.
#
# | suspect | if it is a reason, then … |
# |---|---|
# | **place** | of sets with *equally many* parameters (to within 5 %), those near the input are better |
# | **number** of parameters alone | such sets are equally good, wherever they are |
# | **speckle** | first 2 is further ahead where the speckle has changed than where shapes have |
#
# To tell them apart we hold one thing fixed and change another. How we do this is *our reconstruction*.
#
# ## Guess first
#
# * **11.a** Two sets of weights with equally many parameters, one near the input and one near the output, are trained
#   on 40 simulated breasts. By how much Dice is the set near the input ahead?
# * **11.b** First 2 leads last 2 by some Dice under the largest change of speckle, and by some under the largest change
#   of shapes. By how much is the first lead larger?

# %%
usft.guess("11.a", ...)  # near the input minus near the output
usft.guess("11.b", ...)  # lead in other speckle minus lead in other shapes

# %% [markdown]
# ## Train a part of a layer
#
# No two groups have equally many parameters; the largest has more than a thousand times as many as the smallest. Single
# convolutions are smaller bricks: our U-Net has 23. And a brick that is too large can be cut: we train only some of its
# **output channels**.
#
# ### Exercise 11.1 · The first k channels
#
# `requires_grad` belongs to a whole tensor, so it cannot freeze a part. But you can cut the gradient: Adam does not
# move a weight whose gradient was always 0. Write `only_first(layer, k)`: from now on, training moves the first `k`
# output channels, weight and bias, and no others. Return the layer. It may be a `Conv2d`, a `BatchNorm2d` or a
# `ConvTranspose2d`. `channel_axis` says which axis of a parameter counts the output channels.
#
# <details><summary>Hint 1</summary>
#
# `parameter.register_hook(f)` replaces the gradient `g` by `f(g)` on the way back. Multiply it by ones and zeros.
# </details>
# <details><summary>Hint 2</summary>
#
# The mask needs a shape such as [1, −1, 1, 1], with the −1 at `channel_axis`. In a loop, `lambda g: g * mask` would see
# the mask of the *last* turn. `lambda g, mask=mask: g * mask` keeps its own.
# </details>

# %%
def channel_axis(layer, parameter):
    """The axis of the output channels: a ConvTranspose2d's weight is in × out × …"""
    up = isinstance(layer, torch.nn.ConvTranspose2d)
    return 1 if up and parameter.ndim == 4 else 0


# %%
def only_first(layer, k):
    """Training moves the first k output channels of the layer, and no others."""
    # BEGIN SOLUTION a hook for each parameter that multiplies by 1 or 0
    for parameter in layer.parameters():
        axis = channel_axis(layer, parameter)
        shape = [1] * parameter.ndim
        shape[axis] = -1
        mask = (torch.arange(parameter.shape[axis]) < k).to(parameter).reshape(shape)
        parameter.register_hook(lambda gradient, mask=mask: gradient * mask)
    return layer
    # Why: the image still goes through all channels; only what learns is cut.
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


def learnt(layer):
    """The gradient of the weight, wherever a layer keeps it."""
    return next(p.grad for p in layer.parameters() if p.ndim == 4)


flat, norm, up = torch.nn.Conv2d(4, 5, 3), torch.nn.BatchNorm2d(5), torch.nn.ConvTranspose2d(4, 5, 2, 2)
two = [1, 1, 0, 0, 0]
other = deepcopy(flat)
back(other)
whole = other.weight.grad.clone()  # the gradient of all channels
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
        "the bias of an up-convolution": (
            (up, 2),
            lambda layer: moved(layer, "bias") == two,
            "an up-convolution has a bias as well, with an entry for each output channel.",
        ),
        "the gradient that is left": (
            (flat, 2),
            lambda layer: back(layer) is not None and torch.allclose(learnt(layer)[:2], whole[:2], atol=1e-5),
            "in the first channels the gradient itself must stay: multiply it by 1, do not replace it.",
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
# BEGIN WRONG "multiply it by 1, do not replace it"
def only_first(layer, k):
    for parameter in layer.parameters():
        up = isinstance(layer, torch.nn.ConvTranspose2d) and parameter.ndim == 4
        mask = (torch.arange(parameter.shape[int(up)]) < k).to(parameter)
        mask = mask.reshape([-1 if d == int(up) else 1 for d in range(parameter.ndim)])
        parameter.register_hook(lambda gradient, mask=mask: mask.expand_as(gradient))
    return layer
# END WRONG
# BEGIN WRONG "has a bias as well"
def only_first(layer, k):
    for parameter in layer.parameters():
        up = isinstance(layer, torch.nn.ConvTranspose2d)
        if up and parameter.ndim == 1:
            continue
        mask = (torch.arange(parameter.shape[int(up)]) < k).to(parameter)
        mask = mask.reshape([-1 if d == int(up) else 1 for d in range(parameter.ndim)])
        parameter.register_hook(lambda gradient, mask=mask: gradient * mask)
    return layer
# END WRONG

# %% [markdown]
# ## Equal size, another place
#
# The library draws such sets: six for each of three **budgets**, the numbers of parameters of first 2, last 2 and
# first 4. Draw 0 leans to the input, draw 5 to the output. The **place** of a set is the mean place of its parameters,
# from 0 (the input) to 1 (the output). Here are two sets of the smallest budget, in per cent of each group.

# %%
net = usft.UNet(width=16, depth=4)
sizes = usft.summary(net).set_index("group")["parameters"]
for name in ("matched first 2 #0", "matched first 2 #5"):
    share = dict.fromkeys(usft.groups(net), 0.0)
    for part in matched.draw(net, name):
        share[part.group] += 100 * part.parameters / sizes[part.group]
    values = {group: round(value) for group, value in share.items()}
    display(usft.UNetDiagram(net, values, label="% trained", size=SIZE))

# %% [markdown]
# Train both, and beside them first 2 (the same number of parameters, as a block) and last 2 (nearly three times as
# many). The drawn sets keep all stored statistics, so that they differ in parameters only; first 2 and last 2 adapt
# those of their own groups.

# %% tags=["train"]
source = usft.pretrained("xray-simulated")
pool = usft.simulate_ultrasound(200, size=SIZE, seed=71, preset="breast")
test = usft.simulate_ultrasound(100, size=SIZE, seed=72, preset="breast")
names = ["first 2", "matched first 2 #0", "matched first 2 #5", "last 2"]

# %% tags=["train"]
tables = {name: [] for name in names}
for seed in SEEDS:
    for name in names:
        model = deepcopy(source)
        if name.startswith("matched"):
            matched.train_only_these(model, matched.draw(net, name))
        else:
            kind = usft.first if name == "first 2" else usft.last
            usft.train_only(model, kind(model, 2))
        train = pool.subset(40, seed=seed)
        usft.fit(model, train, steps=STEPS, lr=LR, seed=seed, progress=False)
        tables[name].append(usft.evaluate(model, test))

# %% tags=["train", "fold"]
# @title Print what came out, and compare with your guess
for name, each in tables.items():
    mean, low, high = usft.seed_mean(each)
    print(f"{name:20s}{mean:.3f} ({low:.3f} to {high:.3f})")
mean, low, high = usft.seed_difference(tables[names[1]], tables[names[2]])
print(f"near the input − near the output: {mean:+.3f} ({low:+.3f} to {high:+.3f})")
print("verdict:", usft.verdict(mean, low, high, seeds=len(SEEDS), yes="confirmed"))
study = usft.results("matched")
mean, low, high = study.difference("sim-ultrasound", *names[1:3])[:3]
print(f"the study, three trainings: {mean:+.3f} ({low:+.3f} to {high:+.3f})")
print("your guess (11.a):", usft.guesses().get("11.a", "none"))
usft.check_range(max(usft.seed_mean(each)[0] for each in tables.values()), 0.3, 0.95, "Dice of the best")

# %% [markdown]
# Compare first 2 with draw 0, too. They have the same size and nearly the same place. They differ in their statistics,
# and in luck: *which* convolutions were drawn, and one training. A single pair of sets, however clear, decides nothing.
# So we need many sets, and several trainings.
#
# ## Place or number?
#
# The study trained all 18 sets three times, on heads and on simulated breasts. **Claim 8** says: of sets with equally
# many parameters, those nearer to the input are better. A line through all 18 would mix budgets, so we compare each set
# with those of its own budget: we take away the budget's mean, from the place and from the Dice. Then a set with 0.82
# in a budget with the mean 0.80 counts as +0.02, and so does one with 0.92 where the mean is 0.90. The slope says what
# a tenth of the way towards the input is worth. Over the whole way, 0.02 would matter, so the slope must be 0.002.

# %%
budgets = ("first 2", "last 2", "first 4")
sets = [f"matched {like} #{k}" for like in budgets for k in range(6)]
budget = [name[8:-3] for name in sets]
place = [matched.position(matched.draw(net, name), net) for name in sets]


def slope(dice):
    """Dice for a tenth of the way towards the input, budgets held fixed."""
    table = pd.DataFrame({"place": place, "dice": dice})
    left = table - table.groupby(budget).transform("mean")
    return -0.1 * (left["place"] * left["dice"]).sum() / (left["place"] ** 2).sum()


# %%
# NBVAL_CHECK_OUTPUT
slopes = {}
for target in ("hc18", "sim-ultrasound"):
    slopes[target] = []
    for seed in range(3):
        dice = [study.one(target, name, seed) for name in sets]
        slopes[target].append(slope(dice))
    print(f"{target:15s}by training:", " ".join(f"{s:+.3f}" for s in slopes[target]))

# %% tags=["fold", "study"]
# @title Draw all sets at their places, and the verdict on claim 8
names_of = {"hc18": "fetal heads", "sim-ultrasound": "simulated breasts"}
told = usft.verdicts(8)
decides = told[~told["secondary"]].set_index("target")
points = {}
for target, title in names_of.items():
    table = pd.DataFrame({"place": place, "dice": [study.mean(target, name) for name in sets], "budget": budget})
    means = table.groupby("budget")[["place", "dice"]].transform("mean")
    left = table[["place", "dice"]] - means
    points[title] = {like: left[table["budget"] == like].to_numpy().T for like in ("first 2", "last 2", "first 4")}
usft.plots.places_figure(points, {names_of[t]: -10 * decides.loc[t, "mean"] for t in names_of})
plt.show()
for target, title in names_of.items():
    line = decides.loc[target]
    interval = f"{line['mean']:+.3f} ({line['low']:+.3f} to {line['high']:+.3f})"
    print(f"claim 8, {title}: {interval} for a tenth of the way, {line['said']}")
for line in told[told["secondary"] & told["words"].str.contains("collapsed")].itertuples():
    print(f"without a set of which a training collapsed, {names_of[line.target]}: {line.mean:+.3f} "
          f"({line.low:+.3f} to {line.high:+.3f}), {line.said}")  # fmt: skip
for line in told[told["secondary"] & told["words"].str.contains("operations held")].itertuples():
    print(f"with operations held fixed, {names_of[line.target]}: {line.mean:+.3f} "
          f"({line.low:+.3f} to {line.high:+.3f}), {line.said}")  # fmt: skip
assert set(decides["said"]) == {"undecided"} and (decides["low"] < 0).all() and (decides["mean"] > 0).all()
usft.alt("sets nearer to the input are a little better in both panels, and both intervals include 0.")

# %% [markdown]
# ### Exercise 11.2 · Read the slopes
#
# Set `clear`: how many of the three slopes on heads (`hc18`) are at least 0.01? And set `word`: the study's word for
# claim 8 on heads.

# %%
# BEGIN SOLUTION a number from 0 to 3, and a word
clear = sum(value >= 0.01 for value in slopes["hc18"])
word = "undecided"
# Why: three trainings give three different answers, so their mean is not known well.
# END SOLUTION

# %% tags=["reading"]
# @title Check 11.2
# BEGIN CHECK
large = [value for value in slopes["hc18"] if not value < 0.01]
usft.check(
    lambda: (int(clear), str(word)),
    {
        "the slopes": ((), lambda r: r[0] == len(large), "count those of the first line that are 0.01 or more."),
        "the word": (
            (),
            lambda r: r[1] == decides.loc["hc18", "said"],
            "the interval includes 0, and it reaches far beyond 0.002, the least that would matter here.",
        ),
    },
    exercise="11.2",
)
# END CHECK

# %%
# BEGIN WRONG "0.01 or more"
clear, word = 3, "undecided"
# END WRONG
# BEGIN WRONG "the interval includes 0"
clear, word = len(large), "confirmed"
# END WRONG
# BEGIN RIGHT
clear, word = float(len(large)), decides.loc["hc18", "said"]
# END RIGHT

# %% [markdown]
# Write one sentence: is it the place or the number? Then open the points.
#
# <details><summary>Three points to look for</summary>
#
# * We do not know. The mean speaks for the place, but on heads the three trainings are far apart, and on simulated
#   breasts one of them is near 0. (On heads a training of one set **collapsed**: its masks are nearly empty.)
# * An early version of the study called this claim decided. Its interval covered other sets, but not other trainings.
# * There is a fourth suspect: sets near the input also take more operations (lesson 13). With operations held fixed the
#   mean stays above 0, but the intervals get wider.
# </details>
#
# ## Speckle or shapes?
#
# The paper's abstract says that shallow layers learn low-level features, and that these are critical for ultrasound.
# Here is a test. A network knows ultrasound already: fine speckle and round lesions. Then either the **speckle**
# becomes coarser and the lesions stay, or the **shapes** become flat and ragged and the speckle stays. *Speckle 0* is
# no change, *speckle 1.0* the largest. The network is fine-tuned on 40 changed images, three times each.

# %% tags=["fold"]
# @title Draw home, other speckle and other shapes
panels = []
for row in range(2):
    for name, shift in (("home", 0), ("speckle 0.5", 0.5), ("speckle 1.0", 1), ("shapes 1.0", 1)):
        drawn = usft.shifted_shapes if "shapes" in name else usft.shifted_speckle
        data = drawn(2, size=128, seed=15, shift=shift)
        panels.append((name if not row else "", data.images[row], data.masks[row]))
usft.plots.pictures_figure(panels)
plt.show()
usft.alt("with other speckle the outlines stay the same; with other shapes the grain stays the same.")

# %% [markdown]
# **Claim 11**: first 2 is further ahead of last 2 where the speckle has changed than where the shapes have. But look at
# how much there is to gain at all: everything trained minus the untouched network. A shift that does no harm leaves no
# gain, and no strategy can be ahead. So of all pairs of shifts in which both gains are at least 0.1, we take the pair
# whose gains are nearest to each other. They are still not equal, and not well known.

# %% tags=["fold", "study"]
# @title Draw the lead of first 2, and what there is to gain
study = usft.results("mechanism")
lines = {"first 2 − last 2": ("first 2", "last 2"), "to gain: everything − untouched": ("everything", "untouched")}
shifts, roads = (0.25, 0.5, 0.75, 1.0), {}
for title, pair in lines.items():
    for kind in ("speckle", "shapes"):
        tried = [shift for shift in shifts if study.seeds(f"{kind} {shift}", pair)]
        found = {shift: study.difference(f"{kind} {shift}", *pair)[:3] for shift in tried}
        roads.setdefault(title, {})[kind] = found
usft.plots.roads_figure(roads)
plt.show()
for name in ("speckle 0.5", "shapes 1.0", "speckle 1.0"):
    kind, s = name.split()
    (lead, _, _), (gain, low, high) = (roads[title][kind][float(s)] for title in lines)
    print(f"{name}: lead {lead:+.3f}, to gain {gain:+.3f} ({low:+.3f} to {high:+.3f})")
claim = usft.verdicts(11)
for line in claim[~claim["words"].str.contains("untouched")].itertuples():
    beside = "beside it: " if line.secondary else ""
    print(f"{beside}{line.target}: {line.mean:+.3f} ({line.low:+.3f} to {line.high:+.3f}), {line.said}")
print("your guess (11.b, at the largest shifts):", usft.guesses().get("11.b", "none"))
decisive = claim[~claim["secondary"]].iloc[0]
assert decisive["said"] == "undecided" and decisive["low"] > 0
more_lead = f"{decisive['mean']:+.3f}"
usft.alt("with the shift of speckle the lead grows, and so does the gain; at the nearest gains the difference of both "
         f"leads is {more_lead}.")  # fmt: skip

# %% [markdown]
# ### Exercise 11.3 · Read the two roads
#
# Set `word`: the study's word for claim 11, at the nearest gains. And set `more`: how much more there is to gain at
# *speckle 1.0* than at *shapes 1.0* (two digits).

# %%
# BEGIN SOLUTION a word, and a difference of two printed numbers
word = decisive["said"]
gains = roads["to gain: everything − untouched"]
more = gains["speckle"][1.0][0] - gains["shapes"][1.0][0]
# Why: a lead can only be compared where there is as much to repair.
# END SOLUTION

# %% tags=["reading"]
# @title Check 11.3
# BEGIN CHECK
to_gain = {kind: by_shift[1.0][0] for kind, by_shift in roads["to gain: everything − untouched"].items()}
usft.check(
    lambda: (str(word), float(more)),
    {
        "the word": ((), lambda r: r[0] == "undecided", "the line that is not 'beside it'."),
        "the gains": (
            (),
            lambda r: abs(r[1] - (to_gain["speckle"] - to_gain["shapes"])) < 0.011,
            "'to gain' of speckle 1.0 minus that of shapes 1.0.",
        ),
    },
    exercise="11.3",
)
# END CHECK

# %%
# BEGIN WRONG "not 'beside it'"
word, more = "confirmed", to_gain["speckle"] - to_gain["shapes"]
# END WRONG
# BEGIN WRONG "minus that of shapes"
word, more = "undecided", to_gain["speckle"]
# END WRONG
# BEGIN RIGHT
word, more = "undecided", round(to_gain["speckle"] - to_gain["shapes"], 2)
# END RIGHT

# %% [markdown]
# Write one sentence: is speckle the reason? Then open the points.
#
# <details><summary>Points to look for</summary>
#
# * Where speckle has changed much, first 2 is far ahead of last 2. This is clear, in simulations.
# * No change of shapes in this test does as much harm. So we cannot say that it is speckle, and not simply the harm.
# * At the nearest gains the lead is larger in speckle: its interval, over three trainings, is above 0. But its mean is
#   below 0.02, so the word is *undecided*. (The difference is paired, so it is known better than either lead.)
# * This rule was changed after the first results. The old one compared the largest shifts, and said *confirmed*.
# </details>

# %% [markdown]
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
Last 2 has nearly three times as many parameters as first 2. Suppose that first 2 wins. Which explanation cannot be the
whole story?

- [ ] Number: the smaller set won.
  With 40 images, fewer parameters may be better because there is less to overfit.
- [x] "More parameters are better, and nothing else matters."
  Something else mattered more. To tell what, you need sets of the same size at different places.
- [ ] Place: the order of size decided.
  This one comparison fits both.
""")

# %%
# @title Question 2
usft.Quiz("""
First 2 is ahead by 0.05 (0.01 to 0.09) in other speckle, and by 0.03 (−0.01 to 0.07) in other shapes. What may you say?

- [ ] The lead is real in speckle and not in shapes.
  "Clear here, not clear there" does not compare the two.
- [ ] The two leads are equal, because the intervals overlap.
  Overlap does not show that two things are equal.
- [x] Nothing yet: take the difference of the two leads, with its own interval.
  Subject by subject and training by training, as both tests have the same subjects and places.
""")

# %%
# @title Question 3
usft.Quiz("""
The mean slope of 18 sets has a narrow interval over sets. You repeat everything with another training, and the slope is
0. How can that be? (From lesson 08.)

- [x] The interval covered other sets, not other trainings.
  All 18 sets of a training share its luck: the source network, the images, the order.
- [ ] One of the two was computed wrongly.
  Both can be right.
- [ ] 18 sets are too few.
  More sets make the interval over sets narrower. It still knows nothing of other trainings.
""")

# %% [markdown]
# ## What this does not show
#
# * **Real shifts of speckle.** Both roads are simulated.
# * **Whether frozen statistics or a frozen head favour one side.** The study changed both. On heads the order stays. On
#   lesions most intervals include 0.
# * **What would decide claim 8.** By the width of its intervals, a hundred times as many trainings, or more.

# %% [markdown]
# ## Recap
#
# * To find a reason, hold one thing fixed and change another.
# * Compare leads only where there is as much to gain.
# * A hypothesis that could have failed, and was not decided, is still a hypothesis.
#
# ## Try it alone
#
# Draw another set, `matched.draw(net, "matched last 2 #3")`, and train it on five seeds. How far do its five Dice
# spread?

# %% [markdown]
# ## Further reading
#
# * Lee and others, "Surgical fine-tuning", 2022, [arXiv 2210.11466](https://arxiv.org/abs/2210.11466): a change at the
#   input calls for the first blocks.
# * Karimi and others, "Transfer learning in medical image segmentation", 2021: what pretraining gives, and what not.
