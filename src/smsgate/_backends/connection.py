"""Connection options of every backend: certificates, proxy, number of connections."""

from __future__ import annotations

import encodings.idna  # noqa: F401  # pyright: ignore[reportUnusedImport] - looking up a host imports it, when others may fork
import os
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from smsgate._backends.environment import certificate_variable, certificates, proxy_variable
from smsgate.errors import ConfigurationError
from smsgate.runtime.locks import ForkSafeLock

if TYPE_CHECKING:
    from types import ModuleType

    from smsgate._http import Verify
    from smsgate.errors import TransportError

KEEPALIVE_SECONDS = 30.0
"""How long an idle connection is kept: below the 60 and more seconds after which servers and proxies close theirs."""

_MAX_CONNECTIONS = 10_000
"""Systems allow a process fewer sockets."""
_WRONG_PROXY = "proxy takes the URL of an http or https proxy, such as http://127.0.0.1:3128"
_WRONG_VARIABLE = (
    "a proxy variable of the environment names no http or https proxy; trust_env=False ignores the environment"
)
_tls_lock = ForkSafeLock()
"""A fork waits for it, as OpenSSL's own locks would stay held in the child. It is not the lock of the schemas, which an
event loop may need while a thread reads certificates."""
Cert: TypeAlias = "str | os.PathLike[str] | tuple[str | os.PathLike[str], str | os.PathLike[str]]"


class ConnectionOptions:
    """Options of one backend, checked when it is made.

    Args:
        given: the user's own client or session, None if the backend opens its own.
        verify: True, False, the path of a file of trusted certificates, or an ssl context.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of a proxy for all requests.
        max_connections: concurrent exchanges at most, 1 to 10,000.
        trust_env: whether the environment's proxy and certificate variables are used.
        ca_variables: certificate variables of the library's own, before ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``.

    Raises:
        ConfigurationError: for invalid options, and for options together with a client or session.
    """

    def __init__(
        self,
        given: object,
        *,
        verify: Verify,
        cert: Cert | None,
        proxy: str | None,
        max_connections: int,
        trust_env: bool,
        ca_variables: tuple[str, ...] = (),
    ) -> None:
        if not isinstance(trust_env, bool):
            raise ConfigurationError("trust_env takes True or False")
        if given is not None and not (verify is True and cert is None and proxy is None and trust_env):
            raise ConfigurationError(
                "verify, cert, proxy and trust_env belong to the client that you gave: set them there"
            )
        if type(max_connections) is not int or not 1 <= max_connections <= _MAX_CONNECTIONS:
            raise ConfigurationError(f"max_connections takes a whole number from 1 to {_MAX_CONNECTIONS}")
        self.verify = verify
        self.cert = _pair(cert)
        self.proxy = None if proxy is None else check_proxy(proxy)
        self.max_connections = max_connections
        self.trust_env = trust_env and given is None
        self._ca_variables = ca_variables
        self._proxies: dict[str, str | None] = {}
        self._context: ssl.SSLContext | None = None
        if verify is not True or cert is not None:
            self.ssl_context()

    def ssl_context(self) -> ssl.SSLContext:
        """Return the context of all TLS connections; made once, and only when one is needed."""
        if self._context is None:
            with _tls_lock:
                if self._context is None:
                    self._context = self._make_context()
        return self._context

    def lacks_context(self, url: str, proxy: str | None) -> bool:
        """Tell whether a request to a URL needs the TLS context and it has not been made yet."""
        return self._context is None and (url.startswith("https") or (proxy or "").startswith("https"))

    def proxy_for(self, url: str) -> str | None:
        """Return the URL of the proxy for a request.

        Raises:
            ConfigurationError: the environment names an invalid proxy.
        """
        if not self.trust_env or self.proxy is not None:
            return self.proxy
        origin = cut_origin(url)
        if origin not in self._proxies:
            found = proxy_variable(origin)
            self._proxies[origin] = None if found is None else check_proxy(found, _WRONG_VARIABLE)
        return self._proxies[origin]

    def named_certificates(self) -> tuple[str | None, str | None]:
        """Return the file and the folder of certificates that the environment names, if it is trusted."""
        return certificates(self._ca_variables) if self.trust_env and self.verify is True else (None, None)

    def _make_context(self) -> ssl.SSLContext:
        if isinstance(self.verify, ssl.SSLContext):
            if self.cert is not None:
                raise ConfigurationError("load the client certificate into your own ssl context")
            return self.verify
        try:
            context = self._choose_context()
            if self.cert is not None:
                context.load_cert_chain(*self.cert)
        except (OSError, TypeError) as error:  # ssl's own errors are OSErrors
            raise ConfigurationError(self._certificate_error()) from error
        return context

    def _choose_context(self) -> ssl.SSLContext:
        if isinstance(self.verify, str | os.PathLike):
            path = os.fspath(self.verify)
            return _trust_files(None, path) if os.path.isdir(path) else _trust_files(path, None)  # noqa: PTH112
        named = self.named_certificates()
        if any(named):
            return _trust_files(*named)
        if self.verify is True:
            return _trust_public(trust_env=self.trust_env)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def _certificate_error(self) -> str:
        variable = certificate_variable((*self._ca_variables, "SSL_CERT_FILE", "SSL_CERT_DIR"))
        if self.cert is None and any(self.named_certificates()):
            return f"{variable} in the environment names no readable PEM file; trust_env=False ignores the environment"
        return "verify or cert names no readable PEM file"


