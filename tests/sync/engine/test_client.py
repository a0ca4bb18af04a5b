"""Every way a hub, or whoever stands in its place, can answer becomes one of a few types."""

import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.errors import Refused, StorageFault
from posapp.storage.journal import Journal
from posapp.storage.mirror import path_in
from sync.engine import client
from sync.engine.client import Hub, Trouble, hub_url
from sync.engine.enrol import enrol
from tests.sync.engine import badhub
from tests.sync.engine.badhub import CODE, TOKEN, BadHub, running
from tests.sync.engine.tills import order

FEED = "/v1/feed"


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("http://127.0.0.1:8123/", "http://127.0.0.1:8123"),
        (" https://hub.example.org/posapp/ ", "https://hub.example.org/posapp"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_an_address_has_one_form(url: str, taken: str) -> None:
    assert hub_url(url) == taken


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hub",
        "hub.example.org",
        "ftp://hub",
        "http://",
        "http://h:x",
        "http://u:p@h",
        "http://h?a=1",
        "http://[",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="hub-address-wrong"):
        hub_url(url)


ANSWERS: dict[str, tuple[badhub.Fault, str, int, bool]] = {
    "500": (badhub.status(500), "hub-failed", 500, False),
    "502": (badhub.status(502), "hub-failed", 502, False),
    "504": (badhub.status(504), "hub-failed", 504, True),
    "503": (badhub.status(503), "hub-busy", 503, False),
    "429": (badhub.status(429), "hub-busy", 429, False),
    "404": (badhub.status(404), "hub-strange", 404, False),
    "302": (badhub.status(302, Location="http://127.0.0.1:9/"), "hub-strange", 302, False),
    "garbage": (badhub.raw(b"\xff\xfe"), "hub-strange", 200, False),
    "a list": (badhub.raw(b"[]"), "hub-strange", 200, False),
    "deep": (badhub.raw(b'{"changes":' + b"[" * 100_000), "hub-strange", 200, False),
    "endless": (badhub.endless, "hub-strange", 200, False),
    "half": (badhub.half, "hub-unreachable", 0, False),
    "drop": (badhub.drop, "hub-unreachable", 0, False),
}


@pytest.mark.parametrize("case", ANSWERS.values(), ids=ANSWERS.keys())
def test_each_trouble_says_what_it_is(hub: BadHub, case: tuple[badhub.Fault, str, int, bool]) -> None:
    fault, reason, status, late = case
    hub.faults[FEED].append(fault)
    one = Hub(hub.url, TOKEN)
    with pytest.raises(Trouble) as told:
        one.feed(0, 100, 0)
    trouble = told.value
    assert (trouble.reason, trouble.status, trouble.timed_out) == (reason, status, late)
    assert trouble.reachable == bool(status)
    one.close()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3),
        ("999999999", 3600),
        # Over for good, so that every collection names the test alike.
        (format_datetime(datetime(2026, 1, 1, tzinfo=UTC)), 0),
        ("soon", None),
        ("-3", None),
        ("", None),
    ],
)
def test_the_hub_may_say_when_to_come_back(hub: BadHub, header: str, seconds: float | None) -> None:
    hub.faults[FEED].append(badhub.status(429, Retry_After=header))
    one = Hub(hub.url, TOKEN)
    with pytest.raises(Trouble) as told:
        one.feed(0, 100, 0)
    assert told.value.retry_after == seconds
    one.close()


