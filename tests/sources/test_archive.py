"""Archives that could do harm are refused in one line that says why; sound ones are read byte for byte."""

import gzip
import io
import stat
import tarfile
import zipfile

import numpy as np
import pytest
from sources.fakes import HTML, refused, tarred, zipped

from usft_lib.sources import archive
from usft_lib.sources.archive import SafeZip, read_tar

NOISE = bytes(range(256)) * 40


@pytest.fixture
def refuse(tmp_path):
    """Write bytes as a zip, expect one line of refusal, return it."""

    def check(data: bytes) -> str:
        path = tmp_path / "set.zip"
        path.write_bytes(data)
        message = refused(read_all, path)
        assert message.startswith("set.zip")
        return message

    return check


def read_all(path) -> None:
    with SafeZip(path) as opened:
        for name in opened.names:
            opened.read(name)


def one_entry(name: str, mode: int = 0, data: bytes = b"x") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        info.create_system = 3
        info.external_attr = mode << 16
        out.writestr(info, data)
    return file.getvalue()


def test_members_come_back_and_junk_does_not(tmp_path):
    path = tmp_path / "set.zip"
    path.write_bytes(zipped({"a/b.png": b"123", "__MACOSX/a/._b.png": b"", "a/._b.png": b"", "a/Thumbs.db": b""}))
    with SafeZip(path) as opened:
        assert opened.names == ["a/b.png"]
        assert opened.read("a/b.png") == b"123"


@pytest.mark.parametrize(
    ("name", "mode", "why"),
    [
        ("../evil.png", 0, ".."),
        ("a/../../evil.png", 0, ".."),
        ("/etc/evil.png", 0, "absolute"),
        ("C:/evil.png", 0, "absolute"),
        ("..\\evil.png", 0, "backslash"),
        ("link.png", stat.S_IFLNK | 0o777, "link or a device"),
        ("device.png", stat.S_IFCHR | 0o600, "link or a device"),
        ("disk.png", stat.S_IFBLK | 0o600, "link or a device"),
        ("pipe.png", stat.S_IFIFO | 0o600, "link or a device"),
    ],
)
def test_entries_that_could_leave_the_folder_are_refused(refuse, name, mode, why):
    message = refuse(one_entry(name, mode))
    assert why in message and "not used" in message


def test_ordinary_modes_are_accepted(tmp_path):
    for mode in (0, stat.S_IFREG | 0o644):
        (tmp_path / "set.zip").write_bytes(one_entry("a.png", mode))
        with SafeZip(tmp_path / "set.zip") as opened:
            assert opened.read("a.png") == b"x"


def test_decompression_bomb(refuse):
    message = refuse(zipped({"bomb.png": bytes(5_000_000)}))
    assert "decompression bomb" in message


def test_a_bomb_beside_much_harmless_data(refuse, monkeypatch):
    monkeypatch.setattr(archive, "HARMLESS", 10**6)
    noise = bytes(range(256)) * 4
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("noise.bin", noise * 300, zipfile.ZIP_STORED)
        out.writestr("bomb.png", bytes(2_000_000), zipfile.ZIP_DEFLATED)
    message = refuse(file.getvalue())
    assert "bomb.png" in message and "200:1" in message


def test_too_many_entries(refuse, monkeypatch):
    monkeypatch.setattr(archive, "ENTRIES", 3)
    assert "4 entries" in refuse(zipped({f"{i}.png": b"x" for i in range(4)}))


def test_too_large_unpacked(refuse, monkeypatch):
    monkeypatch.setattr(archive, "UNPACKED", 10)
    assert "MB" in refuse(zipped({"a.png": b"x" * 11}))


def test_entry_that_is_there_twice(refuse):
    with pytest.warns(UserWarning, match="Duplicate"):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as out:
            out.writestr("a.png", b"1")
            out.writestr("a.png", b"2")
    assert "twice" in refuse(file.getvalue())


