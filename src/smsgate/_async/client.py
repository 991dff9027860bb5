"""The asynchronous client."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from smsgate._async.account import AccountCalls
from smsgate._async.encryption import Cipher
from smsgate._async.exchange import Exchange
from smsgate._async.inbox import InboxCalls
from smsgate._async.messages import MessageCalls
from smsgate._async.sender import SafeSender
from smsgate._async.transport import Backend, Transport
from smsgate._core.base_url import check_base_url
from smsgate._core.config import (
    UNCHANGED,
    Unchanged,
    check_encryptor,
    check_retry,
    check_timeout,
    from_environment,
    full_user_agent,
)
from smsgate._core.hooks import check_hook
from smsgate._core.limits import MOST_BYTES, flag, whole
from smsgate._core.phone_numbers import check_region
from smsgate.auth import choose_auth
from smsgate.constants import DEFAULT_URL
from smsgate.http import choose_connection, choose_http
from smsgate.retry import RetryPolicy

if TYPE_CHECKING:
    from typing_extensions import Self

    from smsgate._core.hooks import OnRequest, OnResponse
    from smsgate._http import AsyncHttpClient, Timeout, Verify
    from smsgate.auth import Auth
    from smsgate.encryption import BaseEncryptor


class AsyncAPIClient(MessageCalls, InboxCalls, AccountCalls):
    """The gateway's API for asynchronous programs, under asyncio and trio.

    May be shared by the tasks of an event loop. Opens connections on first use and closes them at the end of an
    ``async with`` block or by `aclose`; the next call opens them again, with a `ResourceWarning`.

    Args:
        login: user name of the account; None when ``password`` is a token.
        password: the account's password, or an access token.
        base_url: URL of the API: the cloud by default, ``https://<host>/api/3rdparty/v1`` for a private server,
            ``http://<address>:8080`` for a phone's local server.
        auth: `BasicAuth`, `BearerAuth` or `JWTAuth`, instead of login and password.
        encryptor: encrypts messages and decrypts states; see `smsgate.Encryptor`.
        http: an HTTP backend of `smsgate.ahttp`, an object with the same methods, or a backend's name.
        http_client: another name of ``http``.
        timeout: seconds for one exchange, or a `Timeout`.
        retry: the retry policy, for calls that are safe to retry.
        pin_device: whether the client chooses a phone for every message before its first attempt, which makes retries
            safe on accounts with several phones. It lists the devices every five minutes at most. The choice is a hash
            of the message's id, the same in every process; see `choose_device`. Messages with the caller's own id get a
            phone in this way in any case.
        verify: True, False, the path of a file of trusted certificates, or an ssl context (not with pyreqwest); for the
            client's own backend, like ``proxy`` and ``trust_env``.
        proxy: URL of an http or https proxy for all requests.
        trust_env: whether the client reads the environment's proxy and certificate variables, such as
            ``HTTPS_PROXY``, ``NO_PROXY`` and ``SSL_CERT_FILE``. Loopback hosts are never reached through a proxy.
        default_region: two letters of a country, such as ``DE``, whose national numbers (``0151 23456789``) become
            international before they are sent; needs the extra ``smsgate[numbers]``.
        user_agent: the program's product, such as ``myapp/1.0``; precedes this package's.
        max_json_size: bytes of a JSON response at most; a longer one is a `ResponseError`.
        max_attachment_size: bytes of an attachment at most that `download_attachment` holds in memory.
        on_request: called with a `RequestEvent` before each attempt; may add headers.
        on_response: called with a `ResponseEvent` after each attempt.

    Raises:
        ConfigurationError: for arguments that could never work.

    Example:
        >>> async with AsyncAPIClient("login", "password") as client:  # doctest: +SKIP
        ...     state = await client.send("Hello", to="+12025550100")
    """

    def __init__(
        self,
        login: str | None = None,
        password: str | None = None,
        *,
        base_url: str = DEFAULT_URL,
        auth: Auth | None = None,
        encryptor: BaseEncryptor | None = None,
        http: AsyncHttpClient | str | None = None,
        http_client: AsyncHttpClient | str | None = None,
        timeout: float | Timeout = 30.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        pin_device: bool = False,
        verify: Verify = True,
        proxy: str | None = None,
        trust_env: bool = True,
        default_region: str | None = None,
        user_agent: str | None = None,
        max_json_size: int = 16 * 1024 * 1024,
        max_attachment_size: int = 64 * 1024 * 1024,
        on_request: OnRequest | None = None,
        on_response: OnResponse | None = None,
    ) -> None:
        backend = choose_http(http, http_client, closing="aclose")
        whole("max_json_size", max_json_size, 1, MOST_BYTES)
        transport = Transport(
            check_base_url(base_url),
            Backend(backend, choose_connection(backend, verify=verify, proxy=proxy, trust_env=trust_env)),
            check_timeout(timeout),
            max_json_size=max_json_size,
            user_agent=full_user_agent(user_agent),
            on_request=check_hook("on_request", on_request),
            on_response=check_hook("on_response", on_response),
        )
        self._exchange = Exchange(transport, choose_auth(login, password, auth), check_retry(retry), max_json_size)
        self._max_attachment_size = whole("max_attachment_size", max_attachment_size, 1, MOST_BYTES)
        self._cipher = Cipher(check_encryptor(encryptor), transport.base_url, transport.timeout.total)
        self._sender = SafeSender(self._exchange, pin_device=flag("pin_device", pin_device))
        self._default_region = check_region(default_region)

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """Make a client from the environment.

        ``SMSGATE_TOKEN``, or ``SMSGATE_USERNAME`` (also called ``SMSGATE_LOGIN``) and ``SMSGATE_PASSWORD``;
        ``SMSGATE_BASE_URL``; and ``SMSGATE_PASSPHRASE`` for an `Encryptor`. Surrounding white space is ignored.

        Args:
            overrides: arguments of the client; they have precedence over the environment.

        Raises:
            ConfigurationError: when neither holds credentials.
        """
        return cls(**from_environment(os.environ, overrides))

    def with_options(
        self,
        *,
        timeout: float | Timeout | Unchanged = UNCHANGED,
        retry: RetryPolicy | Unchanged = UNCHANGED,
        pin_device: bool | Unchanged = UNCHANGED,
        encryptor: BaseEncryptor | Unchanged | None = UNCHANGED,
        default_region: str | Unchanged | None = UNCHANGED,
    ) -> Self:
        """Return a view of this client with other options, for some calls or one part of a program.

        It shares connections, tokens and the device cache; closing it closes nothing. Other options stay the same.

        Args:
            timeout: seconds for one exchange, or a `Timeout`; tokens are fetched within this client's own.
            retry: the retry policy.
            pin_device: whether the client chooses a phone for every message before its first attempt.
            encryptor: encrypts and decrypts; None for neither.
            default_region: country of national numbers; None for none.

        Raises:
            ConfigurationError: for anything that could never work.

        Example:
            >>> quick = client.with_options(timeout=5, retry=RetryPolicy.none())  # doctest: +SKIP
        """
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view._exchange = self._exchange.view(
            timeout=None if timeout is UNCHANGED else check_timeout(timeout),
            retry=None if retry is UNCHANGED else check_retry(retry),
        )
        view._sender = self._sender.view(
            view._exchange, pin_device=None if pin_device is UNCHANGED else flag("pin_device", pin_device)
        )
        chosen = self._cipher.encryptor if encryptor is UNCHANGED else check_encryptor(encryptor)
        view._cipher = Cipher(chosen, self._exchange.transport.base_url, view._exchange.transport.timeout.total)
        if default_region is not UNCHANGED:
            view._default_region = check_region(default_region)
        return view
