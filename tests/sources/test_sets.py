"""Each published set: its layout, subjects, labels, masks and millimetres, on tiny archives and on the real mirror."""

import csv
import io
import itertools
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from scipy.ndimage import binary_fill_holes
from sources import fakes
from sources.fakes import disc, files_in, picture, png, tarred, write_mirror, zipped

from usft_lib.errors import BadInput, DataUnavailable
from usft_lib.sources import datasets, load, loading
from usft_lib.sources.archive import SafeZip
from usft_lib.sources.duplicates import NEAR, clusters, distances, perceptual_hash
from usft_lib.sources.pictures import grey
from usft_lib.sources.sets import busbra, hc18, pets
from usft_lib.sources.sets.busi import FILE


@pytest.fixture
def fake(cache, tmp_path, monkeypatch):
    """Put archives into a mirror folder of this test."""

    def make(archives: dict[str, bytes]):
        monkeypatch.setenv("USFT_MIRROR", str(write_mirror(tmp_path / "mirror", archives)))

    return make


def refused(name: str) -> str:
    with pytest.raises(BadInput) as caught:
        load(name, size=32)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def share(mask: torch.Tensor) -> float:
    return mask.float().mean().item()


# Tiny archives


def test_busi(fake):
    fake({"Dataset_BUSI.zip": fakes.busi()})
    data = load("busi", size=32)
    assert data.ids == ["benign (1)", "benign (2)", "malignant (1)", "normal (1)"]
    assert data.labels == ["benign", "benign", "malignant", "normal"]
    assert data.empty.tolist() == [False, False, False, True]
    assert data.masks[0].sum() > data.masks[1].sum()  # two lesions merged
    assert share(data.masks[1]) == pytest.approx(disc().sum() / 48**2, rel=0.05)  # 40 × 48 padded to 48 × 48
    assert data.images.dtype == torch.float32 and 0 <= data.images.min() and data.images.max() <= 1
    assert data.provenance.startswith("busi: 4 images, mirror ") and "mirror's own list" in data.provenance
    assert data.spacing_mm is None and len(set(data.subjects)) == 4


def test_busi_near_duplicates_are_one_subject(fake):
    members = fakes.busi_members()
    top = "Dataset_BUSI_with_GT/benign/benign"
    frame = np.asarray(Image.open(io.BytesIO(members[f"{top} (1).png"]))).astype(np.float64)
    noise = np.random.default_rng(0).normal(0, 4, frame.shape)
    members[f"{top} (7).png"] = png(np.clip(frame + noise, 0, 255).astype(np.uint8))
    members[f"{top} (7)_mask.png"] = png(disc())
    fake({"Dataset_BUSI.zip": zipped(members)})
    data = load("busi", size=32)
    assert dict(zip(data.ids, data.subjects, strict=True))["benign (7)"] == "benign (1)"
    assert len(set(data.subjects)) == 4


def test_busi_small_copy_is_told_apart(fake):
    fake({"Dataset_BUSI.zip": fakes.small_busi()})
    data = load("busi", size=64)
    assert data.ids[:3] == ["train 0001", "train 0002", "val 0001"] and len(data) == 6
    assert data.labels is None and not data.empty.any()
    assert share(data.masks) == pytest.approx(np.pi * 40**2 / 256**2, rel=0.02)
    direct = Image.fromarray(picture(1, 256, 256)).resize((64, 64), Image.Resampling.BILINEAR)
    assert np.allclose(data.images[1, 0].numpy() * 255, np.asarray(direct), atol=0.01)


def test_montgomery(fake):
    fake({"NLM-MontgomeryCXRSet.zip": zipped(fakes.montgomery_members())})
    data = load("montgomery", size=32)
    assert data.subjects == ["MCUCXR_0001", "MCUCXR_0002"]
    assert data.labels == ["normal", "tuberculosis"]
    both = (disc(x=36, radius=8) | disc(x=11, radius=8)).mean()
    assert share(data.masks) == pytest.approx(both, rel=0.05)  # stretched: the share of the area stays


