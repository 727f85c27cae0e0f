"""`load`: the one way to a data set. Prepared data first, then the mirror, then the published addresses in order."""

from dataclasses import replace
from pathlib import Path

from ..data import SegmentationData
from ..errors import BadInput, DataUnavailable, check_name
from ..simulate import simulate_radiographs, simulate_ultrasound
from ..simulate.shapes import check_request
from . import prepare
from .cache import cache_folder, clear_disk_errors, locked
from .catalogue import SIMULATED, SIMULATED_IMAGES, SOURCES
from .fetch import LIMIT, Location, fetch, forget, original_routes, routes, routes_by_hand
from .mirror import Mirror, configured, mirror
from .pictures import check_size
from .source import Source


def load(name: str, size: int = 128, otherwise: str | None = None, large: bool = False) -> SegmentationData:
    """A data set by name, at ``size`` × ``size`` pixels (lesson 00).

    It is fetched, checked and prepared once, then read from the cache folder (``USFT_DATA``). A mirror
    (``USFT_MIRROR``) goes before the published addresses. Nothing is ever put in its place silently.

    Args:
        name: one of those that `datasets` lists.
        size: side in pixels, a multiple of 16 from 16 to 1024 (32 to 512 for simulated data).
        otherwise: "sim-ultrasound" or "sim-radiographs", simulated data to use if this set cannot be loaded. The
            result then has ``stand_in`` set and says so in its name. It must exist at this size, even if unused.
        large: start a download of more than 60 MB.

    Raises:
        BadInput: unknown name, wrong size, an archive that cannot be used, a cache folder that cannot be written to.
        DataUnavailable: no place has the set, or only as a download of more than 60 MB.
    """
    check_name("data set", name, [*SOURCES, *SIMULATED])
    size = check_size(size)
    if otherwise is not None:
        _check_stand_in(otherwise, size)
    if name in SIMULATED:
        return _simulated(name, size)
    try:
        return replace(_published(SOURCES[name], size, large), prepared={"fit": SOURCES[name].fit})
    except DataUnavailable as error:
        if otherwise is None:
            raise
        print(f"{otherwise} stands in for {name}: {error}")
    return replace(_simulated(otherwise, size), name=f"{otherwise} ({name} not available)", stand_in=True)


def _check_stand_in(otherwise: str, size: int) -> None:
    """Refuse at once, not after a failed download, a stand-in that there is not or not at this size."""
    check_name("stand-in", otherwise, SIMULATED)
    try:
        check_request(SIMULATED_IMAGES, size)
    except BadInput as error:
        raise BadInput(f'otherwise="{otherwise}" cannot be simulated at {error}') from None


def _simulated(name: str, size: int) -> SegmentationData:
    if name == "sim-radiographs":
        return simulate_radiographs(SIMULATED_IMAGES, size=size, seed=0)
    return simulate_ultrasound(SIMULATED_IMAGES, size=size, seed=0, preset="breast")  # a lesion in every image


def _published(source: Source, size: int, large: bool) -> SegmentationData:
    """The data of a published set, prepared now if need be."""
    originals = original_routes(source)
    folder = cache_folder() / source.name
    # Without a lock and without asking anybody: what is prepared already loads offline, and from a read-only folder.
    with clear_disk_errors(opening=True):
        seen = mirror(ask=False)
        by_hand = routes_by_hand(source, folder)
        known = routes(source, seen)
        if not known and (seen or not configured()):  # a mirror that was never asked may hold it: ask that first
            known = by_hand or originals
        data = _first_prepared(source, size, known, folder)
    if data is not None:
        return data
    with locked(source.name), clear_disk_errors():
        now = mirror()
        tried: list[str] = []
        originals.sort(key=lambda route: not all(each.downloaded(folder).is_file() for each in route))  # what is here
        for options in (routes(source, now), by_hand, originals):
            data = _first_prepared(source, size, options, folder)
            for route in options:
                if data is None:
                    data = _make(source, size, route, folder, large, tried)
            if data is not None:
                return data
    raise DataUnavailable(_unavailable(source, folder, now, tried))