def test_truncated(refuse):
    data = zipped({"a.png": bytes(range(256)) * 40})
    assert "cut short" in refuse(data[: len(data) // 2])


def test_page_in_place_of_an_archive(refuse):
    message = refuse(HTML)
    assert "HTML page" in message and "log-in" in message


def test_other_things_in_place_of_an_archive(refuse):
    assert "empty" in refuse(b"")
    assert "not a zip" in refuse(b"\x1f\x8b\x08 some gzip")


def test_damaged_member(refuse):
    data = bytearray(zipped({"a.png": bytes(range(256)) * 40}))
    data[60] ^= 0xFF
    assert "a.png" in refuse(bytes(data)) and "fetch the archive again" in refuse(bytes(data))


def test_never_more_bytes_than_declared(refuse):
    """An entry whose list entry declares fewer bytes than it unpacks to is damaged, whatever it holds."""
    data = bytearray(zipped({"a.png": b"x" * 1000}))
    central = data.rindex(b"PK\x01\x02")
    data[central + 24 : central + 28] = (10).to_bytes(4, "little")
    assert "damaged" in refuse(bytes(data))


def test_encrypted(refuse):
    data = bytearray(zipped({"a.png": b"x"}))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refuse(bytes(data))


# .tar.gz


@pytest.fixture
def refuse_tar(tmp_path):
    """Write bytes as a .tar.gz, expect one line of refusal, return it."""

    def check(data: bytes) -> str:
        path = tmp_path / "set.tar.gz"
        path.write_bytes(data)
        message = refused(lambda: list(read_tar(path)))
        assert message.startswith("set.tar.gz")
        return message

    return check


def one_tar_entry(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"x", **fields) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as out:
        info = tarfile.TarInfo(name)
        info.type, info.size = kind, len(data) if kind == tarfile.REGTYPE else 0
        for key, value in fields.items():
            setattr(info, key, value)
        out.addfile(info, io.BytesIO(data))
    return file.getvalue()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_members_come_back_in_order_and_junk_does_not(tmp_path, form):
    long = "a/" + "long" * 22 + "ü.png"
    members = {"a/z.png": b"123", "a/._z.png": b"", long: NOISE, "a/b.png": b"", "c": bytes(512)}
    path = tmp_path / "set.tar.gz"
    path.write_bytes(tarred(members, form, folders=("a",)))
    assert list(read_tar(path)) == [(name, data) for name, data in members.items() if "._" not in name]


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("../evil.png", tarfile.REGTYPE, ".."),
        ("a/../../evil.png", tarfile.REGTYPE, ".."),
        ("/etc/evil.png", tarfile.REGTYPE, "absolute"),
        ("C:/evil.png", tarfile.REGTYPE, "absolute"),
        ("..\\evil.png", tarfile.REGTYPE, "backslash"),
        ("a" * 120 + "/../evil.png", tarfile.REGTYPE, ".."),
        ("link.png", tarfile.SYMTYPE, "link or a device"),
        ("hard.png", tarfile.LNKTYPE, "link or a device"),
        ("device.png", tarfile.CHRTYPE, "link or a device"),
        ("disk.png", tarfile.BLKTYPE, "link or a device"),
        ("pipe.png", tarfile.FIFOTYPE, "link or a device"),
    ],
)
def test_tar_entries_that_could_leave_the_folder_are_refused(refuse_tar, name, kind, why):
    message = refuse_tar(one_tar_entry(name, kind, linkname="/etc/passwd" if kind != tarfile.REGTYPE else ""))
    assert why in message and "not used" in message


def test_tar_decompression_bomb(refuse_tar):
    assert "decompression bomb" in refuse_tar(one_tar_entry("bomb.png", data=bytes(5_000_000)))
    assert "decompression bomb" in refuse_tar(gzip.compress(gzip.decompress(one_tar_entry("a.png")) + bytes(5_000_000)))


def test_tar_bomb_in_a_header(refuse_tar):
    """tarfile reads the long names of a header at the length that it declares."""
    assert "damaged" in refuse_tar(tarred({"a" * 300 + ".png": b""}, tarfile.GNU_FORMAT, long_name=8**10))


def test_tar_long_names_are_not_read_without_end(refuse_tar, monkeypatch):
    """Neither a header's name nor what follows the end may be longer than two harmless entries."""
    monkeypatch.setattr(archive, "HARMLESS", 20_000)
    noise = np.random.default_rng(0).integers(1, 256, 50_000, dtype=np.uint8).tobytes()
    assert "decompression bomb" in refuse_tar(tarred({noise.decode("latin-1"): b""}, tarfile.GNU_FORMAT))
    plain = gzip.decompress(tarred({"a.png": NOISE}))
    assert "decompression bomb" in refuse_tar(gzip.compress(plain + noise))


def test_tar_entries_too_many_too_large_or_twice(refuse_tar, monkeypatch):
    assert "twice" in refuse_tar(tarred([("a.png", b"1"), ("a.png", b"2")]))
    monkeypatch.setattr(archive, "HARMLESS", 5000)
    assert "larger than" in refuse_tar(one_tar_entry("a.png", data=NOISE))
    monkeypatch.setattr(archive, "ENTRIES", 3)
    assert "more than 3 entries" in refuse_tar(tarred({f"{i}.png": b"x" for i in range(4)}))
    monkeypatch.setattr(archive, "UNPACKED", 600)
    assert "MB" in refuse_tar(one_tar_entry("a.png"))


def test_tar_truncated_or_damaged_anywhere(refuse_tar):
    data = tarred({f"{i}.png": NOISE[i:] for i in range(5)})
    for cut in (20, len(data) // 2, len(data) - 3):
        assert "cut short" in refuse_tar(data[:cut])
    wrong = bytearray(data)
    wrong[-5] ^= 0xFF  # in gzip's own checksum
    assert "damaged" in refuse_tar(bytes(wrong))
    plain = bytearray(gzip.decompress(data))
    second = 512 + -(-len(NOISE) // 512) * 512
    for at, value in ((second + 5, 0x41), (second + 124, 0xFF)):  # name; size, which becomes negative
        broken = bytearray(plain)
        broken[at] = value
        assert "damaged" in refuse_tar(gzip.compress(bytes(broken)))  # tarfile takes a broken header for the end
    for cut in (second + 100, second):
        assert "damaged" in refuse_tar(gzip.compress(bytes(plain[:cut])))


def test_tar_negative_sizes_end(refuse_tar):
    """A header of negative size leads back to itself."""
    info = tarfile.TarInfo("a.png")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 10 + b"\xfe\x00"  # -512 in base 256
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    assert "damaged" in refuse_tar(gzip.compress(bytes(header) + bytes(1024)))


def test_tar_other_things_in_place_of_an_archive(refuse_tar):
    assert "HTML page" in refuse_tar(HTML)
    assert "empty" in refuse_tar(b"")
    assert "not a gzip" in refuse_tar(zipped({"a.png": b"1"}))
    assert "damaged" in refuse_tar(gzip.compress(b"no tar at all" * 100))
