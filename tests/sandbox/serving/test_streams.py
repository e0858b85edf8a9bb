"""exec, attach and port-forward: pods that are processes, over the real wire, by both protocols; and how SPDY is read."""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from realnode import SERVER, WITHIN_S, RealNode, eventually, is_ready, pod, shell
from rollway.kube.clock import now
from rollway.kube.objects import POD, Obj
from rollway.sandbox.node.processes.node import ProcessNode
from rollway.sandbox.serving.http import application
from rollway.sandbox.serving.streams.channels import size_of
from rollway.sandbox.serving.streams.remote import status_of
from rollway.sandbox.serving.streams.spdy import DICTIONARY, Broken, Session
from rollway.sandbox.store.store import Store
from rollway.sandbox.world import Sandbox

Open = Callable[..., Any]


# SPDY


class Client:
    """The client's side, which packs headers as SPDY has it."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def opens(self, number: int, fin: bool = False, **headers: str) -> bytes:
        pairs = [text.encode() for pair in headers.items() for text in pair]
        block = struct.pack(">I", len(headers)) + b"".join(struct.pack(">I", len(text)) + text for text in pairs)
        packed = self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">IIH", number, 0, 0) + packed
        return struct.pack(">HHI", 0x8003, 1, fin << 24 | len(body)) + body


def data(number: int, text: bytes, *, fin: bool = False) -> bytes:
    return struct.pack(">II", number, fin << 24 | len(text)) + text


async def heard(pieces: list[bytes]) -> tuple[list[tuple[str, bytes]], bytes]:
    """What is read of the streams (by their type), and what was sent."""
    left, sent = list(pieces), bytearray()

    async def read() -> bytes:
        return left.pop(0) if left else b""

    async def write(text: bytes) -> None:
        sent.extend(text)

    streams = [each async for each in Session(read, write).opened()]
    said = []
    for stream in streams:
        text = b""
        while piece := await stream.read():
            text += piece
        said.append((stream.headers["streamtype"], text))
    return said, bytes(sent)


@given(st.lists(st.integers(1, 200), max_size=12))
def test_streams_are_read_however_the_bytes_are_cut(cuts: list[int]) -> None:
    """Two streams, interleaved; one says nothing. Each is confirmed."""
    client = Client()
    wire = client.opens(1, streamType="stdin") + client.opens(3, streamType="error", fin=True) + data(1, b"he")
    wire += struct.pack(">HHI", 0x8003, 6, 4) + b"ping" + data(1, b"llo", fin=True)
    pieces = []
    for cut in cuts:
        pieces.append(wire[:cut])
        wire = wire[cut:]
    said, sent = asyncio.run(heard([*filter(None, pieces), *([wire] if wire else [])]))

    assert said == [("stdin", b"hello"), ("error", b"")]
    kinds = []
    while sent:
        version, kind, length = struct.unpack(">HHI", sent[:8])
        assert version == 0x8003
        kinds.append(kind)
        sent = sent[8 + length :]
    assert kinds == [2, 2, 6]  # two replies, and the ping comes back


def test_another_version_is_no_spdy_of_ours() -> None:
    """SPDY/2's frames are refused, and so are headers that nobody can unpack."""
    for wire in (struct.pack(">HHI", 0x8002, 1, 0), struct.pack(">HHI", 0x8003, 1, 14) + b"\0" * 10 + b"junk"):
        with pytest.raises(Broken):
            asyncio.run(heard([wire]))


def test_few_bytes_do_not_stand_for_endless_headers() -> None:
    """Neither for very many bytes, nor for a count of headers that are not there."""

    def opening(block: bytes) -> bytes:
        packed = zlib.compressobj(zdict=DICTIONARY)
        body = struct.pack(">IIH", 1, 0, 0) + packed.compress(block) + packed.flush(zlib.Z_SYNC_FLUSH)
        return struct.pack(">HHI", 0x8003, 1, len(body)) + body

    for block, why in ((struct.pack(">II", 1, 1 << 20) + b"a" * (1 << 20), "more than 65536 bytes"), (b"\xff" * 4, "cut off")):
        with pytest.raises(Broken, match=why):
            asyncio.run(heard([opening(block)]))


def test_a_stream_that_nobody_reads_any_more_holds_up_no_other() -> None:
    """However much the client has sent, and goes on to send."""
    client = Client()
    pieces = [client.opens(1, streamType="data"), *(data(1, b"x") for _ in range(40))]
    pieces += [client.opens(3, streamType="data", fin=True), data(1, b"x")]

    async def read() -> bytes:
        return pieces.pop(0) if pieces else b""

    async def write(text: bytes) -> None:
        pass

    async def story() -> list[int]:
        session = Session(read, write)
        opened = session.opened()
        first = await anext(opened)
        others = asyncio.ensure_future(anext(opened))
        await eventually(first.pieces.full)
        session.drop(first)
        async with asyncio.timeout(WITHIN_S):
            return [(await others).number, *[each.number async for each in opened]]

    assert asyncio.run(story()) == [3]


