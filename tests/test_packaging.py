"""The package's files agree with one another: bounds, pins, Colab's list, the conda twin, the citation, the imports."""

import ast
import json
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest

if os.environ.get("USFT_WHEEL_ONLY"):
    pytest.skip("reads the repository's files, which are not beside an installed wheel", allow_module_level=True)

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LIBRARY = {canonicalize_name(r.name): r for r in map(Requirement, PROJECT["dependencies"])}
TEST = {canonicalize_name(r.name): r for r in map(Requirement, EXTRAS["test"])}

# Where the name one imports is not the name one installs.
DISTRIBUTION = {"PIL": "pillow", "mpl_toolkits": "matplotlib", "yaml": "PyYAML", "markdown_it": "markdown-it-py"}
TOOLS = {"jupyterlab", "ipykernel", "nbval", "ruff", "codespell", "distributed"}  # run, or imported by another name
ONLY_IN_COLAB = {"google"}  # google.colab cannot be declared: nothing else can install it


def pins(path: Path) -> dict[str, list[str]]:
    """Name → the pinned versions (more than one where markers choose). Every line must be an exact pin, or `-e .`."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if not line or line == "-e .":
            continue
        requirement = Requirement(line)
        exact = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
        assert exact, f"{path.name}: {line!r} is not an exact pin"
        found.setdefault(canonicalize_name(requirement.name), []).append(exact[1])
    return found


def below_bound(requirements: dict[str, Requirement], pinned: dict[str, list[str]]) -> list[str]:
    """The pins that do not satisfy their requirement, as text to show."""
    return [
        f"{name}=={version}, not {requirements[name].specifier}"
        for name in requirements.keys() & pinned.keys()
        for version in pinned[name]
        if not requirements[name].specifier.contains(version, prereleases=True)
    ]


def imported(folder: Path) -> dict[str, set[str]]:
    """Top-level name → the files that import it, imports inside functions included, relative ones left out."""
    found: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("import_module", "importorskip"):
                names = [a.value for a in node.args[:1] if isinstance(a, ast.Constant) and not a.value.startswith(".")]
            for name in names:
                found.setdefault(name.split(".")[0], set()).add(str(file.relative_to(folder.parent)))
    return found


def test_requirements_pin_every_direct_dependency_within_its_bound():
    pinned = pins(ROOT / "requirements.txt")
    wanted = LIBRARY | TEST | {canonicalize_name(r.name): r for r in map(Requirement, EXTRAS["study"])}
    assert not wanted.keys() - pinned.keys(), "in pyproject.toml, not pinned in requirements.txt"
    assert not below_bound(wanted, pinned)
    assert not [name for name, versions in pinned.items() if len(versions) > 1], "pinned twice"


def test_every_pin_is_used_and_has_its_reason():
    pinned = set(pins(ROOT / "requirements.txt"))
    names = {name for folder in ("usft_lib", "tests", "data_scripts", "notebooks") for name in imported(ROOT / folder)}
    used = {canonicalize_name(DISTRIBUTION.get(name, name)) for name in names}
    assert pinned - used - TOOLS == set(), "pinned, and nothing imports it: take it away"
    pinned |= set(pins(ROOT / "docs" / "requirements.txt"))
    rows = re.findall(r"^\| ([\w, -]+) \| .+ \|$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M)
    reasons = {canonicalize_name(name.strip()) for row in rows for name in row.split(",")}
    assert pinned - reasons == set(), "without a reason in CONTRIBUTING.md"


def test_dependencies_have_lower_bounds_only():
    """An upper bound would let pip replace what Colab has, torch above all."""
    for name, requirement in LIBRARY.items():
        operators = {bound.operator for bound in requirement.specifier}
        # A new major version of these would not fit the front end that Colab has.
        allowed = {">=", "<"} if name in ("ipywidgets", "anywidget") else {">="}
        assert operators == allowed, f"{name}{requirement.specifier}"
        assert not requirement.marker and not requirement.url
    assert "torch" in LIBRARY


def test_colab_satisfies_every_lower_bound():
    pinned = pins(ROOT / ".ci" / "colab-requirements.txt")
    assert not LIBRARY.keys() - pinned.keys(), "not in Colab's list: costs a line in every first cell"
    assert not below_bound(LIBRARY | TEST, pinned)


def test_colab_and_requirements_use_the_same_torch():
    assert pins(ROOT / ".ci" / "colab-requirements.txt")["torch"] == pins(ROOT / "requirements.txt")["torch"]


def test_supported_pythons_agree():
    supported = SpecifierSet(PROJECT["requires-python"])
    assert all(version in supported for version in ("3.11", "3.12", "3.13")) and "3.10" not in supported
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (python,) = [d for d in environment["dependencies"] if isinstance(d, str) and d.startswith("python=")]
    assert python.removeprefix("python=") in supported


def test_environment_yml_installs_requirements_txt_and_nothing_else():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (by_pip,) = [d["pip"] for d in environment["dependencies"] if isinstance(d, dict)]
    assert by_pip == ["-r requirements.txt"]


def test_the_dev_container_installs_as_the_readme_does():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert f"```bash\n{container['postCreateCommand']} && " in (ROOT / "README.md").read_text(encoding="utf-8")
    assert container["image"].removeprefix("python:") in SpecifierSet(PROJECT["requires-python"])


def test_every_import_of_the_library_is_declared():
    declared = set(LIBRARY) | {
        canonicalize_name(Requirement(r).name)
        for extra, rs in EXTRAS.items()
        if extra not in ("test", "reference")
        for r in rs
    }
    missing = {
        name: files
        for name, files in imported(ROOT / "usft_lib").items()
        if name not in sys.stdlib_module_names | ONLY_IN_COLAB | {"usft_lib"}
        and canonicalize_name(DISTRIBUTION.get(name, name)) not in declared
    }
    assert not missing


def test_every_folder_with_code_is_a_package():
    """Without an __init__.py a folder's modules work in the checkout and are missing from the wheel."""
    folders = {file.parent for file in (ROOT / "usft_lib").rglob("*.py")}
    assert not [str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").exists()]


def test_the_library_tells_its_own_version():
    text = (ROOT / "usft_lib" / "__init__.py").read_text(encoding="utf-8")
    assert re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE) == [PROJECT["version"]]


def test_citation_parses_and_has_the_version_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert citation["title"] and citation["message"] and citation["authors"]
    assert "10.1109/TUFFC.2020.3015081" in {r["doi"] for r in citation["references"]}
