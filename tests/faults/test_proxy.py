"""The proxy does each fault, tells nobody else, and does the same again for the same seed."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.proxy import UNHEARD, Asked, Choice, Choose, Fault, Proxy, mixed, on
from tests.waiting import until

ROUTE = "POST /work"
MIX: dict[Choice, float] = {Fault.LOST: 0.2, Fault.CUT: 0.1, Fault.TWICE: 0.1, 503: 0.05}


class Server(ThreadingHTTPServer):
    """Answers each request with its own body, and keeps what it heard, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler) -> None:
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                self.heard.append(json.loads(body)["what"])
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *_: object) -> None:
                """Silent."""

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, *_: object) -> None:
        """A caller that hung up is no news."""


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    thread = threading.Thread(target=one.serve_forever, args=(0.01,))
    thread.start()
    yield one
    one.shutdown()
    thread.join()
    one.server_close()


@contextmanager
def before(server: Server, choose: Choose) -> Iterator[tuple[Proxy, str]]:
    """A proxy with one door."""
    with Proxy(f"http://127.0.0.1:{server.server_address[1]}", choose) as proxy:
        yield proxy, proxy.door("one")


def first(choice: Choice) -> Choose:
    """The first request meets a fault."""
    return lambda asked: choice if asked.n == 0 else Fault.PASS


def say(url: str, what: str = "a", seconds: float = 5) -> str:
    """What comes back of a request: its own words, or the kind of trouble."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(f"{url}/work", json={"what": what, "more": "x" * 200}, timeout=seconds)
            return (
                str(json.loads(answer.content)["what"])
                if answer.status_code == 200
                else str(answer.status_code)
            )
    except requests.Timeout:
        return "silence"
    except ValueError:
        return "nonsense"
    except requests.RequestException:
        return "broken"


@pytest.mark.parametrize(
    ("choice", "told", "heard"),
    [
        (Fault.PASS, "a", ["a"]),
        (Fault.DELAYED, "a", ["a"]),
        (Fault.DRIPPED, "a", ["a"]),
        (Fault.TWICE, "a", ["a", "a"]),
        (Fault.DROPPED, "broken", []),
        (Fault.STALLED, "broken", []),
        (Fault.LOST, "broken", ["a"]),
        (Fault.CUT, "broken", ["a"]),
        (Fault.GARBAGE, "broken", ["a"]),
        (Fault.NOISE, "nonsense", ["a"]),
        (503, "503", []),
        (422, "422", []),
    ],
)
def test_each_fault_is_what_it_says(server: Server, choice: Choice, told: str, heard: list[str]) -> None:
    with before(server, first(choice)) as (proxy, url):
        assert say(url) == told
        assert server.heard == heard
        assert say(url, "b") == "b"
        assert server.heard == [*heard, "b"]
        assert proxy.counts[ROUTE, choice] == (2 if choice is Fault.PASS else 1)


def test_half_open_is_silence_until_the_caller_gives_up(server: Server) -> None:
    with before(server, first(Fault.HELD)) as (_, url):
        assert say(url, seconds=0.2) == "silence"
        assert server.heard == ["a"]


def test_what_is_late_comes_behind_the_next_one(server: Server) -> None:
    with before(server, first(Fault.LATE)) as (_, url):
        assert say(url) == "broken"
        assert say(url, "b") == "b"
        until(lambda: server.heard == ["b", "a"])


def test_what_is_late_comes_also_where_nothing_follows(server: Server) -> None:
    with before(server, first(Fault.LATE)) as (_, url):
        assert say(url) == "broken"
        until(lambda: server.heard == ["a"])


def test_every_byte_may_be_the_last_of_a_cut_answer(server: Server) -> None:
    with before(server, lambda asked: Fault.CUT) as (_, url):
        # Cut in the head, it may look like an answer without a body.
        assert {say(url, str(number)) for number in range(40)} <= {"broken", "nonsense"}


def test_a_hub_that_is_down_ends_the_connection_and_no_more(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with before(server, lambda asked: Fault.PASS) as (proxy, url):
        proxy.move(nobody)
        assert say(url) == "broken"
        proxy.move(f"http://127.0.0.1:{server.server_address[1]}")
        assert say(url) == "a"


def test_one_connection_carries_many_requests(server: Server) -> None:
    with before(server, lambda asked: Fault.PASS) as (_, url), requests.Session() as session:
        for number in range(5):
            assert session.post(f"{url}/work", json={"what": str(number)}).status_code == 200
    assert server.heard == ["0", "1", "2", "3", "4"]


def test_other_routes_are_left_alone(server: Server) -> None:
    choose = on("GET /else", mixed(1, {Fault.LOST: 1.0}))
    with before(server, choose) as (_, url):
        assert say(url) == "a"


def test_the_same_seed_does_the_same_again_whoever_comes_first(server: Server) -> None:
    def play(seed: int, doors: list[str]) -> set[tuple[str, int, Choice]]:
        with Proxy(f"http://127.0.0.1:{server.server_address[1]}", mixed(seed, MIX)) as proxy:
            urls = {name: proxy.door(name) for name in sorted(set(doors))}
            for name in doors:
                say(urls[name])
            return {(asked.door, asked.n, choice) for asked, choice in proxy.schedule}

    doors = ["left", "right"] * 20
    assert play(7, doors) == play(7, sorted(doors))
    assert play(7, doors) != play(8, doors)


def test_each_choice_has_its_share() -> None:
    choose = mixed(3, MIX)
    made = [choose(Asked("one", ROUTE, n)) for n in range(5000)]
    for choice, share in MIX.items():
        assert abs(made.count(choice) / 5000 - share) < 0.02
    assert {choice for choice in made if choice in UNHEARD} == {Fault.LOST, Fault.CUT}


@given(seed=st.integers(), n=st.integers(0, 1 << 40))
def test_a_choice_depends_on_nothing_but_what_was_asked(seed: int, n: int) -> None:
    asked = Asked("one", ROUTE, n)
    assert mixed(seed, MIX)(asked) == mixed(seed, MIX)(Asked("one", ROUTE, n, b"other"))


def test_shares_beyond_the_whole_are_refused() -> None:
    with pytest.raises(ValueError, match="whole"):
        mixed(1, {Fault.LOST: 0.7, Fault.CUT: 0.4})
