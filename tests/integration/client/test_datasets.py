"""Does the client bring a dataset to what it is told, against the real server, and read it back as it was?"""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from stage1 import errors
from stage1.client import Refused, Summary
from stage1.model.canonical_json import content_hash


def rows(count, changed=()):
    return [{"source_id": f"s{n:05}", "input": {"n": n, "new": n in changed}, "output": {"o": [n]}} for n in range(count)]


def read(dataset):
    return {example.source_id: (example.input, example.output, example.metadata) for example in dataset}


def test_a_dataset_grows_by_versions(client):
    first = client.upsert_dataset(
        name="grows", examples=rows(3), mode="merge", description="first", metadata={"desk": "a", "n": 1.5}
    )
    assert (first.created_dataset, first.created_version, first.sequence, first.summary) == (True, True, 1, Summary(new=3))
    assert (first.version["description"], first.version["metadata"], first.name) == ("first", {"desk": "a", "n": 1.5}, "grows")
    again = client.upsert_dataset(name="grows", examples=rows(3), mode="mirror")
    assert (again.version_id, again.created_version, again.summary) == (first.version_id, False, Summary(unchanged=3))
    second = client.upsert_dataset(
        id=first.dataset_id, examples=rows(2, {1}), mode="mirror", expected_version_id=first.version_id
    )
    assert (second.sequence, second.previous_version_id) == (2, first.version_id)
    assert second.summary == Summary(changed=1, unchanged=1, deleted=1)
    assert (len(first), len(second)) == (3, 2)
    assert read(second) == {"s00000": ({"n": 0, "new": False}, {"o": [0]}, {}), "s00001": ({"n": 1, "new": True}, {"o": [1]}, {})}
    assert list(read(client.get_dataset("grows", version=1))) == ["s00000", "s00001", "s00002"]
    with pytest.raises(errors.VersionConflict) as conflict:
        client.upsert_dataset(name="grows", examples=rows(3), mode="merge", expected_version_id=first.version_id)
    assert isinstance(conflict.value, Refused)
    assert conflict.value.problem["current_version_id"] == second.version_id
    back = client.restore("grows", 1, expected_version_id=second.version_id)
    assert (back.sequence, back.summary) == (3, Summary(changed=1, unchanged=1, restored=1))
    assert read(back) == read(first)
    assert [version["sequence"] for version in client.versions("grows")] == [3, 2, 1]


def test_a_version_is_chosen_by_number_id_tag_and_time(client):
    first = client.upsert_dataset(name="chosen", examples=rows(1), mode="merge")
    second = client.upsert_dataset(name="chosen", examples=rows(2), mode="merge")
    first.tag("baseline")
    client.tag("chosen", "newest", version=2)
    for chosen, found in [
        ({}, second),
        ({"version": 1}, first),
        ({"version": first.version_id}, first),
        ({"tag": "baseline"}, first),
        ({"tag": "newest"}, second),
        ({"as_of": first.version["created_at"]}, first),
        ({"as_of": dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)}, second),
    ]:
        assert client.get_dataset("chosen", **chosen).version_id == found.version_id, chosen
    assert first.tags == ["baseline"]
    client.untag("chosen", "baseline")
    with pytest.raises(errors.TagNotFound):
        client.get_dataset("chosen", tag="baseline")
    with pytest.raises(errors.VersionNotFound):
        client.get_dataset("chosen", as_of="2001-01-01")
    with pytest.raises(errors.DatasetNotFound):
        client.get_dataset("nowhere")
    with pytest.raises(errors.ArgumentInvalid):
        client.get_dataset("chosen", version=1, tag="baseline")


