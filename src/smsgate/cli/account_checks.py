"""Checks of an account: credentials, scopes, phones, queue, webhooks and encryption."""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from smsgate.cli.failures import ExitCode
from smsgate.cli.findings import Finding, Level

if TYPE_CHECKING:
    from smsgate import APIClient, Device, MessageState

_ABSENT = timedelta(hours=24)
_QUIET = timedelta(minutes=30)
"""An idle phone calls the server every 15 minutes."""
_MANY_PENDING = 100
_DECRYPTION_ERRORS = ("Passphrase is not set", "Invalid encrypted data format", "Unsupported algorithm", "decrypt")
"""Texts of the app's failures to decrypt (see also: `smsgate.encryption`)."""


def check_account(client: APIClient, *, is_local: bool, has_passphrase: bool) -> Iterator[Finding]:
    """Yield findings about the account; stops after wrong credentials."""
    from smsgate import UnauthorizedError

    phones: list[Device] | None = None
    try:
        phones = client.list_devices()
    except UnauthorizedError as error:
        yield Finding("credentials", Level.ERROR, str(error), "the app shows the right ones", ExitCode.CREDENTIALS)
        return
    except Exception as error:  # noqa: BLE001 - each check stands for itself
        yield _describe("credentials", error)
    if phones is not None:
        yield Finding("credentials", Level.OK, "accepted")
        yield from _check_phones(phones)
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("queue", lambda: _check_messages(client, has_passphrase=has_passphrase)),
        ("webhooks", lambda: _check_webhooks(client, phones, is_local=is_local)),
    ]
    if not is_local:
        checks.insert(0, ("tokens", lambda: _check_tokens(client)))
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:  # noqa: BLE001, PERF203 - each check stands for itself
            yield _describe(name, error)


