"""Is the interval of a difference the one that statistics has for so many pairs?"""

import pytest

from stage1.client.comparing import compared, t_of

ROW = {"name": "n", "base_count": 4, "base_mean": 0.5, "other_count": 4, "other_mean": 0.6, "better": 2, "worse": 1, "equal": 1}


@pytest.mark.parametrize(
    ("freedom", "value"),
    [(1, 12.7062), (4, 2.77645), (20, 2.08596), (21, 2.07961), (30, 2.04227), (120, 1.97993), (10**6, 1.95997)],
)
def test_t_is_that_of_the_tables(freedom, value):
    assert t_of(freedom) == pytest.approx(value, abs=1e-5)


def test_an_interval_needs_two_pairs():
    found = compared({**ROW, "paired_count": 4, "paired_delta_mean": 0.1, "paired_delta_sd": 0.2})
    assert found.standard_error == pytest.approx(0.1)
    assert found.interval == pytest.approx((0.1 - 0.318245, 0.1 + 0.318245), abs=1e-5)
    assert not found.is_clear
    assert compared({**ROW, "paired_count": 1, "paired_delta_mean": 0.1, "paired_delta_sd": None}).interval is None
    assert compared({**ROW, "paired_count": 2, "paired_delta_mean": 0.1, "paired_delta_sd": 0.0}).is_clear
