"""A network on new images: masks at each image's own size, aligned; and a folder that no accident leaves half done."""

import csv
import re
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import usft_lib as usft
from usft_lib import BadInput, __main__
from usft_lib.apply import folder as whole
from usft_lib.apply import image as single
from usft_lib.sources.catalogue import SOURCES

ANY = [[0] * 16, [1] * 16]  # greys of training images that are as different as can be


class Known(usft.UNet):
    """A network that is known: the probability is the brightness. It notes what it is given."""

    def __init__(self, size=128, fit="pad", **prepared):
        torch.manual_seed(0)  # no weight counts, but a folder knows a network by them
        super().__init__(2, 2)
        self.card, self.given = {"prepared": {"size": size, "fit": fit, "greys": ANY, **prepared}}, []

    def forward(self, x):
        self.given.append(x)
        return torch.logit(x, 1e-6)


def save(path, values, **how):
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.fromarray(np.asarray(values)).save(path, **how)
    return path


def blob(height, width, soft=0.05):
    """A smooth lobed disc, uint8, and the distance from its outline: about right near it, below 0 inside."""
    y, x = np.mgrid[:height, :width] + 0.5
    y, x, least = y - 0.47 * height, x - 0.55 * width, min(height, width)
    distance = np.hypot(x, y) - 0.3 * least * (1 + 0.1 * np.cos(3 * np.arctan2(y, x)))
    return np.rint(255 / (1 + np.exp(distance / (soft * least)))).astype(np.uint8), distance


def masks_in(out):
    return {path.name: np.asarray(Image.open(path)) for path in sorted((out / "masks").iterdir())}


def everything(out):
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture(autouse=True)
def small_overlays(monkeypatch):
    monkeypatch.setattr(whole, "OVERLAY", 96)


@pytest.fixture
def three(tmp_path):
    """A folder of three small pictures of different sizes."""
    for k, shape in enumerate([(40, 56), (64, 33), (48, 48)]):
        save(tmp_path / "in" / f"scan{k}.png", blob(*shape)[0])
    return tmp_path / "in"


# ---- at the image's own size ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", ["pad", "stretch"])
@pytest.mark.parametrize("shape", [(97, 211), (211, 97), (480, 640), (768, 1024), (50, 50)])
def test_the_mask_of_a_known_network_is_the_analytic_one(tmp_path, shape, fit):
    picture, distance = blob(*shape)
    found = usft.segment_image(Known(fit=fit), save(tmp_path / "a.png", picture))
    assert found.mask.shape == found.image.shape == found.probability.shape == (1, *shape)
    wrong = found.mask[0].numpy() != (distance < 0)
    pixel = max(shape) / 128  # of the network, in pixels of the file
    off = abs(distance[wrong]).max(initial=0) / pixel
    print(f"{shape} {fit}: {off:.3f} network pixels")
    assert off < 0.25
    shifted = np.roll(found.mask[0].numpy(), max(1, round(pixel)), 1) != (distance < 0)
    assert abs(distance[shifted]).max() / pixel > 0.5, "a planted shift of one network pixel is seen"


def test_probabilities_come_back_as_a_second_implementation_has_them():
    """Torch enlarges the whole square, and the padding is cut off after that."""
    coarse = np.random.default_rng(0).random((32, 32), dtype=np.float32)
    for height, width in ((97, 211), (64, 50), (33, 32)):
        side = max(height, width)
        square = torch.nn.functional.interpolate(torch.from_numpy(coarse)[None, None], (side, side), mode="bilinear")
        top, left = (side - height) // 2, (side - width) // 2
        expected = square[0, 0, top : top + height, left : left + width].numpy()
        assert abs(single._at_own_size(coarse, height, width, "pad") - expected).max() < 1e-5


def test_at_the_networks_size_the_masks_are_those_of_segment_in_batches(discs, small, tmp_path):
    usft.fit(small, discs, steps=30, lr=1e-2, progress=False)
    for k, image in enumerate(discs.images[:12]):
        save(tmp_path / "in" / f"{k:02d}.png", np.rint(image[0].numpy() * 255).astype(np.uint8))
    table = usft.segment_folder(small, tmp_path / "in", tmp_path / "out")
    again = torch.stack([torch.from_numpy(np.array(Image.open(p))) for p in sorted((tmp_path / "in").iterdir())])
    together = usft.segment(small, again[:, None].float() / 255)[:, 0].numpy()
    got = np.stack(list(masks_in(tmp_path / "out").values())) == 255
    assert (got == together).all() and got.any() and table["area_px"].tolist() == got.sum((1, 2)).tolist()
    alone = [usft.segment_image(small, path).mask[0].numpy() for path in sorted((tmp_path / "in").iterdir())]
    assert (np.stack(alone) == got).all()