def read_token(token: str) -> Finding:
    """Return what an access token says about itself: scopes and expiry; it is not verified."""
    try:
        payload = token.split(".")[1]
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expires = datetime.fromtimestamp(claims["exp"], timezone.utc)
        scopes = ", ".join(claims.get("scopes") or claims.get("scope", "").split())
    except (IndexError, ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return Finding("token", Level.NOTE, "the token is no JWT that this program can read")
    if expires < datetime.now(timezone.utc):
        text = f"the token expired at {expires:%Y-%m-%d %H:%M} UTC"
        return Finding("token", Level.ERROR, text, "issue another one: smsgate token create", ExitCode.CREDENTIALS)
    return Finding("token", Level.OK, f"valid until {expires:%Y-%m-%d %H:%M} UTC, scopes: {scopes or 'none'}")


def _check_phones(phones: list[Device]) -> Iterator[Finding]:
    if not phones:
        yield Finding("phones", Level.ERROR, "the account has no phone", "install the app and sign in")
    now = datetime.now(timezone.utc)
    for phone in phones:
        age = now - phone.last_seen
        seen = f"{phone.name or phone.id} was last seen {_describe_age(age)}"
        if age > _ABSENT:
            yield Finding("phones", Level.WARNING, seen, "is it on, online, and exempt from battery optimization?")
        elif age > _QUIET:
            yield Finding("phones", Level.NOTE, seen, "an idle phone calls every 15 minutes")
        else:
            yield Finding("phones", Level.OK, seen)


def _check_tokens(client: APIClient) -> Iterator[Finding]:
    from smsgate import ForbiddenError, NotImplementedByServerError, TokenRequest

    try:
        issued = client.generate_token(TokenRequest(scopes=["messages:list"], ttl=60))
    except NotImplementedByServerError:
        yield Finding("tokens", Level.NOTE, "the server issues no tokens (JWT is off)", "use login and password")
        return
    except ForbiddenError:
        yield Finding("tokens", Level.NOTE, "these credentials may not issue tokens")
        return
    client.revoke_token(issued.id)
    yield Finding("tokens", Level.OK, "the server issues tokens (JWT)")


def _check_messages(client: APIClient, *, has_passphrase: bool) -> Iterator[Finding]:
    pending = list(islice(client.iter_messages(state="Pending"), _MANY_PENDING))
    oldest = min((time for one in pending if (time := _get_time(one)) is not None), default=None)
    if oldest is not None and datetime.now(timezone.utc) - oldest > _ABSENT:
        text = f"a message waits since {oldest:%Y-%m-%d %H:%M} UTC: a cloud server refuses more for its phone"
        yield Finding("queue", Level.WARNING, text, "bring the phone online, or cancel old messages")
    elif len(pending) >= _MANY_PENDING:
        yield Finding("queue", Level.WARNING, f"{_MANY_PENDING} messages or more are waiting", "is the phone sending?")
    else:
        yield Finding("queue", Level.OK, f"{len(pending)} messages are waiting")
    recent = client.get_messages(include_content=True)
    yield from _check_encryption(recent, has_passphrase=has_passphrase)


def _check_encryption(recent: list[MessageState], *, has_passphrase: bool) -> Iterator[Finding]:
    errors = [each.error or "" for one in recent for each in one.recipients]
    undecryptable = sum(any(text in error for text in _DECRYPTION_ERRORS) for error in errors)
    encrypted = [one for one in recent if one.is_encrypted]
    if undecryptable:
        text = f"phones could not decrypt {undecryptable} recent messages"
        yield Finding("encryption", Level.ERROR, text, "set the same passphrase in the app and here")
    elif encrypted and not has_passphrase:
        text = f"{len(encrypted)} recent messages are encrypted, and there is no passphrase here"
        yield Finding("encryption", Level.WARNING, text, "set SMSGATE_PASSPHRASE to the passphrase of the app")
    elif has_passphrase and recent and not encrypted:
        yield Finding("encryption", Level.NOTE, "there is a passphrase here, but no recent message was encrypted")
    else:
        yield Finding("encryption", Level.OK, "on" if has_passphrase else "off on both sides")


def _check_webhooks(client: APIClient, phones: list[Device] | None, *, is_local: bool) -> Iterator[Finding]:
    listed = client.get_webhooks()
    known = None if phones is None else {phone.id for phone in phones}
    bad = False
    for one in listed:
        problem = _find_problem(one.url, is_local=is_local)
        if problem is None and known is not None and one.device_id is not None and one.device_id not in known:
            problem = f"its phone {one.device_id} is not in the account"
        if problem is not None:
            bad = True
            text = f"webhook {one.id} ({one.event.value}) can never be delivered: {problem}"
            yield Finding("webhooks", Level.WARNING, text, f"smsgate webhooks remove {one.id}")
    if not bad:
        yield Finding("webhooks", Level.OK, f"{len(listed)} webhooks")


def _find_problem(url: str, *, is_local: bool) -> str | None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    is_loopback = host == "localhost" or (address is not None and address.is_loopback)
    if parts.scheme != "https" and not is_loopback:
        return "phones deliver to https only"
    if is_loopback and not is_local:  # a local server may deliver to another app on its phone
        return "it points at the phone itself"
    if address is not None and address.is_unspecified:
        return "it has no address that a phone can reach"
    return None


def _get_time(state: MessageState) -> datetime | None:
    return state.created_at or min(state.states.values(), default=None)


def _describe_age(age: timedelta) -> str:
    if age < timedelta(hours=1):
        return f"{max(0, age // timedelta(minutes=1))} minutes ago"
    return f"{age // timedelta(hours=1)} hours ago" if age < timedelta(days=2) else f"{age.days} days ago"


def _describe(check: str, error: Exception) -> Finding:
    """Return the finding for a failed call: a missing scope or feature is a note, all else an error."""
    from smsgate import ForbiddenError, NotImplementedByServerError, SMSGateError, TransportError

    if isinstance(error, ForbiddenError):
        return Finding(check, Level.WARNING, str(error), "issue a token with that scope")
    if isinstance(error, NotImplementedByServerError):
        return Finding(check, Level.NOTE, str(error))
    if isinstance(error, TransportError):
        return Finding(check, Level.ERROR, str(error), "try again", ExitCode.NOT_REACHED)
    if isinstance(error, SMSGateError):
        return Finding(check, Level.ERROR, str(error))
    raise error
