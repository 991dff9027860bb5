"""What a webhook or settings must be like to be of any use, checked before they are sent. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smsgate.base_url import is_phone
from smsgate.errors import InvalidRequestError
from smsgate_api.models import DeviceSettings, Webhook, WebhookEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check_settings", "check_webhook", "is_registered", "wanted_webhooks"]

_LONGEST_URL = 256
_NAME = re.compile(r"[a-z0-9._]{1,15}")
_PHONE_ITSELF = "127.0.0.1"
_SECRETS = {
    "encryption": ("passphrase",),
    "gateway": ("cloud_url", "private_token"),
    "webhooks": ("signing_key",),
}


def check_webhook(webhook: Webhook, *, allow_insecure: bool) -> None:
    """Refuse a target that the app would never deliver to, or that the server cannot store.

    Raises:
        InvalidRequestError: naming what the URL must be.
    """
    if not isinstance(webhook, Webhook):
        raise InvalidRequestError("this takes a Webhook")
    if len(webhook.url) > _LONGEST_URL:
        raise InvalidRequestError(f"a webhook's url may have {_LONGEST_URL} characters at most")
    try:
        parts = urlsplit(webhook.url)
        host = parts.hostname
    except ValueError as error:
        raise InvalidRequestError("the webhook's url is no URL that can be read") from error
    if parts.scheme not in {"http", "https"} or not host or " " in webhook.url or not webhook.url.isprintable():
        raise InvalidRequestError("a webhook's url must be an https:// URL with a host")
    if parts.scheme == "http" and host != _PHONE_ITSELF and not allow_insecure:
        raise InvalidRequestError(
            "the app delivers to https:// only, or to http://127.0.0.1 on the phone itself; "
            "allow_insecure=True lets other targets pass for builds of the app that take them"
        )


def wanted_webhooks(
    url: str, events: Iterable[WebhookEvent | str], *, device_id: str | None, name: str, phone: bool
) -> list[Webhook]:
    """Return one webhook for each event, with an id that is the same every time.

    A phone keeps the webhooks of its local server and of the cloud under their ids alone, so the ids differ by mode.

    Raises:
        InvalidRequestError: for no events, a bare text in their place, or a name that makes no id.
    """
    if not isinstance(url, str):
        raise InvalidRequestError("a webhook's url is text")
    if isinstance(events, str) or not (kinds := list(dict.fromkeys(WebhookEvent(event) for event in events))):
        raise InvalidRequestError("events takes a list of at least one event; smsgate.WebhookEvent names them")
    if not _NAME.fullmatch(name):
        raise InvalidRequestError("name takes 1 to 15 characters of a-z, 0-9, dot and underscore")
    import hashlib  # noqa: PLC0415 - slow to import, and needed here only

    mode = "local" if phone else "cloud"
    ids = [hashlib.sha256("\n".join([mode, url, kind, device_id or ""]).encode()).hexdigest()[:20] for kind in kinds]
    return [
        Webhook(id=f"{name}-{digest}", url=url, event=kind, device_id=device_id)
        for kind, digest in zip(kinds, ids, strict=True)
    ]


def is_registered(wanted: Webhook, registered: Iterable[Webhook], *, phone: bool) -> bool:
    """Tell whether a webhook is there already; a phone does not say for which device, there is only itself."""
    return any(
        found.id == wanted.id
        and (found.url, found.event) == (wanted.url, wanted.event)
        and (phone or found.device_id == wanted.device_id)
        for found in registered
    )


def check_settings(settings: DeviceSettings, base_url: str) -> None:
    """Refuse secrets for a cloud or private server: a value is an error there, a null makes phones forget theirs.

    Raises:
        InvalidRequestError: naming the first such setting.
    """
    if not isinstance(settings, DeviceSettings):  # another model would reset all settings
        raise InvalidRequestError("this takes DeviceSettings")
    if is_phone(base_url):
        return
    for section, names in _SECRETS.items():
        part = getattr(settings, section, None)
        for name in names:
            if part is not None and name in part.model_fields_set:
                raise InvalidRequestError(
                    f"{section}.{name} can be set in the app or through the phone's local server only"
                )
