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
from copy import deepcopy
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from IPython.display import display

import usft_lib as usft
from usft_lib.freezing import named

usft.environment()

# %% tags=["parameters"]
PROFILE = os.environ.get("USFT_PROFILE", "quick")  # "full": larger images, longer
IMAGES = None  # your folders, such as "my/images" and "my/masks"; None: the example
MASKS = None
PERSON = r"(p\d+)_"  # what names the person in the name of a file
PROJECT = None  # a folder that you keep, such as "my/project"; None: a temporary one
NEW = None  # a folder of new images without masks; None: three simulated ones
SPACING_MM = None  # millimetres of one pixel of the new images, if you know it
SIZE, STEPS = (128, 300) if PROFILE == "full" else (64, 100)
LR = 3e-3  # learning rate, as in the earlier lessons

# %% [markdown]
# You have images of your own, perhaps forty, and somebody has outlined them. This is a project in two halves. In half
# **a** you find out whether the images are fit to learn from, and lock the test set away. There you may stop. In half
# **b** you train, choose, test once, and write a report that you can hand to your supervisor.
#
# Begin with the example folder of this lesson. Then come back with your own.
#
# <details><summary>Your own folder: what to change</summary>
#
# Set `IMAGES`, `MASKS`, `PERSON`, `PROJECT` and `NEW` above. Further below, say in `LEFT_OUT` which images you leave
# out. Skip exercise 16.1, which asks about the example. Report, network and masks are written into `PROJECT`.
#
# * Give whole paths, or paths from the folder of this notebook. If a mask has another name than its image, change
#   `mask_of` below.
# * `PERSON` must fit your names. `r"(p\d+)_"` means: the letter p, a number, an underscore; what is in the brackets
#   names the person. For files such as `anna-3.png` take `r"(.+)-"`.
# * Is the person in a table, such as `table = pandas.read_csv("people.csv")`? Then take
#   `PERSON = dict(zip(table["file"], table["person"])).get`.
# * Do not take the number of the *image* for the person: then each image counts as a new person, and scores look too
#   good.
#
# </details>

# %% [markdown]
# **Before you begin: whose images are these?** Images of patients are private, also without a name on them. Ask whoever
# is responsible before you copy them anywhere. Do not upload them to Colab or another service unless you know that you
# may. Names and dates are often burnt into the picture, or stored inside the file.
#
# ## Guess first
#
# We spoil the example folder in five ways: one mask is an outline, one is inverted, one picture is stored under two
# people, one picture is rotated, and one mask has no image.
#
# * **16.a** How many of the five does an automatic check find? (0 to 5)
# * **16.b** In half b, validation chooses one of four strategies. By how much Dice will it be ahead of training
#   everything, in the test? (A negative number if it is behind.)

# %%
usft.guess("16.a", ...)  # how many of the five faults are found
usft.guess("16.b", ...)  # Dice of the chosen one minus everything

# %% [markdown]
# ## Half a · Look and check

# %% tags=["fold"]
# @title Write an example folder with five faults in it
def spoiled(folder, people=36):
    """Two images of each person as PNG, with masks of the same name; five of the files are spoiled."""
    from PIL import Image

    drawn = usft.simulate_ultrasound(2 * people, size=128, seed=161, frames_per_subject=2, preset="breast")
    (folder / "images").mkdir()
    (folder / "masks").mkdir()

    def save(name, image, mask):
        for part, values in (("images", image * 255), ("masks", mask * 255)):
            Image.fromarray(values.to(torch.uint8).numpy()).save(folder / part / f"{name}.png")

    for k in range(len(drawn)):
        name, image, mask = f"p{k // 2 + 1}_{k % 2 + 1}", drawn.images[k, 0], drawn.masks[k, 0].float()
        if name == "p7_1":  # the outline instead of the area
            smaller = -torch.nn.functional.max_pool2d(-mask[None], 5, 1, 2)[0]
            mask = mask - smaller
        if name == "p12_2":
            mask = 1 - mask  # inverted
        if name == "p25_1":
            image = image.rot90()  # the picture, but not its mask
        save(name, image, mask)
    save("p40_1", drawn.images[39, 0], drawn.masks[39, 0].float())  # p20_2 once more, as another person
    (folder / "images" / "p30_2.png").unlink()  # a mask without its image