def test_the_last_of_several_sizes_counts() -> None:
    """Terminals are drawn larger in many steps."""
    assert size_of(b'{"Width":80,"Height":24}{"Width":120,"Height":40}') == (120, 40)
    assert size_of(b"?") is None


def test_how_a_command_ended_is_told_by_a_status_or_a_text() -> None:
    """As clients read it: the exit code stands in a cause."""
    failed = json.loads(status_of(3, ["false"], "", is_json=True))
    assert failed["reason"] == "NonZeroExitCode"
    assert failed["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
    assert json.loads(status_of(0, [], "", is_json=True))["status"] == "Success"
    assert status_of(0, [], "", is_json=False) == b""
    assert b"exit code 3" in status_of(3, ["false"], "", is_json=False)


# pods


def on_node(folder: Path, story: Callable[[RealNode, Open], Awaitable[None]]) -> None:
    async def run() -> None:
        store = Store()
        node = ProcessNode(store, folder, now)
        async with Sandbox(store=store, processes=node) as sandbox:
            await sandbox.settle()
            runner = web.AppRunner(application(sandbox.api, node=node), shutdown_timeout=0.2)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            async with aiohttp.ClientSession() as session:

                def opened(path: str, protocol: str = "v5.channel.k8s.io") -> Any:
                    return session.ws_connect(
                        f"http://127.0.0.1:{port}/api/v1/namespaces/default/pods/{path}", protocols=[protocol]
                    )

                try:
                    async with asyncio.timeout(WITHIN_S):
                        await story(RealNode(sandbox), opened)
                finally:
                    await runner.cleanup()

    asyncio.run(run())


async def said(socket: aiohttp.ClientWebSocketResponse) -> dict[int, bytes]:
    """By channel, until the server closes."""
    out: dict[int, bytes] = {}
    async for message in socket:
        out[message.data[0]] = out.get(message.data[0], b"") + message.data[1:]
    return out


processes = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.0/8 is not all there elsewhere")


@processes
def test_a_command_runs_beside_a_container(tmp_path: Path) -> None:
    """It has the container's environment, reads what is sent, until told that that was all, and its code is told."""

    async def story(node: RealNode, opened: Open) -> None:
        node.create(shell("exec sleep 60", env=[{"name": "COLOR", "value": "blue"}]))
        await node.until(is_ready)
        script = "cat; echo $COLOR $POD_NAME >&2; exit 7"
        async with opened(f"web/exec?command=sh&command=-c&command={quote(script)}&stdin=1&stdout=1&stderr=1") as socket:
            await socket.send_bytes(b"\0hello\n")
            await socket.send_bytes(b"\xff\0")
            told = await said(socket)
        assert (told[1], told[2]) == (b"hello\n", b"blue web\n")
        assert json.loads(told[3])["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]

    on_node(tmp_path, story)


@processes
def test_a_terminal_has_a_size_and_one_output(tmp_path: Path) -> None:
    """stderr is the same; the size follows the client's."""

    async def story(node: RealNode, opened: Open) -> None:
        node.create(shell("exec sleep 60"))
        await node.until(is_ready)
        script = "read x; stty size; tty >&2"
        async with opened(f"web/exec?command=sh&command=-c&command={quote(script)}&stdin=1&stdout=1&tty=1") as socket:
            await socket.send_bytes(b'\x04{"Width":120,"Height":40}')
            await socket.send_bytes(b"\0\n")
            told = await said(socket)
        assert b"40 120" in told[1]
        assert b"/dev/pts/" in told[1]
        assert json.loads(told[3])["status"] == "Success"

    on_node(tmp_path, story)


@processes
def test_what_cannot_run_is_told(tmp_path: Path) -> None:
    """A program that is missing, in the container runtime's words; a container and a pod that are not there; a modelled pod."""

    async def story(node: RealNode, opened: Open) -> None:
        modelled: Obj = pod(name="modelled", annotations={"sandbox.rollway.dev/runtime": "model"})
        node.create(shell("exec sleep 60"), modelled)
        await node.until(is_ready)
        await node.until(is_ready, "modelled")
        async with opened("web/exec?command=nope&stdout=1") as socket:
            told = await said(socket)
        assert 'exec: "nope": executable file not found in $PATH' in json.loads(told[3])["message"]
        for path, status in (
            ("web/exec?command=ls&container=other&stdout=1", 400),
            ("none/exec?command=ls&stdout=1", 404),
            ("modelled/exec?command=ls&stdout=1", 400),
            ("modelled/portforward?ports=80", 400),
            ("web/exec?stdout=1", 400),
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await opened(path)
            assert refused.value.status == status, path

    on_node(tmp_path, story)


@processes
def test_nothing_stays_of_a_command_whose_client_is_gone(tmp_path: Path) -> None:
    """Nor of one whose container ends."""

    async def story(node: RealNode, opened: Open) -> None:
        node.create(shell("exec sleep 60"))
        await node.until(is_ready)
        mine = tmp_path / "pid"
        script = f"echo $$ >{mine}; exec sleep 60"
        async with opened(f"web/exec?command=sh&command=-c&command={quote(script)}&stdout=1"):
            await eventually(lambda: mine.exists() and mine.read_text().strip())
        pid = mine.read_text().strip()
        await eventually(lambda: not Path(f"/proc/{pid}").exists())
        async with opened("web/exec?command=sleep&command=60&stdout=1") as socket:
            node.delete(grace_s=0)
            assert "status" in json.loads((await said(socket))[3])

    on_node(tmp_path, story)


@processes
def test_a_container_s_own_streams_are_held(tmp_path: Path) -> None:
    """What it prints from then on, and its stdin where the manifest gives it one; with stdinOnce that ends with the first."""

    async def story(node: RealNode, opened: Open) -> None:
        node.create(shell("cat; echo over", spec={"restartPolicy": "Never"}, stdin=True, stdinOnce=True))
        await node.until(is_ready)
        async with opened("web/attach?stdin=1&stdout=1") as socket:
            await socket.send_bytes(b"\0hello\n")
            await socket.send_bytes(b"\xff\0")
            told = await said(socket)
        assert told[1] == b"hello\nover\n"
        assert await node.logged("over") == "hello\nover\n"

    on_node(tmp_path, story)


async def many_that_are_closed(opened: Open) -> None:
    """What is sent to a port where nobody listens holds up no other one."""
    async with opened("web/portforward?ports=8099,8080", "v4.channel.k8s.io") as socket:
        for _ in range(64):
            await socket.send_bytes(b"\0lost")
        await socket.send_bytes(b"\2GET / HTTP/1.1\r\n\r\n")
        while not (await socket.receive_bytes()).startswith(b"\2HTTP/1.1 200"):
            pass


@processes
def test_a_port_is_forwarded(tmp_path: Path) -> None:
    """By the channels of older clients; where nobody listens the error channel says so."""

    async def story(node: RealNode, opened: Open) -> None:
        node.create(pod(*SERVER, readinessProbe={"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}))
        await node.until(is_ready)
        async with opened("web/portforward?ports=8080", "v4.channel.k8s.io") as socket:
            heads = {await socket.receive_bytes() for _ in range(2)}
            assert heads == {bytes((each, *(8080).to_bytes(2, "little"))) for each in (0, 1)}
            await socket.send_bytes(b"\0GET / HTTP/1.1\r\n\r\n")
            assert (await socket.receive_bytes()).startswith(b"\0HTTP/1.1 200")
        async with opened("web/portforward?ports=8099", "v4.channel.k8s.io") as socket:
            told = await said(socket)
        assert b"connection refused" in told[1]
        for ports in ("0", "65536", "x", "\xb2", ",".join(["8080"] * 129)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await opened(f"web/portforward?ports={quote(ports)}", "v4.channel.k8s.io")
            assert refused.value.status == 400, ports
        await many_that_are_closed(opened)

    on_node(tmp_path, story)


@processes
def test_an_ephemeral_container_is_a_process_beside_a_process(tmp_path: Path) -> None:
    """Started once; what it prints, how it ends and who attaches are as with others. One that says no command is a shell."""

    async def story(node: RealNode, opened: Open) -> None:
        node.create(shell("exec sleep 60"))
        await node.until(is_ready)
        live = node.store.get(POD, "default", "web")
        beside: list[Obj] = [
            {"name": "says", "image": "busybox", "command": ["sh", "-c", "echo I am beside $POD_NAME; exit 4"]},
            {"name": "shell", "image": "busybox", "stdin": True, "stdinOnce": True},
            {"name": "wrong", "image": "busybox", "command": ["nope"]},
        ]
        api = node.sandbox.api
        api.patch(POD, "default", "web", {"spec": {"ephemeralContainers": beside}}, subresource="ephemeralcontainers")

        def states(pod: Obj) -> dict[str, Obj]:
            return {each["name"]: each["state"] for each in pod["status"].get("ephemeralContainerStatuses") or ()}

        pod_ = await node.until(
            lambda each: "terminated" in states(each).get("says", {}) and "terminated" in states(each)["wrong"]
        )
        assert states(pod_)["says"]["terminated"]["exitCode"] == 4
        assert "nope" in states(pod_)["wrong"]["terminated"]["message"]
        assert node.sandbox.logs("default", "web", "says") == "I am beside web\n"
        async with opened("web/attach?container=shell&stdin=1&stdout=1") as socket:
            await socket.send_bytes(b"\0echo $POD_IP\n")
            await socket.send_bytes(b"\xff\0")
            told = await said(socket)
        assert told[1] == f"{live['status']['podIP']}\n".encode()
        assert states(await node.until(lambda each: "terminated" in states(each)["shell"]))

    on_node(tmp_path, story)
