"""Functions that run with the rights of their owner, each with the reason."""

# Who may run with the owner's rights, and why. A function that is not here must not be one.
DEFINERS = {
    "stage1_internal.ensure_parent_dataset_v1": "a client of before knows nothing of stage1_datasets",
    "stage1_internal.follow_indicator_dataset_v1": "the same client's row changes what is known of its dataset",
    "stage1_internal.ensure_bar_partitions": "only the owner may attach partitions",
    "stage1_internal.opened_bar_load": "the loading functions call it with the owner's rights",
    "public.upsert_dataset_manifest": "loaders register what they loaded, and may otherwise only read the catalog",
    **dict.fromkeys(
        (
            "public.create_experiment",
            "public.record_experiment_run",
            "public.record_experiment_runs",
            "public.record_experiment_evaluation",
            "public.record_experiment_evaluations",
        ),
        "experiments, their runs and evaluations are written by these alone",
    ),
    **dict.fromkeys(
        ("stage1_internal.stage_experiment_runs", "stage1_internal.stage_experiment_evaluations"),
        "the staging tables are the owner's, and nobody else may put a trigger on them",
    ),
    **dict.fromkeys(
        (
            "public.upsert_dataset_examples",
            "public.restore_dataset_version",
            "public.tag_dataset_version",
            "public.untag_dataset_version",
        ),
        "versions and their tags are written by functions of the owner alone",
    ),
    **dict.fromkeys(
        ("stage1_internal.stage_examples", "public.needed_examples"),
        "the staging table is the owner's, and nobody else may put a trigger on it",
    ),
    **dict.fromkeys(
        (
            "stage1_internal.check_expected_version",
            "stage1_internal.check_staged_examples",
            "stage1_internal.check_version_request",
            "stage1_internal.diff_staged_examples",
            "stage1_internal.diff_with_version",
            "stage1_internal.locked_examples",
            "stage1_internal.make_example_changes",
            "stage1_internal.remember_request",
            "stage1_internal.write_example_version",
        ),
        "the functions that write versions call it with the owner's rights",
    ),
    **dict.fromkeys(
        ("public.check_access_token", "public.any_access_token", "public.note_access_token_use"),
        "a server lets callers in, and may neither see the hashes of tokens nor change anything else of them",
    ),
    "public.fn_applied_migrations": "a server asks whether the database is current, and may read nothing else of the ledger",
    "stage1_internal.record_validation": "whoever may ask the checks records their answer, and nobody writes it otherwise",
    **dict.fromkeys(
        (
            "stage1_internal.begin_ingest",
            "stage1_internal.fail_ingest",
            "stage1_internal.repeat_ingest",
            "stage1_internal.open_bar_load",
            "stage1_internal.merge_staged_bars",
            "stage1_internal.finish_bar_load",
            "public.undo_ingest",
        ),
        "bars, their summary and the audit trail are written by these alone",
    ),
    **dict.fromkeys(
        (
            "stage1_internal.begin_replay",
            "stage1_internal.finish_replay",
            "stage1_internal.replay_rules",
            "stage1_internal.open_spool",
            "stage1_internal.find_spool",
            "stage1_internal.close_spool",
            "stage1_internal.spool_statements",
            "stage1_internal.record_applied",
            "stage1_internal.record_unapplied",
            "stage1_internal.waiting_statements",
            "stage1_internal.retry_letters",
        ),
        "the weak role reads and writes the ledger of the replay through these alone",
    ),
}
