"""TLS: a till knows its hub by its key. Real servers, real certificates, a real man in the middle."""

import contextlib
import hashlib
import json
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from drivers.keys import StoredKeys
from posapp import paths
from posapp.domain.errors import Refused, Unavailable
from posapp.storage.journal import Journal
from sync import pins, wire
from sync.engine.client import Hub, Trouble
from sync.engine.enrol import connected, enrol
from sync.hub import keys, operator, tills
from sync.hub.certificate import Certificate
from sync.hub.database import Database
from sync.hub.service import _pin, _renew
from sync.pins import Pins
from tests.kit.certificates import Authority, Pair, new_key
from tests.sync.hub.kit import Served, served
from tests.waiting import until


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is one of those that this machine trusts."""
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(authority.file))


@pytest.fixture(autouse=True)
def _keys_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@contextmanager
def over_tls(database: Database, pair: Pair) -> Iterator[Served]:
    certificate = Certificate(pair.certificate, pair.key)
    _pin(database, certificate)
    with served(database, certificate=certificate) as hub:
        yield hub


def enrolled(hub: Served, folder: Path, **more: object) -> wire.Enrolled:
    code = tills.offer(hub.database, "B01", hub.clock())
    return enrol(hub.url, code, folder, StoredKeys(), **more)  # type: ignore[arg-type]


@contextmanager
def till(folder: Path, url: str = "") -> Iterator[tuple[Hub, Journal]]:
    """The line of an enrolled till, to another address where one is given."""
    journal = Journal(folder / paths.LEDGER, StoredKeys().load(folder), write=True)
    if url:
        journal.set_meta(hub=url)
    (hub,) = connected(journal)
    try:
        yield hub, journal
    finally:
        hub.close()
        journal.close()


def pulled(hub: Hub) -> int:
    return hub.feed(0, 10, 0).head


@contextmanager
def impostor(pair: Pair) -> Iterator[tuple[str, list[bytes]]]:
    """Somebody who answers at an address with a key of his own: what he hears is kept."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = door.accept()
                    with contextlib.suppress(OSError), context.wrap_socket(caller, server_side=True) as line:
                        line.settimeout(10)
                        heard.append(line.recv(65_536))

        listening = threading.Thread(target=answer)
        listening.start()
        try:
            yield f"https://127.0.0.1:{door.getsockname()[1]}", heard
        finally:
            door.shutdown(socket.SHUT_RDWR)
            listening.join(10)


# -- enrolment ------------------------------------------------------------------------------------
def test_a_hub_with_a_certificate_of_nobodys_is_known_by_its_pin(
    database: Database, authority: Authority, tmp_path: Path
) -> None:
    pair = authority.pair()
    with over_tls(database, pair) as hub:
        with pytest.raises(Trouble, match="hub-certificate-wrong"):
            enrolled(hub, tmp_path)
        told = enrolled(hub, tmp_path, pins=[pair.pin])
        assert told.pins == [pair.pin]
        with till(tmp_path) as (line, journal):
            assert pulled(line) > 0
            assert journal.meta("hub_pins") == pair.pin


@pytest.mark.usefixtures("trusted")
def test_a_trusted_certificate_is_enough_to_enrol_and_its_key_is_pinned_from_then_on(
    database: Database, authority: Authority, tmp_path: Path
) -> None:
    pair = authority.pair()
    with over_tls(database, pair) as hub:
        enrolled(hub, tmp_path)
        with till(tmp_path) as (line, journal):
            assert pulled(line) > 0
            assert journal.meta("hub_pins") == pair.pin


def test_the_wrong_pin_at_enrolment_spends_no_code(
    database: Database, authority: Authority, tmp_path: Path
) -> None:
    with over_tls(database, authority.pair()) as hub:
        code = tills.offer(database, "B01", hub.clock())
        with pytest.raises(Trouble, match="hub-key-wrong"):
            enrol(hub.url, code, tmp_path, StoredKeys(), pins=["0" * 64])
        assert tills.enrol(database, code, "", hub.clock()).store == "B01"


def test_pins_need_tls(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="pin-needs-https"):
        enrol("http://127.0.0.1:9", "EN1", tmp_path, StoredKeys(), pins=["0" * 64])


