"""Uploads of examples in SQL alone, as the server makes them: staged by COPY, then one call.

An example is (source_id, number): its input, output and metadata follow from the number. A number of None is an example that
is named by a hash alone: ("a", None, 7) says that "a" is what number 7 makes of it.
"""

from hashlib import sha256

from tests.sql.bar_loads import row

COUNTS = ("new_count", "changed_count", "unchanged_count", "deleted_count", "restored_count")


def content(number):
    """The three texts of a number, canonical."""
    return f'{{"question":"what is {number}?"}}', f'{{"answer":{number}}}', '{"from":"a test"}'


def content_hash(number):
    """What the database must compute for it."""
    text = '{{"input":{0},"metadata":{2},"output":{1}}}'.format(*content(number))
    return sha256(text.encode()).hexdigest()


def stage(connection, examples):
    """Stages them; a dict is source ids with their numbers."""
    connection.execute("select stage1_internal.stage_examples()")
    with connection.cursor().copy(
        b"copy pg_temp.staged_examples (source_id, input, output, metadata, content_hash) from stdin"
    ) as copy:
        for source_id, number, *known in examples.items() if isinstance(examples, dict) else examples:
            texts = content(number) if number is not None else (None, None, None)
            copy.write_row((source_id, *texts, "\\x" + content_hash(known[0] if known else number)))


def call(connection, function, **given):
    """The one row that a function answers."""
    named = ", ".join(f"p_{name} => %({name})s" for name in given)
    return connection.execute(f"select * from public.{function}({named})", given).fetchone()


def upsert(connection, examples, mode="mirror", name="set", **given):
    """Stages and upserts."""
    stage(connection, examples)
    return call(connection, "upsert_dataset_examples", **({"name": name} if name else {}), mode=mode, **given)


def restore(connection, version, name="set", **given):
    """Restores a version."""
    return call(connection, "restore_dataset_version", dataset=name, version=str(version), **given)


def counts(answer):
    """New, changed, unchanged, deleted, restored."""
    return tuple(answer[name] for name in COUNTS)


def held(connection, version="latest", name="set"):
    """What a version holds: source ids with their numbers, read as one."""
    found = connection.execute(
        "select * from public.fn_dataset_examples(%s, %s, null)", [name, None if version is None else str(version)]
    ).fetchall()
    numbers = {}
    for example in found:
        numbers[example["source_id"]] = number = example["output"]["answer"]
        assert example["content_hash"] == content_hash(number)
        assert example["input"] == {"question": f"what is {number}?"}
    assert list(numbers) == sorted(numbers, key=str.encode)
    return numbers


def latest(connection, name="set"):
    """The row of the latest version."""
    return row(connection, "select * from public.fn_find_dataset_version(%s)", name)
