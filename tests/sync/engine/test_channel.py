"""The channel: nobody waits for a window that hangs, and one that is gone is noticed."""

import io
import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from sync.engine.channel import MANY, Outbox, listen
from tests.waiting import until


def said(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_messages_keep_their_order_and_what_changed_is_gathered() -> None:
    out = io.StringIO()
    with Outbox(out, lambda: None) as outbox:
        for number in range(50):
            outbox.tell({"answered": [number]})
            outbox.tell({"changed": [f"order:W-{number % 10}"]})
    messages = said(out)
    assert [m["answered"][0] for m in messages if "answered" in m] == list(range(50))
    changed = [m["changed"] for m in messages if "changed" in m]
    assert 1 <= len(changed) <= 3
    assert {name for names in changed for name in names} == {f"order:W-{n}" for n in range(10)}


def test_very_much_is_told_as_anything() -> None:
    out = io.StringIO()
    with Outbox(out, lambda: None) as outbox:
        outbox.tell({"changed": [f"order:W-{n}" for n in range(MANY + 1)]})
        outbox.tell({"changed": ["order:W-1"]})
    assert said(out)[0] == {"changed": ["*"]}


def test_a_window_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    # What is left in the stream has nowhere to go when it is closed.
    with suppress(BrokenPipeError), os.fdopen(writer, "w") as stream:
        broken = threading.Event()
        outbox = Outbox(stream, broken.set)
        with outbox:
            for number in range(20_000):
                outbox.tell({"answered": [number] * 10})
            os.close(reader)
            assert broken.wait(5), "one that is gone is noticed"
            outbox.tell({"answered": [1]})


def test_lines_are_heard_whole_and_nonsense_is_passed_over(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    heard: list[dict[str, Any]] = []
    ended = threading.Event()
    with os.fdopen(reader) as stream:
        listen(stream, heard.append, ended.set)
        os.write(writer, b'{"wa')
        os.write(writer, b'ke":true}\n\nnonsense\n[1]\n\xff\xfe\n{"look_up":"W-1","ask":1}\n')
        os.write(writer, b"[" * 5000 + b"\n" + b"x" * 200_000 + b'\n{"wake":true}\n')
        until(lambda: len(heard) == 3)
        os.close(writer)
        assert ended.wait(5)
    assert heard == [{"wake": True}, {"look_up": "W-1", "ask": 1}, {"wake": True}]
