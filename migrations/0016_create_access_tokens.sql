-- Creates access_tokens: who may ask the REST server, and whether to write.
--
-- A token itself is never stored, only its sha256: it is drawn at random from 2^256, so that nobody finds it by trying. A token
-- that was revoked stays, since what was written with it bears its name.
--
-- Locks: none on existing tables. Duration: milliseconds.
-- Raises: nothing.
-- depends: 0015_create_experiments

create table stage1_internal.access_tokens (
  token_id bigint generated always as identity primary key,
  name text not null,
  permission text not null,
  token_hash bytea not null,
  created_at timestamptz not null default clock_timestamp(),
  created_by text not null default session_user,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  constraint access_tokens_name_key unique (name),
  constraint access_tokens_token_hash_key unique (token_hash),
  constraint access_tokens_name_is_short check (octet_length(name) between 1 and 255),
  constraint access_tokens_permission_known check (permission in ('read', 'write')),
  constraint access_tokens_token_hash_is_sha256 check (octet_length(token_hash) = 32)
);

comment on table stage1_internal.access_tokens is
'The tokens of the REST server: by their sha256, with what they allow and how long.';
comment on column stage1_internal.access_tokens.token_id is
'A number of its own.';
comment on column stage1_internal.access_tokens.name is
'Who has it; what is written with it bears this name, so that it is never given to another token.';
comment on column stage1_internal.access_tokens.permission is
'read or write; write includes read.';
comment on column stage1_internal.access_tokens.token_hash is
'The sha256 of the token.';
comment on column stage1_internal.access_tokens.created_at is
'When it was made.';
comment on column stage1_internal.access_tokens.created_by is
'The role that made it.';
comment on column stage1_internal.access_tokens.expires_at is
'From when on it is not in force any more; null: never.';
comment on column stage1_internal.access_tokens.revoked_at is
'When it was revoked; null while it was not.';
comment on column stage1_internal.access_tokens.last_used_at is
'When a server last saw it, to the minute; null before the first time.';
