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
from torch import nn

import usft_lib as usft
from usft_lib.plots import COLOURS, MARKERS, STYLE, show_masks

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": longer training
SEED = 0
SIZE = 96  # pixels a side
TRAINING_IMAGES = 40
STEPS = 600 if PROFILE == "full" else 150
LR = 3e-3
LOOKS = 40  # batches that the "frozen" network only looks at
print(f"profile {PROFILE}: strategies of {STEPS} steps at {SIZE} × {SIZE} pixels")

# %% [markdown]
# Fine-tuning *some* layers means leaving the others as they are. That sounds like one line of code. It is three, and
# the usual one line does something else. In this lesson you catch it in the act, write the real thing, and then let
# strategies run against each other.
#
# ## Predict first
#
# Block `enc1` of our U-Net holds two convolutions and two batch normalisations. Its `state_dict` has 12 tensors: what
# is learnt, and what is counted along the way. You set `requires_grad = False` on all of its parameters, then show the
# network one batch in training mode. No optimiser runs.
#
# **How many of the 12 tensors are different afterwards?** Write your guess in place of ours.

# %%
usft.guess("04.a", ...)  # your guess

# %%
# NBVAL_CHECK_OUTPUT
net = usft.UNet(width=16, depth=4)
for parameter in net.enc1.parameters():
    parameter.requires_grad_(False)
before = deepcopy(net.enc1.state_dict())
net.train()(torch.rand(8, 1, 32, 32))
for name, tensor in net.enc1.state_dict().items():
    print(f"{name:22s}{'same' if torch.equal(tensor, before[name]) else 'CHANGED'}")

# %% [markdown]
# ## What moved, without any gradient
#
# Six of the twelve: of each normalisation its mean, its variance, and a counter of batches. Was that your guess?
#
# A batch normalisation leads a double life.
#
# * **In training** it subtracts the mean of *this batch* and divides by its standard deviation. On the way it updates
#   two running averages, `running_mean` and `running_var`.
# * **In evaluation** it uses those running averages instead.
#
# The running averages are *buffers*, not parameters. They have no gradient, so `requires_grad = False` says nothing
# about them. Each batch pulls them a tenth of the way towards itself. When the batches come from another domain, they
# leave the old one.
#
# Does it matter? Take a network that segments lungs. Set `requires_grad = False` on **everything**. Let it look at
# ultrasound, in training mode, and learn nothing. After every few looks, ask how far its statistics went, and how well
# it still segments the X-rays that it was made for. Beside it, the same network frozen by `usft.freeze`.


# %%
def drift(model, stored, group):
    """How far a group's running means went, in stored standard deviations, averaged over its channels."""
    moved = []
    for name, mean in usft.groups(model)[group].named_buffers():
        if name.endswith("running_mean"):
            old, variance = stored[f"{group}.{name}"], stored[f"{group}.{name.replace('mean', 'var')}"]
            moved.append(((mean - old).abs() / variance.sqrt()).mean())
    return float(torch.stack(moved).mean())


# %% tags=["train"]
lungs = usft.pretrained("xray-simulated")
xrays = usft.simulate_radiographs(16, size=SIZE, seed=1)  # nobody that it was trained on
scans = usft.simulate_ultrasound(40, size=SIZE, seed=1, preset="breast")
stored = deepcopy(lungs.state_dict())
naive, frozen = deepcopy(lungs), usft.freeze(deepcopy(lungs), list(usft.groups(lungs)))
for parameter in naive.parameters():
    parameter.requires_grad_(False)

# %% tags=["train"]
rows = []
for look in range(LOOKS + 1):
    for way, model in {"requires_grad = False": naive, "usft.freeze": frozen}.items():
        if look % 8 == 0:
            kept = usft.dice(usft.segment(model, xrays.images), xrays.masks).mean()
            rows.append({"way": way, "look": look, "Dice on X-rays": float(kept)})
            rows[-1] |= {group: drift(model, stored, group) for group in ("enc1", "enc4", "dec1")}
        chosen = torch.arange(8 * look, 8 * look + 8) % len(scans)
        with torch.no_grad():
            model.train()(scans.images[chosen])
