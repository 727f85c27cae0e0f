"""Compressed tars that could do harm are refused in one line that says why; sound ones are read byte for byte."""

import gzip
import io
import tarfile

import pytest
from sources.fakes import HTML, tarred, zipped

from usft_lib.errors import BadInput
from usft_lib.sources import archive
from usft_lib.sources.tarball import SafeTar

NOISE = bytes(range(256)) * 40


@pytest.fixture
def refuse(tmp_path):
    """Write bytes as an archive, expect one line of refusal, return it."""

    def check(data: bytes) -> str:
        path = tmp_path / "set.tar.gz"
        path.write_bytes(data)
        with pytest.raises(BadInput) as caught:
            list(SafeTar(path).members())
        message = str(caught.value)
        assert "\n" not in message and message.startswith("set.tar.gz")
        return message

    return check


def one_entry(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"x", **fields) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as out:
        info = tarfile.TarInfo(name)
        info.type, info.size = kind, len(data) if kind == tarfile.REGTYPE else 0
        for key, value in fields.items():
            setattr(info, key, value)
        out.addfile(info, io.BytesIO(data))
    return file.getvalue()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_come_back_in_order_and_junk_does_not(tmp_path, form):
    long = "a/" + "long" * 22 + "ü.png"
    members = {"a/z.png": b"123", "a/._z.png": b"", long: NOISE, "a/b.png": b"", "c": bytes(512)}
    path = tmp_path / "set.tar.gz"
    path.write_bytes(tarred(members, form, folders=("a",)))
    opened = SafeTar(path)
    wanted = [(name, data) for name, data in members.items() if "._" not in name]
    assert opened.names == [name for name, _ in wanted]
    assert list(opened.members()) == wanted == list(opened.members())


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
def test_entries_that_could_leave_the_folder_are_refused(refuse, name, kind, why):
    message = refuse(one_entry(name, kind, linkname="/etc/passwd" if kind != tarfile.REGTYPE else ""))
    assert why in message and "not used" in message


def test_nothing_is_handed_out_before_all_of_it_is_checked(tmp_path):
    path = tmp_path / "set.tar.gz"
    path.write_bytes(tarred({"good.png": b"1", "../evil.png": b"2"}))
    with pytest.raises(BadInput):
        SafeTar(path)


def test_decompression_bomb(refuse):
    assert "decompression bomb" in refuse(one_entry("bomb.png", data=bytes(5_000_000)))
    assert "decompression bomb" in refuse(gzip.compress(gzip.decompress(one_entry("a.png")) + bytes(5_000_000)))


def test_bomb_in_a_header(refuse):
    """tarfile reads the long names of a header at the length that it declares."""
    assert "damaged" in refuse(tarred({"a" * 300 + ".png": b""}, tarfile.GNU_FORMAT, long_name=8**10))


def test_entries_too_many_too_large_or_twice(refuse, monkeypatch):
    assert "twice" in refuse(tarred([("a.png", b"1"), ("a.png", b"2")]))
    monkeypatch.setattr(archive, "HARMLESS", 5000)
    assert "larger than" in refuse(one_entry("a.png", data=NOISE))
    monkeypatch.setattr(archive, "ENTRIES", 3)
    assert "more than 3 entries" in refuse(tarred({f"{i}.png": b"x" for i in range(4)}))
    monkeypatch.setattr(archive, "UNPACKED", 600)
    assert "MB" in refuse(one_entry("a.png"))


def test_truncated_or_damaged_anywhere(refuse):
    data = tarred({f"{i}.png": NOISE[i:] for i in range(5)})
    for cut in (20, len(data) // 2, len(data) - 3):
        assert "cut short" in refuse(data[:cut])
    wrong = bytearray(data)
    wrong[-5] ^= 0xFF  # in gzip's own checksum
    assert "damaged" in refuse(bytes(wrong))
    plain = bytearray(gzip.decompress(data))
    second = 512 + -(-len(NOISE) // 512) * 512
    for at, value in ((second + 5, 0x41), (second + 124, 0xFF)):  # name; size, which becomes negative
        broken = bytearray(plain)
        broken[at] = value
        assert "damaged" in refuse(gzip.compress(bytes(broken)))  # tarfile takes a broken header for the end
    assert "damaged" in refuse(gzip.compress(bytes(plain[: second + 100])))


def test_negative_sizes_end(refuse):
    """A header of negative size leads back to itself."""
    info = tarfile.TarInfo("a.png")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 10 + b"\xfe\x00"  # -512 in base 256
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    assert "damaged" in refuse(gzip.compress(bytes(header) + bytes(1024)))


def test_other_things_in_place_of_an_archive(refuse):
    assert "HTML page" in refuse(HTML)
    assert "empty" in refuse(b"")
    assert "not a gzip" in refuse(zipped({"a.png": b"1"}))
    assert "damaged" in refuse(gzip.compress(b"no tar at all" * 100))
