"""The results explorer: its tables in Python, its front end in a bare browser; it shows what the study found."""

import json
import re

import pytest

pytest.importorskip("anywidget", reason="no anywidget here: python -m pip install anywidget")

import browser

import usft_lib as usft
from usft_lib.widgets.results_explorer import START, VIEWS, choose, explorer_table, picture, study

slow = pytest.mark.slow


def traits(guess: bool = False, data: dict | None = None, **selected) -> dict:
    return {"data": data or study(), "guess": guess, "selected": choose(**selected)}


# --- in Python -----------------------------------------------------------------------------------------------------


def test_tables_hold_the_numbers_of_the_records():
    found = usft.results("schemes")
    table = usft.explorer_table("k", "busi", kind="inner", k=3).set_index("strategy")
    kinds = [f"{kind} {k}" for kind in ("outer", "inner") for k in (1, 2, 3, 4)]
    assert set(table.index) == {*kinds, "everything", "untouched", "mean shape"}
    for name in ("inner 3", "untouched"):
        assert tuple(table.loc[name, ["mean", "low", "high"]]) == pytest.approx(found.dice("busi", name)[:3], abs=1e-6)
    (row,) = usft.explorer_table("pair", "hc18", a="last 4", b="first 4").to_dict("records")
    mean, low, high, seeds = usft.results("schemes", "headline").difference("hc18", "last 4", "first 4")
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((mean, low, high), abs=1e-6)
    assert row["said"].startswith(usft.verdict(mean, low, high, seeds=seeds, yes="confirmed") + ": the whole")
    assert sum(name.startswith("seed ") for name in row) == seeds == 10
    few = usft.explorer_table("cost", budget=7.5)
    assert few["tflop"].max() <= 7.5 < usft.explorer_table("baselines")["tflop"].max()
    assert few["mean"].is_monotonic_decreasing and "untouched" not in set(few["strategy"])
    heads = usft.explorer_table("n")
    assert set(heads.loc[heads["strategy"] == "from scratch", "n"]) == {10, 40, 160, 586}


WRONG = [
    ({"view": "cots"}, "did you mean 'cost'"),
    ({"target": "hc19"}, "did you mean 'hc18'"),
    ({"kind": "first", "k": 3}, "There is no strategy 'first 3'"),
    ({"view": "pair", "a": "first 9"}, "There is no a 'first 9'"),
    ({"view": "pair", "a": "first 4", "b": "first 4"}, "There is no other strategy 'first 4'"),
    ({"budget": "much"}, "budget is a number above 0"),
    ({"budget": float("nan")}, "budget is a number above 0"),
    ({"ms": -1}, "ms is a number above 0"),
    ({"x": ["operations"]}, "There is no x"),
    ({"colour": "red"}, "There is no setting 'colour'"),
]


@pytest.mark.parametrize("more, said", WRONG)
def test_what_cannot_be_selected_is_refused_in_one_line(more, said):
    with pytest.raises(usft.BadInput) as caught:
        explorer_table(**more)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_has_a_picture_and_the_same_one_every_time(view):
    svg = picture(**choose(view=view, target="busi"))
    assert svg.startswith("<svg") and svg == picture(**choose(view=view, target="busi")) and len(svg) < 80_000
    first = explorer_table(view, "busi").iloc[0]
    assert f"{first['strategy']}" in svg and f"{first['mean']:.3f}".lstrip("-") in svg


def test_what_is_selected_can_be_read_and_pages_without_a_kernel_have_a_picture():
    shown = usft.ResultsExplorer("busi", "pair", a="first 2")
    assert shown.selected == START | {"target": "busi", "view": "pair", "a": "first 2"}
    assert repr(shown) == "ResultsExplorer: pair, busi"
    assert shown.table().equals(usft.explorer_table("pair", "busi", a="first 2"))
    data = shown._repr_mimebundle_()[0]
    assert "first 2 − last 4" in data["image/svg+xml"] and data["text/plain"] == repr(shown)
    hidden = usft.ResultsExplorer(guess=True)._repr_mimebundle_()[0]["image/svg+xml"]
    assert hidden.startswith("<svg") and "first 2" not in hidden, "a picture would tell what is to be guessed"
    same = usft.ResultsExplorer(view="pair", a="last 4")._repr_mimebundle_()[0]["image/svg+xml"]
    assert same == hidden, "a strategy and itself: there is nothing to show"


# --- the front end -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chrome():
    with browser.chromium(viewport={"width": 1280, "height": 900}) as page:
        yield page


