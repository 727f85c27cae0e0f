"""Each published set: its layout, subjects, labels, masks and millimetres, on tiny archives and on the real mirror."""

import csv
import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import binary_fill_holes
from sources import fakes
from sources.fakes import disc, fails, files_in, picture, png, tarred, zipped

from usft_lib.errors import BadInput
from usft_lib.sources import load
from usft_lib.sources.archive import SafeZip
from usft_lib.sources.catalogue import SOURCES
from usft_lib.sources.outlines import fill_outline
from usft_lib.sources.pictures import grey
from usft_lib.sources.sets import pets


def share(mask: torch.Tensor) -> float:
    return mask.float().mean().item()


def test_every_address_is_https():
    addresses = [a.url for source in SOURCES.values() for archive in source.archives for a in archive.addresses]
    assert len(addresses) > 5 and all(url.startswith("https://") for url in addresses)


def test_busi(mirror_of):
    mirror_of({"Dataset_BUSI.zip": fakes.busi()})
    data = load("busi", size=32)
    assert data.ids == ["benign (1)", "benign (2)", "malignant (1)", "normal (1)"]
    assert data.labels == ["benign", "benign", "malignant", "normal"]
    assert data.empty.tolist() == [False, False, False, True]
    assert data.masks[0].sum() > data.masks[1].sum()  # two lesions merged
    assert share(data.masks[1]) == pytest.approx(disc().sum() / 48**2, rel=0.05)  # 40 × 48 padded to 48 × 48
    assert data.images.dtype == torch.float32 and 0 <= data.images.min() and data.images.max() <= 1
    assert data.provenance.startswith("busi: 4 images, mirror ") and "mirror's own list" in data.provenance
    assert data.spacing_mm is None and len(set(data.subjects)) == 4


def test_busi_near_duplicates_are_one_subject(mirror_of):
    members = fakes.busi_members()
    top = "Dataset_BUSI_with_GT/benign/benign"
    frame = np.asarray(Image.open(io.BytesIO(members[f"{top} (1).png"]))).astype(np.float64)
    noise = np.random.default_rng(0).normal(0, 4, frame.shape)
    members[f"{top} (7).png"] = png(np.clip(frame + noise, 0, 255).astype(np.uint8))
    members[f"{top} (7)_mask.png"] = png(disc())
    mirror_of({"Dataset_BUSI.zip": zipped(members)})
    data = load("busi", size=32)
    assert dict(zip(data.ids, data.subjects, strict=True))["benign (7)"] == "benign (1)"
    assert len(set(data.subjects)) == 4


def test_busi_small_copy_is_told_apart(mirror_of):
    mirror_of({"Dataset_BUSI.zip": fakes.small_busi()})
    data = load("busi", size=64)
    assert data.ids[:3] == ["train 0001", "train 0002", "val 0001"] and len(data) == 6
    assert data.labels is None and not data.empty.any()
    assert share(data.masks) == pytest.approx(np.pi * 40**2 / 256**2, rel=0.02)
    direct = Image.fromarray(picture(1, 256, 256)).resize((64, 64), Image.Resampling.BILINEAR)
    assert np.allclose(data.images[1, 0].numpy() * 255, np.asarray(direct), atol=0.01)


def test_montgomery(mirror_of):
    mirror_of({"NLM-MontgomeryCXRSet.zip": zipped(fakes.montgomery_members())})
    data = load("montgomery", size=32)
    assert data.subjects == ["MCUCXR_0001", "MCUCXR_0002"]
    assert data.labels == ["normal", "tuberculosis"]
    both = (disc(x=36, radius=8) | disc(x=11, radius=8)).mean()
    assert share(data.masks) == pytest.approx(both, rel=0.05)  # stretched: the share of the area stays


def test_shenzhen(mirror_of):
    mirror_of(fakes.shenzhen())
    data = load("shenzhen", size=32)
    assert data.subjects == ["CHNCXR_0113", "CHNCXR_0113", "CHNCXR_0400"]
    assert data.labels == ["normal", "normal", "tuberculosis"]
    assert "1 images without a mask left out" in data.provenance


