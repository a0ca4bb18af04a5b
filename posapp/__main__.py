"""The command line: ``posapp <command>``. Stable and documented; operators and scripts use it.

Exit codes: 0 done, 1 it did not work (one sentence on standard error says why), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from posapp import __version__, paths, texts
from posapp.domain.errors import PosappError, StorageFault, Unavailable
from posapp.options import count


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = _parser(argv).parse_args(argv)
    texts.use(_language(arguments))
    try:
        code: int = arguments.run(arguments)
    except PosappError as error:
        print(texts.sentence(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough; the interpreter must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="posapp", description="The till for partner stores.")
    parser.add_argument("--version", action="version", version=f"posapp {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    # Only the command that is asked for gets its options: all of them would take 10 ms of each start.
    wanted = [name for name in argv if name in _COMMANDS][:1]
    for name in wanted or _COMMANDS:
        said, fill = _COMMANDS[name]
        fill(commands.add_parser(name, help=said))
    return parser


def _demo_options(demo: argparse.ArgumentParser) -> None:
    _data(demo)
    demo.add_argument("--lang", choices=texts.LANGUAGES, default="de")
    demo.add_argument("--port", type=int, default=0, help="the hub's port (default: a free one)")
    demo.add_argument("--orders", type=count, default=36, help="orders in the sample shop")
    demo.add_argument("--scanner", action="append", default=[], help="a serial scanner's device")
    demo.add_argument("--story", action="store_true", help="play the story without a person")
    demo.add_argument("--out", default="demo-out", help="folder for the story's screenshots")
    demo.set_defaults(run=_demo)


def _till_options(till: argparse.ArgumentParser) -> None:
    _data(till)
    till.add_argument("--lang", choices=texts.LANGUAGES, default=None)
    till.add_argument("--scanner", action="append", default=[], help="a serial scanner's device")
    till.set_defaults(run=_till)
    more = till.add_subparsers(metavar="enrol | restore")
    restore = more.add_parser("restore", help="go on from the newest copy of a damaged journal")
    _data(restore, argparse.SUPPRESS)
    restore.set_defaults(run=_till_restore)
    enrol = more.add_parser("enrol", help="enrol this folder")
    _data(enrol, argparse.SUPPRESS)
    enrol.add_argument("--hub", required=True, metavar="URL")
    enrol.add_argument("--code", required=True)
    enrol.add_argument("--again", action="store_true", help="this till, with a new code, after a fork")
    enrol.add_argument(
        "--pin", action="append", default=[], help="the SHA-256 of the hub's key; once more for its next one"
    )
    enrol.set_defaults(run=_till_enrol)


def _sync_options(sync: argparse.ArgumentParser) -> None:
    _data(sync)
    sync.add_argument("--attached", action="store_true", help=argparse.SUPPRESS)
    sync.add_argument(
        "--door",
        type=_door,
        metavar="HOST:PORT|off",
        help="where this till, as its store's lead, hears the other tills; else as in posapp.toml",
    )
    sync.set_defaults(run=_sync)


def _hub_options(hub: argparse.ArgumentParser) -> None:
    try:
        from posapp.hub_commands import options
    except ModuleNotFoundError as error:
        hub.error(f"{error.name} is missing; the hub needs: pip install 'posapp[hub]'")
    options(hub)


def _journal_options(journal: argparse.ArgumentParser) -> None:
    _data(journal)
    journal.add_argument("--json", action="store_true")
    journal.set_defaults(run=_journal)


def _verify_options(verify: argparse.ArgumentParser) -> None:
    _data(verify)
    verify.set_defaults(run=_verify)


def _codes_options(codes: argparse.ArgumentParser) -> None:
    _data(codes)
    form = codes.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true")
    form.add_argument("--pdf", metavar="FILE")
    codes.set_defaults(run=_codes)


_COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "demo": ("hub with a sample shop, and one till", _demo_options),
    "till": ("the till's window; 'till enrol' makes a folder a till, 'till restore' mends it", _till_options),
    "sync": ("the sync process alone", _sync_options),
    "hub": ("the hub between tills and shop", _hub_options),
    "journal": ("the till's journal, a fact a line", _journal_options),
    "verify": ("check the files and the hash chain", _verify_options),
    "codes": ("the demo's pickup codes", _codes_options),
}


def _data(command: argparse.ArgumentParser, default: str | None = None) -> None:
    command.add_argument("--data", metavar="DIR", default=default, help="the data folder")


def _language(arguments: argparse.Namespace) -> str:
    chosen = getattr(arguments, "lang", None) or os.environ.get("POSAPP_LANG")
    if chosen in texts.LANGUAGES:
        return str(chosen)
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "de" if spoken.startswith("de") or arguments.run is _till else "en"


# -- the till ------------------------------------------------------------------------------------
def _demo(arguments: argparse.Namespace) -> int:
    from posapp import demo

    return demo.run(
        folder=Path(arguments.data).expanduser().absolute() if arguments.data else None,
        language=arguments.lang,
        port=arguments.port,
        orders=arguments.orders,
        scanners=arguments.scanner,
        story=arguments.story,
        out=Path(arguments.out),
    )


def _till(arguments: argparse.Namespace) -> int:
    # What is loaded now stays for the day: there is no garbage to look for among it.
    gc.disable()
    try:
        return _open_till(arguments)
    finally:
        # Also where no window came, and nothing was ready.
        gc.enable()


def _open_till(arguments: argparse.Namespace) -> int:
    # The core before Qt: of each module that is imported after Qt, PySide6 reads the source.
    from posapp import settings  # noqa: F401
    from posapp.domain import keys  # noqa: F401

    from posapp.start import needs_display, run  # isort: skip

    def ready(hub: str) -> None:
        print(f"posapp ready hub={hub}", flush=True)
        gc.freeze()
        gc.enable()

    if needs_display():
        raise Unavailable("no-display")
    folder = paths.data_folder(arguments.data)
    try:
        return run(
            folder,
            language=arguments.lang,
            scanners=arguments.scanner,
            on_live=lambda: print("posapp live", flush=True),
            on_ready=ready,
        )
    except StorageFault as fault:
        # A clerk starts the till by its icon and sees no terminal: the sentence needs a window too.
        from posapp.start import show_notice

        print(texts.sentence(fault), file=sys.stderr)
        show_notice(fault, folder)
        return 1


def _till_enrol(arguments: argparse.Namespace) -> int:
    from drivers.keys import StoredKeys
    from sync import pins
    from sync.engine.enrol import enrol

    folder = paths.data_folder(arguments.data)
    keys = StoredKeys()
    known = [pins.read(pin) for pin in arguments.pin]
    enrolled = enrol(arguments.hub, arguments.code, folder, keys, again=arguments.again, pins=known)
    print(
        texts._("This till is now {till} of store {store}.").format(till=enrolled.till, store=enrolled.store)
    )
    if keys.where(folder) == "file":
        print(
            texts._("Its key lies in the file {file}; please turn on disk encryption.").format(
                file=folder / paths.KEY
            )
        )
    return 0


def _till_restore(arguments: argparse.Namespace) -> int:
    from drivers.keys import StoredKeys
    from posapp.storage.restore import restore
    from sync.engine.take_back import facts_after

    folder = paths.data_folder(arguments.data)
    with ExitStack() as locks:
        for name in ("till", "sync", "enrol"):
            locks.enter_context(paths.FolderLock(folder, name))
        done = restore(folder, StoredKeys().load(folder), facts_after)
    print(
        texts._(
            "The journal holds {facts} facts again: {copied} from the newest copy, {saved} read out of the "
            "damaged file, {fetched} from the hub."
        ).format(facts=done.facts, copied=done.copied, saved=done.saved, fetched=done.fetched or 0)
    )
    print(texts._("The damaged file is kept as {file}.").format(file=done.aside))
    if done.fetched is None:
        print(
            texts._(
                "The hub could not be asked. If it says that this till is locked out, please ask the operator "
                "for a code and run: posapp till enrol --again"
            )
        )
    return 0


def _sync(arguments: argparse.Namespace) -> int:
    from drivers.keys import StoredKeys
    from sync.engine.process import run

    return run(
        paths.data_folder(arguments.data),
        StoredKeys(),
        sys.stdin,
        sys.stdout,
        attached=arguments.attached,
        door=arguments.door,
    )


def _door(text: str) -> str:
    from posapp.settings import door_at

    try:
        door_at(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no address; say HOST:PORT, :PORT or off") from None
    return text


# -- files ---------------------------------------------------------------------------------------
def _journal(arguments: argparse.Namespace) -> int:
    from drivers.keys import StoredKeys
    from posapp.domain.facts import timestamp
    from posapp.storage.journal import Journal

    folder = _existing(arguments.data)
    journal = Journal(folder / paths.LEDGER, StoredKeys().load(folder))
    try:
        for entry in journal.every():
            fact = entry.fact
            if arguments.json:
                line = {
                    "seq": entry.seq,
                    "id": fact.id,
                    "kind": fact.kind,
                    "subject": fact.subject,
                    "at": timestamp(fact.at),
                    "state": entry.answer.value,
                    "answer": entry.detail,
                    "clerk": fact.clerk,
                    "payload": fact.payload,
                }
                print(json.dumps(line, ensure_ascii=False))
            else:
                print(
                    f"{entry.seq:>6}  {timestamp(fact.at)}  {entry.answer.value:<9} {fact.kind:<16} "
                    f"{fact.subject}  {fact.clerk}  {entry.reason}".rstrip()
                )
    finally:
        journal.close()
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from drivers.keys import StoredKeys
    from posapp.storage.check import check_folder

    folder = _existing(arguments.data)
    facts = check_folder(folder, StoredKeys().load(folder))
    print(
        texts.ngettext(
            "All is well: {count} fact, the chain is whole.",
            "All is well: {count} facts, the chain is whole.",
            facts,
        ).format(count=facts)
    )
    return 0


def _existing(chosen: str | None) -> Path:
    folder = paths.data_folder(chosen)
    if not (folder / paths.LEDGER).exists():
        raise StorageFault("no-ledger", folder=str(folder))
    return folder


def _codes(arguments: argparse.Namespace) -> int:
    from sync.hub import operator

    codes = operator.codes(operator.url_for(paths.data_folder(arguments.data)))
    if arguments.json:
        print(json.dumps(codes, ensure_ascii=False))
    elif arguments.pdf:
        from ui.paper import code_sheet
        from ui.verdicts import headline

        code_sheet(codes, Path(arguments.pdf), headline)
    else:
        for code in codes:
            print(f"{code['code']:<12} {code['number']:<10} {code['state']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