drifted = pd.DataFrame(rows)
same = all(torch.equal(t, stored[name]) for name, t in naive.named_parameters())
print(f"every weight is bit for bit what it was: {same}")

# %% tags=["train", "curves"]
def draw_drift(axes):
    for line, (way, part) in zip(("-", "--"), drifted.groupby("way", sort=False), strict=True):
        for k, group in enumerate(("enc1", "enc4", "dec1")):
            style = {"color": COLOURS[k], "marker": MARKERS[k], "linestyle": line}
            axes.plot(part["look"], part[group], label=f"{group}, {way}", **style)
    axes.set(xlabel="batches of ultrasound looked at", ylabel="drift (standard deviations)")
    axes.set(title="“Frozen” statistics drift …", ylim=(None, 1.7 * drifted["enc1"].max()))
    axes.legend(frameon=False, ncols=2, fontsize=9, loc="upper left")


# %% tags=["train", "curves"]
with plt.rc_context(STYLE):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    draw_drift(left)
    for line, (way, part) in zip(("-", "--"), drifted.groupby("way", sort=False), strict=True):
        right.plot(part["look"], part["Dice on X-rays"], line, marker="o", color="black", label=way)
    right.set(xlabel="batches of ultrasound looked at", ylabel="Dice on X-rays", ylim=(0.9, 1))
    right.set_title("… and take some of the old skill along")
    right.legend(frameon=False)
plt.show()
usft.alt("with requires_grad = False alone, statistics drift in every block; with usft.freeze they stay at 0.")
usft.alt("though no weight changed, the drifting network draws lungs less well; the frozen one as well as before.")

# %% tags=["train"]
end = drifted[drifted["look"] == LOOKS].set_index("way")
print(f"Dice on X-rays at the end: {end['Dice on X-rays'].round(3).to_dict()}")
usft.check_range(end.loc["requires_grad = False", "enc1"], 0.02, 1, "drift of enc1 by requires_grad = False alone")
usft.check_range(end.loc["usft.freeze", ["enc1", "enc4", "dec1"]].max(), 0, 0, "drift under usft.freeze")

# %% [markdown]
# So a study that freezes by `requires_grad = False` does not compare what it says it compares: its "frozen" layers
# adapt to the new images. That may even *help* (lesson 11 tries it on purpose). But it must be a decision, not an
# accident.
#
# `.eval()` on the frozen block stops the drift, until the next `model.train()`. And training loops call `model.train()`
# again after each validation. It reaches every block, the frozen ones too.
#
# ## Exercise 04.1: freeze properly
#
# Write `freeze_properly(model, names)`. It gets a U-Net and a list of group names (`usft.groups(model)` gives the
# blocks by name) and returns the model with those groups frozen:
#
# 1. their weights need no gradient;
# 2. their batch normalisation **uses** and **keeps** the stored statistics;
# 3. that stays so after `model.train()`, whoever calls it;
# 4. all other groups learn and adapt as before.
#
# Do not call `usft.freeze`: this is how you would do it for any network.
#
# <details><summary>Hint 1</summary>
#
# `model.train()` does nothing but call `child.train(mode)` on each of its children.
# </details>
# <details><summary>Hint 2</summary>
#
# In Python you may replace a method of one single object: `block.train = lambda mode=True: block`.
# </details>


# %%
def freeze_properly(model, names):
    """The model, with the groups in `names` frozen: weights and statistics, for good."""
    # BEGIN SOLUTION stop the gradients of each named group, put it into evaluation mode, and keep it there
    for name in names:
        block = usft.groups(model)[name]
        block.requires_grad_(False)
        block.eval()
        block.train = lambda mode=True, block=block: block  # model.train() asks, and nothing happens
    return model
    # END SOLUTION


