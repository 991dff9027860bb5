"""Devices, webhooks, settings, logs, health and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgate._async.parameter_names import takes_underscored_id
from smsgate._async.resource import Resource
from smsgate._core import registration as account_rules
from smsgate._core.arguments import argument_errors
from smsgate._core.base_url import is_phone
from smsgate._core.ids import new_id
from smsgate._core.queries import as_utc
from smsgate.errors import NotFoundError
from smsgate_api import operations

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from smsgate.runtime.types import Page
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

__all__ = ["AccountCalls"]


class AccountCalls(Resource):
    """The calls that concern an account rather than one message."""

    _is_phone: bool = False

    async def list_devices(self) -> Page[Device]:
        """List the phones of the account; a phone's local server lists itself. The order means nothing.

        Raises:
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        if not self._is_phone:
            try:
                return await self.execute(operations.list_devices())
            except NotFoundError:
                devices = await self.execute(operations.list_local_devices())
                self._is_phone = True
                return devices
        return await self.execute(operations.list_local_devices())

    @takes_underscored_id
    async def remove_device(self, id: str) -> None:
        """Remove a phone with its messages, pending ones too, and its webhooks. Unknown ids are no error.

        Raises:
            InvalidRequestError: for an empty or path-like id.
            TransportError: no answer came.
            APIError: the gateway refused or failed.
        """
        with argument_errors:
            operation = operations.delete_device(id)
        await self.execute(operation)

    async def get_webhooks(self) -> Page[Webhook]:
        """List the registered webhooks. The order means nothing.

        Raises:
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        return await self.execute(operations.list_webhooks())

    async def create_webhook(self, webhook: Webhook, *, allow_insecure: bool = False) -> Webhook:
        """Register a webhook, or replace the one with the same id.

        Args:
            webhook: without an id it gets one here, so that a repeated attempt cannot register it twice.
            allow_insecure: let other ``http://`` targets than ``127.0.0.1`` pass, for builds of the app that take them.

        Raises:
            InvalidRequestError: for a URL that no phone would deliver to, or one over 256 characters.
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        with argument_errors:
            operation = operations.create_webhook(webhook)
            account_rules.check_target(webhook.url, allow_insecure=allow_insecure)
            if webhook.id is None:
                operation = operations.create_webhook(webhook.model_copy(update={"id": new_id()}))
        return await self.execute(operation)

    @takes_underscored_id
    async def delete_webhook(self, id: str) -> None:
        """Remove a webhook. Unknown ids are no error.

        Raises:
            InvalidRequestError: for an empty or path-like id.
            TransportError: no answer came.
            APIError: the gateway refused or failed.
        """
        with argument_errors:
            operation = operations.delete_webhook(id)
        await self.execute(operation)

    async def ensure_webhooks(
        self,
        url: str,
        events: Iterable[WebhookEvent | str],
        *,
        device_id: str | None = None,
        name: str = "smsgate",
        remove_stale: bool = False,
        allow_insecure: bool = False,
    ) -> list[Webhook]:
        """Make sure that each of these events goes to a URL; calling it again changes nothing.

        The ids are made of all arguments, so programs may call it at every start. An app that does not know one of an
        account's events ignores all new webhooks: name only events that all phones know, or bind by ``device_id``.

        Args:
            url: where phones deliver to.
            events: one webhook is registered for each.
            device_id: only of this phone.
            name: beginning of the ids; 1 to 15 of ``a-z0-9._``. Programs with the same account take different names.
            remove_stale: whether other webhooks of that name and that device are removed, such as those of an earlier
                URL. Without ``device_id`` those are the ones that hold for all phones.
            allow_insecure: as in `create_webhook`.

        Returns:
            The webhooks as they are registered now, in the order of the events.

        Raises:
            InvalidRequestError: for a URL that no phone would deliver to, no events, or a bad name.
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        phone = is_phone(self._exchange.transport.base_url)
        with argument_errors:
            account_rules.check_target(url, allow_insecure=allow_insecure)
            wanted = account_rules.wanted_webhooks(url, events, device_id=device_id, name=name, phone=phone)
        registered = await self.get_webhooks()
        for webhook in wanted:
            if not account_rules.is_registered(webhook, registered, phone=phone):
                await self.create_webhook(webhook, allow_insecure=allow_insecure)
        if remove_stale:
            stale = account_rules.stale_webhooks(wanted, registered, device_id=device_id, name=name, phone=phone)
            for id in stale:
                await self.delete_webhook(id)
        return wanted

    async def get_settings(self) -> DeviceSettings:
        """Return the settings; on cloud and private servers never-set sections and all secrets are absent.

        Raises:
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        return await self.execute(operations.get_settings())

    async def update_settings(self, settings: DeviceSettings) -> DeviceSettings:
        """Replace all settings; what is not set here is dropped. A phone's local server only has `patch_settings`.

        Raises:
            InvalidRequestError: for secrets, which only a phone's local server takes, and numbers out of range.
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        with argument_errors:
            operation = account_rules.settings_operation(
                operations.replace_settings, settings, self._exchange.transport.base_url
            )
        return await self.execute(operation)

    async def patch_settings(self, settings: DeviceSettings) -> DeviceSettings:
        """Change the settings that are set here and keep the others; an explicit None resets one.

        Raises:
            InvalidRequestError: for secrets, which only a phone's local server takes, and numbers out of range.
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        with argument_errors:
            operation = account_rules.settings_operation(
                operations.patch_settings, settings, self._exchange.transport.base_url
            )
        return await self.execute(operation)

    async def get_logs(
        self, *, from_: datetime | str | None = None, to: datetime | str | None = None
    ) -> Page[LogEntry]:
        """List the phone's log; only its local server has one.

        Args:
            from_: not before this moment; aware, or RFC 3339 text.
            to: not after this moment; aware, or RFC 3339 text.

        Raises:
            InvalidRequestError: for a time without zone.
            NotImplementedByServerError: on cloud and private servers.
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        with argument_errors:
            operation = operations.get_logs(from_=as_utc(from_), to=as_utc(to))
        return await self.execute(operation)

    async def health_check(self) -> HealthResponse:
        """Return the server's health, also when it reports a failure. Needs no credentials, is never repeated.

        Raises:
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        return await self.execute(operations.health())

    async def liveness_check(self) -> HealthResponse:
        """Return whether the server process works (not on a phone's local server).

        Raises:
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        return await self.execute(operations.health_live())

    async def readiness_check(self) -> HealthResponse:
        """Return whether the server can serve requests (not on a phone's local server).

        Raises:
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        return await self.execute(operations.health_ready())

    async def startup_check(self) -> HealthResponse:
        """Return whether the server has started (not on a phone's local server).

        Raises:
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        return await self.execute(operations.health_startup())

    async def generate_token(self, token_request: TokenRequest) -> TokenResponse:
        """Make an access token and its refresh token. Trust ``expires_at``: servers cap the lifetime in silence.

        Raises:
            InvalidRequestError: for a request that breaks its rules.
            NotImplementedByServerError: when the server makes no tokens.
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        with argument_errors:
            operation = operations.create_token(token_request)
        return await self.execute(operation)

    async def refresh_token(self, refresh_token: str) -> TokenResponse:
        """Exchange a refresh token for a new pair; it works once, and the old access token stays valid.

        Raises:
            InvalidRequestError: for what is no token.
            UnauthorizedError: when the refresh token was used, revoked or has expired.
            TransportError: no answer came.
            APIError: the gateway refused or failed.
            ResponseError: the answer cannot be read.
        """
        with argument_errors:
            operation = operations.refresh_token(refresh_token)
        return await self.execute(operation)

    async def revoke_token(self, jti: str) -> None:
        """Revoke a token by its id, with the refresh token made together with it. Unknown ids are no error.

        Raises:
            InvalidRequestError: for an empty or path-like id.
            TransportError: no answer came.
            APIError: the gateway refused or failed.
        """
        with argument_errors:
            operation = operations.revoke_token(jti)
        await self.execute(operation)
