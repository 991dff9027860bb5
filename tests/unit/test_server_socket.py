"""Sockets on which the commands listen."""

import asyncio
import socket

import pytest

from smsgate._server_socket import open_listener


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_asyncio_sends_without_delay_on_accepted_connections(host):
    async def main():
        seen = asyncio.get_running_loop().create_future()

        def note(_reader, writer):
            accepted = writer.get_extra_info("socket")
            seen.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with open_listener(host, 0) as listener:
            async with await asyncio.start_server(note, sock=listener):
                _, writer = await asyncio.open_connection(*listener.getsockname()[:2])
                delay_is_off = await asyncio.wait_for(seen, 30)
                writer.close()
        return delay_is_off

    if host == "::1" and not socket.has_ipv6:
        pytest.skip("needs IPv6")
    assert asyncio.run(main()) != 0


def test_address_in_use_is_an_os_error():
    with open_listener("127.0.0.1", 0) as taken, pytest.raises(OSError, match="in use"):
        open_listener("127.0.0.1", taken.getsockname()[1])
