"""Make the pretrained weights that come with the course again: `python data_scripts/pretrain.py xray` (lesson 03).

Writes usft_lib/weights/NAME.safetensors and NAME.md, its card. ``xray`` needs the Montgomery chest X-rays (USFT_MIRROR,
or --large for the download); the simulated ones need nothing, and their cards tell how they do on real images, without
any fine-tuning, if those are at hand.
"""

import argparse
import platform
from dataclasses import replace

import torch

import usft_lib as usft
from usft_lib.checkpoints import WEIGHTS
from usft_lib.sources.catalogue import SOURCES

SIZE, STEPS, LR = 128, 1200, 3e-3
TITLES = {
    "xray": "U-Net pretrained on chest X-rays",
    "xray-simulated": "U-Net pretrained on simulated chest X-rays",
    "ultrasound-simulated": "U-Net trained on simulated ultrasound",
}
OURS = "made by this project: CC BY 4.0"
# Real sets that simulated weights are scored on, never having seen one image of them.
REAL = {"xray-simulated": ("montgomery", "shenzhen"), "ultrasound-simulated": ("busi", "hc18")}

LIMITS = "for teaching, never for diagnosis; convolution weights are kept in 16 bits"
FURTHER = {  # what was measured elsewhere, on a set that this script does not load
    "xray": "on a third set of chest X-rays it scored 0.80, hardly more than a mean shape (0.78): "
    "score it on images of your own before you use it"
}


def images_for(name: str, large: bool) -> tuple[usft.SegmentationData, str]:
    """The images to pretrain on, and their licence."""
    if name == "xray":
        return usft.load("montgomery", size=SIZE, large=large), SOURCES["montgomery"].licence
    if name == "xray-simulated":
        return usft.simulate_radiographs(600, size=SIZE, seed=0), OURS
    return simulated_scans(), OURS


def simulated_scans() -> usft.SegmentationData:
    """Lesions in all kinds of scans, and fetal heads: 1200 subjects, with a seed and so with names of each kind."""
    kinds = (("varied", 500, 10), ("breast", 300, 11), ("fetal_head", 400, 12))
    sets = [usft.simulate_ultrasound(n, size=SIZE, seed=seed, preset=preset) for preset, n, seed in kinds]
    return replace(
        sets[0],
        images=torch.cat([s.images for s in sets]),
        masks=torch.cat([s.masks for s in sets]),
        spacing_mm=torch.cat([s.spacing_mm for s in sets]),
        **{part: [item for s in sets for item in getattr(s, part)] for part in ("subjects", "ids", "labels")},
        provenance="simulated: " + ", ".join(f"{n} {preset} (seed {seed})" for preset, n, seed in kinds),
    )


def on_real_images(name: str, model: usft.UNet) -> dict[str, str]:
    """What the card says of real images, a line per set: Dice without fine-tuning, beside a mask that never looks."""
    told = {}
    for real in REAL.get(name, ()):
        try:
            data = usft.load(real, size=SIZE)
        except usft.DataUnavailable:
            told[f"on {real}"] = "not measured: not available when these weights were made"
            continue
        data = data[~data.empty]  # a Dice is of an object
        found = usft.summarise(usft.evaluate(model, data))
        dice = f"{found['dice']:.3f} ({found['low']:.3f} to {found['high']:.3f}) without fine-tuning"
        chance = f"the best centred ellipse scores {best_ellipse(data):.3f}"
        told[f"on {real}"] = f"{dice}, on {len(data)} images ({data.provenance}); {chance}"
    return told


def best_ellipse(data: usft.SegmentationData) -> float:
    """Mean Dice of one centred ellipse for all images, the one that suits them best: chance, and a little more."""
    axis = (torch.arange(data.size) + 0.5) / data.size - 0.5
    halves = [k / 40 for k in range(2, 20)]
    return max(
        float(usft.dice(((axis / a) ** 2 + (axis[:, None] / b) ** 2 < 1).expand_as(data.masks), data.masks).mean())
        for a in halves
        for b in halves
    )


def card_text(card: dict) -> str:
    """The card as a page of Markdown, subjects counted rather than listed."""
    lines = [f"# {card.get('title', 'Weights')}", ""]
    for key, value in card.items():
        if key == "subjects":
            value = ", ".join(f"{len(names)} of {data}" for data, names in value.items()) + " (listed inside the file)"
        if key == "prepared":
            value = "; ".join(f"{part} {what}" for part, what in value.items())
        if key != "title":
            lines.append(f"- **{key.replace('_', ' ')}**: {value}")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=TITLES, help="which weights are made")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="the exact weights depend on it (default: %(default)s)")
    parser.add_argument("--large", action="store_true", help="may download more than 60 MB")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)

    try:
        data, licence = images_for(chosen.name, chosen.large)
    except (usft.DataUnavailable, usft.BadInput) as error:
        parser.exit(1, f"{error}\n")
    train, val, test = data.split(0.7, 0.1, 0.2, seed=0)
    torch.manual_seed(chosen.seed)
    model = usft.UNet()
    history = usft.fit(model, train, val, steps=STEPS, lr=LR, seed=chosen.seed)
    path = WEIGHTS / f"{chosen.name}.safetensors"
    usft.save_model(model, path, half=True)
    kept_model = usft.load_model(path)
    found = usft.summarise(usft.evaluate(kept_model, test))  # of the weights as they are kept
    kept = ("threads", "torch", "precision")
    card = {
        "title": TITLES[chosen.name],
        "data": f"{train.name}: {len(train)} of {len(data)} images at {SIZE} × {SIZE} pixels ({data.provenance})",
        "licence": f"weights: CC BY 4.0; images: {licence}",
        "steps": STEPS,
        "batch_size": 8,
        "lr": LR,
        "seed": chosen.seed,
        "dice": f"{found['dice']:.3f} ({found['low']:.3f} to {found['high']:.3f}, 95 % interval over subjects) on "
        f"{len(test)} held-out images of the same set",
        **on_real_images(chosen.name, kept_model),
        "version": usft.__version__,
        "made_with": ", ".join(f"{key} {history.settings[key]}" for key in kept) + f", {platform.machine()}",
        "command": f"python data_scripts/pretrain.py {chosen.name} --seed {chosen.seed} --threads {chosen.threads}",
        "limits": "; ".join([LIMITS, *([FURTHER[chosen.name]] if chosen.name in FURTHER else [])]),
    }
    usft.save_model(model, path, card, half=True)
    card = usft.load_model(path).card
    path.with_suffix(".md").write_text(card_text(card), encoding="utf-8")
    print("\n".join(f"{key}: {value}" for key, value in card.items() if key == "dice" or key.startswith("on ")))


if __name__ == "__main__":
    main()
