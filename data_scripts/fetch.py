"""Fetch data sets ahead of a lesson: `python data_scripts/fetch.py hc18 busi`, or `--all`; `--list` shows them.

Each is fetched, checked and prepared at ``--size`` pixels, as `usft.load` does with large=True. USFT_DATA names the
folder that keeps them, USFT_MIRROR a classroom's copy that is asked first. ``--probe`` fetches nothing: it asks all
addresses of the data sets, the course's own (set-up cell, badge, pack), and all links of lessons and pages, whether
they still answer.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import requests

import usft_lib as usft
from usft_lib.sources.catalogue import SIMULATED, SOURCES
from usft_lib.sources.mirror import WAIT
from usft_lib.sources.pictures import check_size
from usft_lib.sources.web import options, patiently, refusal

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("notebooks/source/*.py", "docs/*.md", "usft_lib/results/*.md", "*.md")
LINK = re.compile(r"https?://[^\s)>\]\"'`]+[^\s)>\]\"'`.,;:]")
LOCAL = r"[A-Z]+/REPO|[A-Z]+-ADDRESS|localhost|127\.0\.0\.1"  # in examples
FOR_PEOPLE = (401, 403, 429)  # answers of a page that turns programs away


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


def addresses() -> list[str]:
    """Of each archive every address; of a set that comes as single files the first one."""
    every = [a for source in SOURCES.values() for archive in source.archives for a in archive.addresses]
    return list(dict.fromkeys(f"{a.url.rstrip('/')}/{a.files[0]}" if a.files else a.url for a in every))


def course(root: Path = ROOT) -> list[str]:
    """The course's own addresses: what a set-up cell downloads, where lesson 00 opens, and the class's pack."""
    told = tomllib.loads((root / "course.toml").read_text(encoding="utf-8"))["course"]
    repository, tag, pack = told["repository"], told["tag"], told.get("pack_url")
    found = [f"{pack.rstrip('/')}/registry.txt"] if pack else []
    if not re.fullmatch(LOCAL, repository):
        here = f"https://github.com/{repository}"
        found += [f"{here}/archive/{tag}.zip", f"{here}/blob/{tag}/notebooks/00_start_here.ipynb"]
    return found


def links(root: Path = ROOT) -> list[str]:
    """The links to other servers in lessons and pages; what is only an example is left out."""
    text = "\n".join(path.read_text(encoding="utf-8") for pages in PAGES for path in sorted(root.glob(pages)))
    found = dict.fromkeys(LINK.findall(text))
    return [link for link in found if not re.search(LOCAL, link)]


def fault(url: str, page: bool) -> str:
    """Why an address gives nothing, in a few words; empty if it answers. Only the beginning is fetched.

    Args:
        page: it is a page for people. One that turns programs away counts as there; of a DOI the resolver is asked.
    """
    resolver = page and urlsplit(url).hostname == "doi.org"

    def ask() -> str:
        with requests.get(url, stream=True, timeout=WAIT, allow_redirects=not resolver, **options(url)) as answer:
            if not (page and answer.status_code in FOR_PEOPLE):
                answer.raise_for_status()
        return ""

    try:
        return patiently(ask, urlsplit(url).hostname or url, lambda line: print(line, file=sys.stderr))
    except requests.HTTPError as error:
        return refusal(error.response)
    except requests.RequestException as error:
        return f"no answer ({type(error).__name__})"


def probe(root: Path = ROOT) -> int:
    """Ask all addresses and links, print those that give nothing; how many these are."""
    asked = dict.fromkeys(links(root), True) | dict.fromkeys([*addresses(), *course(root)], False)
    wrong = {url: why for url, page in asked.items() if (why := fault(url, page))}
    for url, why in wrong.items():
        print(f"{url}: {why}")
    data = sum(not page for page in asked.values())
    print(f"{data} addresses and {len(asked) - data} links asked, {len(wrong)} of them give nothing.")
    return len(wrong)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*SOURCES, *SIMULATED]))
    parser.add_argument("--all", action="store_true", help="every published set")
    parser.add_argument("--list", action="store_true", help="what there is, how large, on what terms, what is here")
    parser.add_argument("--size", type=int, default=128, help="side in pixels (default: %(default)s)")
    parser.add_argument("--probe", action="store_true", help="ask whether all addresses and links still answer")
    chosen = parser.parse_args(arguments)
    if chosen.probe:
        return 1 if probe() else 0
    names = list(dict.fromkeys([*SOURCES, *chosen.names] if chosen.all else chosen.names))
    if not names and not chosen.list:
        parser.error("name the data sets, or ask for --all, --list or --probe")
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
