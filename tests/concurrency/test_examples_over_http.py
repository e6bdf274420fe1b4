"""What if sixteen clients upsert one dataset at once?"""

import threading
from collections.abc import Callable

from tests.integration.server.example_requests import bodies, held, upsert
from tests.plugins.served import Answer, Served


def together(count: int, work: Callable[[int], Answer]) -> list[Answer]:
    """The answers to requests that are sent at the same time."""
    answers: list[Answer] = []
    ready = threading.Barrier(count)

    def one(place: int) -> None:
        ready.wait(30)
        answers.append(work(place))

    threads = [threading.Thread(target=one, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == count
    return answers


def test_sixteen_identical_first_upserts_make_one_version(served: Served) -> None:
    answers = together(16, lambda _: upsert(served, "first", bodies(*map(str, range(50))), mode="mirror"))
    assert [answer.status for answer in answers] == [200] * 16
    assert len({answer.json["version_id"] for answer in answers}) == 1
    assert sum(answer.json["created_version"] for answer in answers) == 1
    assert served.get("/v1/datasets/first/versions/latest").json["sequence"] == 1


def test_of_sixteen_mirrors_one_is_what_the_dataset_holds(served: Served) -> None:
    mirrors = [bodies("a", *(f"{place}-{number}" for number in range(place + 1)), by=place) for place in range(16)]
    answers = together(16, lambda place: upsert(served, "mirrored", mirrors[place], mode="mirror"))
    assert [answer.status for answer in answers] == [200] * 16
    result = held(served, "mirrored")
    assert result in [{each["source_id"]: each["input"] for each in mirror} for mirror in mirrors]
    assert served.get("/v1/datasets/mirrored/versions/latest").json["example_count"] == len(result)


def test_sixteen_merges_of_one_example_each_are_all_there(served: Served) -> None:
    answers = together(16, lambda place: upsert(served, "merged", bodies(f"of {place}")))
    assert [answer.status for answer in answers] == [200] * 16
    assert sorted(held(served, "merged")) == sorted(f"of {place}" for place in range(16))
    assert len({answer.json["version_id"] for answer in answers}) == 16
