"""When a refusal leaves: on a beat, together with all others, so that its time tells nothing of its reason.

What is wrong with a link shows in the time that finding out takes: microseconds for decrypting, hundreds of
them for asking Redis. So no refusal leaves before the second beat after its request arrived; by then each of
them is ready. `make bench-timing` measures that it is so.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

# Twice as long as two questions to Redis take on a busy instance; a refusal waits for one to two beats.
BEAT_SECONDS = 0.005


class RefusalTiming:
    """One worker's beat; to be used from its event loop.

    A thread keeps the time: the timers of event loops are set in whole milliseconds from the moment in which
    the loop was last busy, and so would tell when that was. The thread sleeps while nothing is refused.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[Callable[[], object]]] = {}
        self._due: SimpleQueue[tuple[int, asyncio.AbstractEventLoop]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def call(self, arrived: float, then: Callable[[], object]) -> None:
        """Call `then` on the beat of a request that arrived at this time of `time.perf_counter`.

        At once, where that has passed. `then` must not raise.
        """
        beat = int(arrived / BEAT_SECONDS) + 2
        waiting = self._waiting.get(beat)
        if waiting is not None:
            waiting.append(then)
        elif time.perf_counter() >= beat * BEAT_SECONDS:
            then()
        else:
            self._waiting[beat] = [then]
            self._keep_time()
            self._due.put((beat, asyncio.get_running_loop()))

    async def wait(self, arrived: float) -> None:
        """Return on that beat."""
        released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.call(arrived, partial(_release, released))
        await released

    def _keep_time(self) -> None:
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
                # The loop was closed; whoever waited is gone with it.
                self._waiting.pop(beat, None)

    def _release(self, beat: int) -> None:
        for then in self._waiting.pop(beat, ()):
            then()


def _release(waiting: asyncio.Future[None]) -> None:
    # Whoever waits may have been cancelled meanwhile.
    if not waiting.done():
        waiting.set_result(None)
