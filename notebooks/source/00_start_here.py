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
import torch

import usft_lib as usft

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": longer training
SEED = 0
SIZE = 96  # pixels a side
STEPS = 600 if PROFILE == "full" else 100
LR = 3e-3
SNAPSHOTS = [0, STEPS // 20, STEPS // 5, STEPS // 2, STEPS]  # steps at which we look at one mask
print(f"profile {PROFILE}: two strategies of {STEPS} steps at {SIZE} × {SIZE} pixels")

# %% [markdown]
# Welcome. Here is a common situation. Somebody trained a network to outline lungs on chest X-rays, with plenty of
# images. You have ultrasound, forty images of it, and an afternoon. Throwing the X-ray network away feels like a
# waste. So you keep its weights and train on: **fine-tuning**.
#
# But which layers should move? With networks that *classify*, the habit is to keep the first layers and retrain the
# last ones. Amiri, Brooks and Rivaz (2020) asked whether that habit suits a U-Net that moves to ultrasound. They report
# that fine-tuning the last layers is often the worst strategy, and that the shallow layers may be the better choice.
#
# This course rebuilds the question from the ground up. What we choose ourselves is *our reconstruction*, and we say so.
# You will guess first, then look. Wrong guesses are welcome: they are what one remembers.
#
# ## Is everything here?
#
# The first line of output above names your processor or graphics card, and the versions in use. A plain processor is
# fine for every lesson. The table below lists the images of the course. Lessons that want real ones say so, and use
# simulated ones where there are none.

# %%
table = usft.datasets()
table[["name", "modality", "images", "subjects", "licence", "MB", "on disk?"]]

# %% [markdown]
# ## Two worlds, side by side
#
# This lesson needs nothing from a disk. Both worlds below come from a few hundred lines of physics, and their outlines
# are known exactly.
#
# * A **radiograph** is a shadow. X-rays cross the body, and bone stops more of them than lung.
# * An **ultrasound image** is an echo. A pulse goes in, tissue sends parts of it back, and the echoes interfere. That
#   grain is called *speckle*.
#
# Look at the pictures before you read on. Is the object brighter or darker than what lies around it? Could you find its
# border if you saw a patch of ten by ten pixels and nothing else?

# %%
chests = usft.simulate_radiographs(4, size=SIZE, seed=SEED)
echoes = usft.simulate_ultrasound(4, size=SIZE, seed=SEED, preset="breast")
with plt.rc_context(usft.plots.STYLE):
    figure, rows = plt.subplots(2, 4, figsize=(11, 6), layout="constrained")
    for row, data in zip(rows, (chests, echoes), strict=True):
        for axes, image, mask in zip(row, data.images, data.masks, strict=True):
            usft.plots.show_masks(axes, image, mask)
    rows[0, 0].set_title("X-ray shadows: the lungs (dashed)", loc="left")
    rows[1, 0].set_title("Ultrasound echoes: one lesion (dashed)", loc="left")
    plt.show()
usft.alt("on X-rays smooth, dark lungs fill the picture; on ultrasound one smaller blob lies in grainy tissue.")

# %% [markdown]
# Lungs hold air and are dark, and a patch with their border shows an edge. A lesion may be darker or brighter than its
# surroundings, and in a small patch there is mostly grain.
#
# Another object, another texture, another physics. What could possibly carry over? Perhaps something: both networks
# must find borders, and both must decide which side of a border is inside.
#
# ## Predict first
#
# Our U-Net is a row of groups of layers, from the image to the mask (lesson 02 opens them): `enc1` to `enc4`, where the
# picture shrinks, a `bottleneck`, `dec4` to `dec1`, where it grows again, and a tiny `head` that writes the mask. We
# take one that knows simulated X-rays, and train it on simulated ultrasound twice.
#
# * **first two**: only `enc1` and `enc2`, nearest to the image, learn. All else is **frozen**: it stays as X-rays made
#   it.
# * **last two**: only `dec2` and `dec1`, nearest to the mask, learn, and the head with them.
#
# We score masks by *Dice*: 1 is a perfect outline, 0 is a complete miss. You write it yourself in lesson 01.
#
# **After training, by how much will the first two be ahead of the last two?** A number like 0.1 says "a good deal
# ahead". 0 says "no difference". A negative number says that the last two win. Write your guess in place of ours.

# %%
usft.guess("00.a", ...)  # your guess: Dice of the first two minus Dice of the last two

# %% [markdown]
# The text that starts with `usft1:` stores your guesses and solved exercises; `usft.progress()` lists them. Colab
# forgets them when it closes. So copy the last such text into your notes. Later, put it between the quotes of
# `usft.progress("usft1:…")` and run that: everything is back.
#
# ## What is in a data set?
#
# Every data set of the course looks the same, real or simulated. `images` and `masks` have the shape
# `[images, channels, rows, columns]`, with one channel, grey. `subjects` names who is on each image. One person may
# have been scanned more than once.

# %%
# NBVAL_CHECK_OUTPUT
data = usft.simulate_ultrasound(6, size=32, seed=SEED, frames_per_subject=2, preset="breast")
print(data)
print("images  ", list(data.images.shape), data.images.dtype)
print("masks   ", list(data.masks.shape), data.masks.dtype)
print("subjects", data.subjects)

# %% [markdown]
# ### Exercise 00.1 · How much is it really?
#
# "We tested on 600 images" may mean 600 people, or 6 people who held still. Write a function that reads three numbers
# off a data set: how many **images**, how many different **subjects**, and the **side** of an image in pixels.
#
# <details><summary>Hint 1</summary>
#
# `data.images` is a tensor `[N, 1, H, W]`, `data.subjects` a list with one name an image.
# </details>
# <details><summary>Hint 2</summary>
#
# A `set` holds each name once. `data.images.shape[-1]` is the last of the four numbers.
# </details>

# %%
def what_is_in(data):
    """(number of images, number of different subjects, pixels a side)"""
    # BEGIN SOLUTION return three whole numbers: images, different subjects, pixels a side
    return len(data.images), len(set(data.subjects)), data.images.shape[-1]
    # END SOLUTION


# %%
# @title Check 00.1
# BEGIN CHECK
xrays = usft.simulate_radiographs(3, size=48)
frames = usft.simulate_ultrasound(6, size=32, frames_per_subject=3, preset="breast")
alternating = usft.simulate_ultrasound(4, size=32, frames_per_subject=2, preset="breast")[[0, 2, 1, 3]]
uneven = frames[[0, 1, 2, 3]]
usft.check(
    what_is_in,
    {
        "three people, an image each": ((xrays,), (3, 3, 48), "the side is the shape's last number, not channels."),
        "two people, three frames each": ((frames,), (6, 2, 32), "count each subject once: which type has no doubles?"),
        "two people, frames mixed": ((alternating,), (4, 2, 32), "a person's frames need not be neighbours."),
        "three frames of one, one of another": ((uneven,), (4, 2, 32), "people may have different numbers of frames."),
        "nobody at all": ((frames[[]],), (0, 0, 32), "an empty set has no images and nobody, yet a side."),
    },
    exercise="00.1",
)
# END CHECK

# %%
# BEGIN WRONG "count each subject once"
def what_is_in(data):
    return len(data.images), len(data.subjects), data.images.shape[-1]
# END WRONG
# BEGIN WRONG "not channels"
def what_is_in(data):
    return data.images.shape[0], len(set(data.subjects)), data.images.shape[1]
# END WRONG
# BEGIN WRONG "need not be neighbours"
def what_is_in(data):
    people = sum(a != b for a, b in zip([None, *data.subjects], data.subjects, strict=False))
    return len(data.images), people, data.images.shape[-1]
# END WRONG
# BEGIN WRONG "different numbers of frames"
def what_is_in(data):
    n = len(data.subjects)
    people = n // max(data.subjects.count(data.subjects[0]), 1) if n else 0
    return n, people, data.images.shape[-1]
# END WRONG
# BEGIN WRONG "an empty set has no images"
def what_is_in(data):
    return len(data.images), len(set(data.subjects)), len(data.images[0, 0])
# END WRONG
# BEGIN RIGHT
def what_is_in(data):
    seen = []
    for subject in data.subjects:
        if subject not in seen:
            seen.append(subject)
    return [len(data), len(seen), data.size]
# END RIGHT
# BEGIN RIGHT
def what_is_in(data):
    import numpy as np
    return np.array([data.images.shape[0], len(np.unique(data.subjects)), data.images.shape[2]])
# END RIGHT
# BEGIN RIGHT
def what_is_in(data):
    n, _, _, side = data.masks.shape
    return torch.tensor([n, len(dict.fromkeys(data.subjects)), side])
# END RIGHT

# %% [markdown]
# ### Exercise 00.2 · Is somebody on both sides?
#
# We will train on some images and score on others. If a person is on both sides, the score rewards memory. Write the
# guard that every experiment in this course relies on: do two data sets **share a subject**?
#
# <details><summary>Hint 1</summary>
#
# Both have a list `subjects`. Where a name stands in it does not matter, nor how often.
# </details>
# <details><summary>Hint 2</summary>
#
# Python's sets can tell whether they have something in common: look at `isdisjoint`, or at `&`.
# </details>

# %%
def share_a_subject(one, other):
    """True if somebody is in both data sets, else False."""
    # BEGIN SOLUTION return True if a subject is in both data sets
    return not set(one.subjects).isdisjoint(other.subjects)
    # END SOLUTION


# %%
# @title Check 00.2
# BEGIN CHECK
def people(*subjects):
    blank = torch.zeros(len(subjects), 1, 8, 8)
    return usft.SegmentationData(blank, blank > 0, list(subjects), ids=[f"{name} of {subjects}" for name in subjects])


usft.check(
    share_a_subject,
    {
        "nobody in common": ((people("ann", "bo"), people("cem", "dee")), False, "all four are different people."),
        "other files of one person": ((frames[[0]], frames[[1]]), True, "compare .subjects: .ids names files."),
        "one of three in both": ((people("ann", "bo", "cem"), people("ann")), True, "one shared person is enough."),
        "bo, two places": ((people("ann", "bo"), people("bo", "cem")), True, "compare all pairs, not place by place"),
        "p12 and p1": ((people("p1", "p2"), people("p12")), False, "p1 is not p12: compare whole names."),
        "nobody on one side": ((people("ann"), people()), False, "an empty set shares nobody."),
    },
    exercise="00.2",
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

# %% [markdown]
# ## Two strategies, two masks growing
#
# Now the experiment in miniature. Forty simulated ultrasound images to learn from, others to watch on, and nobody on
# both sides. `pretrained` brings a network that learnt lungs on simulated X-rays.
#
# Two scores need no training, and everything else is held against them: the X-ray network as it is (**zero-shot**), and
# the **mean shape**, the one mask that fits all training images best on average. It never looks at an image.

# %% tags=["train"]
pool, watch = usft.simulate_ultrasound(120, size=SIZE, seed=SEED, preset="breast").split(0.5, 0.5, seed=SEED)
train, watch = pool.subset(40), watch.subset(40)
source = usft.pretrained("xray-simulated")
strategies = {"first two": usft.first(source, 2), "last two": usft.last(source, 2)}
zero_shot = float(usft.evaluate(source, watch)["dice"].mean())
no_network = float(usft.score(usft.mean_shape(train), watch)["dice"].mean())
print(f"trained on {len(train)} people, watched on {len(watch)}")
for name, names in strategies.items():
    print(f"{name}: {', '.join(names)} learn")
print(f"Dice before any step, as X-rays left it: {zero_shot:.2f}")
print(f"Dice of one mean shape for everybody, no network: {no_network:.2f}")

# %% [markdown]
# `train_only` lets the named groups learn and freezes all others. Both strategies see the same batches in the same
# order, for the same number of steps.
#
# We follow one image with our own eyes: of the dark lesions, the one of middling size. Most lesions here are darker
# than the tissue around them, but not all. We come back to the bright ones, so that one picture does not flatter.

# %% tags=["train"]
FOLLOW = "hypoechoic"  # dark; "hyperechoic" follows a bright lesion
sort = torch.tensor([label == FOLLOW for label in watch.labels]).nonzero().flatten()
chosen = int(sort[watch.masks[sort].sum((1, 2, 3)).argsort()[len(sort) // 2]])
image, true = watch.images[chosen], watch.masks[chosen]
models, histories, snapshots = {}, {}, {}
for name, names in strategies.items():
    model = models[name] = usft.train_only(deepcopy(source), names)
    run = usft.Training(model, train, watch, steps=STEPS, lr=LR, seed=SEED, validate_every=STEPS // 10)
    snapshots[name] = {0: usft.segment(model, image[None])[0]}
    for now in run:
        if now.done in SNAPSHOTS:
            snapshots[name][now.done] = usft.segment(model, image[None])[0]
    histories[name] = run.history
    print(f"{name}: Dice {run.history.val_dice[-1]:.3f} after {STEPS} steps, {run.history.seconds[-1]:.0f} s")

# %% tags=["train"]
figure = usft.plots.growing_masks_figure(
    histories, snapshots, image, true, {"X-ray network": zero_shot, "mean shape": no_network}
)
plt.show()
usft.alt("read each row from left to right: step 0 is what the X-ray network makes of it, the dashes are the lesion.")
usft.alt("below, the right end of the two curves is the answer; the mean shape is what no network at all would score.")

# %% tags=["train"]
first, last = (history.val_dice[-1] for history in histories.values())
guess = usft.guesses().get("00.a")
print(f"first two − last two: {first - last:+.3f} in this run; you guessed {guess}")
usft.check_range(first, 0.35, 0.8, "Dice of the first two")
usft.check_range(last, 0.35, 0.8, "Dice of the last two")
for name, model in models.items():
    scores = usft.evaluate(model, watch).assign(lesion=watch.labels).groupby("lesion")["dice"]
    print(f"{name}:", ", ".join(f"{kind} {d.mean():.2f} ({len(d)} images)" for kind, d in scores))

# %% [markdown]
# Two things to notice. At step 0 the X-ray network is no help: compare it with the mean shape. And a small part of the
# network repairs a good deal in very few steps. The last two lines above say where it does not: compare black
# (anechoic) and dark (hypoechoic) lesions with bright (hyperechoic) ones. A mean hides that, and so does one picture.
#
# Which strategy won on your machine, and **would it win again?** One run on a few images cannot say. You could change
# `SEED` at the top and run again, and again. The course has done that for you, with care: its *study* trained hundreds
# of networks, and its results come with the library. Here is the same race on simulated breasts, run with several
# seeds: each time another X-ray network, other training images, another order. A line a race. Before you look: will all
# of them go the same way?

# %% tags=["train"]
found, target, pair = usft.results("schemes"), "sim-ultrasound", ("first 2", "last 2")
races = {seed: [found.one(target, name, seed) for name in pair] for seed in found.seeds(target, pair)}
with plt.rc_context(usft.plots.STYLE):
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for dice in races.values():
        axes.plot(["first two", "last two"], dice, color="0.4", marker="o")
    for name, line in (("untouched", "dotted"), ("mean shape", "dashed")):
        axes.axhline(found.mean(target, name), color="0.35", linestyle=line, label=name)
    axes.set(xlim=(-0.5, 1.5), ylim=(0, 0.85), ylabel="Dice on unseen subjects", title="Would it win again?")
    axes.legend(frameon=False, loc="lower right")
plt.show()
won = sum(first > last for first, last in races.values())
usft.alt(f"the first two are ahead in {won} of {len(races)} races.")

# %% [markdown]
# These races were longer and the pictures larger than yours, so compare the *direction* of the lines, not their height.
# And a few races won are not yet a finding: lesson 08 shows how to put an interval on them.
#
# ## Three sealed predictions
#
# These are about **real** ultrasound: heads of unborn children, to be outlined for a measurement, starting from a
# network that learnt lungs. Lesson 12 opens them.
#
# * **00.b** Forty images to learn from. Dice of tuning the *contracting* half (`enc1` to `enc4`) minus Dice of tuning
#   the *expanding* half (`dec4` to `dec1`, with the head).
# * **00.c** Only ten images. Dice of tuning everything from the X-ray weights minus Dice of training from scratch.
#   Is the X-ray past worth anything?
# * **00.d** Many images. Tuning the contracting half against tuning everything: what share of the *seconds* does it
#   need to get about as good? 0.5 means half the time, 1 the same, 2 twice as long.

# %%
usft.guess("00.b", ...)  # your guess: contracting minus expanding, 40 images
usft.guess("00.c", ...)  # your guess: pretrained minus scratch, 10 images
usft.guess("00.d", ...)  # your guess: share of the seconds

# %% [markdown]
# ## Quiz
#
# Choose before you click. The wrong answers are explained as well.

# %%
# @title Question 1
usft.Quiz("""
You train the first two groups for 100 steps and then, from the same start, the last two for 100 steps. The images are
the same. Which run should take more seconds?

- [ ] The one whose groups hold more parameters.
  Updating the parameters is the least of the work. Most of it is carrying images forward and gradients back, and that
  depends on how far they have to go.
- [ ] Neither: the same network looks at the same images.
  On the way forward, yes. The way back differs: it ends at the first layer that learns.
- [x] The first two.
  The gradient starts at the mask and travels back to the first layer that learns. To reach the first groups it crosses
  the whole network, frozen layers included. Frozen does not mean free; lesson 12 puts a clock to it.
""")

# %%
# @title Question 2
usft.Quiz("""
A friend has forty ultrasound images, five of each of eight people. She shuffles them, fine-tunes on thirty and reports
the Dice of the other ten. What do you tell her?

- [ ] "Fine: the network has seen none of the ten."
  It has not seen the images, but it has seen the people. Frames of one person look alike, so the score rewards memory.
- [x] "Score it on people whom it has never met."
  Hold back all images of two people, say. Lesson 01 shows how far the other way can fool you, without any network.
- [ ] "Ten images are too few. Use all forty for the score."
  Then most of the score comes from images that the network learnt from: it measures memory even more.
""")

# %%
# @title Question 3
usft.Quiz("""
Before any step on ultrasound, an X-ray network scores no better than one shape that ignores the image. What does that
say about its features?

- [x] Little: it was asked for lungs, and there are none.
  The *task* changed as well as the look of the images. The features may still be a good place to start from. Only
  training on, compared with training from scratch, can tell.
- [ ] That they are useless on ultrasound.
  It says that the *answer* is useless. In the runs above, most layers stayed as X-rays had made them, and yet the Dice
  rose.
- [ ] That the first layers are at fault, as the images look so different.
  They may be. But one score of the whole network cannot say which of its layers is at fault: for that, change some and
  keep the others.
""")

# %% [markdown]
# ## What this does not show
#
# * The images are simulated, and so is the difference that you saw. Whether it holds on people is lessons 10 to 12.
# * One seed, one learning rate, few images, few steps. A strategy may simply like another learning rate.
# * We watched on validation images while we trained, and looked at them often. A score to report needs a test set that
#   is opened once.
# * Our network, sizes and settings are our reconstruction. They are not known to be those of the paper.

# %% [markdown]
# ## Recap
#
# * Fine-tuning starts from weights that learnt something else; *which* layers then learn is a choice.
# * Compare with what costs nothing: the untouched network, and one mean shape for everybody.
# * Count people, not images, and keep each of them on one side.

# %% [markdown]
# ## Further reading
#
# * Amiri, Brooks, Rivaz, "Fine-Tuning U-Net for Ultrasound Image Segmentation: Different Layers, Different Outcomes",
#   2020, [doi 10.1109/TUFFC.2020.3015081](https://doi.org/10.1109/TUFFC.2020.3015081). Its predecessor of 2019:
#   [doi 10.1007/978-3-030-33391-1_27](https://doi.org/10.1007/978-3-030-33391-1_27).
# * Yosinski and others, "How transferable are features in deep neural networks?", 2014,
#   [arXiv 1411.1792](https://arxiv.org/abs/1411.1792): the same question for networks that classify.