# %%
# @title Check 04.1
# BEGIN CHECK
def looked(model, group):
    """Do the statistics of a group move when the model sees a batch, in the mode it is in?"""
    averages = [t for name, t in usft.groups(model)[group].named_buffers() if "running" in name]
    before = [t.clone() for t in averages]
    model(torch.rand(4, 1, 32, 32))
    return any(not torch.equal(now, was) for now, was in zip(averages, before, strict=True))


def learns(model, group):
    return [p.requires_grad for p in usft.groups(model)[group].parameters()]


def uses_stored(model):
    x = torch.rand(4, 1, 32, 32) + 3
    return torch.allclose(model.train().enc1(x), model.eval().enc1(x))


torch.manual_seed(0)
tiny = usft.UNet(width=4, depth=2)
usft.check(
    freeze_properly,
    {
        "it returns the model": ((tiny, ["enc1"]), lambda m: isinstance(m, nn.Module), "end with: return model."),
        "weights of enc1": (
            (tiny, ["enc1"]),
            lambda m: not any(learns(m, "enc1")),
            "its weights still ask for a gradient: requires_grad_(False) on each of its parameters.",
        ),
        "weights of two groups": (
            (tiny, ["enc1", "dec2"]),
            lambda m: not any(learns(m, "enc1") + learns(m, "dec2")),
            "all named groups are to be frozen, not just one of them.",
        ),
        "weights of the other groups": (
            (tiny, ["enc1", "dec2"]),
            lambda m: all(learns(m, "enc2") + learns(m, "dec1") + learns(m, "head")),
            "groups that nobody named must go on learning: touch only those in names.",
        ),
        "statistics of enc1": (
            (tiny, ["enc1"]),
            lambda m: not looked(m, "enc1"),
            "one batch moved the statistics. They are buffers: requires_grad does not reach them, .eval() does.",
        ),
        "statistics of enc1 after model.train()": (
            (tiny, ["enc1"]),
            lambda m: not looked(m.eval().train(), "enc1"),
            "model.train() woke the frozen group up again: its train method must do nothing from now on.",
        ),
        "what enc1 normalises with": (
            (tiny, ["enc1"]),
            uses_stored,
            "it keeps the stored statistics but does not use them: the output still depends on the rest of the batch.",
        ),
        "statistics of the other groups": (
            (tiny, ["enc1"]),
            lambda m: looked(m.train(), "enc2") and looked(m, "dec1"),
            "groups that are not frozen must go on adapting their statistics: leave them in training mode.",
        ),
    },
    exercise="04.1",
)
# END CHECK

# %%
# BEGIN WRONG "requires_grad does not reach them"
def freeze_properly(model, names):
    for name in names:
        usft.groups(model)[name].requires_grad_(False)
    return model
# END WRONG
# BEGIN WRONG "woke the frozen group up"
def freeze_properly(model, names):
    for name in names:
        usft.groups(model)[name].requires_grad_(False).eval()
    return model
# END WRONG
# BEGIN WRONG "does not use them"
def freeze_properly(model, names):
    for name in names:
        block = usft.groups(model)[name].requires_grad_(False)
        for m in block.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.momentum = 0.0
    return model
# END WRONG
# BEGIN WRONG "go on adapting"
def freeze_properly(model, names):
    for name in names:
        usft.groups(model)[name].requires_grad_(False)
    model.eval()
    model.train = lambda mode=True: model
    return model
# END WRONG
# BEGIN WRONG "still ask for a gradient"
def freeze_properly(model, names):
    for name in names:
        block = usft.groups(model)[name].eval()
        block.train = lambda mode=True, block=block: block
    return model
# END WRONG
# BEGIN WRONG "touch only those"
def freeze_properly(model, names):
    for block in usft.groups(model).values():
        block.requires_grad_(False).eval()
        block.train = lambda mode=True, block=block: block
    return model
