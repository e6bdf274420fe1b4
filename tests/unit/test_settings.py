"""Settings: environment, then `.env`, then the default; what cannot be read is refused, never passed over."""

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from stage1 import settings
from stage1.errors import ExitCode, FileUnusable, UsageRefused

SOMEBODY_ELSE = 65534 if os.geteuid() != 65534 else 65533


def load(tmp_path: Path, text: str | None = None, **environment: str):
    if text is not None:
        (tmp_path / ".env").write_text(text, encoding="utf-8")
    return settings.load(environment, tmp_path)


def test_defaults(tmp_path):
    found = load(tmp_path)
    assert found.text("STAGE1_BACKUP_DIR") == "backups"
    assert found.seconds("STAGE1_LOCK_TIMEOUT") == 5


def test_env_file_comes_before_the_default_and_environment_before_both(tmp_path):
    text = "STAGE1_BACKUP_DIR=from-file\nSTAGE1_SPOOL=from-file\n"
    found = load(tmp_path, text, STAGE1_BACKUP_DIR="from-environment")
    assert found.text("STAGE1_BACKUP_DIR") == "from-environment"
    assert found.text("STAGE1_SPOOL") == "from-file"


def test_an_empty_variable_counts_as_none(tmp_path):
    assert load(tmp_path, "STAGE1_SPOOL=from-file\n", STAGE1_SPOOL="").text("STAGE1_SPOOL") == "from-file"


def test_the_nearest_env_file_upwards_counts(tmp_path):
    (tmp_path / ".env").write_text("STAGE1_SPOOL=above\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert settings.load({}, inner).text("STAGE1_SPOOL") == "above"
    (inner / ".env").write_text("STAGE1_BACKUP_DIR=x\n")
    assert settings.load({}, inner).text("STAGE1_SPOOL") == "spool"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("export STAGE1_SPOOL=a", "a"),
        ("STAGE1_SPOOL='a b'", "a b"),
        ('STAGE1_SPOOL="a b" # comment', "a b"),
        ("STAGE1_SPOOL = a", "a"),
        ("STAGE1_SPOOL=a#b", "a#b"),
        ("STAGE1_SPOOL='$HOME/${X}'", "$HOME/${X}"),
        ("STAGE1_SPOOL=a\r", "a"),
        ("\ufeffSTAGE1_SPOOL=a", "a"),
    ],
)
def test_how_a_line_may_be_written(tmp_path, line, value):
    assert load(tmp_path, line + "\n").text("STAGE1_SPOOL") == value


def test_a_broken_line_that_names_a_setting_is_refused_without_showing_it(tmp_path):
    with pytest.raises(UsageRefused) as refused:
        load(tmp_path, 'X=1\nDATABASE_URL="postgresql://u:hunter22@h/db\n')
    found = refused.value
    assert "line 2" in str(found)
    assert "DATABASE_URL" in str(found)
    assert "hunter22" not in str(found)


def test_a_broken_line_of_another_program_is_nobodys_business(tmp_path):
    assert load(tmp_path, "if [ -f x ]; then\nSTAGE1_SPOOL=a\n").text("STAGE1_SPOOL") == "a"


def test_other_names_of_the_file_are_not_taken(tmp_path):
    assert "PATH" not in load(tmp_path, "PATH=/evil\n").values


def test_a_file_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / ".env").write_bytes(b"STAGE1_SPOOL=\xff\n")
    with pytest.raises(UsageRefused) as refused:
        load(tmp_path)
    found = refused.value
    assert "not UTF-8" in str(found)
    assert found.exit_code is ExitCode.USAGE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_refused(tmp_path):
    (tmp_path / ".env").write_text("STAGE1_SPOOL=a\n")
    (tmp_path / ".env").chmod(0)
    with pytest.raises(UsageRefused) as refused:
        load(tmp_path)
    assert "cannot be read" in str(refused.value)


def test_an_unreadable_file_is_refused_also_for_root(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("STAGE1_SPOOL=a\n")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UsageRefused) as refused:
        load(tmp_path)
    assert "Permission denied" in str(refused.value)


# --- a .env that somebody else may have written ------------------------------------------------------------


def see(
    monkeypatch, uid: int = os.geteuid(), gid: int = os.getegid(), mode: int = 0o600, names: tuple[str, ...] = ("stat", "lstat")
):
    """Every `.env` is seen with this owner, group and mode: a test cannot give a file away."""
    for name in names:
        real = getattr(Path, name)

        def told(path, *, real=real, **named):
            found = list(real(path, **named))
            if path.name == ".env":
                found[stat.ST_MODE] = stat.S_IFREG | mode
                found[stat.ST_UID], found[stat.ST_GID] = uid, gid
            return os.stat_result(found)

        monkeypatch.setattr(Path, name, told)


