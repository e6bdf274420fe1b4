"""Is only sent what is needed, in as few requests as that takes, and is a dataset that changes meanwhile met rightly?"""

import json

import pytest

from stage1.client import ServerUnavailable, Summary
from stage1.client.datasets import Dataset, selector
from stage1.client.requests import Requests
from stage1.client.rows import row_form
from stage1.client.upserts import Upsert, upsert
from stage1.errors import ArgumentInvalid, BodyMissing, ContentRefused, SourceIdRepeated, TokenTooWeak, VersionConflict
from stage1.model.canonical_json import content_hash
from tests.unit.client.conftest import cut, raw, reply

FORM = row_form("source_id", None, None, None, "refuse")
ZERO = {"new": 0, "changed": 0, "unchanged": 0, "deleted": 0, "restored": 0}
PROBLEM = "application/problem+json"
CONFLICT = reply(409, {"detail": "Changed.", "code": "S1E02"}, media_type=PROBLEM)
MISSING = reply(409, {"detail": "No body.", "code": "S1E09"}, media_type=PROBLEM)
THERE = reply(200, {"dataset_id": "d", "dataset_slug": "set"})


def rows(count, **changed):
    return [{"source_id": f"s{n}", "input": {"n": changed.get(f"s{n}", n)}} for n in range(count)]


def answer(created_version=True, version="v2", needed=None, **counts):
    found = {"dataset_id": "d", "version_id": version, "previous_version_id": "v1", "created_dataset": False}
    found |= {"created_version": created_version, "summary": {**ZERO, **counts, "of a newer server": 1}}
    return reply(200, found if needed is None else {**found, "needed": needed})


def run(scripted, examples, mode="merge", **options):
    return upsert(scripted.requests(), Upsert(options.pop("name", "set"), None, mode, **options), examples, FORM)


def paths(scripted):
    return [(asked.method, asked.path) for asked in scripted.asked]


PLAN, SEND, LOOK = ("POST", "/v1/datasets/upsert/plan"), ("POST", "/v1/datasets/upsert"), ("GET", "/v1/datasets/set")


def test_few_examples_go_at_once(scripted):
    scripted.replies.extend([answer(new=2)])
    dataset = run(scripted, rows(2), description="why", metadata={"desk": "a"})
    assert paths(scripted) == [SEND]
    head, *lines = scripted.asked[0].lines()
    assert head == {"name": "set", "mode": "merge", "description": "why", "metadata": {"desk": "a"}}
    assert lines[1] == {
        "source_id": "s1",
        "input": {"n": 1},
        "output": {},
        "metadata": {},
        "content_hash": content_hash({"n": 1}),
    }
    assert scripted.asked[0].headers["content-type"] == "application/x-ndjson"
    assert (dataset.version_id, dataset.created_version, dataset.summary) == ("v2", True, Summary(new=2))


def test_a_new_dataset_is_sent_whole(scripted):
    scripted.replies.extend([reply(404, {"detail": "None.", "code": "S1C02"}, media_type=PROBLEM), answer(new=600)])
    run(scripted, iter(rows(600)))
    assert paths(scripted) == [LOOK, SEND]
    assert len(scripted.asked[1].lines()) == 601


@pytest.mark.parametrize("mode", ["merge", "mirror"])
def test_what_is_unchanged_is_never_sent(scripted, mode):
    scripted.replies.extend([THERE, answer(created_version=False, unchanged=600, needed=[])])
    seen = []
    dataset = run(scripted, rows(600), mode, progress=lambda *said: seen.append(said))
    assert paths(scripted) == [LOOK, PLAN]
    head, *lines = scripted.asked[1].lines()
    assert head == {"name": "set", "mode": mode}
    assert lines[599] == {"source_id": "s599", "content_hash": content_hash({"n": 599})}
    assert (dataset.created_version, dataset.summary) == (False, Summary(unchanged=600))
    assert seen == [("hashed", 600, 600), ("sent", 0, 0)]


