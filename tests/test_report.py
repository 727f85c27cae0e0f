"""The seal, sentences that the data can carry, and the report: against other ways to count, and against bad input."""

import base64
import io
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import browser
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

import usft_lib as usft
from usft_lib import BadInput, History, reading
from usft_lib.report import FEWEST
from usft_lib.report.words import limits, most_failures

EVIL = "<img src=x onerror=\"document.title='broken'\">.png"
STRANGE = [EVIL, "a--b.png", "$x^$.png", "\udcff\x07.png", "\u202egnp.x", "n" * 200 + ".png"]


# ---- the seal ---------------------------------------------------------------------------------------------------


@pytest.fixture
def sealed(discs, tmp_path):
    return usft.seal(discs[:10], tmp_path / "seal.json")


def test_every_opening_is_counted_also_by_the_next_notebook(sealed, discs, capsys):
    assert sealed.note()["opened"] == [] and sealed.open() is not None
    again = usft.seal(discs[:10][torch.randperm(10)], sealed.path)  # the order of the files does not matter
    assert again.open().ids and len(again.note()["opened"]) == len(sealed.note()["opened"]) == 2
    assert "times opened: 2" in capsys.readouterr().out and [p.name for p in sealed.path.parent.iterdir()] == [
        "seal.json"
    ]


def changed(data, what: str):
    pixel = torch.zeros_like(data.images, dtype=torch.bool)
    pixel[3, 0, 5, 5] = True
    return {
        "a pixel": lambda: replace(data, images=torch.where(pixel, 1 - data.images, data.images)),
        "a mask": lambda: replace(data, masks=data.masks ^ pixel),
        "a person": lambda: replace(data, subjects=["other", *data.subjects[1:]]),
        "a name": lambda: replace(data, ids=["other", *data.ids[1:]]),
        "spacing": lambda: replace(data, spacing_mm=torch.ones(len(data))),
        "one image fewer": lambda: data[1:],
        "an image twice": lambda: data[[0, 0, *range(2, len(data))]],
    }[what]()


@pytest.mark.parametrize(
    "what", ["a pixel", "a mask", "a person", "a name", "spacing", "one image fewer", "an image twice"]
)
def test_the_seal_of_another_test_set_is_refused(sealed, discs, what):
    with pytest.raises(BadInput, match="seals another test set"):
        usft.seal(changed(discs[:10], what), sealed.path)


TAMPERED = {
    "an opening removed": lambda note: {**note, "opened": []},
    "a time changed": lambda note: {**note, "opened": ["2020-01-01 00:00:00+00:00"]},
    "another hash": lambda note: {**note, "hash": "0" * 64},
    "the number of people": lambda note: {**note, "people": 50},
    "a word more": lambda note: {**note, "comment": "opened once"},
    "the mark removed": lambda note: {key: value for key, value in note.items() if key != "mark"},
    "openings are a number": lambda note: {**note, "opened": 0},
    "a list": lambda note: [note],
    "null": lambda note: None,
}


