"""What counts as a mask, and what is refused as none, against a second computation."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import binary_dilation
from sources.fakes import disc, picture, png, refused, saved

from usft_lib.sources.masks import mask, to_mask


@pytest.mark.parametrize("value", [1, 2, 38, 255])
def test_zero_and_any_other_value(value):
    got, soft = mask(png(disc().astype(np.uint8) * np.uint8(value)), "m")
    assert np.array_equal(got, disc()) and not soft


def test_mask_modes():
    inside = disc()
    grey_image = Image.fromarray(inside.astype(np.uint8) * 255)
    red = np.zeros((*inside.shape, 3), np.uint8)
    red[inside, 0] = 200
    palette = Image.fromarray(inside.astype(np.uint8)).convert("P")
    palette.putpalette([0, 0, 0, 128, 0, 0])
    sixteen = inside.astype(np.uint16) * 65535
    alpha = np.dstack([np.full((*inside.shape, 3), 255, np.uint8), inside.astype(np.uint8) * 255])
    images = [grey_image, grey_image.convert("1"), grey_image.convert("RGB"), grey_image.convert("LA"), palette]
    images += [Image.fromarray(a) for a in (red, sixteen, alpha)]
    for image in images:
        got, soft = mask(png(image), "m")
        assert np.array_equal(got, inside) and not soft, image.mode
    soft_float = saved(Image.fromarray(inside.astype(np.float32)), "TIFF")
    assert np.array_equal(mask(soft_float, "m")[0], inside)


def test_empty_mask_is_empty_and_a_full_one_is_refused():
    got, soft = to_mask(np.zeros((40, 48), np.uint8), "m")
    assert not got.any() and not soft
    assert "everywhere" in refused(to_mask, np.full((40, 48), 255, np.uint8), "m.png")


def soft_masks():
    big = disc(160, 192, 40)
    image = Image.fromarray(big.astype(np.uint8) * 255)
    yield "reduced", np.asarray(image.resize((48, 40), Image.Resampling.BICUBIC)), disc(40, 48, 10)
    yield "enlarged", np.asarray(image.resize((384, 320), Image.Resampling.BICUBIC)), disc(320, 384, 80)
    yield "blurred", np.asarray(image.filter(ImageFilter.GaussianBlur(6))), big
    yield "jpeg", np.asarray(Image.open(io.BytesIO(saved(image, "JPEG")))), big
    yield "float", np.asarray(image.filter(ImageFilter.GaussianBlur(2))).astype(np.float32) / 255, big
    small = Image.fromarray(disc(160, 192, 14).astype(np.uint8) * 255)
    yield "tiny", np.asarray(small.resize((48, 40), Image.Resampling.BILINEAR)), disc(40, 48, 3.5)


@pytest.mark.parametrize(("values", "inside"), [s[1:] for s in soft_masks()], ids=[s[0] for s in soft_masks()])
def test_antialiased_masks_are_cut_at_half(values, inside):
    got, soft = to_mask(values, "m")
    assert soft
    assert 2 * (got & inside).sum() / (got.sum() + inside.sum()) > 0.95


def shapes() -> dict[str, np.ndarray]:
    """Objects with round, slanted, axis-parallel and ragged edges, thin ones too; bool [120, 144] each."""
    y, x = np.mgrid[:120, :144]
    lines = Image.new("1", (144, 120))
    ImageDraw.Draw(lines).line([(5, 7), (60, 100), (140, 11), (90, 115)], fill=1, width=3)
    return {
        "disc": disc(120, 144, 36),
        "small": disc(120, 144, 5),
        "rectangle": (y > 30) & (y < 80) & (x > 41) & (x < 104),
        "bar": (y > 31) & (y < 80) & (x > 40) & (x < 104),
        "slanted": (abs(x + 0.4 * y - 96) < 25) & (abs(y - 0.4 * x - 30) < 28),
        "ring": disc(120, 144, 40) & ~disc(120, 144, 34),
        "ragged": picture(4, 120, 144) > 128,
        "lines": np.asarray(lines),
    }


@pytest.mark.parametrize("shape", shapes())
def test_antialiased_resizes_of_many_kinds_are_accepted(shape):
    """A box reduction by 2 leaves three values in between only (64, 128, 191), by 4 fifteen."""
    inside = shapes()[shape]
    image = Image.fromarray(inside.astype(np.uint8) * 255)
    for factor in (2, 3, 4, 0.5, 0.37):
        size = (round(144 / factor), round(120 / factor))
        for way in (Image.Resampling.BOX, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS):
            values = np.asarray(image.resize(size, way))
            got, _ = to_mask(values, "m")
            assert np.array_equal(got, values > values.max() / 2), (factor, way)
    for sigma in (0.5, 1, 3):
        to_mask(np.asarray(image.filter(ImageFilter.GaussianBlur(sigma))), "m")


@pytest.mark.parametrize("quality", [60, 75, 90, 100])
def test_jpeg_is_accepted_and_changes_next_to_nothing(quality):
    for name, inside in shapes().items():
        for value in (255, 254, 230):
            file = io.BytesIO()
            Image.fromarray(inside.astype(np.uint8) * np.uint8(value)).save(file, "JPEG", quality=quality)
            got, _ = mask(file.getvalue(), "m")
            assert (got != inside).mean() < 0.002, (name, value)
        file = io.BytesIO()
        half = Image.fromarray(inside.astype(np.uint8) * 255).resize((72, 60), Image.Resampling.BOX)
        half.save(file, "JPEG", quality=quality)
        mask(file.getvalue(), "m")


@pytest.mark.parametrize("values", [(2, 255), (220, 255), (30, 255), (1, 2, 255)])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_classes_near_an_end_are_listed(values, kind):
    """Far apart, as one inside the other, and as a contour around the other (PASCAL VOC's "void" is 255)."""
    beside = np.zeros((60, 80), kind)
    for i, value in enumerate(values):
        beside[5:50, 8 + 20 * i : 24 + 20 * i] = value
    nested = np.zeros((60, 80), kind)
    for i, value in enumerate(values):
        nested[disc(60, 80, 25 - 8 * i)] = value
    contour = np.zeros((60, 80), kind)
    for i, value in reversed(list(enumerate(values))):
        contour[disc(60, 80, 16 + 5 * i)] = value
    for classes in (beside, nested, contour):
        message = refused(to_mask, classes, "m.png")
        assert "more than two classes" in message and ", ".join(map(str, (0, *values))) in message


def test_all_classes_of_voc_are_not_noise():
    classes = np.zeros((120, 80), np.uint8)
    for i, value in enumerate((1, 2, 5, 9, 11, 12, 15, 18, 20, 255)):
        classes[12 * i : 12 * i + 8, 10:60] = value
    assert "more than two classes" in refused(to_mask, classes, "m.png")


@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize(
    ("value", "soft"), [(20, False), (100, False), (150, False), (220, False), (100, True), (150, True)]
)
def test_a_thin_class_is_refused(value, width, soft):
    """Lines of one value, beside and across an object with hard or antialiased edges."""
    image = Image.fromarray(disc(480, 640, 120).astype(np.uint8) * 255)
    image = image.resize((160, 120), Image.Resampling.BOX if soft else Image.Resampling.NEAREST)
    for ends in ([(5, 10), (150, 20)], [(10, 110), (150, 60)], [(20, 5), (20, 110)]):
        ImageDraw.Draw(image).line(ends, fill=value, width=width)
    message = refused(to_mask, np.asarray(image), "m.png")
    assert "more than two classes" in message and f"0, {value}, 255" in message


def test_what_cannot_be_told_from_an_antialiased_edge_is_cut_at_half():
    """A contour of a further class, one pixel wide: the edge moves by that pixel at most."""
    values = disc(80, 80, 25).astype(np.uint8) * 255
    ring = binary_dilation(values > 0) & (values == 0)
    for value in (100, 150):
        values[ring] = value
        got, soft = to_mask(values, "m.png")
        assert soft and np.array_equal(got, (values == 255) | (ring & (value == 150)))


@pytest.mark.parametrize("values", [(1, 2), (128, 255)])
def test_classes_are_listed(values):
    classes = np.zeros((60, 80), np.uint8)
    for i, value in enumerate(values):
        classes[5:50, 8 + 20 * i : 24 + 20 * i] = value
    message = refused(to_mask, classes, "m.png")
    assert "more than two classes" in message and "keep one class" in message
    assert ", ".join(map(str, (0, *values))) in message


def test_a_trimap_with_a_border_class_is_refused():
    """Figure 1, ground 2, border 3, as the Pets set has it."""
    values = np.full((80, 80), 2, np.uint8)
    values[disc(80, 80, 25)] = 3
    values[disc(80, 80, 21)] = 1
    assert "1, 2, 3" in refused(to_mask, values, "m.png")


def test_two_values_without_zero_and_colours_and_pictures_are_refused():
    assert "no 0" in refused(to_mask, np.where(disc(), 2, 1).astype(np.uint8), "m.png")
    colours = np.zeros((40, 48, 3), np.uint8)
    colours[:, 10:20, 0] = 255
    colours[:, 30:40, 1] = 255
    assert "3 colours" in refused(mask, png(colours), "m.png")
    noise = np.random.default_rng(0).gamma(2, 40, (80, 80)).clip(0, 255).astype(np.uint8)
    assert "as a picture does" in refused(to_mask, noise, "m.png")
    assert "m.png" in refused(to_mask, picture(0, 80, 80), "m.png")
