-- Gives a database another name.
select pg_catalog.format('alter database %%I rename to %%I', %(old_name)s::text, %(new_name)s::text) as statement;
