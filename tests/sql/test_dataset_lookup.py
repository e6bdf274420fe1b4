"""How one dataset is found by slug or id, shown, and traced through its runs and simulations."""

from uuid import UUID

import psycopg
import pytest

ID = UUID("bbbbbbbb-0000-4000-8000-000000000001")
FUNCTIONS = ["fn_find_dataset", "fn_show_dataset", "fn_dataset_lineage"]


@pytest.fixture
def known(db):
    """AAPL-2023-1m with its id known, and some neighbours."""
    for dataset_id, slug in [(ID, "AAPL-2023-1m")] + [
        (UUID(int=n + 1), slug) for n, slug in enumerate(["AAPL-2022-1m", "AAPL-2024-1m", "MSFT-2023-1m", str(ID)])
    ]:
        db.execute(
            "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement)"
            " values (%s, %s, 'o', 'i')",
            [dataset_id, slug],
        )
    return db


def refusal(db, function, dataset):
    with pytest.raises(psycopg.Error) as refused, db.transaction():
        db.execute(f"select * from public.{function}(%s)", [dataset])
    return refused.value.sqlstate, refused.value.diag.message_primary, refused.value.diag.message_hint


@pytest.mark.parametrize("name", ["AAPL-2023-1m", str(ID), str(ID).upper()])
def test_a_dataset_is_found_by_slug_and_by_id(known, name):
    assert known.execute("select public.fn_find_dataset(%s) as id", [name]).fetchone()["id"] == ID
    shown = known.execute("select * from public.fn_show_dataset(%s)", [name]).fetchall()
    assert [row["dataset_id"] for row in shown] == [ID]
    catalog = known.execute("select * from public.dataset_catalog where dataset_id = %s", [ID]).fetchall()
    assert shown == catalog
    lineage = known.execute("select * from public.fn_dataset_lineage(%s)", [name]).fetchall()
    assert [(row["dataset_id"], row["run_id"]) for row in lineage] == [(ID, None)]


def test_an_id_of_no_dataset_may_still_be_a_slug(known):
    slug = "cccccccc-0000-4000-8000-000000000001"
    known.execute(
        "insert into public.stage1_datasets (dataset_id, dataset_slug, ohlcv_measurement, indicator_measurement)"
        " values (%s, %s, 'o', 'i')",
        [UUID(int=99), slug],
    )
    assert known.execute("select public.fn_find_dataset(%s) as id", [slug]).fetchone()["id"] == UUID(int=99)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_unknown_name_is_refused_and_near_slugs_are_named(known, function):
    sqlstate, message, hint = refusal(known, function, "AAPL-2025-1m")
    assert sqlstate == "S1C02" and "AAPL-2025-1m" in message
    assert hint == "Near it: AAPL-2023-1m, AAPL-2024-1m"


def test_small_letters_find_the_capitals(known):
    known.execute("update public.stage1_datasets set dataset_slug = 'AAPL-2023-1M' where dataset_id = %s", [ID])
    assert refusal(known, "fn_show_dataset", "aapl-2023-1m")[2].startswith("Near it: AAPL-2023-1M, ")


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", [None, "", "  "])
def test_no_name_is_refused(known, function, name):
    sqlstate, message, _ = refusal(known, function, name)
    assert sqlstate == "S1A01" and message.startswith("p_dataset was ")


def test_an_empty_catalog_says_how_to_list(db):
    sqlstate, _, hint = refusal(db, "fn_show_dataset", "anything")
    assert sqlstate == "S1C02" and "fn_list_datasets" in hint