def test_shenzhen_people_with_several_numbers(mirror_of):
    """0113 and 0117 are one person, and 0162, 0166 and 0170 another."""
    stems = [f"CHNCXR_{n:04d}_0" for n in (112, 113, 117, 161, 162, 166, 170, 171)]
    pictures = {f"ChinaSet_AllFiles/CXR_png/{s}.png": png(picture(i)) for i, s in enumerate(stems)}
    masks = {f"mask/{s}_mask.png": png(disc()) for s in stems}
    mirror_of({"ChinaSet_AllFiles.zip": zipped(pictures), "shenzhen_masks.zip": zipped(masks)})
    data = load("shenzhen", size=32)
    people: dict[str, list[str]] = {}
    for stem, subject in zip(data.ids, data.subjects, strict=True):
        people.setdefault(subject, []).append(stem[7:11])
    together = [["0112"], ["0113", "0117"], ["0161"], ["0162", "0166", "0170"], ["0171"]]
    assert sorted(people.values()) == together


def test_hc18(mirror_of):
    mirror_of(fakes.hc18())
    data = load("hc18", size=32)
    assert data.ids == ["000_HC", "000_2HC", "001_HC"]  # 000_3HC is 000_HC again; another fetus' picture is kept
    assert data.subjects == ["000", "000", "001"]
    assert "1 repeated left out" in data.provenance
    assert data.spacing_mm.tolist() == pytest.approx([0.5 * 80 / 32] * 3)
    area = data.masks.float().sum((1, 2, 3)) * data.spacing_mm**2
    assert area.tolist() == pytest.approx([np.pi * (20 * 0.5) ** 2] * 3, rel=0.05)
    assert data.extra["circumference_mm"].tolist() == pytest.approx([2 * np.pi * 10] * 3, rel=1e-4)


def _wanted_and_got(mirror_of, name: str, archives: dict[str, bytes], changed: dict[str, bytes]):
    """The set as published, and from a copy."""
    sets = []
    for each in (archives, archives | changed):
        mirror_of(each)
        sets.append(load(name, size=32))
    return sets


def _same(a, b) -> bool:
    return (a.ids, a.subjects) == (b.ids, b.subjects) and a.images.equal(b.images) and a.masks.equal(b.masks)


@pytest.mark.parametrize("top", ["HC18/training_set/", "a/b/"])
@pytest.mark.parametrize("test_set", ["test_set/", "z/test_set/test_set/", "Test/"])
def test_copies_of_hc18(mirror_of, top, test_set):
    """Nested folders, .PNG, a table saved by a spreadsheet, and the test set, whose pictures have the same names."""
    archives = fakes.hc18()
    members = members_of(archives["training_set.zip"])
    copy = {top + name.replace(".png", ".PNG"): data for name, data in members.items()}
    copy |= {f"{test_set}{n:03d}_HC.png": png(picture(50 + n, 60, 80)) for n in range(4)}
    table = archives["training_set_pixel_size_and_HC.csv"].replace(b".png", b".PNG") + b",,\r\n , ,\n,,\n"
    changed = {"training_set.zip": zipped(copy), "training_set_pixel_size_and_HC.csv": table}
    wanted, got = _wanted_and_got(mirror_of, "hc18", archives, changed)
    assert _same(got, wanted) and got.spacing_mm.equal(wanted.spacing_mm)


def test_copies_of_busi(mirror_of):
    members = fakes.busi_members()
    copy = {"archive/busi/" + name.replace(".png", ".PNG"): data for name, data in members.items()}
    for more in ({}, {f"again/{name}": data for name, data in members.items()}):
        changed = {"Dataset_BUSI.zip": zipped(copy | more)}
        wanted, got = _wanted_and_got(mirror_of, "busi", {"Dataset_BUSI.zip": zipped(members)}, changed)
        assert _same(got, wanted)
    for part, other in (("benign (1)", png(picture(77))), ("benign (1)_mask_1", png(disc(radius=14)))):
        mirror_of({"Dataset_BUSI.zip": zipped(members | {f"test/benign/{part}.png": other})})
        message = fails(BadInput, "busi")
        assert f"test/benign/{part}.png have the same name but differ: keep one of these" in message


