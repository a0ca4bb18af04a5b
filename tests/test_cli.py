"""The command line: stable words, one sentence for each trouble, exit codes that scripts can read."""

import gc
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from posapp import __version__, paths, texts
from posapp.__main__ import main
from posapp.domain import custody
from tests.kit.counter import KEY, make_files, open_counter
from tests.kit.things import NOW, order

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """One command, in English: its exit code, what it says, and what it complains of."""
    monkeypatch.setenv("POSAPP_LANG", "en")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")

    def call(*words: object) -> tuple[int, str, str]:
        before = texts.language()
        try:
            code = main([str(word) for word in words])
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            texts.use(before)
        said = capsys.readouterr()
        return code, said.out.strip(), said.err.strip()

    return call


@pytest.fixture
def till(tmp_path: Path) -> Path:
    """A till with one hand-over in its journal."""
    make_files(tmp_path)
    (tmp_path / paths.KEY).write_text(KEY.hex())
    (tmp_path / paths.KEY).chmod(0o600)
    with open_counter(tmp_path) as counter:
        counter.tell(order(), through=0)
        counter.hand_over()
    return tmp_path


def test_without_a_command_the_usage_is_told(run: Run) -> None:
    code, _, complaint = run()
    assert code == 2
    assert "command" in complaint
    assert run("--version") == (0, f"posapp {__version__}", "")


def test_every_command_has_help(run: Run) -> None:
    for words in (["demo"], ["till"], ["till", "enrol"], ["sync"], ["hub"], ["hub", "serve"], ["journal"]):
        code, said, _ = run(*words, "--help")
        assert code == 0
        assert said.startswith("usage: posapp " + " ".join(words))


def test_the_journal_is_told_as_json_a_fact_a_line(run: Run, till: Path) -> None:
    code, said, _ = run("journal", "--data", till, "--json")
    (line,) = [json.loads(line) for line in said.splitlines()]
    assert code == 0
    assert line.pop("id")
    assert line == {
        "seq": 1,
        "kind": "HandedOver",
        "subject": "order:W-1001",
        "at": NOW.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        "state": "waiting",
        "answer": None,
        "clerk": "Ana",
        "payload": {
            "lines": {"l1": 1, "l2": 2},
            "proof": "code",
            "verdict": "ready",
            "custody": {"token": custody.token(1, 0)},
        },
    }


def test_the_journal_is_told_to_people_too(run: Run, till: Path) -> None:
    code, said, _ = run("journal", "--data", till)
    assert code == 0
    assert said.split()[2:] == ["waiting", "HandedOver", "order:W-1001", "Ana"]


def test_verify_is_content_with_a_good_till(run: Run, till: Path) -> None:
    assert run("verify", "--data", till) == (0, "All is well: 1 fact, the chain is whole.", "")


def test_verify_finds_a_changed_byte(run: Run, till: Path) -> None:
    ledger = till / paths.LEDGER
    data = bytearray(ledger.read_bytes())
    data[-100] ^= 1
    ledger.write_bytes(data)
    code, _, complaint = run("verify", "--data", till)
    assert code == 1
    assert str(ledger) in complaint


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["journal"], "There is no till in {folder}. Please name its folder with --data."),
        (["verify"], "There is no till in {folder}. Please name its folder with --data."),
        (["codes"], "There is no hub in {folder}. Please start it with: posapp hub serve"),
        (["hub", "orders"], "There is no hub in {folder}. Please start it with: posapp hub serve"),
        (["hub", "stores"], "There is no hub in {folder}. Please start it with: posapp hub serve"),
        (
            ["hub", "enrol", "--store", "B01"],
            "There is no hub in {folder}. Please start it with: posapp hub serve",
        ),
        (
            ["till", "enrol", "--code", "X", "--hub", "nowhere"],
            "nowhere is not the address of a hub. Please give it as https://HOST:PORT.",
        ),
        (
            ["till", "enrol", "--code", "X", "--hub", "http://127.0.0.1:9"],
            "The hub does not answer. Please check the line and try again.",
        ),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence(
    run: Run, tmp_path: Path, words: list[str], sentence: str
) -> None:
    assert run(*words, "--data", tmp_path) == (1, "", sentence.format(folder=tmp_path))


def test_a_till_without_a_screen_is_told(run: Run, till: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    code, _, complaint = run("till", "--data", till, "--lang", "en")
    assert code == 1
    assert complaint == "There is no screen to show the till on. Please start it in a desktop session."
    assert gc.isenabled()


def test_german_is_spoken_where_it_is_asked_for(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSAPP_LANG", "de")
    _, _, complaint = run("verify", "--data", tmp_path)
    texts.use("en")
    assert complaint
    assert complaint != f"There is no till in {tmp_path}. Please name its folder with --data."


def test_another_language_is_no_reason_to_fail(run: Run, till: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSAPP_LANG", "fr")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert run("verify", "--data", till)[0] == 0
