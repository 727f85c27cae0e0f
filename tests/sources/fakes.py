"""Tiny archives with the official names and layouts, mirrors of them, and a web server that can misbehave."""

import gzip
import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Callable
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from usft_lib.errors import BadInput
from usft_lib.sources import load

BUSI = "Dataset_BUSI.zip"
HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"


def picture(seed: int = 0, height: int = 40, width: int = 48) -> np.ndarray:
    """A smooth random grey picture, uint8 [h, w]; pictures of different seeds are no near-duplicates."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def disc(height: int = 40, width: int = 48, radius: float = 9, y: float | None = None, x: float | None = None):
    """A filled circle, bool [h, w]."""
    rows, columns = np.mgrid[:height, :width]
    cy, cx = (height - 1) / 2 if y is None else y, (width - 1) / 2 if x is None else x
    return (rows - cy) ** 2 + (columns - cx) ** 2 <= radius**2


def chest(seed: int, lungs: np.ndarray) -> np.ndarray:
    """A radiograph of dark lungs, uint8 of the shape of ``lungs``."""
    return np.where(lungs, 20, 150).astype(np.uint8) + picture(seed, *lungs.shape) // 3


LEFT, RIGHT = disc(x=36, radius=8), disc(x=11, radius=8)  # lungs


def png(values) -> bytes:
    return saved(values if isinstance(values, Image.Image) else Image.fromarray(_pixels(values)), "PNG")


def saved(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def _pixels(values: np.ndarray) -> np.ndarray:
    return values.astype(np.uint8) * 255 if values.dtype == bool else values


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip; the same members give the same bytes, whatever the time."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def tarred(members, form: int = tarfile.PAX_FORMAT, folders: tuple[str, ...] = (), long_name: int | None = None):
    """A .tar.gz of {name: bytes} or [(name, bytes)]; ``long_name`` is the length that a GNU long name declares."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as out:
        for name in folders:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            out.addfile(info)
        for name, data in members.items() if isinstance(members, dict) else members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    plain = bytearray(file.getvalue())
    if long_name:
        plain[124:136] = b"%011o\0" % long_name
        plain[148:156] = b" " * 8
        plain[148:156] = b"%06o\0 " % sum(plain[:512])
    return gzip.compress(bytes(plain), mtime=0)


def busi_members() -> dict[str, bytes]:
    """Two benign (the first with two lesions), one malignant, one normal."""
    top = "Dataset_BUSI_with_GT"
    members = {"__MACOSX/._x.png": b"junk", f"{top}/benign/Thumbs.db": b"junk"}
    for label, number in (("benign", 1), ("benign", 2), ("malignant", 1), ("normal", 1)):
        stem = f"{top}/{label}/{label} ({number})"
        members[f"{stem}.png"] = png(picture(len(members)))
        members[f"{stem}_mask.png"] = png(disc() if label != "normal" else np.zeros((40, 48), bool))
    members[f"{top}/benign/benign (1)_mask_1.png"] = png(disc(radius=4, y=5, x=5))
    return members


def busi() -> bytes:
    return zipped(busi_members())


def montgomery_members() -> dict[str, bytes]:
    members = {}
    for stem in ("MCUCXR_0001_0", "MCUCXR_0002_1"):
        members[f"MontgomerySet/CXR_png/{stem}.png"] = png(chest(len(members), LEFT | RIGHT))
        members[f"MontgomerySet/ManualMask/leftMask/{stem}.png"] = png(LEFT)
        members[f"MontgomerySet/ManualMask/rightMask/{stem}.png"] = png(RIGHT)
    return members


def hc18() -> dict[str, bytes]:
    """Fetus 000 with two images and one repeat, fetus 001 with one; 80 × 60 pixels of 0.5 mm."""
    members, table = {}, "filename,pixel size(mm),head circumference (mm)\n"
    outline = disc(60, 80, 20) & ~disc(60, 80, 18.5)
    for stem, seed in (("000_HC", 0), ("000_2HC", 1), ("000_3HC", 0), ("001_HC", 0)):
        members[f"training_set/{stem}.png"] = png(picture(seed, 60, 80))
        members[f"training_set/{stem}_Annotation.png"] = png(outline)
        table += f"{stem}.png,0.5,{2 * np.pi * 20 * 0.5:.3f}\n"
    return {"training_set.zip": zipped(members), "training_set_pixel_size_and_HC.csv": table.encode()}


def shenzhen() -> dict[str, bytes]:
    """Four images, three of them with masks; 0113 and 0117 are one person."""
    stems = ("CHNCXR_0001_0", "CHNCXR_0113_0", "CHNCXR_0117_0", "CHNCXR_0400_1")
    pictures = {f"ChinaSet_AllFiles/CXR_png/{s}.png": png(chest(i, disc())) for i, s in enumerate(stems)}
    masks = {f"mask/{s}_mask.png": png(disc()) for s in stems[1:]}
    return {"ChinaSet_AllFiles.zip": zipped(pictures), "shenzhen_masks.zip": zipped(masks)}


