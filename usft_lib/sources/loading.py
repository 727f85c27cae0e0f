"""`load`: the one way to a data set. Prepared data first, then the mirror, then the published addresses in order."""

from dataclasses import replace
from operator import index
from pathlib import Path

from ..data import SegmentationData
from ..errors import BadInput, DataUnavailable, check_name
from . import prepare
from .cache import alone, cache_folder, clear_disk_errors
from .fetch import LIMIT, Place, bring, forget, ways
from .mirror import Mirror, configured, mirror
from .sets.busbra import BUSBRA
from .sets.busi import BUSI
from .sets.hc18 import HC18
from .sets.horses import HORSES
from .sets.montgomery import MONTGOMERY
from .sets.pets import PETS
from .sets.shenzhen import SHENZHEN
from .source import Source

ALL = (MONTGOMERY, SHENZHEN, HC18, BUSI, BUSBRA, PETS, HORSES)
SOURCES: dict[str, Source] = {source.name: source for source in ALL}
SIMULATED = {"sim-ultrasound": "ultrasound", "sim-radiographs": "radiograph"}
SIMULATED_IMAGES = 400


def load(name: str, size: int = 128, otherwise: str | None = None, large: bool = False) -> SegmentationData:
    """A data set by name, at ``size`` × ``size`` pixels (lesson 00).

    It is fetched, checked and prepared once, then read from the cache folder (``USFT_DATA``). A mirror
    (``USFT_MIRROR``) goes before the published addresses. Nothing is ever put in its place silently.

    Args:
        name: one of those that `datasets` lists.
        size: side in pixels, a multiple of 16 from 16 to 1024 (32 to 512 for simulated data).
        otherwise: "sim-ultrasound" or "sim-radiographs", simulated data to use if this set cannot be had; the name of
            what comes back then says so. It must be possible at this size, whether it is needed or not.
        large: start a download of more than 60 MB.

    Raises:
        BadInput: unknown name, wrong size, an archive that cannot be used, a cache folder that cannot be written to.
        DataUnavailable: the set cannot be had from any of its places, or only by a download of more than 60 MB.
    """
    check_name("data set", name, [*SOURCES, *SIMULATED])
    size = check_size(size)
    if otherwise is not None:
        _check_stand_in(otherwise, size)
    if name in SIMULATED:
        return _simulated(name, size)
    try:
        return prepared(name, size, large)[0]
    except DataUnavailable as error:
        if otherwise is None:
            raise
        print(f"{otherwise} stands in for {name}: {error}")
    return replace(_simulated(otherwise, size), name=f"{otherwise} ({name} not at hand)")


def check_size(size) -> int:
    """``size`` as an int if it is a multiple of 16 from 16 to 1024 (four halvings must come out even)."""
    try:
        pixels = index(size)  # NumPy's whole numbers too; True is 1, and refused as that
    except TypeError:
        pixels = 0
    if not 16 <= pixels <= 1024 or pixels % 16:
        raise BadInput(f"size must be a whole number, a multiple of 16 from 16 to 1024 (128, say), not {size!r}.")
    return pixels


def _check_stand_in(otherwise: str, size: int) -> None:
    """Refuse at once, not after a failed download, a stand-in that there is not or not at this size."""
    from ..simulate.shapes import check_request

    check_name("stand-in", otherwise, SIMULATED)
    try:
        check_request(SIMULATED_IMAGES, size)
    except BadInput as error:
        raise BadInput(f'otherwise="{otherwise}" cannot be simulated at {error}') from None


def _simulated(name: str, size: int) -> SegmentationData:
    from ..simulate import simulate_radiographs, simulate_ultrasound  # not at the top: simulate may use this room

    if name == "sim-radiographs":
        return simulate_radiographs(SIMULATED_IMAGES, size=size, seed=0)
    return simulate_ultrasound(SIMULATED_IMAGES, size=size, seed=0, preset="breast")  # a lesion in every image