@pytest.fixture
def show(chrome):
    """Opens the explorer with these settings; whatever the console complained of is a failure."""

    def opened(guess: bool = False, data: dict | None = None, **selected):
        browser.show(chrome, "results_explorer", traits(guess, data, **selected))
        return chrome

    chrome.errors.clear()
    chrome.emulate_media(color_scheme="light")
    yield opened
    assert chrome.errors == []


def rows(page, caption: str) -> dict[str, list[str]]:
    """The cells of a table by the first one in each row."""
    lines = page.locator("table", has=page.get_by_text(caption)).locator("tbody tr").all()
    cells = [line.locator("th, td").all_inner_texts() for line in lines]
    return {first: rest for first, *rest in cells}


def told(mean: float, low: float, high: float, signed: bool = False) -> str:
    mean, low, high = (f"{value:{'+' if signed else ''}.3f}".replace("-", "−") for value in (mean, low, high))
    return f"{mean} ({low} to {high})"


@slow
def test_every_number_of_every_k_is_that_of_the_records(show, target="busi"):
    found, page = usft.results("schemes"), show(target=target)
    for kind, ks in {
        "first": (1, 2, 4, 5, 7),
        "last": (1, 2, 4, 5, 7),
        "outer": (1, 2, 3, 4),
        "inner": (1, 2, 3, 4),
    }.items():
        page.get_by_role("button", name=f"{kind} k", exact=True).click()
        for k in ks:
            page.get_by_role("button", name=str(k), exact=True).first.click()
            name, dice = f"{kind} {k}", told(*found.dice(target, f"{kind} {k}")[:3])
            assert (
                page.get_by_role("status")
                .inner_text()
                .startswith(f"{name} on {study()['targets'][target]}: Dice {dice}")
            )
            assert rows(page, "At k =")[name][0] == dice
            drawn = page.locator(".usft-on").evaluate_all("nodes => nodes.map((node) => node.dataset.group)")
            assert drawn == usft.trained(usft.train_only(usft.UNet(), getattr(usft, kind)(usft.UNet(), k)))
            selected = page.evaluate("traits.selected")
            assert (selected["kind"], selected["k"]) == (kind, k)
    assert rows(page, "At k =")["mean shape"][0] == told(*found.dice(target, "mean shape")[:3])


@slow
def test_pairs_are_chosen_told_and_turned(show):
    page = show(view="pair")
    for target, a, b in (
        ("hc18", "first 4", "last 4"),
        ("busi", "last 1", "everything"),
        ("sim-ultrasound", "inner 4", "everything"),
    ):
        page.get_by_role("button", name=study()["targets"][target]).click()
        page.get_by_label("A", exact=True).select_option(a)
        page.get_by_label("B", exact=True).select_option(b)
        mean, low, high, seeds = usft.results("schemes", "headline").difference(target, a, b)
        word = usft.verdict(mean, low, high, seeds=seeds, yes="confirmed")
        said = page.get_by_role("status").inner_text()
        assert f"{a} − {b}" in said and told(mean, low, high, signed=True) in said and f"{seeds} seeds" in said
        assert f"A is better: {word}, as the " in said
        assert page.locator(".usft-chart g").count() == seeds + 1
    page.get_by_label("B", exact=True).select_option("inner 4")
    assert "the same strategy" in page.get_by_role("status").inner_text()
    assert page.evaluate("traits.selected.b") == "inner 4"


@slow
def test_images_costs_and_baselines_tell_what_the_tables_hold(show):
    page, heads = show(view="n"), explorer_table("n").set_index(["strategy", "n"])
    page.get_by_role("button", name="4", exact=True).click()
    shown = rows(page, "Fetal heads")
    assert list(shown) == ["everything", "first 4", "last 4", "from scratch"]
    for name, cells in shown.items():
        assert cells == [told(*heads.loc[(name, n), ["mean", "low", "high"]]) for n in (10, 40, 160, 586)]
    page.get_by_role("button", name="What can you afford?").click()
    page.get_by_role("slider", name="Budget").fill("8.5")
    page.get_by_label("A full step").fill("200")
    best = explorer_table("cost", budget=8.5)
    shown = rows(page, "Within the budget")
    assert list(shown) == list(best["strategy"]) and best["strategy"][0] in page.get_by_role("status").inner_text()
    seconds = best["tflop"][0] / study()["dice"][0]["tflop"] * 0.2 * 300
    assert shown[best["strategy"][0]][1] == f"{best['tflop'][0]:.1f} TFLOP ({seconds:.0f} s)"
    page.get_by_role("button", name="Does more help?").click()
    page.get_by_role("button", name="operations", exact=True).click()
    shown, table = rows(page, "best mean first"), explorer_table("baselines").set_index("strategy")
    assert set(shown) == set(table.index)
    for name, cells in shown.items():
        assert cells[0] == told(*table.loc[name, ["mean", "low", "high"]])
        assert float(cells[2].removesuffix("\u00a0%")) == pytest.approx(100 * table.loc[name, "share"], abs=0.5)
    for against in ("trained parameters", "operations"):
        page.get_by_role("button", name=against, exact=True).click()
        lines, points = page.locator(".usft-chart").evaluate(
            """(svg) => ["line.usft-grid", "g path"].map((which) => {
              const all = [...svg.querySelectorAll(which)].map((one) => one.getBoundingClientRect());
              return [Math.min(...all.map((one) => one.left)), Math.max(...all.map((one) => one.right))];
            })"""
        )
        assert lines[0] < points[0] and points[1] < lines[1], f"{against}: every point lies between the axis's ends"
    selected = page.evaluate("traits.selected")
    assert (selected["view"], selected["budget"], selected["ms"], selected["x"]) == (
        "baselines",
        8.5,
        200,
        "operations",
    )


