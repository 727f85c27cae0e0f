"""Weights and paused runs on disk, as safetensors: plain numbers, no code, whoever made the file (lesson 03).

A weights file carries its card within: what the network is, what it was trained on, and how well it did.
"""

import hashlib
import json
import os
from contextlib import suppress
from copy import deepcopy
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from .adapters import low_rank, merge
from .errors import BadInput, check_name, shown
from .unet import UNet

WEIGHTS = Path(__file__).parent / "weights"


def save_model(model: UNet, path: str | Path, card: dict | None = None, half: bool = False) -> Path:
    """Write weights and card to ``path`` (``….safetensors``) and return it (lesson 03).

    With LoRA, the merged weights are written, so a plain network is loaded later; ``model`` keeps LoRA. Which groups
    are frozen is not written.

    Args:
        card: what a reader should know (data, licence, steps, seed, Dice …), added to what the model's own card says.
        half: keep the convolutions' weights in 16 bits, which halves the file and moves the Dice by less than 0.001.
    """
    model = merge(deepcopy(model)) if low_rank(model) else model
    tensors = {
        name: (t.half() if half and t.ndim == 4 else t).detach().cpu().contiguous()
        for name, t in model.state_dict().items()
    }
    _check_finite(tensors, "This network")
    known = {"width": model.width, "depth": model.depth, "in_channels": model.in_channels}
    try:
        card = {**model.card, **(card or {}), **known}
        text = json.dumps(card, default=float)  # numbers of NumPy and PyTorch become plain ones
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"The card must contain only texts, numbers and lists ({error}).") from None
    return _write(tensors, {"card": text}, path)


def load_model(path: str | Path) -> UNet:
    """Read a U-Net with its card (``model.card``) from a file that `save_model` wrote; no group is frozen (lesson 03).

    Raises:
        BadInput: there is no such file, it is not safetensors (but a pickle, for example), or has another architecture.
    """
    tensors, metadata = _read(path)
    try:
        card = json.loads(metadata["card"])
        whom = card.get("subjects", {}).values()
        with torch.device("meta"):  # shapes alone: a wrong card must not make us allocate
            model = UNet(card["width"], card["depth"], card["in_channels"])
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError):  # too deep, or too large, is a RuntimeError
        whom = [None]
    if not all(isinstance(names, list) for names in whom):
        raise BadInput(
            f"{path} has no card of this course, so its architecture is unknown: write weights with usft.save_model."
        )
    expected = {name: t.shape for name, t in model.state_dict().items()}
    found = {name: t.shape for name, t in tensors.items()}
    if expected != found:
        odd = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise BadInput(
            f"{path} has weights of another architecture than its card's U-Net (width {model.width}, depth "
            f"{model.depth}): {len(odd)} tensors differ, such as {odd[0]}."
        )
    _check_finite(tensors, path)
    model = UNet(model.width, model.depth, model.in_channels)
    model.load_state_dict(tensors)  # 16-bit weights become float32 here
    model.card = card
    return model


def _check_finite(tensors: dict[str, Tensor], what: str | Path) -> None:
    bad = [name for name, t in tensors.items() if not t.isfinite().all()]
    if bad:
        raise BadInput(f"{what} contains NaN or infinite weights, as in {bad[0]}: train again with a smaller lr.")


def pretrained(name: str = "xray") -> UNet:
    """A U-Net whose weights come with the course (lesson 03): ``"xray"`` (Montgomery) or ``"xray-simulated"``.

    ``model.card`` tells what it was trained on; ``data_scripts/pretrain.py`` makes it again.
    """
    check_name("set of pretrained weights", name, sorted(p.stem for p in WEIGHTS.glob("*.safetensors")))
    return load_model(WEIGHTS / f"{name}.safetensors")


def fingerprint(model: UNet) -> str:
    """12 hexadecimal digits of the weights and statistics: the same only where all of them are (lesson 08)."""
    found = hashlib.sha256()
    for name, t in sorted(model.state_dict().items()):
        found.update(name.encode() + t.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:12]


def save_state(state: dict[str, Tensor | str], path: str | Path) -> Path:
    """Write a paused run, ``Training.state()``, to ``path`` (lesson 04)."""
    tensors = {name: t.contiguous() for name, t in state.items() if isinstance(t, Tensor)}
    return _write(tensors, {"json": state["json"]}, path)


