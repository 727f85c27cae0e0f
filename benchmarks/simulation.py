"""Speed of the simulators: ``python benchmarks/simulation.py`` (a minute; some more with PyMUST installed).

One thread. Read the ratios of one run, never milliseconds of two. PyMUST comes with the extra "reference"; the
agreement of both images on the same scatterers is printed beside the ratio of their times.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

import usft_lib as usft
from usft_lib.simulate.beam import cells_mm2
from usft_lib.simulate.points import image_points

BATCH = 32
ROOT = Path(__file__).resolve().parents[1]


def milliseconds(work, rounds: int) -> tuple[float, float]:
    """Least and median time of ``work()`` in ms."""
    work()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(1e3 * (time.perf_counter() - began))
    return min(taken), statistics.median(taken)


def images(rounds: int) -> None:
    """Time an image, over size, number and kind."""
    print(f"{'':34s}{'ms an image':>12s}{'(median)':>10s}")
    kinds = {"ultrasound, varied": usft.simulate_ultrasound, "radiographs": usft.simulate_radiographs}
    for name, simulate in kinds.items():
        for size, n in ((64, BATCH), (128, 1), (128, 8), (128, BATCH), (256, 8), (512, 2)):
            least, median = milliseconds(lambda f=simulate, n=n, s=size: f(n, size=s, seed=1), rounds)
            print(f"{name + f', {n} at {size}²':34s}{least / n:12.1f}{median / n:10.1f}")
    for preset in ("breast", "fetal_head"):
        least, median = milliseconds(lambda p=preset: usft.simulate_ultrasound(8, size=128, seed=1, preset=p), rounds)
        print(f"{'ultrasound, ' + preset + ', 8 at 128²':34s}{least / 8:12.1f}{median / 8:10.1f}")


def scatterers(rounds: int) -> None:
    """Time against the number of scatterers: flat where they are drawn on the grid, linear for given points."""
    print(f"\n{'scatterers':34s}{'ms an image':>12s}{'ns each':>10s}")
    for per_cell in (1, 10, 100):
        chosen = {"preset": "cyst_phantom", "scatterers_per_cell": per_cell}
        scene = usft.ultrasound_scenes(1, **chosen)[0]
        cell = float(cells_mm2([scene], torch.tensor([[[10 * scene.focus_cm]]])))
        number = per_cell * 10 * scene.depth_cm * 10 * scene.width_cm / cell
        least, _ = milliseconds(lambda c=chosen: usft.simulate_ultrasound(4, size=256, seed=1, **c), rounds)
        print(f"{f'drawn on the grid, {number:.0f}':34s}{least / 4:12.1f}{1e6 * least / 4 / number:10.0f}")
    x, z = np.linspace(-12, 12, 401), np.linspace(3, 27, 601)
    scene = usft.Scene(contrast_db=None, depth_cm=3, width_cm=2.4, plane_wave_degrees=(-5, 0, 5))
    random = np.random.default_rng(0)
    for number in (1_000, 10_000, 100_000):
        places = random.uniform(-10, 10, number), random.uniform(5, 25, number), random.normal(size=number)
        least, _ = milliseconds(lambda p=places: image_points(*p, x, z, scene), rounds)
        print(f"{f'given points, {number}':34s}{least:12.1f}{1e6 * least / number:10.0f}")


def against_pymust(rounds: int) -> None:
    """Both simulators on the same scatterers and grid, and how alike their images are."""
    try:
        import pymust  # noqa: F401
    except ImportError:
        print('\nPyMUST is not installed (python -m pip install -e ".[reference]"): not compared')
        return
    sys.path[:0] = [str(ROOT / "data_scripts"), str(ROOT / "tests")]
    import make_reference as made
    import reference

    settings = made.SETTINGS
    middle, band = made.two_way_band(settings)
    scene = usft.Scene(
        contrast_db=None, depth_cm=3, width_cm=2, attenuation_db_cm_mhz=0, centre_frequency_mhz=middle, bandwidth=band,
        receive_f_number=settings["receive_f_number"], aperture_cm=settings["elements"] * settings["pitch_mm"] / 10,
        taper=0, plane_wave_degrees=tuple(settings["plane_wave_degrees"]),
    )  # fmt: skip
    x, z, phantoms = made.scatterers(settings)
    axes = made.X_AXIS, made.Z_AXIS
    began = time.process_time()  # it uses every core: processor time is what one core would take
    theirs = abs(made.image(x, z, phantoms["lesion"], *axes, settings))
    slow = 1e3 * (time.process_time() - began)
    fast, _ = milliseconds(lambda: image_points(x, z, phantoms["lesion"], *axes, scene), rounds)
    ours = image_points(x, z, phantoms["lesion"], *axes, scene).abs().numpy()
    print(f"\n{len(x)} scatterers, {len(scene.plane_wave_degrees)} plane waves, {len(axes[1])} × {len(axes[0])} points")
    print(f"PyMUST {slow:.0f} ms, ours {fast:.1f} ms: {slow / fast:.0f}×")
    one, two = (reference.lesion(envelope, *axes) for envelope in (ours, theirs))
    print(
        f"envelope correlation {reference.correlation(ours, theirs, *axes):.3f}; lesion contrast "
        f"{one['contrast_db']:.1f} dB (PyMUST {two['contrast_db']:.1f}), gCNR {one['gcnr']:.2f} ({two['gcnr']:.2f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, 1 thread, CPU\n")
    images(rounds)
    scatterers(rounds)
    against_pymust(rounds)


if __name__ == "__main__":
    main()
