-- Makes the yearly partitions of market_bars_ohlcv_1m that bars between two times need; returns how many it made.
-- A partition is made alone and attached: loads and readers of the table go on, and it does not wait for them, as
-- `partition of` would. To be called in a short transaction of its own, before a load: a second session that needs a
-- new year waits for the end of this transaction. Nothing is locked where every year is there.
-- Locks: share update exclusive on the parent table, to the end of the transaction.
-- Security definer: only the owner may attach partitions, and a partition is the owner's alone.
-- Raises: S1A01 argument missing, S1A02 argument invalid, S1A03 span inverted, S1I09 where the table of a year was detached.
create or replace function stage1_internal.ensure_bar_partitions(
  p_first_ts timestamptz,
  p_last_ts timestamptz
)
  returns integer
  language plpgsql
  security definer
  set search_path = pg_catalog, pg_temp
as $function$
declare
  v_parent constant oid := 'public.market_bars_ohlcv_1m'::regclass;
  v_first integer := case when isfinite(p_first_ts) then extract(year from p_first_ts at time zone 'UTC') end;
  v_last integer := case when isfinite(p_last_ts) then extract(year from p_last_ts at time zone 'UTC') end;
  v_missing integer[];
  v_year integer;
  v_name text;
  v_bounds text;
  v_strangers text;
begin
  if p_first_ts is null or p_last_ts is null then
    raise exception using errcode = 'S1A01',
      message = format('%s was null; a time was expected.', case when p_first_ts is null then 'p_first_ts' else 'p_last_ts' end),
      hint = 'Pass the times of the first and the last bar.';
  end if;
  if p_last_ts < p_first_ts then
    raise exception using errcode = 'S1A03',
      message = format('p_last_ts was %s, before p_first_ts, %s.', p_last_ts, p_first_ts),
      hint = 'Pass the times of the first and the last bar, in this order.';
  end if;
  if v_first is null or v_last is null or v_first < 1970 or v_last > 2261 then
    raise exception using errcode = 'S1A02',
      message = format('The bars are from %s to %s; the years 1970 to 2261 (UTC) are kept.', p_first_ts, p_last_ts),
      hint = 'Times of a DBN file are nanoseconds since 1970; look at the file''s first and last record.';
  end if;

  for v_attempt in 1 .. 2 loop
    v_missing := array(
      select y.year
      from generate_series(v_first, v_last) as y (year)
      where not exists (
        select 1
        from pg_catalog.pg_inherits as i
        inner join pg_catalog.pg_class as c on c.oid = i.inhrelid
        where i.inhparent = v_parent and c.relname = format('market_bars_ohlcv_1m_%s', y.year)
      )
      order by y.year
    );
    if cardinality(v_missing) = 0 then
      return 0;
    end if;
    exit when v_attempt = 2;
    lock table public.market_bars_ohlcv_1m in share update exclusive mode;
  end loop;

  foreach v_year in array v_missing loop
    v_name := format('stage1_internal.market_bars_ohlcv_1m_%s', v_year);
    v_bounds := format('for values from (''%s-01-01 00:00:00+00'') to (''%s-01-01 00:00:00+00'')', v_year, v_year + 1);
    if to_regclass(v_name) is not null then
      raise exception using errcode = 'S1I09',
        message = format('%s exists and is no partition of the bars: it was detached, or made by somebody else.', v_name),
        detail = format('Bars of %s cannot be stored meanwhile; no partition was made.', v_year),
        hint = format('Attach it again: alter table public.market_bars_ohlcv_1m attach partition %s %s; or move it away: '
          || 'alter table %s rename to detached_bars_%s;', v_name, v_bounds, v_name, v_year);
    end if;
    execute format('create table %s (like public.market_bars_ohlcv_1m including all)', v_name);
    execute format('comment on table %s is %L', v_name, format('The bars of %s (UTC); read and written through the parent.', v_year));
    -- Default privileges of the owner may give others rights to a new table; they would pass the parent by.
    select string_agg(distinct case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, ', ')
      into v_strangers
    from pg_catalog.pg_class as c
    cross join lateral aclexplode(c.relacl) as a
    where c.oid = v_name::regclass and a.grantee <> c.relowner;
    if v_strangers is not null then
      execute format('revoke all on table %s from %s', v_name, v_strangers);
    end if;
    execute format('alter table public.market_bars_ohlcv_1m attach partition %s %s', v_name, v_bounds);
  end loop;
  return cardinality(v_missing);
end;
$function$;

comment on function stage1_internal.ensure_bar_partitions(timestamptz, timestamptz) is
'Makes the yearly partitions of the bars that lie between two times, and returns how many it made.';
