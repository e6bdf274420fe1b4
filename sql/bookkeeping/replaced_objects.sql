-- Nothing is lost: the text and the grants of every object that stage1 dropped or overwrote without having written it.
-- depends: stage1_internal
create table if not exists stage1_internal.replaced_objects (
  replaced_id     bigint generated always as identity primary key,
  object_name     text not null,
  object_identity text not null,
  definition      text not null,
  owner_name      text not null,
  grants          text[] not null,
  reason          text not null,
  grants_restored boolean not null default false,
  replaced_at     timestamptz not null default pg_catalog.clock_timestamp()
);

comment on table stage1_internal.replaced_objects is
  'The old text of objects that were replaced: adopted from an older deployment, edited by hand, or no longer part of stage1.';
