"""Where a study's weights come from: pretrained once a source and seed, kept in the data folder (lessons 08, 11).

A pretraining a source and seed, so that a strategy's spread over seeds holds the spread over sources, too.
"""

from contextlib import suppress

import torch

from ..checkpoints import load_model, save_model
from ..errors import BadInput
from ..simulate import shifted_speckle, simulate_radiographs
from ..sources import load
from ..sources.cache import locked
from ..training import fit
from ..unet import UNet

STEPS, LR = 500, 3e-3
_IMAGES = {
    "xray": lambda size: load("montgomery", size=size, large=True),
    "natural": lambda size: load("horses", size=size, large=True),
    "home": lambda size: shifted_speckle(400, size=size, seed=7013, shift=0),  # what both shifts of claim 11 start from
    "xray-simulated": lambda size: simulate_radiographs(600, size=size, seed=0),
}


def names() -> list[str]:
    return ["scratch", *_IMAGES]


def pretrained_source(source: str, seed: int, size: int = 128) -> UNet:
    """A U-Net as a strategy finds it: pretrained on ``source`` with ``seed``, or not at all (``"scratch"``).

    Pretraining happens when it is first asked for, on all images of the source at this size, and is kept in
    ``USFT_DATA``; whoever asks at the same time waits.

    Raises:
        BadInput: there is no such source, or its name holds a wrong number of steps.
        DataUnavailable: its images cannot be had.
    """
    # "xray@100": fewer steps, for a quick slice and for tests; part of the name, so of every result's record.
    name, sign, fewer = source.partition("@")
    if name not in names() or (sign and not fewer.isdigit()):
        raise BadInput(f"There is no source {source!r}: take one of {', '.join(names())}, or {names()[1]}@100.")
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers go on as they were
        torch.manual_seed(seed)
        model = UNet()
    if name == "scratch":
        return model
    with locked(f"origins/{source}-{size}-{seed}") as folder:
        path = folder / "weights.safetensors"
        with suppress(BadInput):  # there are none yet, or a power cut left half of them
            return load_model(path)
        data = _IMAGES[name](size)
        history = fit(model, data, steps=int(fewer or STEPS), lr=LR, seed=seed, progress=False)
        settings = {key: str(history.settings[key]) for key in ("steps", "lr", "seed", "precision", "threads")}
        save_model(model, path, {"data": data.provenance, **settings})
    return load_model(path)
