"""Is the wheel a working tool without the checkout?"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from stage1 import __version__
from tests.plugins.databases import Database
from tests.repository.sources import ROOT, files

_IN_THE_WHEEL = ("tooling", "migrations", "sql", "README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of what is here now, built from a copy: nothing of the build stays in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "copy"
    for path in files("", ".py", ".sql", ".txt", ".md", ".toml", ".typed"):
        relative = path.relative_to(ROOT)
        if relative.parts[0] in _IN_THE_WHEEL:
            (copy / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy / relative)
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    [found] = folder.glob("*.whl")
    return found


def test_the_wheel_carries_the_sql_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith("LICENSE")]
    expected = {
        f"stage1/{path.relative_to(ROOT).as_posix()}"
        for folder in ("migrations", "sql")
        for path in files(".sql", ".txt", ".md", below=folder)
    }
    assert expected <= names, f"missing: {sorted(expected - names)}"
    assert all(name.startswith("stage1/") for name in names), sorted(name for name in names if not name.startswith("stage1/"))
    assert not [name for name in names if re.search(r"(^|/)tests?[/_.]|\.pyc$", name)]
    assert licences
    assert wheel.name == f"stage1-{__version__}-py3-none-any.whl"


@pytest.mark.timeout(180)
def test_the_installed_wheel_migrates_an_empty_database(wheel: Path, empty_database: Database, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    home = environment / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(home)
    # The dependencies are those of this environment, by a .pth that names their folders and not the editable install.
    folders = {
        str(Path(importlib.util.find_spec(name).origin).parents[1]) for name in ("click", "psycopg", "dotenv", "yoyo", "sqlparse")
    }
    (home / "dependencies.pth").write_text("".join(f"{folder}\n" for folder in sorted(folders)))
    run = {"cwd": tmp_path, "capture_output": True, "text": True, "env": {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}}

    where = subprocess.run([python, "-c", "import stage1; print(stage1.__file__)"], check=True, **run).stdout.strip()
    assert Path(where).is_relative_to(home), f"{where} is not the wheel's"

    program = [str(python), "-m", "stage1", "--database", empty_database.url]
    first = subprocess.run([*program, "migrate"], check=False, **run)
    assert first.returncode == 0, first.stderr
    again = subprocess.run([*program, "migrate"], check=False, **run)
    assert "nothing to do" in again.stderr
    well = subprocess.run([*program, "status"], check=False, **run)
    assert well.returncode == 0, well.stdout + well.stderr
    assert empty_database.value("select count(*) from stage1_internal.applied_migrations") == len(
        files(".sql", below="migrations")
    )
