"""The rules of migrations/: names, numbers, header lines, and the seal that nobody breaks unnoticed."""

from pathlib import Path

import pytest

from stage1.database import migration_files
from stage1.database.migration_files import check_seal, digest, read_folder, read_seal, seal
from stage1.errors import HistoryUnsealed, ObjectFileInvalid


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sealed migrations."""
    write(tmp_path, "0001_make_a", "create table a ();")
    write(tmp_path, "0002_make_b", "create table b ();")
    seal(tmp_path)
    return tmp_path


def write(folder: Path, name: str, text: str = "select 1;") -> None:
    (folder / f"{name}.sql").write_bytes(text.encode())


@pytest.mark.parametrize("name", ["1_a", "0001-a", "0001_A", "0001_", "a", "00001_a", "0001_a.rollback", "post-apply"])
def test_a_name_of_another_form_is_refused(tmp_path, name):
    write(tmp_path, name)
    with pytest.raises(ObjectFileInvalid, match="not named like"):
        read_folder(tmp_path)


def test_files_come_in_the_order_of_their_numbers(folder):
    assert [file.id for file in read_folder(folder)] == ["0001_make_a", "0002_make_b"]


@pytest.mark.parametrize("name", ["0004_late", "0002_twice"])
def test_a_gap_or_a_number_twice_is_refused(folder, name):
    write(folder, name)
    before = (folder / "checksums.txt").read_bytes()
    with pytest.raises(ObjectFileInvalid, match="was expected"):
        seal(folder)
    assert (folder / "checksums.txt").read_bytes() == before


def test_the_seal_holds_for_both_kinds_of_line_ends(folder):
    (folder / "0003_long.sql").write_bytes(b"select 1;\nselect 2;\n")
    seal(folder)
    (folder / "0003_long.sql").write_bytes(b"select 1;\r\nselect 2;\r\n")
    check_seal(folder)
    assert digest("a\r\nb") == digest("a\nb") != digest("a\n\nb")


def test_sealing_again_changes_nothing(folder):
    before = (folder / "checksums.txt").read_bytes()
    assert seal(folder) == []
    assert (folder / "checksums.txt").read_bytes() == before


def test_a_new_file_is_named_until_it_is_sealed(folder):
    write(folder, "0003_new")
    with pytest.raises(HistoryUnsealed) as refused:
        check_seal(folder)
    assert "0003_new.sql is not sealed" in refused.value.detail
    assert seal(folder) == ["0003_new"]
    check_seal(folder)


def test_a_changed_file_is_named_and_not_sealed_again(folder):
    write(folder, "0001_make_a", "create table a (x int);")
    with pytest.raises(HistoryUnsealed, match="0001_make_a") as refused:
        seal(folder)
    assert "AGAIN" in refused.value.hint
    with pytest.raises(HistoryUnsealed) as refused:
        check_seal(folder)
    assert "0001_make_a.sql was changed" in refused.value.detail


def test_a_deleted_file_is_named_and_not_forgotten(folder):
    (folder / "0002_make_b.sql").unlink()
    with pytest.raises(HistoryUnsealed, match="0002_make_b"):
        seal(folder)
    with pytest.raises(HistoryUnsealed) as refused:
        check_seal(folder)
    assert "its file is gone" in refused.value.detail


def test_what_was_never_released_is_sealed_anew_when_named(folder):
    write(folder, "0002_make_b", "create table b (x int);")
    assert seal(folder, again=frozenset({"0002_make_b"})) == ["0002_make_b"]
    check_seal(folder)


def test_a_renamed_file_that_was_never_released_is_sealed_when_its_old_name_is_given(folder):
    (folder / "0002_make_b.sql").rename(folder / "0002_make_c.sql")
    assert seal(folder, again=frozenset({"0002_make_b"})) == ["0002_make_c"]
    assert set(read_seal(folder)) == {"0001_make_a", "0002_make_c"}


def test_without_a_seal_nothing_is_sealed(folder):
    (folder / "checksums.txt").unlink()
    with pytest.raises(HistoryUnsealed, match=r"migrations/checksums\.txt"):
        check_seal(folder)


def test_a_damaged_seal_is_said_and_no_bug(folder):
    (folder / "checksums.txt").write_text("<<<<<<< HEAD\nnot a checksum line at all\n")
    with pytest.raises(HistoryUnsealed, match=r"checksums\.txt"):
        check_seal(folder)


def test_header_lines(tmp_path):
    write(tmp_path, "0001_a", "-- What.\n-- drops: v1 f1\n-- drops: v2\n-- transactional: false\nselect 1;\n")
    write(tmp_path, "0002_b", "select '-- drops: x';\n")
    first, second = read_folder(tmp_path)
    assert (first.drops, first.transactional) == (("v1", "f1", "v2"), False)
    assert (second.drops, second.transactional) == ((), True)


@pytest.mark.parametrize("statement", ["commit;", "  COMMIT ;", "begin;", "rollback;", "start transaction;"])
def test_a_transactional_file_does_not_end_its_own_transaction(tmp_path, statement):
    write(tmp_path, "0001_a", f"create table a ();\n{statement}\ncreate table b ();\n")
    with pytest.raises(ObjectFileInvalid, match="one transaction"):
        seal(tmp_path)


def test_the_begin_and_end_of_a_function_are_none_of_that(tmp_path):
    write(tmp_path, "0001_a", "do $$\nbegin\n  null;\nend;\n$$;\n")
    assert seal(tmp_path) == ["0001_a"]


def test_a_file_that_is_not_utf_8_is_said(tmp_path):
    (tmp_path / "0001_a.sql").write_bytes(b"select '\xff';")
    with pytest.raises(ObjectFileInvalid, match="UTF-8"):
        read_folder(tmp_path)


def test_the_projects_own_migrations_are_sealed():
    from stage1 import resources

    check_seal(resources.migrations_folder())
    assert migration_files.read_folder(resources.migrations_folder())[0].number == 1
