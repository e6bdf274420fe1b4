-- Creates the versions of datasets of examples: what each version is, the examples, their revisions, and names of versions.
--
-- Revisions are only ever added: what an example was at a version is its last revision up to it, one step backwards on the
-- primary key; what changed between two versions is one range of (dataset_id, from_sequence). A version is named by its
-- sequence within its dataset, 1, 2, 3 ..., so that the one before it needs no column. input, output and metadata are kept as
-- the texts that their hash is made of. Only functions of the owner write here. No foreign key cascades: a dataset that has
-- versions cannot be deleted. dataset_examples has no foreign key to its dataset: its revisions name a version, which does.
--
-- content_hash_v1 is never replaced in place: the hashes that are stored would stay as they are. Its body is parsed here, so
-- that no search_path matters; a pinned one would make each row slower.
--
-- Tables of these names that somebody else made are not adopted: they are refused by name, before anything is made.
--
-- Locks: share row exclusive on stage1_datasets for the foreign keys (reads go on, writes wait).
-- Duration: milliseconds.
-- Raises: S1M06 adoption refused.
-- depends: 0013_create_dataset_manifests

do $refuse$
declare
  v_found text;
begin
  -- An index of ours may be in the way, too: a table that was renamed keeps the names of its indexes.
  select string_agg(distinct format('public.%I', coalesce(t.relname, c.relname)), ', ') into v_found
  from pg_catalog.pg_class as c
    left join pg_catalog.pg_index as i on i.indexrelid = c.oid
    left join pg_catalog.pg_class as t on t.oid = i.indrelid
  where c.relnamespace = 'public'::regnamespace
    and c.relname in (
      'dataset_versions', 'dataset_versions_pkey', 'dataset_versions_sequence_key', 'dataset_versions_request_key',
      'idx_dataset_versions_created', 'idx_dataset_versions_recent', 'idx_dataset_versions_restored',
      'dataset_examples', 'dataset_examples_pkey', 'dataset_examples_source_key', 'dataset_examples_example_id_seq',
      'dataset_example_revisions', 'dataset_example_revisions_pkey', 'idx_dataset_example_revisions_version',
      'dataset_version_tags', 'dataset_version_tags_pkey', 'idx_dataset_version_tags_version'
    )
    and not (c.relkind = 'S' and exists (
      -- A sequence of a column goes where its table goes.
      select 1 from pg_catalog.pg_depend as d
      where d.objid = c.oid and d.classid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i')
    ));
  if v_found is not null then
    raise exception using errcode = 'S1M06',
      message = format('%s exists already, and stage1 did not make it, but needs the name; nothing was changed.', v_found),
      detail = 'It is not taken over: stage1 proves what a version holds by the hashes that it stored itself.',
      hint = 'Rename it together with its indexes, or move it to another schema, and run `stage1 migrate` again.';
  end if;
end;
$refuse$;

create table public.dataset_versions (
  version_id uuid not null default gen_random_uuid() primary key,
  dataset_id uuid not null references public.stage1_datasets (dataset_id),
  sequence bigint not null,
  created_at timestamptz not null default clock_timestamp(),
  created_by text not null,
  origin text not null,
  restored_from uuid references public.dataset_versions (version_id),
  request_key text,
  description text,
  metadata jsonb not null default '{}',
  new_count bigint not null,
  changed_count bigint not null,
  unchanged_count bigint not null,
  deleted_count bigint not null,
  restored_count bigint not null,
  example_count bigint not null,
  constraint dataset_versions_sequence_key unique (dataset_id, sequence),
  constraint dataset_versions_request_key unique (dataset_id, request_key),
  constraint dataset_versions_sequence_is_positive check (sequence > 0),
  constraint dataset_versions_origin_known check (origin in ('merge', 'mirror', 'restore')),
  constraint dataset_versions_restore_names_its_version check ((origin = 'restore') = (restored_from is not null)),
  constraint dataset_versions_metadata_is_object check (jsonb_typeof(metadata) = 'object'),
  constraint dataset_versions_counts_are_natural check (
    new_count >= 0 and changed_count >= 0 and unchanged_count >= 0 and deleted_count >= 0 and restored_count >= 0
    and example_count >= 0
  )
);

comment on table public.dataset_versions is
'The versions of the datasets of examples: who made each, of what kind it is, and how much it changed.';
comment on column public.dataset_versions.sequence is
'1, 2, 3 ... within the dataset; the version before it is that of the number before.';
comment on column public.dataset_versions.created_at is
'When it was made; never before the version before it.';
comment on column public.dataset_versions.origin is
'merge: examples were added or changed. mirror: the dataset became what was given. restore: it became what it was.';
comment on column public.dataset_versions.restored_from is
'The version whose examples a restore brought back.';
comment on column public.dataset_versions.request_key is
'The idempotency key of the request that made it: the same request again is answered by this version.';
comment on column public.dataset_versions.unchanged_count is
'Examples that were given, and were what the version before holds already; of a restore, those that were the same in both.';
comment on column public.dataset_versions.restored_count is
'Examples that a version before had deleted, and that are back.';
comment on column public.dataset_versions.example_count is
'How many examples the version holds.';

