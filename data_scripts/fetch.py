"""Fetch data sets ahead of a lesson: ``python data_scripts/fetch.py hc18 busi``, or ``--all``; ``--list`` shows them.

Each is fetched, checked and prepared at ``--size`` pixels, as `usft.load` does with large=True. USFT_DATA names the
folder that keeps them, USFT_MIRROR a classroom's copy that is asked first.
"""

import argparse
import sys

import usft_lib as usft
from usft_lib.sources.catalogue import SIMULATED, SOURCES
from usft_lib.sources.pictures import check_size


def listing() -> str:
    """The table of `usft.datasets` as text."""
    table = usft.datasets().drop(columns="provenance")
    rows = [[*table.columns], *table.astype(object).where(table.notna(), "").astype(str).values.tolist()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def announce(names: list[str]) -> None:
    """Say of each set, before anything is fetched, how large it is and on what terms it may be used."""
    megabytes = usft.datasets().set_index("name")["MB"]
    for source in (SOURCES[name] for name in names if name in SOURCES):
        has_address = any(archive.addresses for archive in source.archives)
        about = f"about {megabytes[source.name]} MB" if has_address else "no address: by hand, or from a mirror"
        print(f"{source.name}: {source.title}, {source.images} images, {about}")
        print(f"  Licence: {source.licence}. Terms: {source.terms}.")


def fetch(names: list[str], size: int) -> int:
    """Fetch one after another; the number of those that could not be had. Each error is one line."""
    failed = 0
    for name in names:
        try:
            data = usft.load(name, size=size, large=True)
        except (usft.DataUnavailable, usft.BadInput, OSError) as error:
            failed += 1
            print(f"Not fetched: {error}", file=sys.stderr)
        else:
            print(f"{name}: {len(data)} images at {size} × {size} pixels. {data.provenance}")
    return failed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*SOURCES, *SIMULATED]))
    parser.add_argument("--all", action="store_true", help="every published set")
    parser.add_argument("--list", action="store_true", help="what there is, how large, on what terms, what is here")
    parser.add_argument("--size", type=int, default=128, help="side in pixels (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    names = list(dict.fromkeys([*SOURCES, *chosen.names] if chosen.all else chosen.names))
    if not names and not chosen.list:
        parser.error("name the data sets, or ask for --all or --list")
    try:
        check_size(chosen.size)
        if chosen.list:
            print(listing())
        announce(names)
    except usft.BadInput as error:
        print(error, file=sys.stderr)
        return 1
    return 1 if fetch(names, chosen.size) else 0


if __name__ == "__main__":
    sys.exit(main())
