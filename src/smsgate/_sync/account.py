# Written by scripts/unasync.py from src/smsgate/_async/account.py; change that file instead.
"""Methods about the account: devices, webhooks, settings, logs, health and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgate._core import registration
from smsgate._core.arguments import argument_errors
from smsgate._core.base_url import is_phone
from smsgate._core.ids import new_id
from smsgate._core.queries import parse_query_time
from smsgate._sync.parameter_names import takes_underscored_id
from smsgate._sync.resource import Resource
from smsgate_api import operations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from smsgate._sync.sender import SafeSender
    from smsgate.runtime.types import Operation, Page
    from smsgate_api.models import (
        Device,
        DeviceSettings,
        HealthResponse,
        LogEntry,
        TokenRequest,
        TokenResponse,
        Webhook,
        WebhookEvent,
    )


class AccountCalls(Resource):
    """Methods about the account rather than one message."""

    _sender: SafeSender

    def list_devices(self) -> Page[Device]:
        """List the phones of the account; a phone's local server lists itself. The order has no meaning.

        Raises:
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self._sender.devices.list(self._exchange)

    @takes_underscored_id
    def remove_device(self, id: str) -> None:
        """Remove a phone with its messages, pending ones too, and its webhooks. Unknown ids are no error.

        Raises:
            InvalidRequestError: for an empty or path-like id.
            TransportError: no response came.
            APIError: the gateway refused or failed.
        """
        self._call(operations.delete_device, id)

    def get_webhooks(self) -> Page[Webhook]:
        """List the registered webhooks. The order has no meaning.

        Raises:
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self.execute(operations.list_webhooks())

    def create_webhook(self, webhook: Webhook, *, allow_insecure: bool = False) -> Webhook:
        """Register a webhook, or replace the one with the same id.

        Args:
            webhook: the webhook; the client generates a missing id, so that a retry cannot register it twice.
            allow_insecure: whether ``http://`` targets besides ``127.0.0.1`` are allowed, for builds of the app that
                deliver to them.

        Raises:
            InvalidRequestError: for a URL that no phone would deliver to, or one over 256 characters.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        with argument_errors():
            operation = operations.create_webhook(webhook)
            registration.check_target(webhook.url, allow_insecure=allow_insecure)
            if webhook.id is None:
                operation = operations.create_webhook(webhook.model_copy(update={"id": new_id()}))
        return self.execute(operation)

    @takes_underscored_id
    def delete_webhook(self, id: str) -> None:
        """Remove a webhook. Unknown ids are no error.

        Raises:
            InvalidRequestError: for an empty or path-like id.
            TransportError: no response came.
            APIError: the gateway refused or failed.
        """
        self._call(operations.delete_webhook, id)

    def ensure_webhooks(
        self,
        url: str,
        events: Iterable[WebhookEvent | str],
        *,
        device_id: str | None = None,
        name: str = "smsgate",
        remove_stale: bool = False,
        allow_insecure: bool = False,
    ) -> list[Webhook]:
        """Register a webhook for each of these events unless it exists; idempotent.

        The ids are derived from all arguments, so programs may call it at every start. An app that does not know one of
        an account's events ignores all new webhooks: name only events that all phones know, or set ``device_id``.

        Args:
            url: target of the deliveries, up to 256 characters.
            events: at least one event; each gets a webhook.
            device_id: limits the webhooks to this phone; None for all phones.
            name: prefix of the ids, 1 to 15 characters of ``a-z0-9._``. Programs that share an account take different
                names.
            remove_stale: whether other webhooks of that name and device are removed, such as those of an earlier URL.
                Without ``device_id`` these are the webhooks for all phones.
            allow_insecure: as in `create_webhook`.

        Returns:
            The registered webhooks, in the order of the events.

        Raises:
            InvalidRequestError: for a URL that no phone would deliver to, no events, or a bad name.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        phone = is_phone(self._exchange.transport.base_url)
        with argument_errors():
            registration.check_target(url, allow_insecure=allow_insecure)
            wanted = registration.build_webhooks(url, events, device_id=device_id, name=name, phone=phone)
        registered = self.get_webhooks()
        for webhook in wanted:
            if not registration.is_registered(webhook, registered, phone=phone):
                self.create_webhook(webhook, allow_insecure=allow_insecure)
        if remove_stale:
            stale = registration.find_stale_webhooks(wanted, registered, device_id=device_id, name=name, phone=phone)
            for id in stale:
                self.delete_webhook(id)
        return wanted

    def get_settings(self) -> DeviceSettings:
        """Return the settings; on cloud and private servers never-set sections and all secrets are absent.

        Raises:
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self.execute(operations.get_settings())

    def update_settings(self, settings: DeviceSettings) -> DeviceSettings:
        """Replace all settings; settings that are not set are deleted. Phones offer only `patch_settings`.

        Raises:
            InvalidRequestError: for secrets, which only a phone's local server takes, and numbers out of range.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self._write_settings(operations.replace_settings, settings)

    def patch_settings(self, settings: DeviceSettings) -> DeviceSettings:
        """Change the settings that are set and keep the others; an explicit None resets a setting.

        Raises:
            InvalidRequestError: for secrets, which only a phone's local server takes, and numbers out of range.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self._write_settings(operations.patch_settings, settings)

    def _write_settings(
        self, build: Callable[[DeviceSettings], Operation[DeviceSettings]], settings: DeviceSettings
    ) -> DeviceSettings:
        with argument_errors():
            registration.check_settings(settings, self._exchange.transport.base_url)
        return self._call(build, settings)

    def get_logs(self, *, from_: datetime | str | None = None, to: datetime | str | None = None) -> Page[LogEntry]:
        """List the phone's log; only its local server has one.

        Args:
            from_: start of the period; aware datetime or RFC 3339 text.
            to: end of the period; aware datetime or RFC 3339 text.

        Raises:
            InvalidRequestError: for a time without zone.
            NotImplementedByServerError: on cloud and private servers.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self._call(operations.get_logs, from_=parse_query_time(from_), to=parse_query_time(to))

    def health_check(self) -> HealthResponse:
        """Return the server's health, also when it reports a failure. Needs no credentials, and is never retried.

        Raises:
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self.execute(operations.health())

    def liveness_check(self) -> HealthResponse:
        """Return the server's liveness check (not on a phone's local server).

        Raises:
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self.execute(operations.health_live())

    def readiness_check(self) -> HealthResponse:
        """Return the server's readiness check (not on a phone's local server).

        Raises:
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self.execute(operations.health_ready())

    def startup_check(self) -> HealthResponse:
        """Return the server's startup check (not on a phone's local server).

        Raises:
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self.execute(operations.health_startup())

    def generate_token(self, token_request: TokenRequest) -> TokenResponse:
        """Issue an access token and its refresh token. Servers may shorten the lifetime: see ``expires_at``.

        Raises:
            InvalidRequestError: for a request that breaks its rules.
            NotImplementedByServerError: when the server issues no tokens.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self._call(operations.create_token, token_request)

    def refresh_token(self, refresh_token: str) -> TokenResponse:
        """Exchange a refresh token for a new pair. It works once, and the old access token stays valid.

        Raises:
            InvalidRequestError: for what is no token.
            UnauthorizedError: when the refresh token was used, revoked or has expired.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        return self._call(operations.refresh_token, refresh_token)

    def revoke_token(self, jti: str) -> None:
        """Revoke a token by its id, together with its refresh token. Unknown ids are no error.

        Raises:
            InvalidRequestError: for an empty or path-like id.
            TransportError: no response came.
            APIError: the gateway refused or failed.
        """
        self._call(operations.revoke_token, jti)
