"""Image four phantoms with PyMUST, the physical reference of our own simulator: tests/fixtures/pymust.npz and .md.

``python -m pip install -e '.[reference]'``, then ``python data_scripts/make_reference.py``: half a minute. Scatterers
are echoed by SIMUS, plane wave by plane wave, demodulated by rf2iq and focused by dasmtx, then the waves are summed.
PyMUST is LGPL-3.0; the paper behind it: Garcia, SIMUS, Comput. Methods Programs Biomed. 218:106726, 2022.
"""

import argparse
import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import reference  # noqa: E402  (the tests' own functions measure both simulators)

SETTINGS = {
    "elements": 64,
    "pitch_mm": 0.3,
    "width_mm": 0.27,
    "baffle": "soft",
    "centre_frequency_mhz": 5.0,
    "probe_bandwidth": 0.4,  # pulse-echo, at −6 dB, of the probe alone
    "transmit_wavelengths": 2.0,  # length of the burst; both together: a spectrum that is bell-shaped, as ours is
    "sampling_mhz": 40.0,
    "speed_mm_per_us": 1.54,
    "attenuation_db_cm_mhz": 0.0,
    "plane_wave_degrees": [-2.0, 3.0, 8.0],  # not symmetric, so that a wrong sign shows
    "receive_f_number": 2.0,
    "apodisation": "none",
    "scatterers": 8000,
    "seed": 0,
    "lesion_db": -12.0,
}
X_AXIS = np.linspace(-10, 10, 161)
Z_AXIS = np.linspace(5, 25, 321)
POINTS = np.array([(0, 8), (3, 10), (0, 13), (-4, 15), (0, 18), (0, 22)], np.float32)  # x, z in mm
X_PATCH, Z_PATCH = np.linspace(-1.5, 1.5, 61), np.linspace(-0.8, 0.8, 81)  # around each point


def two_way_spectrum(settings: dict) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in MHz, and the amplitude there of a point's focused echo, as PyMUST defines it.

    Burst (a windowed sine) times probe (a generalised Gaussian), see PyMUST's getPulseSpectrumFunction and
    getProbeFunction. In two dimensions a plane wave that is summed from line elements loses 1/√f on the way.
    """
    centre, band = settings["centre_frequency_mhz"], settings["probe_bandwidth"]
    f = np.linspace(0.001, 2, 4000) * centre
    n = settings["transmit_wavelengths"]
    burst = np.sinc(n * (f / centre - 1)) - np.sinc(n * (f / centre + 1))
    power = np.log(126) / np.log(2 / band)
    probe = np.exp(-np.log(2) * np.abs(2 * (f / centre - 1) / band) ** power)
    return f, burst * probe / np.sqrt(f / centre)


def two_way_band(settings: dict) -> tuple[float, float]:
    """Middle in MHz, and width as a fraction of it, of the −6 dB band of `two_way_spectrum`."""
    f, amplitude = two_way_spectrum(settings)
    band = f[amplitude >= amplitude.max() / 2]
    middle = (band[0] + band[-1]) / 2
    return float(middle), float((band[-1] - band[0]) / middle)


def image(x, z, reflectivity, x_axis, z_axis, settings: dict) -> np.ndarray:
    """The complex image ``[len(z_axis), len(x_axis)]`` of scatterers, places in mm; its gain is even over the field."""
    import pymust

    x, z, reflectivity = (np.asarray(v, float)[None] for v in (x, z, reflectivity))
    xx, zz = np.meshgrid(np.asarray(x_axis) * 1e-3, np.asarray(z_axis) * 1e-3)
    field = 0
    for degrees in settings["plane_wave_degrees"]:
        probe = pymust.utils.Param(
            fc=settings["centre_frequency_mhz"] * 1e6, fs=settings["sampling_mhz"] * 1e6,
            pitch=settings["pitch_mm"] * 1e-3, width=settings["width_mm"] * 1e-3, Nelements=settings["elements"],
            kerf=(settings["pitch_mm"] - settings["width_mm"]) * 1e-3, radius=np.inf, baffle=settings["baffle"],
            bandwidth=settings["probe_bandwidth"] * 100, TXnow=settings["transmit_wavelengths"],
            c=settings["speed_mm_per_us"] * 1e3, attenuation=settings["attenuation_db_cm_mhz"],
            fnumber=settings["receive_f_number"],
        )  # fmt: skip
        delays = pymust.txdelay(probe, np.radians(degrees))  # positive: towards positive x
        echoes, _ = pymust.simus(x * 1e-3, z * 1e-3, reflectivity, delays, probe)
        # Given the probe, rf2iq would low-pass at half of its bandwidth: −6 dB more at the band's edges.
        baseband = pymust.rf2iq(echoes, probe.fs, probe.fc)
        focus = pymust.dasmtx(1j * np.array(baseband.shape), xx, zz, delays, probe).tocsr()
        field = field + (focus @ baseband.ravel(order="F")).reshape(xx.shape, order="F")
    # The sum over n elements grows with n; speckle does with √n, and is the same everywhere once divided by that.
    # It only changes gain, which is larger in the middle, where more elements listen, than at the field's edge.
    place = (np.arange(settings["elements"]) - (settings["elements"] - 1) / 2) * settings["pitch_mm"] * 1e-3
    heard = (abs(xx[..., None] - place) <= zz[..., None] / 2 / settings["receive_f_number"]).sum(-1)
    return field / np.sqrt(heard)


def scatterers(settings: dict) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Places in mm, and the reflectivity of each phantom: ±1, less or nothing in the disc."""
    random = np.random.default_rng(settings["seed"])
    n = settings["scatterers"]
    x = random.uniform(X_AXIS[0], X_AXIS[-1], n).astype(np.float32)
    z = random.uniform(Z_AXIS[0], Z_AXIS[-1], n).astype(np.float32)
    sign = random.choice([-1, 1], n).astype(np.float32)
    disc = reference.LESION
    within = np.hypot(x - disc["x"], z - disc["z"]) <= disc["radius"]
    levels = {"speckle": 1, "lesion": 10 ** (settings["lesion_db"] / 20), "cyst": 0}
    return x, z, {name: np.where(within, level * sign, sign).astype(np.float32) for name, level in levels.items()}


