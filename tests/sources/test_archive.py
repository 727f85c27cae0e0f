"""Archives that could do harm are refused in one line that says why; sound ones are read byte for byte."""

import io
import stat
import zipfile

import pytest
from sources.fakes import HTML, zipped

from usft_lib.errors import BadInput
from usft_lib.sources import archive
from usft_lib.sources.archive import SafeZip


@pytest.fixture
def refuse(tmp_path):
    """Write bytes as an archive, expect one line of refusal, return it."""

    def check(data: bytes) -> str:
        path = tmp_path / "set.zip"
        path.write_bytes(data)
        with pytest.raises(BadInput) as caught:
            with SafeZip(path) as opened:
                for name in opened.names:
                    opened.read(name)
        message = str(caught.value)
        assert "\n" not in message and message.startswith("set.zip")
        return message

    return check


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
