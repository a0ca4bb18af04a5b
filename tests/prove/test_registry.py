"""The bars are found by their names, run one by one, and tell their figure last."""

import pytest

from tests.prove import registry
from tests.prove.__main__ import main


def test_every_bar_has_a_claim_in_one_sentence() -> None:
    bars = [registry.load(name) for name in registry.names()]
    assert {"first-B1", "first-B6"} <= {bar.name for bar in bars}
    assert [bar.name for bar in bars if not bar.claim.endswith(".") or "\n" in bar.claim] == []


def test_the_list_names_each_bar_with_its_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(registry.names())


@pytest.mark.parametrize(
    ("result", "code", "last"),
    [
        ((True, "12 of 12"), 0, "first-B6 holds: 12 of 12 (0 s)"),
        ((False, "11\nof 12"), 1, "first-B6 DOES NOT HOLD: 11 of 12 (0 s)"),
        (OSError("no disk"), 1, "first-B6 DOES NOT HOLD: broke off with OSError: no disk (0 s)"),
    ],
)
def test_the_figure_is_the_last_line_and_decides_the_exit(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    result: tuple[bool, str] | OSError,
    code: int,
    last: str,
) -> None:
    def run(long: bool) -> tuple[bool, str]:
        assert not long
        if isinstance(result, OSError):
            raise result
        return result

    monkeypatch.setattr("tests.prove.first_b6.run", run)
    monkeypatch.setenv("POSAPP_PROVE_DONE", "")
    assert main(["first-B6"]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_an_unknown_bar_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["first-B99"])
    assert "first-B1" in capsys.readouterr().err


def test_what_is_only_reported_fails_nothing_and_is_not_begun_late(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POSAPP_PROVE_DONE", "")
    monkeypatch.setattr(
        "tests.prove.registry.names", lambda: {"first-B2": "first_b2", "first-B3": "first_b3"}
    )
    begun: list[str] = []
    for name, holds in (("first_b2", True), ("first_b3", False)):

        def run(long: bool, name: str = name, holds: bool = holds) -> tuple[bool, str]:
            begun.append(name)
            return holds, "told"

        monkeypatch.setattr(f"tests.prove.{name}.run", run)
    assert main(["--all"]) == 1
    assert main(["--all", "--report", "first-B3"]) == 0
    assert main(["--all", "--report", "first-B3", "--within", "-1"]) == 0
    assert begun == ["first_b2", "first_b3"] * 2 + ["first_b2"]
    assert "not proved, no time was left: first-B3" in capsys.readouterr().out
    begun.clear()
    assert main(["--all", "--report", "first-B2"]) == 1
    assert begun == ["first_b3", "first_b2"], "what is only reported comes last"
