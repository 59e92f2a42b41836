"""`python -m devstack.aws PORT`: moto's server as S3, SQS and DynamoDB, printing only what goes wrong."""

import logging
import sys

from moto.server import main

from devstack.services import LOCALHOST

if __name__ == "__main__":
    # One line per request would bury the lines of the other processes.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    main(["--host", LOCALHOST, "--port", sys.argv[1]])
