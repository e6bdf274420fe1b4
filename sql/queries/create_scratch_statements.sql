-- The ways to create the scratch database of the given name, the best first: with the locale that the backup's database had,
-- else with one that compares by code points. A server need not know the locale of another. And what a role needs to do it.
with wish as (
  select
    %(name)s::text as database_name, %(encoding)s::text as encoding, %(provider)s::text as provider,
    %(collate)s::text as lc_collate, %(ctype)s::text as lc_ctype, %(locale)s::text as locale, %(icu_rules)s::text as icu_rules,
    coalesce(' tablespace ' || pg_catalog.quote_ident(nullif(%(tablespace)s::text, '')), '') as place
)
select
  v.locale_name,
  pg_catalog.format('alter role %%I createdb', current_user)
    || coalesce('; grant create on' || nullif(w.place, '') || pg_catalog.format(' to %%I', current_user), '') as remedy,
  pg_catalog.format('create database %%I template template0 encoding %%L %%s%%s', w.database_name, w.encoding, v.options, w.place)
    as statement
from wish as w
cross join lateral (
  values
  (1, pg_catalog.concat_ws('/', w.lc_collate, nullif(w.locale, '')), pg_catalog.format(
    'locale_provider %%s lc_collate %%L lc_ctype %%L%%s',
    case w.provider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end, w.lc_collate, w.lc_ctype,
    case w.provider
      when 'i' then pg_catalog.format(' icu_locale %%L', w.locale)
        || case when w.icu_rules <> '' then pg_catalog.format(' icu_rules %%L', w.icu_rules) else '' end
      when 'b' then pg_catalog.format(' builtin_locale %%L', w.locale)
      else ''
    end
  )),
  (2, 'C.UTF-8', 'locale_provider libc lc_collate ''C.UTF-8'' lc_ctype ''C.UTF-8'''),
  (3, 'C', 'locale_provider libc lc_collate ''C'' lc_ctype ''C''')
) as v (place, locale_name, options)
order by v.place;
