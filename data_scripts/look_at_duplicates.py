"""Draw the pairs of BUSI pictures around the distance at which two count as near-duplicates, to judge that distance.

    python data_scripts/look_at_duplicates.py Dataset_BUSI.zip pairs.png

The drawing shows real images: keep it to yourself, never commit it.
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np

from usft_lib.sources.duplicates import NEAR, distances, perceptual_hash
from usft_lib.sources.pictures import fit_picture
from usft_lib.sources.sets.busi import ARCHIVE, read


def pairs_by_distance(images: list[np.ndarray], least: int, most: int, each: int) -> list[tuple[int, int, int]]:
    """(distance, i, j) of up to ``each`` pairs at every distance from ``least`` to ``most`` bits."""
    between = distances(np.stack([perceptual_hash(image) for image in images]))
    found = []
    for distance in range(least, most + 1):
        i, j = np.nonzero(np.triu(between == distance, 1))
        found += [(distance, int(a), int(b)) for a, b in list(zip(i, j, strict=True))[:each]]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, help="BUSI as a mirror or its authors publish it")
    parser.add_argument("path", help="where to write the drawing (png)")
    parser.add_argument("--least", type=int, default=NEAR - 4, help="smallest distance (default: %(default)s)")
    parser.add_argument("--most", type=int, default=NEAR + 4, help="largest distance (default: %(default)s)")
    parser.add_argument("--each", type=int, default=5, help="pairs a distance")
    args = parser.parse_args()
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    samples = list(read({ARCHIVE: args.archive}, []))
    pairs = pairs_by_distance([sample.picture for sample in samples], args.least, args.most, args.each)
    if not pairs:
        raise SystemExit(f"No two pictures differ in {args.least} to {args.most} bits.")
    columns = args.each
    rows = sorted({distance for distance, _, _ in pairs})
    figure, axes = plt.subplots(len(rows), columns, figsize=(4 * columns, 2.3 * len(rows)), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for row, distance in enumerate(rows):
        for axis, (_, i, j) in zip(axes[row], [p for p in pairs if p[0] == distance], strict=False):
            two = [fit_picture(samples[k].picture, 256, "pad") for k in (i, j)]
            axis.imshow(np.hstack(two), cmap="gray", vmin=0, vmax=255)
            side = "same" if distance <= NEAR else "different"
            axis.set_title(f"{distance} bits ({side}): {samples[i].id}, {samples[j].id}", fontsize=7)
    figure.tight_layout()
    figure.savefig(args.path, dpi=90)
    print(f"{len(pairs)} pairs at {args.least} to {args.most} bits, the threshold is {NEAR}: {args.path}")


if __name__ == "__main__":
    main()
