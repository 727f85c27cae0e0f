"""The rule of the verdicts, at its borders."""

import pytest

from usft_lib import BadInput, reading, verdict


@pytest.mark.parametrize(
    "mean, low, high, said",
    [
        (0.04, 0.03, 0.05, "reproduced"),
        (0.02, 0.001, 0.04, "reproduced"),
        (0.0199, 0.001, 0.04, "undecided"),  # never rounded up
        (0.04, 0.0, 0.08, "undecided"),  # 0 is not excluded
        (0.04, -0.01, 0.09, "undecided"),
        (0.01, 0.005, 0.015, "not reproduced"),  # surely above 0, and surely too small to matter
        (0.015, 0.01, 0.02, "undecided"),
        (-0.05, -0.08, -0.02, "not reproduced"),
        (-0.05, -0.2, 0.1, "undecided"),
    ],
)
def test_the_rule(mean, low, high, said):
    assert reading(mean, low, high) == said
    assert verdict(mean, low, high, seeds=5) == said
    assert "one seed" in verdict(mean, low, high, seeds=1)
    assert "simulated" in verdict(mean, low, high, seeds=5, stand_in=True)


def test_an_interval_without_its_mean_is_refused():
    with pytest.raises(BadInput, match="holds its mean"):
        reading(0.5, 0.1, 0.2)
