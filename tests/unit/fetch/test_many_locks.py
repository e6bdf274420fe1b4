"""How many symbols and periods a command may lock at once: each lock is an open file, and a process has its limit of these."""

import resource

import pytest

from stage1.errors import UsageRefused
from stage1.operations.data_folder import require_room

UNLIMITED = resource.RLIM_INFINITY


@pytest.fixture
def limits(monkeypatch):
    """The limits of a system, and those that are set."""

    class System:
        soft, hard, most, became = 1024, 4096, 1 << 20, None

        def get(self, _):
            return self.soft, self.hard

        def set(self, _, wanted):
            if wanted[0] > self.most or (self.hard != UNLIMITED and wanted[0] > self.hard):
                raise ValueError("not allowed to raise maximum limit")
            self.became = wanted

    system = System()
    monkeypatch.setattr(resource, "getrlimit", system.get)
    monkeypatch.setattr(resource, "setrlimit", system.set)
    return system


@pytest.mark.parametrize(
    ("locks", "soft", "hard", "became"),
    [
        (1, 1024, 4096, None),
        (1024, 1024, 4096, (1152, 4096)),
        (5000, 1024, UNLIMITED, (5128, UNLIMITED)),
        (5000, UNLIMITED, UNLIMITED, None),
    ],
)
def test_there_is_room_as_far_as_the_system_allows(locks, soft, hard, became, limits):
    limits.soft, limits.hard = soft, hard
    require_room(locks)
    assert limits.became == became


@pytest.mark.parametrize(("hard", "most", "said"), [(4096, 1 << 20, "4,096"), (UNLIMITED, 2000, "1,024")])
def test_more_is_refused_with_a_sentence(hard, most, said, limits):
    limits.hard, limits.most = hard, most
    with pytest.raises(UsageRefused, match=f"5,000 symbols and periods .* {said}"):
        require_room(5000)
    assert limits.became is None