def test_busbra(mirror_of):
    mirror_of({"BUSBRA.zip": zipped(fakes.busbra_members())})
    data = load("busbra", size=32)
    assert data.ids == ["bus_0001-l", "bus_0001-r", "bus_0002-s"]
    assert data.subjects == ["case 1", "case 1", "case 2"]
    assert data.labels == ["benign", "benign", "malignant"]
    areas = load("busbra", size=48).masks.sum((1, 2, 3))
    assert areas.tolist() == [disc(radius=r).sum() for r in (6, 7, 8)]  # each image has its own mask
    assert data.extra["fold"].tolist() == [2, 2, 5]


def test_busbra_tables(mirror_of):
    """Names of columns in any case, ids with an ending, a byte-order mark; anything else is named."""
    members = fakes.busbra_members()
    table, folds = members["BUSBRA/bus_data.csv"].decode(), members["BUSBRA/5-fold-cv.csv"].decode()

    def change(new_table: str = table, new_folds: str = folds):
        new = {"BUSBRA/bus_data.csv": new_table.encode(), "BUSBRA/5-fold-cv.csv": new_folds.encode()}
        mirror_of({"BUSBRA.zip": zipped(members | new)})

    change("\ufeff" + table.replace("ID,Case", "id,case"), folds.replace("-l,", "-l.png,"))
    assert load("busbra", size=32).subjects == ["case 1", "case 1", "case 2"]
    change(table.replace("Case", "Patient"))
    assert "bus_data.csv has no column Case (it has id, patient" in fails(BadInput, "busbra")
    change("")
    assert "no column ID and no Case and no Pathology (it has none)" in fails(BadInput, "busbra")
    change(new_folds=folds.replace("kFold", "fold"))
    assert "5-fold-cv.csv has no column kFold" in fails(BadInput, "busbra")
    change(new_folds=folds.replace("bus_0002-s", "bus_0009-s"))
    assert "5-fold-cv.csv has no line for bus_0002-s" in fails(BadInput, "busbra")
    change(new_folds=folds.replace(",5,", ",,"))
    assert "into fold ''" in fails(BadInput, "busbra")
    change(table.replace("malignant", "normal"))
    assert "calls bus_0002-s 'normal'" in fails(BadInput, "busbra")
    change(table + "bus_0003-l,3\n")
    assert "line 5 of bus_data.csv is cut short" in fails(BadInput, "busbra")


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("mask_0001-r", "0001-r has an image but no mask"),
        ("bus_0001-r", "0001-r has a mask but no image"),
        ("bus_data", "has no bus_data.csv"),
        ("5-fold", "has no 5-fold-cv.csv"),
    ],
)
def test_busbra_parts(mirror_of, part, what):
    mirror_of({"BUSBRA.zip": zipped(without(fakes.busbra_members(), part))})
    assert what in fails(BadInput, "busbra")


def test_horses(mirror_of):
    mirror_of({"weizmann_horse_db.zip": zipped(fakes.horses_members())})
    data = load("horses", size=48)
    assert data.ids == data.subjects == ["horse001", "horse002", "horse003"] and data.labels is None
    assert data.masks.sum((1, 2, 3)).tolist() == [disc(radius=r).sum() for r in (6, 7, 8)]
    expected = np.asarray(Image.fromarray(fakes.coloured(picture(2))).convert("L")) / 255
    assert np.abs(data.images[1, 0, 4:44].numpy() - expected).mean() < 0.02  # 40 × 48 padded to 48 × 48
    mirror_of({"weizmann_horse_db.zip": zipped(without(fakes.horses_members(), "ground/horse002"))})
    assert "horse002 has an image but no mask" in fails(BadInput, "horses")