def add_proxy(error: TransportError, proxy: str | None) -> TransportError:
    """Add the proxy of an exchange, without its credentials, to the text of its error."""
    if proxy is not None:
        parts = urlsplit(proxy)
        error.args = (f"{error} (through the proxy {parts.scheme}://{parts.netloc.rpartition('@')[2]})",)
    return error


def cut_origin(url: str) -> str:
    """Return scheme, host and port of a URL, unchanged."""
    end = url.find("/", len("https://"))
    return url if end < 0 else url[:end]


def _trust_files(file: str | None, folder: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(capath=folder, cafile=file)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Python 3.13 sets it; certificates made at home often fail it
    return context


def _trust_public(*, trust_env: bool) -> ssl.SSLContext:
    """Return a context that trusts the system's authorities and those of certifi."""
    public = None if (certifi := _certifi()) is None else certifi.where()
    if trust_env or certificate_variable(("SSL_CERT_FILE", "SSL_CERT_DIR")) is None:
        context = ssl.create_default_context()
        if public is not None:
            context.load_verify_locations(public)
        return context
    context = ssl.create_default_context(cafile=public)  # OpenSSL's default would read the variables
    system = ssl.get_default_verify_paths()
    with suppress(OSError):
        context.load_verify_locations(system.openssl_cafile, system.openssl_capath)
    return context


def _certifi() -> ModuleType | None:
    """Return certifi, which systems without installed certificates need; None if it is not installed."""
    try:
        import certifi  # noqa: PLC0415 - only for https
    except ImportError:
        return None
    return certifi


def _pair(cert: Cert | None) -> tuple[str, ...] | None:
    if cert is None:
        return None
    parts = cert if isinstance(cert, tuple) else (cert,)
    if len(parts) not in (1, 2) or not all(isinstance(part, str | os.PathLike) for part in parts):
        raise ConfigurationError("cert takes the path of a PEM file, or the paths of certificate and key")
    return tuple(os.fspath(part) for part in parts)


def check_proxy(proxy: str, problem: str = _WRONG_PROXY) -> str:
    """Return the URL of a proxy.

    Args:
        proxy: the URL.
        problem: text of the error.

    Raises:
        ConfigurationError: it is not the URL of an http or https proxy.
    """
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError, TypeError):
        usable = False
    if not usable:
        raise ConfigurationError(problem)
    return proxy


def check_verify(verify: Verify) -> Verify:
    """Return the option ``verify``.

    Raises:
        ConfigurationError: it is neither True, False, an ssl context, nor an existing path.
    """
    if isinstance(verify, bool | ssl.SSLContext):
        return verify
    if not isinstance(verify, str | os.PathLike) or not os.path.exists(verify):  # noqa: PTH110 - may be a str
        raise ConfigurationError("verify takes True, False, the path of a PEM file that exists, or an ssl context")
    return verify