hints = {  # for exercise 16.1
    "p7_1.png": "one mask is a thin ring: only its border is drawn.",
    "p12_2.png": "one mask covers everything but the lesion.",
    "p25_1.png": "of one picture the outline does not follow the lesion: it is rotated.",
    "p30_2.png": "one mask has no image: name the mask.",
    "p40_1.png": "one picture is there twice, under two people: name the copy, of person 40.",
}
EXAMPLE = IMAGES is None
if EXAMPLE:
    example = Path(tempfile.mkdtemp())
    spoiled(example)
    IMAGES, MASKS = example / "images", example / "masks"

# %% [markdown]
# `usft.check_folder` reads all files and lists what may be wrong: *stop* is what cannot be used, *look* is what you
# should look at. It changes nothing.

# %%
checked = usft.check_folder(IMAGES, MASKS, size=SIZE, subject=PERSON)
faults = checked[checked["flag"] != ""]
for row in faults.itertuples():
    print(f"{row.flag}  {row.image}  {row.says}")

# %% tags=["fold", "real-image"]
# @title Draw the sheet: pictures with their masks, flagged ones first
usft.plots.folder_figure(checked, most=18)
plt.show()
usft.alt(f"{faults['image'].nunique()} files are flagged; their pictures come first, a person's images together.")

# %% [markdown]
# Look at the sheet for a minute; `most=` shows more of your own images. Does each outline follow its object? A check
# knows simple rules. It does not know what a lesion is. So it may flag an image that is as it should be, and miss one
# that is not.
#
# ### Exercise 16.1 · Find the five faults
#
# Set `faulty`: a set with the names of the five **files** of the example that should not be used as they are, such as
# `{"p1_1.png", …}`. Of the picture that is stored under two people, name the copy: people were numbered from 1 to 36.

# %%
# BEGIN SOLUTION the names of five files, read off the lines and the sheet above
faulty = {"p7_1.png", "p12_2.png", "p25_1.png", "p30_2.png", "p40_1.png"}
# Why: each of them would teach the network something wrong, or count a person twice.
# END SOLUTION

# %% tags=["reading"]
# @title Check 16.1
# BEGIN CHECK
usft.check(
    lambda: set(faulty),
    {
        **{f"fault {k}": ((), lambda r, name=name: name in r, hint) for k, (name, hint) in enumerate(hints.items(), 1)},
        "nothing else": ((), lambda r: len(r) == 5, "five files, no more: the others are as they should be."),
    },
    exercise="16.1",
)
# END CHECK

# %%
# BEGIN WRONG "a thin ring"
faulty = set()
# END WRONG
# BEGIN WRONG "it is rotated"
faulty = {"p7_1.png", "p12_2.png", "p30_2.png", "p40_1.png"}
# END WRONG
# BEGIN WRONG "name the copy"
faulty = {"p7_1.png", "p12_2.png", "p25_1.png", "p30_2.png", "p20_2.png"}
# END WRONG
# BEGIN WRONG "no more"
faulty = {*hints, "p20_2.png"}
# END WRONG
# BEGIN RIGHT
faulty = list(hints)
# END RIGHT
# BEGIN RIGHT
faulty = frozenset(hints)
# END RIGHT
# BEGIN RIGHT
faulty = tuple(reversed(list(hints)))
# END RIGHT

# %% tags=["fold"]
# @title How many of the five did the check find?
if EXAMPLE:
    by_check = [name for name in hints if name in set(faults["image"])]
    print(f"in the example: {len(by_check)} of 5; your guess: {usft.guesses().get('16.a', 'none')}")
    print("not found by the check:", ", ".join(sorted(set(hints) - set(by_check))) or "none")
    print("flagged, but as it should be:", ", ".join(sorted(set(faults["image"]) - set(hints))) or "none")

