"""A real server that can misbehave, certificates, and every backend behind one asynchronous face."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import sys
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from anyio import CapacityLimiter, to_thread

from eventually import LIMIT, eventually
from pki import Pki
from smsgate import ahttp, http
from smsgate.http import Request, Timeout

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Received:
    """One request as its bytes came in."""

    connection: int
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    head: bytes = field(repr=False)

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Connection:
    """The server's end of a connection, for scripts that answer."""

    def __init__(self, sock, number, stopping):
        self.sock = sock
        self.number = number
        self._stopping = stopping
        self._buffer = b""

    def send(self, data):
        self.sock.sendall(data)

    def wait(self, seconds):
        """Wait, but not beyond the end of the test."""
        self._stopping.wait(seconds)

    def reset(self):
        """Close so that the other side sees a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def until_gone(self, seconds=LIMIT):
        """Tell whether the other side closes within a time."""
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def receive(self):
        """Read one request, or return None at the end of the connection."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._fill():
                return None
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = [tuple(line.split(": ", 1)) for line in lines]
        length = int(next((value for name, value in headers if name.lower() == "content-length"), 0))
        while len(self._buffer) < length:
            if not self._fill():
                return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Received(self.number, method, target, headers, body, head)

    def _fill(self):
        data = self.sock.recv(65536)
        self._buffer += data
        return bool(data)


class ScriptedServer:
    """Accepts connections and lets ``script(connection, request)`` answer each request on them.

    ``greeting(connection)`` may act before anything is read; it returns True when it is done with the connection.
    """

    def __init__(self, context=None):
        self.requests = []
        self.connections = 0
        self.open = 0
        self.script = lambda connection, _: connection.send(JSON)
        self.greeting = lambda _: False
        self._context = context
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._socks = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.origin = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self):
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(LIMIT)
        with self._lock:
            socks = list(self._socks)
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        assert self.settles(0)

    def settles(self, connections):
        """Tell whether the number of open connections comes down to a number; one that does not fails the test."""
        return eventually(lambda: self.open <= connections, within=2 * LIMIT)  # each may wait for data for as long

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self.open += 1
                self._socks.add(sock)
                number = self.connections
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock, number):
        original = sock
        try:
            with contextlib.suppress(OSError, ValueError):
                if self._context is not None:
                    sock = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                    with self._lock:
                        self._socks.add(sock)  # the one below is detached from now on
                    sock.do_handshake()
                connection = Connection(sock, number, self._stopping)
                if not self.greeting(connection):
                    while (request := connection.receive()) is not None:
                        with self._lock:
                            self.requests.append(request)
                        self.script(connection, request)
        finally:
            sock.close()
            with self._lock:
                self._socks -= {original, sock}
                self.open -= 1


@pytest.fixture
def server():
    """A plain server."""
    running = ScriptedServer()
    yield running
    running.stop()


@pytest.fixture
def serve():
    """Start further servers, with TLS if a context is given."""
    started = []

    def start(context=None):
        started.append(ScriptedServer(context))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """Certificates made for this run; see `Pki`."""
    return Pki(tmp_path_factory.mktemp("pki"))


class SyncFace:
    """A synchronous backend with the methods of an asynchronous one: each call runs in a thread."""

    def __init__(self, backend):
        self.backend = backend
        self._limiter = None

    async def _run(self, call, *args):
        if self._limiter is None:
            self._limiter = CapacityLimiter(64)
        return await to_thread.run_sync(partial(call, *args), limiter=self._limiter)

    async def send(self, request):
        return await self._run(self.backend.send, request)

    @contextlib.asynccontextmanager
    async def stream(self, request):
        context = self.backend.stream(request)
        answer = await self._run(context.__enter__)
        try:
            yield ahttp.AsyncStreamedResponse(answer.status, answer.headers, self._chunks(iter(answer.chunks)))
        finally:
            await self._run(context.__exit__, None, None, None)

    async def _chunks(self, chunks):
        while (chunk := await self._run(next, chunks, None)) is not None:
            yield chunk

    async def aclose(self):
        await self._run(self.backend.close)


