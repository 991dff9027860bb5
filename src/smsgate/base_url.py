"""Checks the one URL that a client is given."""

from __future__ import annotations

from urllib.parse import urlsplit

from smsgate.errors import ConfigurationError

__all__ = ["check_base_url", "is_phone"]


def check_base_url(url: str) -> str:
    """Return a base URL without its trailing slashes.

    Raises:
        ConfigurationError: when it is no http(s) URL with a host, or carries credentials, query or fragment.
    """
    if not isinstance(url, str):
        raise ConfigurationError("base_url must be a string")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ConfigurationError("base_url holds characters that no URL has; write other letters percent-encoded")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError("base_url is no URL that can be read") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise ConfigurationError("base_url must start with http:// or https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url must not carry credentials: give them as login and password")
    if "?" in url or "#" in url:
        raise ConfigurationError("base_url must have neither query nor fragment")
    return url.rstrip("/")


def is_phone(url: str) -> bool:
    """Tell whether a base URL is a phone's local server: those of cloud and private servers hold ``3rdparty``."""
    return "3rdparty" not in urlsplit(url).path.lower().split("/")
