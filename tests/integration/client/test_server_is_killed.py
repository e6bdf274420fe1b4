"""The server is killed in the middle of a write, and another takes its place: is the client's retry the only version made?"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from stage1.client import Client, Summary
from stage1.client.retries import Retries


@pytest.mark.parametrize("count", [3, 700], ids=["whole", "planned"])
def test_a_write_is_applied_whole_and_once(database, start_server, wait_until_somebody_is_blocked, count):
    def rows(more):
        return [{"source_id": f"s{n}", "input": {"n": n}} for n in range(count + more)]

    killed = start_server(database)
    port = str(killed.address[1])
    began = []

    def replace(_):
        # The client's pause, in which somebody starts another server at the same address.
        if not began:
            began.append(start_server(database, "--port", port))

    with Client(killed.url, token="") as client, ThreadPoolExecutor(1) as threads:
        client._transport._retries = Retries(pause=replace)
        first = client.upsert_dataset(name="killed", examples=rows(0), mode="merge")
        with database.connect(autocommit=False) as holder:
            holder.execute("select from public.stage1_datasets where dataset_id = %s for update", [first.dataset_id])
            upsert = threads.submit(
                client.upsert_dataset, name="killed", examples=rows(1), mode="mirror", expected_version_id=first.version_id
            )
            wait_until_somebody_is_blocked(database)
            killed.process.kill()
            killed.process.wait(30)
            holder.rollback()
        second = upsert.result(60)
        assert len(began) == 1
        assert (second.sequence, second.created_version, second.summary) == (2, True, Summary(new=1, unchanged=count))
        assert [version["sequence"] for version in client.versions("killed")] == [2, 1]
        assert len(list(second)) == count + 1
