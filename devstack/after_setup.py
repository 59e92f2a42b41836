"""`python -m devstack.after_setup FILE COMMAND...`: becomes the command as soon as the file exists."""

import os
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    ready, command = Path(sys.argv[1]), sys.argv[2:]
    while not ready.exists():
        time.sleep(0.05)
    os.execvp(command[0], command)  # noqa: S606 - the command comes from the devstack itself
