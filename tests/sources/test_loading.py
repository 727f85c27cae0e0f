"""`load`: names, sizes, what is prepared once, and what stands in."""

import numpy as np
import pytest
import torch
from sources import fakes
from sources.fakes import BUSI, fails, known, left

from usft_lib.errors import BadInput, DataUnavailable
from usft_lib.sources import catalogue, load, loading


def test_unknown_names():
    assert "did you mean 'busi'" in fails(BadInput, "bussi")
    assert "did you mean 'sim-ultrasound'" in fails(BadInput, "busi", otherwise="sim-ultrasounds")
    assert "stand-in" in fails(BadInput, "busi", otherwise="montgomery")


@pytest.mark.parametrize("size", [0, 8, 100, 1040, 128.0, "128", True, None, -16])
def test_wrong_size(cache, size):
    message = fails(BadInput, "busi", size=size)
    assert "multiple of 16" in message and repr(size) in message
    assert not cache.exists()


def test_whole_numbers_of_other_kinds(mirror_of, cache):
    mirror_of({BUSI: fakes.busi()})
    for size in (np.int64(32), np.uint8(32), torch.tensor(32)):
        assert load("busi", size=size).size == 32
    assert len(left(cache)) == 1
    for size in (np.float64(32), True):
        assert "whole number" in fails(BadInput, "busi", size=size)


@pytest.mark.parametrize("size", [16, 528, 1024])
def test_stand_in_that_cannot_be_simulated_is_refused_up_front(addresses, web, mirror_of, cache, size):
    addresses(("/busi", None, 1))
    message = fails(BadInput, "busi", size=size, otherwise="sim-ultrasound")
    assert 'otherwise="sim-ultrasound"' in message and f"size = {size}" in message and "32 and 512" in message
    assert web.asked == [] and not cache.exists()
    mirror_of({BUSI: fakes.busi()})
    assert load("busi", size=size).size == size  # real pictures have no such limits


def test_otherwise_is_said_and_named(cache, capsys, monkeypatch):
    monkeypatch.setattr(loading, "SIMULATED_IMAGES", 6)
    data = load("hc18", size=32, otherwise="sim-ultrasound")
    assert data.stand_in and data.name == "sim-ultrasound (hc18 not available)"
    assert data.size == 32 and len(data) == 6
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "sim-ultrasound stands in for hc18" in out and "large=True" in out
    asked_for = load("sim-ultrasound", size=32)
    assert data.images.equal(asked_for.images) and not asked_for.stand_in
    xray = load("montgomery", size=32, otherwise="sim-radiographs")
    assert xray.stand_in and xray.name == "sim-radiographs (montgomery not available)"
    assert xray.images.equal(load("sim-radiographs", size=32).images)


def test_otherwise_is_not_used_when_the_data_is_there(mirror_of):
    mirror_of({BUSI: fakes.busi()})
    data = load("busi", size=32, otherwise="sim-ultrasound")
    assert data.name == "busi" and not data.stand_in


@pytest.mark.parametrize("name", ["horses", "pets"])
def test_photographs_may_be_stood_in_for_by_either_simulator(cache, name, monkeypatch):
    monkeypatch.setattr(loading, "SIMULATED_IMAGES", 4)
    with pytest.raises(DataUnavailable) as caught:
        load(name, size=32)
    message = str(caught.value)
    assert 'otherwise="sim-ultrasound" or otherwise="sim-radiographs"' in message and "\n" not in message
    assert ("about 811 MB" if name == "pets" else "no direct address") in message
    for stand_in in catalogue.SIMULATED:
        assert load(name, size=32, otherwise=stand_in).name == f"{stand_in} ({name} not available)"


def test_sizes_and_archives_have_prepared_files_of_their_own(mirror_of, cache):
    mirror_of({BUSI: fakes.busi()})
    load("busi", size=32)
    load("busi", size=48)
    assert len(left(cache)) == 2
    mirror_of({BUSI: fakes.small_busi()})
    assert len(load("busi", size=32)) == 6
    assert len(left(cache)) == 3


def test_published_large_sets_say_the_line(cache):
    for name, size in (("hc18", 100), ("montgomery", 614)):
        message = fails(DataUnavailable, name)
        assert f"{size} MB" in message and f'usft.load("{name}", size=32, large=True)' in message
    assert "8gf9vpkhgy.2" in fails(DataUnavailable, "shenzhen")


def test_large_download_starts_only_when_asked_for(addresses, web, cache):
    good = fakes.busi()
    web.pages["/busi"] = good
    addresses(("/busi", known(good), 206))
    message = fails(DataUnavailable)
    assert "206 MB" in message and 'usft.load("busi", size=32, large=True)' in message
    assert web.asked == [] and left(cache) == []
    assert len(load("busi", size=32, large=True)) == 4
    assert len(load("busi", size=48)) == 4  # it is here now: no download, no limit


def test_a_reader_failure_leaves_the_prepared_data_of_others_alone(mirror_of, cache):
    """Two sets share a cache folder and nothing else."""
    mirror_of({"Dataset_BUSI.zip": fakes.busi(), "NLM-MontgomeryCXRSet.zip": fakes.zipped({"x": b""})})
    load("busi", size=32)
    before = fakes.files_in(cache)
    fails(BadInput, "montgomery")
    assert fakes.files_in(cache) == before
