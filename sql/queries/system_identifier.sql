-- Which cluster the server runs: a number that no other has, and that a copy of its files and a standby share with it.
select s.system_identifier::text as system_identifier from pg_catalog.pg_control_system() as s;