def test_differences_and_histories(client):
    first = client.upsert_dataset(name="differs", examples=rows(4), mode="merge")
    second = client.upsert_dataset(name="differs", examples=rows(3, {1}), mode="mirror")
    diff = first.diff(second)
    assert dict(diff.summary) == {"new": 0, "changed": 1, "deleted": 1, "unchanged": 2}
    assert [(each["source_id"], each["change"]) for each in diff] == [("s00001", "changed"), ("s00003", "deleted")]
    assert [each["change"] for each in client.diff("differs", 2, 1)] == ["changed", "new"]
    assert [event["kind"] for event in second.history("s00003")] == ["DELETE", "CREATE"]
    assert first.example("s00003").content_hash == content_hash({"n": 3, "new": False}, {"o": [3]})
    assert second.example("s00001").input["new"] is True
    assert first.example("s00001").input["new"] is False
    with pytest.raises(errors.ExampleNotFound):
        second.example("s00003")
    with pytest.raises(errors.ExampleNotFound):
        client.history("differs", "never")


@pytest.mark.parametrize("mode", ["merge", "mirror"])
def test_many_examples_are_planned_for(client, mode):
    name = f"many-{mode}"
    first = client.upsert_dataset(name=name, examples=rows(2_000), mode=mode)
    assert first.summary == Summary(new=2_000)
    again = client.upsert_dataset(name=name, examples=iter(rows(2_000)), mode=mode)
    assert (again.version_id, again.sequence, again.summary) == (first.version_id, 1, Summary(unchanged=2_000))
    planned = client.upsert_dataset(name=name, examples=rows(1_990, {5, 700}), mode=mode, dry_run=True)
    deleted = 10 if mode == "mirror" else 0
    assert planned.summary == Summary(changed=2, unchanged=1_988, deleted=deleted)
    assert client.get_dataset(name).sequence == 1
    second = client.upsert_dataset(name=name, examples=rows(1_990, {5, 700}), mode=mode)
    assert (second.sequence, second.summary) == (2, planned.summary)
    assert len(read(second)) == len(second) == 2_000 - deleted


def test_sixteen_at_once_lose_nothing(client):
    client.upsert_dataset(name="race", examples=rows(600), mode="merge")
    meet = threading.Barrier(16)

    def add(n):
        meet.wait(30)
        mine = {"source_id": f"mine-{n}", "input": {"n": n}}
        return client.upsert_dataset(name="race", examples=[*rows(600), mine], mode="merge").summary

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(add, range(16))) == [Summary(new=1, unchanged=600)] * 16
    latest = client.get_dataset("race")
    assert (latest.sequence, len(latest)) == (17, 616)


def test_an_empty_mirror_is_refused_unless_it_is_meant(client):
    client.upsert_dataset(name="emptied", examples=rows(2), mode="merge")
    with pytest.raises(errors.EmptyMirror):
        client.upsert_dataset(name="emptied", examples=[], mode="mirror")
    assert client.upsert_dataset(name="emptied", examples=[], mode="mirror", allow_empty=True).summary == Summary(deleted=2)
    assert list(client.get_dataset("emptied")) == []


def test_frames_go_there_and_back(client):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"id": ["b", "a"], "close": [1.5, 2.0], "day": [dt.date(2023, 1, 3)] * 2, "won": [True, False], "note": ["x", None]}
    )
    dataset = client.upsert_dataset(
        name="frames",
        examples=frame,
        mode="merge",
        source_id_key="id",
        input_keys=["close", "day"],
        output_keys=["won"],
        metadata_keys=["note"],
        missing="drop",
    )
    found = dataset.to_frame()
    assert list(found.index) == ["a", "b"]
    assert list(found.columns) == ["input.close", "input.day", "output.won", "metadata.note"]
    assert found.loc["b"].to_dict() == {"input.close": 1.5, "input.day": "2023-01-03", "output.won": True, "metadata.note": "x"}
    assert list(first_diff(client).columns)[:2] == ["source_id", "change"]


def first_diff(client):
    return client.diff("frames", 1, 1).to_frame()


def test_what_the_server_says_of_itself(client):
    assert client.server_version.count(".") == 2
    client.upsert_dataset(name="listed", examples=rows(1), mode="merge")
    assert "listed" in {row["dataset_slug"] for row in client.list_datasets()}
