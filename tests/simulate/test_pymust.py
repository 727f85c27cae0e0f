"""Our echoes of point scatterers against those of PyMUST from identical scatterers (SIMULATION: "against PyMUST").

Both are measured by `reference`; each test prints ours beside PyMUST's. tests/fixtures/pymust.md tells the settings.
"""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
import reference
from scripts import script

from usft_lib.simulate.points import image_points
from usft_lib.simulate.scene import Scene

PHANTOMS = ("speckle", "lesion", "cyst")


@pytest.fixture(scope="module")
def pymust_made():
    """The fixture: PyMUST's envelopes, their axes and the scatterers; its settings as a dict."""
    with np.load(reference.FIXTURE) as file:
        made = {name: file[name] for name in file.files}
    return made | {"settings": json.loads(str(made["settings"]))}


@pytest.fixture(scope="module")
def scene(pymust_made):
    """PyMUST's settings as a scene of ours. The band is that of burst, probe and diffraction; nothing is fitted."""
    known = pymust_made["settings"]
    return Scene(
        depth_cm=3, width_cm=2, contrast_db=None, attenuation_db_cm_mhz=known["attenuation_db_cm_mhz"],
        centre_frequency_mhz=known["two_way_centre_mhz"], bandwidth=known["two_way_bandwidth"],
        receive_f_number=known["receive_f_number"], aperture_cm=known["elements"] * known["pitch_mm"] / 10, taper=0,
        plane_wave_degrees=tuple(known["plane_wave_degrees"]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def pairs(pymust_made, scene):
    """Of each phantom our envelope and PyMUST's, and their axes."""
    x, z = pymust_made["x_axis_mm"], pymust_made["z_axis_mm"]
    places = pymust_made["x_mm"], pymust_made["z_mm"]
    ours = {n: image_points(*places, pymust_made[f"{n}_reflectivity"], x, z, scene).abs().numpy() for n in PHANTOMS}
    return {n: (ours[n], pymust_made[f"{n}_envelope"].astype(float), x, z) for n in PHANTOMS}


@pytest.fixture(scope="module")
def points(pymust_made, scene):
    """Widths of each point, ours and PyMUST's. Our axes are wider: nothing may lie closer to their ends than a beam."""
    x, z = pymust_made["x_patch_mm"], pymust_made["z_patch_mm"]
    wide, found = np.linspace(-5, 5, 201), []
    for place, patch in zip(pymust_made["points_mm"].tolist(), pymust_made["points_envelope"], strict=True):
        a, b = wide + place[0], z + place[1]
        ours = image_points([place[0]], [place[1]], [1.0], a, b, scene).abs().numpy()
        found.append((place, reference.point(ours, a, b), reference.point(patch, x, z)))
    return found


def both(pairs, phantom: str, measure) -> list[dict]:
    one, other, x, z = pairs[phantom]
    return [measure(one, x, z), measure(other, x, z)]


def told(name: str, ours: float, theirs: float) -> tuple[float, float]:
    print(f"{name}: ours {ours:.3f}, PyMUST {theirs:.3f}")
    return ours, theirs


@pytest.mark.parametrize(("direction", "tolerance"), [("lateral", 0.10), ("axial", 0.05)])
def test_point_spread_width(points, direction, tolerance):
    key = f"{direction}_mm"
    for (x, z), ours, theirs in points:
        one, other = told(f"{direction} width in mm at x {x:g}, z {z:g} mm", ours[key], theirs[key])
        assert one == pytest.approx(other, rel=tolerance)


@pytest.mark.parametrize("direction", ["lateral", "axial"])
def test_speckle_width(pairs, direction):
    ours, theirs = (m[f"speckle_{direction}_mm"] for m in both(pairs, "speckle", reference.homogeneous))
    told(f"{direction} speckle width in mm", ours, theirs)
    assert ours == pytest.approx(theirs, rel=0.15)


def test_envelope_snr(pairs):
    ours, theirs = (m["envelope_snr"] for m in both(pairs, "speckle", reference.homogeneous))
    told("envelope SNR", ours, theirs)
    assert ours == pytest.approx(theirs, abs=0.1)


def test_lesion_contrast(pairs):
    ours, theirs = (m["contrast_db"] for m in both(pairs, "lesion", reference.lesion))
    told("contrast in dB of the lesion", ours, theirs)
    assert ours == pytest.approx(theirs, abs=1.5)


def test_cyst_contrast_with_clutter(pymust_made, scene, pairs):
    """An anechoic cyst is as dark as clutter lets it be, and how much there is, a model must be told.

    It is read off the innermost millimetre, where PyMUST hears more than our side lobes bring; then all of the cyst is
    compared. Clutter is speckle of its own, from the same scatterers mirrored.
    """
    ours, theirs, x, z = pairs["cyst"]
    middle = np.hypot(x[None] - reference.LESION["x"], z[:, None] - reference.LESION["z"]) < 1
    missing = float((theirs[middle] ** 2).mean() - (ours[middle] ** 2).mean() * (theirs**2).mean() / (ours**2).mean())
    clutter_db = 10 * np.log10(missing / (pairs["speckle"][1] ** 2).mean())
    places = -pymust_made["x_mm"], pymust_made["z_mm"]
    cyst = image_points(pymust_made["x_mm"], places[1], pymust_made["cyst_reflectivity"], x, z, scene)
    more = image_points(*places, pymust_made["speckle_reflectivity"], x, z, scene) * 10 ** (clutter_db / 20)
    filled = reference.lesion((cyst + more).abs().numpy(), x, z)["contrast_db"]
    told(
        f"contrast in dB of the cyst, clutter {clutter_db:.1f} dB",
        filled,
        reference.lesion(theirs, x, z)["contrast_db"],
    )
    told("… without clutter", *(m["contrast_db"] for m in both(pairs, "cyst", reference.lesion)))
    assert filled == pytest.approx(reference.lesion(theirs, x, z)["contrast_db"], abs=3)


@pytest.mark.parametrize("phantom", ["lesion", "cyst"])
def test_gcnr(pairs, phantom):
    ours, theirs = (m["gcnr"] for m in both(pairs, phantom, reference.lesion))
    told(f"gCNR of the {phantom}", ours, theirs)
    assert ours == pytest.approx(theirs, abs=0.08)


@pytest.mark.parametrize("phantom", PHANTOMS)
def test_envelope_correlation(pairs, phantom):
    found = reference.correlation(*pairs[phantom])
    print(f"envelope correlation of the {phantom}: {found:.3f}")
    assert found >= 0.7


def test_positive_angles_go_towards_positive_x(pymust_made, scene, pairs):
    """The plane waves are not symmetric: with their signs changed our speckle is less like PyMUST's."""
    _, theirs, x, z = pairs["speckle"]
    places = pymust_made["x_mm"], pymust_made["z_mm"]
    negated = replace(scene, plane_wave_degrees=tuple(-a for a in scene.plane_wave_degrees))
    ours = image_points(*places, pymust_made["speckle_reflectivity"], x, z, negated).abs().numpy()
    right, wrong = reference.correlation(*pairs["speckle"]), reference.correlation(ours, theirs, x, z)
    print(f"envelope correlation: {right:.3f}, with negated angles {wrong:.3f}")
    assert wrong < right - 0.05


def test_wrong_scatterers_do_not_correlate(pymust_made, scene, pairs):
    """The bound above is worth something: mirrored scatterers have the same statistics and another speckle."""
    _, theirs, x, z = pairs["speckle"]
    places = -pymust_made["x_mm"], pymust_made["z_mm"]
    ours = image_points(*places, pymust_made["speckle_reflectivity"], x, z, scene).abs().numpy()
    found = reference.correlation(ours, theirs, x, z)
    print(f"envelope correlation of mirrored scatterers: {found:.3f}")
    assert abs(found) < 0.2


@pytest.mark.slow
@pytest.mark.skipif("USFT_WHEEL_ONLY" in os.environ, reason="needs the repository's scripts (2026-11-24)")
def test_pymust_still_gives_the_fixture(pymust_made):
    """PyMUST itself on the smallest of the phantoms, the points."""
    pytest.importorskip("pymust", reason="needs the optional extra: pip install -e '.[reference]'")
    made = script("data_scripts/make_reference.py")
    settings = {key: pymust_made["settings"][key] for key in made.SETTINGS}
    assert settings == made.SETTINGS
    patches = made.image_points(settings)
    patches = patches / patches.max()
    np.testing.assert_allclose(patches, pymust_made["points_envelope"], atol=2e-3)
    for now, then in zip(patches, pymust_made["points_envelope"], strict=True):
        ours, theirs = (reference.point(p, pymust_made["x_patch_mm"], pymust_made["z_patch_mm"]) for p in (now, then))
        print(f"widths in mm now {ours}, in the fixture {theirs}")
        assert ours == pytest.approx(theirs, rel=0.01)
