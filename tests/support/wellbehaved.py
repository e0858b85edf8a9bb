"""A small HTTP server for pods that are processes: `python3 wellbehaved.py`, told what to do by its environment.

    POD_IP, PORT          where it listens (default 127.0.0.1, 8080)
    START_DELAY           seconds before it listens (0)
    STATUS                the code of its answers (200)
    LATENCY               seconds that an answer takes (0); GET /sleep/N takes N seconds
    ON_SIGTERM            graceful: stops to listen, ends what it has begun, then exits 0; exit: exits at once; ignore
    ROLLWAY_VERSION       answered as the header x-version and in the body
    UNREADY_FILE          GET /ready answers 503 while this file exists

GET /healthz and /ready answer at once. It prints a line when it begins, listens, is told to end, and ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

VERSION = os.environ.get("ROLLWAY_VERSION", "")
STATUS = int(os.environ.get("STATUS", "200"))
LATENCY_S = float(os.environ.get("LATENCY", "0"))
ON_SIGTERM = os.environ.get("ON_SIGTERM", "graceful")


def say(text: str) -> None:
    print(f"{VERSION} {text}".strip(), flush=True)


def is_unready() -> bool:
    return Path(os.environ.get("UNREADY_FILE", "/nonexistent")).exists()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            while (await reader.readline()).strip():
                pass  # headers
            path = line.split()[1].decode() if line.strip() else "/"
            status = STATUS
            if path == "/ready":
                status = 503 if is_unready() else 200
            elif path == "/healthz":
                status = 200
            elif path == "/stop":
                say("asked to stop")
            else:
                await asyncio.sleep(float(path.removeprefix("/sleep/")) if path.startswith("/sleep/") else LATENCY_S)
            body = f"{VERSION or 'ok'}\n".encode()
            head = f"HTTP/1.1 {status} -\r\nx-version: {VERSION}\r\ncontent-length: {len(body)}\r\n"
            is_last = stopping.is_set()
            writer.write((head + ("connection: close\r\n" if is_last else "") + "\r\n").encode() + body)
            await writer.drain()
            if is_last:
                break
    except (ConnectionError, IndexError, ValueError):
        pass
    finally:
        writer.close()


async def main() -> int:
    loop = asyncio.get_running_loop()
    if ON_SIGTERM == "ignore":
        loop.add_signal_handler(signal.SIGTERM, lambda: say("ignores SIGTERM"))
    elif ON_SIGTERM == "graceful":
        loop.add_signal_handler(signal.SIGTERM, stopping.set)
    say("begins")
    await asyncio.sleep(float(os.environ.get("START_DELAY", "0")))
    host, port = os.environ.get("POD_IP", "127.0.0.1"), int(os.environ.get("PORT", "8080"))
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(answer(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(accept, host, port)
    say(f"listens on {host}:{port}")
    await stopping.wait()
    say("told to end")
    server.close()
    if connections:  # a kept connection that says nothing more is not waited for
        await asyncio.wait(connections, timeout=max(LATENCY_S, 0.2) + 1)
    say("ends")
    return 0


stopping = asyncio.Event()

if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