def test_a_merge_sends_what_is_needed_and_holds_the_server_to_its_plan(scripted):
    plan = answer(version="v1", created_version=True, changed=1, new=1, unchanged=598, needed=["s7", "s3"])
    scripted.replies.extend([THERE, plan, answer(changed=1, new=1)])
    dataset = run(scripted, rows(600))
    head, *lines = scripted.asked[2].lines()
    assert head == {"name": "set", "mode": "merge", "expected_version_id": "v1"}
    assert [line["source_id"] for line in lines] == ["s3", "s7"]
    assert dataset.summary == Summary(new=1, changed=1, unchanged=598)


def test_a_mirror_names_the_rest_by_their_hashes(scripted):
    scripted.replies.extend(
        [THERE, answer(version="v1", changed=1, deleted=3, unchanged=599, needed=["s7"]), answer(changed=1, deleted=3)]
    )
    run(scripted, rows(600), "mirror")
    head, *lines = scripted.asked[2].lines()
    assert head == {"name": "set", "mode": "mirror"}
    assert [line["source_id"] for line in lines if "input" in line] == ["s7"]
    assert lines[8] == {"source_id": "s8", "content_hash": content_hash({"n": 8})}
    assert len(lines) == 600


@pytest.mark.parametrize(("mode", "refusal"), [("merge", CONFLICT), ("mirror", MISSING)])
def test_a_dataset_that_changes_is_planned_for_again_and_at_last_sent_whole(scripted, mode, refusal):
    plan = answer(version="v1", changed=1, needed=["s7"])
    scripted.replies.extend([THERE, plan, refusal, plan, refusal, plan, refusal, answer(changed=1, unchanged=599)])
    assert run(scripted, rows(600), mode).summary == Summary(changed=1, unchanged=599)
    assert paths(scripted) == [LOOK, *[PLAN, SEND] * 3, SEND]
    assert len(scripted.asked[-1].lines()) == 601
    assert "expected_version_id" not in scripted.asked[-1].lines()[0]
    sent = [asked for asked in scripted.asked if (asked.method, asked.path) == SEND]
    assert len({asked.headers["idempotency-key"] for asked in sent}) == 1


def test_a_conflict_with_what_the_caller_expects_is_the_callers(scripted):
    # An empty one, too, is sent: the server refuses it, where to drop it would be to write unguarded.
    scripted.replies.extend([THERE, answer(version="v1", changed=1, needed=["s7"]), CONFLICT, CONFLICT])
    for expected, count in (("v1", 600), ("", 1)):
        with pytest.raises(VersionConflict):
            run(scripted, rows(count), expected_version_id=expected)
    assert [asked.lines()[0]["expected_version_id"] for asked in scripted.asked[1:]] == ["v1", "v1", ""]


def test_a_cut_answer_is_asked_for_with_the_same_key_and_body(scripted):
    scripted.replies.extend([cut, answer(new=1)])
    run(scripted, rows(1))
    assert paths(scripted) == [SEND, SEND]
    first, second = scripted.asked
    assert (first.headers["idempotency-key"], first.body) == (second.headers["idempotency-key"], second.body)


def test_a_dry_run_asks_for_a_plan_alone(scripted):
    scripted.replies.extend([answer(version="v1", created_version=True, new=2, needed=["s0", "s1"])])
    dataset = run(scripted, rows(2), dry_run=True)
    assert paths(scripted) == [PLAN]
    assert (dataset.dry_run, dataset.created_version, dataset.summary) == (True, False, Summary(new=2))


def test_a_repeated_source_id_is_refused_before_anything_is_sent(scripted):
    with pytest.raises(SourceIdRepeated, match=r'rows 2 and 4 have one source id, "s1"'):
        run(scripted, [*rows(3), *rows(2)[1:]])
    assert scripted.asked == []


