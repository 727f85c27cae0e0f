"""A student's own files: pairs, subjects, depths, and one line for each thing that can be wrong with them."""

import numpy as np
import pytest
import torch
from PIL import Image
from sources.fakes import disc, picture, png

from usft_lib.errors import BadInput
from usft_lib.sources import load_folder


@pytest.fixture
def own(tmp_path):
    """Write files into images/ and masks/ and give both folders."""

    def make(images: dict, masks: dict):
        for folder, files in (("images", images), ("masks", masks)):
            (tmp_path / folder).mkdir(exist_ok=True)
            for name, values in files.items():
                image = values if isinstance(values, Image.Image) else Image.fromarray(values)
                image.save(tmp_path / folder / name)
        return tmp_path / "images", tmp_path / "masks"

    return make


def mask(**options) -> np.ndarray:
    return disc(**options).astype(np.uint8) * 255


def refused(folders, **options) -> str:
    before = sorted(p for folder in folders for p in folder.rglob("*"))
    with pytest.raises(BadInput) as caught:
        load_folder(*folders, size=32, **options)
    assert "\n" not in str(caught.value)
    assert before == sorted(p for folder in folders for p in folder.rglob("*"))
    return str(caught.value)


def test_pairs_by_stem_and_endings(own, capsys):
    stems = {"a.png": "a.png", "b.jpg": "b_mask.png", "c.bmp": "c-Seg.tif"}
    stems |= {"d.tiff": "d_Annotation.bmp", "e.JPEG": "e_gt.png"}
    folders = own(
        {name: picture(i) for i, name in enumerate(stems)},
        {name: mask(radius=4 + 2 * i) for i, name in enumerate(stems.values())},
    )
    (folders[0] / "Thumbs.db").write_bytes(b"x")
    (folders[0] / "._a.png").write_bytes(b"x")
    (folders[0] / "notes.txt").write_text("x")
    data = load_folder(*folders, size=48)
    assert data.ids == data.subjects == list("abcde")
    areas = data.masks.sum((1, 2, 3)).tolist()
    assert areas == [int(disc(radius=4 + 2 * i).sum()) for i in range(5)]  # 48 × 40 padded to 48 × 48
    assert torch.equal(data.images[0, 0, 4:44], torch.tensor(picture(0)) / 255)
    assert data.name == "folder" and "5 images" in data.provenance
    assert "subject" in capsys.readouterr().out


def test_subjects_and_spacing(own, capsys):
    names = ["p1_left.png", "p1_right.png", "p22_left.png"]
    folders = own({n: picture(i) for i, n in enumerate(names)}, {n: mask() for n in names})
    data = load_folder(*folders, size=32, subject=r"^p(\d+)_", spacing_mm=0.2, name="mine")
    assert data.subjects == ["1", "1", "22"] and data.name == "mine"
    assert data.spacing_mm.tolist() == pytest.approx([0.2 * 48 / 32] * 3)
    assert load_folder(*folders, size=32, subject=lambda name: name.split("_")[0]).subjects == ["p1", "p1", "p22"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (r"(q\d+)", "does not match 'p1.png'"),
        (r"p\d+", "0 groups"),
        (r"(p)(\d+)", "2 groups"),
        ("(", "no regular expression"),
        (7, "no regular expression"),
        (lambda name: name.nothing, "failed with AttributeError"),
    ],
)
def test_rules_that_do_not_fit(own, rule, words):
    assert words in refused(own({"p1.png": picture()}, {"p1.png": mask()}), subject=rule)


def test_depths_and_modes(own, capsys):
    values = picture()
    deep = values.astype(np.uint16) * 257
    rgba = np.dstack([values] * 3 + [np.full_like(values, 255)])
    palette = Image.fromarray(values).convert("P")
    images = {"a.png": values, "b.png": deep, "c.png": rgba, "d.png": palette, "e.tif": values.astype(np.float32) / 255}
    images["f.png"] = np.stack([values, np.full_like(values, 255)], -1)
    data = load_folder(*own(images, {f"{name[0]}_mask.png": mask() for name in images}), size=48, subject="(.)")
    for i in range(len(images)):
        assert torch.allclose(data.images[i], data.images[0], atol=1e-4), list(images)[i]
    assert (out := capsys.readouterr().out).count("\n") == 1 and "5 of 6 images: looks like a picture" in out


