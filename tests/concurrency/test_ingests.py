"""Several loaders at once: exact counts, no deadlock, nobody refused for having come second."""

from datetime import UTC, date, datetime, timedelta

from tests.plugins.dbn_files import Header, records, symbols, write
from tests.plugins.loaded_bars import bars, counts, expected, findings, runs, summaries


def finish(processes):
    ended = [process.communicate(timeout=100) for process in processes]
    for process, (_, said) in zip(processes, ended, strict=True):
        assert process.returncode == 0, said


def test_two_of_the_same_file(start_cli, database, tmp_path):
    made = records(100_000)
    path = str(write(tmp_path / "es.dbn.zst", made))
    finish([start_cli("ingest", path, database=database) for _ in range(2)])
    assert bars(database) == expected(made, "ESH3")
    assert sorted(counts(run) for run in runs(database)) == [(100_000, 0, 100_000, 0, 0), (100_000, 100_000, 0, 0, 0)]
    assert {run["status"] for run in runs(database)} == {"success"}
    assert findings(database) == []


def test_four_whose_files_overlap_in_time_and_symbols(start_cli, database, tmp_path):
    names = {"AAA": 1, "BBB": 2, "CCC": 3}
    whole = records(60_000, instruments=(1, 2, 3))
    header = Header(mappings={name: [(date(2023, 1, 1), date(2024, 1, 1), number)] for name, number in names.items()})
    pieces = [whole[:30_000], whole[15_000:45_000], whole[30_000:], whole[whole["instrument_id"] != 2]]
    paths = [str(write(tmp_path / f"{number}.dbn.zst", piece, header)) for number, piece in enumerate(pieces)]
    finish([start_cli("ingest", path, database=database) for path in paths])
    assert bars(database) == expected(whole, {number: name for name, number in names.items()})
    assert sum(run["inserted_count"] for run in runs(database)) == len(whole)
    assert sum(run["updated_count"] for run in runs(database)) == sum(map(len, pieces)) - len(whole)
    assert sum(run["changed_count"] for run in runs(database)) == 0
    assert findings(database) == []


def test_symbols_in_opposite_orders_in_files_of_several_years(start_cli, database, tmp_path):
    numbers = list(range(1, 31))
    names = {f"S{number:02}": number for number in numbers}
    header = Header(mappings={name: [(date(2022, 1, 1), date(2024, 1, 1), number)] for name, number in names.items()})
    header = Header(start=datetime(2022, 1, 1, tzinfo=UTC), mappings=header.mappings)
    start = datetime(2022, 12, 31, 12, 0, tzinfo=UTC)
    forward = records(45_000, instruments=numbers, start=start)
    backward = records(45_000, instruments=numbers[::-1], start=start + timedelta(minutes=500))
    paths = [str(write(tmp_path / "1.dbn", forward, header)), str(write(tmp_path / "2.dbn", backward, header))]
    finish([start_cli("ingest", path, database=database) for path in paths])
    assert len(bars(database)) == 30 * 2_000
    assert sum(row["bar_count"] for row in summaries(database)) == 60_000
    assert findings(database) == []


def hold(holder):
    """Another load of ESH3, as far as anybody can see."""
    holder.execute(
        "insert into public.market_bar_symbols (symbol, vendor, dataset, origin, bar_count, version)"
        " values ('ESH3', 'databento', 'GLBX.MDP3', 'vendor', 0, 0)"
    )


def test_who_waits_for_another_load_is_let_in_when_that_one_fails(start_cli, database, tmp_path, wait_until_somebody_is_blocked):
    made = records(10)
    path = str(write(tmp_path / "es.dbn", made))
    with database.connect(autocommit=False) as holder:
        hold(holder)
        process = start_cli("ingest", path, database=database)
        wait_until_somebody_is_blocked(database)
        holder.rollback()
    finish([process])
    assert bars(database) == expected(made, "ESH3")


def test_the_same_file_twice_in_one_command(start_cli, database, tmp_path):
    made = records(30_000)
    paths = [str(write(tmp_path / name, made)) for name in ("1.dbn", "2.dbn")]
    finish([start_cli("ingest", *paths, "--jobs", "2", database=database)])
    assert bars(database) == expected(made, "ESH3")
    assert sum(run["inserted_count"] for run in runs(database)) == 30_000


def test_different_symbols_do_not_wait_for_each_other(start_cli, database, tmp_path):
    with database.connect(autocommit=False) as holder:
        hold(holder)
        path = str(write(tmp_path / "nq.dbn", records(10, instruments=(8,)), symbols(NQH3=8)))
        finish([start_cli("ingest", path, database=database)])
        holder.rollback()
    assert len(bars(database)) == 10