# END WRONG
# BEGIN WRONG "not just one of them"
def freeze_properly(model, names):
    for name in names:
        block = usft.groups(model)[name].requires_grad_(False).eval()
        block.train = lambda mode=True, block=block: block
        return model
# END WRONG
# BEGIN WRONG "return model"
def freeze_properly(model, names):
    for name in names:
        block = usft.groups(model)[name].requires_grad_(False).eval()
        block.train = lambda mode=True, block=block: block
# END WRONG
# BEGIN RIGHT
def freeze_properly(model, names):
    for name, parameter in model.named_parameters():
        if name.split(".")[0] in names:
            parameter.requires_grad = False
    for name, module in model.named_modules():
        if name.split(".")[0] in names and isinstance(module, nn.BatchNorm2d):
            module.eval()
            module.train = lambda mode=True, module=module: module
    return model
# END RIGHT
# BEGIN RIGHT
def freeze_properly(model, names):
    model.frozen = model.frozen | set(names)
    for name in model.frozen:
        for parameter in getattr(model, name).parameters():
            parameter.requires_grad_(False)
    return model.train()
# END RIGHT
# BEGIN RIGHT
def freeze_properly(model, names):
    def still(module, inputs):
        module.eval()

    for name in names:
        for module in model.get_submodule(name).modules():
            module.requires_grad_(False)
            module.register_forward_pre_hook(still)
    return model
# END RIGHT
# BEGIN RIGHT
def freeze_properly(model, names):
    plain = model.train

    def train(mode=True):
        plain(mode)
        for name in names:
            usft.groups(model)[name].eval()
        return model

    for name in names:
        usft.groups(model)[name].requires_grad_(False)
    model.train = train
    return model.train()
# END RIGHT

# %% [markdown]
# From here on the lesson uses `usft.freeze`, `usft.unfreeze` and `usft.train_only`, which do the same for any set of
# groups and can be undone.
#
# ## What does freezing save?
#
# Fewer trained parameters mean less memory for the optimiser. Time is another matter. A step has three bills, as in
# lesson 02: the forward pass (`forward`), the backward pass that carries the gradient from the mask towards the image
# (`to_inputs`), and the gradients of the trained weights themselves (`to_weights`). `usft.summary` counts all three, in
# millions of operations for one image.
#
# **Predict:** what share of all parameters do the first two groups hold, in per cent?

# %%
usft.guess("04.b", ...)  # your guess, in per cent

# %%
# NBVAL_CHECK_OUTPUT
net = usft.UNet(width=16, depth=4)
for name, chosen in {"first two": usft.first(net, 2), "last two": usft.last(net, 2)}.items():
    table = usft.summary(usft.train_only(net, chosen), size=96)
    share = table["trainable"].iloc[-1] / table["parameters"].iloc[-1]
    print(f"{name}: {', '.join(chosen)}: {share:.1%} of all parameters")
    print(table.round(0).to_string(index=False), "\n")

# %% [markdown]
# Less than one per cent: the first two groups are tiny. The last two are small as well, and their bill is another one
# altogether. Compare the column `to_inputs`: where does the backward pass end?
#
# ## Exercise 04.2: where does the gradient go?
#
# A gradient starts at the mask and travels back towards the image. It must reach every trained group, and need not go
# further. Write `backward_through(groups, trained)`: given all group names in path order and the names of the trained
# ones (in any order), return the list of groups that hold or pass on a gradient, in path order.
#
# <details><summary>Hint 1</summary>
#
# A frozen group between the mask and a trained one must pass the gradient through.
# </details>
# <details><summary>Hint 2</summary>
#
# `groups.index(name)` is a group's place. Which trained group has the smallest?
# </details>


