-- Makes what is staged ready to be compared, and refuses what is no example; returns the number of staged rows.
-- The unique index and the statistics are what keeps the comparison from being planned as rows times rows.
-- p_examples, where given, is staged first: a small array from psql, whose texts must be canonical.
-- Locks: none but on the temporary table.
-- Security definer: it is called with the owner's rights, and finds no types that the caller made.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1E03 source id repeated, S1E04 hash mismatch, S1E10 content refused.
-- depends: stage_examples
create or replace function stage1_internal.check_staged_examples(
  p_examples json
)
  returns bigint
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_count bigint;
  v_bad text;
begin
  if p_examples is not null then
    if json_typeof(p_examples) <> 'array' then
      raise exception using errcode = 'S1A02',
        message = format('p_examples was a JSON %s; an array of examples was expected.', json_typeof(p_examples)),
        hint = 'Pass an array such as [{"source_id": "a", "input": {"question": "?"}}].';
    end if;
    perform stage1_internal.stage_examples();
    begin
      insert into pg_temp.staged_examples (source_id, input, output, metadata, content_hash)
      select coalesce(e.example ->> 'source_id', ''), e.example -> 'input', e.example -> 'output', e.example -> 'metadata',
        decode(e.example ->> 'content_hash', 'hex')
      from json_array_elements(p_examples) as e (example);
    exception
      when invalid_parameter_value then
        raise exception using errcode = 'S1E10',
          message = 'p_examples has an element that is no object, or a content_hash that is not hexadecimal.',
          hint = 'Pass an array such as [{"source_id": "a", "input": {"question": "?"}}].';
      when untranslatable_character or invalid_text_representation then
        raise exception using errcode = 'S1E10',
          message = 'p_examples has an escape that PostgreSQL has no character for: \u0000, or one half of a surrogate pair.',
          hint = 'Leave it out; no example may hold it.';
    end;
  end if;
  -- A table of this name that the caller made could hold triggers, which would run with the owner's rights.
  if not exists (
    select 1 from pg_catalog.pg_class as c
    where c.oid = to_regclass('pg_temp.staged_examples') and c.relkind = 'r' and pg_catalog.pg_get_userbyid(c.relowner) = current_user
  ) then
    raise exception using errcode = 'S1A01',
      message = 'p_examples was null, and no examples are staged in this transaction.',
      hint = 'Pass an array of examples, or call stage1_internal.stage_examples() and COPY them into pg_temp.staged_examples first.';
  end if;
  -- The owner's table has no index but this one, whose name is chosen anew: the caller may have taken any.
  if not exists (select 1 from pg_catalog.pg_index as i where i.indrelid = to_regclass('pg_temp.staged_examples')) then
    begin
      create unique index on pg_temp.staged_examples (source_id);
    exception
      when unique_violation then
        select string_agg(quote_literal(left(r.source_id, 100)), ', ' order by r.source_id) into v_bad
        from (
          select s.source_id from pg_temp.staged_examples as s group by s.source_id having count(*) > 1 order by s.source_id limit 3
        ) as r;
        raise exception using errcode = 'S1E03',
          message = format('source_id is given more than once: %s.', v_bad),
          hint = 'Each example has a source_id of its own; leave out those that repeat.';
    end;
  end if;
  analyze pg_temp.staged_examples;

  select format('source_id %L: %s.', left(r.source_id, 100), r.reason) into v_bad
  from (
    select s.source_id, case
      when octet_length(s.source_id) not between 1 and 1024 then 'it is 1 to 1024 bytes long'
      when octet_length(s.content_hash) <> 32 then 'its content_hash is no sha256, which has 64 hexadecimal digits'
      when s.input is null and s.content_hash is null then 'it has no input, and no content_hash either'
      when s.input is null and (s.output is not null or s.metadata is not null) then 'it has no input, but an output or metadata'
      when json_typeof(s.input) <> 'object' then 'its input is no object'
      when json_typeof(s.output) <> 'object' then 'its output is no object'
      when json_typeof(s.metadata) <> 'object' then 'its metadata is no object'
    end as reason
    from pg_temp.staged_examples as s
  ) as r
  where r.reason is not null
  limit 1;
  if found then
    raise exception using errcode = 'S1E10', message = v_bad,
      hint = 'An example is {"source_id": text, "input": object}, and where wanted "output" and "metadata", objects, and "content_hash".';
  end if;

  select format('content_hash of source_id %L was %s; its content has %s.', left(r.source_id, 100), encode(r.given, 'hex'),
    encode(r.hash, 'hex')) into v_bad
  from (
    select s.source_id, s.content_hash as given,
      stage1_internal.content_hash_v1(s.input, coalesce(s.output, '{}'), coalesce(s.metadata, '{}')) as hash
    from pg_temp.staged_examples as s
    where s.content_hash is not null and s.input is not null
  ) as r
  where r.hash <> r.given
  limit 1;
  if found then
    raise exception using errcode = 'S1E04', message = v_bad,
      hint = 'Hash the canonical JSON (RFC 8785) of {"input", "metadata", "output"} by sha256, or send no content_hash.';
  end if;

  update pg_temp.staged_examples as s
  set output = coalesce(s.output, '{}'), metadata = coalesce(s.metadata, '{}'), content_hash = coalesce(
    s.content_hash, stage1_internal.content_hash_v1(s.input, coalesce(s.output, '{}'), coalesce(s.metadata, '{}')))
  where s.input is not null and (s.output is null or s.metadata is null or s.content_hash is null);
  select count(*) into v_count from pg_temp.staged_examples as s;
  return v_count;
end;
$function$;

comment on function stage1_internal.check_staged_examples(json) is
'Makes what is staged ready to be compared, refuses what is no example, and returns how many rows there are.';
