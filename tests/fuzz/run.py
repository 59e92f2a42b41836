"""One run: the client beside a watch over the target's memory, and what came of both."""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.client import Findings, fuzz
from tests.fuzz.mutations import Fuzzer
from tests.fuzz.target import Target

WATCH_SECONDS = 1.0
# The first requests fill the caches, and the allocator's pools.
WARM_UP_SHARE = 0.3
# What a request may leave behind, by the slope of the memory over the requests.
MAX_BYTES_PER_REQUEST = 30.0
# Fewer requests say nothing of memory.
MIN_JUDGED_REQUESTS = 100_000


@dataclass
class Result:
    """What came of a run; memory as (requests sent, bytes)."""

    findings: Findings
    seconds: float
    is_same_worker: bool
    trouble: list[str]
    log_lines: dict[str, int]
    memory: list[tuple[int, int]] = field(default_factory=list)

    @property
    def bytes_per_request(self) -> float:
        """The slope of the memory after warming up; 0 with too little to judge."""
        warm = [at for at in self.memory if at[0] >= WARM_UP_SHARE * self.findings.sent]
        if len(warm) < 3 or self.findings.sent < MIN_JUDGED_REQUESTS:
            return 0.0
        middle_x = sum(x for x, _ in warm) / len(warm)
        middle_y = sum(y for _, y in warm) / len(warm)
        spread = sum((x - middle_x) ** 2 for x, _ in warm)
        return sum((x - middle_x) * (y - middle_y) for x, y in warm) / spread if spread else 0.0

    def problems(self) -> list[str]:
        """What is wrong, in words; nothing where all is well."""
        found = [*self.findings.failures, *self.trouble]
        if not self.is_same_worker:
            found.append("the worker was replaced")
        if self.bytes_per_request > MAX_BYTES_PER_REQUEST:
            found.append(f"memory grows by {self.bytes_per_request:.0f} bytes a request")
        return found


def run(directory: Path, requests: int, seed: int, connections: int, seconds: float) -> Result:
    """Fuzz a target of its own."""
    findings, memory = Findings(), list[tuple[int, int]]()
    with Target(directory) as target:
        fuzzers = [Fuzzer(seed + at, target.offers, target.campaigns) for at in range(connections)]
        before, started = target.worker(), time.monotonic()

        async def both() -> None:
            sending = asyncio.create_task(fuzz(target.port, fuzzers, requests, seconds, findings))
            while not sending.done():
                await asyncio.wait([sending], timeout=WATCH_SECONDS)
                if target.worker() == before:
                    memory.append((findings.sent, target.memory_bytes()))
                target.forget_clicks()
            await sending

        asyncio.run(both())
        took = time.monotonic() - started
        return Result(findings, took, target.worker() == before, target.trouble(), target.log_lines(), memory)