# %% [markdown]
# ## Half a · Who is who
#
# Scores must be about new **people**, so each file needs its person (lesson 01). Often the name of the file tells.
#
# ### Exercise 16.2 · The rule that names people
#
# Write `person(file)`: the person on an image, as text, from a file name such as `p12_1.png`: the letter p and a
# number, an underscore, the number of the image.
#
# <details><summary>Hint 1</summary>
#
# How many digits does a number have? Do not count letters from the left.
# </details>
# <details><summary>Hint 2</summary>
#
# `"p12_1.png".split("_")` is a list of two.
# </details>

# %%
def person(file):
    """The person on an image, from the name of its file."""
    # BEGIN SOLUTION what is in front of the underscore
    return file.split("_")[0]
    # Why: two images of one person must have one name, and two people must have two.
    # END SOLUTION


# %%
# @title Check 16.2
# BEGIN CHECK
rule = person


def people_of(*files):
    return [rule(file) for file in files]


usft.check(
    people_of,
    {
        "one person, two images": (("p3_1.png", "p3_2.png"), lambda r: r[0] == r[1], "both images are of person p3."),
        "p1 and p2": (("p1_1.png", "p2_1.png"), lambda r: r[0] != r[1], "these are two people."),
        "p1 and p12": (("p1_1.png", "p12_1.png"), lambda r: r[0] != r[1], "p12 is not p1: take the whole number."),
        "p11 and p1": (("p1_12.png", "p11_2.png"), lambda r: r[0] != r[1], "the number of the image is no part of it."),
        "another ending": (("p3_1.png", "p3_1.jpg"), lambda r: r[0] == r[1], "the ending of the file does not matter."),
        "a name": (("p3_1.png",), lambda r: isinstance(r[0], str) and r[0] != "", "return text, and not an empty one."),
    },
    exercise="16.2",
)
# END CHECK

# %%
# BEGIN WRONG "both images are of person p3"
def person(file):
    return file.split(".")[0]
# END WRONG
# BEGIN WRONG "p12 is not p1"
def person(file):
    return file[:2]
# END WRONG
# BEGIN WRONG "these are two people"
def person(file):
    return file[0]
# END WRONG
# BEGIN WRONG "is no part of it"
def person(file):
    return Path(file).stem.replace("_", "")[:-1]
# END WRONG
# BEGIN WRONG "return text"
def person(file):
    return int(file.split("_")[0][1:])
# END WRONG
# BEGIN RIGHT
def person(file):
    import re

    return re.match(r"(p\d+)_", file)[1]
# END RIGHT
# BEGIN RIGHT
def person(file):
    return file[: file.index("_")].upper()
# END RIGHT
# BEGIN RIGHT
def person(file):
    return Path(file).stem.rpartition("_")[0]
# END RIGHT

# %% [markdown]
# The library takes such a function, or a pattern with one pair of brackets, as `PERSON` above. What a rule cannot see:
# one person who was registered twice. The check looks for equal pictures of different people.
#
# ## Half a · Load, split and seal
#
# Repair what you can in the files themselves. Here we leave the faulty ones out. `pair=` takes a function that names
# the mask of each image; `None` leaves the image out. In the example both have the same name. (If your masks are called
# `scan7_mask.png`, return `Path(file).stem + "_mask.png"`.) The mask without an image needs no line: nothing asks for
# it.

# %%
LEFT_OUT = {"p7_1.png", "p12_2.png", "p25_1.png", "p40_1.png"}  # yours, after the check


def mask_of(file):
    return None if file in LEFT_OUT else file


data = usft.load_folder(IMAGES, MASKS, size=SIZE, subject=PERSON, pair=mask_of)
train, val, test = data.split(0.4, 0.3, 0.3, seed=0)
for name, part in {"train": train, "validation": val, "test": test}.items():
    print(f"{name:11s}{len(part):3d} images of {len(set(part.subjects)):2d} people")

