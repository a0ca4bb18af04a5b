"""Keeps the German catalogue in step with the code: ``python -m tools.catalogue update`` or ``check``.

The texts in the code are English and are their own source, so there is one catalogue a further
language. It is committed together with its compiled form: an installed till needs no tool to speak.
Entries carry no line numbers and are sorted, so that a diff shows texts and nothing else.

``update`` takes new texts in, drops those that no code uses and compiles. It does not guess: a
changed text is a new one, and a person translates it. ``check`` writes nothing and fails wherever
a clerk would read a wrong text: a stale, missing or doubtful translation, a lost place to fill in,
or a compiled file that says something else than its source.
"""

import argparse
import io
import string
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

import posapp

SOURCES = ("posapp", "ui", "drivers", "sync")
LANGUAGES = ("de",)
# Which arguments of a call are texts. N_ marks a text that is translated where it is shown.
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}
# A comment that begins so, right above a text, reaches the translator.
COMMENTS = ("Translators:",)


def po_path(root: Path, language: str) -> Path:
    """Where the catalogue of a language lies; the compiled one lies beside it."""
    return root / "resources" / "translations" / language / "LC_MESSAGES" / "posapp.po"


def extract(root: Path) -> Catalog:
    """All texts of the code, each once, in no particular order."""
    template = Catalog(project="posapp", version=posapp.__version__, charset="utf-8")
    for folder in SOURCES:
        found = extract_from_dir(
            root / folder, [("**.py", "python")], keywords=KEYWORDS, comment_tags=COMMENTS
        )
        for _file, _line, message, comments, context in found:
            template.add(message, auto_comments=comments, context=context)
    return template


def update(root: Path, language: str) -> str:
    """Brings the catalogue and its compiled form up to date; says what there is left to do."""
    path = po_path(root, language)
    template = extract(root)
    catalogue = read(path, language) if path.exists() else empty(language)
    catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.BytesIO()
    write_po(text, catalogue, width=100, no_location=True, sort_output=True, ignore_obsolete=True)
    path.write_bytes(text.getvalue())
    path.with_suffix(".mo").write_bytes(compiled(catalogue))
    missing = sum(1 for message in texts(catalogue) if not translated(message))
    return f"{language}: {len(catalogue)} texts, {missing} to translate in {path.relative_to(root)}"


def problems(root: Path, language: str) -> Iterator[str]:
    """Everything that would let a clerk read a wrong text, a line each."""
    path = po_path(root, language)
    if not path.exists():
        yield f"{path.relative_to(root)} is missing: make texts"
        return
    catalogue = read(path, language)
    wanted = {(message.context, message.id) for message in texts(extract(root))}
    present = {(message.context, message.id) for message in texts(catalogue)}
    for _context, text in sorted(wanted - present, key=str):
        yield f"not in the catalogue: {text!r}: make texts"
    for _context, text in sorted(present - wanted, key=str):
        yield f"no code uses: {text!r}: make texts"
    for obsolete in catalogue.obsolete.values():
        yield f"obsolete: {obsolete.id!r}: make texts"
    for message in texts(catalogue):
        if message.fuzzy:
            yield f"fuzzy: {message.id!r}"
        if not translated(message):
            yield f"not translated: {message.id!r}"
        elif not keeps_its_places(message):
            yield f"other places to fill in: {message.id!r} became {message.string!r}"
        else:
            for error in message.check(catalogue):
                yield f"{error}: {message.id!r}"
    mo_path = path.with_suffix(".mo")
    if not mo_path.exists() or spoken(mo_path.read_bytes()) != spoken(compiled(catalogue)):
        yield f"{mo_path.relative_to(root)} is not what its .po says: make texts"


def empty(language: str) -> Catalog:
    """A catalogue with the header that all of ours have."""
    now = datetime.now(UTC)
    return Catalog(
        locale=language,
        header_comment=f"# posapp in the language {language!r}; kept up to date by `make texts`.",
        project="posapp",
        version=posapp.__version__,
        creation_date=now,
        revision_date=now,
        msgid_bugs_address="posapp",
        last_translator="posapp",
        language_team="posapp",
        charset="utf-8",
        fuzzy=False,
    )


def read(path: Path, language: str) -> Catalog:
    """The catalogue as it lies on disk; a broken file is an error and never an empty catalogue."""
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def compiled(catalogue: Catalog) -> bytes:
    """The form that gettext reads."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def spoken(mo: bytes) -> tuple[str, dict[str, tuple[str, ...]]]:
    """What a compiled catalogue says. Its header names the tool that wrote it, which says nothing."""
    catalogue = read_mo(io.BytesIO(mo))
    said = {f"{message.context}|{message.id}": forms(message.string) for message in texts(catalogue)}
    return catalogue.plural_expr, said


def texts(catalogue: Catalog) -> Iterator[Message]:
    """The messages, without the header, which is the message of the empty text."""
    return (message for message in catalogue if message.id)


def translated(message: Message) -> bool:
    """Whether every form of the message says something."""
    return all(forms(message.string))


def forms(text: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    """One text, or one for each number; a new message has None until it has been written once."""
    return (text or "",) if isinstance(text, str | None) else tuple(text)


def places(text: str) -> frozenset[str]:
    """The names of the places to fill in: ``{number}``; an unreadable text has one of its own."""
    try:
        return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
    except ValueError:
        return frozenset({text})


def keeps_its_places(message: Message) -> bool:
    """Whether each form fills in what its source fills in; the form for one thing may leave out {count}."""
    *few, many = (places(text) for text in forms(message.string))
    wanted = places(forms(message.id)[-1])
    return many == wanted and all(found | {"count"} == wanted | {"count"} for found in few)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.catalogue", description=__doc__)
    parser.add_argument("action", choices=("update", "check"))
    action: str = parser.parse_args(arguments).action
    root = Path(__file__).resolve().parent.parent
    if action == "update":
        for language in LANGUAGES:
            print(update(root, language))
        return 0
    found = [f"{language}: {line}" for language in LANGUAGES for line in problems(root, language)]
    for line in found:
        print(line)
    print(f"catalogue: {len(found)} problems" if found else "catalogue: complete and compiled")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
