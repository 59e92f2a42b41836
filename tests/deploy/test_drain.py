"""The end of an instance whose web workers took Redis for away until their own end."""

import os
import signal
from pathlib import Path
from typing import Any

from tests.deploy.instance import CLICK, running_instance
from tests.processes import DEADLINE_SECONDS, wait_until


def test_what_a_web_worker_leaves_in_the_spool_is_delivered_before_the_end(
    variables: dict[str, str], table: Any, tmp_path: Path
) -> None:
    # With one worker it is known who has seen the records that Redis cannot give it later.
    one_worker = variables | {"WEB_CONCURRENCY": "1", "CLICK_COMMIT_TIMEOUT_MS": "500"}
    with running_instance(tmp_path, one_worker) as instance:
        instance.wait_until_ready()
        instance.click(CLICK)
        redis_pid = instance.pid("redis")
        os.kill(redis_pid, signal.SIGSTOP)
        try:
            lids = {instance.click(CLICK) for _ in range(3)}
            instance.process.send_signal(signal.SIGTERM)
            wait_until(lambda: "stopped: web" in instance.log.read_text(), what="the end of the web worker")
        finally:
            os.kill(redis_pid, signal.SIGCONT)
        assert instance.process.wait(DEADLINE_SECONDS) == 0
        assert lids <= {item["lid"] for item in table.scan()["Items"]}
        assert "3 clicks came out of the spool." in instance.log.read_text()
        assert list((instance.data / "spool").iterdir()) == []
