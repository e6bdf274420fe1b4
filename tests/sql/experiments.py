"""What tests of experiments share: a set of examples with two versions, and ways to record."""

import json

import pytest

SLUG = "breakouts"
STAGE_RUNS = "select stage1_internal.stage_experiment_runs()"
STAGE_EVALUATIONS = "select stage1_internal.stage_experiment_evaluations()"


def rows(connection, query, *parameters):
    """The rows of a statement."""
    return connection.execute(query, parameters or None).fetchall()


def upsert(connection, contents, mode="mirror", slug=SLUG):
    """Makes a version of inputs by source id."""
    examples = json.dumps([{"source_id": name, "input": {"x": value}} for name, value in contents.items()], separators=(",", ":"))
    return rows(
        connection,
        "select * from public.upsert_dataset_examples(p_name => %s, p_mode => %s, p_examples => %s::json)",
        *(slug, mode, examples),
    )[0]


def create(connection, version="latest", repetitions=1, slug=SLUG, **given):
    """Creates an experiment and returns its row."""
    names = "".join(f", p_{name} => %s" for name in given)
    return rows(
        connection,
        f"select * from public.create_experiment(p_dataset => %s, p_version => %s, p_repetitions => %s{names})",
        *(slug, version, repetitions, *given.values()),
    )[0]


def show(connection, experiment):
    """The row of an experiment."""
    return rows(connection, "select * from public.fn_show_experiment(%s)", experiment)[0]


def run(connection, experiment, source_id, output=None, error=None, repetition=1, times=(None, None)):
    """Records one run and returns its outcome."""
    return rows(
        connection,
        "select outcome from public.record_experiment_run(%s, %s, %s, %s::json, %s, %s, %s, 'tester')",
        *(experiment, source_id, repetition, output, error, *times),
    )[0]["outcome"]


def run_batch(connection, experiment, runs, on_conflict="refuse"):
    """Records tuples of source id, repetition, output and error, and returns the counts."""
    connection.execute(STAGE_RUNS)
    with connection.cursor().copy("copy pg_temp.staged_runs (source_id, repetition, output, error) from stdin") as copy:
        for one in runs:
            copy.write_row(one)
    return tuple(
        rows(connection, "select * from public.record_experiment_runs(%s, %s, 'tester')", experiment, on_conflict)[0].values()
    )


def evaluate(connection, experiment, source_id, name="match", repetition=1, **given):
    """Records one evaluation and returns its outcome."""
    names = "".join(f", p_{name} => %s" for name in given)
    return rows(
        connection,
        f"select outcome from public.record_experiment_evaluation(%s, %s, %s, %s{names})",
        *(experiment, source_id, name, repetition, *given.values()),
    )[0]["outcome"]


def evaluate_batch(connection, experiment, evaluations):
    """Records tuples of source id, repetition, name, label, score and error, and returns the counts."""
    connection.execute(STAGE_EVALUATIONS)
    columns = "source_id, repetition, name, label, score, error"
    with connection.cursor().copy(f"copy pg_temp.staged_evaluations ({columns}) from stdin") as copy:
        for one in evaluations:
            copy.write_row(one)
    return tuple(rows(connection, "select * from public.record_experiment_evaluations(%s, 'tester')", experiment)[0].values())


def incomplete(db, experiment, limit=50, after=None):
    """The examples that are still to be run, with their repetitions."""
    found = rows(db, "select * from public.fn_incomplete_runs(%s, %s, %s)", experiment, limit, after)
    return [(row["source_id"], row["repetitions"]) for row in found]


@pytest.fixture
def versions(db):
    """Version 1 has a to d; version 2 has another c, no d, and e."""
    first = upsert(db, {"a": 1, "b": 2, "c": 3, "d": 4})
    second = upsert(db, {"a": 1, "b": 2, "c": 33, "e": 5})
    return first["version_id"], second["version_id"]
