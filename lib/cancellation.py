"""Tells what was cancelled, also where a library has swallowed the cancellation."""

import asyncio


def is_cancelled() -> bool:
    """Return whether the running task was cancelled, which it may never have felt.

    `asyncio.wait_for` of Python 3.11 drops a cancellation that comes when what it waits for is already done
    (https://github.com/python/cpython/issues/86296; 3.12 does not). redis-py calls it to send each command,
    and socket.io's client to connect. A loop that is to run until it is cancelled asks this in each round.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