PIXELS = np.random.default_rng(1).integers(0, 256, (40, 30, 4), np.uint8)
MODES = {
    "grey.png": PIXELS[..., 0], "colour.jpg": PIXELS[..., :3], "alpha.png": PIXELS, "two.bmp": PIXELS[..., 0] > 127,
    "deep.tif": PIXELS[..., 0].astype(np.uint16) * 16, "float.tiff": PIXELS[..., 0] / np.float32(255),
}  # fmt: skip


@pytest.mark.parametrize("name", MODES)
def test_the_network_is_given_what_load_folder_would_give_it(tmp_path, name):
    save(tmp_path / "in" / name, MODES[name])
    save(tmp_path / "masks" / f"{name[:-4].strip('.')}.png", blob(40, 30)[0] > 127)
    data = usft.load_folder(tmp_path / "in", tmp_path / "masks", size=32)
    network = Known(size=32)
    usft.segment_image(network, tmp_path / "in" / name)
    assert torch.equal(network.given[0], data.images)


def test_a_few_bright_pixels_do_not_make_a_16_bit_image_black(tmp_path, capsys):
    picture = blob(96, 96)[0].astype(np.uint16) * 16
    marked = picture.copy()
    marked[:2, :20] = 65535
    save(tmp_path / "in" / "plain.png", picture)
    save(tmp_path / "in" / "marked.png", marked)
    for known in ({}, {"white": {"uint16": 4095}}):  # met in training or not
        out = tmp_path / f"out{len(known)}"
        table = usft.segment_folder(Known(**known), tmp_path / "in", out).set_index("image")
        assert table["white"].tolist() == [4095, 4095]
        flag = table["flag"]
        assert "brighter" not in flag["plain.png"] and "40 pixels are brighter than white" in flag["marked.png"]
        masks = masks_in(out)
        assert (masks["plain.png"] != masks["marked.png"])[4:].sum() == 0 and masks["plain.png"].any()
        assert "4095 in 2 images" in capsys.readouterr().out


def test_numbers_of_the_table_are_those_of_a_drawn_mask(tmp_path):
    picture = np.full((64, 64), 13, np.uint8)
    picture[0:10, 5:15] = picture[30:40, 30:40] = picture[40:50, 40:50] = 255  # two touch at a corner
    row = usft.segment_image(Known(size=64), save(tmp_path / "a.png", picture), spacing_mm=0.5).row
    assert (row["width"], row["height"], row["area_px"], row["area_mm2"]) == (64, 64, 300, 75.0)
    assert row["pieces"] == 2 and row["touches_border"] and row["share"] == round(300 / 4096, 6)
    assert row["probability"] == 1 and row["flag"] == ""
    picture[0:10, 5:15] = 13
    row = usft.segment_image(Known(size=64), save(tmp_path / "a.png", picture)).row
    assert row["pieces"] == 1 and not row["touches_border"] and np.isnan(row["area_mm2"])


@pytest.mark.parametrize("values, word", [
    (np.where(blob(64, 64)[1] < 0, 255, 0), ""),
    (np.where(blob(64, 64)[1] < 0, 160, 0), "unsure .0.63"),
    (np.where(blob(64, 64)[1] < 0, 100, 0), "unsure .0.61"),  # nothing is found, but nearly
    (np.where(blob(64, 64)[1] < 0, 20, 0), ""),
    (np.where(blob(64, 64)[1] < 0, 0, 255), "unlike those of the training images in 1[0-9] of 16"),
    (np.where(blob(32, 32)[1] < 0, 255, 0), "smaller than the network's 64"),
])  # fmt: skip
def test_what_one_should_look_at_is_flagged(tmp_path, values, word):
    usual = (blob(64, 64)[1] < 0).reshape(4, 16, 4, 16).mean((1, 3)).flatten().tolist()
    network = Known(size=64, greys=[[0] * 16, usual])
    flag = usft.segment_image(network, save(tmp_path / "a.png", values.astype(np.uint8))).row["flag"]
    assert flag == "" if not word else re.search(word, flag), flag


# ---- the card -------------------------------------------------------------------------------------------------