def test_twelve_bit_is_decided_for_the_whole_folder(own, capsys):
    bright, dark = picture(0).astype(np.uint16) * 16, picture(1).astype(np.uint16) * 2
    masks = {"a.png": mask(), "b.png": mask(), "c.png": mask()}
    folders = own({"a.png": bright, "b.png": dark}, {k: masks[k] for k in "a.png b.png".split()})
    data = load_folder(*folders, size=48, subject="(.)")
    assert data.images[0].max() == pytest.approx(bright.max() / 4095, abs=1e-4)
    assert data.images[1].max() == pytest.approx(dark.max() / 4095, abs=1e-4)  # as dark beside the other as it was
    assert "12 bit" in capsys.readouterr().out
    folders = own({"c.png": picture(2).astype(np.uint16) * 257}, {"c.png": mask()})
    data = load_folder(*folders, size=48, subject="(.)")
    assert data.images[0].max() == pytest.approx(bright.max() / 65535, abs=1e-4)


@pytest.mark.parametrize("kind", [np.uint16, np.int32])
def test_eight_bit_values_in_wider_files_are_not_black(own, capsys, kind):
    folders = own({"a.tif": picture().astype(kind), "b.png": picture(1)}, {"a.png": mask(), "b.png": mask()})
    data = load_folder(*folders, size=48, subject="(.)")
    for i in (0, 1):
        assert torch.allclose(data.images[i, 0, 4:44], torch.tensor(picture(i)) / 255, atol=1e-6)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "goes beyond 255, so 255 counts as white (8 bit)" in out


def test_float_values_up_to_255_are_not_called_16_bit(own, capsys):
    load_folder(*own({"a.tif": picture().astype(np.float32)}, {"a.png": mask()}), size=48, subject="(.)")
    assert capsys.readouterr().out == ""


def test_one_image_or_mask_too_many(own):
    folders = own({"a.png": picture(), "b.png": picture(1)}, {"a_mask.png": mask()})
    message = refused(folders)
    assert "1 of 2 images: no mask (b.png)" in message and "pair=" in message and "b_mask.png" not in message
    folders = own({}, {"b_mask.png": mask(), "c_mask.png": mask()})
    assert "1 masks: no image for this mask (c_mask.png)" in refused(folders)


def test_two_of_one_name(own):
    folders = own({"a.png": picture(), "a.jpg": picture()}, {"a.png": mask()})
    assert "a.jpg and a.png differ only in their ending" in refused(folders)
    (folders[0] / "a.jpg").unlink()
    own({}, {"a_mask.png": mask()})
    assert "a.png has two masks, a.png and a_mask.png" in refused(folders)


@pytest.mark.parametrize("value", [0, 255])
def test_image_that_shows_nothing(own, value):
    folders = own({"a.png": np.full((40, 48), value, np.uint8)}, {"a.png": mask()})
    assert f"a.png is {value} everywhere" in refused(folders)


def test_nan_in_a_mask(own):
    values = disc().astype(np.float32)
    values[3, 3] = np.nan
    assert "a_mask.tif contains NaN" in refused(own({"a.png": picture()}, {"a_mask.tif": values}))


def test_soft_masks_are_cut_and_it_is_said_once(own, capsys):
    soft = Image.fromarray(mask(height=160, width=192, radius=40)).resize((48, 40), Image.Resampling.BICUBIC)
    names = ["a.png", "b.png", "c.png"]
    masks = {"a.png": soft, "b.png": soft, "c.png": mask(radius=10)}
    data = load_folder(*own({n: picture(i) for i, n in enumerate(names)}, masks), size=48, subject="(.)")
    assert data.masks[0].sum() == pytest.approx(np.pi * 100, rel=0.05)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "2 of 3 images: the mask has soft edges" in out and "a.png" in out


def test_wrong_folders_and_files(own, tmp_path):
    images, masks = own({"a.png": picture()}, {"a.png": mask()})
    with pytest.raises(BadInput, match="There is no folder"):
        load_folder(tmp_path / "nowhere", masks)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="has no images"):
        load_folder(tmp_path / "empty", masks)
    with pytest.raises(BadInput, match="multiple of 16"):
        load_folder(images, masks, size=100)
    assert "spacing_mm" in refused((images, masks), spacing_mm=-1)
    (images / "a.png").write_bytes(png(picture())[:200])
    assert "a.png is damaged" in refused((images, masks))
    (images / "a.png").write_bytes(b"<html>")
    assert "a.png is damaged or no picture" in refused((images, masks))
