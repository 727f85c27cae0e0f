"""What data sets there are, each from its file in ``sets/``, on what terms, and what of them is on this disk."""

from importlib import import_module
from pkgutil import iter_modules

from . import sets
from .cache import cache_folder
from .fetch import routes
from .mirror import Mirror, mirror
from .prepare import PREPARATION, read_provenance
from .source import Source

SIMULATED = {"sim-ultrasound": "ultrasound", "sim-radiographs": "radiograph"}  # name → modality
SIMULATED_IMAGES = 400


def discover() -> dict[str, Source]:
    """The data sets of ``sets/`` by name, in the order of modality and name; photographs come last."""
    modules = [import_module(f"{sets.__name__}.{module.name}") for module in iter_modules(sets.__path__)]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Source)]
    if len({source.name for source in found}) < len(found):
        raise ValueError("Two files of sources/sets have a Source of the same name.")
    found.sort(key=lambda source: (source.modality not in SIMULATED.values(), source.modality, source.name))
    return {source.name: source for source in found}


SOURCES = discover()


def datasets():
    """The data sets by name, as a pandas table (lesson 00); asks no network.

    Columns: modality; images and subjects of the published set (subjects empty where nobody says); licence; MB of the
    smallest download (empty where there is no address); "on disk": the sizes that are prepared, "in the mirror", or
    "no"; provenance of what is prepared.
    """
    import pandas as pd  # not at the top: it takes half a second

    seen = mirror(ask=False)
    rows = [_row(source, seen) for source in SOURCES.values()]
    for name, modality in SIMULATED.items():
        count = SIMULATED_IMAGES
        rows.append((name, f"{modality}, simulated", count, count, "computed here", 0, "made when asked for", ""))
    columns = ["name", "modality", "images", "subjects", "licence", "MB", "on disk?", "provenance"]
    return pd.DataFrame(rows, columns=columns).astype({"images": "Int64", "subjects": "Int64", "MB": "Int64"})


def _row(source: Source, seen: Mirror | None) -> tuple:
    kept = sorted((cache_folder() / source.name).glob(f"*-v{PREPARATION}-*.npz"))
    sizes = sorted({int(path.name.split("-")[0]) for path in kept})
    on_disk = "at " + ", ".join(map(str, sizes)) if kept else "in the mirror" if routes(source, seen) else "no"
    texts = " | ".join(dict.fromkeys(text for path in kept if (text := read_provenance(path))))
    about = source.name, source.modality, source.images, source.subjects, source.licence
    return *about, megabytes(source.name), on_disk, texts


def megabytes(name: str) -> int | None:
    """The smallest download of a data set, in MB; None where there is no address."""
    archives = SOURCES[name].archives
    least = [min(a.megabytes for a in archive.addresses) for archive in archives if archive.addresses]
    return round(sum(least)) if least else None
