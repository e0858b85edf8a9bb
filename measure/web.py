"""Asking a server over HTTP: bounded in time and size, with credentials that are read when they are needed and shown nowhere."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import socket
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlencode, urlsplit

from ..cluster.port import Asking, Cluster
from ..errors import ClusterError
from ..kube.objects import SECRET, Ref, get
from ..release.sources import Credential, HttpOptions
from .inside import Inside, inside
from .port import Unmeasured

if TYPE_CHECKING:
    import aiohttp

MOST_BYTES = 10 * 2**20
"""Of an answer: a query that answers more tells too many things apart."""
TOO_LARGE = f"the answer is larger than {MOST_BYTES // 2**20} MiB: ask for less"
SHOWN = 200
_OF_THE_SERVER = ("authorization", "proxy-authorization")
"""Headers that the API server would take for its own; so it would those that say as whom it is asked."""


class Web:
    """One server. Redirects are not followed: credentials are meant for the address that is written.

    One that is inside the cluster, where this machine has no way to its name, is asked through the API server."""

    def __init__(self, options: HttpOptions, cluster: Cluster, namespace: str) -> None:
        self._options, self._cluster, self._namespace = options, cluster, namespace
        self._session: aiohttp.ClientSession | None = None
        self._behind: dict[str, Inside | None] = {}  # by the host: as whom the API server is asked for it

    @property
    def ways(self) -> list[str]:
        """What is not asked as it is written, in words."""
        through = dict.fromkeys(each for each in self._behind.values() if each is not None)
        return [f"through the API server: Service {each}" for each in through]

    async def ask(
        self, url: str, *, method: str = "GET", params: Mapping[str, str] | None = None, body: str | None = None
    ) -> tuple[int, bytes]:
        """The status and the body, whatever the status. Raises Unmeasured where there is no answer, or one that is none."""
        import aiohttp

        headers = await self._headers()
        if (service := await self._service_of(url)) is not None:
            query = "&".join(filter(None, (urlsplit(url).query, urlencode(params or {}))))
            path = (urlsplit(url).path or "/") + (f"?{query}" if query else "")
            timeout_s = float(self._options.timeout)
            return await self._through(Asking(*service, method, path, headers, body, timeout_s, MOST_BYTES))
        session = self._opened()
        timeout = aiohttp.ClientTimeout(total=float(self._options.timeout))
        try:
            async with session.request(
                method, url, params=params, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                if 300 <= answer.status < 400:
                    raise Unmeasured(redirects(answer.status))
                return answer.status, await self._read(answer)
        except TimeoutError:
            raise Unmeasured(f"no answer within {self._options.timeout} s") from None
        except aiohttp.InvalidURL:
            raise Unmeasured("its address is none, once the template is filled in") from None
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            raise Unmeasured(_said(error)) from None
        except ValueError:  # its text may have the secret in it
            raise Unmeasured("a header holds a character that cannot be sent") from None

    async def _service_of(self, url: str) -> Inside | None:
        """The one to ask the API server for: where the address names one, and this machine does not know that name."""
        host = urlsplit(url).netloc
        if host not in self._behind:
            named = inside(url, self._namespace)
            self._behind[host] = named if named is not None and not await self._resolves(str(urlsplit(url).hostname)) else None
        return self._behind[host]

    async def _resolves(self, name: str) -> bool:
        try:
            async with asyncio.timeout(float(self._options.timeout)):
                return bool(await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM))
        except (OSError, TimeoutError, UnicodeError):
            return False

    async def _through(self, asking: Asking) -> tuple[int, bytes]:
        what = f"Service {asking.namespace}/{asking.name}"
        if any(name.lower() in _OF_THE_SERVER or name.lower().startswith("impersonate-") for name in asking.headers):
            raise Unmeasured(
                f"this machine has no way to {what}, and the API server keeps credentials for itself: "
                "name an address that can be reached from here"
            )
        if {".", ".."} & set(unquote(asking.path.partition("?")[0]).split("/")):
            # on its way it would be shortened, and mean something else of the API server
            raise Unmeasured(f"an address with . or .. in its path is not asked through the API server, of {what}")
        try:
            async with asyncio.timeout(asking.timeout_s):
                status, answer = await self._cluster.ask_service(asking)
        except TimeoutError:
            raise Unmeasured(f"no answer within {self._options.timeout} s, through the API server") from None
        except ClusterError as error:
            raise Unmeasured(f"the API server does not pass it on to {what}: {error.summary}") from None
        if 300 <= status < 400:
            raise Unmeasured(redirects(status))
        if len(answer) > MOST_BYTES:
            raise Unmeasured(TOO_LARGE)
        return status, answer

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        data = bytearray()
        async for piece in answer.content.iter_chunked(64 * 1024):
            data += piece
            if len(data) > MOST_BYTES:
                raise Unmeasured(TOO_LARGE)
        return bytes(data)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp

            try:
                context = ssl.create_default_context(cafile=self._options.ca_file) if self._options.ca_file else None
            except (OSError, ssl.SSLError) as error:
                raise Unmeasured(f"{self._options.ca_file} is no file of certificates: {error.strerror or error}") from None
            connector = aiohttp.TCPConnector(ssl=context) if context else aiohttp.TCPConnector()
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def _headers(self) -> dict[str, str]:
        options = self._options
        headers = {
            name: await self.secret(value) if isinstance(value, Credential) else value for name, value in options.headers.items()
        }
        if options.bearer_token is not None:
            headers["Authorization"] = f"Bearer {await self.secret(options.bearer_token)}"
        elif options.username is not None and options.password is not None:
            pair = f"{options.username}:{await self.secret(options.password)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return headers

    async def secret(self, credential: Credential) -> str:
        """What it holds, for whoever sends it. Raises Unmeasured, with what is missing."""
        if credential.env is not None:
            value = os.environ.get(credential.env, "")
            if not value:
                raise Unmeasured(f"the environment variable {credential.env} is not set")
            return _one_line(value, credential.env)
        name = f"Secret {credential.secret}"
        try:
            found = await self._cluster.get(Ref(SECRET.api_version, SECRET.name, self._namespace, str(credential.secret)))
        except ClusterError as error:
            raise Unmeasured(f"{name} cannot be read: {error.summary}") from None
        held = get(found, "data", str(credential.key))
        if held is None:
            raise Unmeasured(f"{name} is not there" if found is None else f"{name} has no key {credential.key}")
        try:
            return _one_line(base64.b64decode(held, validate=True).decode(), f"{name}, {credential.key},")
        except ValueError:
            raise Unmeasured(f"{name} holds no text in {credential.key}") from None


def redirects(status: int) -> str:
    return f"it redirects elsewhere (status {status}); write the address that answers"


def _one_line(value: str, what: str) -> str:
    stripped = value.strip()
    if any(ord(each) < 32 for each in stripped):
        raise Unmeasured(f"{what} holds more than one line: it cannot be sent as a header")
    return stripped


def _said(error: Exception) -> str:
    """A connection's error in a few words, whichever library found it."""
    inner: BaseException | None = getattr(error, "os_error", None) or getattr(error, "certificate_error", None)
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {inner.verify_message}"
    if isinstance(inner, OSError) and inner.strerror:
        # asyncio's own words for it hold the address again, and not the cause
        is_known = inner.errno in errno.errorcode and not isinstance(inner, socket.gaierror)
        return f"cannot be reached: {os.strerror(inner.errno or 0) if is_known else inner.strerror}"
    text = str(error).splitlines()[0][:SHOWN] if str(error) else type(error).__name__
    return f"cannot be reached: {text}"
