"""What the course knows of a published data set: where its archives are, on what terms, and how they are read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from re import Pattern
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Address:
    """One place on the web that holds an archive; ``hash`` ("sha256:…", "md5:…") is None where none is published.

    Where a server has no archive but its single ``files``, ``url`` is the folder that they lie in.
    """

    url: str
    hash: str | None
    megabytes: float
    files: tuple[str, ...] = ()


# What a member of an archive holds: a picture, grey or in colour; the object's area, or its outline alone; a class a
# pixel; a table or a text.
Kind = Literal["picture", "mask", "outline", "classes", "text"]


@dataclass(frozen=True)
class Archive:
    """One file of a data set, by its official name; ``addresses`` in the order in which they are tried.

    Attributes:
        by_hand: where a person finds it if no address gives it.
        within: the archive of the set that copies hold this one in: got by hand, one file then serves for both.
        members: which of its members are read, and what each holds: the first pattern found in a name counts. A mirror
            keeps these alone, and reduces them.
        reduced: for a file that is no archive: (path of each archive by name, longest side) → what it says of pictures
            that are reduced to that side.
    """

    name: str
    addresses: tuple[Address, ...] = ()
    by_hand: str = ""
    within: str = ""
    members: tuple[tuple[Pattern[str], Kind], ...] = ()
    reduced: Callable[[dict[str, Path], int], bytes] | None = None


@dataclass
class Sample:
    """One image with its mask as the data set publishes them, before they are fitted to the size asked for.

    ``picture`` is grey ``[h, w]`` (uint8, uint16 or float32), ``mask`` bool, ``mm`` the millimetres per pixel of the
    picture (a smaller copy needs others: `Archive.reduced`), ``extra`` further numbers, kept in the prepared file.
    """

    id: str
    subject: str
    picture: np.ndarray
    mask: np.ndarray
    label: str | None = None
    mm: float | None = None
    extra: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """A published data set.

    Attributes:
        images, subjects: how many the published set holds (subjects None where nobody says).
        archives: all of them are needed.
        read: (path of each archive by name, list to which it adds remarks for the provenance) → samples.
        fit: "pad" keeps the pixels square, "stretch" fills the square (see `pictures.fit_picture`).
        may_share: the licence plainly lets anyone pass on copies, reduced ones included.
        mix: archives of a mirror and of the originals may be used together (False where one depends on the other's
            resolution).
    """

    name: str
    title: str
    modality: str
    images: int
    subjects: int | None
    licence: str
    terms: str
    citation: str
    archives: tuple[Archive, ...]
    read: Callable[[dict[str, Path], list[str]], Iterator[Sample]]
    fit: str = "pad"
    may_share: bool = False
    mix: bool = False
