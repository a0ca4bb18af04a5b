"""The operator's commands, as a script has them: words in, JSON or a sentence out."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from posapp import texts
from posapp.__main__ import main
from posapp.domain.facts import timestamp
from sync.hub import backups, keys
from sync.hub.database import Database
from tests import postgres
from tests.kit.certificates import Authority
from tests.sync.hub.kit import Desk, Served, ready

Hub = Callable[..., Any]


@pytest.fixture
def told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str
) -> Callable[..., tuple[int, str, str]]:
    """`posapp hub …` on this test's database, in English: its exit code, what it says, its complaint."""
    monkeypatch.setenv("POSAPP_LANG", "en")

    def call(name: str, *words: object) -> tuple[int, str, str]:
        before = texts.language()
        try:
            code = main(["hub", name, "--database", url, *map(str, words)])
        finally:
            texts.use(before)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def ask(told: Callable[..., tuple[int, str, str]]) -> Hub:
    """The same with ``--json``, parsed."""

    def call(name: str, *words: object) -> Any:
        code, said, complaint = told(name, "--json", *words)
        assert code == 0, complaint
        return json.loads(said)

    return call


def test_a_till_from_its_code_to_its_end(hub: Served, ask: Hub) -> None:
    offer = ask("enrol", "--store", "B01")
    assert offer.keys() == {"code", "store", "till", "expires_at", "pins"}
    assert (offer["store"], offer["till"], offer["pins"]) == ("B01", "", [])
    left = datetime.fromisoformat(offer["expires_at"]) - datetime.now(UTC)
    assert 14 < left.total_seconds() / 60 <= 15
    body = {"code": offer["code"], "name": "Kasse 1"}
    assert hub.session.post(f"{hub.url}/v1/enrolments", json=body).status_code == 200
    (till,) = ask("tills")
    assert till.pop("enrolled_at").endswith("Z")
    assert till == {
        "id": "B01-1",
        "store": "B01",
        "name": "Kasse 1",
        "epoch": 1,
        "last_seq": 0,
        "last_fact_at": "",
        "heard_at": "",
        "revoked": False,
        "left_at": "",
        "lead": False,
        "lease_until": "",
    }
    again = ask("re-enrol", "--till", "B01-1")
    assert (again["store"], again["till"]) == ("B01", "B01-1")
    assert ask("revoke", "--till", "B01-1") == {
        "till": "B01-1",
        "revoked": True,
        "store": "B01",
        "lead": "",
        "lead_moved": False,
    }
    assert ask("tills")[0]["revoked"] is True
    assert ask("tills", "--store", "B02") == []
    assert hub.session.post(f"{hub.url}/v1/enrolments", json={"code": again["code"]}).status_code == 200
    assert [(till["epoch"], till["revoked"]) for till in ask("tills")] == [(2, False)]


def test_tills_tell_their_last_contact_their_lead_and_who_has_left(
    hub: Served, ask: Hub, told: Callable[..., tuple[int, str, str]]
) -> None:
    lead = hub.desk()
    hub.desk()

    def renew(desk: Desk) -> None:
        hub.session.post(f"{hub.url}/v1/leases", headers=desk.headers, json={}).raise_for_status()

    began = timestamp(hub.clock())
    renew(lead)
    first, second = ask("tills")
    assert (first["lead"], second["lead"], second["heard_at"]) == (True, False, "")
    assert began <= first["heard_at"] <= timestamp(hub.clock()) < first["lease_until"]
    # Whoever asks again and again costs no write each time.
    hub.clock.move(30)
    renew(lead)
    assert ask("tills")[0]["heard_at"] == first["heard_at"]
    hub.clock.move(45)
    renew(lead)
    again = ask("tills")[0]
    assert again["heard_at"] > first["heard_at"]
    # A fact is a contact too.
    hub.clock.move(60)
    lead.one(lead.hand_over(ready(lead)[0]))
    assert ask("tills")[0]["heard_at"] == ask("tills")[0]["last_fact_at"] > again["heard_at"]
    _, said, _ = told("tills")
    assert f"lead until {again['lease_until']}" in said.splitlines()[0]
    assert "Kasse" in said.splitlines()[1]
    # Revoked, it sends what it has and leaves.
    ask("revoke", "--till", lead.till)
    gone, leads = ask("tills")
    assert (gone["lead"], gone["left_at"], leads["lead"]) == (False, "", True)
    last = lead.request(prev_seq=1, prev_hash=lead.chain[-1]["hash"], leaving=True)
    assert lead.send(last).json()["left"] is True
    assert ask("tills")[0]["left_at"] >= began
    assert "revoked, left 2" in told("tills")[1].splitlines()[0]
    hub.desk(again=lead)
    assert (ask("tills")[0]["left_at"], ask("tills")[0]["revoked"]) == ("", False)
    ask("revoke", "--till", lead.till)
    assert ask("tills")[0]["left_at"] == ""


