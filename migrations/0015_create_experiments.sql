-- Creates experiments, their runs, and the evaluations of these: what a task made of each example of a version of a dataset.
--
-- What a run is of is known by (experiment, example, repetition): a success is never overwritten, a failure is by whatever comes.
-- Only the functions of sql/functions/experiments/ write here. An experiment keeps its version and with it its dataset from being
-- deleted.
--
-- Of an experiment that is minutes old nobody has told the planner how many runs it has: of two indexes that begin with
-- experiment_id it would take either, and read all runs of the experiment for each one that it looks up. So the one for pages is
-- partial, by a condition that always holds, and only pages name it.
--
-- Tables of these names that somebody else made are not adopted: they are refused by name, before anything is made.
--
-- Locks: share row exclusive on stage1_datasets and dataset_versions for the foreign keys (reads go on, writes wait).
-- Duration: milliseconds.
-- Raises: S1M06 adoption refused.
-- depends: 0014_create_dataset_versions

do $refuse$
declare
  v_found text;
begin
  -- Indexes of ours may be in the way, too: a table that was renamed keeps the names of its indexes.
  select string_agg(distinct format('public.%I', coalesce(t.relname, c.relname)), ', ') into v_found
  from pg_catalog.pg_class as c
    left join pg_catalog.pg_index as i on i.indexrelid = c.oid
    left join pg_catalog.pg_class as t on t.oid = i.indrelid
  where c.relnamespace = 'public'::regnamespace and c.relname in (
    'experiments', 'experiment_runs', 'experiment_evaluations',
    'experiments_pkey', 'experiment_runs_pkey', 'experiment_runs_once', 'experiment_runs_run_id_seq', 'experiment_evaluations_pkey',
    'idx_experiments_created', 'idx_experiments_dataset', 'idx_experiments_version', 'idx_experiment_runs_page', 'idx_experiment_runs_failed'
  ) and not (c.relkind = 'S' and exists (
    -- A sequence of a column goes where its table goes.
    select 1 from pg_catalog.pg_depend as d where d.objid = c.oid and d.classid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
  ));
  if v_found is not null then
    raise exception using errcode = 'S1M06',
      message = format('%s exists already, and stage1 did not make it, but needs the name; nothing was changed.', v_found),
      detail = 'It is not taken over: stage1 records runs only of examples whose version it knows.',
      hint = 'Rename it together with its indexes, or move it to another schema, and run `stage1 migrate` again.';
  end if;
end;
$refuse$;

create table public.experiments (
  experiment_id uuid not null primary key default gen_random_uuid(),
  dataset_id uuid not null references public.stage1_datasets (dataset_id),
  version_id uuid not null references public.dataset_versions (version_id),
  name text,
  description text,
  metadata jsonb not null default '{}',
  repetitions bigint not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  created_by text not null,
  constraint experiments_metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  constraint experiments_repetitions_in_range check (repetitions between 1 and 1000)
);

create index idx_experiments_created on public.experiments (created_at, experiment_id);

create index idx_experiments_dataset on public.experiments (dataset_id, created_at, experiment_id);

create index idx_experiments_version on public.experiments (version_id);

comment on table public.experiments is
'Experiments: a task that is run on each example of one version of a dataset, one or several times.';
comment on column public.experiments.experiment_id is
'Given by whoever creates it, so that a repeated request makes no second one.';
comment on column public.experiments.dataset_id is
'The dataset of stage1_datasets.';
comment on column public.experiments.version_id is
'The version of dataset_versions whose examples it is run on.';
comment on column public.experiments.name is
'What people call it; not unique.';
comment on column public.experiments.description is
'What it tries.';
comment on column public.experiments.metadata is
'What its author wants to keep of it, such as the model and its parameters.';
comment on column public.experiments.repetitions is
'How often each example is run.';
comment on column public.experiments.created_at is
'When it was created.';
comment on column public.experiments.created_by is
'Who created it: the name of a token, or whatever a client said, or the role of the database.';