# %% [markdown]
# Each person's side follows from the name (lesson 01). So with few people the parts can differ a lot from what was
# asked: here the test set has the most.
#
# From now on the **test set** is sealed. `usft.seal` computes a short code from the test images and writes it into a
# file. If an image changes, the code no longer fits. The file also counts how often the test was opened. It cannot stop
# you. It keeps an honest person honest: a test set that was looked at ten times is a validation set.

# %%
project = Path(PROJECT or tempfile.mkdtemp())
project.mkdir(exist_ok=True)
sealed = usft.seal(test, project / "seal.json")

# %% [markdown]
# <details><summary>What if there are few people?</summary>
#
# With ten people, a test set of three decides nothing. Then every person should be tested once. Deal the people into
# five groups (**folds**). Train five times, each time without one fold, and test on that fold. This is
# **cross-validation** by person. Put the five tables together: each person is in exactly one.
#
# ```python
# people = sorted(set(data.subjects))
# for fold in range(5):
#     away = set(people[fold::5])
#     rest = data[[k for k, who in enumerate(data.subjects) if who not in away]]
#     left_out = data[[k for k, who in enumerate(data.subjects) if who in away]]
#     # train on rest, evaluate on left_out, keep the table
# ```
#
# Nothing is left over to choose by, so fix the strategy and the number of steps beforehand. If you choose by these
# scores, they become validation scores. `usft.report` takes the five tables without `splits`.
# </details>
#
# **Here you may stop.**
#
# ## Half b · Baselines, and a choice on validation images
#
# Three baselines must be there, or nobody can judge your result: the **mean shape**, a network from **scratch**, and
# training **everything**. Beside them we try two other strategies: *first 4* trains `enc1` to `enc4`, and *outer 2* the
# two levels near the image on both sides of the U. If you try other learning rates, choose them on validation images,
# too.

# %% tags=["train"]
source = usft.pretrained("xray-simulated")
candidates = ["everything", "first 4", "outer 2", "scratch"]


def trained(name, seed):
    """The network of a strategy after training, and its history."""
    torch.manual_seed(seed)
    start = usft.UNet(width=16, depth=4) if name == "scratch" else deepcopy(source)
    if name != "scratch":
        usft.train_only(start, named(start, name))
    every = STEPS // 4
    history = usft.fit(
        start, train, val, steps=STEPS, lr=LR, seed=seed,
        validate_every=every, progress=False,
    )
    return start, history


# %% tags=["train"]
on_val = {}
for name in candidates:
    model, _ = trained(name, seed=0)
    on_val[name] = usft.summarise(usft.evaluate(model, val))["dice"]
    print(f"{name:12s}{on_val[name]:.3f} on validation images")
shape = usft.summarise(usft.score(usft.mean_shape(train), val))["dice"]
print(f"mean shape  {shape:.3f}")
chosen = max(on_val, key=on_val.get)
if EXAMPLE:
    usft.check_range(max(on_val.values()), 0.3, 0.95, "Dice of the best")

# %% [markdown]
# The best of four is partly lucky: it was chosen for being high. So we train it again, with three seeds, beside the
# baselines.

# %% tags=["train"]
final = [chosen, *(name for name in ("everything", "scratch") if name != chosen)]
models, histories = {}, {}
for name in final:
    runs = [trained(name, seed) for seed in (1, 2, 3)]
    models[name] = [model for model, _ in runs]
    histories[name] = [history for _, history in runs]
print("trained three times each:", ", ".join(final))

