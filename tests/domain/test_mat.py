"""A mat's codes belong to its store alone."""

from posapp.domain import mat
from posapp.domain.codes import Kind, is_code, read

ONE, OTHER = bytes(32), bytes(range(32))


def test_each_command_has_a_code_of_its_own_and_is_understood() -> None:
    made = mat.codes(ONE)
    assert list(made) == list(mat.Command)
    assert len(set(made.values())) == len(mat.Command)
    for command, code in made.items():
        assert is_code(code)
        assert read(code).kind is Kind.COMMAND
        assert mat.command(ONE, code) is command


def test_another_stores_mat_commands_nothing() -> None:
    for code in mat.codes(OTHER).values():
        assert mat.command(ONE, code) is None
    assert mat.command(b"", mat.codes(b"")[mat.Command.OK]) is None
    assert mat.command(ONE, "CDſ") is None
