"""The test set's seal: its hash in a file, and a note of every opening (lesson 16).

It is no lock: the images stay where they are, and whoever wants to cheat deletes the file. It keeps an honest person
honest. Another test set, or a line that was changed by hand, is found, and the report tells how often it was opened.
"""

import hashlib
import json
from datetime import datetime
from pathlib import Path

from ..data import SegmentationData, check_data
from ..errors import BadInput
from ..sources.cache import write_whole

FIELDS = {"images": int, "people": int, "size": int, "hash": str, "sealed": str, "opened": list}


class Seal:
    """What `seal` returns: ``open()`` gives the test set and notes it in the file; ``note()`` is what the file says."""

    def __init__(self, test: SegmentationData, path: Path):
        self._test, self.path = test, path
        self.about = {"images": len(test), "people": len(set(test.subjects)), "size": test.size, "hash": _hash(test)}

    def note(self) -> dict:
        """``images``, ``people``, ``size``, ``hash``, and when it was ``sealed`` (text) and ``opened`` (a list).

        Raises:
            BadInput: the file is gone or was changed, or it is the seal of other images.
        """
        try:
            note = json.loads(self.path.read_text(encoding="utf-8"))
            mark = note.pop("mark")
            sound = {key: type(value) for key, value in note.items()} == FIELDS and mark == _mark(note)
        except OSError as error:
            raise BadInput(f"The seal {self.path} cannot be read ({error.strerror}): put the file back.") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            sound = False
        if not sound:
            raise BadInput(
                f"{self.path} is not as usft.seal wrote it, so it proves nothing: put the original file back. If it is "
                "lost, seal under a new name and say so in your report."
            )
        if note["hash"] != self.about["hash"]:
            was, now = ("{images} images of {people} people at {size} pixels".format(**x) for x in (note, self.about))
            now = "another one of the same size" if now == was else now
            raise BadInput(
                f"{self.path} seals another test set, {was}; yours is {now}. Load and split as you did before, or seal "
                "the new test set under a new name."
            )
        return note

    def open(self) -> SegmentationData:
        """The test set. Every call is noted in the file and printed; once, at the very end, is enough.

        Raises:
            BadInput: as `note`; or the opening cannot be noted, and then nothing is opened.
        """
        note = self.note()
        note["opened"].append(_now())
        _save(self.path, note)
        print(f"{self.path.name}: times opened: {len(note['opened'])}. The report tells this number.")
        return self._test


def seal(test: SegmentationData, path: str | Path = "seal.json") -> Seal:
    """Seal a test set before anything is trained: its hash goes into a file, and each opening is noted there.

    ``sealed = usft.seal(test, "seal.json")``; at the very end ``test = sealed.open()``. If the file exists, the test
    set must be the same, and the openings so far count. (Lesson 16.)

    Raises:
        BadInput: the file is no seal, was changed or belongs to another test set, or cannot be written.
    """
    check_data(test, "test")
    made = Seal(test, Path(path).expanduser())
    if not made.path.exists():
        _save(made.path, {**made.about, "sealed": _now(), "opened": []})
    note = made.note()
    print(f"{made.path.name}: {note['images']} images of {note['people']} people, times opened: {len(note['opened'])}.")
    return made


def write(path: Path, text: str) -> None:
    """Write ``path`` whole or not at all.

    Raises:
        BadInput: it cannot be written; what was there before is still there.
    """
    try:
        write_whole(path, lambda file: file.write(text.encode()))
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}): choose another place, or free space.") from None


def _hash(data: SegmentationData) -> str:
    """SHA-256 over images, masks, names, people and spacing, whatever the order of the images."""
    spacing = [None] * len(data) if data.spacing_mm is None else data.spacing_mm.tolist()
    each = []
    for name, person, mm, image, mask in zip(data.ids, data.subjects, spacing, data.images, data.masks, strict=True):
        digest = hashlib.sha256(repr((str(name), person, mm, data.size)).encode())
        digest.update(image.numpy().tobytes() + mask.numpy().tobytes())
        each.append(digest.hexdigest())
    return hashlib.sha256("".join(sorted(each)).encode()).hexdigest()


def _now() -> str:
    return datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")


def _mark(note: dict) -> str:
    return hashlib.sha256(json.dumps(note, sort_keys=True).encode()).hexdigest()


def _save(path: Path, note: dict) -> None:
    write(path, json.dumps({**note, "mark": _mark(note)}, indent=1) + "\n")