# %% [markdown]
# ## Half b · Open the test, once
#
# ### Exercise 16.3 · A sentence that the numbers can support
#
# Before you open it, write `sentence(mean, low, high, people)`. It gets the difference of two strategies, its 95 %
# interval, and the number of people in the test. It returns one of these answers:
#
# * `"too few"` if fewer than 6 people were tested. (With two equally good networks, chance alone makes all five people
#   prefer the same one in 6 of 100 tests.)
# * `"better"` if the whole interval is above 0, and the mean is at least 0.02;
# * `"worse"` if the whole interval is below 0, and the mean is at most −0.02;
# * `"as good"` if the whole interval lies between −0.02 and 0.02;
# * `"undecided"` in all other cases.
#
# <details><summary>Hint 1</summary>
#
# Ask about the number of people first. Then the order of the questions does not matter any more.
# </details>
# <details><summary>Hint 2</summary>
#
# "The whole interval is above 0" is a question about `low` alone.
# </details>

# %%
def sentence(mean, low, high, people):
    """One of "too few", "better", "worse", "as good" and "undecided"."""
    # BEGIN SOLUTION ask for people, then for the interval
    if people < 6:
        return "too few"
    if low > 0 and mean >= 0.02:
        return "better"
    if high < 0 and mean <= -0.02:
        return "worse"
    if -0.02 < low and high < 0.02:
        return "as good"
    return "undecided"
    # Why: with few people, chance alone often makes one strategy win everywhere.
    # END SOLUTION


# %%
# @title Check 16.3
# BEGIN CHECK
usft.check(
    sentence,
    {
        "clear": ((0.05, 0.02, 0.08, 20), "better", "the interval is above 0, the mean is above 0.02, 20 people."),
        "clear, of five": ((0.05, 0.04, 0.06, 5), "too few", "five people show nothing, even with a narrow interval."),
        "six": ((0.05, 0.04, 0.06, 6), "better", "six people are enough for this rule."),
        "includes 0": ((0.03, -0.01, 0.07, 20), "undecided", "the interval includes 0: it may be luck."),
        "small, but sure": ((0.01, 0.005, 0.015, 200), "as good", "it is above 0, but too small to matter."),
        "small, not sure": ((0.01, 0.002, 0.03, 20), "undecided", "the mean is below 0.02, the interval is not."),
        "narrow around 0": ((0.0, -0.01, 0.01, 50), "as good", "all of it is smaller than 0.02."),
        "wide around 0": ((0.0, -0.1, 0.1, 50), "undecided", "a wide interval does not show that two are equal."),
        "worse": ((-0.05, -0.08, -0.02, 20), "worse", "the whole interval is below 0, the mean is below −0.02."),
        "a little worse": ((-0.01, -0.03, -0.002, 20), "undecided", "a mean above −0.02 is not yet \"worse\"."),
        "worse, perhaps": ((-0.03, -0.07, 0.01, 20), "undecided", "this interval includes 0 as well."),
    },
    exercise="16.3",
)
# END CHECK

# %%
# BEGIN WRONG "five people show nothing"
def sentence(mean, low, high, people):
    if low > 0 and mean >= 0.02:
        return "better"
    return "as good" if -0.02 < low and high < 0.02 else "undecided"
# END WRONG
# BEGIN WRONG "the whole interval is below 0"
def sentence(mean, low, high, people):
    if people < 6:
        return "too few"
    if low > 0 and mean >= 0.02:
        return "better"
    return "as good" if -0.02 < low and high < 0.02 else "undecided"
# END WRONG
# BEGIN WRONG "it may be luck"
def sentence(mean, low, high, people):
    if people < 6:
        return "too few"
    if mean >= 0.02:
        return "better"
    return "as good" if -0.02 < low and high < 0.02 else "undecided"
# END WRONG
# BEGIN WRONG "too small to matter"
def sentence(mean, low, high, people):
    if people < 6:
        return "too few"
    if low > 0:
        return "better"
    return "as good" if -0.02 < low and high < 0.02 else "undecided"
# END WRONG
# BEGIN WRONG "does not show that two are equal"
def sentence(mean, low, high, people):
    if people < 6:
        return "too few"
    if low > 0 and mean >= 0.02:
        return "better"
    if low > 0 and high >= 0.02 or high < 0 or mean >= 0.02:
        return "undecided"
    return "as good"