def _first_prepared(source: Source, size: int, options: list, folder: Path) -> SegmentationData | None:
    for route in options:
        path = _prepared_path(size, route, folder)
        data = prepare.read(path, source.name) if path else None
        if data is not None:
            return data
    return None


def _prepared_path(size: int, route: tuple[Location, ...], folder: Path) -> Path | None:
    fingerprints = [location.fingerprint(folder) for location in route]
    return None if None in fingerprints else prepare.prepared_path(folder, size, fingerprints)


def _make(
    source: Source, size: int, route: tuple[Location, ...], folder: Path, large: bool, tried: list[str]
) -> SegmentationData | None:
    """Fetch and prepare by one route; None, with the reason added to ``tried``, if it does not lead there."""
    missing = [each for each in route if not each.is_folder and not each.downloaded(folder).is_file()]
    megabytes = sum(location.megabytes for location in missing)
    hosts = " and ".join(dict.fromkeys(location.host for location in missing))
    if megabytes > LIMIT and not large:
        line = f'usft.load("{source.name}", size={size}, large=True)'
        if not any(line in reason for reason in tried):
            tried.append(f"{hosts}: a download of about {megabytes:.0f} MB; to start it, run {line}")
        return None
    about = f"about {max(1, round(megabytes))} MB " if megabytes else ""
    what = f"fetching {about}from {hosts}" if missing else "preparing files that are on this disk"
    print(f"{source.title}: {what}.")
    print(f"  Licence: {source.licence}. Terms: {source.terms}.")
    print(f"  Please cite: {source.citation}.")
    try:
        files = {location.archive: fetch(location, folder, large) for location in route}
        remarks: list[str] = []
        samples = prepare.collect(source.read(files, remarks), size, source.fit)
    except DataUnavailable as error:
        tried.append(str(error))
        return None
    except BadInput as error:
        if all(location.is_folder for location in route):
            raise
        for location in route:  # a download of no published hash may be anything: do not keep it
            if location.hash is None:
                forget(location, folder)
        tried.append(f"{hosts or route[0].host}: {str(error).rstrip('.')}")
        return None
    path = _prepared_path(size, route, folder)
    prepare.write(path, samples, _provenance(source, route, folder, len(samples.ids), remarks))
    data = prepare.read(path, source.name)
    if data is None:
        raise BadInput(f"{path} cannot be read back: set USFT_DATA to a folder on another disk.")
    return data


def _provenance(source: Source, route: tuple[Location, ...], folder: Path, images: int, remarks: list[str]) -> str:
    """"busi: 135 images, mirror 5ddca640, checked against the mirror's own list": where the pixels came from."""
    origins: dict[str, str] = {}
    for location in route:
        origins.setdefault(location.host, location.fingerprint(folder).partition(":")[2][:8])
    text = f"{source.name}: {images} images, " + " + ".join(f"{host} {mark}" for host, mark in origins.items())
    if "mirror" in origins:
        text += ", checked against the mirror's own list"
    return "; ".join([text, *remarks])


def _unavailable(source: Source, folder: Path, now: Mirror | None, tried: list[str]) -> str:
    """The line of `DataUnavailable`: what was tried, and what to do."""
    reasons = list(tried)
    if now is not None and not routes(source, now):
        reasons.insert(0, "the mirror does not have it")
    failed = any("large=True" not in reason for reason in tried)
    for archive in source.archives:
        if not archive.addresses:
            reasons.append(f"{archive.name} has no direct address")
        way = archive.by_hand or (f"open {archive.addresses[0].url} in a browser" if archive.addresses else "")
        if way and (failed or not archive.addresses):
            reasons.append(f"by hand: {way}; put it into {folder} under the name {archive.name}")
    fitting = [name for name, modality in SIMULATED.items() if modality == source.modality] or SIMULATED
    stand_in = " or ".join(f'otherwise="{name}"' for name in fitting)
    return (
        f"{source.name} is not available ({'; '.join(reasons)}): pass {stand_in}, or set USFT_MIRROR to a folder or "
        "an address that has it."
    )