# %%
def backward_through(groups, trained):
    """The groups, in path order, that the backward pass enters."""
    # BEGIN SOLUTION find the trained group that comes first along the path; the gradient enters it and all after it
    places = [groups.index(name) for name in trained]
    return groups[min(places) :] if places else []
    # END SOLUTION


# %%
# @title Check 04.2
# BEGIN CHECK
ten = ["enc1", "enc2", "enc3", "enc4", "bottleneck", "dec4", "dec3", "dec2", "dec1", "head"]
usft.check(
    backward_through,
    {
        "the head alone": ((ten, ["head"]), ["head"], "the gradient starts there: it has no reason to go further."),
        "the last two steps": (
            (ten, ["dec2", "dec1", "head"]),
            ["dec2", "dec1", "head"],
            "the gradient stops at the first trained group along the path, here dec2.",
        ),
        "enc1 alone": (
            (ten, ["enc1"]),
            ten,
            "to get to enc1 the gradient must pass through everything after it, frozen or not.",
        ),
        "both ends, not in path order": (
            (ten, ["head", "enc2"]),
            ten[1:],
            "trained comes in any order: look for the one that is earliest in groups.",
        ),
        "nothing is trained": ((ten, []), [], "with nothing to train there is no backward pass: an empty list."),
    },
    exercise="04.2",
)
# END CHECK

# %%
# BEGIN WRONG "frozen or not"
def backward_through(groups, trained):
    return [name for name in groups if name in trained]
# END WRONG
# BEGIN WRONG "no reason to go further"
def backward_through(groups, trained):
    last = max(groups.index(name) for name in trained)
    return groups[: last + 1]
# END WRONG
# BEGIN WRONG "in any order"
def backward_through(groups, trained):
    return groups[groups.index(trained[0]):] if trained else []
# END WRONG
# BEGIN WRONG "an empty list"
def backward_through(groups, trained):
    return groups[min(groups.index(name) for name in trained):]
# END WRONG
# BEGIN WRONG "stops at the first trained group"
def backward_through(groups, trained):
    return groups[max(groups.index(name) for name in trained):] if trained else []
# END WRONG
# BEGIN RIGHT
def backward_through(groups, trained):
    reached, found = [], False
    for name in groups:
        found = found or name in trained
        if found:
            reached.append(name)
    return reached
# END RIGHT
# BEGIN RIGHT
def backward_through(groups, trained):
    from itertools import dropwhile
    return list(dropwhile(lambda name: name not in trained, groups))
# END RIGHT
# BEGIN RIGHT
def backward_through(groups, trained):
    return [g for k, g in enumerate(groups) if any(t in groups[: k + 1] for t in trained)]
# END RIGHT

# %% [markdown]
# So few trained parameters near the image are cheap to store and dear to reach. Keep that for lesson 12.
#
# ## The freezing lab
#
# Now the question of the course, in small. A U-Net that learned lungs on chest X-rays meets ultrasound, with 40 images
# to learn from. Which groups should learn? Every run in the lab begins with the same weights and sees the same batches
# with the same augmentation, so what differs is your choice.
#
# Before you click, commit yourself. **Predict:** you train the first two groups, or the last two, the common habit with
# classifiers. By how much do the first two win (in Dice; below zero: they lose)?

# %%
usft.guess("04.c", ...)  # your guess, between -1 and 1

# %% tags=["train"]
data = usft.load("hc18", size=SIZE, otherwise="sim-ultrasound")
real = not data.stand_in
source = usft.pretrained("xray" if real else "xray-simulated")
pool, val, test = data.split(0.6, 0.1, 0.3, seed=0)  # the test part stays closed until you commit to a strategy
train = pool.subset(TRAINING_IMAGES, seed=SEED)
val = val.subset(min(60, len(set(val.subjects))), seed=0)
print(f"{data}\ntraining on {len(train)} images, comparing on {len(val)} images of other subjects")

