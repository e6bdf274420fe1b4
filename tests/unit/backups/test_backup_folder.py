"""Is a damaged backup never taken for a good one, and anything else never for a backup?"""

import json
from datetime import timedelta

import pytest

from stage1 import clock
from stage1 import settings as settings_module
from stage1.database import backup_folder, backup_manifest
from stage1.database.backup_folder import DUMP, MANIFEST, VERIFIED
from stage1.errors import BackupDamaged, BackupNotFound, UsageRefused
from tests.unit.backups.made_backups import NOON, make, manifest


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backups"


@pytest.fixture
def settings(folder):
    return settings_module.load({"STAGE1_BACKUP_DIR": str(folder)})


def test_a_manifest_is_read_as_it_was_written():
    written = manifest("d-20260304T120000Z-0001", "d", NOON)
    assert backup_manifest.parsed(backup_manifest.text_of(written).encode()) == written


def test_a_flipped_bit_anywhere_in_a_manifest_is_found():
    raw = backup_manifest.text_of(manifest("d-20260304T120000Z-0001", "d", NOON)).encode()
    for place in range(len(raw)):
        flipped = raw[:place] + bytes([raw[place] ^ 1 << place % 8]) + raw[place + 1 :]
        with pytest.raises(BackupDamaged):
            backup_manifest.parsed(flipped)


def test_a_manifest_that_was_edited_as_a_whole_is_found_by_its_seal():
    text = backup_manifest.text_of(manifest("d-20260304T120000Z-0001", "d", NOON))
    with pytest.raises(BackupDamaged):
        backup_manifest.parsed(text.replace('"rows": 3', '"rows": 4').encode())


DAMAGES = {
    "no manifest": (lambda path: (path / MANIFEST).unlink(), "no manifest"),
    "empty": (lambda path: (path / MANIFEST).write_bytes(b""), "not as it was written"),
    "cut short": (lambda path: (path / MANIFEST).write_bytes((path / MANIFEST).read_bytes()[:-9]), "not as it was written"),
    "not JSON": (lambda path: (path / MANIFEST).write_bytes(b"\xff\x00"), "not as it was written"),
    "a list": (lambda path: (path / MANIFEST).write_bytes(b"[]"), "not as it was written"),
    "deep": (lambda path: (path / MANIFEST).write_bytes(b"[" * 100_000), "not as it was written"),
    "newer": (lambda path: (path / MANIFEST).write_text(json.dumps({"format": 2})), "of format 2"),
    "a folder": (lambda path: ((path / MANIFEST).unlink(), (path / MANIFEST).mkdir()), "cannot be read"),
    "of another": (lambda path: path.rename(path.with_name("e-20260304T120000Z-0001")), "is that of d-"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_backup_without_a_right_manifest_is_listed_and_never_good(folder, settings, damage):
    harm, said = DAMAGES[damage]
    harm(make(folder, verified=True))
    (found,) = backup_folder.found(settings)
    assert said in found.problem
    assert (found.manifest, found.is_verified) == (None, False)
    with pytest.raises(BackupDamaged, match="no good backup"):
        backup_folder.check_files(backup_folder.named(settings, found.name))


FILES = {
    "missing": (lambda path: (path / DUMP).unlink(), "is missing"),
    "shorter": (lambda path: (path / DUMP).write_bytes(b"dum"), "has 3 bytes, not 4"),
    "changed": (lambda path: (path / DUMP).write_bytes(b"dumb"), "sha256 differs"),
    "a link": (
        lambda path: ((path / DUMP).rename(path.parent / "x"), (path / DUMP).symlink_to(path.parent / "x")),
        "cannot be read",
    ),
    "extra": (lambda path: (path / "roles.sql").write_text("drop"), "roles.sql does not belong"),
}


@pytest.mark.parametrize("damage", FILES)
def test_a_file_that_is_not_what_was_written_is_named(folder, settings, damage):
    path = make(folder, verified=True)
    backup = backup_folder.named(settings, path.name)
    backup_folder.check_files(backup)
    harm, said = FILES[damage]
    harm(path)
    with pytest.raises(BackupDamaged, match=said):
        backup_folder.check_files(backup)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"ok": true}', '{"verified_at": 1, "findings": []}', '{"ok": "yes"}', "[" * 100_000]
)
def test_a_verification_that_cannot_be_read_is_none(folder, settings, text):
    path = make(folder, verified=True)
    assert backup_folder.found(settings)[0].is_verified
    (path / VERIFIED).write_text(text)
    (found,) = backup_folder.found(settings)
    assert (found.verification, found.is_verified) == (None, False)


