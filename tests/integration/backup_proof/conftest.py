"""A backup that was taken once, copies of it to damage, and the server's databases before and after."""

import dataclasses
import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard
from psycopg import sql

from stage1 import settings as settings_module
from stage1.database import backup_folder, backup_manifest
from stage1.database.backup_folder import DUMP, Backup
from stage1.operations import backup as backup_operation
from stage1.operations import verify_backup
from stage1.settings import Settings
from tests.plugins.databases import Database, a_database

UPSERT = (
    "select public.upsert_stage1_dataset('aaaaaaaa-0000-4000-8000-00000000000{0}', 'slug-number-{0}', 'X', '1m', 's', 'o', 'i',"
    " 1, 1, null, null, null, null, '{{}}')"
)


@dataclass(frozen=True)
class Copy:
    """A backup that a test may damage, in a backup folder of its own."""

    name: str
    folder: Path

    @property
    def settings(self) -> Settings:
        """With which it is found."""
        return settings_module.load({"STAGE1_BACKUP_DIR": str(self.folder)}, Path("/"))

    @property
    def env(self) -> dict[str, str]:
        """With which a command finds it."""
        return {"STAGE1_BACKUP_DIR": str(self.folder)}

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.folder / self.name

    @property
    def backup(self) -> Backup:
        """As it is now."""
        return backup_folder.named(self.settings, self.name)

    def dump(self) -> bytes:
        """What pg_dump wrote."""
        return zstandard.ZstdDecompressor().decompressobj().decompress((self.path / DUMP).read_bytes())

    def put_dump(self, raw: bytes) -> None:
        """Puts another dump in its place, with a manifest that says it is the right one."""
        self.put(DUMP, zstandard.ZstdCompressor(write_checksum=True).compress(raw))

    def put(self, name: str, content: bytes) -> None:
        """Puts another file in its place, with a manifest that says it is the right one."""
        (self.path / name).write_bytes(content)
        sealed = backup_folder.FileSeal(name, len(content), hashlib.sha256(content).hexdigest())
        files = tuple(sealed if file.name == name else file for file in self.manifest.files)
        self.reseal(files=files)

    @property
    def manifest(self) -> backup_folder.Manifest:
        """What is written of it."""
        found = self.backup.manifest
        assert found
        return found

    def reseal(self, **changes: object) -> None:
        """Writes the manifest anew, as somebody would who knows how it is sealed."""
        changed = dataclasses.replace(self.manifest, **changes)  # type: ignore[arg-type]
        (self.path / backup_folder.MANIFEST).write_text(backup_manifest.text_of(changed))


def take(database: Database, folder: Path) -> str:
    """Takes a backup in this process."""
    settings = settings_module.load({"STAGE1_BACKUP_DIR": str(folder)}, Path("/"))
    return backup_operation.create(database.target, settings, lambda _: None).name


def verified(copy: Copy, database: Database) -> tuple[backup_folder.Verification, list[str]]:
    """Verifies it in this process; also what was said."""
    said: list[str] = []
    return verify_backup.verify(copy.backup, database.target, copy.settings, said.append), said


@pytest.fixture(scope="module")
def source(template: Database, server_url: str) -> Iterator[Database]:
    """A migrated database with some rows; nobody changes it."""
    with a_database(server_url, template.name) as database:
        for number in range(1, 4):
            database.rows(UPSERT.format(number))
        yield database


@pytest.fixture(scope="module")
def taken(source: Database, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """Its backup; nobody changes it either."""
    folder = tmp_path_factory.mktemp("taken")
    return Copy(take(source, folder), folder)


@pytest.fixture
def copy(taken: Copy, tmp_path: Path) -> Copy:
    """A copy of the backup."""
    shutil.copytree(taken.path, tmp_path / "copies" / taken.name)
    return Copy(taken.name, tmp_path / "copies")


@pytest.fixture
def scratches(server_url: str) -> Callable[[], list[str]]:
    """Lists the scratch databases of the test server."""
    server = Database(server_url, "postgres")
    scratch = r"select datname from pg_database where datname like 'stage1\_scratch\_%' order by 1"
    return lambda: [row["datname"] for row in server.rows(scratch)]


@pytest.fixture
def kept(database: Database, server_url: str) -> Iterator[Callable[..., list[str]]]:
    """Lists the databases that restores have kept of the test's own (`before`, `restored`); they are dropped at the end."""
    server = Database(server_url, "postgres")

    def names(what: str = "before") -> list[str]:
        mine = "select datname from pg_database where starts_with(datname, %s) order by 1"
        return [row["datname"] for row in server.rows(mine, f"{database.name}_{what}_")]

    yield names
    with server.connect() as connection:
        for name in [*names("before"), *names("restored")]:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
