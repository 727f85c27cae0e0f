"""What may be said of a result, in sentences that follow from how many people and trainings there were (lesson 16)."""

from ..data import few
from ..errors import check_count
from ..intervals import MARGIN, reading

# If two networks were equally good, all n people would prefer the same one in 2 · ½ⁿ of such tests (the sign test): for
# 5 people in 6 %. So even the clearest outcome of 5 people is no evidence at the usual 5 %.
FEWEST = next(people for people in range(1, 99) if not few(people))  # 6
NARROW = 15  # fewer people: 85 to 91 % of the bootstrap's 95 % intervals include the truth (beta(8, 2), 6 to 14 people)
RISING = 0.01  # of validation Dice, between the last two validations

BASELINES = {
    "mean shape": "a mask that never looks at the image may do as well",
    "scratch": "a network that starts from random weights may do as well",
    "everything": "a network whose layers are all tuned may do as well",
}
FIXED = ("mean shape", "untouched")  # nothing was trained for them, so one table is all there is


def times(n: int, word: str) -> str:
    """``1 person``, ``2 people``; ``1 training``, ``2 trainings``."""
    return f"{n} {word if n == 1 else {'person': 'people'}.get(word, word + 's')}"


def signed(mean: float, low: float, high: float, between: str = "") -> str:
    """A difference with its interval: ``+0.012 (−0.003 to +0.027)``, with the sign for minus, where no line breaks."""
    return f"{mean:+.3f} ({between}{low:+.3f} to {high:+.3f})".replace("-", "\N{MINUS SIGN}")


def sentence(
    mean: float, low: float, high: float, people: int, seeds: int, a: str = "A", b: str = "B", stand_in: bool = False
) -> str:
    """One sentence on the difference ``a − b`` in Dice that so many people and trainings can support (lesson 16).

    It makes no claim if simulated images stand in for real ones, if fewer than 6 people were tested, or after one
    training each. Everything else follows `reading`.

    Args:
        mean, low, high: the difference with its 95 % interval, as from `seed_difference`.
        people, seeds: how many people were tested; how many trainings each of the two has.
        a, b: the names of what is compared.

    Raises:
        BadInput: the mean is not inside the interval, or a number is no count.
    """
    people, seeds = check_count("people", people), check_count("seeds", seeds)
    if stand_in:
        return f"No claim on {a} and {b}: simulated images stand in for real ones."
    if people < FEWEST:
        return (
            f"No claim on {a} and {b}: {times(people, 'person')} cannot show a difference. If the two were equally "
            f"good, all {people} would still prefer the same one in {200 * 0.5**people:.0f} % of such tests."
        )
    word = reading(mean, low, high)
    numbers = signed(mean, low, high, "95 % interval ")
    if seeds < 2:
        return f"No claim on {a} and {b}: one training says nothing about other seeds. Measured: {numbers}."
    if word == "undecided":
        known = f"{a} scores higher than {b}, but the data cannot show whether by {MARGIN:g} or more"
        return f"{known if low > 0 else f'The data cannot show whether {a} is better than {b}'}: {numbers}."
    small = (
        f"{a} and {b} differ by less than {MARGIN:g}" if low > -MARGIN else f"{a} is not better than {b} by {MARGIN:g}"
    )
    said = {"reproduced": f"{a} scores higher than {b}", "reversed": f"{a} scores lower than {b}"}
    return f"{said.get(word, small)}: {numbers}."


def most_failures(failed: int, people: int) -> float:
    """The largest share of failures among all people that agrees with ``failed`` of ``people`` (95 %, one side).

    Clopper and Pearson, Biometrika 26:404, 1934; without a failure it is ``1 − .05^(1/n)``.
    """
    from scipy.stats import beta

    return 1.0 if failed == people else float(beta.ppf(0.95, failed + 1, people - failed))


def limits(
    people: int, failed: int, chosen: str, trainings: dict[str, int], differences: dict[str, tuple]
) -> list[str]:
    """What so many people and trainings cannot show, a sentence each.

    ``failed``: how many people had a failure of ``chosen``; ``trainings`` and ``differences`` (chosen − other with its
    interval): by the name of a strategy or baseline.
    """
    said = [
        f"{failed} of {people} tested people had a failure. That agrees with any share of failures up to "
        f"{100 * most_failures(failed, people):.0f} % among new people."
    ]
    if people < FEWEST:
        said.append(
            f"{people} people cannot rank strategies, whatever their scores are: {FEWEST} are the least, and usually "
            "many more are needed. Cross-validation by person tests everybody once."
        )
    if trainings[chosen] < 2:
        narrow = f" With {people} people, an interval from one training is usually too narrow." * (people < NARROW)
        said.append(f"{chosen} was trained once. How much another seed would change its score is not known.{narrow}")
    for name, n in trainings.items():
        if n < trainings[chosen] and name not in FIXED:
            said.append(f"{name} has scores of one training: the difference from it leaves out what its seed changes.")
    for name, (_, low, high) in differences.items():
        half = (high - low) / 2
        if people >= FEWEST and half > MARGIN and low <= 0 <= high:
            needed, what = f"{(half / MARGIN) ** 2:.2g}", "people" if trainings[chosen] < 2 else "people and trainings"
            said.append(
                f"A difference of {MARGIN:g} between {chosen} and {name} cannot be seen here: the interval is "
                f"±{half:.3f}. It would take about {float(needed):,.3g} times as many {what}."
            )
    return said + [f"There is no baseline {name!r}: {why}." for name, why in BASELINES.items() if name not in trainings]


def doubts(data, splits, note: dict | None, ends: dict[str, float], rises: dict[str, float], chosen: str) -> list[str]:
    """What the way of working leaves open, a sentence each.

    ``note``: the seal's; ``ends``: the last validation Dice of those among which validation chose; ``rises``: how much
    of it the last validation added.
    """
    said = ["Simulated images stand in for real ones: nothing here is true of people."] * data.stand_in
    opened = len(note["opened"]) if note else None
    if opened is None and splits:
        said.append("The test set was not sealed, so nobody can tell how often it was looked at.")
    if opened == 0:
        said.append("The test set was scored, but its seal was never opened: its use was not counted.")
    if opened and opened > 1:
        said.append(f"The test set was opened {opened} times. What was changed in between may suit these people alone.")
    if len(set(data.subjects)) == len(data):
        said.append("Each image counts as one person. If a person has several images, the scores are too high.")
    if splits is None:
        said.append("The networks of two folds share training images, so intervals over folds are approximate.")
    elif len(set(splits[1].subjects)) < FEWEST:
        said.append(f"{chosen} was chosen on {times(len(set(splits[1].subjects)), 'person')}: others may be as good.")
    best = max(ends, key=ends.get, default=chosen)
    if chosen in ends and ends[best] > ends[chosen]:
        said.append(f"Validation prefers {best} ({ends[best]:.3f}) to {chosen} ({ends[chosen]:.3f}).")
    for name in [name for name, rise in rises.items() if rise > RISING]:
        said.append(f"{name} was still improving at the end of its training: more steps may change the order.")
    return [*said, f"All images are from {data.name}: other devices, operators and hospitals were not tested."]