-- `as of`, and what is recent.
create index idx_dataset_versions_created on public.dataset_versions (dataset_id, created_at, sequence);

create index idx_dataset_versions_recent on public.dataset_versions (created_at);

create index idx_dataset_versions_restored on public.dataset_versions (restored_from);

-- A page is a tenth free, so that a head can move on within its page.
create table public.dataset_examples (
  example_id bigint generated by default as identity primary key,
  dataset_id uuid not null,
  source_id text collate "C" not null,
  head_sequence bigint not null,
  head_hash bytea,
  constraint dataset_examples_source_key unique (dataset_id, source_id),
  constraint dataset_examples_source_id_fits check (octet_length(source_id) between 1 and 1024)
) with (fillfactor = 90);

comment on table public.dataset_examples is
'The examples that a dataset has or had: one row for each source id, for ever, also when it is deleted and comes back.';
comment on column public.dataset_examples.source_id is
'The name of the example where it comes from.';
comment on column public.dataset_examples.head_sequence is
'The version that changed it last.';
comment on column public.dataset_examples.head_hash is
'The hash of its content now; null where it is deleted.';

create function stage1_internal.content_hash_v1(
  p_input json,
  p_output json,
  p_metadata json
)
  returns bytea
  language sql
  immutable
  parallel safe
  return sha256(convert_to(
    '{"input":' || p_input::text || ',"metadata":' || p_metadata::text || ',"output":' || p_output::text || '}', 'UTF8'
  ));

comment on function stage1_internal.content_hash_v1(json, json, json) is
'The sha256 of an example: of the object of its three texts in UTF-8, in the order in which canonical JSON has them.';

revoke execute on function stage1_internal.content_hash_v1(json, json, json) from public;

create table public.dataset_example_revisions (
  example_id bigint not null references public.dataset_examples (example_id),
  from_sequence bigint not null,
  dataset_id uuid not null,
  kind text not null,
  input json,
  output json,
  metadata json,
  content_hash bytea generated always as (stage1_internal.content_hash_v1(input, output, metadata)) stored,
  primary key (example_id, from_sequence),
  constraint dataset_example_revisions_version_fkey
    foreign key (dataset_id, from_sequence) references public.dataset_versions (dataset_id, sequence),
  constraint dataset_example_revisions_kind_known check (kind in ('CREATE', 'PATCH', 'DELETE')),
  constraint dataset_example_revisions_content_is_whole check (
    (kind = 'DELETE') = (input is null) and (input is null) = (output is null) and (input is null) = (metadata is null)
  )
);

create index idx_dataset_example_revisions_version on public.dataset_example_revisions (dataset_id, from_sequence, example_id);

comment on table public.dataset_example_revisions is
'What each example was from which version on; rows are added, and never changed.';
comment on column public.dataset_example_revisions.from_sequence is
'The version that made it so.';
comment on column public.dataset_example_revisions.kind is
'CREATE: it was not there, or deleted. PATCH: its content changed. DELETE: it went, and has no content.';
comment on column public.dataset_example_revisions.content_hash is
'The sha256 of its canonical content, computed by the database.';

create table public.dataset_version_tags (
  dataset_id uuid not null references public.stage1_datasets (dataset_id),
  tag text collate "C" not null,
  version_id uuid not null references public.dataset_versions (version_id),
  updated_at timestamptz not null default clock_timestamp(),
  updated_by text not null,
  primary key (dataset_id, tag),
  constraint dataset_version_tags_tag_is_a_name check (
    tag <> '' and octet_length(tag) <= 255 and tag = btrim(tag) and position(':' in tag) = 0 and lower(tag) <> 'latest'
    and tag !~ '^[0-9]+$' and tag !~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
  )
);

create index idx_dataset_version_tags_version on public.dataset_version_tags (version_id);

comment on table public.dataset_version_tags is
'Names of versions, such as baseline; a name can be moved to another version of the dataset.';

create table stage1_internal.dataset_requests (
  dataset_id uuid not null references public.stage1_datasets (dataset_id),
  request_key text not null,
  version_id uuid not null references public.dataset_versions (version_id),
  unchanged_count bigint not null,
  answered_at timestamptz not null default clock_timestamp(),
  primary key (dataset_id, request_key)
);

create index idx_dataset_requests_version on stage1_internal.dataset_requests (version_id);

-- Those of 30 days ago are forgotten with each one that is added.
create index idx_dataset_requests_answered on stage1_internal.dataset_requests (dataset_id, answered_at);

comment on table stage1_internal.dataset_requests is
'Requests with an idempotency key that changed nothing, and so made no version that would keep the key; those of the last 30 days.';
