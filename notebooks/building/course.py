"""The course as course.toml tells it: which lessons there are, in which order, and the terms of the glossary."""

import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]  # notebooks
FIELDS = ("name", "title", "question", "objectives", "needs", "data", "status")


class OutOfStep(Exception):
    """One line: what does not fit, and what to do."""


def manifest(root: Path = HERE) -> dict:
    """course.toml beside the notebooks' folder. Raises `OutOfStep` if it cannot be read, or a lesson lacks a field."""
    try:
        course = tomllib.loads((root.parent / "course.toml").read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise OutOfStep(f"course.toml cannot be read: {error}.") from None
    for lesson in course["lesson"]:
        name = lesson.get("name", "a lesson")
        if lacking := [field for field in FIELDS if field not in lesson]:
            raise OutOfStep(f"course.toml: {name} has no {lacking[0]}.")
        if lesson["status"] not in ("ready", "planned"):
            raise OutOfStep(f"course.toml: the status of {name} must be ready or planned, not {lesson['status']!r}.")
    return course


def named(course: dict, numbers: list[str]) -> list[dict]:
    """The ready lessons of these numbers, or all. Raises `OutOfStep` if one of them is not ready."""
    lessons = ready(course)
    known = [lesson["name"][:2] for lesson in lessons]
    if unknown := [number for number in numbers if number not in known]:
        paths = f"; and the paths {', '.join(course['path'])}" if course.get("path") else ""
        raise OutOfStep(f"No lesson is ready that is called {', '.join(unknown)}: there are {' '.join(known)}{paths}.")
    return [lesson for lesson in lessons if not numbers or lesson["name"][:2] in numbers]


def ready(course: dict) -> list[dict]:
    """The lessons that have a source, in order."""
    return [lesson for lesson in course["lesson"] if lesson["status"] == "ready"]


def glossary(root: Path) -> dict[str, dict]:
    """The course's terms, of notebooks/glossary.toml: ``{term: {"lesson": "06", "says": …}}``."""
    path = root / "glossary.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def within(folder: Path, root: Path) -> str:
    """A folder's place in the repository; "" if it is outside."""
    whole = root.parent.resolve()
    return folder.resolve().relative_to(whole).as_posix() if folder.resolve().is_relative_to(whole) else ""
