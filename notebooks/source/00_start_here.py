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
from IPython.display import display

import usft_lib as usft

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": longer training
SEED = 0
SIZE = 96  # pixels a side
STEPS = 600 if PROFILE == "full" else 100

# %% [markdown]
# Two questions come up every day where people work with ultrasound. *How big is this head?* The length around the head
# of an unborn child tells its age. *Is this lump solid?* The outline of a lump in the breast is one step to the answer.
# For both, somebody has to draw an outline in a grainy picture. A network could do that.
#
# You have forty ultrasound images with outlines. Somebody else had many chest X-rays, and has trained a network to
# outline lungs. Can it help you? You take its weights and train on with your forty images. This is called
# **fine-tuning**. It is the usual way of **transfer learning**: to start from what a network has learnt on another
# task.
#
# Fine-tuning is a choice of layers. Some layers may be **frozen**: they are used, but they stay as they are. For
# networks that name what is in a picture, people usually freeze the first layers and train the last ones. Amiri, Brooks
# and Rivaz (2020) asked whether this is right for ultrasound. They report that training the last layers is often the
# worst choice.
#
# In this lesson, four choices race against each other. You guess first.
#
# ## Two kinds of pictures
#
# All images of this lesson are simulated, so their outlines are known exactly. An X-ray image is a shadow. An
# ultrasound image is made of echoes. Its grain is called **speckle**: echoes of many tiny structures add up or cancel.
#

# %%
xrays = usft.simulate_radiographs(4, size=SIZE, seed=SEED)
scans = usft.simulate_ultrasound(8, size=SIZE, seed=SEED, preset="breast")

# %% tags=["fold"]
# @title Draw four X-ray images and four ultrasound images
darkest = sorted(range(8), key=lambda k: float(scans.images[k][scans.masks[k]].mean()))
panels = [("X-ray: lungs", xrays.images[k], xrays.masks[k]) for k in range(4)]
shown = [darkest[k] for k in (0, 3, 5, 7)]  # from the darkest to the brightest lump
panels += [("ultrasound: a lump", scans.images[k], scans.masks[k]) for k in shown]
usft.plots.pictures_figure(panels, title="White dashes: the outline to be found")
plt.show()
usft.alt("lungs are large and dark; lumps are small, dark and grainy.")

# %% [markdown]
# ## The network
#
# A **U-Net** makes the picture smaller on the way down, and larger again on the way up. It has ten **layer groups**.
# Near the image are `enc1` and `enc2`. Near the result are `dec2`, `dec1` and `head`. Lesson 02 explains all of them.

# %%
network = usft.pretrained("xray-simulated")
usft.UNetDiagram(network, size=SIZE)

# %% [markdown]
# ## Guess first
#
# We fine-tune this network, which knows lungs, on forty ultrasound images. There are four **strategies**:
#
# * **first 2**: only `enc1` and `enc2` learn, next to the image.
# * **last 2**: only `dec2` and `dec1` (with the head) learn, next to the result.
# * **everything**: all groups learn.
# * **scratch**: all groups learn, but **from scratch**, that is from random weights. The X-rays are not used.
#
# The area that a network outlines is called its **mask**. It is scored by **Dice**: 1 is perfect, 0 is a complete miss.
# **What will be the Dice of first 2 minus that of last 2?** Write 0.1 for "ahead by 0.1", 0 for "no difference", a
# negative number if you expect last 2 to win. Compare with your neighbour.

# %%
usft.guess("00.a", ...)  # Dice of first 2 minus Dice of last 2

# %% [markdown]
# After a guess, the cell prints a text that starts with `usft1:`. It stores your guesses and solved exercises. Colab
# forgets them when it closes. So copy the text into your notes. Later, `usft.progress("usft1:…")` brings everything
# back.
#
# ## The race
#
# The lab also asks for your guess of each Dice; you may leave it. Press *Race*. All four see the same images in the
# same order. Watch the outlines move. If you cannot use a mouse, skip to the next cell: it starts the race for you.
#
# Two lines of the board need no training. *Untouched* is the X-ray network as it is. The **mean shape** is one fixed
# mask for everybody, which never looks at an image. A network that scores below the mean shape is not useful.

# %% tags=["train"]
people = usft.simulate_ultrasound(120, size=SIZE, seed=SEED, preset="breast")
train, val = people.split(0.5, 0.5, seed=SEED)  # nobody is in both
lab = usft.FreezeLab(
    network, train.subset(40), val.subset(40), controls="presets", steps=STEPS, lr=3e-3
)
display(lab)

# %% tags=["train"]
if not lab.runs:  # no click so far
    lab.lab.race(["first 2", "last 2", "everything", "scratch"])
lab.lab.wait()
board = lab.scores.set_index("strategy")["dice"]
print(board.round(2).to_string())

