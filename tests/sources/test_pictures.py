"""Decoding, the grey range, and the fit to a square, each against a second computation."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from sources.fakes import disc, picture, png, refused, saved

from usft_lib.sources.pictures import fit_mask, fit_picture, fitted_mm, full_range, grey, pad_square


def claimed_png(width: int, height: int) -> bytes:
    """A PNG whose header claims a size; the pixels are not there, so a decoder that looked would fail."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 10)

    def chunk(body: bytes) -> bytes:
        return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))

    return b"\x89PNG\r\n\x1a\n" + chunk(header) + chunk(data) + chunk(b"IEND")


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_hundred_megapixels_are_refused_before_decoding(side):
    message = refused(grey, claimed_png(side, 10_000), "big.png")
    assert "big.png" in message and "megapixels" in message


def test_damaged_and_foreign_files_are_named():
    data = png(picture())
    for bad in (data[: len(data) // 2], b"no picture", b""):
        assert "x.png" in refused(grey, bad, "x.png")
    assert "damaged" in refused(grey, saved(Image.fromarray(picture()), "GIF"), "x.gif")


def test_stack_of_pictures():
    file = io.BytesIO()
    pages = [Image.fromarray(picture(i)) for i in range(3)]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    assert "3 pictures" in refused(grey, file.getvalue(), "stack.tif")


def test_eight_bit_and_one_bit():
    values = picture()
    assert np.array_equal(grey(png(values), "x"), values)
    assert np.array_equal(grey(png(Image.fromarray(disc())), "x"), disc() * 255)


def test_colour_is_luma():
    rgb = np.stack([picture(1), picture(2), picture(3)], axis=-1)
    expected = rgb @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey(png(rgb), "x") - expected).max() <= 1


def test_palette():
    image = Image.fromarray(picture() // 64).convert("P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 255, 255, 255])
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [255, 255, 255]])
    expected = colours[np.asarray(image)] @ np.array([0.299, 0.587, 0.114])
    assert np.abs(grey(png(image), "x") - expected).max() <= 1


def test_alpha_is_ignored_where_opaque_and_black_where_not():
    values, alpha = picture(1), picture(2)
    makers = {"LA": lambda a: np.stack([values, a], -1), "RGBA": lambda a: np.stack([values] * 3 + [a], -1)}
    for mode, make in makers.items():
        opaque = Image.fromarray(make(np.full_like(values, 255)))
        assert opaque.mode == mode
        assert np.array_equal(grey(png(opaque), "x"), values)
        expected = values * (alpha / 255.0)
        assert np.abs(grey(png(Image.fromarray(make(alpha))), "x") - expected).max() <= 1


def test_sixteen_bit_keeps_its_depth():
    values = (np.arange(40 * 48).reshape(40, 48) * 34).astype(np.uint16)
    got = grey(png(values), "x")
    assert got.dtype == np.uint16 and np.array_equal(got, values)
    fitted = fit_picture(got, 48, "pad")
    assert fitted.max() > 60_000  # not clipped at 255


@pytest.mark.parametrize(
    ("kind", "largest", "white"),
    [
        ("uint8", 7, 255),
        ("uint16", 255, 255),
        ("uint16", 256, 4095),
        ("uint16", 4095, 4095),
        ("uint16", 4096, 65535),
        ("float32", 0.5, 1),
        ("float32", 200, 255),
        ("float32", 300, 65535),
    ],
)
def test_white(kind, largest, white):
    assert full_range(np.dtype(kind), largest) == white


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_picture_of_one_value_shows_nothing(value):
    flat = np.full((40, 48), value, np.uint8)
    for image in (flat, np.dstack([flat] * 3)):
        assert f"x.png is {value} everywhere" in refused(grey, png(image), "x.png")


def test_float_pictures():
    values = picture().astype(np.float32) / 255
    assert np.array_equal(grey(saved(Image.fromarray(values), "TIFF"), "x"), values)
    for bad in (np.nan, np.inf, -1):
        values[3, 4] = bad
        message = refused(grey, saved(Image.fromarray(values), "TIFF"), "x.tif")
        assert "x.tif" in message and ("NaN" in message or "-1" in message)


def test_padding_centres_and_keeps_everything():
    values = picture(0, 30, 48)
    square = pad_square(values)
    assert square.shape == (48, 48)
    assert np.array_equal(square[9:39], values) and not square[:9].any() and not square[39:].any()


@pytest.mark.parametrize(("old", "new"), [(32, 16), (40, 32), (50, 16), (16, 40)])
def test_mask_resize_by_any_factor_is_area(old, new):
    """Against counting on a grid so fine that both sizes divide it."""
    coarse = disc(old, old, 0.3 * old, y=0.45 * old, x=0.52 * old)
    fine = coarse.repeat(new, 0).repeat(new, 1)
    share = fine.reshape(new, old, new, old).mean((1, 3))
    assert np.array_equal(fit_mask(coarse, new, "stretch"), share >= 0.5)


def test_resize_keeps_areas_positions_and_means():
    fine = disc(300, 400, 60, y=100, x=250)
    small = fit_mask(fine, 96, "pad")
    scale = 96 / 400
    assert small.sum() == pytest.approx(np.pi * (60 * scale) ** 2, rel=0.02)
    rows, columns = np.nonzero(small)
    assert rows.mean() == pytest.approx((100 + 50 + 0.5) * scale - 0.5, abs=0.1)
    assert columns.mean() == pytest.approx((250 + 0.5) * scale - 0.5, abs=0.1)
    values = picture(3, 256, 256)
    assert fit_picture(values, 64, "stretch").mean() == pytest.approx(values.mean(), abs=1)
    assert fit_picture(fine.astype(np.uint8) * 255, 96, "pad")[small].mean() > 230


def test_reduction_is_antialiased():
    """A pattern finer than the new pixels becomes its mean, not stripes."""
    stripes = np.tile(np.array([0, 255], np.uint8), (256, 128))
    assert fit_picture(stripes, 64, "stretch").std() < 3


def test_stretch_fills_the_square():
    assert fit_mask(np.ones((30, 48), bool), 16, "stretch").all()
    assert fit_mask(np.ones((24, 48), bool), 16, "pad").sum() == 16 * 8


def test_spacing_of_a_padded_picture():
    """A disc of 20 mm measures 20 mm after the fit."""
    mm = 0.25
    small = fit_mask(disc(300, 400, 40), 128, "pad")
    assert 2 * np.sqrt(small.sum() / np.pi) * fitted_mm(mm, (300, 400), 128) == pytest.approx(20, rel=0.02)