def test_shenzhen(fake):
    fake(fakes.shenzhen())
    data = load("shenzhen", size=32)
    assert data.subjects == ["CHNCXR_0113", "CHNCXR_0113", "CHNCXR_0400"]
    assert data.labels == ["normal", "normal", "tuberculosis"]
    assert "1 images without a mask left out" in data.provenance


def test_shenzhen_people_with_several_numbers(fake):
    """0113 and 0117 are one person, and 0162, 0166 and 0170 another."""
    stems = [f"CHNCXR_{n:04d}_0" for n in (112, 113, 117, 161, 162, 166, 170, 171)]
    pictures = {f"ChinaSet_AllFiles/CXR_png/{s}.png": png(picture(i)) for i, s in enumerate(stems)}
    masks = {f"mask/{s}_mask.png": png(disc()) for s in stems}
    fake({"ChinaSet_AllFiles.zip": zipped(pictures), "shenzhen_masks.zip": zipped(masks)})
    data = load("shenzhen", size=32)
    people: dict[str, list[str]] = {}
    for stem, subject in zip(data.ids, data.subjects, strict=True):
        people.setdefault(subject, []).append(stem[7:11])
    together = [["0112"], ["0113", "0117"], ["0161"], ["0162", "0166", "0170"], ["0171"]]
    assert sorted(people.values()) == together


def test_hc18(fake):
    fake(fakes.hc18())
    data = load("hc18", size=32)
    assert data.ids == ["000_HC", "000_2HC", "001_HC"]  # 000_3HC is 000_HC again; another fetus' picture is kept
    assert data.subjects == ["000", "000", "001"]
    assert "1 repeated left out" in data.provenance
    assert data.spacing_mm.tolist() == pytest.approx([0.5 * 80 / 32] * 3)
    area = data.masks.float().sum((1, 2, 3)) * data.spacing_mm**2
    assert area.tolist() == pytest.approx([np.pi * (20 * 0.5) ** 2] * 3, rel=0.05)
    assert hc18.circumferences(32) == pytest.approx(dict.fromkeys(data.ids, 2 * np.pi * 10), rel=1e-4)


def test_busbra(fake):
    fake({"BUSBRA.zip": zipped(fakes.busbra_members())})
    data = load("busbra", size=32)
    assert data.ids == ["bus_0001-l", "bus_0001-r", "bus_0002-s"]
    assert data.subjects == ["case 1", "case 1", "case 2"]
    assert data.labels == ["benign", "benign", "malignant"]
    areas = load("busbra", size=48).masks.sum((1, 2, 3))
    assert areas.tolist() == [disc(radius=r).sum() for r in (6, 7, 8)]  # each image has its own mask
    assert busbra.folds(32) == {"bus_0001-l": 2, "bus_0001-r": 2, "bus_0002-s": 5}


