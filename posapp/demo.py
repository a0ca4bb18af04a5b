"""The demo: a hub with the sample shop on loopback, and one enrolled till, all real parts.

With a screen it opens the till's window. Without one (or with ``--story``) it plays the story of a
pickup by itself and leaves screenshots.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from posapp import paths, texts
from posapp.domain.errors import Unavailable

STORE = "B01"
UNDO_S = 5
"""Nobody wants to wait a minute to see that the shop has it."""
HUB_START_S = 60


class HubProcess:
    """The hub in a process of its own that ends with this one. A context manager.

    Raises Unavailable("port-in-use") or Unavailable("hub-unreachable") on starting.
    """

    def __init__(self, folder: Path, port: int, orders: int, *, undo_s: int = UNDO_S) -> None:
        self._folder = folder
        self._port = port
        self._orders = orders
        self._undo_s = undo_s
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> HubProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers; the first time it also fills the sample shop."""
        command = [sys.executable, "-m", "posapp", "hub", "serve", "--attached"]
        command += ["--data", str(self._folder), "--port", str(self._port)]
        command += ["--orders", str(self._orders), "--undo", str(self._undo_s)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._process = process
        # Seeding a million orders takes minutes; a hub that says nothing at all takes none.
        patience = threading.Timer(HUB_START_S + self._orders / 2000, process.kill)
        patience.start()
        assert process.stdout is not None
        line = process.stdout.readline()
        patience.cancel()
        if not line.startswith("posapp hub ready "):
            self.stop()
            if process.returncode == 1 and self._port:
                raise Unavailable("port-in-use", port=self._port)
            raise Unavailable("hub-unreachable")
        self.url = line.split()[-1]
        # The same port again after a stop, so that the till finds it where it was.
        self._port = int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        """Stop it as a cut line would look to the till: nobody answers any more."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def run(
    *,
    folder: Path | None,
    language: str,
    port: int,
    orders: int,
    scanners: Sequence[str],
    story: bool,
    out: Path,
) -> int:
    """Run the demo until its window is closed or its story is told; the exit code.

    Without a folder everything lies in a temporary one that is removed at the end.
    """
    from posapp.app import TillApp, needs_display

    alone = story or needs_display()
    if alone:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    texts.use(language)
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="posapp-demo-")))
        folder = paths.data_folder(str(folder))
        hub = stack.enter_context(HubProcess(folder, port, orders))
        where = _enrol(folder, hub.url)
        print(texts._("Data: {folder}").format(folder=folder))
        if where == "file":
            print(
                texts._("The key of the till's files lies in {file}, readable by you only.").format(
                    file=folder / paths.KEY
                )
            )
        print(texts._("Codes to scan: posapp codes --data {folder}").format(folder=folder), flush=True)
        if alone:
            from posapp.story import play

            return play(folder, hub, language, out)
        with TillApp(folder, language=language, scanners=scanners, on_live=_say_ready) as app:
            return app.run()


def _say_ready(hub: str) -> None:
    print(f"posapp ready hub={hub}", flush=True)


def _enrol(folder: Path, url: str) -> str:
    """Make the folder a till of the sample store, or tell the till it is where its hub is now."""
    from drivers.keys import StoredKeys
    from posapp.storage.journal import Journal
    from sync.engine.client import enrol
    from sync.hub import operator

    keys = StoredKeys()
    ledger = folder / paths.LEDGER
    if ledger.exists():
        journal = Journal(ledger, keys.load(folder), write=True)
        enrolled = bool(journal.meta("token"))
        if enrolled:
            journal.set_meta(hub=url)
        journal.close()
    else:
        enrolled = False
    if not enrolled:
        code = operator.enrol_code(operator.url_for(folder), STORE)
        enrol(url, code, folder, keys)
    return keys.where(folder)
