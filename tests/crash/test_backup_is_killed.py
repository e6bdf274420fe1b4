"""`kill -9` while a backup is made or removed: what has a backup's name is a whole backup, and the next run clears the rest."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from stage1 import resources
from stage1 import settings as settings_module
from stage1.database import backup_folder
from tests.integration.backups.dumped import contents, entries, restore
from tests.unit.backups.made_backups import NOON, make

PACKAGE = Path(resources.__file__).parent
FILES = [PACKAGE / "operations" / "backup.py", PACKAGE / "operations" / "prune_backups.py"]
POINTS = sorted(point for path in FILES for point in re.findall(r'faults\.reach\("([^"]+)"\)', path.read_text()))


def test_every_point_of_the_source_is_found():
    assert len(POINTS) == sum(path.read_text().count("faults.reach(") for path in FILES) >= 4


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("backup:")])
def test_a_backup_that_was_killed_is_whole_or_has_no_name(point, database, new_database, run_cli, tmp_path):
    folder = tmp_path / "backups"
    killed = run_cli("backup", "create", database=database, env={"STAGE1_KILL_AT": point})
    assert killed.exit_code == -9, killed.stderr
    (left,) = entries(folder)
    whole = not left.endswith(".part")
    assert [row["name"] for row in run_cli("backup", "list").json] == ([left] if whole else [])
    made = run_cli("backup", "create", database=database)
    assert made.exit_code == 0, made.stderr
    names = [made.json["name"], *([left] if whole else [])]
    assert entries(folder) == sorted(names)
    for name in names:
        found = backup_folder.named(settings_module.load({"STAGE1_BACKUP_DIR": str(folder)}), name)
        backup_folder.check_files(found)
        restored = new_database()
        restore(found.path, restored)
        assert contents(restored) == found.manifest.tables


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("prune:")])
def test_a_removal_that_was_killed_leaves_no_half_backup(point, run_cli, tmp_path):
    folder = tmp_path / "backups"
    kept, *gone = [make(folder, NOON - timedelta(days=day), verified=True) for day in range(3)]
    killed = run_cli("backup", "prune", "--keep-last", "1", env={"STAGE1_KILL_AT": point})
    assert killed.exit_code == -9, killed.stderr
    assert entries(folder) == sorted([f".removed-{gone[0].name}", gone[1].name, kept.name])
    settings = settings_module.load({"STAGE1_BACKUP_DIR": str(folder)})
    for backup in backup_folder.found(settings):
        backup_folder.check_files(backup)
    assert run_cli("backup", "prune", "--keep-last", "1").exit_code == 0
    assert entries(folder) == [kept.name]
