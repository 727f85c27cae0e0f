"""How fast are masks? ``python benchmarks/inference.py`` (half a minute), as ratios within one run, on idle cores.

Images a second of `segment` with a network that was just loaded, against the usual way: weights as they are loaded, in
batches of 32. Both take turns, in float32, and must give the same masks.
"""

import argparse
import statistics
import time

import torch

import usft_lib as usft


@torch.no_grad()
def usual(model: usft.UNet, images: torch.Tensor) -> torch.Tensor:
    model.eval()
    return torch.cat([(model(part) > 0).cpu() for part in images.split(32)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, help="of both, in turns (default: %(default)s)")
    parser.add_argument("--images", type=int, default=64, help="default: %(default)s")
    parser.add_argument("--size", type=int, default=128, help="of the images (default: %(default)s)")
    chosen = parser.parse_args()
    images = usft.simulate_radiographs(chosen.images, size=chosen.size, seed=0).images
    ways = {"the usual way": usual, "segment": usft.segment}
    masks = {name: way(usft.pretrained("xray"), images) for name, way in ways.items()}
    differ = int((masks["segment"] != masks["the usual way"]).sum())
    seconds = {name: [] for name in ways}
    for _ in range(chosen.rounds):
        for name, way in ways.items():
            model = usft.pretrained("xray")  # just loaded, each time
            began = time.perf_counter()
            way(model, images)
            seconds[name].append(time.perf_counter() - began)
    print(f"{len(images)} images of {chosen.size}², float32, {torch.get_num_threads()} threads")
    for name, times in seconds.items():
        best, median = (len(images) / choose(times) for choose in (min, statistics.median))
        print(f"{name:16s}{best:8.1f} images/s (median {median:.1f})")
    ratios = [choose(seconds["the usual way"]) / choose(seconds["segment"]) for choose in (min, statistics.median)]
    print(f"ratio: {ratios[0]:.2f}× (of medians {ratios[1]:.2f}×), wanted 2×; {differ} pixels differ")


if __name__ == "__main__":
    main()