def test_fit_notes_how_images_were_prepared(discs, small, tmp_path):
    data = replace(discs, prepared={"fit": "stretch", "white": {"uint16": 4095.0}})
    usft.fit(small, data[:20], steps=1, progress=False)
    noted = usft.load_model(usft.save_model(small, tmp_path / "m.safetensors")).card["prepared"]
    assert noted["size"] == 32 and noted["fit"] == "stretch" and noted["white"] == {"uint16": 4095}
    fields = discs.images[:20].unfold(2, 8, 8).unfold(3, 8, 8).mean((-1, -2)).flatten(1).numpy()
    assert np.allclose(noted["greys"], np.quantile(fields, [0.01, 0.99], axis=0), atol=0.0051)
    usft.fit(small, discs, steps=1, progress=False)
    assert small.card["prepared"]["fit"] == "pad" and "prepared" not in small.card.get("began_from", {})


GOOD = {"size": 32, "fit": "pad", "greys": ANY}


@pytest.mark.parametrize("prepared", [
    None, {}, [], "pad", {**GOOD, "size": 33}, {**GOOD, "size": "32"}, {**GOOD, "fit": "crop"},
    {**GOOD, "greys": [0, 1]}, {**GOOD, "greys": [[0] * 3, [1] * 3]}, {**GOOD, "greys": [[0] * 16, ["1"] * 16]},
    {**GOOD, "white": 255},
    {**GOOD, "white": {"uint16": 0}}, {**GOOD, "greys": [[0] * 16, [float("nan")] * 16]},
])  # fmt: skip
def test_a_card_that_does_not_say_it_is_one_line(three, small, prepared, tmp_path):
    if prepared is not None:
        small.card = {"prepared": prepared}
    for call in (usft.segment_image, lambda model, image: usft.segment_folder(model, three, tmp_path / "out")):
        with pytest.raises(BadInput, match="not say how its images were prepared: train with usft.fit") as caught:
            call(small, three / "scan0.png")
        assert "\n" not in str(caught.value)
    small.card = {"prepared": {"size": 128, "fit": "pad", "greys": ANY}}  # what the line advises
    usft.segment_image(small, three / "scan0.png")


@pytest.mark.parametrize("name", ["xray", "xray-simulated", "ultrasound-simulated"])
def test_shipped_weights_say_how_their_images_were_prepared(name, three):
    model = usft.pretrained(name)
    assert model.card["prepared"]["fit"] == ("stretch" if name == "xray" else "pad")
    assert usft.segment_image(model, three / "scan0.png").mask.shape == (1, 40, 56)


# ---- a folder -------------------------------------------------------------------------------------------------


