"""What students' folders hold: for each kind of fault its smallest input, and layouts of public sets, drawn anew."""

import re
from unicodedata import normalize

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sources.fakes import disc, picture
from sources.test_outlines import ellipse_outline, inside_ellipse

import usft_lib as usft
from usft_lib.errors import BadInput
from usft_lib.sources import check_folder, load_folder
from usft_lib.sources.faults import has_text
from usft_lib.sources.pictures import fit_mask, pad_square


@pytest.fixture
def folder(tmp_path):
    """Write pictures under a folder: ``folder({"images/a.png": values, …})`` gives its path."""

    def make(files: dict, **options):
        for name, values in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image = values if isinstance(values, Image.Image) else Image.fromarray(values)
            image.save(path, **options)
        return tmp_path

    return make


def white(area: np.ndarray) -> np.ndarray:
    return area.astype(np.uint8) * 255


def pairs(masks: list, names="p{}.png", images=None) -> dict:
    """``images/p0.png``, ``masks/p0.png`` …"""
    pictures = images or [picture(k, *np.asarray(mask).shape[:2]) for k, mask in enumerate(masks)]
    files = {f"images/{names.format(k)}": p for k, p in enumerate(pictures)}
    return files | {f"masks/{names.format(k)}": mask for k, mask in enumerate(masks)}


def load(top, size=48, subject=r"(\w+)", **options):
    return load_folder(top / "images", top / "masks", size=size, subject=subject, **options)


