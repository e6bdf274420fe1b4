"""Runs a program against a server of its own: `python examples/on_a_server.py PROGRAM [ARGUMENT ...]`.

The server (`stage1 serve`) listens on a free port of this machine and works on the embedded PostgreSQL of the folder it is called
in, whatever the environment names; the program finds it by STAGE1_SERVER. The bars are those of the demo, which is played where
it was not yet. What was started here is ended here, by its own process id.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEMO = Path(__file__).parent / "catalog" / "demo.py"
_STAGE1 = [sys.executable, "-m", "stage1"]
_A_BAR = ["bars", "--symbol", "DEMO-AAPL", "--from", "2023-01-03", "--limit", "1"]
_PATIENCE = 60


def main(program: list[str]) -> int:
    """The program's exit code."""
    if not program:
        print("usage: python examples/on_a_server.py PROGRAM [ARGUMENT ...]", file=sys.stderr)
        return 2
    was_running = _stage1("server", "status", "--format", "csv") == 0
    try:
        if not _has_the_demo():
            return 1
        with _server() as url:
            return subprocess.run(program, check=False, env={**os.environ, "STAGE1_SERVER": url}).returncode
    finally:
        if not was_running:
            _stage1("server", "stop")


def _has_the_demo() -> bool:
    if _stage1("migrate", "--quiet") == 0 and _stage1("--quiet", *_A_BAR) == 0:
        return True
    print("The demo's bars are not there yet: playing `make demo` first.", file=sys.stderr)
    played = subprocess.run(
        [sys.executable, str(_DEMO)], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if played.returncode != 0:
        print(played.stdout, file=sys.stderr)
    return played.returncode == 0


@contextmanager
def _server() -> Iterator[str]:
    """The address of a server that runs as long as the block."""
    command = [*_STAGE1, "--embedded", "serve", "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    said: list[str] = []
    url: list[str] = []
    is_known = threading.Event()

    def listen() -> None:
        # To its end: a server whose log nobody reads would wait for somebody who does.
        assert process.stderr  # noqa: S101 - it is a pipe
        with process.stderr as lines:
            for line in lines:
                if line.startswith("listening on "):
                    url.append(line.removeprefix("listening on ").strip())
                    is_known.set()
                elif not is_known.is_set():
                    said.append(line)
        is_known.set()

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    try:
        is_known.wait(_PATIENCE)
        if not url:
            raise SystemExit("".join(["the server did not start:\n", *said]))
        yield url[0]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listener.join(_PATIENCE)


def _stage1(*arguments: str) -> int:
    command = [*_STAGE1, "--embedded", *arguments]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