def test_busbra_tables(fake):
    """Names of columns in any case, ids with an ending, a byte-order mark; anything else is named."""
    members = fakes.busbra_members()
    table, folds = members["BUSBRA/bus_data.csv"].decode(), members["BUSBRA/5-fold-cv.csv"].decode()

    def change(new_table: str = table, new_folds: str = folds):
        new = {"BUSBRA/bus_data.csv": new_table.encode(), "BUSBRA/5-fold-cv.csv": new_folds.encode()}
        fake({"BUSBRA.zip": zipped(members | new)})

    change("\ufeff" + table.replace("ID,Case", "id,case"), folds.replace("-l,", "-l.png,"))
    assert load("busbra", size=32).subjects == ["case 1", "case 1", "case 2"]
    change(table.replace("Case", "Patient"))
    assert "bus_data.csv has no column Case (it has id, patient" in refused("busbra")
    change("")
    assert "no column ID and no Case and no Pathology (it has none)" in refused("busbra")
    change(new_folds=folds.replace("kFold", "fold"))
    assert "5-fold-cv.csv has no column kFold" in refused("busbra")
    change(new_folds=folds.replace("bus_0002-s", "bus_0009-s"))
    assert "5-fold-cv.csv has no line for bus_0002-s" in refused("busbra")
    change(new_folds=folds.replace(",5,", ",,"))
    assert "into fold ''" in refused("busbra")
    change(table.replace("malignant", "normal"))
    assert "calls bus_0002-s 'normal'" in refused("busbra")
    change(table + "bus_0003-l,3\n")
    assert "line 5 of bus_data.csv is cut short" in refused("busbra")


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("mask_0001-r", "0001-r has an image but no mask"),
        ("bus_0001-r", "0001-r has a mask but no image"),
        ("bus_data", "holds no bus_data.csv"),
        ("5-fold", "holds no 5-fold-cv.csv"),
    ],
)
def test_busbra_parts(fake, part, what):
    fake({"BUSBRA.zip": zipped(without(fakes.busbra_members(), part))})
    assert what in refused("busbra")


def test_horses(fake):
    fake({"weizmann_horse_db.zip": zipped(fakes.horses_members())})
    data = load("horses", size=48)
    assert data.ids == data.subjects == ["horse001", "horse002", "horse003"] and data.labels is None
    assert data.masks.sum((1, 2, 3)).tolist() == [disc(radius=r).sum() for r in (6, 7, 8)]
    expected = np.asarray(Image.fromarray(fakes.coloured(picture(2))).convert("L")) / 255
    assert np.abs(data.images[1, 0, 4:44].numpy() - expected).mean() < 0.02  # 40 × 48 padded to 48 × 48
    fake({"weizmann_horse_db.zip": zipped(without(fakes.horses_members(), "ground/horse002"))})
    assert "horse002 has an image but no mask" in refused("horses")


def test_pets(fake):
    fake(fakes.pets())
    data = load("pets", size=48)
    assert data.ids == data.subjects == ["pug_12", "Bombay_7"] and data.labels == ["dog", "cat"]
    assert data.masks.sum((1, 2, 3)).tolist() == [disc(radius=12).sum()] * 2  # the border counts to the animal
    assert "1 images that cannot be used left out" in data.provenance
    expected = np.asarray(Image.fromarray(fakes.coloured(picture(0))).convert("L")) / 255
    assert np.abs(data.images[0, 0, 4:44].numpy() - expected).mean() < 0.02


def test_pets_that_cannot_be_used_are_counted(fake, monkeypatch):
    pictures, annotations = fakes.pets_members()
    annotations["annotations/trimaps/pug_12.png"] = png(np.full((40, 48), 4, np.uint8))
    annotations["annotations/trimaps/pug_13.png"] = png(disc().astype(np.uint8) + 1)
    pictures["images/pug_14.jpg"] = fakes.jpeg(picture(4))
    fake({"images.tar.gz": tarred(pictures), "annotations.tar.gz": tarred(annotations)})
    data = load("pets", size=32)
    assert data.ids == ["Bombay_7"] and "4 images that cannot be used" in data.provenance
    monkeypatch.setattr(pets, "LEFT_OUT", 3)
    with pytest.raises(BadInput, match="More than 3 images .* first: .*pug_12.png is no trimap"):
        load("pets", size=48)
    fake({"images.tar.gz": tarred({"x/y": b""}), "annotations.tar.gz": tarred(annotations)})
    assert "images.tar.gz holds no images" in refused("pets")
    fake({"images.tar.gz": tarred(pictures), "annotations.tar.gz": tarred({"x/y": b""})})
    assert "annotations.tar.gz holds no trimaps" in refused("pets")


