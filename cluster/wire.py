"""Requests to the API server: time limits, repeats with back-off, credentials that expire, and a count of what was sent.

A request is repeated on 429, 500, 502, 503, 504, on connection errors and timeouts, never on another 4xx. One that may have been
carried out though its answer was lost is repeated only where that is safe (`Call.may_repeat`); where the repeat then fails,
`recheck` may find out that the first one did it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from .. import __version__
from ..errors import ApiError
from ..kube.objects import Obj
from .answers import Call, Failed, is_status, no_answer, not_kubernetes, refused
from .kubeconfig import Access
from .official import ApiClient, aiohttp

MOST_LINE = 64 * 2**20
"""Of a log: no line of a run is longer than the largest record of a release, and a pod may write one without an end."""
AT_ONCE = 16  # requests on their way: more would only open connections, each of which costs a TLS handshake

Recheck = Callable[[ApiError], Awaitable[Obj | None]]


@dataclass(frozen=True)
class Timing:
    """All in seconds. A server that cannot be reached has failed after `patience`, and after `first_patience` where it never
    answered; one that is only overloaded (429) is given `overload`."""

    connect: float = 3.0
    read: float = 8.0
    write: float = 30.0  # admission webhooks may take that long; before the first answer, `read` holds
    first_patience: float = 3.0
    patience: float = 8.0
    overload: float = 30.0
    first_pause: float = 0.1
    longest_pause: float = 2.0
    watch: int = 60  # how long the server keeps a watch open
    watch_slack: float = 10.0
    quiet: float = 300.0  # a log that is followed and says nothing for so long may be cut off without a word


class Wire:
    """`reload` reads the credentials anew; it is called when the server no longer accepts them, once a request."""

    def __init__(self, access: Access, reload: Callable[[], Awaitable[Access]], timing: Timing, qps: float = 0.0) -> None:
        self.access = access
        self.timing = timing
        self.requests_made: Counter[str] = Counter()
        self._reload = reload
        self._api = _api(access)
        self._retired: list[ApiClient] = []  # their watches still run
        self._logins = 0
        self._login = asyncio.Lock()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._has_answered = False
        self._interval_s = 1.0 / qps if qps else 0.0
        self._next_at = 0.0

    async def close(self) -> None:
        for api in (*self._retired, self._api):
            await api.close()

    async def send(self, call: Call, recheck: Recheck | None = None) -> Any:
        """The answer's JSON (for `logs` its text, for `watch` and `follow` the open response, for `proxy` the status and the body
        of whoever answered). Raises ClusterError."""
        began = asyncio.get_running_loop().time()
        is_doubtful, has_logged_in, attempt = False, False, 0
        while True:
            logins = self._logins
            answer = await self._exchange(call, self._limit_s(call, began))
            if not isinstance(answer, Failed):
                return answer
            if answer.code == 401 and not has_logged_in:
                has_logged_in = True
                await self._log_in_again(logins)
                continue
            if is_doubtful and recheck and isinstance(answer.error, ApiError):
                done = await recheck(answer.error)
                if done is not None:
                    return done
            is_doubtful = is_doubtful or answer.may_be_done
            pause_s = self._pause_s(answer, attempt, began)
            if pause_s is None or (is_doubtful and not call.may_repeat):
                raise answer.error from answer.cause
            attempt += 1
            await asyncio.sleep(pause_s)

    async def lines(self, call: Call) -> AsyncGenerator[Obj, None]:
        """A watch's events. Ends where the server ends it or the connection drops; what was cut in the middle is dropped."""
        response = await self.send(call)
        try:
            async for line in response.content:
                if not line.endswith(b"\n"):
                    return
                yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return
        finally:
            response.close()

    async def text_lines(self, call: Call) -> AsyncGenerator[str, None]:
        """A log as it grows, in whole lines; of one that is longer than any of a run's the beginning. Ends where the server ends
        it or the connection drops."""
        response, line = await self.send(call), bytearray()
        try:
            async for piece in response.content.iter_any():
                *ended, rest = piece.split(b"\n")
                for part in ended:
                    line += part[: MOST_LINE - len(line)]
                    yield line.decode(errors="replace")
                    line.clear()
                line += rest[: MOST_LINE - len(line)]
        except (aiohttp.ClientError, TimeoutError, OSError):
            return
        finally:
            response.close()

    async def _exchange(self, call: Call, limit_s: float) -> Any:
        """One attempt: the answer, or why there is none."""
        await self._pace()
        self.requests_made[call.verb] += 1
        access = self.access
        quiet_s = {"watch": self.timing.watch + self.timing.watch_slack, "follow": self.timing.quiet}.get(call.verb)
        is_stream = quiet_s is not None
        timeout = aiohttp.ClientTimeout(
            total=None if is_stream else limit_s, connect=min(self.timing.connect, limit_s), sock_read=quiet_s
        )
        try:
            async with contextlib.nullcontext() if is_stream else self._slots:
                async with asyncio.timeout(limit_s):  # a watch's answer begins at once, however long it then lasts
                    response = await self._request(call, timeout)
                code = response.status
                self._has_answered = True
                if is_stream and code == 200:
                    return response
                if call.verb == "proxy":
                    code = response.history[0].status if response.history else code  # who redirects has not answered
                    data = await _at_most(response, call.most_bytes)
                    if code < 400 or not is_status(data):
                        return code, data
                    text = data.decode(errors="replace")
                else:
                    text = await response.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return no_answer(call, error, access)
        if code >= 300:
            return refused(call, code, text, response.headers.get("Retry-After", ""), access)
        if call.verb == "logs":
            return text
        try:
            return json.loads(text)
        except ValueError as error:
            return Failed(not_kubernetes(access, text), error)

    async def _request(self, call: Call, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        accepted = "*/*" if call.verb in ("logs", "follow", "proxy") else "application/json"
        headers = {"Accept": accepted, "User-Agent": f"rollway/{__version__}", **call.headers}
        if call.body is not None:
            headers["Content-Type"] = call.content_type
        for setting in (await self._api.configuration.auth_settings()).values():
            headers[setting["key"]] = setting["value"]
        url = self.access.host + call.path + (f"?{urlencode(call.query)}" if call.query else "")
        answer = await self._api.call_api(call.method, url, headers, call.body, _request_timeout=timeout)
        response: aiohttp.ClientResponse = answer.response
        return response

    def _limit_s(self, call: Call, began: float) -> float:
        """For one attempt. Nobody waits long for a server that has never answered."""
        if call.limit_s:
            return call.limit_s
        if self._has_answered:
            return self.timing.write if call.is_write else self.timing.read
        spent_s = asyncio.get_running_loop().time() - began
        return max(self.timing.read - spent_s, 0.2)

    def _pause_s(self, failed: Failed, attempt: int, began: float) -> float | None:
        """Before the next attempt; None where there is none."""
        if not failed.may_pass:
            return None
        longest_s = min(self.timing.first_pause * 2**attempt, self.timing.longest_pause)
        pause_s = max(random.uniform(longest_s / 2, longest_s), failed.retry_after_s)
        if failed.code == 429:
            patience_s = self.timing.overload
        else:
            patience_s = self.timing.patience if self._has_answered else self.timing.first_patience
        return pause_s if asyncio.get_running_loop().time() + pause_s <= began + patience_s else None

    async def _log_in_again(self, seen: int) -> None:
        """Unless another request has, since `seen`."""
        async with self._login:
            if self._logins != seen:
                return
            fresh = await self._reload()
            self._retired.append(self._api)
            self.access, self._api = fresh, _api(fresh)
            self._logins += 1

    async def _pace(self) -> None:
        if self._interval_s:
            now = asyncio.get_running_loop().time()
            at = self._next_at = max(now, self._next_at + self._interval_s)
            await asyncio.sleep(at - now)


async def _at_most(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """The body; of a larger one a piece that is too large."""
    data = bytearray()
    async for piece in response.content.iter_chunked(64 * 1024):
        data += piece
        if len(data) > most_bytes:
            response.close()
            break
    return bytes(data)


def _api(access: Access) -> ApiClient:
    api = ApiClient(configuration=access.configuration)
    session = api.rest_client.pool_manager = api.rest_client._create_pool_manager()
    # aiohttp would repeat a PUT or DELETE on a dropped connection without a word, and nobody knew that it may be done twice
    session._retry_connection = False
    return api