def test_who_revokes_the_lead_is_told_who_leads_now(
    hub: Served, told: Callable[..., tuple[int, str, str]]
) -> None:
    lead, other = hub.desk(), hub.desk()
    for desk in (lead, other):
        hub.session.post(f"{hub.url}/v1/leases", headers=desk.headers, json={}).raise_for_status()
    code, said, _ = told("revoke", "--till", lead.till)
    assert (code, said.splitlines()[0]) == (0, f"{lead.till} was revoked.")
    assert f"From now on {other.till} does" in said
    _, said, _ = told("revoke", "--till", other.till)
    assert "B01 has no lead now" in said


def test_what_waits_and_what_is_a_case(
    hub: Served, ask: Hub, told: Callable[..., tuple[int, str, str]]
) -> None:
    nothing = {"count": 0, "oldest_at": "", "oldest_seconds": 0}
    assert ask("backlog") == {
        "intents": {"held": nothing, "writing": nothing},
        "cases": dict.fromkeys(("rejected", "parked", "provisional", "copied"), nothing),
    }
    desk = hub.desk()
    (order,) = ready(desk)
    first, second = desk.hand_over(order), desk.hand_over(order)
    desk.push(first, second)
    waiting = ask("backlog")
    assert waiting["intents"]["held"]["count"] == waiting["cases"]["rejected"]["count"] == 1
    assert waiting["cases"]["rejected"]["oldest_at"] <= datetime.now(UTC).isoformat()
    (case,) = ask("cases")
    assert (case["fact"], case["till"], case["store"]) == (second["id"], desk.till, "B01")
    assert (case["subject"], case["kind"]) == (second["subject"], "HandedOver")
    assert (case["answer"], case["reason"]) == ("rejected", "already-handed-over")
    assert case["age_seconds"] < 60
    assert ask("cases", "--store", "B02") == []
    code, said, _ = told("cases")
    assert (code, second["id"] in said) == (0, True)
    assert ask("tills")[0]["last_fact_at"] >= case["arrived_at"]
    desk.one(desk.settle(second))
    assert ask("cases") == []


def test_every_open_case_is_counted_and_tells_both_sides(
    hub: Served, ask: Hub, told: Callable[..., tuple[int, str, str]]
) -> None:
    desk = hub.desk()
    first, second, third = ready(desk, 3)
    desk.one(desk.hand_over(first))
    alone = desk.hand_over(second, custody={"provisional": "manager", "reason": "he is known here"})
    assert desk.one(alone)["answer"] == "accepted"
    real, desk.chain = desk.chain, []
    assert desk.send(desk.request(desk.hand_over(third))).status_code == 423
    desk.chain = real
    assert {what: heap["count"] for what, heap in ask("backlog")["cases"].items()} == {
        "rejected": 0,
        "parked": 0,
        "provisional": 1,
        "copied": 1,
    }
    assert ask("backlog")["cases"]["copied"]["oldest_at"]
    on_word, copied = ask("cases")
    assert (on_word["answer"], on_word["reason"], on_word["clerk"]) == ("accepted", "provisional", "Ana")
    assert on_word["said"] == {
        "kind": "HandedOver",
        "till": desk.till,
        "clerk": "Ana",
        "at": alone["at"],
        "lines": json.loads(alone["payload"])["lines"],
        "why": "he is known here",
    }
    assert (copied["reason"], copied["said"]["subject"]) == ("till-copied", f"order:{third['number']}")
    assert copied["others"][0]["subject"] == f"order:{first['number']}"
    _, said, _ = told("cases")
    assert said.splitlines()[0].split()[2:5] == ["s", desk.till, "Ana"]
    for ident, subject in ((alone["id"], alone["subject"]), (copied["fact"], copied["subject"])):
        settled = desk.fact("CaseSettled", subject, {"fact": ident, "choice": "off"})
        assert desk.one(settled)["answer"] == "accepted"
    assert ask("cases") == []
    assert all(heap["count"] == 0 for heap in ask("backlog")["cases"].values())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["revoke", "--till", "B09-1"], "There is no till B09-1 at this hub."),
        (["re-enrol", "--till", "B09-1"], "There is no till B09-1 at this hub."),
        (["enrol", "--store", "B09"], "There is no store B09. The stores are: B01, B02, B03."),
        (["tills", "--store", "B09"], "There is no store B09. The stores are: B01, B02, B03."),
        (["cases", "--store", "B09"], "There is no store B09. The stores are: B01, B02, B03."),
        (
            ["pins", "--add", "xyz"],
            "xyz is no pin. Please give it as the hub's operator sees it: 64 digits and letters.",
        ),
        (["pins", "--remove", "0" * 64], f"{'0' * 64} is not among the hub's pins."),
        (
            ["backup"],
            "Please say where the backup goes: --to FILE for SQLite, or a command of your own after --.",
        ),
        (["backup", "--", "false"], "The backup was not made (false: exit code 1). Please try again."),
    ],
)
def test_what_does_not_work_is_one_sentence(
    told: Callable[..., tuple[int, str, str]], words: list[str], sentence: str
) -> None:
    assert told(*words) == (1, "", sentence + "\n")


