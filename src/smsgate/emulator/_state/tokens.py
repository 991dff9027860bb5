"""JSON Web Tokens, issued, rotated, revoked and checked as the real servers do (HS256 only)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

REFRESH_SCOPE = "tokens:refresh"


@dataclass(slots=True)
class TokenSettings:
    """Settings of tokens; change the fields of ``gateway.tokens`` at any time.

    ``enabled``: without it the server has no signing secret (501, and every bearer token is rejected).
    ``access_ttl``, ``refresh_ttl``: seconds. In the cloud ``access_ttl`` is default and maximum.
    """

    enabled: bool = True
    access_ttl: float = 900.0
    refresh_ttl: float = 720 * 3600.0


@dataclass(slots=True)
class _Entry:
    expires: datetime
    parent: str | None
    revoked: bool = False


class Tokens:
    """The issued tokens and the secret that signs them."""

    def __init__(self, settings: TokenSettings, seed: int, issuer: str, new_id: Callable[[], str]) -> None:
        self.settings = settings
        self._secret = hashlib.sha256(f"smsgate emulator {seed}".encode()).hexdigest().encode()
        self._issuer = issuer
        self._new_id = new_id
        self._entries: dict[str, _Entry] = {}
        self._dumped: str | None = None

    def issue(
        self, scopes: list[str], access_ttl: float, refresh_ttl: float, now: datetime, extra: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        """Issue a pair and return its response; ``extra`` holds more claims under ``access`` and ``refresh``."""
        self._dumped = None
        access_id, refresh_id = self._new_id(), self._new_id()
        access_end, refresh_end = now + timedelta(seconds=access_ttl), now + timedelta(seconds=refresh_ttl)
        self._entries = {jti: entry for jti, entry in self._entries.items() if entry.expires + _KEPT > now}
        self._entries[access_id] = _Entry(access_end, None)
        self._entries[refresh_id] = _Entry(refresh_end, access_id)
        access = {"scopes": scopes, **extra["access"]}
        refresh = {"scopes": [REFRESH_SCOPE], "original_scopes": scopes, **extra["refresh"]}
        return {
            "id": access_id,
            "token_type": "Bearer",
            "access_token": self._sign(access_id, now, access_end, access),
            "refresh_token": self._sign(refresh_id, now, refresh_end, refresh),
            "expires_at": access_end.astimezone(timezone.utc).replace(microsecond=0),
        }

    def read(self, token: str, now: datetime) -> dict[str, Any] | None:
        """Return the claims of a valid token; ``None`` for a wrong, expired or revoked one."""
        try:
            head, claims_part, signature = token.split(".")
            header, claims = _decode(head), _decode(claims_part)
            good = hmac.compare_digest(self._signature(f"{head}.{claims_part}"), signature)
            if not good or header["alg"] != "HS256" or claims["iss"] != self._issuer:
                return None
            fresh = claims["iat"] <= now.timestamp() < claims["exp"]
        except (ValueError, KeyError, TypeError):
            return None
        entry = self._entries.get(claims["jti"])
        return claims if fresh and entry and not entry.revoked else None

    def revoke(self, jti: str) -> None:
        """Revoke the token with this id and those whose parent it is; unknown ids are ignored."""
        self._dumped = None
        for key, entry in self._entries.items():
            if jti in (key, entry.parent):
                entry.revoked = True

    def revoke_one(self, jti: str) -> None:
        """Revoke a refresh token that was used."""
        self._dumped = None
        self._entries[jti].revoked = True

    def dump(self) -> str:
        """Return the tokens as JSON; the tokens themselves are not in it."""
        if self._dumped is None:
            rows = {
                jti: [entry.expires.isoformat(), entry.parent, entry.revoked] for jti, entry in self._entries.items()
            }
            self._dumped = json.dumps(rows)
        return self._dumped

    def load(self, text: str) -> None:
        """Take up tokens that `dump` returned."""
        rows: dict[str, list[Any]] = json.loads(text)
        self._dumped = None
        self._entries = {
            jti: _Entry(datetime.fromisoformat(expires), parent, revoked)
            for jti, (expires, parent, revoked) in rows.items()
        }

    def _sign(self, jti: str, now: datetime, end: datetime, claims: dict[str, Any]) -> str:
        body = {"iss": self._issuer, "jti": jti, "iat": int(now.timestamp()), "exp": int(end.timestamp()), **claims}
        unsigned = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(body)}"
        return f"{unsigned}.{self._signature(unsigned)}"

    def _signature(self, unsigned: str) -> str:
        return _base64(hmac.new(self._secret, unsigned.encode(), hashlib.sha256).digest())


_KEPT = timedelta(hours=1)


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _encode(part: dict[str, Any]) -> str:
    return _base64(json.dumps(part, separators=(",", ":")).encode())


def _decode(part: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return content