# END WRONG
# BEGIN WRONG "six people are enough"
def sentence(mean, low, high, people):
    if people <= 6:
        return "too few"
    if low > 0 and mean >= 0.02:
        return "better"
    return "as good" if -0.02 < low and high < 0.02 else "undecided"
# END WRONG
# BEGIN RIGHT
def sentence(mean, low, high, people):
    words = {"too few": people < 6, "better": low > 0 and mean >= 0.02, "worse": high < 0 and mean <= -0.02,
             "as good": max(-low, high) < 0.02}  # fmt: skip
    return next((word for word, holds in words.items() if holds), "undecided")
# END RIGHT
# BEGIN RIGHT
def sentence(mean, low, high, people):
    if people > 5:
        if min(low, mean - 0.0199999) > 0:
            return "better"
        if max(high, mean + 0.0199999) < 0:
            return "worse"
        if abs(low) < 0.02 and abs(high) < 0.02:
            return "as good"
        return "undecided"
    return "too few"
# END RIGHT
# BEGIN RIGHT
def sentence(mean, low, high, people):
    answer = "undecided"
    if low > -0.02 and high < 0.02:
        answer = "as good"
    if low > 0 and not mean < 0.02:
        answer = "better"
    elif high < 0 and not mean > -0.02:
        answer = "worse"
    return "too few" if people < 6 else answer
# END RIGHT

# %% [markdown]
# Now open the seal. This is counted.

# %% tags=["train"]
test = sealed.open()
tables = {}
for name in final:
    tables[name] = [usft.evaluate(model, test) for model in models[name]]
tables["mean shape"] = [usft.score(usft.mean_shape(train), test)]

# %% tags=["train", "fold"]
# @title Print the scores and the differences
for name, each in tables.items():
    mean, low, high = usft.seed_mean(each)
    print(f"{name:12s}{mean:.3f} ({low:.3f} to {high:.3f})")
for name in final[1:]:
    mean, low, high = usft.seed_difference(tables[chosen], tables[name])
    before = on_val[chosen] - on_val[name]
    print(f"{chosen} − {name}: {mean:+.3f} ({low:+.3f} to {high:+.3f}), on validation {before:+.3f}")
if chosen == "everything":
    print("validation chose everything, so the answer to 16.b is 0")
print("your guess (16.b):", usft.guesses().get("16.b", "none"))
if EXAMPLE:
    usft.check_range(usft.seed_mean(tables[chosen])[0], 0.3, 0.95, "Dice of the chosen strategy")

# %% [markdown]
# And in words, by your own rule:

# %% tags=["train"]
for name in final[1:]:
    difference = usft.seed_difference(tables[chosen], tables[name])
    word = sentence(*difference, people=len(set(test.subjects)))
    print(f"{chosen} against {name}: {word}")

# %% [markdown]
# Whatever came out: this is the result. You report the strategy that validation chose, even where the test prefers
# another one. If you now change something and test again, you have chosen by the test set.
#
# <details><summary>What if the test says something else than validation?</summary>
#
# This happens easily with few people and one training of each. The strategy with the highest validation score was
# partly lucky, so it may be behind in the test. And all scores may be lower, because these are other people. Report
# both numbers. To choose better next time, train each candidate with several seeds, or choose on more people.
# </details>
#
# ## Half b · The report
#
# One page with all that a reader must know: the data, the people, the seal, the curves, the baselines, intervals,
# failures, and what so many people cannot show. Pictures are left out unless you ask for them (`images=True`), because
# patients may be on them. But failures are listed by file and person.

# %% tags=["train"]
baselines = {name: each for name, each in tables.items() if name != chosen}
page = usft.report(
    project / "report.html",
    data=data,
    splits=(train, val, test),
    tables={chosen: tables[chosen]},
    baselines=baselines,
    chosen=chosen,
    histories=histories,
    seal=sealed,
)