@pytest.mark.parametrize("how", [*TAMPERED, "cut", "no text", "empty", "gone", "a folder"])
def test_a_seal_that_was_tampered_with_is_refused_everywhere(sealed, tables, tmp_path, how):
    sealed.open()
    text = sealed.path.read_text()
    written = {"cut": text[: len(text) // 2].encode(), "no text": b"\xff\xfe\x00", "empty": b""}.get(how)
    if how in TAMPERED:
        written = json.dumps(TAMPERED[how](json.loads(text))).encode()
    sealed.path.unlink()
    if how == "a folder":
        sealed.path.mkdir()
    elif how != "gone":
        sealed.path.write_bytes(written)
    for use in (sealed.note, sealed.open, lambda: usft.report(tmp_path / "r.html", **{**tables, "seal": sealed})):
        with pytest.raises(BadInput, match="is not as usft.seal wrote it|cannot be read|seal of another") as caught:
            use()
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "r.html").exists() and (written is None or sealed.path.read_bytes() == written)


def test_a_file_that_is_no_seal_is_never_overwritten(discs, tmp_path):
    (tmp_path / "notes.json").write_text('{"mine": 1}')
    with pytest.raises(BadInput, match="not as usft.seal wrote it"):
        usft.seal(discs, tmp_path / "notes.json")
    assert (tmp_path / "notes.json").read_text() == '{"mine": 1}'
    with pytest.raises(BadInput, match="cannot be written"):
        usft.seal(discs, tmp_path / "no such folder" / "seal.json")


def test_where_an_opening_cannot_be_noted_nothing_is_opened(sealed, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(BadInput, match="No space left"):
        sealed.open()
    assert sealed.note()["opened"] == [] and [p.name for p in sealed.path.parent.iterdir()] == ["seal.json"]


# ---- sentences --------------------------------------------------------------------------------------------------

CLAIMS = ("A scores higher", "A scores lower", "A and B differ by less", "A is not better")


def test_what_a_sentence_claims_is_what_the_interval_allows():
    draw = np.random.default_rng(0)
    seen = set()
    for _ in range(600):
        low, mean, high = np.sort(draw.normal(0, draw.choice([0.005, 0.03]), 3) + draw.choice([-0.03, 0, 0.03]))
        people, seeds, stand_in = int(draw.integers(1, 12)), int(draw.integers(1, 4)), bool(draw.integers(2))
        said = usft.sentence(mean, low, high, people, seeds, stand_in=stand_in)
        claims = [claim for claim in CLAIMS if said.startswith(claim)]
        if stand_in or people < FEWEST or seeds < 2:
            assert said.startswith("No claim") and not claims
            continue
        word = reading(mean, low, high)
        if "higher" in said:
            assert low > 0 and (word == "reproduced" or "cannot show whether by 0.02" in said)
        elif "lower" in said:
            assert high < 0 and word == "reversed"
        elif "less than" in said:
            assert -0.02 < low and high < 0.02 and word == "not reproduced"
        elif "not better" in said:
            assert low <= -0.02 and high < 0.02 and word == "not reproduced"
        else:
            assert said.startswith("The data cannot show") and low <= 0 <= high and high >= 0.02
        seen.add(said[:20])
    assert len(seen) == 5


def test_the_fewest_people_are_those_whose_agreement_is_evidence():
    """The two-sided sign test of SciPy, all of n people on one side."""
    chance = {n: stats.binomtest(n, n).pvalue for n in range(1, 9)}
    assert min(n for n, p in chance.items() if p < 0.05) == FEWEST
    for n in range(1, FEWEST):
        assert f"in {100 * chance[n]:.0f} % of such tests" in usft.sentence(0.5, 0.4, 0.6, n, 3)


@pytest.mark.parametrize("failed, people", [(0, 2), (0, 12), (3, 12), (12, 12), (1, 300)])
def test_the_bound_of_failures_is_that_of_clopper_and_pearson(failed, people):
    theirs = stats.binomtest(failed, people).proportion_ci(0.9, "exact").high  # its upper end at 95 %, one side
    assert most_failures(failed, people) == pytest.approx(theirs)


@pytest.mark.parametrize(
    "numbers", [(0.1, 0.2, 0.3, 10, 3), (float("nan"),) * 3 + (10, 3), (0, 0, 0, 0, 3), (0, 0, 0, 9, 1.5)]
)
def test_a_sentence_of_impossible_numbers_is_refused(numbers):
    with pytest.raises(BadInput):
        usft.sentence(*numbers)


def test_limits_follow_from_the_numbers():
    few = limits(5, 0, "a", {"a": 1}, {})
    assert "5 people cannot rank" in few[1] and "45 % among" in few[0] and "trained once" in few[2]
    assert [name for name in ("mean shape", "scratch", "everything") if any(repr(name) in said for said in few)] != []
    full = {"a": 3, "mean shape": 1, "scratch": 3, "everything": 1}
    wide = limits(40, 2, "a", full, {"scratch": (0.01, -0.05, 0.07), "everything": (0.0, -0.01, 0.01)})
    assert len(wide) == 3 and "everything has scores of one training" in wide[1]
    assert "scratch cannot be seen here: the interval is ±0.060. It would take about 9 times as many" in wide[2]


# ---- the report -------------------------------------------------------------------------------------------------


def grown(masks: torch.Tensor, pixels: int) -> torch.Tensor:
    return torch.nn.functional.max_pool2d(masks.float(), 2 * pixels + 1, 1, pixels) > 0


def noisy(test, seed: int, error: int):
    """Scores as of a network: masks that are too large, and the first image missed by every second training."""
    masks = grown(test.masks, error)
    masks[seed % len(masks)] = False
    return masks


@pytest.fixture(scope="module")
def tables(discs):
    """All arguments of a report but the path, with strange names; made without training."""
    data = replace(discs, ids=[*STRANGE, *discs.ids[len(STRANGE) :]], spacing_mm=torch.full((60,), 0.5))
    train, val, test = data.split(0.5, 0.2, 0.3, seed=3)
    history = History({"trained": ["enc1"], "lr": 1e-3, "steps": 3, "seed": 0, "device": "cpu"}, [1.0, 0.9, 0.8],
                      [0.1, 0.2, 0.3], [1, 3], [0.6, 0.7])  # fmt: skip
    scores = {name: [usft.score(noisy(test, seed, error), test) for seed in range(3)]
              for name, error in {"first 4": 1, "scratch": 2, "everything": 3}.items()}  # fmt: skip
    return {
        "data": data, "splits": (train, val, test), "chosen": "first 4", "tables": {"first 4": scores["first 4"]},
        "baselines": {"mean shape": usft.score(usft.mean_shape(train), test), "scratch": scores["scratch"],
                      "everything": scores["everything"]},
        "histories": {"first 4": [history] * 3}, "masks": noisy(test, 1, 1),
    }  # fmt: skip


class Read(HTMLParser):
    """A page as a browser sees it: its tags, attributes and text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.values, self.asked, self.text, self.rows, self.inside = [], [], [], "", [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        self.tags.append(tag)
        self.values += [value for _, value in attributes if value]
        self.asked += [value for name, value in attributes if name in ("src", "srcset", "href", "data", "action")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.inside != "style":
            self.text += data
        if self.inside in ("td", "th") and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data

    def drawings(self) -> list[str]:
        head = "data:image/svg+xml;base64,"
        return [base64.b64decode(v.removeprefix(head)).decode() for v in self.values if v.startswith(head)]


@pytest.fixture(scope="module")
def page(tables, tmp_path_factory):
    return usft.report(tmp_path_factory.mktemp("report") / "report.html", **tables).read_text(encoding="utf-8")


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are made, but not drawn, which takes a second each."""
    monkeypatch.setattr(sys.modules["usft_lib.report.page"], "_figure", lambda figure, words: plt.close(figure) or "")


def test_the_page_tells_what_was_measured(page, tables):
    read = Read(page)
    mean, low, high = usft.seed_mean(tables["tables"]["first 4"])
    assert f"first 4: mean Dice {mean:.3f} (95 % interval {low:.3f} to {high:.3f})" in read.text
    rows = {row[0]: row for row in read.rows}
    for name in ("scratch", "everything"):
        mean, low, high = usft.seed_difference(tables["tables"]["first 4"], tables["baselines"][name])
        assert rows[name][3].replace("−", "-") == f"{mean:+.3f} ({low:+.3f} to {high:+.3f})" and rows[name][1] == "3"
        assert usft.sentence(mean, low, high, len(set(tables["splits"][2].subjects)), 3, "first 4", name) in read.text
    assert rows["mean shape"][1] == "1"
    for name, part in zip(("train", "validation", "test"), tables["splits"], strict=True):
        assert rows[name][1:3] == [str(len(set(part.subjects))), str(len(part))]
    everything = read.text
    assert "not sealed" in everything and "cpu" in everything and "usft_lib" in everything and "NumPy" in everything


def test_failures_are_named(page, tables):
    test = tables["splits"][2]
    missed = {test.ids[seed] for seed in range(3)}
    named = {row[0]: row for row in Read(page).rows if row[2:3] == ["1 of 3"]}
    shown = {"".join(c if c.isprintable() else "\ufffd" for c in name) for name in missed}
    assert shown == named.keys() and "3 images" in Read(page).text


def test_a_strange_name_stays_text_and_nothing_is_asked_of_another_machine(page, tables, tmp_path):
    ids = [f"{k}{STRANGE[k % len(STRANGE)]}" for k in range(60)]
    people = [f"<b>{person}" for person in tables["data"].subjects]
    names = replace(tables["data"], ids=ids, subjects=people, name="<script>x", provenance=EVIL)
    test = names.split(0.4, 0.2, 0.4, seed=3)[2]
    scores = [usft.score(torch.zeros_like(test.masks), test), usft.score(test.masks, test)]
    evil = usft.report(
        tmp_path / "r.html", data=names, tables={"<u>$a": scores}, baselines={}, chosen="<u>$a",
        splits=names.split(0.4, 0.2, 0.4, seed=3), masks=test.masks, title="</title>" + EVIL,
    ).read_text(encoding="utf-8")  # fmt: skip
    for read in (Read(page), Read(evil)):
        assert set(read.tags) <= set(
            "html head meta title style body main h1 h2 p section ul li dl dt dd table caption thead tbody tr th td "
            "figure img figcaption".split()
        )
        assert read.tags.count("img") == len(read.drawings()), "no img but our own drawings"
        assert all(address.startswith("data:") for address in read.asked) and "url(" not in page
        for drawing in read.drawings():
            outside = re.findall(r'href="([^#][^"]{0,30})|url\(([^#])', drawing)
            assert all(link.startswith("data:image/png") for link, _ in outside), outside
    assert EVIL in Read(evil).text and "\u202e" not in evil


def greys(page: str) -> list[int]:
    """How many different values each picture of a page has."""
    found = []
    for drawing in Read(page).drawings():
        for code in re.findall(r'xlink:href="data:image/png;base64,([^"]+)', drawing):
            found.append(len(np.unique(np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("L")))))
    return found


def test_pictures_are_shown_only_if_asked(page, tables, tmp_path, capsys):
    assert greys(page) == [1, 1, 1]
    asked = usft.report(tmp_path / "r.html", **tables, images=True).read_text(encoding="utf-8")
    assert min(greys(asked)) > 20 and "patients" in capsys.readouterr().out


def test_folds_are_reported_without_a_test_set(tables, tmp_path, undrawn):
    data = tables["data"]
    people = sorted(set(data.subjects))
    folds = [data[[k for k, s in enumerate(data.subjects) if people.index(s) % 5 == fold]] for fold in range(5)]
    scores = {error: [usft.score(grown(fold.masks, error), fold) for fold in folds] for error in (1, 2)}
    page = usft.report(tmp_path / "r.html", data=data, tables={"a": scores[1]}, baselines={"scratch": scores[2]},
                       chosen="a", masks=grown(data.masks, 1)).read_text(encoding="utf-8")  # fmt: skip
    read = Read(page)
    assert "a scores higher than scratch" in read.text and "on 30 people, 5 trainings" in read.text
    assert "Cross-validation by person" in read.text and "sealed, so" not in read.text


def test_what_went_wrong_on_the_way_is_told(tables, tmp_path, undrawn):
    test = tables["splits"][2]
    seal = usft.seal(test, tmp_path / "seal.json")

    def said(**other) -> str:
        return Read(usft.report(tmp_path / "r.html", **{**tables, "seal": seal, **other}).read_text("utf-8")).text

    assert "its seal was never opened" in said()
    seal.open()
    first = said()
    assert not any(words in first for words in ("never opened", "opened 2 times", "not sealed", "Validation prefers"))
    assert "still improving" in first, "the last validation gained .1"
    seal.open()
    better = replace(tables["histories"]["first 4"][0], val_dice=[0.9, 0.9])
    more = {"first 4": tables["tables"]["first 4"], "last 2": tables["baselines"]["scratch"]}
    told = said(tables=more, baselines={}, histories={**tables["histories"], "last 2": [better]})
    assert "opened 2 times" in told and "Validation prefers last 2" in told and "no baseline 'mean shape'" in told
    once = {name: (each[:1] if isinstance(each, list) else each) for name, each in tables["baselines"].items()}
    assert "No claim on first 4 and scratch: one training" in said(baselines=once)


def bad(tables: dict) -> dict:
    """Arguments that are refused: what is changed, and what the message says."""
    train, val, test = tables["splits"]
    data, first = tables["data"], tables["tables"]["first 4"]
    both = data[[data.ids.index(name) for name in [*train.ids, test.ids[0]]]]  # split by image: one person's two
    leak = replace(data, subjects=["one"] * len(data))
    lone = replace(data, ids=["x"] * len(data))
    return {
        "a person in two parts": ({"splits": (both, val, test[1:])}, "train and test share 1 person"),
        "parts of other data": ({"splits": (train, val, leak)}, "is not in data, or belongs to another person there"),
        "two parts": ({"splits": (train, test)}, "three parts"),
        "no validation images": ({"splits": (train, val[[]], test)}, "has no images"),
        "names twice": ({"data": lone}, "the same name"),
        "no data": ({"data": test.images}, "must be a SegmentationData"),
        "scores of train": ({"tables": {"first 4": [usft.score(train.masks, train)]}}, "not score the test images"),
        "scores of half": ({"tables": {"first 4": [first[0].head(5)]}}, "not score the test images"),
        "an image twice": ({"tables": {"first 4": [first[0].iloc[[0, *range(len(first[0]))]]]}}, "not score the test"),
        "NaN": ({"tables": {"first 4": [first[0].assign(dice=np.nan)]}}, "not what usft.evaluate returns"),
        "percent": ({"tables": {"first 4": [first[0].assign(dice=85.0)]}}, "not what usft.evaluate returns"),
        "a column less": ({"tables": {"first 4": [first[0].drop(columns="empty")]}}, "not what usft.evaluate returns"),
        "one training twice": ({"tables": {"first 4": [first[0], first[0], first[1]]}}, "are the same"),
        "other numbers of trainings": ({"tables": {"first 4": first[:2]}}, "first 4 and scratch: Give both the same"),
        "no tables": ({"tables": {}}, "no strategy in tables 'first 4'"),
        "a table, no dict": ({"tables": first}, "must be a dict"),
        "numbers, no table": ({"tables": {"first 4": [0.8, 0.9]}}, "one entry per training"),
        "nothing chosen": ({"chosen": None}, "no strategy in tables None"),
        "a baseline chosen": ({"chosen": "scratch"}, "no strategy in tables 'scratch'"),
        "a name twice": ({"baselines": {"first 4": first}}, "in tables and in baselines"),
        "no validations": ({"histories": {"first 4": History({})}}, "no validations"),
        "a history of another": ({"histories": {"x": tables["histories"]["first 4"]}}, "no strategy or baseline 'x'"),
        "other masks": ({"masks": ~tables["masks"]}, "fit no training"),
        "probabilities": ({"masks": tables["masks"].float()}, "masks must be bool"),
        "masks of train": ({"masks": train.masks}, "masks must be bool"),
        "pictures without masks": ({"masks": None, "images": True}, "images=True needs masks"),
        "pictures themselves": ({"images": test.images}, "images must be True"),
        "a path as seal": ({"seal": "seal.json"}, "seal is what usft.seal returned"),
    }  # fmt: skip


KINDS = [
    "a person in two parts", "parts of other data", "two parts", "no validation images", "names twice", "no data",
    "scores of train", "scores of half", "an image twice", "NaN", "percent", "a column less", "one training twice",
    "other numbers of trainings", "no tables", "a table, no dict", "numbers, no table", "nothing chosen",
    "a baseline chosen", "a name twice", "no validations", "a history of another", "other masks", "probabilities",
    "masks of train", "pictures without masks", "pictures themselves", "a path as seal",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_bad_input_is_one_line_and_nothing_is_written(tables, tmp_path, kind, undrawn):
    cases = bad(tables)
    assert list(cases) == KINDS
    change, words = cases[kind]
    with pytest.raises(BadInput, match=words) as caught:
        usft.report(tmp_path / "r.html", **{**tables, **change})
    assert "\n" not in str(caught.value) and list(tmp_path.iterdir()) == []


def test_one_person_is_nothing_to_report(tables, tmp_path):
    test = tables["splits"][2]
    one = test[[k for k, person in enumerate(test.subjects) if person == test.subjects[0]]]
    with pytest.raises(BadInput, match="Fewer than 2 people"):
        usft.report(tmp_path / "r.html", data=one, tables={"a": usft.score(one.masks, one)}, baselines={}, chosen="a")


def test_a_file_of_somebody_else_is_kept_and_a_report_is_replaced(tables, tmp_path, monkeypatch, undrawn):
    mine = tmp_path / "index.html"
    mine.write_text("<html>mine")
    with pytest.raises(BadInput, match="no report of this course"):
        usft.report(mine, **tables)
    with pytest.raises(BadInput, match="HTML page"):
        usft.report(tmp_path / "report.pdf", **tables)
    with pytest.raises(BadInput, match="cannot be written"):
        usft.report(tmp_path / "none" / "report.html", **tables)
    assert mine.read_text() == "<html>mine"
    path = usft.report(tmp_path / "report.html", **tables, title="first")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", full)
        with pytest.raises(BadInput, match="No space left"):
            usft.report(path, **tables, title="second")
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 2
    assert "second" in usft.report(path, **tables, title="second").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page_in_a_browser(tables, tmp_path):
    path = usft.report(tmp_path / "report.html", **tables, images=True, title=EVIL)
    asked = []
    with browser.chromium(viewport={"width": 900, "height": 1000}) as window, browser.kept_on_failure(window, "report"):
        window.on("request", lambda request: asked.append(request.url))
        window.goto(path.as_uri())
        assert window.title() == EVIL and window.errors == []
        assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
        assert all(window.evaluate("[...document.images].map(i => i.naturalWidth > 0)")), "every drawing is shown"
        assert browser.serious_faults(window) == []
        for width in (900, 380):
            window.set_viewport_size({"width": width, "height": 1000})
            assert not browser.overflows(window)
        printed = window.pdf(prefer_css_page_size=True)
        assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 8
