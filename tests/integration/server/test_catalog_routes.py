"""Does the server show the catalog and its lineage as the database has them?"""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import quote
from uuid import UUID

import pytest

from tests.integration.server.described import fields, pages
from tests.plugins.served import Served

START = datetime(2024, 1, 1, 12, tzinfo=UTC)
METADATA = '{"exact": 12345678901234567890.12345678901234567890, "big": 9007199254740993, "text": "\u00e9\u2028\\u0001"}'


def _id(number: int) -> UUID:
    return UUID(f"00000001-0000-4000-8000-{number:012d}")


@pytest.fixture(scope="module")
def catalog(served: Served) -> Served:
    """Seven datasets, of which three share a time and one has a slug that needs escapes; a run with a simulation on the first."""
    with served.database.connect() as connection:
        for number in range(7):
            connection.execute(
                "insert into public.stage1_datasets (dataset_id, dataset_slug, symbol, ohlcv_measurement, indicator_measurement,"
                " ohlcv_row_count, ohlcv_first_ts, metadata, created_at, updated_at)"
                " values (%s, %s, 'S', 'o', 'i', %s, %s, %s, %s, %s)",
                [
                    _id(number),
                    "a b/c?\u00e9%" if number == 6 else f"set-{number}",
                    2**53 + 1,
                    START + timedelta(microseconds=number),
                    METADATA if number == 0 else "{}",
                    START,
                    START + timedelta(hours=number // 3),
                ],
            )
        connection.execute(
            "insert into public.walkforward_runs (run_id, dataset_id, prediction_measurement, serialized_config, created_at)"
            " values (%s, %s, 'p', '{}', %s)",
            [_id(50), _id(0), START],
        )
        connection.execute(
            "insert into public.simulation_runs (simulation_id, run_id, dataset_id, questdb_namespace, status, created_at)"
            " values (%s, %s, %s, 'ns', 'open', %s)",
            [_id(60), _id(50), _id(0), START],
        )
    return served


def test_pages_hold_each_dataset_once_the_last_changed_first(catalog: Served) -> None:
    whole = pages(catalog, "/v1/datasets", 100)
    assert [row["dataset_id"] for row in whole] == [str(_id(number)) for number in (6, 5, 4, 3, 2, 1, 0)]
    for limit in (1, 2, 7):
        assert pages(catalog, "/v1/datasets", limit) == whole
    assert catalog.get("/v1/datasets?limit=7").json["next_cursor"] is None
    for row in whole:
        assert set(row) == fields(catalog, "DatasetRow")


def test_a_dataset_comes_with_every_digit(catalog: Served) -> None:
    answer = catalog.get("/v1/datasets/set-0")
    assert int(answer.headers["content-length"]) == len(answer.body)
    row = json.loads(answer.body, parse_float=Decimal)
    assert row["metadata"] == json.loads(METADATA, parse_float=Decimal)
    assert row["ohlcv_row_count"] == 2**53 + 1
    assert (row["created_at"], row["run_count"], row["simulation_count"]) == ("2024-01-01T12:00:00Z", 1, 1)
    assert row["ohlcv_first_ts"] == "2024-01-01T12:00:00Z"
    assert catalog.get("/v1/datasets/set-1").json["ohlcv_first_ts"] == "2024-01-01T12:00:00.000001Z"
    assert catalog.get(f"/v1/datasets/{_id(0)}").json == catalog.get("/v1/datasets/set-0").json


def test_lineage_is_read_top_down(catalog: Served) -> None:
    items = catalog.get("/v1/datasets/set-0/lineage").json["items"]
    assert [item["kind"] for item in items] == ["dataset", "run", "simulation"]
    assert (items[1]["run_id"], items[2]["simulation_id"], items[2]["came_from"]) == (str(_id(50)), str(_id(60)), str(_id(50)))
    for item in items:
        assert set(item) == fields(catalog, "LineageRow")


@pytest.mark.parametrize("tail", ["", "/lineage"])
def test_an_unknown_dataset_is_not_found(catalog: Served, tail: str) -> None:
    answer = catalog.get(f"/v1/datasets/SET-3{tail}")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json["code"] == "S1C02"
    assert "set-3" in answer.json["hint"]
    nothing_near = catalog.get(f"/v1/datasets/zzz{tail}").json
    assert nothing_near["detail"].startswith("dataset was 'zzz'; ")
    assert nothing_near["hint"] == "GET /v1/datasets lists the slugs."


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=", "limit=1&cursor=WyJ4Il0"])
def test_a_bad_page_is_refused(catalog: Served, query: str) -> None:
    answer = catalog.get(f"/v1/datasets?{query}")
    assert (answer.status, answer.json["code"]) == (422, "S1A02")


def test_a_slug_with_a_slash_is_reached_by_the_id(catalog: Served) -> None:
    assert catalog.get(f"/v1/datasets/{_id(6)}").json["dataset_slug"] == "a b/c?\u00e9%"
    assert catalog.get(f"/v1/datasets/{quote('a b/c?é%', safe='')}").status == 404