def load_state(path: str | Path) -> dict[str, Tensor | str]:
    """Read a paused run for ``Training.restore`` (lesson 04)."""
    tensors, metadata = _read(path)
    if "json" not in metadata:
        raise BadInput(f"{path} is not a paused run: write one with usft.save_state(run.state(), path).")
    return {**tensors, "json": metadata["json"]}


def pack(model: UNet, parameters: dict[str, Tensor], optimiser, scaler, rest: dict) -> dict[str, Tensor | str]:
    """The state of a training as a flat dict of tensors and one text; ``rest``: plain values (lesson 04)."""
    tensors = {f"model/{name}": t.detach().cpu().clone() for name, t in model.state_dict().items()}
    for name, parameter in parameters.items():
        for key, value in optimiser.state[parameter].items():
            tensors[f"optimiser/{key}/{name}"] = value.detach().cpu().clone()
    return {**tensors, "json": json.dumps({**rest, "scaler": scaler.state_dict()})}


def unpack(
    state: dict[str, Tensor | str], model: UNet, parameters: dict[str, Tensor], optimiser, scaler, settings: dict
) -> dict:
    """Put the tensors of ``state`` back into model, optimiser and scaler; returns the plain values (lesson 04).

    Raises:
        BadInput: the state belongs to a run with other settings; nothing is changed then.
    """
    if "json" not in state:
        raise BadInput("This is not the state of a Training: take one with run.state().")
    saved = json.loads(state["json"])
    was = saved["history"]["settings"]
    # Threads and versions may differ: the run goes on, only not bit for bit.
    differ = [k for k in settings if was.get(k) != settings[k] and k not in ("threads", "torch", "device")]
    if differ:
        told = ", ".join(f"{key} was {was.get(key)!r} and is {settings[key]!r}" for key in differ)
        raise BadInput(f"This state is of another run: {told}.")
    own = model.state_dict()
    kept = {name: state.get(f"model/{name}") for name in own}
    if any(t is None or t.shape != own[name].shape for name, t in kept.items()):
        raise BadInput("This state is of a U-Net of another size: build the model with the same width and depth.")
    optimiser.state.clear()  # a run that was saved before its first step has no moments
    with torch.no_grad():
        for name, t in own.items():
            t.copy_(kept[name])
    for name, parameter in parameters.items():
        for key in ("step", "exp_avg", "exp_avg_sq"):
            value = state.get(f"optimiser/{key}/{name}")
            if value is not None:
                place = torch.zeros_like(parameter) if value.ndim else torch.zeros((), device=parameter.device)
                optimiser.state[parameter][key] = place.copy_(value)
    if saved["scaler"]:
        scaler.load_state_dict(saved["scaler"])
    return saved


def _write(tensors: dict[str, Tensor], metadata: dict[str, str], path: str | Path) -> Path:
    path = Path(path)
    if path.suffix != ".safetensors":
        raise BadInput(f"{path.name}: give the file a name that ends in .safetensors.")
    # Under another name first: whoever looks sees the old file or the new one, never half of one.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, temporary, metadata)
        temporary.chmod(0o644)  # safetensors writes for the owner alone; a class shares its files
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{path} could not be written ({error}): free some space or choose another folder.") from None
    finally:
        with suppress(OSError):  # a folder that cannot be written to holds nothing to remove
            temporary.unlink(missing_ok=True)
    return path


def _read(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not isinstance(path, str | Path):
        raise BadInput(f"A model is read from a file: give its name, not {shown(path)}.")
    path = Path(path)
    if not path.is_file():
        raise BadInput(f"There is no file {path}: check the name, or train and save a model first.")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}
    except (SafetensorError, OSError):
        with path.open("rb") as file:
            start = file.read(4)
        if start == b"PK\x03\x04" or start[:1] == b"\x80":
            raise BadInput(
                f"{path} looks like a pickle, as torch.save writes it; loading one can run any code in it, so only "
                "safetensors are read here: ask its author for safetensors."
            ) from None
        raise BadInput(f"{path} is not a complete safetensors file: fetch or write it again.") from None
