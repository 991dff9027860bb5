"""What a webhook or settings must be like to be of any use, checked before they are sent. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smsgate.base_url import is_phone
from smsgate.errors import InvalidRequestError

if TYPE_CHECKING:
    from smsgate_api.models import DeviceSettings, Webhook

__all__ = ["check_settings", "check_webhook"]

_LONGEST_URL = 256
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


def check_settings(settings: DeviceSettings, base_url: str) -> None:
    """Refuse secrets for a cloud or private server: a value is an error there, a null makes phones forget theirs.

    Raises:
        InvalidRequestError: naming the first such setting.
    """
    if is_phone(base_url):
        return
    for section, names in _SECRETS.items():
        part = getattr(settings, section, None)
        for name in names:
            if part is not None and name in part.model_fields_set:
                raise InvalidRequestError(
                    f"{section}.{name} can be set in the app or through the phone's local server only"
                )