def test_nobody_there_and_nobody_answering(hub: BadHub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setattr(client, "READ_S", 0.05)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        one = Hub(url, TOKEN)
        with pytest.raises(Trouble) as told:
            one.feed(0, 100, 0)
        assert (told.value.timed_out, told.value.reachable) == (True, False)
        one.close()
    one = Hub(url, TOKEN)
    with pytest.raises(Trouble, match="hub-unreachable") as told:
        one.feed(0, 100, 0)
    assert not told.value.timed_out
    one.close()


def test_an_answer_that_drips_is_cut(hub: BadHub, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def drip(on: badhub.Answering, work: Callable[[], tuple[int, object]]) -> None:
        on.send(200, b"[", length=1 << 20)
        while not release.wait(0.02):
            try:
                on.wfile.write(b"0" * (1 << 16))
            except OSError:
                return

    hub.faults[FEED].append(drip)
    monkeypatch.setattr(client, "BODY_S", -client.READ_S - client.CONNECT_S + 0.1)
    one = Hub(hub.url, TOKEN)
    with pytest.raises(Trouble) as told:
        one.feed(0, 100, 0)
    assert told.value.timed_out
    release.set()
    one.close()


def test_a_redirect_does_not_carry_the_token_away(hub: BadHub) -> None:
    with running() as other:
        hub.faults[FEED].append(badhub.status(307, Location=other.url + FEED))
        one = Hub(hub.url, TOKEN)
        with pytest.raises(Trouble, match="hub-strange"):
            one.feed(0, 100, 0)
        one.close()
        assert other.asked == []


def test_loopback_goes_through_no_proxy_and_no_netrc(
    hub: BadHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password thief\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    one = Hub(hub.url, TOKEN)
    assert one.feed(0, 100, 0).head == 0
    one.close()


def test_look_up_has_its_outcomes(hub: BadHub) -> None:
    hub.orders["W 1/2"] = {"record": {"seq": 1, "kind": "order", "id": "W-1", "rev": 1, "body": order("W-1")}}
    hub.orders["W-2"] = {"elsewhere": {"store": "s2", "name": "Store Two"}}
    hub.orders["both"] = {}
    one = Hub(hub.url, TOKEN)
    found = one.look_up("W 1/2")
    assert found is not None
    assert found.record is not None
    found = one.look_up("W-2")
    assert found is not None
    assert found.elsewhere is not None
    assert found.elsewhere.name == "Store Two"
    assert one.look_up("W-3") is None
    with pytest.raises(Trouble, match="hub-strange"):
        one.look_up("both")
    asked = len(hub.asked)
    assert [one.look_up(code) for code in ("", ".", "..", "x" * 201)] == [None] * 4
    assert len(hub.asked) == asked
    one.close()


def test_a_portal_that_says_404_is_not_an_unknown_order(hub: BadHub) -> None:
    hub.faults["/v1/orders/W-1"].append(badhub.raw(b"<html>not found</html>", 404))
    one = Hub(hub.url, TOKEN)
    with pytest.raises(Trouble, match="hub-strange"):
        one.look_up("W-1")
    one.close()


# -- enrolment --------------------------------------------------------------------------------------
def test_a_folder_becomes_a_till_once(hub: BadHub, tmp_path: Path) -> None:
    keys = StoredKeys()
    enrolled = enrol(hub.url + "/", CODE, tmp_path, keys)
    journal = Journal(tmp_path / paths.LEDGER, keys.load(tmp_path))
    kept = {
        key: journal.meta(key)
        for key in ("till", "token", "epoch", "store", "store_key", "generation", "hub")
    }
    journal.close()
    assert kept == {**{k: str(v) for k, v in enrolled.model_dump(exclude={"pins"}).items()}, "hub": hub.url}
    assert path_in(tmp_path).exists()
    with pytest.raises(StorageFault, match="enrolled-already") as told:
        enrol(hub.url, CODE, tmp_path, keys)
    assert told.value.details == {"till": "t1"}
    assert len(hub.calls("/v1/enrolments")) == 1


@pytest.mark.parametrize("fault", [badhub.drop, badhub.half, badhub.raw(b"{}"), badhub.status(503)])
def test_an_enrolment_that_was_cut_is_none_and_can_be_repeated(
    hub: BadHub, tmp_path: Path, fault: badhub.Fault
) -> None:
    keys = StoredKeys()
    hub.faults["/v1/enrolments"].append(fault)
    with pytest.raises(Trouble):
        enrol(hub.url, CODE, tmp_path, keys)
    key = keys.load(tmp_path)
    enrol(hub.url, CODE, tmp_path, keys)
    assert keys.load(tmp_path) == key


def test_a_code_that_is_refused_leaves_no_till(hub: BadHub, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="code-refused"):
        enrol(hub.url, "WRONG", tmp_path, StoredKeys())
    enrol(hub.url, CODE, tmp_path, StoredKeys())


def test_a_code_is_not_spent_on_a_folder_that_cannot_be_a_till(hub: BadHub, tmp_path: Path) -> None:
    enrol(hub.url, CODE, tmp_path, StoredKeys())
    (tmp_path / paths.KEY).unlink()
    with pytest.raises(StorageFault, match="key-missing"):
        enrol(hub.url, CODE, tmp_path, StoredKeys())
    assert not (tmp_path / paths.KEY).exists()
    assert len(hub.calls("/v1/enrolments")) == 1


def test_a_till_enrolled_again_keeps_its_journal(hub: BadHub, tmp_path: Path) -> None:
    keys = StoredKeys()
    enrol(hub.url, CODE, tmp_path, keys)
    hub.token = "another token"
    enrol(hub.url, CODE, tmp_path, keys, again=True)
    journal = Journal(tmp_path / paths.LEDGER, keys.load(tmp_path), write=True)
    assert journal.meta("token") == "another token"
    journal.set_meta(till="somebody-else")
    journal.close()
    with pytest.raises(Refused, match="code-of-another-till"):
        enrol(hub.url, CODE, tmp_path, keys, again=True)
