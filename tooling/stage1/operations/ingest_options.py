"""What a load of a file is asked to do.

Owns which wishes make sense, and which of them decide what is loaded. May import adapters; refuses with UsageRefused what
cannot be meant, before any file is opened.
"""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stage1.adapters.databento import batch_folder
from stage1.adapters.databento.whole_file import sha256_of
from stage1.errors import CountMismatch, UsageRefused

_MOST_BYTES_OF_A_NAME = 255


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What a load is asked to do; refuses what cannot be meant."""

    symbol: str | None = None
    dataset: str | None = None
    limit: int | None = None
    expect_records: int | None = None
    symbology: Path | None = None
    publisher: int | None = None
    on_bad_rows: str = "fail"
    replace_origin: bool = False

    def __post_init__(self) -> None:
        for option, name in (("--symbol", self.symbol), ("--dataset", self.dataset)):
            if name is not None and (not name or name != name.strip() or not name.isprintable()):
                raise UsageRefused(
                    f"{option} {name!r} is no name.", hint="Give letters, digits or signs, without blanks around them."
                )
            if name is not None and len(name.encode()) > _MOST_BYTES_OF_A_NAME:
                raise UsageRefused(
                    f"{option} has {len(name.encode())} bytes.", hint=f"Give a name of at most {_MOST_BYTES_OF_A_NAME} bytes."
                )
        ranges = (("--limit", self.limit, 1, 2**63), ("--expect-records", self.expect_records, 0, 2**63))
        for option, number, least, until in (*ranges, ("--publisher", self.publisher, 0, 2**16)):
            if number is not None and not least <= number < until:
                raise UsageRefused(f"{option} is {number}.", hint=f"Give a number from {least} to {until - 1}.")
        if self.on_bad_rows not in ("fail", "quarantine"):
            raise UsageRefused(f"--on-bad-rows is {self.on_bad_rows!r}.", hint="Give fail or quarantine.")

    def recorded(self, path: Path) -> dict[str, Any]:
        """What of these decides, for the same bytes, which bars are loaded: two loads that agree in it are the same."""
        try:
            symbology = self.symbology_of(path)
        except CountMismatch:
            symbology = None  # the manifest is broken; the proof refuses it
        return {
            "symbol": self.symbol,
            "dataset": self.dataset,
            "publisher": self.publisher,
            "on_bad_rows": self.on_bad_rows,
            "limit": self.limit,
            "symbology_sha256": None if symbology is None else sha256_of(symbology)[0],
        }

    def symbology_of(self, path: Path) -> Path | None:
        """The symbology.json that names the file's symbols; with --symbol none does."""
        if self.symbol is not None:
            return None
        return self.symbology or batch_folder.announced(path).symbology

    def command(self, path: Path, **changes: Any) -> str:
        """The command that loads the file with these options, some of them changed: to be pasted into a shell."""
        wanted = replace(self, **changes)
        given = {
            "--symbol": wanted.symbol,
            "--dataset": wanted.dataset,
            "--limit": wanted.limit,
            "--expect-records": wanted.expect_records,
            "--symbology": wanted.symbology,
            "--publisher": wanted.publisher,
            "--on-bad-rows": None if wanted.on_bad_rows == "fail" else wanted.on_bad_rows,
        }
        words = ["stage1", "ingest", str(path)]
        words += [word for option, value in given.items() if value is not None for word in (option, str(value))]
        return shlex.join([*words, *(["--replace-origin"] if wanted.replace_origin else [])])