def test_pets(mirror_of):
    mirror_of(fakes.pets())
    data = load("pets", size=48)
    assert data.ids == data.subjects == ["pug_12", "Bombay_7"] and data.labels == ["dog", "cat"]
    assert data.masks.sum((1, 2, 3)).tolist() == [disc(radius=12).sum()] * 2  # the border counts to the animal
    assert "1 images that cannot be used left out" in data.provenance
    expected = np.asarray(Image.fromarray(fakes.coloured(picture(0))).convert("L")) / 255
    assert np.abs(data.images[0, 0, 4:44].numpy() - expected).mean() < 0.02


def test_pets_that_cannot_be_used_are_counted(mirror_of, monkeypatch):
    pictures, annotations = fakes.pets_members()
    annotations["annotations/trimaps/pug_12.png"] = png(np.full((40, 48), 4, np.uint8))
    annotations["annotations/trimaps/pug_13.png"] = png(disc().astype(np.uint8) + 1)
    pictures["images/pug_14.jpg"] = fakes.jpeg(picture(4))
    mirror_of({"images.tar.gz": tarred(pictures), "annotations.tar.gz": tarred(annotations)})
    data = load("pets", size=32)
    assert data.ids == ["Bombay_7"] and "4 images that cannot be used" in data.provenance
    monkeypatch.setattr(pets, "LEFT_OUT", 3)
    with pytest.raises(BadInput, match="More than 3 images .* first: .*pug_12.png is no trimap"):
        load("pets", size=48)
    mirror_of({"images.tar.gz": tarred({"x/y": b""}), "annotations.tar.gz": tarred(annotations)})
    assert "images.tar.gz has no images" in fails(BadInput, "pets")
    mirror_of({"images.tar.gz": tarred(pictures), "annotations.tar.gz": tarred({"x/y": b""})})
    assert "annotations.tar.gz has no trimaps" in fails(BadInput, "pets")


def without(members: dict[str, bytes], part: str) -> dict[str, bytes]:
    left = {name: data for name, data in members.items() if part not in name}
    assert len(left) == len(members) - 1
    return left


@pytest.mark.parametrize(
    ("part", "what"),
    [("benign (2)_mask", "benign (2) has an image but no mask"), ("benign (2).", "benign (2) has a mask but no image")],
)
def test_busi_pairs(mirror_of, cache, part, what):
    mirror_of({"Dataset_BUSI.zip": zipped(without(fakes.busi_members(), part))})
    assert what in fails(BadInput, "busi")
    assert not [f for f in files_in(cache) if not f.startswith("mirrors")]


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("CXR_png/MCUCXR_0002_1", "MCUCXR_0002_1 has a mask but no image"),
        ("leftMask/MCUCXR_0001_0", "MCUCXR_0001_0 has an image but no left lung mask"),
        ("rightMask/MCUCXR_0001_0", "MCUCXR_0001_0 has an image but no right lung mask"),
    ],
)
def test_montgomery_pairs(mirror_of, part, what):
    mirror_of({"NLM-MontgomeryCXRSet.zip": zipped(without(fakes.montgomery_members(), part))})
    assert what in fails(BadInput, "montgomery")


def test_other_pairs(mirror_of):
    archives = fakes.hc18()
    members = members_of(archives["training_set.zip"])
    mirror_of(archives | {"training_set.zip": zipped(members | {"training_set/002_HC.png": png(picture())})})
    assert "002_HC has an image but no _Annotation.png" in fails(BadInput, "hc18")
    mirror_of(archives | {"training_set_pixel_size_and_HC.csv": b"filename,mm,mm\n"})
    assert "no line for 000_HC.png" in fails(BadInput, "hc18")
    mirror_of(archives | {"training_set_pixel_size_and_HC.csv": b"filename,mm,mm\n000_HC.png,wide,3\n"})
    assert "line 2" in fails(BadInput, "hc18")
    mirror_of(archives | {"training_set_pixel_size_and_HC.csv": fakes.HTML})
    assert "no line for 000_HC.png" in fails(BadInput, "hc18")
    china = fakes.shenzhen()
    mirror_of(china | {"shenzhen_masks.zip": zipped({"mask/CHNCXR_0999_0_mask.png": png(disc())})})
    assert "CHNCXR_0999_0_mask.png has no image" in fails(BadInput, "shenzhen")


