"""Fills the click log with clicks that wait for delivery."""

import re
import uuid

from devstack.services import LOCALHOST
from tests import http_client
from tests.faults.system import NotUp, System

LOG = "clicks"
AT_ONCE = 5000


def preload(system: System, count: int) -> set[str]:
    """Write `count` clicks into the log, each like one that was really clicked; gives all their lids.

    Raises NotUp when the click that is the model of all does not come into the log.
    """
    answer = http_client.get(f"http://{LOCALHOST}:{system.web_port}{system.path}")
    found = re.search(r"[?&]lid=([0-9a-f-]{36})", answer.headers.get("location", ""))
    if not found:
        raise NotUp(f"a click was answered with {answer.status_code} and no lid")
    lid = found[1]
    lids = {lid}
    with system.redis_client() as client:
        fields = _fields(client.xrevrange(LOG, count=1000), lid)
        while len(lids) < count:
            with client.pipeline(transaction=False) as pipe:
                for _ in range(min(AT_ONCE, count - len(lids))):
                    other = str(uuid.uuid4())
                    lids.add(other)
                    pipe.xadd(
                        LOG,
                        {name: at.replace(lid.encode(), other.encode()) for name, at in fields.items()},
                    )
                pipe.execute()
    return lids


def _fields(entries: object, lid: str) -> dict[bytes, bytes]:
    """The fields of the entry that holds a lid."""
    assert isinstance(entries, list)
    for _, fields in entries:
        if lid.encode() in b"".join(fields.values()):
            assert isinstance(fields, dict)
            return fields
    raise NotUp(f"the click {lid} was answered and is not in the log")
