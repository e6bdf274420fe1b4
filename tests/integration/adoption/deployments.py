"""What the tests of the adoption ask of a deployment."""

import subprocess

from stage1 import settings
from stage1.database import binaries

KEYS = {"indicator_datasets": "dataset_id", "walkforward_runs": "run_id", "simulation_runs": "simulation_id"}
TAGGED, NEW = "10000000-0000-4000-8000-000000000001", "40000000-0000-4000-8000-000000000001"
# What the old deployment had of its own and keeps.
EXTRAS = {
    "column": {
        ("indicator_datasets", "exported_by", "text", "YES", None),
        ("walkforward_runs", "folds", "integer", "YES", None),
        ("simulation_runs", "net_profit", "double precision", "YES", None),
        ("walkforward_runs", "status", "text", "NO", "'pending'::character varying"),
    },
    "constraint": {("walkforward_runs", "walkforward_runs_folds_check", "CHECK ((folds > 0))")},
    "index": {
        ("indicator_datasets", "CREATE INDEX indicator_datasets_symbol_idx ON public.indicator_datasets USING btree (symbol)"),
        ("walkforward_runs", "CREATE INDEX walkforward_runs_status_idx ON public.walkforward_runs USING btree (status)"),
    },
}
# What a fresh database has in place of an extra of the same name.
REPLACED = {"column": {("walkforward_runs", "status", "text", "YES", None)}}


def rows(database, query):
    return database.rows(query)


def execute(database, script):
    with database.connect() as connection:
        connection.execute(script)


def rows_by_id(database):
    return {table: {str(row[key]): row for row in rows(database, f"select * from public.{table}")} for table, key in KEYS.items()}


def migrate(run_cli, database):
    return run_cli("migrate", "--without-backup", database=database)


def dumped(database):
    """The whole database as text, without what pg_dump says about itself."""
    with database.connect() as connection:
        major = connection.info.server_version // 10000
    pg_dump = binaries.find(settings.load(), major, ("pg_dump",)).path("pg_dump")
    text = subprocess.run([pg_dump, "--dbname", database.url], check=True, capture_output=True, text=True, timeout=60).stdout
    # pg_dump of newer minor releases fences its text with a random word.
    return [line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict", "--"))]
