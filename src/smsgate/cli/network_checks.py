"""Checks of the way to a gateway: URL, proxy, name, port and certificate."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from smsgate.cli.failures import ExitCode
from smsgate.cli.findings import Finding, Level

_TIMEOUT = 5.0
_DAY = 86_400
_SOON = 14
_REASONS = {
    10: "it has expired: renew it",
    18: "it is self-signed: name it in SSL_CERT_FILE (in programs: verify='file.pem')",
    19: "its authority is unknown here: name that in SSL_CERT_FILE (in programs: verify='file.pem')",
    20: "its authority is unknown here: name that in SSL_CERT_FILE; or the server sends no intermediate certificate",
    62: "it is for another name: use the name that it holds",
    64: "it is for another address: use the name that it holds",
}
"""Meaning of OpenSSL's codes of verification."""


def check_network(url: str) -> Iterator[Finding]:
    """Yield a finding for each step to the gateway; the last one is an error when a step failed."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    yield _check_scheme(parts.scheme, host)
    proxy = None if proxy_bypass(host) or _is_local(host) else getproxies().get(parts.scheme)
    if proxy is not None:
        shown = proxy.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1]  # without login and password
        yield Finding("proxy", Level.NOTE, f"requests go through {shown}", "NO_PROXY excludes hosts")
        return
    try:
        addresses = sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError) as error:
        yield _stop("name", f"{host} has no address: {error}", "check the spelling and the name server")
        return
    yield Finding("name", Level.OK, f"{host} is {', '.join(addresses)}")
    try:
        start = time.monotonic()
        with socket.create_connection((host, port), timeout=_TIMEOUT) as connection:
            milliseconds = (time.monotonic() - start) * 1000
            yield Finding("port", Level.OK, f"port {port} accepts connections ({milliseconds:.0f} ms)")
            if parts.scheme == "https":
                yield _check_certificate(connection, host)
    except OSError as error:
        advice = "is the server running, and does a firewall let the port through?"
        yield _stop("port", f"{host}:{port} does not accept connections: {error.strerror or error}", advice)


def _check_scheme(scheme: str, host: str) -> Finding:
    if scheme == "https" or _is_local(host):
        return Finding("url", Level.OK, f"{scheme}://{host}")
    if _is_private(host):
        return Finding("url", Level.NOTE, "plain http within a private network: everybody in it can read the password")
    return Finding(
        "url", Level.WARNING, f"plain http to {host}: everybody on the way can read the password", "use https"
    )


def _check_certificate(connection: socket.socket, host: str) -> Finding:
    context = ssl.create_default_context()
    if "SSL_CERT_FILE" not in os.environ:
        import certifi  # what httpx trusts

        context.load_verify_locations(certifi.where())
    try:
        with context.wrap_socket(connection, server_hostname=host) as secured:
            expires = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
            version = secured.version()
    except ssl.SSLCertVerificationError as error:
        advice = _REASONS.get(error.verify_code, "ask the operator of the server")
        return _stop("certificate", f"the certificate is not trusted: {error.verify_message}", advice)
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        return _stop("certificate", f"no TLS connection: {reason}", "is this a port for plain http? Then write http://")
    days = int((expires - time.time()) // _DAY)
    if days < _SOON:
        return Finding("certificate", Level.WARNING, f"the certificate expires in {days} days", "renew it")
    return Finding("certificate", Level.OK, f"{version}, trusted for {days} more days")


def _stop(check: str, text: str, advice: str) -> Finding:
    return Finding(check, Level.ERROR, text, advice, ExitCode.NOT_REACHED)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".internal", ".home.arpa"))