@pytest.mark.parametrize(
    ("damage", "said"), [("missing", "is missing"), ("shorter", "has 3 bytes, not 4"), ("a link", "is no file")]
)
def test_a_verified_backup_whose_files_are_gone_is_not_good_any_more(folder, settings, damage, said):
    path = make(folder, verified=True)
    FILES[damage][0](path)
    (found,) = backup_folder.found(settings)
    assert said in found.problem
    assert not found.is_verified


@pytest.mark.parametrize(("ahead", "is_good"), [(timedelta(minutes=9), True), (timedelta(minutes=11), False)])
def test_a_backup_from_the_future_is_not_good(folder, settings, ahead, is_good, monkeypatch):
    make(folder, NOON + ahead, verified=True)
    make(folder, NOON, verified=True)
    monkeypatch.setattr(clock, "now", lambda: NOON)
    found = backup_folder.found(settings)
    assert (found[0].taken_at > NOON) is is_good
    assert {backup.taken_at: backup.is_verified for backup in found} == {NOON: True, NOON + ahead: is_good}


@pytest.mark.parametrize(
    ("kept", "asked", "database", "is_it"),
    [("1", "1", "d", True), ("1", "2", "d", False), ("1", None, "d", True), (None, "1", "d", True), ("1", "1", "e", False)],
)
def test_a_backup_is_of_a_database_of_a_cluster_as_far_as_it_is_known(folder, settings, kept, asked, database, is_it):
    make(folder, system_identifier=kept)
    (found,) = backup_folder.found(settings)
    assert found.is_of(asked, database) is is_it


@pytest.mark.parametrize("database", [".", "..", ".removed-x", ".x.", "a.b", "%2E", "-", "\u00fc"])
def test_the_name_of_a_backup_tells_the_database_and_is_never_hidden(folder, settings, database):
    path = make(folder, database=database)
    assert not path.name.startswith(".")
    assert path.parent == folder
    assert [backup.database for backup in backup_folder.found(settings)] == [database]


def test_a_verification_says_yes_by_true_alone(folder, settings):
    path = make(folder, verified=True)
    (path / VERIFIED).write_text((path / VERIFIED).read_text().replace("true", '"true"'))
    assert not backup_folder.found(settings)[0].is_verified


def test_what_is_not_named_like_a_backup_is_none(folder, settings):
    good = make(folder)
    for name in (
        "d-20260304T120000Z-0001.part",
        ".removed-d-20260304T120000Z-0001",
        "d-20269904T120000Z-0001",
        "d-20260304T120000Z",
        "-20260304T120000Z-0001",
        "other",
    ):
        (folder / name).mkdir()
    (folder / "d-20260304T120001Z-0001").write_text("a file")
    (folder / "d-20260304T120002Z-0001").symlink_to(good)
    (folder / "d-20260304T120000Z-0001.dump").write_text("of an older stage1")
    assert [backup.name for backup in backup_folder.found(settings)] == [good.name]


def test_the_newest_comes_first(folder, settings):
    for hours in (3, 1, 2):
        make(folder, NOON + timedelta(hours=hours), "ab"[hours % 2])
    last = make(folder, NOON + timedelta(hours=1), "c")
    for place in (2, 10):
        (last.with_name(f"{last.name}-{place}")).mkdir()
    names = [backup.name for backup in backup_folder.found(settings)]
    assert [name[2:11] + name[11:13] for name in names] == ["20260304T15", "20260304T14", *["20260304T13"] * 4]
    assert names[2:4] == [f"{last.name}-10", f"{last.name}-2"]


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("../x", UsageRefused, "a path"),
        ("/x", UsageRefused, "a path"),
        ("nothing", BackupNotFound, "There is: d-20260304T120000Z-0001."),
        ("d-20260304T120000Z-0001.part", BackupNotFound, "There is: d-20260304T120000Z-0001."),
        (".", BackupNotFound, "There is: d-20260304T120000Z-0001."),
    ],
)
def test_a_backup_that_is_not_there(folder, settings, name, kind, said):
    make(folder)
    (folder / "d-20260304T120000Z-0001.part").mkdir()
    with pytest.raises(kind) as refused:
        backup_folder.named(settings, name)
    assert said in str(refused.value)
