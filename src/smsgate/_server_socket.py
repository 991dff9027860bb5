"""Listening sockets of the commands that serve over a port."""

from __future__ import annotations

import errno
import socket


def open_listener(host: str, port: int) -> socket.socket:
    """Open a listening TCP socket whose connections send without delay.

    asyncio sets TCP_NODELAY on accepted sockets only if the listener names TCP as its protocol, and
    `socket.create_server` does not: then a response in two writes waits some 40 ms for the peer's delayed ACK.

    Args:
        host: address or name; with a colon it is an IPv6 address.
        port: 0 for a free one.

    Raises:
        OSError: the address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        unnamed = socket.create_server((host, port), family=family)
    except (TypeError, UnicodeError):  # Python's errors for a name that cannot be encoded
        raise OSError(errno.EINVAL, "it is no name of a host") from None
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=unnamed.detach())