# -- the man in the middle ------------------------------------------------------------------------
@pytest.mark.usefixtures("trusted")
def test_a_trusted_certificate_with_another_key_hears_nothing(
    database: Database, authority: Authority, tmp_path: Path
) -> None:
    with over_tls(database, authority.pair()) as hub:
        told = enrolled(hub, tmp_path)
    with impostor(authority.pair()) as (url, heard):
        # To whoever pins nothing he is as good as the hub.
        naive = Hub(url, told.token)
        with pytest.raises(Trouble, match="hub-unreachable"):
            naive.feed(0, 10, 0)
        naive.close()
        assert told.token.encode() in heard.pop()
        with till(tmp_path, url) as (line, _):
            calls: list[Callable[[], object]] = [
                lambda: pulled(line),
                lambda: line.push(wire.FactsRequest(epoch=1, prev_seq=0, prev_hash="0" * 64, facts=[])),
                lambda: line.look_up("B24001"),
            ]
            for call in calls:
                with pytest.raises(Trouble) as wrong:
                    call()
                assert wrong.value.reason == "hub-key-wrong"
        until(lambda: len(heard) == len(calls))
    assert heard == [b""] * len(calls)


@contextmanager
def web_proxy(monkeypatch: pytest.MonkeyPatch, to: str) -> Iterator[list[bytes]]:
    """A store's web proxy, through which everything goes; whatever it is asked for, it connects ``to``."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = door.accept()
                    with caller, socket.create_connection(("127.0.0.1", int(to.rpartition(":")[2]))) as hub:
                        asked.append(caller.recv(65_536).split(b"\r\n")[0])
                        caller.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                        ends = {caller: hub, hub: caller}
                        while ends:
                            (ready, _, _) = select.select(list(ends), [], [], 10)
                            part = ready[0].recv(65_536) if ready else b""
                            if not part:
                                break
                            ends[ready[0]].sendall(part)

        passing = threading.Thread(target=serve)
        passing.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{door.getsockname()[1]}")
        try:
            yield asked
        finally:
            door.shutdown(socket.SHUT_RDWR)
            passing.join(15)


def test_behind_a_web_proxy_the_key_is_looked_at_too(
    database: Database, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = authority.pair()
    with over_tls(database, pair) as hub:
        enrolled(hub, tmp_path, pins=[pair.pin])
        with web_proxy(monkeypatch, hub.url) as asked, till(tmp_path, "https://hub.test:443") as (line, _):
            assert pulled(line) > 0
        assert [said.split()[:2] for said in asked] == [[b"CONNECT", b"hub.test:443"]]
    with (
        impostor(authority.pair()) as (url, heard),
        web_proxy(monkeypatch, url),
        till(tmp_path) as (line, _),
    ):
        with pytest.raises(Trouble, match="hub-key-wrong"):
            pulled(line)
        until(lambda: heard)
    assert heard == [b""]


def test_no_connection_of_a_till_is_made_without_its_pins() -> None:
    """`connected` makes them all; `enrol` makes the one before there are any."""
    folders = (Path(pins.__file__).parent / "engine", Path(paths.__file__).parent)
    makers = {
        file.name
        for folder in folders
        for file in folder.rglob("*.py")
        if re.search(r"(?<!class )\bHub\(", file.read_text("utf-8"))
    }
    assert makers == {"enrol.py"}


# -- the next key ---------------------------------------------------------------------------------
def test_the_next_key_is_told_ahead_and_then_used(
    database: Database, authority: Authority, tmp_path: Path
) -> None:
    now, then = authority.pair(), authority.pair()
    with over_tls(database, now) as hub:
        enrolled(hub, tmp_path, pins=[now.pin])
        with pytest.raises(Unavailable, match="key-not-pinned"):
            _pin(database, Certificate(then.certificate, then.key))
        with database.write() as connection:
            keys.set_pins(connection, [now.pin, then.pin])
        with till(tmp_path) as (line, journal):
            pulled(line)
            assert journal.meta("hub_pins").split() == sorted([now.pin, then.pin])
    with over_tls(database, then) as hub, till(tmp_path, hub.url) as (line, _):
        assert pulled(line) > 0


def test_a_set_without_the_key_that_is_shown_locks_nobody_out(
    database: Database, authority: Authority, tmp_path: Path
) -> None:
    pair = authority.pair()
    with over_tls(database, pair) as hub:
        enrolled(hub, tmp_path, pins=[pair.pin])
        with database.write() as connection:
            keys.set_pins(connection, ["0" * 64])
        with till(tmp_path) as (line, journal):
            pulled(line)
            assert journal.meta("hub_pins") == pair.pin


def test_files_are_read_again_for_a_key_that_tills_know_and_for_no_other(
    database: Database, authority: Authority, tmp_path: Path
) -> None:
    key = new_key()
    pair = authority.pair(key)
    certificate = Certificate(pair.certificate, pair.key)
    _pin(database, certificate)
    with served(database, certificate=certificate) as hub:

        def shown() -> str:
            return ssl.get_server_certificate(("127.0.0.1", int(hub.url.rpartition(":")[2])))

        first = shown()
        authority.pair(key, into=pair)
        assert shown() == first
        _renew(database, certificate)
        second = shown()
        assert second == pair.certificate.read_text() != first
        authority.pair(into=pair)
        _renew(database, certificate)
        assert shown() == second
        pair.key.write_text("nothing")
        _renew(database, certificate)
        assert shown() == second


# -- files and forms ------------------------------------------------------------------------------
def test_a_certificate_that_cannot_be_used_is_told(authority: Authority, tmp_path: Path) -> None:
    one, other = authority.pair(), authority.pair()
    missing = tmp_path / "missing"
    for certificate, key in ((one.certificate, other.key), (one.certificate, missing), (missing, one.key)):
        with pytest.raises(Unavailable, match="certificate-unusable"):
            Certificate(certificate, key)


def test_a_pin_is_the_same_from_every_file_of_a_key(authority: Authority, tmp_path: Path) -> None:
    pair = authority.pair()
    public = tmp_path / "public.pem"
    ask = ["openssl", "pkey", "-in", str(pair.key), "-pubout", "-out", str(public)]
    if subprocess.run(ask, capture_output=True, check=False).returncode:
        pytest.skip("not run: no openssl program here")
    digest = ["openssl", "pkey", "-pubin", "-in", str(public), "-outform", "der"]
    der = subprocess.run(digest, capture_output=True, check=True).stdout
    assert {pins.of_file(file) for file in (pair.certificate, pair.key, public)} == {
        hashlib.sha256(der).hexdigest()
    }
    (tmp_path / "x").write_text("no key")
    with pytest.raises(Refused, match="pin-unreadable"):
        pins.of_file(tmp_path / "x")


def test_a_pin_is_read_in_the_forms_that_people_have() -> None:
    pin = bytes(range(32)).hex()
    colons = ":".join(pin[at : at + 2] for at in range(0, 64, 2)).upper()
    base = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    for text in (pin, f" {pin.upper()} ", colons, base, f"sha256//{base}"):
        assert pins.read(text) == pin
    for text in ("", "00", "z" * 64, base[:-4], "sha256//"):
        with pytest.raises(Refused, match="pin-wrong"):
            pins.read(text)


def test_keys_are_kept_before_they_count() -> None:
    def full(_: str) -> None:
        raise Unavailable("disk-full")

    known = Pins(["a"], full)
    with pytest.raises(Unavailable):
        known.told(["a", "b"], "a")
    assert "b" not in known


# -- the command ----------------------------------------------------------------------------------
@pytest.mark.skipif(sys.platform == "win32", reason="not run: SIGHUP is POSIX")
def test_a_hub_serves_tls_and_reads_its_files_again(
    sqlite_template: Path, authority: Authority, tmp_path: Path
) -> None:
    """On SQLite alone: nothing here differs by the database."""
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    key = new_key()
    pair = authority.pair(key)
    command = [sys.executable, "-m", "posapp", "hub", "serve", "--database", url, "--port", "0", "--attached"]
    command += ["--certificate", str(pair.certificate), "--key", str(pair.key)]
    command += ["--log", "json", "--log-level", "info", "--metrics-port", "0"]
    with ExitStack() as stack:
        child = stack.enter_context(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(child.kill)
        assert child.stdout
        address = child.stdout.readline().rpartition(" ")[2].strip()
        assert address.startswith("https://")
        folder = tmp_path / "till"
        folder.mkdir()
        enrol(address, operator.enrol_code(url, "B01"), folder, StoredKeys(), pins=[pair.pin])
        authority.pair(key, into=pair)
        child.send_signal(signal.SIGHUP)
        port = int(address.rpartition(":")[2])
        until(lambda: ssl.get_server_certificate(("127.0.0.1", port)) == pair.certificate.read_text())
        metrics = child.stdout.readline().rpartition(" ")[2].strip()
        told = requests.get(metrics, timeout=20).text
        assert 'posapp_hub_requests_total{call="POST /v1/enrolments",status="200"} 1.0' in told
        child.send_signal(signal.SIGTERM)
        _, complained = child.communicate(timeout=40)
    assert child.returncode == 0
    lines = [json.loads(line) for line in complained.splitlines()]
    (enrolment,) = [line for line in lines if line.get("call") == "POST /v1/enrolments"]
    same = [line["message"].split()[:2] for line in lines if line.get("request") == enrolment["request"]]
    assert same == [["till", "enrolled"], ["request", "call=POST"]]
    assert any(line["message"] == "the certificate was read again" for line in lines)
