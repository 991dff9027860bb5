"""Checks of webhooks and settings before they are sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from smsgate._core.base_url import has_host, is_http, is_phone, split_url
from smsgate._core.queries import check_known
from smsgate.errors import InvalidRequestError
from smsgate.runtime.building import plain_text
from smsgate.runtime.types import Model
from smsgate_api.models import Webhook, WebhookEvent

if TYPE_CHECKING:
    from smsgate_api.models import DeviceSettings

_LONGEST_URL = 256
_NAME = re.compile(r"[a-z0-9._]{1,15}")
_PHONE_ITSELF = "127.0.0.1"
_SPELLED = re.compile(r"[^\s\\]+")
_SECRETS = ("encryption.passphrase", "gateway.cloud_url", "gateway.private_token", "webhooks.signing_key")
_INTERVAL = ("messages.send_interval_min", "messages.send_interval_max")
_FROM_ONE = (
    *_INTERVAL,
    "messages.limit_value",
    "messages.log_lifetime_days",
    "ping.interval_seconds",
    "logs.lifetime_days",
    "webhooks.retry_count",
)


def check_target(url: str, *, allow_insecure: bool) -> None:
    """Reject a target that the app would never deliver to, or that the server cannot store.

    Args:
        url: where phones shall deliver events.
        allow_insecure: whether other http:// targets than the phone itself pass.

    Raises:
        InvalidRequestError: the URL is invalid; the text names the rule.
    """
    if not isinstance(url, str):
        raise InvalidRequestError("a webhook's url is text")
    if len(url) > _LONGEST_URL:
        raise InvalidRequestError(f"a webhook's url may have {_LONGEST_URL} characters at most")
    parts = split_url(url)
    if parts is None:
        raise InvalidRequestError("the webhook's url is no URL that can be read")
    if not is_http(parts) or not _SPELLED.fullmatch(url):
        raise InvalidRequestError("a webhook's url must be an https:// URL with a host")
    if not has_host(parts) or not url.isprintable():
        raise InvalidRequestError("a webhook's url must be an https:// URL whose host can exist")
    if parts.scheme == "http" and parts.hostname != _PHONE_ITSELF and not allow_insecure:
        raise InvalidRequestError(
            "the app delivers to https:// only, or to http://127.0.0.1 on the phone itself; "
            "allow_insecure=True lets other targets pass for builds of the app that take them"
        )


def build_webhooks(
    url: str, events: Iterable[WebhookEvent | str], *, device_id: str | None, name: str, phone: bool
) -> list[Webhook]:
    """Return one webhook for each event, with a reproducible id.

    A phone keeps the webhooks of its local server and of the cloud under their ids alone, so the ids differ by mode.

    Raises:
        InvalidRequestError: for no events, a bare text in their place, or a name that makes no id.
    """
    kinds = _check_events(events)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidRequestError("name takes 1 to 15 characters of a-z, 0-9, dot and underscore")
    if not isinstance(device_id, str | None):
        raise InvalidRequestError("device_id is text")
    import hashlib  # noqa: PLC0415 - slow to import, and needed here only

    mode = "local" if phone else "cloud"

    def digest(kind: str) -> str:
        identity = "\n".join([mode, url, kind, device_id or ""])
        return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:20]

    return [Webhook(id=f"{name}-{digest(kind)}", url=url, event=kind, device_id=device_id) for kind in kinds]


def _check_events(events: Iterable[WebhookEvent | str]) -> list[WebhookEvent]:
    listed = [] if isinstance(events, str | Mapping) or not isinstance(events, Iterable) else list(events)
    if not listed or not all(isinstance(event, str) for event in listed):
        raise InvalidRequestError("events takes a list of at least one event; smsgate.WebhookEvent names them")
    for event in listed:
        check_known("an event", WebhookEvent, event)
    return list(dict.fromkeys(WebhookEvent(plain_text(event)) for event in listed))


def is_registered(wanted: Webhook, registered: Iterable[Webhook], *, phone: bool) -> bool:
    """Tell whether a webhook is registered already; a phone's local server does not report a device id."""
    return any(
        found.id == wanted.id
        and (found.url, found.event) == (wanted.url, wanted.event)
        and (phone or found.device_id == wanted.device_id)
        for found in registered
    )


def find_stale_webhooks(
    wanted: Iterable[Webhook], registered: Iterable[Webhook], *, device_id: str | None, name: str, phone: bool
) -> list[str]:
    """Return the ids of registered webhooks of the same name and device that are not among the wanted ones."""
    ids = {webhook.id for webhook in wanted}
    return [
        found.id
        for found in registered
        if found.id
        and found.id.startswith(f"{name}-")
        and found.id not in ids
        and (phone or (found.device_id or None) == device_id)
    ]


def check_settings(settings: DeviceSettings, base_url: str) -> None:
    """Reject settings that a cloud or private server would refuse, and secrets: a null would delete those of phones.

    Servers ignore the case of names, so unknown fields count, too.

    Args:
        settings: the settings to write.
        base_url: the client's base URL.

    Raises:
        InvalidRequestError: naming the first such setting.
    """
    if is_phone(base_url) or not isinstance(settings, Model):  # the operation rejects what is no model
        return
    document: dict[str, Any] = json.loads(settings.model_dump_json(by_alias=True, exclude_unset=True, warnings=False))
    for section, part in document.items():
        if not isinstance(part, dict):
            continue
        values: dict[str, Any] = cast("Any", part)
        named = {f"{_normalize_name(section)}.{_normalize_name(name)}": value for name, value in values.items()}
        for name in _SECRETS:
            if _normalize_name(name) in named:
                raise InvalidRequestError(f"{name} can be set in the app or through the phone's local server only")
        for name in _FROM_ONE:
            value = named.get(_normalize_name(name))
            if isinstance(value, int) and value < 1:
                raise InvalidRequestError(f"{name} must be at least 1; None resets it")
        shortest, longest = (named.get(_normalize_name(name)) for name in _INTERVAL)
        if isinstance(shortest, int) and isinstance(longest, int) and longest < shortest:
            raise InvalidRequestError("messages.send_interval_max must not be below messages.send_interval_min")


def _normalize_name(name: str) -> str:
    return name.replace("_", "").lower()