def prepared(name: str, size: int, large: bool = False) -> tuple[SegmentationData, Path]:
    """The data of a published set and the prepared file that holds them, made now if need be."""
    source = SOURCES[name]
    folder = cache_folder() / name
    # Without a lock and without asking anybody: what is prepared already loads offline, and from a read-only folder.
    with clear_disk_errors(opening=True):
        seen = mirror(ask=False)
        known = ways(source, seen, with_mirror=True)
        if not known and (seen or not configured()):  # a mirror that was never asked may hold it: ask that first
            known = ways(source, None, with_mirror=False)
        found = _first_prepared(source, size, known, folder)
    if found:
        return found
    with alone(name) as folder, clear_disk_errors():
        now = mirror()
        tried: list[str] = []
        for way in ways(source, now, with_mirror=True):
            found = _first_prepared(source, size, [way], folder) or _make(source, size, way, folder, large, tried)
            if found:
                return found
        originals = ways(source, None, with_mirror=False)
        found = _first_prepared(source, size, originals, folder)
        for way in [] if found else originals:
            found = _make(source, size, way, folder, large, tried)
            if found:
                break
    if not found:
        raise DataUnavailable(_sorry(source, size, now, tried))
    return found


def _first_prepared(source: Source, size: int, tried: list, folder: Path) -> tuple[SegmentationData, Path] | None:
    for way in tried:
        path = _prepared_path(size, way, folder)
        data = prepare.read(path, source.name) if path else None
        if data is not None:
            return data, path
    return None


def _prepared_path(size: int, way: tuple[Place, ...], folder: Path) -> Path | None:
    fingerprints = [place.fingerprint(folder) for place in way]
    return None if None in fingerprints else prepare.prepared_path(folder, size, fingerprints)


def _make(
    source: Source, size: int, way: tuple[Place, ...], folder: Path, large: bool, tried: list[str]
) -> tuple[SegmentationData, Path] | None:
    """Fetch and prepare by one way; None, with the reason added to ``tried``, if that way does not lead there."""
    missing = [p for p in way if not p.is_folder and not p.downloaded(folder).is_file()]
    megabytes = sum(place.megabytes for place in missing)
    hosts = " and ".join(dict.fromkeys(place.host for place in missing))
    if megabytes > LIMIT and not large:
        line = f'usft.load("{source.name}", size={size}, large=True)'
        tried.append(f"{hosts}: a download of about {megabytes:.0f} MB, which only this line starts: {line}")
        return None
    if missing:
        about = f"about {max(1, round(megabytes))} MB " if megabytes else ""
        print(f"{source.title}: fetching {about}from {hosts}.")
        print(f"  Licence: {source.licence}. Terms: {source.terms}.")
        print(f"  Please cite: {source.citation}.")
    try:
        files = {place.archive: bring(place, folder, large) for place in way}
        remarks: list[str] = []
        got = prepare.collect(source.read(files, remarks), size, source.fit)
    except DataUnavailable as error:
        tried.append(str(error))
        return None
    except BadInput as error:
        if all(place.is_folder for place in way):
            raise
        for place in way:  # a download of no published hash may be anything: do not keep it
            if place.hash is None:
                forget(place, folder)
        tried.append(f"{hosts or way[0].host}: {str(error).rstrip('.')}")
        return None
    path = _prepared_path(size, way, folder)
    prepare.write(path, got, _provenance(source, way, folder, len(got.ids), remarks))
    data = prepare.read(path, source.name)
    if data is None:
        raise BadInput(f"{path} cannot be read back: set USFT_DATA to a folder on another disk.")
    return data, path


def _provenance(source: Source, way: tuple[Place, ...], folder: Path, images: int, remarks: list[str]) -> str:
    """"busi: 135 images, mirror 5ddca640, checked against the mirror's own list": where the pixels came from."""
    origins: dict[str, str] = {}
    for place in way:
        origins.setdefault(place.host, place.fingerprint(folder).partition(":")[2][:8])
    text = f"{source.name}: {images} images, " + " + ".join(f"{host} {mark}" for host, mark in origins.items())
    if "mirror" in origins:
        text += ", checked against the mirror's own list"
    return "; ".join([text, *remarks])


def _sorry(source: Source, size: int, now: Mirror | None, tried: list[str]) -> str:
    reasons = list(tried)
    if now is not None and not ways(source, now, with_mirror=True):
        reasons.insert(0, "the mirror does not hold it")
    by_hand = [archive for archive in source.archives if not archive.addresses]
    reasons += [f"{archive.name} has no direct address: {archive.by_hand}" for archive in by_hand]
    fitting = [name for name, modality in SIMULATED.items() if modality == source.modality] or SIMULATED
    stand_in = " or ".join(f'otherwise="{name}"' for name in fitting)
    return (
        f"{source.name} is not at hand ({'; '.join(reasons)}): set USFT_MIRROR to a folder or an address that holds "
        f"it, or pass {stand_in}."
    )
