"""Sends refusals on a common beat, so that the time of a refusal does not reveal its reason.

Decrypting a link takes microseconds, asking Redis hundreds of them: without the beat, the time would tell how
far a link got. So no refusal leaves before the second beat after its request arrived; by then all refusals
are ready. `make bench-timing` measures this.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

# Twice as long as two requests to Redis take on a busy instance. A refusal waits for one to two beats.
BEAT_SECONDS = 0.005


class RefusalTiming:
    """The beat of one worker; to be used from its event loop.

    A thread keeps the time. Timers of event loops count whole milliseconds from the last moment at which the
    loop was busy, and would reveal that moment. The thread sleeps while nothing is refused.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[Callable[[], object]]] = {}
        self._due: SimpleQueue[tuple[int, asyncio.AbstractEventLoop]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def call(self, arrived: float, then: Callable[[], object]) -> None:
        """Call `then` on the beat of a request that arrived at this time of `time.perf_counter`.

        If that beat has passed, call it at once. `then` must not raise.
        """
        beat = int(arrived / BEAT_SECONDS) + 2
        waiting = self._waiting.get(beat)
        if waiting is not None:
            waiting.append(then)
        elif time.perf_counter() >= beat * BEAT_SECONDS:
            then()
        else:
            # The first refusal of a beat wakes the thread; all others of the beat only join the list.
            self._waiting[beat] = [then]
            self._keep_time()
            self._due.put((beat, asyncio.get_running_loop()))

    async def wait(self, arrived: float) -> None:
        """Return on the beat of a request that arrived at this time."""
        released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.call(arrived, partial(_release, released))
        await released

    def _keep_time(self) -> None:
        # Not in `__init__`: commands make a handler, too, and refuse nobody.
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="refusal-beat", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            beat, loop = self._due.get()
            time.sleep(max(0.0, beat * BEAT_SECONDS - time.perf_counter()))
            try:
                loop.call_soon_threadsafe(self._release, beat)
            except RuntimeError:
                # The loop was closed, and the waiting requests with it.
                self._waiting.pop(beat, None)

    def _release(self, beat: int) -> None:
        for then in self._waiting.pop(beat, ()):
            then()


def _release(waiting: asyncio.Future[None]) -> None:
    # The waiting task may have been cancelled.
    if not waiting.done():
        waiting.set_result(None)
