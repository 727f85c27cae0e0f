"""Shenzhen chest X-rays: 566 radiographs for which a second group drew lung masks (another hospital: lesson 07)."""

from collections.abc import Iterator
from pathlib import Path

from ...errors import BadInput
from ..archive import SafeZip
from ..chests import mask_pattern, picture_pattern, remark, upright
from ..masks import mask
from ..pictures import grey
from ..source import Address, Archive, Sample, Source

PICTURES = "ChinaSet_AllFiles.zip"
MASKS = "shenzhen_masks.zip"
BY_HAND = "https://doi.org/10.17632/8gf9vpkhgy.2"
STEM = r"CHNCXR_\d+_[01]"
PICTURE, MASK = picture_pattern(STEM), mask_pattern(STEM)
REPEATS = {"0117": "0113", "0166": "0162", "0170": "0162"}  # pictures of one person under several numbers


def read(files: dict[str, Path], remarks: list[str]) -> Iterator[Sample]:
    """Only pictures with a mask are kept (566 of the published 662); a mask without its picture is an error.

    Sizes are not compared: both archives are stretched to one square, so reduced masks serve full-size pictures.
    Copies hold both in one file, with the Montgomery pictures, too, which are passed over.
    """
    turned: list[str] = []
    title = MASKS if files[MASKS] != files[PICTURES] else f"{PICTURES}, in the place of {MASKS},"
    with SafeZip(files[PICTURES], PICTURES) as pictures, SafeZip(files[MASKS], title) as masks:
        picture_of, mask_of = pictures.find(PICTURE, "CXR_png/CHNCXR_….png"), masks.find(MASK, "CHNCXR_…_mask.png")
        orphans = sorted(mask_of.keys() - picture_of.keys())
        if orphans:
            raise BadInput(f"{MASKS}: {mask_of[orphans[0]]} has no image in {PICTURES}: fetch both archives again.")
        without = len(picture_of.keys() - mask_of.keys())
        if without:
            remarks.append(f"{without} images without a mask left out")
        for stem in sorted(mask_of):
            number, sick = stem.split("_")[1:]
            picture = grey(pictures.read(picture_of[stem]), picture_of[stem])
            lungs, _ = mask(masks.read(mask_of[stem]), mask_of[stem])
            yield Sample(
                id=stem,
                subject=f"CHNCXR_{REPEATS.get(number, number)}",
                picture=upright(picture, lungs, turned, stem),
                mask=lungs,
                label="tuberculosis" if sick == "1" else "normal",
            )
    remarks += remark(turned)


SHENZHEN = Source(
    name="shenzhen",
    title="Shenzhen Hospital chest X-rays",
    modality="radiograph",
    images=566,
    subjects=563,
    licence="images: NLM, free to use with attribution; masks: CC BY-NC-SA 4.0",
    terms=(
        "NLM asks that the two papers are cited; redistribution is not settled, so keep copies within your class; the "
        "masks are Mendeley Data record 8gf9vpkhgy.2, got by hand"
    ),
    citation=(
        "Jaeger et al., Quant. Imaging Med. Surg. 4(6):475-477, 2014; "
        "Candemir et al., IEEE Trans. Med. Imaging 33(2):577-590, 2014; masks: Stirenko et al., IEEE ELNANO 2018"
    ),
    archives=(
        Archive(
            PICTURES,
            (Address("https://openi.nlm.nih.gov/imgs/collections/ChinaSet_AllFiles.zip", None, 3770),),
            by_hand=f"a copy at {BY_HAND} may hold pictures and masks in one file, which serves for both",
            members=((PICTURE, "picture"),),
        ),
        Archive(
            MASKS,
            by_hand=f"the masks are Mendeley Data, {BY_HAND}",
            within=PICTURES,
            members=((MASK, "mask"),),
        ),
    ),
    read=read,
    fit="stretch",
    mix=True,
)
