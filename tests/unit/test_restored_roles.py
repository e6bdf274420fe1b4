"""What of a roles.sql is run, and which roles a dump's script names."""

import pytest
import zstandard

from stage1.database import restored_roles, restoring

FILE = '''
--
CREATE ROLE "Odd ""Name""";
ALTER ROLE "Odd ""Name""" WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 4;
CREATE ROLE boss;
ALTER ROLE boss WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;
CREATE ROLE owner;
ALTER ROLE owner WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS VALID UNTIL 'infinity';
CREATE ROLE alice;
ALTER ROLE alice WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS;
ALTER ROLE alice SET search_path TO 'x';
GRANT owner TO "Odd ""Name""" WITH ADMIN OPTION, INHERIT TRUE, SET FALSE GRANTED BY boss;
GRANT owner TO alice GRANTED BY boss;
GRANT pg_read_all_data TO owner GRANTED BY boss;
'''


def test_only_what_is_wanted_is_made_and_only_what_is_new_is_changed():
    found = restored_roles.plan(FILE, {"owner", 'Odd "Name"', "boss", "nobody"}, {"present"})
    assert found.made == ('Odd "Name"', "owner")
    assert found.logins == ('Odd "Name"',)
    assert found.superusers == ("boss",)
    assert found.unknown == ("nobody",)
    assert found.left_out == ("GRANT pg_read_all_data TO owner;",)
    assert found.statements == (
        'CREATE ROLE "Odd ""Name""";',
        "CREATE ROLE owner;",
        'ALTER ROLE "Odd ""Name""" WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS'
        " CONNECTION LIMIT 4;",
        "ALTER ROLE owner WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS"
        " VALID UNTIL 'infinity';",
        'GRANT owner TO "Odd ""Name""" WITH ADMIN OPTION, INHERIT TRUE, SET FALSE;',
    )


def test_a_member_that_exists_gets_the_new_role_and_nothing_is_done_between_two_old_ones():
    assert "GRANT owner TO alice;" in restored_roles.plan(FILE, {"owner"}, {"alice"}).statements
    assert restored_roles.plan(FILE, set(), {"alice", "owner"}).statements == ()


def test_what_of_a_made_role_is_not_made_is_known():
    found = restored_roles.plan(FILE, {"owner"}, set())
    assert found.members == ('Odd "Name"', "alice")
    assert found.settings == ()
    found = restored_roles.plan(FILE, {"alice"}, set())
    assert found.left_out == ("GRANT owner TO alice;",)
    assert found.settings == ("alice (search_path)",)


@pytest.mark.parametrize(
    "line",
    [
        "ALTER ROLE x WITH LOGIN PASSWORD 'p';",
        "ALTER ROLE x WITH NOSUPERUSER; DROP ROLE y;",
        "ALTER ROLE x WITH VALID UNTIL 'a' || 'b';",
        "ALTER ROLE x WITH VALID UNTIL 'a\\'; DROP ROLE y;';",
        "CREATE ROLE x SUPERUSER;",
        "CREATE ROLE x; DROP ROLE y;",
        "CREATE ROLE X;",
        "GRANT x TO y; DROP ROLE z;",
        "GRANT ALL ON DATABASE d TO x;",
        "/* */ CREATE ROLE x;",
    ],
)
def test_a_line_of_another_form_is_not_understood(line):
    usual = "CREATE ROLE x;\nALTER ROLE x WITH NOSUPERUSER NOLOGIN;\n"
    assert restored_roles.plan(line, {"x"}, {"y"}).statements == ()
    assert restored_roles.plan(usual + line, {"x"}, {"y"}).statements == tuple(usual.splitlines())


SCRIPT = '''\
-- Name: f(integer, text); Type: FUNCTION; Schema: public; Owner: Odd Owner
--

CREATE FUNCTION public.f() AS $$
GRANT SELECT ON t TO not_a_role;
$$;

-- Name: t; Type: TABLE; Schema: public; Owner: owner; Tablespace: fast
-- Name: EXTENSION x; Type: COMMENT; Schema: -; Owner: -
-- Name: TABLE t; Type: ACL; Schema: public; Owner: owner

REVOKE ALL ON TABLE public.t FROM PUBLIC;
GRANT SELECT,INSERT ON TABLE public.t TO alice;
GRANT ALL ON TABLE public.t TO "Odd ""Name""" WITH GRANT OPTION;
SET SESSION AUTHORIZATION grantor;
RESET SESSION AUTHORIZATION;
-- Name: DEFAULT PRIVILEGES FOR TABLES; Type: DEFAULT ACL; Schema: -; Owner: maker

ALTER DEFAULT PRIVILEGES FOR ROLE maker IN SCHEMA public GRANT SELECT ON TABLES TO reader;
-- Name: t p; Type: POLICY; Schema: public; Owner: owner

CREATE POLICY p ON public.t FOR SELECT TO weak, "Odd" USING (true);
-- Name: USER MAPPING mapped SERVER s; Type: USER MAPPING; Schema: -; Owner: owner

CREATE USER MAPPING FOR mapped SERVER s OPTIONS (
-- Name: news; Type: SUBSCRIPTION; Schema: -; Owner: subscriber
'''


def test_what_a_dump_needs_is_read_of_its_script(tmp_path):
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ncat > /dev/null\ncat <<'END'\n{SCRIPT}END\n")
    script.chmod(0o755)
    (tmp_path / "dump").write_bytes(zstandard.ZstdCompressor().compress(b"x"))
    found = restoring.needs_of(script, tmp_path / "dump")
    assert found.roles == {"Odd Owner", "owner", "alice", 'Odd "Name"', "grantor", "maker", "reader", "weak", "Odd", "mapped"}
    assert found.bound == {"weak", "Odd", "mapped"}
    assert found.subscriptions == ("news",)
    assert found.tablespaces == {"fast"}
