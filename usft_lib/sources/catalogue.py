"""`datasets`: what there is, how large, on what terms, and what of it is on this disk."""

from .cache import cache_folder
from .fetch import ways
from .loading import SIMULATED, SIMULATED_IMAGES, SOURCES
from .mirror import mirror
from .prepare import PREPARATION, read_provenance
from .source import Source


def datasets():
    """The data sets by name, as a pandas table (lesson 00); asks no network.

    Columns: modality; images and subjects of the published set (subjects empty where nobody says); licence; MB of the
    smallest download (empty where there is no address); "on disk": the sizes that are prepared, "in the mirror", or
    "no"; provenance of what is prepared.
    """
    import pandas as pd  # not at the top: `import usft_lib` stays quick

    at_hand = mirror(ask=False)
    rows = [_row(source, at_hand) for source in SOURCES.values()]
    rows += [
        {
            "name": name,
            "modality": f"{modality}, simulated",
            "images": SIMULATED_IMAGES,
            "subjects": SIMULATED_IMAGES,
            "licence": "computed here",
            "MB": 0,
            "on disk?": "made when asked for",
            "provenance": "",
        }
        for name, modality in SIMULATED.items()
    ]
    return pd.DataFrame(rows).astype({"images": "Int64", "subjects": "Int64", "MB": "Int64"})


def _row(source: Source, at_hand) -> dict:
    kept = list((cache_folder() / source.name).glob(f"*-v{PREPARATION}-*.npz"))
    sizes = map(str, sorted({int(path.name.split("-")[0]) for path in kept}))
    origins = list(dict.fromkeys(text for path in sorted(kept) if (text := read_provenance(path))))
    if kept:
        on_disk = "at " + ", ".join(sizes)
    else:
        on_disk = "in the mirror" if ways(source, at_hand, with_mirror=True) else "no"
    return {
        "name": source.name,
        "modality": source.modality,
        "images": source.images,
        "subjects": source.subjects,
        "licence": source.licence,
        "MB": megabytes(source.name),
        "on disk?": on_disk,
        "provenance": " | ".join(origins),
    }


def megabytes(name: str) -> int | None:
    """The smallest download of a data set, in MB; None where there is no address."""
    archives = SOURCES[name].archives
    least = [min(a.megabytes for a in archive.addresses) for archive in archives if archive.addresses]
    return round(sum(least)) if least else None
