"""What recording refuses before it costs the server anything."""

from tests.sql.experiments import create, rows, run, versions

__all__ = ["versions"]  # a fixture


def test_metadata_are_not_written_out_to_find_that_they_are_too_large(db, refused, versions):
    """A number of five characters would be one of 309, and ten megabytes more than PostgreSQL can write."""
    experiment = create(db)["experiment_id"]
    run(db, experiment, "a")
    db.execute("select stage1_internal.stage_experiment_evaluations()")
    db.execute(
        "insert into pg_temp.staged_evaluations (source_id, repetition, name, metadata)"
        " select 'a', 1, 'n', ('{\"a\": [' || repeat('1e308,', 3600000) || '1]}')::jsonb"
    )
    refused("S1A02", lambda: rows(db, "select * from public.record_experiment_evaluations(%s)", experiment))