def test_a_folder_gives_masks_overlays_and_a_table(three, tmp_path, capsys):
    (three / "notes.txt").write_text("x")
    (three / ".DS_Store").write_text("x")
    out = tmp_path / "deep" / "out"
    table = usft.segment_folder(Known(), three, out, spacing_mm=0.1)
    told = capsys.readouterr().out
    assert "Left out of in: 1 × .txt." in told and f"3 masks and their table are in {out.name}" in told
    for path in sorted(three.glob("*.png")):
        mask, overlay = Image.open(out / "masks" / path.name), Image.open(out / "overlays" / f"{path.stem}.jpg")
        assert mask.size == Image.open(path).size and set(np.unique(mask)) == {0, 255} and mask.mode == "L"
        assert max(overlay.size) == 96 and overlay.mode == "RGB"
        colour = np.asarray(overlay).astype(int)
        assert (abs(colour - (230, 159, 0)).max(-1) < 60).any(), "the outline is there"
    with open(out / "segments.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == table["image"].tolist() == ["scan0.png", "scan1.png", "scan2.png"]
    assert [int(row["area_px"]) for row in rows] == table["area_px"].tolist()
    assert all(float(row["area_mm2"]) == pytest.approx(int(row["area_px"]) / 100) for row in rows)


def interrupt(monkeypatch, after, error):
    """Let the ``after``-th file from now on be written by half, and no other."""
    count, write_whole = [0], whole.write_whole

    def failing(path, write):
        def half(file):
            count[0] += 1
            if count[0] < after:
                return write(file)
            file.write(b"half")
            raise error

        write_whole(path, half)

    monkeypatch.setattr(whole, "write_whole", failing)


@pytest.mark.parametrize("after", (1, 2, 3, 4, 6, 8))
def test_a_full_disk_leaves_whole_files_and_the_next_call_goes_on(three, tmp_path, monkeypatch, after):
    expected = usft.segment_folder(Known(), three, tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt(patch, after, OSError(28, "No space left on device"))
        with pytest.raises(BadInput, match="No space left on device.: free some space.*to continue") as caught:
            usft.segment_folder(Known(), three, tmp_path / "out")
        assert "\n" not in str(caught.value)
    all_of_them = everything(tmp_path / "whole")
    left = everything(tmp_path / "out") if (tmp_path / "out").exists() else {}
    assert all(data == all_of_them[name] for name, data in left.items() if name != "segments.csv")
    again = usft.segment_folder(Known(), three, tmp_path / "out")
    assert everything(tmp_path / "out") == all_of_them and again.equals(expected)


def test_what_is_done_is_neither_computed_nor_written_again(three, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(whole, "_overlay", lambda found: (_ for _ in ()).throw(KeyboardInterrupt))
        patch.setattr(whole, "segment_values", counted := Counted(whole.segment_values))
        with pytest.raises(KeyboardInterrupt):
            usft.segment_folder(Known(), three, tmp_path / "out")
    assert counted.names == ["scan0.png"]
    monkeypatch.setattr(whole, "segment_values", counted := Counted(whole.segment_values))
    first = usft.segment_folder(Known(), three, tmp_path / "out")
    mine = save(tmp_path / "out" / "masks" / "scan1.png", np.zeros((64, 33), np.uint8))  # corrected by hand
    save(three / "scan3.png", blob(30, 30)[0])
    (tmp_path / "out" / "masks" / f"tmp-{'0' * 32}").write_bytes(b"half")  # of a call that was killed
    kept = mine.read_bytes()
    second = usft.segment_folder(Known(), three, tmp_path / "out")
    assert counted.names == [f"scan{k}.png" for k in range(4)]
    assert mine.read_bytes() == kept and second[:3].equals(first) and len(second) == 4
    assert sorted(masks_in(tmp_path / "out")) == [f"scan{k}.png" for k in range(4)]


class Counted:
    def __init__(self, function):
        self.function, self.names = function, []

    def __call__(self, *what):
        self.names.append(what[2])
        return self.function(*what)


def test_a_damaged_image_stops_nothing_is_told_and_tried_again(three, tmp_path, capsys):
    good = (three / "scan1.png").read_bytes()
    (three / "scan1.png").write_bytes(good[:60])
    save(three / "black.png", np.zeros((20, 20), np.uint8))
    table = usft.segment_folder(Known(), three, tmp_path / "out").set_index("image")
    assert "Not read: 2 images. The first: black.png is 0 everywhere" in capsys.readouterr().out
    assert "scan1.png is damaged" in table["flag"]["scan1.png"] and sorted(masks_in(tmp_path / "out")) == [
        "scan0.png", "scan2.png"]  # fmt: skip
    (three / "scan1.png").write_bytes(good)
    (three / "black.png").unlink()
    table = usft.segment_folder(Known(), three, tmp_path / "out").set_index("image")
    assert "damaged" not in table["flag"]["scan1.png"] and len(masks_in(tmp_path / "out")) == 3


def refused(match, *what, **how):
    with pytest.raises(BadInput, match=match) as caught:
        usft.segment_folder(*what, **how)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_nothing_is_overwritten_unasked(three, tmp_path):
    out = tmp_path / "out"
    mine = save(out / "masks" / "scan0.png", np.zeros((4, 4), np.uint8))
    refused(r"out has other files .masks\),", Known(), three, out)
    assert list(everything(out)) == ["masks/scan0.png"]
    mine.unlink()
    mine.parent.rmdir()
    usft.segment_folder(Known(), three, out)  # an empty folder will do
    before = everything(out)
    refused("of another network or another spacing_mm", Known(), three, out, 0.1)
    refused("of another network", Known(size=64), three, out)
    other = Known()
    other.head.bias.data += 1
    refused("of another network", other, three, out)
    save(three / "scan0.png", blob(10, 10)[0])
    refused("scan0.png has changed since its mask was made", Known(), three, out)
    assert everything(out) == before
    (out / "segments.csv").write_text("a;b\n1;2\n")
    refused("segments.csv was edited or is damaged", Known(), three, out)


def test_bad_folders_are_one_line_and_leave_nothing(three, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    for out in (three, three / "out", three / "deep" / "out", tmp_path / "x" / ".." / "in" / "out"):
        refused("lies inside", Known(), three, out)
    (tmp_path / "link").symlink_to(three)
    refused("lies inside", Known(), tmp_path / "link", three / "out")
    (tmp_path / "link").unlink()
    refused("There is no folder", Known(), tmp_path / "none", tmp_path / "out")
    refused("There is no folder", Known(), three / "scan0.png", tmp_path / "out")
    refused("model must be a usft.UNet", three, Known(), tmp_path / "out")
    refused("spacing_mm must be", Known(), three, tmp_path / "out", spacing_mm=-1)
    with pytest.raises(BadInput, match="none.png cannot be read .No such file"):
        usft.segment_image(Known(), tmp_path / "none.png")
    assert sorted(tmp_path.rglob("*")) == before
    save(three / "scan0.jpg", blob(20, 20)[0])
    refused("scan0.jpg and scan0.png would have the same name", Known(), three, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    refused("has no images that can be read .*only nothing at all", Known(), tmp_path / "empty", tmp_path / "out")
    (tmp_path / "empty" / "a.dcm").write_bytes(b"x")
    (tmp_path / "empty" / "more").mkdir()
    refused("only 1 × .dcm, 1 × folder", Known(), tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_name_is_no_formula_and_is_known_again(tmp_path, monkeypatch):
    for name in ("=1+1", "@x", "-2", "plain"):
        save(tmp_path / "in" / f"{name}.png", blob(32, 32)[0])
    table = usft.segment_folder(Known(), tmp_path / "in", tmp_path / "out")
    with open(tmp_path / "out" / "segments.csv", encoding="utf-8", newline="") as file:
        assert [row["image"] for row in csv.DictReader(file)] == ["'-2.png", "'=1+1.png", "'@x.png", "plain.png"]
    monkeypatch.setattr(whole, "segment_values", None)
    assert usft.segment_folder(Known(), tmp_path / "in", tmp_path / "out").equals(table)


def test_the_memory_of_a_large_image_is_told_and_a_larger_one_is_refused(tmp_path, monkeypatch, capsys):
    save(tmp_path / "in" / "large.png", blob(200, 300)[0])
    save(tmp_path / "in" / "small.png", blob(20, 30)[0])
    usft.segment_folder(Known(), tmp_path / "in", tmp_path / "a")
    assert "megapixels" not in capsys.readouterr().out
    monkeypatch.setattr(single, "LARGE", 5e4)
    usft.segment_folder(Known(), tmp_path / "in", tmp_path / "b")
    assert "large.png has 0 megapixels: it needs about 0.0 GB of memory." in capsys.readouterr().out
    monkeypatch.setattr("usft_lib.sources.pictures.MEGAPIXELS", 0.05)
    table = usft.segment_folder(Known(), tmp_path / "in", tmp_path / "c")
    assert "large.png has 0 megapixels" in table["flag"][0] and sorted(masks_in(tmp_path / "c")) == ["small.png"]


def test_the_command_does_the_same(three, small, discs, tmp_path, monkeypatch, capsys):
    usft.fit(small, discs, steps=1, progress=False)
    weights = usft.save_model(small, tmp_path / "w.safetensors")
    words = ["usft_lib", "segment", weights, three, tmp_path / "a", "--spacing-mm", "0.2"]
    monkeypatch.setattr(sys, "argv", list(map(str, words)))
    __main__.main()
    usft.segment_folder(usft.load_model(weights), three, tmp_path / "b", 0.2)
    assert everything(tmp_path / "a") == everything(tmp_path / "b")
    monkeypatch.setattr(sys, "argv", list(map(str, [*words[:3], tmp_path, tmp_path / "c"])))
    with pytest.raises(SystemExit) as end:
        __main__.main()
    assert end.value.code == 1 and "has no images" in capsys.readouterr().err


# ---- real images ----------------------------------------------------------------------------------------------


def own_size_dice(source, mirror, model, wanted, folder):
    """Mean Dice at the files' own size of the images ``wanted``, by way of files on disk."""
    scores = {}
    for sample in source.read({archive.name: mirror / archive.name for archive in source.archives}, []):
        if sample.id in wanted:
            found = usft.segment_image(model, save(folder / f"{sample.id}.png", sample.picture))
            scores[sample.id] = float(usft.dice(found.mask[None], torch.from_numpy(sample.mask)[None, None]))
        if len(scores) == len(wanted):
            break
    return [scores[name] for name in wanted]


def test_lungs_at_their_own_size_score_as_evaluate_says(mirror, tmp_path):
    test = usft.load("montgomery").split(0.7, 0.1, 0.2, seed=0)[2]
    assert test.prepared == {"fit": "stretch"}
    model = usft.pretrained("xray")
    coarse = usft.evaluate(model, test)["dice"].mean()
    own = np.mean(own_size_dice(SOURCES["montgomery"], mirror, model, test.ids, tmp_path))
    print(f"Montgomery: {coarse:.4f} at 128, {own:.4f} at the files' size")
    assert abs(coarse - own) < 0.01
