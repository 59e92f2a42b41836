"""httpx with the suite's one deadline, instead of its own five seconds: a busy machine is no failure."""

from functools import partial

import httpx

from tests.processes import DEADLINE_SECONDS

Client = partial(httpx.Client, timeout=DEADLINE_SECONDS)
get = partial(httpx.get, timeout=DEADLINE_SECONDS)
head = partial(httpx.head, timeout=DEADLINE_SECONDS)
post = partial(httpx.post, timeout=DEADLINE_SECONDS)
request = partial(httpx.request, timeout=DEADLINE_SECONDS)
