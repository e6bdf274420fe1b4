"""Does the server show the loads of files, and what the validations found?"""

from datetime import UTC, datetime

import pytest
from psycopg.types.json import Jsonb

from tests.integration.server.described import fields, pages
from tests.plugins.databases import Database
from tests.plugins.served import Served

_RUN = """
insert into public.data_ingest_runs
  (id, vendor, dataset, file_name, file_sha256, started_at, finished_at, row_count, inserted_count, status, error, details,
   warnings)
select
  n, 'databento', 'GLBX.MDP3', 'file-' || n, repeat('a', 64), timestamptz '2024-01-01' + n / 3 * interval '1 hour',
  timestamptz '2024-01-02', 9007199254740993, 9007199254740993, case when n % 4 = 0 then 'failed' else 'success' end,
  case when n % 4 = 0 then 'it broke' end, '{"seconds": 1.10}', '["one \u00e9"]'
from generate_series(1, 8) as n
"""
_SYMBOLS = """
insert into public.data_ingest_symbols
  (ingest_id, symbol, row_count, inserted_count, updated_count, changed_count, first_ts, last_ts, version)
select 3, 'S' || n, 2, 1, 1, 0, '2024-01-01', '2024-01-02', 1 from generate_series(1, 3) as n
"""


@pytest.fixture(scope="module")
def ingests(served: Served) -> Served:
    """Eight loads, of which two failed and some began at one time; one of them with three symbols."""
    served.database.rows(_RUN)
    served.database.rows(_SYMBOLS)
    return served


def test_pages_hold_each_load_once_the_newest_first(ingests: Served) -> None:
    whole = pages(ingests, "/v1/ingests", 100)
    assert [row["id"] for row in whole] == [8, 7, 6, 5, 4, 3, 2, 1]
    for limit in (1, 3, 8):
        assert pages(ingests, "/v1/ingests", limit) == whole
    assert [row["id"] for row in pages(ingests, "/v1/ingests?status=failed", 1)] == [8, 4]
    assert all(set(row) == fields(ingests, "IngestRow") for row in whole)


def test_a_load_is_shown_with_its_symbols(ingests: Served) -> None:
    answer = ingests.get("/v1/ingests/3")
    assert b'"details":{"seconds": 1.10}' in answer.body
    found = answer.json
    assert (found["row_count"], found["warnings"], found["started_at"]) == (2**53 + 1, ["one \u00e9"], "2024-01-01T01:00:00Z")
    assert [row["symbol"] for row in found["symbols"]] == ["S1", "S2", "S3"]
    assert set(found) == fields(ingests, "Ingest")
    assert all(set(row) == fields(ingests, "IngestSymbol") for row in found["symbols"])


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/ingests/99", 404, "S1I07"),
        ("/v1/ingests/0", 422, "S1A02"),
        (f"/v1/ingests/{2**63}", 422, "S1A02"),
        ("/v1/ingests/x", 422, "S1A02"),
        ("/v1/ingests?status=odd", 422, "S1A02"),
        ("/v1/ingests?cursor=WyIyMDI0LTAxLTAxVDAwOjAwOjAwKzAwOjAwIl0", 422, "S1A02"),
    ],
)
def test_what_is_not_there_or_cannot_be_is_refused(ingests: Served, path: str, status: int, code: str) -> None:
    answer = ingests.get(path)
    assert (answer.status, answer.json["code"]) == (status, code)


def _record(database: Database, *, complete: bool, findings: dict[str, int]) -> int:
    """Writes a validation down, as `stage1 validate` does."""
    results = [
        {
            "check": check,
            "errors": count,
            "warnings": 0,
            "milliseconds": 3,
            "problem": None,
            "findings": [{"severity": "error", "subject": f"s{place}", "detail": "odd"} for place in range(count)],
        }
        for check, count in findings.items()
    ]
    times = dict.fromkeys(("started_at", "finished_at"), datetime.now(UTC).isoformat())
    run = {**times, "complete": complete, "deep": False, "results": results}
    return int(database.value("select stage1_internal.record_validation(%s)", Jsonb(run)))


def test_the_latest_validation_comes_with_the_findings_of_each_check(served: Served) -> None:
    empty = served.get("/v1/validation").json
    assert empty == {"run": None, "items": [], "next_cursor": None}
    whole = _record(served.database, complete=True, findings={"b_check": 3, "a_check": 2, "c_check": 0})
    later = _record(served.database, complete=False, findings={"a_check": 1})
    answer = served.get("/v1/validation").json
    assert (answer["run"]["id"], answer["run"]["error_count"]) == (whole, 5)
    assert [(check["check"], check["errors"]) for check in answer["run"]["checks"]] == [
        ("a_check", 2),
        ("b_check", 3),
        ("c_check", 0),
    ]
    found = [(item["check_name"], item["place"], item["run_id"], item["subject"]) for item in answer["items"]]
    assert found == [("a_check", 1, later, "s0"), *(("b_check", place, whole, f"s{place - 1}") for place in (1, 2, 3))]
    for limit in (1, 2, 4):
        assert pages(served, "/v1/validation", limit) == answer["items"]
    assert set(answer) == fields(served, "Validation")
    assert set(answer["run"]) == fields(served, "ValidationRun")
    assert set(answer["run"]["checks"][0]) == fields(served, "CheckAnswer")
    assert set(answer["items"][0]) == fields(served, "Finding")
