"""Near-duplicates by a perceptual hash, against ImageHash."""

import io
import itertools
import zipfile

import numpy as np
import pytest
from PIL import Image
from sources.fakes import picture

from usft_lib.sources import load
from usft_lib.sources.duplicates import NEAR, clusters, distances, perceptual_hash


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
    assert clusters(hashes, near=10).tolist() == [0, 0, 0, 3], "near is at most"
    assert clusters(hashes, near=9).tolist() == [0, 1, 2, 3]


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
    data = load("busi", size=128)
    assert sorted(data.ids) == sorted(hashes)
    subject = dict(zip(data.ids, data.subjects, strict=True))
    for stem in hashes:
        assert group[stem] == {other for other in hashes if subject[other] == subject[stem]}
        assert subject[stem] in group[stem]
    assert 0 < len(set(data.subjects)) < len(data)  # there are near-duplicates among them
