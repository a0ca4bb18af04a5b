"""Every text a person reads: gettext over English sources, German in the catalogue.

``_`` looks up at the time of the call, so a screen that is told of a change of language only has to
set its texts again. `sentence` turns an error into what to say and what to do next.
"""

from __future__ import annotations

import gettext
from datetime import date, datetime

import resources
from posapp.domain.errors import PosappError
from posapp.domain.money import Money

LANGUAGES = ("de", "en")

_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"


def use(language: str) -> None:
    """Speak ``language`` ("de" or "en") from now on. Raises ValueError for another."""
    global _catalogue, _language  # noqa: PLW0603  # one language a process, as one screen has
    if language not in LANGUAGES:
        raise ValueError(language)
    if language == _language:
        return
    if language == "en":
        _catalogue = gettext.NullTranslations()
    else:
        with resources.path(f"translations/{language}/LC_MESSAGES/posapp.mo").open("rb") as file:
            _catalogue = gettext.GNUTranslations(file)
    _language = language


def language() -> str:
    """The language in use."""
    return _language


def _(message: str) -> str:
    """The message in the language in use."""
    return _catalogue.gettext(message) if message else ""


def ngettext(one: str, many: str, count: int) -> str:
    """The message for ``count`` things; use ``{count}`` inside and format afterwards."""
    return _catalogue.ngettext(one, many, count)


def N_(message: str) -> str:  # gettext's usual name for "translate later"
    """Marks a message that is translated where it is shown."""
    return message


def number(value: int) -> str:
    """``100.000`` in German, ``100,000`` in English."""
    grouped = f"{value:,}"
    return grouped.replace(",", ".") if _language == "de" else grouped


def money(amount: Money) -> str:
    """``1.218,75 €`` in German, ``€1,218.75`` in English; other currencies by their ISO code."""
    sign = "-" if amount.minor < 0 else ""
    whole, cents = divmod(abs(amount.minor), 100)
    grouped = number(whole)
    if _language == "de":
        unit = "€" if amount.currency == "EUR" else amount.currency
        return f"{sign}{grouped},{cents:02}\N{NO-BREAK SPACE}{unit}"
    unit = "€" if amount.currency == "EUR" else amount.currency + "\N{NO-BREAK SPACE}"
    return f"{sign}{unit}{grouped}.{cents:02}"


def day(value: date) -> str:
    """``21.11.2026`` or ``21 Nov 2026``; a datetime is taken in this machine's time zone."""
    if isinstance(value, datetime):
        value = value.astimezone().date()
    if _language == "de":
        return f"{value.day:02}.{value.month:02}.{value.year}"
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{value.day} {months[value.month - 1]} {value.year}"


def clock(value: datetime) -> str:
    """``14:20`` in this machine's time zone."""
    return f"{value.astimezone():%H:%M}"


def moment(value: datetime, now: datetime) -> str:
    """The clock time, with the day in front where it is not today."""
    same = value.astimezone().date() == now.astimezone().date()
    return clock(value) if same else f"{day(value)}, {clock(value)}"