def test_sizes_that_differ_name_both_files(mirror_of):
    members = fakes.busi_members()
    members["Dataset_BUSI_with_GT/benign/benign (2)_mask.png"] = png(disc(40, 47))
    mirror_of({"Dataset_BUSI.zip": zipped(members)})
    message = fails(BadInput, "busi")
    assert "benign (2).png is 48 × 40" in message and "benign (2)_mask.png is 47 × 40" in message
    for side in ("left", "right"):
        members = fakes.montgomery_members()
        members[f"MontgomerySet/ManualMask/{side}Mask/MCUCXR_0002_1.png"] = png(disc(41, 48))
        mirror_of({"NLM-MontgomeryCXRSet.zip": zipped(members)})
        message = fails(BadInput, "montgomery")
        assert "CXR_png/MCUCXR_0002_1.png is 48 × 40" in message
        assert f"{side}Mask/MCUCXR_0002_1.png is 48 × 41" in message
    archives = fakes.hc18()
    members = members_of(archives["training_set.zip"])
    members["training_set/000_2HC_Annotation.png"] = png(disc(60, 81))
    mirror_of(archives | {"training_set.zip": zipped(members)})
    message = fails(BadInput, "hc18")
    assert "000_2HC.png is 80 × 60" in message and "000_2HC_Annotation.png is 81 × 60" in message


def members_of(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_an_array_that_shows_nothing_is_named(mirror_of):
    arrays = dict(np.load(io.BytesIO(fakes.small_busi())))
    arrays["val_images"][1] = 0
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    mirror_of({"Dataset_BUSI.zip": file.getvalue()})
    assert "val 0002 is 0 everywhere" in fails(BadInput, "busi")


def test_another_zip_under_the_name_of_a_set(mirror_of):
    names = {"montgomery": "NLM-MontgomeryCXRSet.zip", "busi": "Dataset_BUSI.zip"}
    for name, archive in names.items():
        mirror_of({archive: zipped({"other.txt": b"x"})})
        assert "it is not the" in fails(BadInput, name)


EXPECTED = {"montgomery": (138, 138), "shenzhen": (566, 563), "hc18": (998, 806), "horses": (328, 328)}


@pytest.mark.parametrize("name", [*EXPECTED, "busi"])
def test_real_sets(mirror, name):
    data = load(name, size=128)  # as tests/test_net.py: prepared once for both
    again = load(name, size=128)
    assert torch.equal(again.images, data.images) and torch.equal(again.masks, data.masks)
    if name == "busi":
        assert data.empty.tolist() == [label == "normal" for label in data.labels]
        return
    source = SOURCES[name]
    assert (len(data), len(set(data.subjects))) == (source.images, source.subjects) == EXPECTED[name]
    shares = data.masks.float().mean((1, 2, 3))
    assert shares.min() > 0.02 and shares.max() < 0.6


def test_real_open_outlines_are_closed(mirror):
    with SafeZip(mirror / "training_set.zip") as archive:
        for stem in ("186_HC", "346_HC", "628_2HC", "787_HC"):
            outline = grey(archive.read(f"training_set/{stem}_Annotation.png"), stem) > 0
            filled = fill_outline(outline)
            assert binary_fill_holes(outline).sum() < 1.2 * outline.sum()
            assert filled.sum() > 10 * outline.sum() and (outline & ~filled).sum() < 0.7 * outline.sum()
            rows = np.nonzero(filled.any(1))[0]
            assert rows[0] == 0 or rows[-1] == filled.shape[0] - 1


def test_real_sizes_agree_with_the_table(mirror):
    with open(mirror / "training_set_pixel_size_and_HC.csv", newline="") as file:
        mm = {row["filename"][:-4]: float(row["pixel size(mm)"]) for row in csv.DictReader(file)}
    data = load("hc18", size=128)
    with SafeZip(mirror / "training_set.zip") as archive:
        for i in range(0, len(data), 97):
            side = max(grey(archive.read(f"training_set/{data.ids[i]}.png"), "x").shape)
            assert data.spacing_mm[i].item() == pytest.approx(mm[data.ids[i]] * side / 128, rel=1e-5)
