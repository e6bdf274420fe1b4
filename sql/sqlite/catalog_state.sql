-- Whose file it is, in which form, and whether anything is in it.
select
  (select a.application_id from pragma_application_id as a) as application_id,
  (select u.user_version from pragma_user_version as u) as user_version,
  (select count(*) from sqlite_master) as object_count;
