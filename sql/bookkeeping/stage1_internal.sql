-- The schema of ledgers, staging and bookkeeping. The names that clients know live in public.
create schema if not exists stage1_internal;

comment on schema stage1_internal is
  'Ledgers, staging and bookkeeping of stage1.';