@dataclass(frozen=True)
class Case:
    """One backend under one event loop."""

    library: str
    module: object
    adapter: str
    loop: str = "asyncio"

    @property
    def is_sync(self):
        return self.module is http

    def load(self):
        if self.library == "pyreqwest" and sys.version_info < (3, 11):
            pytest.skip("pyreqwest needs Python 3.11")
        pytest.importorskip(self.library)
        return getattr(self.module, self.adapter)

    def make(self, *args, **options):
        """Make the backend behind an asynchronous face."""
        backend = self.load()(*args, **options)
        return SyncFace(backend) if self.is_sync else backend

    def __str__(self):
        return f"{self.library}-{'sync' if self.is_sync else self.loop}"


CASES = [
    Case(adapter.library, ahttp if adapter.is_async else http, adapter.name, loop)
    for adapter in http.ADAPTERS
    for loop in (("asyncio", "trio") if adapter.name == "HttpxAsyncHttpClient" else ("asyncio",))
]


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return request.param


@pytest.fixture
def anyio_backend(case):
    """Run under the case's event loop."""
    return case.loop


@pytest.fixture
async def backend(case):
    """The case's backend as it comes, closed after the test."""
    made = case.make()
    yield made
    await made.aclose()


@pytest.fixture
async def make(case):
    """Make further backends of the case, closed after the test."""
    made = []

    def one(*args, **options):
        made.append(case.make(*args, **options))
        return made[-1]

    yield one
    for backend in made:
        await backend.aclose()


def own_httpx(case, *, trust_env=False, ca=None, cert=None, proxy=None):
    import httpx

    made = httpx.Client if case.is_sync else httpx.AsyncClient
    return made(trust_env=trust_env, verify=context_of(ca, cert) if ca else True, proxy=proxy)


def own_requests(_, *, trust_env=True, ca=None, cert=None, proxy=None):
    import requests

    session = requests.Session()
    session.trust_env, session.verify, session.cert = trust_env, ca or True, cert
    if proxy:
        session.proxies = {"http": proxy, "https": proxy}
    return session


def own_aiohttp(_, *, trust_env=False, ca=None, cert=None, proxy=None):
    import aiohttp

    connector = aiohttp.TCPConnector(ssl=context_of(ca, cert)) if ca else None
    return aiohttp.ClientSession(connector=connector, trust_env=trust_env, proxy=proxy)


def own_pyreqwest(case, *, ca=None, cert=None, proxy=None):
    from pyreqwest.client import ClientBuilder, SyncClientBuilder
    from pyreqwest.proxy import ProxyBuilder

    builder = (SyncClientBuilder() if case.is_sync else ClientBuilder()).follow_redirects(False)
    if ca:
        builder = builder.add_root_certificate_pem(Path(ca).read_bytes())
    if cert:
        builder = builder.identity_pem(b"\n".join(Path(path).read_bytes() for path in cert))
    return (builder.proxy(ProxyBuilder.all(proxy)) if proxy else builder.no_proxy()).build()


def context_of(ca, cert):
    context = ssl.create_default_context(cafile=ca)
    if cert:
        context.load_cert_chain(*cert)
    return context


OWN = {"httpx": own_httpx, "requests": own_requests, "aiohttp": own_aiohttp, "pyreqwest": own_pyreqwest}


@pytest.fixture
async def own(case):
    """Make clients and sessions of the case's library; they are closed after the test."""
    case.load()
    closing = []

    def make(**options):
        closing.append(OWN[case.library](case, **options))
        return closing[-1]

    yield make
    for client in closing:
        closed = client.aclose() if hasattr(client, "aclose") else client.close()
        if not case.is_sync:
            await closed


@pytest.fixture
def ask():
    """Build a request."""

    def build(url, method="GET", content=None, headers=None, **limits):
        timeout = Timeout(**{"connect": LIMIT, "read": LIMIT, "total": 2 * LIMIT, **limits})
        return Request(method, url, {"User-Agent": "contract/1.0", **(headers or {})}, content, timeout)

    return build


@pytest.fixture
def unused_port():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture
def stuck_port():
    """A port whose connections never come about: the queue of its listener is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as fillers:
        for _ in range(4):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