def test_what_cannot_be_meant_is_refused(scripted):
    requests: Requests = scripted.requests()
    for wrong in ({"name": None}, {"id": "d"}, {"mode": "replace"}, {"mode": None}):
        with pytest.raises(ArgumentInvalid):
            upsert(requests, Upsert(**{"name": "set", "id": None, "mode": "merge", **wrong}), [], FORM)
    with pytest.raises(TypeError):
        Upsert("set", None)
    assert scripted.asked == []


def test_bodies_beyond_memory_go_through_a_file(scripted):
    text = "x" * 40_000
    examples = ({"source_id": str(n), "input": {"text": text, "n": n}} for n in range(500))
    scripted.replies.extend([THERE, answer(version="v1", changed=2, needed=["3", "499"]), answer(changed=2)])
    run(scripted, examples)
    lines = scripted.asked[2].lines()
    assert [line["input"]["n"] for line in lines[1:]] == [3, 499]
    assert json.dumps(lines[1]).count(text) == 1
    with pytest.raises(Exception, match=r'Row 1 \(source id "a"\) has [\d,]+ bytes'):
        run(scripted, [{"source_id": "a", "input": {"t": "x" * (5 << 20)}}])


def test_a_body_that_is_missing_twice_is_no_reason_to_fail(scripted):
    scripted.replies.extend(
        [THERE, answer(needed=["s1"], new=1), MISSING, answer(created_version=False, unchanged=600, needed=[])]
    )
    assert run(scripted, rows(600), "mirror").summary == Summary(unchanged=600)
    assert issubclass(BodyMissing, Exception)


def test_a_name_that_no_address_holds_is_sent_whole(scripted):
    nowhere = reply(404, {"detail": "There is nothing at this address.", "code": "AddressNotFound"}, media_type=PROBLEM)
    scripted.replies.extend([nowhere, answer(new=600)])
    assert run(scripted, rows(600), name="a/b").summary == Summary(new=600)
    assert paths(scripted) == [("GET", "/v1/datasets/a%2Fb"), SEND]
    scripted.replies.append(reply(403, {"detail": "No.", "code": "S1T02"}, media_type=PROBLEM))
    with pytest.raises(TokenTooWeak):
        run(scripted, rows(600), name="a/b")


@pytest.mark.parametrize(
    "options", [{"name": "\ud800"}, {"description": "\ud800"}, {"metadata": {"a": float("nan")}}, {"metadata": 5}]
)
@pytest.mark.parametrize("count", [2, 600])
def test_what_cannot_be_sent_is_refused_by_name(scripted, count, options):
    scripted.replies.append(THERE)
    scripted.otherwise = answer(needed=["s1"], new=1)
    with pytest.raises((ArgumentInvalid, ContentRefused), match=r"U\+D800|metadata: /a: nan|metadata was a int"):
        run(scripted, rows(count), **options)


def test_reading_goes_on_where_it_was_cut(scripted):
    lines = [b'{"source_id":"s%d","input":{},"output":{},"metadata":{},"content_hash":""}\n' % n for n in range(5)]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: 1000\r\n\r\n"
    whole = reply(200, b"".join(lines), media_type="application/x-ndjson")
    dataset = Dataset(scripted.requests(), "d", "v")
    scripted.replies.extend([raw(head + b"".join(lines[:2])), raw(head + b"".join(lines[:4])), whole])
    assert [example.source_id for example in dataset] == ["s0", "s1", "s2", "s3", "s4"]
    scripted.replies.extend([raw(head + b"".join(lines[:2]))] * 2)
    with pytest.raises(ServerUnavailable, match="was cut"):
        list(iter(dataset))


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:00-10:00", "0001-01-01T00:00:00+10:00"])
def test_a_moment_beyond_all_years_is_refused(moment):
    with pytest.raises(ArgumentInvalid, match="between the years"):
        selector(as_of=moment)
