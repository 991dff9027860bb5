"""The two constants that programs written for the official client import from here."""

VERSION = "0.1.0"

DEFAULT_URL = "https://api.sms-gate.app/3rdparty/v1"
"""Base URL of the public cloud server; a private server has ``https://<host>/api/3rdparty/v1``."""
