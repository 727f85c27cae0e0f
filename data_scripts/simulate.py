"""Simulate images with exact masks: a contact sheet to look at, or a folder of files to use elsewhere (lessons 01, 05).

    python data_scripts/simulate.py ultrasound --sheet sheet.png
    python data_scripts/simulate.py ultrasound --preset fetal_head --n 12 --outlines --sheet heads.png
    python data_scripts/simulate.py radiographs --n 100 --size 256 --folder chests

A folder gets images/, masks/ (PNG files of the same names, which `usft.load_folder` reads) and, for ultrasound,
scenes.csv: what each image shows, the lesion's true contrast included.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image

import usft_lib as usft
from usft_lib.simulate import PRESETS


def contact_sheet(data: usft.SegmentationData, columns: int, outlines: bool) -> Image.Image:
    """All images side by side, a few pixels apart, the masks' outlines in orange if asked for."""
    grey = data.images.expand(-1, 3, -1, -1).clone()
    if outlines:
        wide = F.max_pool2d(data.masks.float(), 3, 1, 1) > 0
        edge = (wide & ~data.masks).expand_as(grey)
        orange = torch.tensor([1.0, 0.6, 0.2])[None, :, None, None].expand_as(grey)
        grey = torch.where(edge, orange, grey)
    missing = -len(grey) % columns
    tiles = F.pad(grey, [2, 2, 2, 2, 0, 0, 0, missing], value=1.0)
    rows = tiles.unflatten(0, (-1, columns)).permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    return Image.fromarray((rows * 255).round().byte().numpy())


def write_folder(data: usft.SegmentationData, folder: Path, table) -> None:
    """PNG files of images and masks, one pair an image, and the table of scenes beside them."""
    for kind, pictures in (("images", data.images), ("masks", data.masks.float())):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name, picture in zip(data.ids, pictures, strict=True):
            Image.fromarray((picture[0] * 255).round().byte().numpy()).save(folder / kind / f"{name}.png")
    if table is not None:
        table.to_csv(folder / "scenes.csv", index=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["ultrasound", "radiographs"])
    parser.add_argument("--n", type=int, default=24, help="number of images (default: %(default)s)")
    parser.add_argument("--size", type=int, default=256, help="pixels a side (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--preset", choices=PRESETS, default="varied", help="of ultrasound (default: %(default)s)")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet to this PNG file")
    parser.add_argument("--columns", type=int, default=6, help="of the sheet (default: %(default)s)")
    parser.add_argument("--outlines", action="store_true", help="draw the masks' outlines on the sheet")
    parser.add_argument("--folder", type=Path, help="write images and masks into this folder")
    chosen = parser.parse_args()
    if not (chosen.sheet or chosen.folder):
        parser.error("say where to: --sheet sheet.png or --folder FOLDER")
    if chosen.columns < 1:
        parser.error("--columns: at least 1")
    table = None
    try:
        if chosen.kind == "ultrasound":
            data = usft.simulate_ultrasound(chosen.n, chosen.size, chosen.seed, preset=chosen.preset)
            scenes = usft.ultrasound_scenes(chosen.n, chosen.seed, chosen.preset)
            table = usft.scene_table(scenes)
            table.insert(0, "image", data.ids)
            table["true_contrast_db"] = [usft.true_contrast_db(scene) for scene in scenes]
        else:
            data = usft.simulate_radiographs(chosen.n, chosen.size, chosen.seed)
    except usft.BadInput as error:
        parser.exit(1, f"{error}\n")
    print(data)
    if chosen.sheet:
        contact_sheet(data, chosen.columns, chosen.outlines).save(chosen.sheet)
    if chosen.folder:
        write_folder(data, chosen.folder, table)


if __name__ == "__main__":
    main()