@slow
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_opens_with_a_guess_and_shows_both_side_by_side(show, view):
    page = show(guess=True, view=view)
    numbers = re.findall(r"0\.\d{3}", page.locator(".usft-explorer").inner_text())
    assert page.locator(".usft-chart, table").count() == 0 and numbers == []
    button = page.get_by_role("button", name="Show what the study found")
    assert button.is_disabled()
    page.get_by_role("slider", name="Your guess").fill("5")
    button.click()
    guesses = page.evaluate("traits.selected.guesses")
    (one,) = guesses.values()
    assert one["guess"] == 0.05 and page.locator(".usft-chart").count() == 1
    (cells,) = rows(page, "Your guess").items()
    assert cells[0] == ("+0.050" if view == "pair" else "0.050") and cells[1][1].endswith((", inside", ", outside"))
    assert cells[1][0] == told(one["mean"], one["low"], one["high"], view == "pair")
    if view != "n":
        page.get_by_role("button", name="breast lesions").click()
        assert page.locator(".usft-chart").count() == 0, "other images want a guess of their own"


@slow
def test_by_keys_alone(show):
    page = show()
    page.keyboard.press("Tab")
    for key in ("Tab", "Enter"):
        page.keyboard.press(key)
    assert page.evaluate("traits.selected.view") == "pair"
    assert page.evaluate("document.activeElement.textContent") == "A or B?", "the focus stays"
    for _ in range(7):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("traits.selected.a") == "first 5"


@slow
def test_text_is_text(show):
    harm = "<img src=x onerror=window.harmed=1>"
    page = show(data=json.loads(json.dumps(study()).replace("fetal heads", harm)))
    assert harm in page.get_by_role("status").inner_text()
    assert page.locator("img").count() == 0 and page.evaluate("window.harmed === undefined")


@slow
@pytest.mark.parametrize("width", [480, 1280])
def test_it_fits_and_labels_do_not_cover_each_other(show, width):
    for view, target in [*((view, "sim-ultrasound") for view in VIEWS), ("k", "busi"), ("cost", "busi")]:
        page = show(view=view, target=target)
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"document.querySelector('.usft-chart').getBoundingClientRect().right <= {width}")
        page.wait_for_function("document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1")
        boxes = page.locator(".usft-chart > text").evaluate_all(
            "nodes => nodes.map((n) => [n.textContent, n.getBoundingClientRect().toJSON()])"
        )
        box = page.locator(".usft-chart").bounding_box()
        for k, (text, one) in enumerate(boxes):
            assert one["right"] <= box["x"] + box["width"] + 1, f"{text!r} is cut off in {view}"
            for other_text, other in boxes[:k]:
                apart = one["left"] >= other["right"] or other["left"] >= one["right"]
                assert apart or one["top"] >= other["bottom"] - 3 or other["top"] >= one["bottom"] - 3, (
                    view,
                    text,
                    other_text,
                )
    page.set_viewport_size({"width": 1280, "height": 900})


@slow
def test_axe_finds_nothing_serious_in_any_view(show):
    faults = {}
    for view, guess, scheme in [*((view, False, "light") for view in VIEWS), ("k", True, "light"), ("k", True, "dark"),
                                ("pair", False, "dark"), ("baselines", False, "dark")]:  # fmt: skip
        page = show(guess=guess, view=view)
        page.emulate_media(color_scheme=scheme)
        faults[view, guess, scheme] = browser.serious_faults(page)
    assert {key: found for key, found in faults.items() if found} == {}
