-- The psql smoke tests of the runbook: `make smoke`, or psql -X -f sql/smoke/run_all.sql.
-- Each asserts what it expects inside a transaction that is rolled back, so that nothing stays behind; psql stops with
-- exit code 3 at the first that fails. Run as stage1_owner or a superuser.
\set ON_ERROR_STOP on
\ir 01_list_datasets.sql
\ir 02_dataset_hierarchy.sql
\ir 03_upsert_dataset.sql
\ir 04_foreign_keys.sql
\ir 05_unique_constraints.sql
\ir 06_validation.sql