def refused(top, **options) -> str:
    with pytest.raises(BadInput) as caught:
        load(top, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def found(top, **options) -> set[tuple[str, str, str]]:
    """``{(flag, fault, image)}`` of `check_folder`, which never refuses what can be shown."""
    table = check_folder(top / "images", top / "masks", size=48, subject=r"(\w+)", **options)
    assert not table["says"].str.contains("\n").any()
    return {tuple(row) for row in table[["flag", "fault", "image"]].to_numpy() if row[1] not in ("", "few people")}


# ---- areas ----------------------------------------------------------------------------------------------------------


def test_outlines_are_not_taken_for_areas(folder):
    ring = disc(96, 120, 30) & ~disc(96, 120, 28)
    top = folder(pairs([white(ring)] * 3))
    message = refused(top)
    assert "3 of 3 images: the mask is an outline" in message and "outline=True fills it" in message
    assert found(top) >= {("stop", "outline", f"p{k}.png") for k in range(3)}
    filled = load(top, outline=True).masks[0, 0].numpy()
    assert abs(filled.sum() / fit_mask(disc(96, 120, 29), 48, "pad").sum() - 1) < 0.03
    assert np.array_equal(load(top, outline=False).masks[0, 0].numpy(), fit_mask(ring, 48, "pad"))


def test_open_outlines_two_outlines_and_areas_beside_them(folder, capsys):
    ellipse = (30, 200, 100, 80, 0.2)  # cut by the border
    two = ellipse_outline(80, 100, 50, 40, 0) | ellipse_outline(180, 300, 50, 40, 0)
    area = disc(270, 400, 60)
    top = folder(pairs([white(ellipse_outline(*ellipse)), white(two), white(area)]))
    assert "2 of 3 images" in refused(top)
    data = load(top, size=400 // 16 * 16, outline=True)
    both = inside_ellipse(80, 100, 50, 40, 0) | inside_ellipse(180, 300, 50, 40, 0)
    expected = [inside_ellipse(*ellipse), both, area]
    for got, exact in zip(data.masks[:, 0].numpy(), expected, strict=True):
        assert 2 * (got & pad_square(exact)).sum() / (got.sum() + exact.sum()) > 0.98
    assert "1 of 3 images: the mask has no outline (p2.png)" in capsys.readouterr().out


@pytest.mark.parametrize("area", [
    disc(96, 120, 20), disc(96, 120, 30) & ~disc(96, 120, 15), disc(96, 120, 4, 20, 20) | disc(96, 120, 4, 70, 100),
    np.pad(np.ones((3, 80), bool), ((40, 53), (20, 20))),
])  # fmt: skip
def test_discs_thick_walls_small_lesions_and_needles_are_no_outlines(folder, area):
    assert load(folder(pairs([white(area)])), size=128, outline=None).masks.any()


def test_objects_lost_in_resizing(folder, capsys):
    dot, whole = np.zeros((1024, 1024), bool), disc(1024, 1024, 200)
    dot[500:505, 500:505] = True
    top = folder(pairs([white(m) for m in (dot, dot, dot, whole)]))
    load(top, size=128)
    out = capsys.readouterr().out
    assert "3 of 4 images: the mask loses its object at size 128 (p0.png, 0.6 pixels wide" in out and "size=416" in out
    assert load(top, size=416).masks.flatten(1).any(1).all()
    (top / "masks/p3.png").unlink(), (top / "images/p3.png").unlink()
    assert "3 of 3 images: the mask loses its object at size 128" in refused(top, size=128)


def test_half_an_area_lost_is_told(folder, capsys):
    thin = np.zeros((96, 96), bool)
    thin[:, 20:22] = thin[40:60, 40:42] = True  # the long line lies across two pixels, and vanishes
    assert fit_mask(thin, 32, "pad").mean() < 0.5 * thin.mean()
    load(folder(pairs([white(thin)])), size=32, outline=False)
    assert "loses more than half of its area at size 32" in capsys.readouterr().out


def test_empty_masks(folder, capsys):
    none = white(disc()) * 0
    top = folder(pairs([white(disc()), none]))
    assert load(top).empty.tolist() == [False, True]
    assert "1 of 2 images: the mask is empty (p1.png)" in capsys.readouterr().out
    top = folder({"masks/p0.png": none})
    assert "2 of 2 images: the mask is empty" in refused(top)
    folder({"masks/p0.png": white(disc())})
    message = refused(top, inside=128)
    assert "2 of 2 images: the mask is empty (p0.png, no inside=128 in it; it has 0, 255" in message


@pytest.mark.parametrize("wrong", [1, 10])
def test_inverted_masks(folder, wrong):
    top = folder(pairs([white(~disc() if k < wrong else disc()) for k in range(10)]))
    message = refused(top)
    assert f"{wrong} of 10 images: the mask looks inverted" in message and "p0.png, 100% of the border" in message
    assert ("stop", "inverted", "p0.png") in found(top)
    assert load(top, inside=255).masks[0].sum() > load(top, inside=0).masks[0].sum()  # either is taken at its word


def test_values_that_differ_between_files(folder):
    one = disc().astype(np.uint8)
    top = folder(pairs([one, one, one, one * 2]))
    message = refused(top)
    assert "1 of 4 images: the mask has another value inside than other masks (p3.png, 2, not 1)" in message
    assert load(top, inside=[1, 2]).masks.sum((1, 2, 3)).unique().numel() == 1
    assert load(top, inside=1).empty.tolist() == [False, False, False, True]
    assert ("stop", "values differ", "p3.png") in found(top)


def test_red_and_green_and_white(folder):
    red, green = (np.dstack([white(disc()) * k for k in colour]) for colour in ((1, 0, 0), (0, 1, 0)))
    top = folder(pairs([red, red, green, white(disc())]))
    assert "2 of 4 images" in refused(top) and "(0, 255, 0), not (255, 0, 0)" in refused(top)
    assert load(top, inside=["red", "lime", (255, 255, 255)]).masks.flatten(1).any(1).all()
    assert load(top, inside="red").empty.tolist() == [False, False, True, True]


def test_one_white_one_and_jpeg_white_mean_the_same(folder):
    files = pairs([white(disc()), disc().astype(np.uint8), disc().astype(np.uint16) * 65535])
    files |= {"images/p3.png": picture(9), "masks/p3.jpg": white(disc())}
    data = load(folder(files))
    assert all(2 * (m & data.masks[0]).sum() / (m.sum() + data.masks[0].sum()) > 0.98 for m in data.masks)


@pytest.mark.parametrize("wrong", ["reddish", [], (1, 2, "x"), {}, "", [None]])
def test_what_is_neither_a_label_nor_a_colour(folder, wrong):
    assert "is neither a label nor a colour" in refused(folder(pairs([white(disc())])), inside=wrong)


# ---- several masks, and names ---------------------------------------------------------------------------------------


STRICT = [("{}", "{}"), ("Scan{}", "scan{}_MASK"), ("a.b.{}", "a.b.{}.mask"), ("é{}", "é{} - Annotation"),
          (normalize("NFC", "Ä{}"), normalize("NFD", "Ä{}_mask")), ("x (0{})", "x (0{})_gt")]  # fmt: skip
LOOSE = [
    ("bus_000{}-l", "mask_000{}-l"), ("image_0{}", "mask_0{}"), ("Test_Image_{}", "mask_{}"), ("{}", "00{}"),
    ("00{}", "{}"), ("a{}_img", "a{}_mask"), ("p{}", "p{}.png_seg"), ("case_{}_0000", "case_{}"), ("{}", "GT-{}"),
    ("x{}", "expert_x{}"), ("IMG{}", "mask{}"), ("study_bus_{}", "bus_{}_seg"),
]  # fmt: skip


@pytest.mark.parametrize("image, mask", STRICT + LOOSE)
def test_names(folder, image, mask, capsys):
    """Of nine masks each goes to its own image, however the two are called; what is not plain is told."""
    areas = {k: disc(radius=4 + k) for k in range(1, 10)}
    files = {f"images/{image.format(k)}.png": picture(k) for k in areas}
    top = folder(files | {f"masks/{mask.format(k)}.png": white(area) for k, area in areas.items()})
    data = load(top)
    got = {int(re.findall(r"[1-9]", name)[0]): int(m.sum()) for name, m in zip(data.ids, data.masks, strict=True)}
    assert got == {k: int(area.sum()) for k, area in areas.items()}
    assert ("9 masks are paired by words and numbers" in capsys.readouterr().out) == ((image, mask) in LOOSE)


def test_names_that_do_not_tell_are_never_guessed(folder):
    files = {f"images/anna_{k}.png": picture(k) for k in range(3)}
    top = folder(files | {f"masks/bert_{k}.png": white(disc()) for k in range(3)})
    message = refused(top)
    assert "3 of 3 images: no mask (anna_0.png, nearest name bert_0.png; anna_1.png" in message
    assert "use pair= to give" in message and "3 more faults" in message and "all 0" not in message
    files = {"images/1.png": picture(), "images/01.png": picture(1), "masks/001.png": white(disc())}
    assert "no mask" in refused(folder(files))  # 001 fits both


def test_a_table_or_a_function_pairs(folder, capsys):
    files = {f"images/i{k}.png": picture(k) for k in range(3)}
    top = folder(files | {f"masks/{name}.png": white(disc(radius=5 + k)) for k, name in enumerate("abc")})
    table = pd.DataFrame({"image": ["i0.png", "i2.png", "i9.png"], "mask": ["c.png", "a.png", "b.png"]})
    same = [{"i0": "c.png", "i2.png": ["a.png"]}, lambda name: {"i0.png": "c.png", "i2.png": "a.png"}.get(name)]
    for pair in [table, *same]:
        data = load(top, pair=pair)
        assert data.ids == ["i0", "i2"] and data.masks.sum((1, 2, 3)).tolist() == [disc(radius=r).sum() for r in (7, 5)]
    assert "1 of 3 images, for which pair= names no mask, are left out" in (out := capsys.readouterr().out)
    assert "pair= names 1 images that are not there, such as i9.png" in out
    both = load(top, pair={"i0": ["a.png", "c.png"]})
    assert both.masks.sum() == disc(radius=7).sum()
    assert "a folder, masks one or a list" in str(pytest.raises(BadInput, load_folder, top / "images", []).value)
    for pair, words in (({"i0": "z.png"}, "no such picture"), (7, "must be a function"), (lambda name: 1 / 0, "failed"),
                        ({}, "names no mask for any image"), (table[["image"]], "two columns")):  # fmt: skip
        assert words in refused(top, pair=pair)


def test_a_jpeg_and_its_png_in_one_folder(folder):
    top = folder({f"images/0{k}.jpg": picture(k) for k in range(3)})
    folder({f"images/0{k}.png": white(disc(radius=5 + k)) for k in range(3)})
    data = load_folder(top / "images", top / "images", size=48)
    assert data.masks.sum((1, 2, 3)).tolist() == [disc(radius=r).sum() for r in (5, 6, 7)]


def test_a_second_numbered_image_is_no_second_mask(folder):
    top = folder({"images/x.png": picture(), "images/x_1.png": picture(1)})
    folder({"masks/x_mask.png": white(disc()), "masks/x_mask_1.png": white(disc(radius=4))})
    assert load(top).masks.sum((1, 2, 3)).tolist() == [disc().sum(), disc(radius=4).sum()]


# ---- what is left out -----------------------------------------------------------------------------------------------


def test_what_is_not_read_is_told(folder, capsys):
    top = folder(pairs([white(disc())] * 2))
    folder({"images/p9.gif": picture(), "images/more/p8.png": picture(8), "masks/more/p8.png": white(disc())})
    (top / "images/p7.dcm").write_bytes(b"x")
    (top / "images/notes.txt").write_text("x")
    load(top)
    out = capsys.readouterr().out
    assert "left out of images: 1 .dcm and 1 .gif and the pictures in more (recursive=True reads them)" in out
    assert "pydicom" in out and "ffmpeg" in out and "txt" not in out
    assert load(top, recursive=True).ids == ["more/p8", "p0", "p1"]


def test_holds_no_images_says_what_is_there(folder, tmp_path):
    top = folder({"images/deep/a.png": picture(), "images/a.gif": picture(), "masks/a.png": white(disc())})
    assert "has no images" in (said := refused(top)) and "1 .gif and the folders deep" in said and "recursive" in said
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="has no masks .*: it has nothing"):
        load_folder(top / "images/deep", tmp_path / "empty")


def test_webp_is_read(folder):
    top = folder({"images/a.webp": picture(), "masks/a.webp": white(disc())}, lossless=True)
    data = load(top)
    assert data.masks.sum() == disc().sum() and torch.equal(data.images[0, 0, 4:44], torch.tensor(picture()) / 255)


# ---- pixels ---------------------------------------------------------------------------------------------------------


def as_a_camera(upright: np.ndarray, folder, name: str):
    """Store a JPEG turned by a quarter, with the tag that turns it back."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return folder({name: np.rot90(upright)}, exif=exif, quality=95)


@pytest.mark.parametrize("shape", [(48, 48), (40, 48)])
def test_exif_orientation(folder, capsys, shape):
    upright = picture(3, *shape)
    top = folder({"masks/a.png": white(disc(*shape, 9, 15, 12))})
    as_a_camera(upright, folder, "images/a.jpg")
    got = load(top).images[0, 0].numpy()
    assert np.corrcoef(got.ravel(), pad_square(upright).ravel())[0, 1] > 0.99
    assert "turned upright, as its EXIF tag says (a.jpg)" in capsys.readouterr().out


def test_a_mask_that_was_drawn_on_the_stored_pixels_keeps_them(folder):
    upright = picture(3, 40, 48)
    top = folder({"masks/a.png": white(np.rot90(disc(y=15, x=12)))})
    as_a_camera(upright, folder, "images/a.jpg")
    got = load(top).images[0, 0].numpy()
    assert np.corrcoef(got.ravel(), pad_square(np.rot90(upright)).ravel())[0, 1] > 0.99


def test_mpo_gives_its_first_picture(folder):
    first = Image.fromarray(picture(1))
    top = folder({"masks/a.png": white(disc())})
    (top / "images").mkdir()
    second = Image.fromarray(picture(2))
    first.save(top / "images/a.jpg", format="MPO", save_all=True, append_images=[second], quality=95)
    got = load(top).images[0, 0, 4:44].numpy()
    assert np.corrcoef(got.ravel(), picture(1).ravel())[0, 1] > 0.99


def palette(values: np.ndarray, colours: list[int]) -> Image.Image:
    image = Image.frombytes("P", values.shape[::-1], values.astype(np.uint8).tobytes())
    image.putpalette(colours)
    return image


@pytest.mark.parametrize("make", [
    lambda: Image.fromarray(np.dstack([white(disc()) * 0] * 3 + [white(disc())])),
    lambda: Image.fromarray(np.dstack([white(disc()) * 0, white(disc())])),
    lambda: palette(disc(), [0, 0, 0] * 256),
    lambda: palette(disc(), [9, 9, 9] * 256),
    lambda: palette(disc(), [0, 0, 0, 128, 0, 0]),
    lambda: Image.fromarray(disc()),
])  # fmt: skip
def test_masks_whose_object_is_in_the_alpha_or_in_the_numbers_of_a_palette(folder, make):
    assert load(folder({"images/a.png": picture(), "masks/a.png": make()})).masks.sum() == disc().sum()


def test_a_cut_out_of_the_image_is_a_mask(folder, capsys):
    pictures = [picture(k).clip(1) for k in range(2)]
    top = folder(pairs([np.where(disc(radius=6), p, 0) for p in pictures], images=pictures))
    assert load(top).masks.sum((1, 2, 3)).tolist() == [disc(radius=6).sum()] * 2
    assert "2 of 2 images: the mask is cut out of the image" in capsys.readouterr().out
    folder({"masks/p0.png": pictures[0]})
    assert "p0.png is the image itself, not a mask" in refused(top)


def test_sizes_that_differ(folder):
    big = white(disc(80, 96, 18))
    top = folder({"images/a.png": picture(), "masks/a_mask.png": big})
    assert "a.png is 48 × 40 and its mask a_mask.png is 96 × 80 pixels: they must agree" in (said := refused(top))
    assert "resize=True" in said
    expected = big.reshape(40, 2, 48, 2).mean((1, 3)) >= 127.5
    assert np.array_equal(load(top, resize=True).masks[0, 0, 4:44].numpy(), expected)
    folder({"masks/a_mask.png": big.T})
    assert "differ in ratio" in refused(top, resize=True)
    folder({"masks/a_mask.png": white(disc().T)})
    assert "turned by 90 degrees" in refused(top, resize=True)


def test_labels_and_palettes(folder):
    values = disc().astype(np.uint8)
    values[2:12, 2:12] = 2
    values[2:8, 36:46] = 3
    for mask in (values, palette(values, [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])):
        top = folder({"images/a.png": picture(), "masks/a.png": mask})
        message = refused(top)
        assert "inside=" in message and ("0, 1, 2, 3" in message or isinstance(mask, np.ndarray))
        for inside, labels in ((2, [2]), ([1, 3], [1, 3]), (range(1, 4), [1, 2, 3])):
            assert np.array_equal(load(top, inside=inside).masks[0, 0, 4:44].numpy(), np.isin(values, labels))
    assert np.array_equal(load(top, inside=["blue", (255, 0, 0)]).masks[0, 0, 4:44].numpy(), np.isin(values, [1, 3]))


def test_labels_through_jpeg_are_the_nearest(folder):
    values = disc().astype(np.uint8) * 120
    values[2:12, 2:12] = 250
    top = folder({"images/a.png": picture(), "masks/a.jpg": values}, quality=90)
    for label in (120, 250):
        got, exact = load(top, inside=label).masks[0, 0, 4:44].numpy(), values == label
        assert 2 * (got & exact).sum() / (got.sum() + exact.sum()) > 0.93


# ---- people ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nobody", [None, float("nan"), "", " ", pd.NA, np.float64("nan")])
def test_a_rule_that_names_nobody(folder, nobody):
    top = folder(pairs([white(disc())]))
    assert "it must return the person's name" in refused(top, subject=lambda name: nobody)
    assert "does not match" in refused(top, subject=r"p0(.*)\.png")


def test_the_same_picture_under_two_subjects(folder, capsys):
    top = folder(pairs([white(disc())] * 3, images=[picture(0), picture(1), picture(0)]))
    folder({"images/p2.jpg": picture(0)}, quality=80)
    (top / "images/p2.png").unlink()
    data = load(top)
    assert "1 of 3 images: looks like a picture of another subject (p2.jpg, p2 here, p0 in p0.png)" in (
        capsys.readouterr().out
    )
    table = usft.near_duplicates(data)
    assert table[["image", "other"]].to_numpy().tolist() == [["p0", "p2"]] and table["correlation"][0] > 0.99
    assert ("look", "two people", "p2.jpg") in found(top)
    load(top, subject=lambda name: "p1" if "1" in name else "p0")
    assert capsys.readouterr().out == ""


def test_no_two_people_of_real_sets_are_called_the_same(mirror):
    for name in ("hc18", "montgomery", "shenzhen", "busi"):
        table = usft.near_duplicates(usft.load(name, size=128))
        assert (table["subject"] == table["other_subject"]).all(), name


def test_folders_of_one_name_are_not_one_cohort(folder, discs, small):
    files = pairs([white(disc())] * 2)
    top = folder({f"{part}/{name}": values for part in "AB" for name, values in files.items()})
    a, b = (load(top / part) for part in "AB")
    assert a.subjects == b.subjects and a.origin != b.origin and str(top) not in a.origin
    small = usft.UNet(4, 4)
    usft.fit(small, a, steps=1, batch_size=2, progress=False)
    with pytest.warns(UserWarning, match="2 of these test images of folder were in the training set"):
        usft.evaluate(small, b)  # the same files under another name


# ---- layouts --------------------------------------------------------------------------------------------------------


def test_busi_as_published(folder, capsys):
    top = folder({"d/benign/benign (1)_mask_1.png": white(disc(radius=3, y=5, x=5))})
    for label, number in (("benign", 1), ("benign", 10), ("malignant", 1), ("normal", 1)):
        stem = f"d/{label}/{label} ({number})"
        folder({f"{stem}.png": picture(number + len(label)), f"{stem}_mask.png": white(disc()) * (label != "normal")})
    data = load_folder(top / "d", top / "d", size=48, recursive=True)
    assert data.ids == ["benign/benign (1)", "benign/benign (10)", "malignant/malignant (1)", "normal/normal (1)"]
    assert data.masks.sum((1, 2, 3)).tolist() == [(disc() | disc(radius=3, y=5, x=5)).sum(), *[disc().sum()] * 2, 0]
    assert "1 of 4 images: several masks (benign/benign (1).png" in capsys.readouterr().out


def test_montgomery_as_published(folder):
    files = {"CXR_png": lambda k: picture(k), "leftMask": lambda k: white(disc(x=36, radius=8)),
             "rightMask": lambda k: white(disc(x=11, radius=7))}  # fmt: skip
    top = folder({f"{part}/MCUCXR_000{k}_0.png": make(k) for part, make in files.items() for k in range(3)})
    masks = [top / "leftMask", top / "rightMask"]
    data = load_folder(top / "CXR_png", masks, size=48)
    assert data.masks.sum((1, 2, 3)).tolist() == [(disc(x=36, radius=8) | disc(x=11, radius=7)).sum()] * 3
    (top / "rightMask/MCUCXR_0001_0.png").unlink()
    with pytest.raises(BadInput, match=r"no mask \(MCUCXR_0001_0.png"):
        load_folder(top / "CXR_png", masks, size=48)


@pytest.mark.slow
def test_a_real_set_through_the_students_door(mirror, tmp_path):
    """The mirror's archive unpacked: the same masks as `load` makes of it."""
    from usft_lib.sources.archive import SafeZip

    with SafeZip(mirror / "training_set.zip") as opened:
        for member in opened.names:
            keep = re.match(r"0[0-4].*\.png$", member.rpartition("/")[2])
            if keep and not member.startswith("__"):
                path = tmp_path / "d" / member.partition("/")[2]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(opened.read(member))
    data = load_folder(tmp_path / "d", tmp_path / "d", size=128, outline=True)
    published = usft.load("hc18", size=128)
    stems = [one.rpartition("/")[2] for one in data.ids]
    same = [published.ids.index(stem) for stem in stems if stem in published.ids]
    assert len(same) >= 0.9 * len(data)
    assert torch.equal(data[[stem in published.ids for stem in stems]].masks, published[same].masks)


# ---- the table and its sheet ----------------------------------------------------------------------------------------


def test_check_folder_finds_five_planted_faults_and_nothing_else(folder):
    """As in lesson 16: outlines, an inverted mask, a person under two names, a rotated picture, a mask too few."""
    data = usft.simulate_radiographs(14, size=96, seed=3)
    images, masks = (data.images[:, 0] * 255).byte().numpy().copy(), data.masks[:, 0].numpy().copy()
    y, x = np.mgrid[:96, :96]
    masks[0] = abs(np.hypot(y - 48, x - 48) - 25) < 1
    masks[1] = ~masks[1]
    images[2] = images[3]
    images[4] = np.rot90(images[4])
    files = {f"images/p{k:02d}.png": images[k] for k in range(14)}
    top = folder(files | {f"masks/p{k:02d}.png": white(masks[k]) for k in range(14) if k != 5})
    table = check_folder(top / "images", top / "masks", size=48, subject=r"(p\d+)")
    shown = table[~table["fault"].isin(["", "few people", "text"])]  # radiographs bear a letter
    flags = {tuple(row) for row in shown[["flag", "fault", "image"]].to_numpy()}
    assert flags == {("stop", "outline", "p00.png"), ("stop", "inverted", "p01.png"), ("look", "two people", "p03.png"),
                     ("look", "rotated?", "p04.png"), ("stop", "no mask", "p05.png")}  # fmt: skip
    assert table["flag"].tolist() == sorted(table["flag"], key=["stop", "look", ""].index)
    assert "14 subjects" not in table["says"].str.cat() and "13 subjects" in table["says"].str.cat()
    figure = usft.plots.folder_figure(table)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert len(titles) == 14 and all("stop" in title for title in titles[:3]) and "nothing found" in titles[-1]
    some = usft.plots.folder_figure(table[table["flag"] == "stop"], columns=3)
    assert [len(axes.images) for axes in some.axes] == [2] * 3  # the picture and what its mask covers


def test_a_persons_images_lie_together_in_the_sheet(folder):
    top = folder(pairs([white(disc())] * 6, names="p{}.png"))
    folder({"masks/p4.png": white(~disc())})
    table = check_folder(top / "images", top / "masks", size=48, subject=lambda name: "ab"[int(name[1]) % 2])
    titles = [axes.get_title() for axes in usft.plots.folder_figure(table).axes]
    assert [title[0] for title in titles] == list("aaabbb") and "inverted" in titles[0]


def test_files_that_cannot_be_read_are_rows(folder):
    top = folder(pairs([white(disc())] * 3))
    (top / "images/p1.png").write_bytes(b"<html>")
    folder({"masks/p2.png": white(disc(41))})
    table = check_folder(top / "images", top / "masks", size=48, subject=r"(p\d)")
    stops = table[table["flag"] == "stop"]
    assert stops["image"].tolist() == ["p1.png", "p2.png"] and stops["says"].str.contains("damaged|48 × 41").all()
    usft.plots.folder_figure(table)


def test_burnt_in_text_and_coloured_marks(folder):
    from PIL import ImageDraw, ImageFont

    dark = np.pad(picture(1, 200, 256), ((40, 0), (0, 0)))
    image = Image.fromarray(dark)
    ImageDraw.Draw(image).text((8, 8), "L12 3.2cm", fill=220, font=ImageFont.load_default(14))
    colour = image.convert("RGB")
    ImageDraw.Draw(colour).line([(100, 100), (140, 100)], fill=(255, 255, 0))
    area = white(disc(240, 256, 40))
    top = folder(pairs([area, area, area], images=[picture(4, 240, 256), np.asarray(image), np.asarray(colour)]))
    flags = found(top)
    assert {("look", "text", "p1.png"), ("look", "colour", "p2.png")} <= flags
    assert not {f for f in flags if f[2] == "p0.png"} and not has_text(dark)


def test_nearly_black_pictures(folder):
    spots = (picture(2) // 16).astype(np.uint16)
    spots[5, 5] = 65535
    top = folder(pairs([white(disc())] * 2, images=[picture(0), spots]))
    assert ("look", "dark", "p1.png") in found(top)
