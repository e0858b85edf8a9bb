"""The highest rate at which the schedule holds, on one core, beside hey on the same server.

    python benchmarks/load.py [--seconds 3]

The server is nginx, on a core of its own, with an answer that costs it nothing. A rate holds where every request was answered
well, none was sent late by more than 10 ms at the 99th percentile, and 99% of the wanted rate was sent; the table shows the
highest of a search by halves, to within 5%. hey has no schedule to hold (each of its workers sends when it has its answer): its
figure is the highest rate that it reaches with 50 workers on the same core, what the machine gives and not what an open model can
promise.
nginx and hey are Debian packages (`nginx-light`, `hey`); without them the benchmark says so, and ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic, process_time, sleep  # real time is what is measured
from typing import NamedTuple

from rollway.load.generator import Load
from rollway.load.report import Report
from rollway.load.target import Target

LATE_S = 0.010
LEAST = 0.99
NEAR = 1.05
LOWEST, HIGHEST = 500.0, 64_000.0
CONFIG = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 16000; }}
http {{
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d;
  scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port} backlog=8192; location / {{ add_header X-Version v1; return 200 "ok\\n"; }} }}
}}
"""


class Held(NamedTuple):
    """Requests a second, what a request then costs this process in microseconds of CPU, and the report."""

    rate: float
    cost_us: float
    report: Report


def main() -> int:
    parser = argparse.ArgumentParser(description="The highest rate at which the schedule holds, on one core.")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each attempt")
    seconds = parser.parse_args().seconds
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if nginx is None or len(cores) < 2:
        print(f"load: skipped: {'nginx is not installed' if nginx is None else 'it needs two cores'}")
        return 0
    print(f"{'':18}{'holds up to':>14}{'CPU a request':>15}{'late p99':>10}{'p50':>10}{'p99':>10}")
    with served(nginx, cores[1]) as url:
        os.sched_setaffinity(0, {cores[0]})
        for name, keeps_alive in (("a connection each", False), ("kept connections", True)):
            held = highest(url, seconds, keeps_alive=keeps_alive)
            print(line(name, held) if held else f"{name:18}not even {LOWEST:g}/s")
            print(f"{'  hey':18}{hey(url, seconds, keeps_alive=keeps_alive):>14}")
    return 0


def highest(url: str, seconds: float, *, keeps_alive: bool) -> Held | None:
    """By halves between a rate that holds and one that does not."""
    best, low, high = None, LOWEST, HIGHEST
    rate = 4_000.0
    while high / low > NEAR:
        if held := attempt(url, rate, seconds, keeps_alive=keeps_alive):
            best, low = held, rate
        else:
            high = rate
        rate = (low * high) ** 0.5
        sleep(0.5)  # what the last attempt left behind closes
    return best


def attempt(url: str, rate: float, seconds: float, *, keeps_alive: bool) -> Held | None:
    """None where the rate does not hold. Twice, since another process may have been in the way."""
    for _ in range(2):
        began = process_time()
        report = asyncio.run(measured(url, rate, seconds, keeps_alive=keeps_alive))
        cost_us = (process_time() - began) / max(report.sent, 1) * 1e6
        if report.good == report.sent and report.late_p99_s <= LATE_S and report.good_rate >= LEAST * rate:
            return Held(rate, cost_us, report)
    return None


async def measured(url: str, rate: float, seconds: float, *, keeps_alive: bool) -> Report:
    load = Load(Target.of(url, keeps_alive=keeps_alive), rate)
    await load.run(seconds)
    return await load.close(5)


def hey(url: str, seconds: float, *, keeps_alive: bool) -> str:
    command = shutil.which("hey")
    if command is None:
        return "not installed"
    words = [command, "-z", f"{seconds:g}s", "-c", "50", "-cpus", "1", *([] if keeps_alive else ["-disable-keepalive"]), url]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    found = re.search(r"Requests/sec:\s*([0-9.]+)", done.stdout)
    return f"{float(found[1]):,.0f}/s" if found else "failed"


def line(name: str, held: Held) -> str:
    latency = held.report.latency
    spans = "".join(f"{seconds * 1000:>7.1f} ms" for seconds in (held.report.late_p99_s, latency.p50_s, latency.p99_s))
    return f"{name:18}{held.rate:>12,.0f}/s{held.cost_us:>12.0f} µs{spans}"


@contextlib.contextmanager
def served(nginx: str, core: int) -> Iterator[str]:
    """The URL of an nginx on that core."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        config = Path(folder) / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=port))
        words: Sequence[str] = [nginx, "-c", str(config), "-p", folder]
        with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
            os.sched_setaffinity(process.pid, {core})
            try:
                until_listening(port, process)
                yield f"http://127.0.0.1:{port}/"
            finally:
                process.terminate()


def until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    ends_at = monotonic() + 10
    while monotonic() < ends_at and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        sleep(0.05)
    sys.exit("load: nginx does not listen")


if __name__ == "__main__":
    sys.exit(main())