# %% [markdown]
# `print(page)` says where the file is. Open it in your browser, and print it there to make a PDF. (In Colab, find it in
# the panel *Files* on the left, and download it.)
#
# ## Half b · Use it on new images
#
# These are images without a mask, of any size. Each mask comes at the size of its image, with a table: area, number of
# pieces, and a flag. The flag says where the network is unsure (the mean probability inside the mask is below 0.85), or
# where the image is unlike those that it was trained on. Look at these images first. (`print(masks)` says where the
# masks are.)

# %% tags=["fold"]
# @title Write three new images of another size, to try it out
from PIL import Image  # noqa: E402 (only here)

if NEW is None:
    NEW = Path(tempfile.mkdtemp())
    more = usft.simulate_ultrasound(3, size=160, seed=162, preset="breast")
    for k in range(3):
        picture = Image.fromarray((more.images[k, 0] * 255).to(torch.uint8).numpy())
        picture.resize((320, 320)).crop((0, 20, 320, 300)).save(NEW / f"scan{k}.png")

# %% tags=["train"]
best = models[chosen][0]
usft.save_model(best, project / "network.safetensors", card={"data": data.name})
masks = project / "masks"  # a new network wants a new folder
found = usft.segment_folder(best, NEW, masks, spacing_mm=SPACING_MM)
print(found[["image", "width", "height", "area_px", "pieces", "flag"]].to_string())

# %% tags=["train", "fold", "real-image"]
# @title Draw one overlay
overlay = Image.open(sorted((masks / "overlays").iterdir())[0])
display(overlay.resize((overlay.width, overlay.height)))
usft.alt("the outline of the network on a new image, at the image's own size.")

# %% [markdown]
# Lesson 00 began with two questions: *How big is this head? Is this lump solid?* Now you can measure an area in an
# image that nobody outlined (with `SPACING_MM`, in mm²), and you know which masks to look at first. The second question
# has no answer here: a mask says where the lump is, not what it is.
#
# ## Quiz

# %%
# @title Question 1
usft.Quiz("""
After the test you find a better learning rate, and it improves the test score. What do you report?

- [ ] The better score.
  It was chosen on the test set, so it is partly luck.
- [x] The first score. The new rate needs new people.
  Or report both, and say in which order you did it. The seal counts the openings.
- [ ] The mean of both.
  A mean of an honest and a lucky number is still lucky.
""")

# %%
# @title Question 2
usft.Quiz("""
You have 200 images of 5 people. What can you show?

- [ ] With 200 images, differences of 0.02.
  Images of one person are alike. You have five observations.
- [x] How the network does on these five people, by cross-validation.
  A difference between strategies cannot be shown with five people. Collect people, not images.
- [ ] Nothing at all.
  A clear failure shows even on five people.
""")

# %%
# @title Question 3
usft.Quiz("""
A strategy is ahead in all three of its trainings, on the same 12 test people. Why is an interval over people still
needed? (From lesson 08.)

- [ ] It is not: all three agree.
  They agree about these twelve people.
- [x] Other people may say something else.
  Trainings and people are two sources of chance. The interval covers both.
- [ ] Three trainings are too few.
  More trainings help, but they share the twelve people.
""")

# %% [markdown]
# ## What this does not show
#
# * **Other hospitals.** Test people came from the same folder as the training people.
# * **Use on patients.** A network that was tested on a few people is not a medical device.
# * **That the masks are right.** All scores compare with the people who drew them.

# %% [markdown]
# ## Recap
#
# * Look at every image before you train.
# * People first: name them, split by them, count them.
# * Choose on validation images. Open the test once. Report baselines, intervals and failures.
#
# ## Try it alone
#
# Spoil the example folder in a way of your own. Does the check find it?

# %% [markdown]
# ## Further reading
#
# * Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science", 2023,
#   [doi 10.1016/j.patter.2023.100804](https://doi.org/10.1016/j.patter.2023.100804).
# * Mongan, Moy and Kahn, "Checklist for artificial intelligence in medical imaging (CLAIM)", 2020,
#   [doi 10.1148/ryai.2020200029](https://doi.org/10.1148/ryai.2020200029): what a report should say.
