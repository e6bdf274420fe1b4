"""Are bars what `stage1.read_bars` gives, and is a token shown where one is needed?"""

import pytest

import stage1
from stage1 import errors
from stage1.client import Client, Refused
from tests.plugins import stored_bars
from tests.plugins.databases import Database
from tests.plugins.served import Served


@pytest.mark.parametrize("prices", ["decimal", "float"])
def test_bars_are_those_of_the_database(served: Served, client: Client, prices: str) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    symbol = f"BARS {prices}/1"
    stored_bars.fill(served.database, symbol, stored_bars.NUMBERS)
    for span in [{}, {"start": "2024-02-28T23:59:00", "end": "2024-02-29T00:02:00Z"}, {"end": "2001-01-01"}]:
        found = client.read_bars(symbol, **span, prices=prices)
        pandas.testing.assert_frame_equal(found, stage1.read_bars(symbol, **span, prices=prices, database=served.database.url))
    stored_bars.fill(served.database, f"{symbol} null", [("1", "2", "1", "1.5", None), ("1", "2", "1", "1.5", 2**64 - 1)])
    pandas.testing.assert_frame_equal(
        client.read_bars(f"{symbol} null", prices=prices),
        stage1.read_bars(f"{symbol} null", prices=prices, database=served.database.url),
    )


def test_a_cut_stream_of_bars_is_an_error(served: Served, client: Client) -> None:
    pytest.importorskip("pyarrow")
    stored_bars.fill(served.database, "CUT", [(1, 1, 1, 1, 1)] * 9000 + [("0.0000000001", 1, 0, 1, 1)])
    with pytest.raises(errors.Stage1Error, match=r"The answer of .* was cut"):
        client.read_bars("CUT")


def test_a_token_of_the_settings_is_shown(
    database: Database, start_server, run_cli, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    token = run_cli("tokens", "create", "reader", database=database).stdout.strip()
    served = start_server(database)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STAGE1_SERVER", served.url)
    monkeypatch.delenv("STAGE1_TOKEN", raising=False)
    with Client() as client, pytest.raises(errors.TokenRequired) as refused:
        list(client.list_datasets())
    assert isinstance(refused.value, Refused)
    assert refused.value.status == 401
    monkeypatch.setenv("STAGE1_TOKEN", token)
    with Client() as client:
        assert list(client.list_datasets()) == []
        assert token not in repr(client)
        assert (
            client.upsert_dataset(name="x", examples=[{"source_id": "a", "input": {}}], mode="merge", dry_run=True).summary.new
            == 1
        )
        with pytest.raises(errors.TokenTooWeak):
            client.upsert_dataset(name="x", examples=[{"source_id": "a", "input": {}}], mode="merge")
