"""Starts a program again that supervisord has given up because it ended at once several times.

An event listener (http://supervisord.org/events.html): standard output belongs to the protocol.
"""

import os
import sys
import threading
from contextlib import suppress
from xmlrpc.client import Fault

from supervisor import childutils

PAUSE_SECONDS = 15.0


def start(name: str) -> None:
    """Start a program that was given up, unless somebody was faster or everything stops."""
    with suppress(Fault, OSError):
        childutils.getRPCInterface(os.environ).supervisor.startProcess(name, False)


def main() -> None:
    """Hear of every program that is given up, until supervisord ends."""
    while True:
        _, payload = childutils.listener.wait(sys.stdin, sys.stdout)
        program = childutils.get_headers(payload)
        name = f"{program['groupname']}:{program['processname']}"
        print(
            f"{program['processname']} ends at once again and again: its lines above say why; "
            f"next try in {PAUSE_SECONDS:g} s",
            file=sys.stderr,
            flush=True,
        )
        threading.Timer(PAUSE_SECONDS, start, [name]).start()
        childutils.listener.ok(sys.stdout)


if __name__ == "__main__":
    main()