# %% tags=["train", "fold"]
# @title Compare with your guess
ahead = board["first 2"] - board["last 2"]
print(f"first 2 − last 2 in your race: {ahead:+.2f}; your guess: {usft.guesses().get('00.a', 'none')}")
usft.check_range(board["first 2"], 0.3, 0.85, "Dice of first 2")
usft.check_range(board["everything"], 0.4, 0.9, "Dice of everything")

# %% [markdown]
# ### Exercise 00.1 · Read your race
#
# Set two variables: `best`, the name of the best of the four strategies in your race, and `useful`, whether last 2 was
# better than the mean shape (`True` or `False`).

# %%
# BEGIN SOLUTION look at the numbers printed above
best = board.drop(["mean shape", "untouched"]).idxmax()
useful = bool(board["last 2"] > board["mean shape"])
# Why: a strategy must beat the others, and first of all a mask that needs no network.
# END SOLUTION

# %% tags=["reading"]
# @title Check 00.1
# BEGIN CHECK
four = board[["first 2", "last 2", "everything", "scratch"]]
usft.check(
    lambda: (str(best), bool(useful)),
    {
        "the best of four": ((), lambda r: r[0] in four and four[r[0]] == four.max(), "the highest Dice of the four."),
        "last 2 against the mean shape": (
            (),
            lambda r: r[1] == bool(board["mean shape"] < board["last 2"]),
            "compare two numbers of the table: last 2 and mean shape.",
        ),
    },
    exercise="00.1",
)
# END CHECK

# %%
# BEGIN WRONG "the highest Dice of the four"
best, useful = "untouched", True
# END WRONG
# BEGIN WRONG "last 2 and mean shape"
best, useful = board[["first 2", "last 2", "everything", "scratch"]].idxmax(), not board["last 2"] > board["mean shape"]
# END WRONG
# BEGIN RIGHT
best, useful = four.idxmax(), board["last 2"] - board["mean shape"] > 0
# END RIGHT

# %% [markdown]
# ## Would it happen again?
#
# That was one race. Another start, other images, and the order may change. The course has a **study** behind it:
# hundreds of trainings, whose results come with the library. Here are the same four strategies, each trained five
# times, on larger images and for longer. Before you run the cell: will the order be the same five times?

# %% tags=["fold", "study"]
# @title Draw five trainings of each strategy
# NBVAL_CHECK_OUTPUT
study, target = usft.results("schemes"), "sim-ultrasound"
scratch = usft.results("origins").where(statistics="kept")
seeds = study.seeds(target, ["first 2", "last 2", "everything"])
races = {name: [study.one(target, name, seed) for seed in seeds] for name in ("first 2", "last 2", "everything")}
races["scratch"] = [scratch.one(target, "everything", seed) for seed in seeds]
levels = {name: study.mean(target, name) for name in ("mean shape", "untouched")}
usft.plots.seeds_figure(races, levels, "Simulated breasts: five trainings of each strategy")
plt.show()
means = {name: sum(dice) / len(dice) for name, dice in races.items()}
print("mean Dice: " + ", ".join(f"{name} {mean:.2f}" for name, mean in means.items()))
numbers = (f"{name} {' '.join(f'{dice:.2f}' for dice in values)}" for name, values in races.items())
usft.alt(f"five lines, one for each training, in this order: {'; '.join(numbers)}.")

# %% [markdown]
# ### Exercise 00.2 · Read the study
#
# Set `first_ahead`: in how many of the five trainings was first 2 better than last 2? And `scratch_wins`: a list of the
# trainings (1 to 5) in which scratch was better than everything.

# %%
# BEGIN SOLUTION a whole number from 0 to 5, and a list, both read off the figure
first_ahead = sum(races["first 2"][k] > races["last 2"][k] for k in range(5))
scratch_wins = [k + 1 for k in range(5) if races["scratch"][k] > races["everything"][k]]
# Why: only trainings of the same seed saw the same images, so we compare them pair by pair.
# END SOLUTION

# %% tags=["reading"]
# @title Check 00.2
# BEGIN CHECK
won = sum(a > b for a, b in zip(races["first 2"], races["last 2"], strict=True))
pairs = zip(races["scratch"], races["everything"], strict=True)
rising = {number for number, (scratch_dice, full) in enumerate(pairs, start=1) if scratch_dice > full}
usft.check(
    lambda: (first_ahead, set(scratch_wins)),
    {
        "first 2 against last 2": ((), lambda r: r[0] == won, "count the lines that fall from first 2 to last 2."),
        "scratch against everything": ((), lambda r: r[1] == rising, "which lines rise from everything to scratch?"),
    },
    exercise="00.2",
)
# END CHECK