# %% [markdown]
# In the lab below:
#
# 1. **Click the groups** (or Tab to them, then arrows and the space bar), or take a preset. Point at a group to read
#    what it sees and what freezing it saves.
# 2. **Guess** the Dice, then **fine-tune**. Watch the outline grow on three validation images.
# 3. Put two or three strategies on the starting line and let them **race**: they take turns, a step each.
# 4. The **scoreboard** keeps your guess beside each result. It ranks on validation images, which you use to choose.
#    When you would defend one strategy, open the test set for it. That works once.
#
# Things to find out: Is there a strategy with under 100 000 parameters that comes within .02 of training everything?
# What does the bottleneck do alone, with almost half of all parameters? Which of your guesses was furthest off?

# %% tags=["train", "curves"]
lab = usft.FreezeLab(source, train, val, test, steps=STEPS, lr=LR, seed=SEED)
display(lab)  # no drawing to click? usft.freeze_panel(lab=lab.lab) is the same in plain buttons

# %% [markdown]
# The same without clicking: `lab.run` takes a preset or a list of groups, waits, and returns its line on the board.
# These three runs show up in the lab above, too.

# %% tags=["train"]
rows = {name: lab.run(name) for name in ("everything", "first 2", "last 2")}
ahead = rows["first 2"]["dice"] - rows["last 2"]["dice"]
print(f"first two − last two: {ahead:+.3f} on validation images; you guessed {usft.guesses().get('04.c', '… none')}")
lab.scores[["strategy", "trainable", "dice", "low", "high", "seconds"]].round(3)

# %% [markdown]
# Two rows were not trained at all. "untouched" is the lung network as it came: it looks for lungs, and there are none.
# That is a change of *task*, not a measure of how foreign ultrasound looks (lesson 07). "mean shape" is one and the
# same mask for every image. A strategy has seen something in the images only by what it scores above that row.
#
# The curves show how each strategy gets to its place, and the masks below what it still gets wrong.

# %% tags=["train", "curves"]
runs = {name: next(run for run in lab.runs if run.number == row["run"]) for name, row in rows.items()}
with plt.rc_context(STYLE):
    figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
    for k, (name, run) in enumerate(runs.items()):
        axes.plot(*zip(*run.val, strict=True), color=COLOURS[k], marker=MARKERS[k], label=name)
    shape = lab.scores.set_index("strategy").loc["mean shape", "dice"]
    axes.axhline(shape, color="0.4", linestyle=":")
    axes.annotate("mean shape", (0.42, shape), (0, 4), ("axes fraction", "data"), textcoords="offset points")
    axes.set(xlabel="training step", ylabel="Dice (validation)", title="Which layers learn ultrasound?", xlim=(0, None))
    axes.legend(frameon=False, loc="lower right")
    axes.text(1, -0.2, data.provenance, transform=axes.transAxes, ha="right", fontsize=8, color="0.35")
plt.show()
usft.alt("one curve a strategy; compare where each ends, and which of them end above the dotted line.")

# %% tags=["train", "real-image"]
with plt.rc_context(STYLE):
    figure, panels = plt.subplots(2, len(runs), figsize=(10, 7), layout="constrained")
    for column, (name, run) in enumerate(runs.items()):
        drawn = usft.segment(run.model, val.images[:2])
        for row in range(2):
            show_masks(panels[row, column], val.images[row], val.masks[row], drawn[row])
        panels[0, column].set_title(name)
    figure.suptitle(f"{data.name}: white dashes are the truth, orange is the network", fontsize=12)
plt.show()
usft.alt("two validation images, a column a strategy: look where orange leaves the dashes, and how its border runs.")

# %% tags=["train"]
low, high = (0.93, 0.99) if real else (0.4, 0.95)
usft.check_range(rows["everything"]["dice"], low, high, "Dice of everything")
usft.check_range(rows["first 2"]["dice"], 0.8 if real else 0.3, high, "Dice of the first two")