def busbra_members() -> dict[str, bytes]:
    """Patient 1 with two images of fold 2, patient 2 with one of fold 5."""
    table = "ID,Case,Histology,Pathology,BIRADS,Device,Width,Height,Side,BBOX\n"
    folds = "ID,kFold,Pathology\n"
    members = {}
    for i, (number, case, label, fold) in enumerate(
        [("0001-l", 1, "benign", 2), ("0001-r", 1, "benign", 2), ("0002-s", 2, "malignant", 5)]
    ):
        members[f"BUSBRA/Images/bus_{number}.png"] = png(picture(i))
        members[f"BUSBRA/Masks/mask_{number}.png"] = png(disc(radius=6 + i))
        table += f'bus_{number},{case},Fibroadenoma,{label},4,GE,48,40,left,"[1,2,3,4]"\n'
        folds += f"bus_{number},{fold},{label}\n"
    return members | {"BUSBRA/bus_data.csv": table.encode(), "BUSBRA/5-fold-cv.csv": folds.encode()}


def jpeg(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "JPEG", quality=95)
    return file.getvalue()


def coloured(grey: np.ndarray) -> np.ndarray:
    """A picture of three colours, uint8 [h, w, 3]."""
    return np.stack([grey, grey[::-1], grey[:, ::-1]], axis=-1)


def horses_members() -> dict[str, bytes]:
    members = {}
    for i in (1, 2, 3):
        members[f"weizmann_horse_db/rgb/horse00{i}.jpg"] = jpeg(coloured(picture(i)))
        members[f"weizmann_horse_db/figure_ground/horse00{i}.png"] = png(disc(radius=5 + i))
    return members


def pets_members() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """A cat, a dog, a GIF in place of a cat, and what else lies in the archives."""
    pictures, annotations = {"images/Bombay_7.mat": b"junk"}, {"annotations/README": b"text"}
    outer, inner = disc(radius=12), disc(radius=9)
    trimap = np.where(inner, 1, np.where(outer, 3, 2)).astype(np.uint8)
    for i, stem in enumerate(("pug_12", "Bombay_7", "Egyptian_Mau_3")):
        pictures[f"images/{stem}.jpg"] = jpeg(coloured(picture(i)))
        annotations[f"annotations/trimaps/._{stem}.png"] = b"junk"
        annotations[f"annotations/trimaps/{stem}.png"] = png(trimap)
    file = io.BytesIO()
    Image.fromarray(picture(9)).save(file, "GIF")
    pictures["images/Egyptian_Mau_3.jpg"] = file.getvalue()
    return pictures, annotations


def pets() -> dict[str, bytes]:
    pictures, annotations = pets_members()
    return {"images.tar.gz": tarred(pictures), "annotations.tar.gz": tarred(annotations)}


def small_busi(n: int = 2) -> bytes:
    """The layout of the small published copy: arrays of 256 × 256 pixels without names."""
    file = io.BytesIO()
    arrays = {}
    for k, part in enumerate(("train", "val", "test")):
        arrays[f"{part}_images"] = np.stack([picture(10 * k + i, 256, 256) for i in range(n)])
        arrays[f"{part}_label"] = np.stack([disc(256, 256, 40).astype(np.uint8)] * n)
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def known(data: bytes) -> str:
    return f"sha256:{sha256(data)}"


def write_mirror(folder: Path, archives: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in archives.items():
        (folder / name).write_bytes(data)
    (folder / "registry.txt").write_text("".join(f"{n} sha256:{sha256(d)}\n" for n, d in archives.items()))
    return folder


def files_in(folder: Path) -> list[str]:
    """All files of a cache, but for the locks, which are empty and stay."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")


def left(cache: Path) -> list[str]:
    """The same but for a mirror's list as last seen."""
    return [file for file in files_in(cache) if not file.startswith("mirrors")]


def refused(call, *parts, kind: type[Exception] = BadInput, **options) -> str:
    """The one line with which ``call`` stops."""
    with pytest.raises(kind) as caught:
        call(*parts, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def fails(kind: type[Exception], name: str = "busi", size: int = 32, **options) -> str:
    """The one line with which `load` stops."""
    return refused(load, name, size=size, kind=kind, **options)


class Handler(BaseHTTPRequestHandler):
    """Answers for a `Web`; a fault's answer may use these methods, or the connection itself."""

    protocol_version = "HTTP/1.1"
    web: "Web"

    def do_GET(self):
        self.web.asked.append(self.path)
        self.close_connection = True
        page = self.web.pages.get(self.path, (404, b"not here", 8))
        status, body, length = page if isinstance(page, tuple) else (200, page, len(page))
        with suppress(OSError):  # the client may give up first
            if self.path in self.web.faults:
                self.web.faults[self.path](self, body)
            else:
                self.head(status, length)
                self.wfile.write(body)

    def head(self, status: int, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in ({"Connection": "close"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def page(self, status: int, body: bytes, **headers: str) -> None:
        self.head(status, len(body), **headers)
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Web:
    """What a server on this machine answers.

    ``pages`` maps a path to bytes, or to (status, bytes, declared length); ``faults`` maps one to a function of the
    `Handler` and of those bytes, which answers in its own way. ``mend`` ends all faults, and the silence of those that
    wait for ``mended``.
    """

    def __init__(self):
        self.address = ""
        self.clear()

    def clear(self) -> None:
        self.pages: dict[str, bytes | tuple[int, bytes, int]] = {}
        self.faults: dict[str, Callable[[Handler, bytes], None]] = {}
        self.asked: list[str] = []
        self.mended = threading.Event()

    def mend(self) -> None:
        self.faults = {}
        self.mended.set()


@contextmanager
def serve():
    web = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("WebHandler", (Handler,), {"web": web}))
    web.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.mend()
        server.shutdown()
        server.server_close()
        thread.join()
