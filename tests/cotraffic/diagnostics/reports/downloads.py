"""Downloads of reports, for tests."""

import re
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client


class Download(NamedTuple):
    """A file that was sent, and the name that it is to have."""

    name: str
    content: bytes


def downloaded(client: Client, query: str) -> Download:
    """A file, read in the event loop in which it is made, as by the server."""

    async def received() -> Download:
        reader = AsyncClient()
        reader.cookies = client.cookies
        answer: Any = await reader.get(f"/admin/diagnostics/reports/download/{query}")
        assert answer.status_code == 200, answer.content
        name = re.fullmatch(r'attachment; filename="(\S+)"', answer["Content-Disposition"])
        assert name
        return Download(name[1], b"".join([piece async for piece in answer]))

    # Not asyncio.run: the database is open in this thread.
    return async_to_sync(received)()
