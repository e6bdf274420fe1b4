"""The machine of the runbook's operator: an account's home and folders below a test's own, and servers that nobody misses.

Owns the translation between what the page says and where it is here: paths, ports, and the names of servers. Imports only the
pages and the plugins.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import Step
from tests.plugins.own_servers import OwnServer

_SECONDS = 60


@dataclass(frozen=True)
class Machine:
    """A home, the folders of a deployment, and the server of the page; another one where the page needs it."""

    folder: Path
    server: OwnServer
    other: OwnServer | None = None

    @property
    def home(self) -> Path:
        """What the page calls /srv/stage1."""
        return self.folder / "home"

    def prepare(self) -> None:
        """The folders that a block of the page makes as root, and the program: it answers with tables, as at a terminal."""
        for name in ("home", "backups", "etc", "metrics", "bin"):
            (self.folder / name).mkdir(mode=0o700)
        program = self.folder / "bin" / "stage1"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m stage1 --format table "$@"\n')
        program.chmod(0o755)
        if self.other:
            self._trust(self.other)

    def run(self, step: Step) -> tuple[int, str]:
        """Runs a command of the page; its exit code, and what it printed on both streams."""
        finished = subprocess.run(
            ["bash", "-c", self.here(step.command)],
            cwd=self.home,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return finished.returncode, "".join(f"{line.rstrip()}\n" for line in finished.stdout.splitlines())

    def here(self, text: str) -> str:
        """What the page says, as it is in this test."""
        places = {
            "/srv/stage1": self.home,
            "/var/backups/stage1": self.folder / "backups",
            "/var/lib/node_exporter": self.folder / "metrics",
            "/etc/stage1": self.folder / "etc",
            "127.0.0.1:5432": f"127.0.0.1:{self.server.port}",
        }
        if self.other:
            for name in ("spare.example", "new.example"):
                places[f"postgres@{name}"] = f"stage1@127.0.0.1:{self.other.port}"
        for shown, real in places.items():
            text = text.replace(shown, str(real))
        return text

    def _trust(self, server: OwnServer) -> None:
        # The page's administrator of another server logs in there by means of his own.
        passwords = self.home / ".pgpass"
        passwords.write_text(f"127.0.0.1:{server.port}:*:stage1:{server.password}\n")
        passwords.chmod(0o600)

    def _environment(self) -> dict[str, str]:
        place = self.server.embedded.conninfo()
        return {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.folder),
            "PAGER": "cat",
            "COLUMNS": "200",
            # The socket of the page's server, at which the account is known by its name.
            "PGHOST": place["host"],
            "PGPORT": place["port"],
            "PGUSER": place["user"],
        }