@pytest.mark.parametrize("name", ["horses", "pets"])
def test_photographs_may_be_stood_in_for_by_either_simulator(cache, name, monkeypatch):
    monkeypatch.setattr(loading, "SIMULATED_IMAGES", 4)
    with pytest.raises(DataUnavailable) as caught:
        load(name, size=32)
    message = str(caught.value)
    assert 'otherwise="sim-ultrasound" or otherwise="sim-radiographs"' in message and "\n" not in message
    assert ("about 811 MB" if name == "pets" else "no direct address") in message
    for stand_in in loading.SIMULATED:
        assert load(name, size=32, otherwise=stand_in).name == f"{stand_in} ({name} not at hand)"


def without(members: dict[str, bytes], part: str) -> dict[str, bytes]:
    left = {name: data for name, data in members.items() if part not in name}
    assert len(left) == len(members) - 1
    return left


@pytest.mark.parametrize(
    ("part", "what"),
    [("benign (2)_mask", "benign (2) has an image but no mask"), ("benign (2).", "benign (2) has a mask but no image")],
)
def test_busi_pairs(fake, cache, part, what):
    fake({"Dataset_BUSI.zip": zipped(without(fakes.busi_members(), part))})
    assert what in refused("busi")
    assert not [f for f in files_in(cache) if not f.startswith("mirrors")]


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("CXR_png/MCUCXR_0002_1", "MCUCXR_0002_1 has a mask but no image"),
        ("leftMask/MCUCXR_0001_0", "MCUCXR_0001_0 has an image but no left lung mask"),
        ("rightMask/MCUCXR_0001_0", "MCUCXR_0001_0 has an image but no right lung mask"),
    ],
)
def test_montgomery_pairs(fake, part, what):
    fake({"NLM-MontgomeryCXRSet.zip": zipped(without(fakes.montgomery_members(), part))})
    assert what in refused("montgomery")


def test_other_pairs(fake):
    archives = fakes.hc18()
    with_orphan = {"training_set/002_HC.png": png(picture())}
    fake(archives | {"training_set.zip": zipped(with_orphan)})
    assert "002_HC has an image but no _Annotation.png" in refused("hc18")
    fake(archives | {"training_set_pixel_size_and_HC.csv": b"filename,mm,mm\n"})
    assert "no line for 000_HC.png" in refused("hc18")
    fake(archives | {"training_set_pixel_size_and_HC.csv": b"filename,mm,mm\n000_HC.png,wide,3\n"})
    assert "line 2" in refused("hc18")
    fake(archives | {"training_set_pixel_size_and_HC.csv": fakes.HTML})
    assert "HTML page" in refused("hc18")
    china = fakes.shenzhen()
    fake(china | {"shenzhen_masks.zip": zipped({"mask/CHNCXR_0999_0_mask.png": png(disc())})})
    assert "CHNCXR_0999_0_mask.png has no image" in refused("shenzhen")


def test_sizes_that_differ_name_both_files(fake):
    members = fakes.busi_members()
    members["Dataset_BUSI_with_GT/benign/benign (2)_mask.png"] = png(disc(40, 47))
    fake({"Dataset_BUSI.zip": zipped(members)})
    message = refused("busi")
    assert "benign (2).png is 48 × 40" in message and "benign (2)_mask.png is 47 × 40" in message
    for side in ("left", "right"):
        members = fakes.montgomery_members()
        members[f"MontgomerySet/ManualMask/{side}Mask/MCUCXR_0002_1.png"] = png(disc(41, 48))
        fake({"NLM-MontgomeryCXRSet.zip": zipped(members)})
        message = refused("montgomery")
        assert "CXR_png/MCUCXR_0002_1.png is 48 × 40" in message
        assert f"{side}Mask/MCUCXR_0002_1.png is 48 × 41" in message
    archives = fakes.hc18()
    members = members_of(archives["training_set.zip"])
    members["training_set/000_2HC_Annotation.png"] = png(disc(60, 81))
    fake(archives | {"training_set.zip": zipped(members)})
    message = refused("hc18")
    assert "000_2HC.png is 80 × 60" in message and "000_2HC_Annotation.png is 81 × 60" in message


