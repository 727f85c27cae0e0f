"""Make the pretrained weights that come with the course again: ``python data_scripts/pretrain.py xray`` (lesson 03).

Writes usft_lib/weights/NAME.safetensors and NAME.md, its card. ``xray`` needs the Montgomery chest X-rays
(USFT_MIRROR, or --large for the download); ``xray-simulated`` needs nothing.
"""

import argparse
import platform

import torch

import usft_lib as usft
from usft_lib.checkpoints import WEIGHTS, card_text
from usft_lib.sources.loading import SOURCES

SIZE, STEPS, LR = 128, 1200, 3e-3
TITLES = {"xray": "U-Net pretrained on chest X-rays", "xray-simulated": "U-Net pretrained on simulated chest X-rays"}


def images_for(name: str, large: bool) -> tuple[usft.SegmentationData, str]:
    """The images to pretrain on, and their licence."""
    if name == "xray":
        return usft.load("montgomery", size=SIZE, large=large), SOURCES["montgomery"].licence
    return usft.simulate_radiographs(600, size=SIZE, seed=0), "made by this project: CC BY 4.0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=TITLES)
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=2, help="bits depend on it (default: %(default)s)")
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
    found = usft.summarise(usft.evaluate(usft.load_model(path), test))  # of the weights as they are kept
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
        "version": usft.__version__,
        "made_with": ", ".join(f"{key} {history.settings[key]}" for key in kept) + f", {platform.machine()}",
        "command": f"python data_scripts/pretrain.py {chosen.name} --seed {chosen.seed} --threads {chosen.threads}",
        "limits": "for teaching, never for diagnosis; convolution weights are kept in 16 bits",
    }
    usft.save_model(model, path, card, half=True)
    path.with_suffix(".md").write_text(card_text(usft.load_model(path).card), encoding="utf-8")
    print(card["dice"])


if __name__ == "__main__":
    main()
