"""Tables that another loader made are not taken over: 0006 names them and how to move them out of the way."""

import pytest

from stage1.errors import AdoptionRefused
from tests.plugins.databases import run_migrate

OTHER_LOADER = {
    "data_ingest_runs": """
        create table data_ingest_runs (id bigserial primary key, vendor text, status text, started_at timestamptz);
        create index idx_ingest_runs_started on data_ingest_runs (started_at desc);
        insert into data_ingest_runs (vendor) values ('databento')""",
    "market_bars_ohlcv_1m": """
        create table market_bars_ohlcv_1m (symbol text, ts timestamptz, close double precision, primary key (symbol, ts));
        insert into market_bars_ohlcv_1m values ('A', now(), 1)""",
    "market_bar_symbols": "create view market_bar_symbols as select 1 as x",
    "renamed_before": """
        create table data_ingest_runs (id int, started_at timestamptz);
        create index idx_ingest_runs_started on data_ingest_runs (started_at);
        alter table data_ingest_runs rename to renamed_before""",
}


@pytest.mark.parametrize("name", OTHER_LOADER)
def test_a_table_of_another_loader_is_refused_and_the_hint_moves_it_away(empty_database, name):
    empty_database.rows(OTHER_LOADER[name])
    with pytest.raises(AdoptionRefused) as refused:
        run_migrate(empty_database)
    assert f"public.{name};" in refused.value.message
    assert "`stage1 ingest`" in refused.value.hint
    assert empty_database.value("select to_regclass('public.data_ingest_symbols') is null")
    statements = [line for line in refused.value.hint.splitlines() if line.endswith(";")]
    assert statements[-1] == f"alter table public.{name} set schema before_stage1;"
    for statement in statements:
        empty_database.rows(statement)
    run_migrate(empty_database)
    assert empty_database.value("select count(*) from public.data_ingest_runs") == 0
    assert empty_database.value(f"select count(*) from before_stage1.{name}") == (0 if name == "renamed_before" else 1)


def test_all_of_them_are_named_at_once(empty_database):
    for name in ("data_ingest_runs", "market_bars_ohlcv_1m"):
        empty_database.rows(OTHER_LOADER[name])
    with pytest.raises(AdoptionRefused) as refused:
        run_migrate(empty_database)
    assert "public.data_ingest_runs, public.market_bars_ohlcv_1m;" in refused.value.message
