"""The environment of the whole suite, whatever the developer's shell or `.env` says."""

import atexit
import os
import tempfile
from pathlib import Path

from devstack.services import LOCALHOST, free_port

# Names the process that has prepared its environment.
PREPARED = "CO_TRAFFIC_TESTS_PREPARED"
ENCRYPTION_KEY = "0123456789abcdef0123456789abcdef"


def prepare() -> tempfile.TemporaryDirectory[str]:
    """Set every variable the settings read that matters to tests; the directory returned holds all files.

    To be called before Django's settings are imported. Servers get their ports here and start when a
    fixture first asks for them. Raises RuntimeError if this process has an environment already.
    """
    if PREPARED in os.environ and os.environ[PREPARED] == str(os.getpid()):
        raise RuntimeError("an environment is prepared already: its servers would be looked for elsewhere")
    os.environ[PREPARED] = str(os.getpid())
    directory = tempfile.TemporaryDirectory(prefix="co-traffic-tests-")
    atexit.register(directory.cleanup)
    root = Path(directory.name)
    os.environ.update(
        DJANGO_SETTINGS_MODULE="cotraffic.settings",
        ENV="development",
        SECRET_KEY="tests",
        ALLOWED_HOSTS="*",
        TRUSTED_PROXIES="127.0.0.1,::1",
        DEV_CLIENT_IP="",
        DATABASE_URL=f"sqlite:///{root / 'tests.sqlite3'}",
        LOG_LEVEL="INFO",
        ENCRYPTION_KEY=ENCRYPTION_KEY,
        AD_TOKEN_V1="accept",
        AD_TOKEN_KEYS="",
        DEFAULT_OFFER_ID="36303",
        DEFAULT_CAMPAIGN_ID="1005032",
        DEFAULT_REDIRECT_URL="https://google.com/",
        NOT_FOUND_REDIRECT_URL="",
        NETWORK_ID="2",
        URL_HASH_SECRET="s",
        REDIS_URL=f"redis://{LOCALHOST}:{free_port()}/0",
        CLICK_SPOOL_DIR=str(root / "spool"),
        CLICK_ARCHIVE_DIR=str(root / "archive"),
        REPORT_CACHE_DIR=str(root / "report-cache"),
        # However busy the machine is: only a Redis that is away sends a click to the spool.
        CLICK_COMMIT_TIMEOUT_MS="20000",
        SHARED_REDIS_URL="",
        AWS_SQS_QUEUE_URL="",
        OFFERS_RECIPE_PATH=str(root / "recipe" / "offersRecipe.json.gz"),
        CAMPAIGNS_RECIPE_PATH=str(root / "recipe" / "campaignsRecipe.json.gz"),
        MAXMIND_PATH=str(root / "geoip" / "GeoIP2-City.mmdb"),
        MAXMIND_PATH_ISP=str(root / "geoip" / "GeoIP2-ISP.mmdb"),
    )
    _know_aws(f"http://{LOCALHOST}:{free_port()}")
    return directory


def _know_aws(url: str) -> None:
    """Let all of AWS be what answers at `url`, whatever this machine knows of another."""
    os.environ.update(
        S3_BUCKET_NAME="co-recipe-staging",
        S3_OFFERS_RECIPE_PATH="offersRecipe.json.gz",
        S3_CAMPAIGNS_RECIPE_PATH="campaignsRecipe.json.gz",
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_REGION="us-east-1",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_DYNAMODB_REGION="us-west-2",
        AWS_ENDPOINT_URL=url,
        AWS_DYNAMODB_ENDPOINT=url,
    )
    os.environ.pop("AWS_PROFILE", None)