def members_of(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@pytest.mark.parametrize(
    ("name", "make", "archive", "member"),
    [
        ("busi", lambda: {"Dataset_BUSI.zip": fakes.busi()}, "Dataset_BUSI.zip", "benign (2).png"),
        (
            "montgomery",
            lambda: {"NLM-MontgomeryCXRSet.zip": zipped(fakes.montgomery_members())},
            "NLM-MontgomeryCXRSet.zip",
            "CXR_png/MCUCXR_0002_1.png",
        ),
        ("hc18", fakes.hc18, "training_set.zip", "001_HC.png"),
        ("shenzhen", fakes.shenzhen, "ChinaSet_AllFiles.zip", "CHNCXR_0117_0.png"),
    ],
)
def test_an_image_that_shows_nothing_is_named(fake, name, make, archive, member):
    archives = make()
    members = members_of(archives[archive])
    (full,) = (m for m in members if m.endswith(member))
    height, width = np.asarray(Image.open(io.BytesIO(members[full]))).shape
    members[full] = png(np.zeros((height, width), np.uint8))
    fake(archives | {archive: zipped(members)})
    assert f"{member} is 0 everywhere" in refused(name)


def test_an_array_that_shows_nothing_is_named(fake):
    arrays = dict(np.load(io.BytesIO(fakes.small_busi())))
    arrays["val_images"][1] = 0
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    fake({"Dataset_BUSI.zip": file.getvalue()})
    assert "val 0002 is 0 everywhere" in refused("busi")


def test_another_zip_under_the_name_of_a_set(fake):
    names = {"montgomery": "NLM-MontgomeryCXRSet.zip", "busi": "Dataset_BUSI.zip"}
    for name, archive in names.items():
        fake({archive: zipped({"other.txt": b"x"})})
        assert "it is not the" in refused(name)


# Outlines of heads


def ellipse_outline(cy: float, cx: float, a: float, b: float, tilt: float, shape=(270, 400), width=2) -> np.ndarray:
    """An ellipse drawn as a line, cut by the border of the picture."""
    turn = np.linspace(0, 2 * np.pi, 2000)
    x = cx + a * np.cos(turn) * np.cos(tilt) - b * np.sin(turn) * np.sin(tilt)
    y = cy + a * np.cos(turn) * np.sin(tilt) + b * np.sin(turn) * np.cos(tilt)
    canvas = Image.new("L", shape[::-1])
    ImageDraw.Draw(canvas).line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=255, width=width)
    return np.asarray(canvas) > 0


