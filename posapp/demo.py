"""The demo: a hub with the sample shop on loopback, and one enrolled till, all real parts.

With a screen it opens the till's window. Without one (or with ``--story``) it plays the story of a
pickup by itself and leaves screenshots.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from posapp import paths, texts
from posapp.hub_process import HubProcess

STORE = "B01"


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
    from posapp.app import TillApp
    from posapp.start import needs_display

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
    from sync.engine.enrol import enrol
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