def age(seconds: float) -> str:
    """How long ago, in the largest fitting unit: ``40 s``, ``4 min``, ``3 h``, ``2 days``."""
    if seconds < 60:
        return f"{max(0, int(seconds))} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min"
    if seconds < 2 * 86400:
        return f"{int(seconds // 3600)} h"
    days = int(seconds // 86400)
    return ngettext("{count} day", "{count} days", days).format(count=days)


_SENTENCES = {
    "order-cancelled": N_("Order {number} was cancelled. Please do not hand it over."),
    "order-blocked": N_("Order {number} is blocked. Please ask the manager."),
    "order-unpaid": N_("Order {number} is not paid. Please send the customer to the shop."),
    "order-pay-first": N_("Order {number} is to be paid here first. Please take the amount."),
    "already-handed-over": N_("Order {number} was handed over already. Please hand over nothing."),
    "served-elsewhere": N_("{till} is serving order {number}. Please ask there."),
    "handed-over-elsewhere": N_("{till} has handed over order {number}. Please hand over nothing."),
    "claim-missing": N_(
        "Neither the shop nor the lead till can be reached. Please scan the parcel's own label, or ask a manager."
    ),
    "more-than-ordered": N_("That is more than was ordered in {number}. Please count again."),
    "nothing-to-hand-over": N_("There is nothing to hand over in {number}. Please scan again."),
    "nothing-to-undo": N_("There is nothing to take back in {number} any more."),
    "undo-too-late": N_("The time to undo is over. Please ask the manager."),
    "subject-unknown": N_("{subject} is not known here. Please scan again."),
    "case-closed": N_("This case is settled already."),
    "case-open": N_("A case is open for {number}. Please settle it under Needs attention."),
    "not-here": N_("Order {number} is not in this store yet. Please hand over nothing."),
    "ticket-customer-missing": N_("Please enter the customer's name."),
    "ticket-object-missing": N_("Please enter what was brought in."),
    "ticket-bag-missing": N_("Please scan the bag's label."),
    "ticket-store-missing": N_("This till does not know its store. Please call support."),
    "ticket-unreadable": N_("This ticket cannot be read. Please call support."),
    "ticket-known": N_("There is a ticket {ticket} already. Please open it again."),
    "ticket-step": N_("The ticket cannot go there from where it stands. Please look at it again."),
    "ticket-handed-back": N_("The object was handed back already. There is nothing to hand back."),
    "ticket-not-ready": N_("The work is not done yet. Please mark it as done first."),
    "ticket-day-over": N_("The promised day is over already. Please choose a later one."),
    "ticket-bag-in-use": N_("Bag {bag} is in use. Please take another one."),
    "ticket-bag-wrong": N_("That is no bag's label. Please scan the label, or leave the field empty."),
    "in-use": N_("posapp runs already on {folder}. Please use the open window."),
    "folder-unusable": N_("The folder {folder} cannot be used ({why}). Please choose another."),
    "settings-wrong": N_("The settings file {file} cannot be read ({key}). Please correct it."),
    "ledger-damaged": N_(
        "The journal {file} is damaged. Nothing was changed. Please call support, or run: posapp till restore"
    ),
    "ledger-too-new": N_(
        "The journal {file} was written by a newer posapp. Nothing was changed. Please update posapp."
    ),
    "ledger-locked": N_("The journal is busy at the moment. Nothing was saved. Please try again."),
    "ledger-old": N_("The journal {file} is of an older posapp. Please start the till once."),
    "no-ledger": N_("There is no till in {folder}. Please name its folder with --data."),
    "chain-broken": N_(
        "The journal {file} is not as it was written ({why}). Please call support, or run: posapp till restore"
    ),
    "mirror-damaged": N_(
        "The copy of the hub's data in {file} is damaged. It is made anew when the till starts."
    ),
    "sqlite-too-old": N_("SQLite {version} is too old to be safe. Please install posapp again."),
    "no-display": N_("There is no screen to show the till on. Please start it in a desktop session."),
    "key-missing": N_("The key to {file} is missing. Nothing was changed. Please call support."),
    "key-open": N_(
        "The key to {file} can be read by other users of this machine. Please call support before you go on."
    ),
    "key-exists": N_("There is a key in {file} already. Nothing was changed. Please use another folder."),
    "key-wrong": N_(
        "The key does not fit {file}, or the file is damaged. Nothing was changed. "
        "Please call support, or run: posapp till restore"
    ),
    "ledger-well": N_("The journal {file} is whole. There is nothing to restore."),
    "ledger-gone": N_(
        "The journal of this till is gone, but there are copies of it. Please run: posapp till restore"
    ),
    "no-copy": N_(
        "There is no copy in {folder} that is whole. Nothing was changed. Please keep the folder and call support."
    ),
    "copy-stopped": N_("The journal was not copied, because posapp ended. Please try again."),
    "room-short": N_(
        "There is too little room on the disk. Nothing was saved. Please make room and try again."
    ),
    "room-tight": N_(
        "The disk is full. What was begun can be finished; please make room before you take in anything new."
    ),
    "disk-full": N_("The disk is full. Nothing was saved. Please make room and try again."),
    "disk-failed": N_("The disk did not take it ({why}). Nothing was saved. Please try again."),
    "not-enrolled": N_("This till is not enrolled yet. Please run: posapp till enrol --hub URL --code CODE"),
    "enrolled-already": N_("This folder belongs to till {till} already. Please use another folder."),
    "code-refused": N_("The enrolment code was not accepted. Please ask for a new one."),
    "code-of-another-till": N_(
        "This code is for till {till}, this folder belongs to another one. Please ask for a new code."
    ),
    "hub-address-wrong": N_("{url} is not the address of a hub. Please give it as https://HOST:PORT."),
    "hub-key-wrong": N_(
        "Somebody else answers for the hub at {url}: its key is not the one this till knows. Nothing was sent. "
        "Please check the address, and call support."
    ),
    "hub-certificate-wrong": N_(
        "The certificate of the hub at {url} is not one that this machine trusts. Nothing was sent. "
        "Please ask the operator for the hub's pin and give it with --pin."
    ),
    "pin-wrong": N_("{pin} is no pin. Please give it as the hub's operator sees it: 64 digits and letters."),
    "pin-unreadable": N_("There is no key to be read in {file}. Please give a PEM file without a password."),
    "pin-needs-https": N_("A key can be pinned with TLS only. Please give the hub's address with https://."),
    "certificate-unusable": N_(
        "The certificate {file} and the key {key} cannot be used ({why}). Please check both files."
    ),
    "key-not-pinned": N_(
        "The tills would turn this hub away: they do not know the key of {file}. Nothing was started. "
        "Please tell them of it first: posapp hub pins --add {file}"
    ),
    "pin-in-use": N_("That is the last pin. Please add the next one first."),
    "pin-unknown": N_("{pin} is not among the hub's pins."),
    "certificate-half": N_("The hub needs both --certificate and --key, or neither. Please give both files."),
    "backup-where": N_(
        "Please say where the backup goes: --to FILE for SQLite, or a command of your own after --."
    ),
    "backup-sqlite": N_("That way is for a hub on SQLite. Please give a command of your own after --."),
    "backup-exists": N_("There is a file {file} already. Nothing was written. Please choose another name."),
    "backup-failed": N_("The backup was not made ({why}). Please try again."),
    "hub-busy": N_("The hub has too much to do at the moment. Please try again."),
    "hub-failed": N_("The hub has a problem of its own. Please try again, or call support."),
    "hub-too-new": N_(
        "The hub's database was written by a newer posapp. Nothing was changed. Please update posapp."
    ),
    "too-old": N_("The hub needs a newer posapp. Please update posapp."),
    "hub-too-old": N_("The hub is too old for this posapp. Please ask its operator to update it."),
    "hub-older": N_(
        "The hub's database is older than this posapp. Nothing was changed. Please start the hub with this posapp first, "
        "or give the command with the hub's own."
    ),
    "postgresql-too-old": N_(
        "This is PostgreSQL {version}; the hub needs {floor} or newer. Nothing was changed. Please update the database server."
    ),
    "hub-unreachable": N_("The hub does not answer. Please check the line and try again."),
    "hub-strange": N_("The hub gave an answer that posapp does not understand. Please call support."),
    "lease-lost": N_("Another hub process does this now. There is nothing to do."),
    "port-in-use": N_("Port {port} is in use. Please choose another one with --port."),
    "database-unusable": N_(
        "The hub cannot use its database {where} ({why}). Please check it and try again."
    ),
    "address-unusable": N_("The hub cannot listen on {host}, port {port}. Please choose another address."),
    "till-unknown": N_("There is no till {till} at this hub."),
    "till-revoked": N_(
        "This till was revoked and takes nothing more. What was done here goes to the hub, then its data is removed. "
        "Please leave it on and call support."
    ),
    "till-wiped": N_(
        "This till was revoked and its data was removed. To go on with this computer, please enrol a new folder."
    ),
    "till-refused": N_("The hub does not take this till any more. Please ask for a new enrolment code."),
    "order-unknown": N_("There is no order {number} at this hub."),
    "token-unfit": N_("The number {number} is too long for a signed code, or has characters it cannot hold."),
    "store-code-wrong": N_(
        "{code} is no code for a store. Please take 1 to 12 capital letters and digits, like B07."
    ),
    "store-name-missing": N_("A store needs a name. Please give it: --name NAME."),
    "store-text-wrong": N_(
        "Name, address and hours are one line each. Please take at most {most} characters."
    ),
    "store-undo-wrong": N_("The time to undo is 0 to {most} seconds. Please give it so."),
    "store-unknown": N_("There is no store {store}. The stores are: {stores}."),
    "no-terminal": N_("There is no card terminal at this till. Please take the amount another way."),
    "nothing-to-pay": N_("There is nothing to pay for {number} here. Please scan it again."),
    "sale-closed": N_("{number} is paid already. Please take no money again."),
    "sale-unreadable": N_("The payment for {number} cannot be read. Please call support."),
    "payment-open": N_("A card payment for {number} is not settled yet. Please settle that one first."),
    "payment-settled": N_("There is no card payment to settle for {number} any more."),
    "terminal-unreachable": N_("The card terminal cannot be reached. Please check its power and its line."),
    "terminal-busy": N_("The card terminal is busy or does not answer. Please look at it."),
    "card-declined": N_("The card was declined. Nothing was booked."),
    "card-cancelled": N_("The payment was given up. Nothing was booked."),
    "card-failed": N_("The terminal ended the payment. Nothing was booked."),
    "card-not-booked": N_("The terminal has not booked the payment."),
    "card-currency": N_("The card terminal does not take this currency. Nothing was booked."),
    "card-interrupted": N_("The line to the terminal broke off in the payment."),
    "card-unclear": N_("The terminal does not say it clearly. Please read the last slip on the terminal."),
    "nothing-to-print": N_("There is no slip to print. Please hand something over first."),
    "printer-paper-out": N_("The printer is out of paper. Please put in a new roll."),
    "printer-cover-open": N_("The printer's cover is open. Please close it."),
    "printer-offline": N_("The printer is not ready. Please press its feed button, or switch it off and on."),
    "printer-fault": N_("The printer reports a fault. Please switch it off and on."),
    "printer-silent": N_("The printer does not answer. Please look whether it is switched on."),
    "printer-unreachable": N_("The printer cannot be reached. Please check its power and its cable."),
    "printer-lost": N_("The line to the printer broke off. Please check its cable."),
    "printer-restarted": N_("posapp ended before the printing did."),
    "printer-unfit": N_("This paper does not fit this printer. Please use its PDF."),
    "hub-missing": N_("There is no hub in {folder}. Please start it with: posapp hub serve"),
}


def sentence(error: PosappError) -> str:
    """What happened and what to do next, in the language in use."""
    found = _SENTENCES.get(error.reason)
    if found is None:
        return _("That did not work ({why}). Please try again.").format(why=error)
    return _(found).format_map(_Places(error.details))


class _Places(dict[str, str | int]):
    """A place that nobody filled stays visible instead of breaking the sentence."""

    def __missing__(self, key: str) -> str:
        return "…"
