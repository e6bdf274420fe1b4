"""Does the client run in a browser, on a page of another origin: where the server's list names it, and nowhere else?"""

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.databases import Database
from tests.plugins.node import NodePackage
from tests.plugins.served import Served, StartServer

# Limits for what hangs: a browser that shares a few cores with other tests begins slowly.
pytestmark = pytest.mark.timeout(300)

_PATIENCE = 120
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-default-browser-check"),
    # No name is looked up, and no other machine is asked, whatever a browser does by itself.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

_PAGE = """<!doctype html><title>stage1</title><body><pre id="said"></pre><script type="module">
import { Client } from "./client.js";
const said = document.querySelector("#said");
try {
  const client = new Client({ url: new URLSearchParams(location.search).get("server"), token: "" });
  const examples = Array.from({ length: 30 }, (_, n) => ({ sourceId: `s-${n}`, input: { n }, output: { double: 2 * n } }));
  const dataset = await client.upsertDataset({ name: "from a page", examples, mode: "mirror" });
  const again = await client.upsertDataset({ name: "from a page", examples, mode: "mirror" });
  const right = ({ output, expected }) => output === expected.double;
  const task = ({ input }) => 2 * input.n;
  const experiment = await client.runExperiment({ dataset, task, evaluators: [right] });
  const read = [];
  for await (const each of dataset.examples()) read.push(each.sourceId);
  const { evaluations } = await experiment.summary();
  said.textContent = JSON.stringify({
    summary: dataset.summary, isTheSame: again.versionId === dataset.versionId && !again.createdVersion,
    counts: experiment.counts, mean: evaluations.get("right").mean, read: read.length,
  });
} catch (problem) {
  said.textContent = JSON.stringify({ name: problem.name, message: problem.message });
}
await fetch("/result", { method: "POST", body: document.querySelector("#said").textContent });
</script>"""


@dataclass
class Pages:
    """A web server of its own origin, and what its page told it."""

    origin: str
    said: dict[str, Any] = field(default_factory=dict)
    is_said: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def bundle(typescript_package: NodePackage, tmp_path: Path) -> bytes:
    """The client as one file for browsers."""
    if _CHROMIUM is None:
        pytest.skip("the client in a browser is left out: Chromium is not found")
    made = tmp_path / "client.js"
    options = ("--bundle", "--format=esm", "--platform=browser", "--minify", f"--outfile={made}", "--log-level=warning")
    ended = subprocess.run(
        [typescript_package.folder / "node_modules/.bin/esbuild", "dist/index.js", *options],
        cwd=typescript_package.folder,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
    )
    assert ended.returncode == 0, ended.stderr
    return made.read_bytes()


@pytest.fixture
def pages(bundle: bytes) -> Iterator[Pages]:
    found = Pages("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_script = self.path == "/client.js"
            content = bundle if is_script else _PAGE.encode()
            self.send_response(200)
            self.send_header("content-type", "text/javascript" if is_script else "text/html")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            found.said = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()
            found.is_said.set()

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None: ...

    with Server(("127.0.0.1", 0), Handler) as server:
        found.origin = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join(_PATIENCE)


def _shown(pages: Pages, served: Served) -> dict[str, Any]:
    """What the page says, shown by a browser that is ended by its own process id."""
    # A folder with a short name: Chromium's sockets have long ones.
    with tempfile.TemporaryDirectory(prefix="stage1-browser-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "log"
        address = f"{pages.origin}/?server={served.url}"
        with log.open("wb") as output:
            browser = subprocess.Popen(
                [str(_CHROMIUM), *_FLAGS, f"--user-data-dir={folder}/profile", address],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "HOME": folder},
            )
            try:
                was_said = pages.is_said.wait(_PATIENCE)
            finally:
                browser.terminate()
                try:
                    browser.wait(timeout=_PATIENCE)
                except subprocess.TimeoutExpired:
                    browser.kill()
                    browser.wait(timeout=_PATIENCE)
        assert was_said, log.read_text(errors="replace")[-2000:]
    return pages.said


def test_a_page_of_a_named_origin_runs_the_client(pages: Pages, database: Database, start_server: StartServer) -> None:
    served = start_server(database, env={"STAGE1_ALLOWED_ORIGINS": pages.origin})
    assert _shown(pages, served) == {
        "summary": {"new": 30, "changed": 0, "unchanged": 0, "deleted": 0, "restored": 0},
        "isTheSame": True,
        "counts": {"expected": 30, "succeeded": 30, "failed": 0, "missing": 0},
        "mean": 1,
        "read": 30,
    }
    assert served.get("/v1/experiments").json["items"][0]["successful_run_count"] == 30


def test_a_page_of_another_origin_is_refused(pages: Pages, database: Database, start_server: StartServer) -> None:
    served = start_server(database, env={"STAGE1_ALLOWED_ORIGINS": "http://127.0.0.1:1"})
    said = _shown(pages, served)
    assert said["name"] == "ServerUnavailable"
    assert served.get("/v1/datasets").json["items"] == []
