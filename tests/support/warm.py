"""`deploy` for scripts that call it many times: a process of its own each time, forked from one that has imported everything.

`warm.py SOCKET` waits for callers; a caller passes its streams, its words, its folder and its environment, and later on what
signals it is sent. The command that runs is the real one; only what Python takes to start is paid once.
"""

from __future__ import annotations

import array
import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

# Python's own path may hold a space, which a first line cannot name: the shell reads the second line, Python a text
CALLER = """#!/bin/sh
'''exec' '{python}' -IS "$0" "$@"
' '''
import array, json, os, signal, socket, sys
running, early = [], []
def pass_on(number, frame):
    os.kill(running[0], number) if running else early.append(number)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, pass_on)
server = socket.socket(socket.AF_UNIX)
server.connect({path!r})
call = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
server.sendmsg([len(call).to_bytes(8, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
server.sendall(call)
running.append(int.from_bytes(server.recv(4), "big"))
for number in early:
    os.kill(running[0], number)
code = (server.recv(1) or b"\\x7f")[0]
server.recv(1)
os._exit(code)
"""


def serve(path: str) -> None:
    """Forks a process for each caller, which answers with its exit code and is gone. Says `ready` when it listens; who calls then
    waits until all is imported. It ends with who holds the other end of its input, which nothing is written to."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(16)
        print("ready", flush=True)
        main = _imported()
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how the children ended
        gc.freeze()
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            caller, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal, whatever this process ignores
                listener.close()
                words = _as(caller)
                caller.send(os.getpid().to_bytes(4, "big"))
                try:
                    code = main(words)
                except SystemExit as ended:  # as Typer ends where it has completed a word
                    code = int(ended.code or 0)
                sys.stdout.flush()
                sys.stderr.flush()
                caller.send(bytes([code]))
                atexit._run_exitfuncs()  # an ordinary exit would also take a large heap apart
                os._exit(0)
            caller.close()


def _imported() -> Callable[[list[str]], int]:
    """The command, with all that any verb of it imports where it is used."""
    import rollway
    from rollway.cli.main import main

    for room in Path(rollway.__file__).parent.glob("*/__init__.py"):
        for module in pkgutil.walk_packages([str(room.parent)], f"rollway.{room.parent.name}."):
            importlib.import_module(module.name)
    return main


def _as(caller: socket.socket) -> list[str]:
    """Becomes the caller: its streams, its folder, its environment. Answers its words."""
    length, passed, _, _ = caller.recvmsg(8, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    descriptors = array.array("i")
    descriptors.frombytes(passed[0][2])
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    call = b""
    while len(call) < int.from_bytes(length, "big"):
        call += caller.recv(65536)
    words, folder, environment = json.loads(call)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, closefd=False) for number, mode in enumerate("rww"))
    return words


if __name__ == "__main__":
    serve(sys.argv[1])