def inside_ellipse(cy, cx, a, b, tilt, shape=(270, 400)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    along = (x - cx) * np.cos(tilt) + (y - cy) * np.sin(tilt)
    across = -(x - cx) * np.sin(tilt) + (y - cy) * np.cos(tilt)
    return (along / a) ** 2 + (across / b) ** 2 <= 1


CLOSED = [(135, 200, 90, 70, 0.3), (120, 180, 60, 40, 1.2), (140, 210, 20, 18, 0.0)]
OPEN = [(30, 200, 100, 80, 0.2), (250, 180, 90, 70, 0.0), (135, 200, 170, 150, 0.0), (60, 200, 110, 75, 1.4)]


@pytest.mark.parametrize("ellipse", CLOSED)
def test_closed_outlines_are_filled_and_the_hull_agrees(ellipse):
    outline = ellipse_outline(*ellipse)
    whole, hull = hc18.fill_whole(outline), hc18.fill_hull(outline)
    assert np.array_equal(whole, binary_fill_holes(outline))
    assert 2 * (hull & whole).sum() / (hull.sum() + whole.sum()) > 0.99


@pytest.mark.parametrize("width", [1, 3, 6])
@pytest.mark.parametrize("ellipse", CLOSED)
def test_heads_end_at_the_middle_of_the_line_however_thick(ellipse, width):
    got, exact = hc18.fill_outline(ellipse_outline(*ellipse, width=width)), np.pi * ellipse[2] * ellipse[3]
    around = np.pi * (ellipse[2] + ellipse[3])
    assert abs(got.sum() - exact) / around < 0.75  # mean distance from the true ellipse in pixels


@pytest.mark.parametrize("ellipse", OPEN)
def test_outlines_cut_by_the_border_are_closed(ellipse):
    outline = ellipse_outline(*ellipse)
    assert binary_fill_holes(outline).sum() < 1.2 * outline.sum()  # so filling alone fails
    got, expected = hc18.fill_outline(outline), inside_ellipse(*ellipse)
    assert 2 * (got & expected).sum() / (got.sum() + expected.sum()) > 0.98


def test_outline_of_nothing_stays_nothing():
    assert not hc18.fill_outline(np.zeros((20, 20), bool)).any()
    line = np.zeros((20, 20), bool)
    line[4, 3:12] = True
    assert np.array_equal(hc18.fill_outline(line), line)


# Near-duplicates


def test_perceptual_hash_agrees_with_imagehash():
    imagehash = pytest.importorskip("imagehash")
    for seed in range(20):
        values = picture(seed, 200 + seed, 300)
        theirs = imagehash.phash(Image.fromarray(values)).hash.ravel()
        assert np.array_equal(perceptual_hash(values), theirs)


def test_clusters_are_chains():
    """Single linkage: 0-1-2 are near in pairs only, 3 is alone."""
    hashes = np.zeros((4, 64), bool)
    hashes[1, :10] = hashes[2, :20] = hashes[3, 20:60] = True
    assert distances(hashes)[0].tolist() == [0, 10, 20, 40]
    assert clusters(hashes).tolist() == [0, 0, 0, 3]
    assert clusters(hashes, near=9).tolist() == [0, 1, 2, 3]


# The table


def test_datasets_says_what_is_here(fake):
    fake({"Dataset_BUSI.zip": fakes.busi()})
    table = datasets().set_index("name")
    published = ["montgomery", "shenzhen", "hc18", "busi", "busbra", "pets", "horses"]
    assert list(table.index) == [*published, "sim-ultrasound", "sim-radiographs"]
    assert table.loc["busi", "on disk?"] == "in the mirror" and table.loc["hc18", "on disk?"] == "no"
    load("busi", size=64)
    load("busi", size=32)
    table = datasets().set_index("name")
    assert table.loc["busi", "on disk?"] == "at 32, 64"
    assert "busi: 4 images, mirror" in table.loc["busi", "provenance"]
    assert table["MB"].isna().tolist() == [name == "horses" for name in table.index]  # it has no address
    assert table.loc["hc18", "MB"] >= 60 and "CC BY" in table.loc["hc18", "licence"]


# The real mirror


EXPECTED = {"montgomery": (138, 138), "shenzhen": (566, 563), "hc18": (998, 806), "horses": (328, 328)}


@pytest.mark.parametrize("name", [*EXPECTED, "busi"])
def test_real_sets(mirror, name):
    data = load(name, size=64)
    again = load(name, size=64)
    assert torch.equal(again.images, data.images) and torch.equal(again.masks, data.masks)
    if name == "busi":
        assert data.empty.tolist() == [label == "normal" for label in data.labels]
        return
    source = loading.SOURCES[name]
    assert (len(data), len(set(data.subjects))) == (source.images, source.subjects) == EXPECTED[name]
    shares = data.masks.float().mean((1, 2, 3))
    assert shares.min() > 0.02 and shares.max() < 0.6


def test_real_busi_subjects_are_the_clusters_of_imagehash(mirror):
    """ImageHash's distances, and merging groups two by two until none are near."""
    imagehash = pytest.importorskip("imagehash")
    hashes = {}
    with zipfile.ZipFile(mirror / "Dataset_BUSI.zip") as archive:
        for name in archive.namelist():
            if name.endswith(").png") and "__MACOSX" not in name:
                stem = name.rpartition("/")[2].removesuffix(".png")
                hashes[stem] = imagehash.phash(Image.open(io.BytesIO(archive.read(name))).convert("L"))
    group = {stem: {stem} for stem in hashes}
    for a, b in itertools.combinations(hashes, 2):
        if hashes[a] - hashes[b] <= NEAR and group[a] is not group[b]:
            group[a] |= group[b]
            for stem in group[b]:
                group[stem] = group[a]
    data = load("busi", size=64)
    assert sorted(data.ids) == sorted(hashes)
    subject = dict(zip(data.ids, data.subjects, strict=True))
    for stem in hashes:
        assert group[stem] == {other for other in hashes if subject[other] == subject[stem]}
        assert subject[stem] in group[stem]
    assert 0 < len(set(data.subjects)) < len(data)  # there are near-duplicates among them


def test_real_hashes_agree_with_imagehash(mirror):
    imagehash = pytest.importorskip("imagehash")
    with SafeZip(mirror / "Dataset_BUSI.zip") as archive:
        names = [n for n in archive.names if (m := FILE.search(n)) and not m["mask"]][::9]
        for name in names:
            values = grey(archive.read(name), name)
            assert np.array_equal(perceptual_hash(values), imagehash.phash(Image.fromarray(values)).hash.ravel())


def test_real_open_outlines_are_closed(mirror):
    with SafeZip(mirror / "training_set.zip") as archive:
        for stem in ("186_HC", "346_HC", "628_2HC", "787_HC"):
            outline = grey(archive.read(f"training_set/{stem}_Annotation.png"), stem) > 0
            filled = hc18.fill_outline(outline)
            assert binary_fill_holes(outline).sum() < 1.2 * outline.sum()
            assert filled.sum() > 10 * outline.sum() and (outline & ~filled).sum() < 0.7 * outline.sum()
            rows = np.nonzero(filled.any(1))[0]
            assert rows[0] == 0 or rows[-1] == filled.shape[0] - 1


def test_real_sizes_agree_with_the_table(mirror):
    with open(mirror / "training_set_pixel_size_and_HC.csv", newline="") as file:
        mm = {row["filename"][:-4]: float(row["pixel size(mm)"]) for row in csv.DictReader(file)}
    data = load("hc18", size=64)
    with SafeZip(mirror / "training_set.zip") as archive:
        for i in range(0, len(data), 97):
            side = max(grey(archive.read(f"training_set/{data.ids[i]}.png"), "x").shape)
            assert data.spacing_mm[i].item() == pytest.approx(mm[data.ids[i]] * side / 64, rel=1e-5)


def test_a_reader_failure_leaves_the_prepared_data_of_others_alone(fake, cache):
    """Two sets share a cache folder and nothing else."""
    fake({"Dataset_BUSI.zip": fakes.busi(), "NLM-MontgomeryCXRSet.zip": zipped({"x": b""})})
    load("busi", size=32)
    before = files_in(cache)
    refused("montgomery")
    assert files_in(cache) == before


def test_mixed_origins_only_where_they_go_together(monkeypatch):
    """HC18's table of pixel sizes depends on the resolution of the pictures: never one from here and one from there."""
    from usft_lib.sources.fetch import ways
    from usft_lib.sources.mirror import Mirror

    half = Mirror("folder", {"training_set.zip": "sha256:" + "0" * 64, "shenzhen_masks.zip": "sha256:" + "1" * 64})
    assert ways(loading.SOURCES["hc18"], half, with_mirror=True) == []
    (way,) = ways(loading.SOURCES["shenzhen"], half, with_mirror=True)
    assert [place.from_mirror for place in way] == [False, True]
    assert ways(replace(loading.SOURCES["hc18"], mix=True), half, with_mirror=True)
