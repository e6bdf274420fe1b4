-- The statements with which a transaction begins that reads fingerprints: what a column's text looks like is decided here and
-- not by the role, the database or the server. They take no snapshot, so that locks can be taken between them and it.
select s.statement
from pg_catalog.unnest(array[
  'set local search_path = ''''',
  'set local timezone = ''UTC''',
  'set local datestyle = ''ISO, YMD''',
  'set local intervalstyle = ''postgres''',
  'set local extra_float_digits = 1',
  'set local bytea_output = ''hex''',
  'set local lc_monetary = ''C''',
  'set local xmlbinary = ''base64''',
  -- Rows that a policy hides must fail, as they do for pg_dump.
  'set local row_security = off',
  'set local jit = off',
  'set local statement_timeout = 0',
  'set local idle_in_transaction_session_timeout = 0',
  'set local lock_timeout = ' || pg_catalog.quote_literal(%(lock_timeout)s::text),
  'set local client_connection_check_interval = ''2s'''
] || case when pg_catalog.current_setting('server_version_num')::integer >= 170000
  then array['set local transaction_timeout = 0'] else '{}'::text[] end) with ordinality as s (statement, position)
order by s.position;