create table public.experiment_runs (
  run_id bigint not null generated always as identity primary key,
  experiment_id uuid not null references public.experiments (experiment_id),
  example_id bigint not null, -- of dataset_examples, whose rows stay; a key to it would need an index that every run pays for
  repetition bigint not null,
  attempt bigint not null default 1,
  output json,
  error text,
  started_at timestamptz,
  finished_at timestamptz,
  recorded_at timestamptz not null default now(),
  recorded_by text not null,
  constraint experiment_runs_once unique (experiment_id, example_id, repetition),
  constraint experiment_runs_repetition_counts_from_1 check (repetition >= 1),
  constraint experiment_runs_attempt_counts_from_1 check (attempt >= 1),
  constraint experiment_runs_error_or_output check ((error is null) = (output is not null)),
  constraint experiment_runs_span_is_upright check (isfinite(started_at) and isfinite(finished_at) and started_at <= finished_at)
);

-- For pages alone: see above.
create index idx_experiment_runs_page on public.experiment_runs (experiment_id, run_id) where attempt > 0;

create index idx_experiment_runs_failed on public.experiment_runs (experiment_id, run_id) where error is not null;

comment on table public.experiment_runs is
'Runs of experiments: what the task made of an example, or why it failed.';
comment on column public.experiment_runs.experiment_id is
'The experiment.';
comment on column public.experiment_runs.run_id is
'The number of the run; it stays when a failure is replaced.';
comment on column public.experiment_runs.example_id is
'The example of dataset_examples; the experiment''s version says with which content.';
comment on column public.experiment_runs.repetition is
'Which of the repetitions it is, from 1.';
comment on column public.experiment_runs.attempt is
'How many were recorded in its place, this one included.';
comment on column public.experiment_runs.output is
'What the task answered, as canonical JSON, null included; a failure has none.';
comment on column public.experiment_runs.error is
'Why it failed; a success has none.';
comment on column public.experiment_runs.started_at is
'When the task began.';
comment on column public.experiment_runs.finished_at is
'When the task ended.';
comment on column public.experiment_runs.recorded_at is
'When it was recorded, in the time of the database.';
comment on column public.experiment_runs.recorded_by is
'Who recorded it.';

create table public.experiment_evaluations (
  run_id bigint not null references public.experiment_runs (run_id),
  name text collate "C" not null,
  annotator_kind text not null default 'CODE',
  label text,
  score double precision,
  explanation text,
  error text,
  metadata jsonb not null default '{}',
  started_at timestamptz,
  finished_at timestamptz,
  recorded_at timestamptz not null default now(),
  recorded_by text not null,
  constraint experiment_evaluations_pkey primary key (run_id, name),
  constraint experiment_evaluations_name_is_short check (octet_length(name) between 1 and 255),
  constraint experiment_evaluations_annotator_kind_known check (annotator_kind in ('CODE', 'LLM', 'HUMAN')),
  -- Their squares are added up in comparisons. NaN is greater than every number.
  constraint experiment_evaluations_score_in_range check (score between -1e100 and 1e100),
  constraint experiment_evaluations_error_or_answer check (error is null or (label is null and score is null)),
  constraint experiment_evaluations_metadata_is_an_object check (jsonb_typeof(metadata) = 'object'),
  constraint experiment_evaluations_span_is_upright check (isfinite(started_at) and isfinite(finished_at) and started_at <= finished_at)
);

comment on table public.experiment_evaluations is
'Evaluations of successful runs: a label, a score, or why there is none; the last one of a name counts.';
comment on column public.experiment_evaluations.run_id is
'The run.';
comment on column public.experiment_evaluations.name is
'What is judged, such as exact_match.';
comment on column public.experiment_evaluations.annotator_kind is
'Who judges: CODE, LLM or HUMAN.';
comment on column public.experiment_evaluations.label is
'The judgement as a word.';
comment on column public.experiment_evaluations.score is
'The judgement as a number.';
comment on column public.experiment_evaluations.explanation is
'Why it was judged so.';
comment on column public.experiment_evaluations.error is
'Why the evaluator failed; then there is neither label nor score.';
comment on column public.experiment_evaluations.metadata is
'What the evaluator wants to keep of it.';
comment on column public.experiment_evaluations.started_at is
'When the evaluator began.';
comment on column public.experiment_evaluations.finished_at is
'When the evaluator ended.';
comment on column public.experiment_evaluations.recorded_at is
'When it was recorded, in the time of the database.';
comment on column public.experiment_evaluations.recorded_by is
'Who recorded it.';