# %% [markdown]
# The best row is not a verdict. It was seen on one seed, one learning rate and few subjects, and by looking at the
# board you have used these validation images to choose. The test images stay closed until you have committed yourself.

# %% [markdown]
# ## Quiz
#
# Would you catch these in somebody else's paper?

# %%
# @title Question 1
usft.Quiz("""
A colleague freezes the encoder with `requires_grad = False`, trains the rest, and reports that "frozen X-ray features
transfer well". What do you ask first?

- [ ] Whether the encoder's weights are the same as before.
  They are: no gradient, no step. You would compare them, find them equal, and be reassured for the wrong reason.
- [x] Whether the encoder was in training or in evaluation mode.
  In training mode its statistics went over to the new images, so its features did not stand still.
- [ ] Whether the optimiser was given the encoder's parameters.
  Cleaner not to, but it skips a parameter that has no gradient. Something else moved here.
""")

# %%
# @title Question 2
usft.Quiz("""
You train `enc1` alone. A skip connection leads from it straight to `dec1`. Through which groups must the gradient go on
its way from the mask to `enc1`?

- [ ] Through the head and `dec1` alone: the skip is the shortest way.
  Over the skip comes one part of the gradient. `enc1` also feeds `enc2`, and what it does to the mask that way counts.
- [ ] Through none: frozen groups have no gradient.
  Frozen *weights* have none. What passes through a group is the gradient of its input, and `enc1` depends on that.
- [x] Through all of them: decoder, bottleneck and encoder.
  The mask depends on `enc1` by every way through the U. Only the gradients of the frozen *weights* are saved.
""")

# %%
# @title Question 3
usft.Quiz("""
On the same 60 subjects, strategy A has a Dice of 0.90 (0.87…0.93) and B one of 0.88 (0.85…0.91). Is A better than B on
subjects like these?

- [x] Neither yes nor no follows from these two intervals.
  A hard image is hard for both, so the *difference*, subject by subject, may be far more certain than either mean. It
  needs an interval of its own: lessons 08 and 10.
- [ ] No: the intervals overlap, so the two are equally good.
  Overlap does not show that two things are equal. Much of either may come from easy and hard subjects alone.
- [ ] Yes: both met the same subjects, so the higher mean wins.
  Meeting the same subjects makes the comparison sharper. It does not make every difference larger than chance.
""")

# %% [markdown]
# ## What this does not show
#
# * **Which strategy is better.** One seed and one learning rate: another draw of 40 images, or a learning rate chosen
#   for each strategy, may change the order. Lessons 08 to 10 repeat it.
# * **That frozen statistics are best.** They are one clean definition, ours. How the authors of the paper treated
#   batch normalisation is not known to us.
# * **Times.** The seconds are those of this machine, with whatever else it was doing.

# %% [markdown]
# ## Recap
#
# * Frozen means: weights do not move, the optimiser does not hold them, and batch normalisation uses *and* keeps its
#   stored statistics, also after `model.train()`.
# * `requires_grad = False` does the first. Statistics then drift without any gradient, and the skill drifts along.
# * A gradient goes back to the first trained group and no further: few parameters near the image are not cheap in time.

# %% [markdown]
# ## Further reading
#
# * Ioffe and Szegedy, "Batch normalization", ICML 2015, [arXiv 1502.03167](https://arxiv.org/abs/1502.03167).
# * Frankle, Schwab and Morcos, "Training BatchNorm and only BatchNorm", ICLR 2021,
#   [arXiv 2003.00152](https://arxiv.org/abs/2003.00152): what those few parameters can do alone.
# * Amiri, Brooks and Rivaz, "Fine-Tuning U-Net for Ultrasound Image Segmentation: Different Layers, Different
#   Outcomes", IEEE TUFFC 67(12), 2020, [doi 10.1109/TUFFC.2020.3015081](https://doi.org/10.1109/TUFFC.2020.3015081).