def test_every_command_has_both_forms(told: Callable[..., tuple[int, str, str]]) -> None:
    for name in ("stores", "tills", "backlog", "cases", "orders", "pins", "backups", "restored"):
        code, said, complaint = told(name)
        assert (code, complaint) == (0, ""), name
        code, said, complaint = told(name, "--json")
        assert (code, complaint) == (0, "")
        json.loads(said)


def test_pins_are_added_ahead_and_the_last_one_stays(
    ask: Hub, told: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    assert ask("pins") == []
    one, other = Authority(tmp_path).pair(), "a" * 64
    assert ask("pins", "--add", one.certificate) == [one.pin]
    assert ask("pins", "--add", other.upper()) == sorted([one.pin, other])
    assert ask("enrol", "--store", "B01")["pins"] == sorted([one.pin, other])
    _, _, hint = told("enrol", "--store", "B01")
    assert f"--pin {one.pin}" in hint
    assert ask("pins", "--remove", one.pin) == [other]
    code, _, complaint = told("pins", "--remove", other)
    assert (code, complaint) == (1, "That is the last pin. Please add the next one first.\n")


# -- backups --------------------------------------------------------------------------------------
def generation(url: str) -> str:
    database = Database(url)
    with database.read() as connection:
        found = keys.get(connection, keys.GENERATION)
    database.close()
    return found


def test_a_file_copied_while_the_hub_serves_is_known_as_a_backup(
    hub: Served, url: str, ask: Hub, told: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    desk = hub.desk()
    (order,) = ready(desk)
    desk.one(desk.hand_over(order))
    copy = tmp_path / "copy.db"
    code, _, complaint = told("backup", "--to", copy)
    if not hub.database.is_sqlite:
        assert (code, complaint.startswith("That way is for a hub on SQLite.")) == (1, True)
        return
    assert (code, complaint) == (0, "")
    code, _, complaint = told("backup", "--to", copy)
    assert (code, complaint.startswith(f"There is a file {copy} already.")) == (1, True)
    (note,) = ask("backups")
    assert (note["to"], note["generation"]) == (str(copy), generation(url))
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []
    # The living hub is none the wiser; the copy knows what it is, once.
    assert not backups.recognised(hub.database)
    restored = Database(f"sqlite:///{copy}")
    assert backups.recognised(restored)
    assert not backups.recognised(restored)
    restored.close()
    assert generation(f"sqlite:///{copy}") != generation(url)


def test_what_a_command_of_the_operators_copies_is_known_as_a_backup(
    hub: Served, url: str, ask: Hub, tmp_path: Path
) -> None:
    """With the tools that operators use: pg_dump and a file's own copy."""
    before = generation(url)
    if hub.database.is_sqlite:
        copy = f"sqlite:///{tmp_path / 'copy.db'}"
        script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM INTO ?', sys.argv[2:])"
        command = [sys.executable, "-c", script, str(hub.database.file()), str(tmp_path / "copy.db")]
        ask("backup", "--", *command)
    else:
        bins = postgres.binaries()
        assert bins
        if not (bins / "pg_dump").exists():
            pytest.skip("not run: no pg_dump beside this PostgreSQL")
        dump = tmp_path / "dump.sql"
        ask("backup", "--", bins / "pg_dump", "-f", dump, url)
        name = url.rpartition("/")[2]
        copy = f"{url}_restored"
        _psql(bins, url.rpartition("/")[0] + "/postgres", "-c", f"CREATE DATABASE {name}_restored")
        _psql(bins, copy, "-f", str(dump))
    assert generation(url) == before
    assert not backups.recognised(hub.database)
    restored = Database(copy)
    assert backups.recognised(restored)
    restored.close()
    assert generation(copy) != before
    assert len(ask("backups")) == 1


def _psql(bins: Path, url: str, *words: str) -> None:
    subprocess.run(
        [bins / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, *words],
        check=True,
        capture_output=True,
    )


def test_a_copy_that_cannot_be_made_leaves_nothing(
    hub: Served, told: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, _, complaint = told("backup", "--to", tmp_path / "nowhere" / "copy.db")
    assert code == 1
    if hub.database.is_sqlite:
        assert complaint.startswith("The backup was not made (")
    code, _, complaint = told("backup", "--", "/nowhere/at/all")
    assert (
        complaint
        == "The backup was not made (/nowhere/at/all: No such file or directory). Please try again.\n"
    )
    assert not backups.recognised(hub.database)
