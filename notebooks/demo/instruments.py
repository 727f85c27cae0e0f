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

# %% [markdown]
# # The course's instruments
#
# No lesson: each instrument with all that it can do, to try it out or to show it. Open this file as a notebook
# (JupyterLab: right click, *Open With*, *Notebook*; this needs `jupytext`), or copy its cells.

# %%
from IPython.display import display

import usft_lib as usft

STEPS = 100
network = usft.pretrained("xray-simulated")
people = usft.simulate_ultrasound(120, size=96, seed=0, preset="breast")
train, val, test = people.split(0.5, 0.3, 0.2, seed=0)

# %% [markdown]
# ## The freezing lab
#
# Click groups, guess, fine-tune; add strategies to a race; repeat one with 3 seeds; compare two lines of it; point
# at a group to see what it sees; colour the blocks by what changed.

# %%
task = usft.Task(
    "Train two strategies with 3 seeds each.",
    done=lambda scores: (scores["seeds"].fillna(0) >= 3).sum() >= 2,
)
lab = usft.FreezeLab(network, train, val, test, n=30, steps=STEPS, lr=3e-3, tasks=[task])
display(lab)

# %% [markdown]
# All of it by code:

# %%
lab.run("first 2", guess=0.5, seeds=2)
lab.run("last 2", seeds=2)
print(lab.scores[["run", "strategy", "dice", "low", "high", "seeds", "difference", "word"]].round(3).to_string())
first, last = (int(lab.scores.set_index("strategy").loc[name, "run"]) for name in ("first 2", "last 2"))
print(lab.lab.compare(first, last)["word"])
print({group: round(change, 3) for group, change in lab.lab.changes(first).items()})

# %% [markdown]
# Four strategies, a guess for each, and their race (lesson 00):

# %%
display(usft.FreezeLab(network, train, val, controls="presets", n=30, steps=STEPS, lr=3e-3))

# %% [markdown]
# In plain buttons, where the lab does not show:

# %%
display(usft.freeze_panel(lab=lab.lab))

# %% [markdown]
# ## The results explorer
#
# The study at a click. With `guess=True` a view opens after a guess.

# %%
explorer = usft.ResultsExplorer("hc18", guess=True)
display(explorer)

# %%
print(usft.explorer_table("pair", "hc18", a="first 4", b="last 4").round(3).to_string())

# %% [markdown]
# ## The speckle bench

# %%
faint = usft.Task("Make the gCNR fall below 0.3.", done=lambda seen: (seen["gcnr"] < 0.3).any())
bench = usft.SpeckleBench(tasks=[faint])
display(bench)

# %%
bench.settings = {"contrast_db": -3}
print(bench.seen[["contrast_db", "gcnr"]].round(2).to_string())
print(faint)
