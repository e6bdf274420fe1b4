-- Who may do what of the tokens of the server. A part of role_matrix, whose header says what it is.
create or replace view stage1_internal.role_matrix_of_access (role_names, privileges, object_kind, object_names)
  with (security_invoker = true) as
select
  m.role_names,
  m.privileges,
  m.object_kind,
  m.object_names
from (
  values
    -- The server lets callers in; tokens are made, listed and revoked by members of stage1_owner alone.
    (
      array['stage1_app'],
      array['execute'],
      'function',
      array[
        'public.check_access_token', 'public.any_access_token', 'public.note_access_token_use', 'public.fn_applied_migrations'
      ]
    ),
    -- The hash of a random token of 256 bits tells nothing.
    (
      array['stage1_readonly'],
      array['select'],
      'table',
      array['stage1_internal.access_tokens', 'stage1_internal.access_token_list']
    ),
    (
      array['stage1_readonly'],
      array['execute'],
      'function',
      array['public.fn_applied_migrations']
    )
) as m (role_names, privileges, object_kind, object_names);

comment on view stage1_internal.role_matrix_of_access is
'The part of the role matrix that decides about the tokens of the server.';
