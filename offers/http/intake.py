"""When a connection is read from: never more ahead than one receive, so that memory has a bound."""

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl


class Intake(FlowControl):
    """uvicorn's flow control, which reads nothing while a request waits for its turn.

    uvicorn reads on after every answer, and whenever an application asks for a body: a client that sends
    requests faster than they are answered would fill the memory with them. `waiting` are those requests.
    The newest request alone can lack a part of its body, so what is not read meanwhile is missed by nobody.
    """

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting
        self.unparsed: memoryview | None = None
        self.is_over = False

    def resume_reading(self) -> None:
        """Read on, unless what was read before has to be done first."""
        if self.read_paused and not (self._waiting or self.unparsed or self.is_over):
            super().resume_reading()

    def end(self) -> None:
        """Read nothing more, ever; answers can still be written."""
        self.is_over = True
        self.pause_reading()
