"""Does a list in a sentence stay short and say what it leaves out?"""

import pytest

from stage1.model.some_of import some_of


@pytest.mark.parametrize(
    ("names", "said"),
    [([], ""), (["a"], "a"), (["a", 2], "a, 2"), (["a", "b", "c"], "a, b and 1 more"), (range(1_002), "0, 1 and 1,000 more")],
)
def test_the_first_two_and_the_rest(names, said):
    assert some_of(names, 2) == said
