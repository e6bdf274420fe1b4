"""Which backups stay: by example, and the promises of safety for a thousand random histories."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stage1.database.backup_folder import Backup, Verification, name_of
from stage1.errors import PruneRefused
from stage1.operations.prune_backups import Keep, decide, refuse_without_a_good_newest
from tests.unit.backups.made_backups import NOON, manifest

GOOD, UNPROVEN, BAD, BROKEN = "good", "never verified", "found damaged", "no manifest"


def backup(taken_at, state=GOOD):
    name = name_of("d", taken_at, "0001")
    verification = None if state == UNPROVEN else Verification(taken_at, state != BAD, "" if state != BAD else "bad", 1, "18")
    problem = "it has no manifest" if state == BROKEN else ""
    return Backup(name, Path(name), "d", taken_at, None if problem else manifest(name, "d", taken_at), verification, problem)


def kept(backups, keep):
    return [one.backup.taken_at for one in decide(backups, keep) if not one.removed]


def daily(count):
    return [backup(NOON - timedelta(days=day)) for day in range(count)]


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (Keep(last=2), ["2026-03-04", "2026-03-03"]),
        (Keep(daily=3), ["2026-03-04", "2026-03-03", "2026-03-02"]),
        (Keep(weekly=3), ["2026-03-04", "2026-03-01", "2026-02-22"]),
        (Keep(monthly=3), ["2026-03-04", "2026-02-28", "2026-01-31"]),
        (Keep(last=1, weekly=2, monthly=2), ["2026-03-04", "2026-03-01", "2026-02-28"]),
        (Keep(monthly=99), ["2026-03-04", "2026-02-28", "2026-01-31", "2025-12-31", "2025-11-30"]),
    ],
)
def test_of_a_backup_a_day_the_rules_keep(keep, expected):
    assert [f"{moment:%Y-%m-%d}" for moment in kept(daily(100), keep)] == expected


def test_of_several_a_day_the_last_stays_and_days_without_one_take_no_place():
    moments = [datetime(2026, 3, 4, 23, 59, tzinfo=UTC), datetime(2026, 3, 4, 0, 0, tzinfo=UTC)]
    moments += [datetime(2026, 1, 1, 5, tzinfo=UTC), datetime(2026, 1, 1, 4, tzinfo=UTC)]
    assert kept([backup(moment) for moment in moments], Keep(daily=2)) == [moments[0], moments[2]]


def test_what_is_not_verified_takes_nobody_s_place():
    backups = [backup(NOON - timedelta(days=day), state) for day, state in enumerate([GOOD, UNPROVEN, BAD, GOOD, GOOD])]
    found = {one.backup.taken_at.day: (one.removed, one.why) for one in decide(backups, Keep(last=2))}
    assert found == {
        4: (False, "one of the last"),
        3: (False, "one of the last"),
        2: (True, "it was found damaged"),
        1: (False, "one of the last"),
        28: (True, "no rule keeps it"),
    }


@pytest.mark.parametrize("seed", range(20))
def test_the_promises_hold_for_any_history(seed):
    chance = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(50):
        hours = sorted(chance.sample(range(5000), chance.randint(0, 30)))
        states = [chance.choice([GOOD, GOOD, UNPROVEN, BAD, BROKEN]) for _ in hours]
        backups = [backup(NOON - timedelta(hours=hour), state) for hour, state in zip(hours, states, strict=True)]
        keep = Keep(*(chance.choice([0, 1, 3, 50]) for _ in range(4)))
        decided = decide(backups, keep)
        assert [one.backup for one in decided] == backups
        removed = [one.backup.taken_at for one in decided if one.removed]
        good = [one.taken_at for one, state in zip(backups, states, strict=True) if state == GOOD]
        stays = [moment for moment in good if moment not in removed]
        assert good[:1] == stays[:1], "the newest good one stays"
        assert all(moment < good[0] for moment in removed), "nothing goes before a good one is newer"
        assert not {one.taken_at for one, state in zip(backups, states, strict=True) if state == BROKEN} & set(removed)
        assert set(good[: keep.last]) <= set(stays)
        assert len({moment.date() for moment in stays}) >= min(keep.daily, len({moment.date() for moment in good}))
        assert len({(moment.year, moment.month) for moment in stays}) >= min(
            keep.monthly, len({(moment.year, moment.month) for moment in good})
        )
        assert len(stays) <= max(sum(vars(keep).values()) * 2, 1), "the rules bound what is kept"


@pytest.mark.parametrize(
    ("state", "said"), [(UNPROVEN, "stage1 backup verify d-"), (BAD, "backup create"), (BROKEN, "no manifest")]
)
def test_nothing_is_safe_to_remove_while_the_newest_is_not_good(state, said):
    with pytest.raises(PruneRefused) as refused:
        refuse_without_a_good_newest([backup(NOON, state), backup(NOON - timedelta(days=1))])
    assert said in str(refused.value)
    refuse_without_a_good_newest([backup(NOON), backup(NOON - timedelta(days=1), state)])