def image_points(settings: dict) -> np.ndarray:
    """The envelope around each of `POINTS`, ``[points, rows, columns]``; all are in one phantom."""
    x, z = POINTS.T
    return np.stack([abs(image(x, z, np.ones(len(x)), a + X_PATCH, b + Z_PATCH, settings)) for a, b in POINTS])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=reference.FIXTURE, help="default: %(default)s")
    output = parser.parse_args().output
    x, z, phantoms = scatterers(SETTINGS)
    envelopes, seconds = {}, {}
    for name, reflectivity in phantoms.items():
        start = time.process_time()
        envelopes[name] = abs(image(x, z, reflectivity, X_AXIS, Z_AXIS, SETTINGS))
        seconds[name] = time.process_time() - start
    start = time.process_time()
    points = image_points(SETTINGS)
    seconds["points"] = time.process_time() - start
    unit = np.sqrt((envelopes["speckle"] ** 2).mean())  # keeps float16 far from its ends

    found = {"speckle": reference.homogeneous(envelopes["speckle"], X_AXIS, Z_AXIS)}
    found |= {name: reference.lesion(envelopes[name], X_AXIS, Z_AXIS) for name in ("lesion", "cyst")}
    for (a, b), patch in zip(POINTS, points, strict=True):
        found[f"point at x {a:g}, z {b:g} mm"] = reference.point(patch, X_PATCH, Z_PATCH)
    middle, band = two_way_band(SETTINGS)
    about = SETTINGS | {"two_way_centre_mhz": middle, "two_way_bandwidth": band}
    made = {"pymust": version("pymust"), "numpy": np.__version__, "python": platform.python_version()}
    output.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        output, settings=json.dumps(about), x_mm=x, z_mm=z, x_axis_mm=X_AXIS, z_axis_mm=Z_AXIS,
        **{f"{name}_reflectivity": values for name, values in phantoms.items()},
        **{f"{name}_envelope": (values / unit).astype(np.float16) for name, values in envelopes.items()},
        points_mm=POINTS, x_patch_mm=X_PATCH, z_patch_mm=Z_PATCH,
        points_envelope=(points / points.max()).astype(np.float16),
    )  # fmt: skip
    output.with_suffix(".md").write_text(card(about, made, seconds, found), encoding="utf-8")
    print(f"{output}: {output.stat().st_size / 1e3:.0f} kB, {sum(seconds.values()):.0f} s of processor time")


def card(settings: dict, made: dict, seconds: dict, found: dict) -> str:
    """What the fixture holds, for people."""
    lines = [
        "# PyMUST's images of four phantoms",
        "",
        "Made by `python data_scripts/make_reference.py` for `tests/simulate/test_pymust.py`. Envelopes before",
        "the logarithm, in float16: three phantoms of the same 8000 scatterers (`speckle`, `lesion`, `cyst`) on one",
        "grid, and the surroundings of single points. Root mean square of `speckle` and highest of `points` are 1.",
        "",
        *(f"- {name} {value}" for name, value in made.items()),
        "- processor time: " + ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items()),
        "",
        "| setting | |",
        "|---|---|",
        *(f"| {k} | {round(v, 4) if isinstance(v, float) else v} |" for k, v in settings.items()),
        "",
        "| measured | |",
        "|---|---|",
        *(f"| {name}: {key} | {value:.3f} |" for name, row in found.items() for key, value in row.items()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