def env_files(tmp_path: Path) -> Path:
    """A folder with a `.env`, below another one."""
    inner = tmp_path / "victim"
    inner.mkdir()
    (tmp_path / ".env").write_text("STAGE1_SPOOL=above\n")
    (inner / ".env").write_text("PG_BINDIR=/evil\n")
    return inner


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"uid": SOMEBODY_ELSE}, "belongs to"),
        ({"uid": SOMEBODY_ELSE, "names": ("lstat",)}, "belongs to"),
        ({"uid": 4_000_000_000}, "belongs to user 4000000000"),
        ({"mode": 0o602}, "everybody may write it"),
        ({"mode": 0o620, "gid": 4_000_000_000}, "its group may write it"),
        ({"uid": 0, "mode": 0o646}, "everybody may write it"),
    ],
)
def test_a_file_that_somebody_else_may_have_written_is_passed_over(tmp_path, monkeypatch, seen, reason):
    inner = env_files(tmp_path)
    see(monkeypatch, **seen)
    found = settings.load({}, inner)
    assert found.text("PG_BINDIR") == ""
    assert found.text("STAGE1_SPOOL") == "spool"  # nor is one further up taken instead
    assert found.env_file is None
    [note] = found.notes
    assert str(inner / ".env") in note
    assert reason in note


def test_a_file_that_is_exchanged_after_it_was_looked_at_is_refused(tmp_path, monkeypatch):
    inner = env_files(tmp_path)
    (inner / ".env").chmod(0o666)
    see(monkeypatch)
    with pytest.raises(UsageRefused, match="exchanged while it was read"):
        settings.load({}, inner)


def test_a_link_of_ones_own_is_followed(tmp_path):
    inner = env_files(tmp_path)
    (inner / ".env").rename(inner / "real")
    (inner / ".env").symlink_to("real")
    assert settings.load({}, inner).text("PG_BINDIR") == "/evil"


@pytest.mark.parametrize("seen", [{}, {"uid": 0}, {"mode": 0o644}])
def test_a_file_of_ones_own_or_of_root_is_followed(tmp_path, monkeypatch, seen):
    inner = env_files(tmp_path)
    see(monkeypatch, **seen)
    found = settings.load({}, inner)
    assert found.text("PG_BINDIR") == "/evil"
    assert found.notes == ()


@pytest.mark.parametrize(("members", "followed"), [([], True), (["me"], True), (["me", "you"], False)])
def test_a_group_of_ones_own_is_oneself(tmp_path, monkeypatch, members, followed):
    inner = env_files(tmp_path)
    see(monkeypatch, mode=0o664)
    monkeypatch.setattr(settings.pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="me"))
    monkeypatch.setattr(settings.grp, "getgrgid", lambda _: SimpleNamespace(gr_name="me", gr_mem=members))
    assert (settings.load({}, inner).env_file is not None) is followed


@pytest.mark.parametrize("value", ["five", "-1", "nan", "inf", "1e12", "5s", "2147484"])
def test_a_bad_number_is_refused_by_name(tmp_path, value):
    found = load(tmp_path, STAGE1_LOCK_TIMEOUT=value)
    with pytest.raises(UsageRefused) as refused:
        found.seconds("STAGE1_LOCK_TIMEOUT")
    message = str(refused.value)
    assert "STAGE1_LOCK_TIMEOUT" in message
    assert value in message


def test_a_small_timeout_never_becomes_no_timeout(tmp_path):
    found = load(tmp_path, STAGE1_LOCK_TIMEOUT="0.0001", STAGE1_CONNECT_TIMEOUT="0.2")
    assert found.milliseconds("STAGE1_LOCK_TIMEOUT") == 1
    assert found.count("STAGE1_CONNECT_TIMEOUT") == 1


def test_the_database_url_is_a_secret(tmp_path):
    assert load(tmp_path, DATABASE_URL="postgresql://u:p@h/d").secrets() == ("postgresql://u:p@h/d",)


def test_a_working_directory_that_is_gone_is_said(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(FileUnusable, match="does not exist"):
        settings.load({})


def test_every_setting_has_a_help_text():
    assert all(setting.help.strip().endswith(".") for setting in settings.SETTINGS)