# %%
# BEGIN WRONG "from first 2 to last 2"
first_ahead, scratch_wins = 0, rising
# END WRONG
# BEGIN WRONG "which lines rise"
first_ahead, scratch_wins = won, [k + 1 for k in range(5) if races["scratch"][k] > means["everything"]]
# END WRONG
# BEGIN WRONG "which lines rise"
first_ahead, scratch_wins = won, [k for k in range(5) if races["scratch"][k] > races["everything"][k]]
# END WRONG
# BEGIN RIGHT
first_ahead, scratch_wins = float(won), sorted(rising, reverse=True)
# END RIGHT

# %% [markdown]
# Write one sentence: did the X-rays help, and what do you base it on? Then open the points.
#
# <details><summary>Three points to look for</summary>
#
# * The order of first 2 and last 2 was the same five times. That of everything and scratch was not.
# * Training everything was better still. Few layers are not an advantage by themselves.
# * From scratch was nearly as good as everything, and better than first 2. In your race it may have been behind: the
#   study trained three times as long, on larger images. So it is not clear that the X-rays helped. Lesson 12 asks when
#   they do.
# </details>
#
# ## Three sealed guesses
#
# Now for real ultrasound: heads of unborn children. The *contracting* half is `enc1` to `enc4`, the *expanding* half is
# `dec4` to `dec1` with the output layer (`head`). Your guesses stay sealed until later lessons.
#
# * **00.b** Forty images. Dice after training the contracting half minus Dice after training the expanding half?
#   (Opened in lesson 10.)
# * **00.c** Only ten images. Dice after training everything from X-ray weights minus Dice from scratch? (Opened in
#   lesson 12.)
# * **00.d** Many images. The contracting half trains until it is about as good as everything. Give its seconds divided
#   by the seconds of everything: 0.5 is half the time, 1 the same, 2 twice as long. (Opened in lesson 13.)

# %%
usft.guess("00.b", ...)  # Dice of contracting minus expanding, 40 heads
usft.guess("00.c", ...)  # Dice from X-ray weights minus from scratch, 10 heads
usft.guess("00.d", ...)  # seconds of contracting ÷ seconds of everything

# %% [markdown]
# ## Quiz
#
# Run each cell below, and choose an answer. The hidden code holds the answers, so open it later.

# %%
# @title Question 1
usft.Quiz("""
You train first 2 for 100 steps, then, from the same start, last 2 for 100 steps. Which takes more seconds?

- [ ] Last 2: it has more parameters.
  To change parameters is the smallest part of the work.
- [ ] Neither: both see the same images.
  The way forward is the same. The way back is not.
- [x] First 2.
  The gradient starts at the result and goes back to the first layer that learns. For first 2 it must cross the whole
  network, frozen layers too. Frozen does not mean free (lesson 13).
""")

# %%
# @title Question 2
usft.Quiz("""
In your race, one strategy was ahead by 0.03 in Dice. What do you report?

- [ ] It is better: 0.03 is more than nothing.
  Another training of the same strategy may differ by as much. Look at the spread of the five lines.
- [x] One training with 40 subjects: too little to say.
  We need to know how much the result changes with other trainings and other people. Lessons 03 and 08 show how.
- [ ] It is worse, because differences below 0.05 are always noise.
  No fixed number separates noise from a result. It depends on how many subjects and trainings there are.
""")

# %%
# @title Question 3
usft.Quiz("""
Before fine-tuning, the X-ray network is worse on ultrasound than one fixed mask. What follows?

- [x] Little: it looks for lungs, and there are none.
  The task changed, not only the look of the images. Its layers may still be a good start.
- [ ] Its layers are useless on ultrasound.
  Its *answer* is useless. In first 2, most layers stayed as X-rays had made them, and yet the Dice rose a lot.
- [ ] Its first layers are at fault.
  They may be. But one score of the whole network cannot say which layer is at fault.
""")

# %% [markdown]
# ## What this does not show
#
# * The images are simulated. Lesson 10 asks whether the result is the same on real people.
# * All four strategies used one learning rate here (lesson 03). The study chose one for each.
# * The network and all settings are *our reconstruction*. Those of the paper are not known to us.

# %% [markdown]
# ## Recap
#
# * Fine-tuning is a choice of layers.
# * Compare with the untouched network and one fixed mask, which cost nothing, and with training from scratch.
# * One race is one race.
#
# ## Try it alone
#
# Give the lab to yourself: `usft.FreezeLab(network, train.subset(40), val.subset(40))` shows all its controls. Find two
# groups that do better than first 2.

# %% [markdown]
# ## Further reading
#
# * Amiri, Brooks, Rivaz, "Fine-Tuning U-Net for Ultrasound Image Segmentation: Different Layers, Different Outcomes",
#   2020, [doi 10.1109/TUFFC.2020.3015081](https://doi.org/10.1109/TUFFC.2020.3015081).
# * Yosinski and others, "How transferable are features in deep neural networks?", 2014,
#   [arXiv 1411.1792](https://arxiv.org/abs/1411.1792): the same question for networks that name what they see.
