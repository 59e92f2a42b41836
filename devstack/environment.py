"""The environment of the devstack's processes: what the developer has set, else demo values."""

import os
from dataclasses import dataclass
from pathlib import Path

import environ

from devstack.demo import DEFAULT_CAMPAIGN_ID, DEFAULT_OFFER_ID, DEV_CLIENT_IP
from devstack.services import LOCALHOST

PROJECT = Path(__file__).resolve().parent.parent
DEMO_ENCRYPTION_KEY = "demo-key-that-everyone-may-know!"
DEMO_ACCOUNT = "123456789012"
QUEUE_NAME = "co-traffic-conversions.fifo"


class BadEnvironment(Exception):
    """A variable that cannot be used; the message says which and what to do."""


@dataclass(frozen=True)
class Environment:
    """Where this devstack runs. A port that is None: that server is the developer's own, and not started."""

    variables: dict[str, str]
    state: Path
    host: str
    port: int
    pages_port: int
    aws_port: int | None
    redis_port: int | None
    corecipe_port: int | None

    @property
    def ready(self) -> Path:
        """The file that appears when everything is set up; the processes of the site start then."""
        return self.state / "ready"

    @property
    def site_url(self) -> str:
        """The address of the web process, for a browser."""
        return f"http://{self.host}:{self.port}"

    @property
    def pages_url(self) -> str:
        """The address below which all demo landing pages are."""
        return f"http://localhost:{self.pages_port}"

    @property
    def ports(self) -> dict[str, int]:
        """The port that each process of ours will listen on."""
        wanted = {
            "web": self.port,
            "pages": self.pages_port,
            "aws": self.aws_port,
            "redis": self.redis_port,
            "corecipe": self.corecipe_port,
        }
        return {name: port for name, port in wanted.items() if port}


def read_environment(state: Path) -> Environment:
    """Return the environment for a devstack that keeps everything it writes below `state`.

    What the shell or `.env` says stands; the servers lie on the ports after PORT. Raises BadEnvironment.
    """
    dotenv = PROJECT / ".env"
    if dotenv.is_file():
        environ.Env.read_env(dotenv)
    given = {name: value for name, value in os.environ.items() if value}
    port = _port(given.get("PORT", "5000"))
    aws_port = None if "AWS_ENDPOINT_URL" in given else port + 1
    redis_port = None if "REDIS_URL" in given else port + 3
    corecipe_port = None if "SOCKET_HOST" in given else port + 4
    variables = _defaults(state) | given | {"PYTHONUNBUFFERED": "1"}
    if aws_port:
        variables = _with_own_aws(variables, f"http://{LOCALHOST}:{aws_port}")
    if redis_port:
        variables["REDIS_URL"] = f"redis://{LOCALHOST}:{redis_port}/0"
    if corecipe_port:
        variables["SOCKET_HOST"] = f"http://{LOCALHOST}:{corecipe_port}"
    if not (Path(variables["MAXMIND_PATH"]).is_file() and Path(variables["MAXMIND_PATH_ISP"]).is_file()):
        variables["MAXMIND_PATH"] = str(state / "geoip" / "City.mmdb")
        variables["MAXMIND_PATH_ISP"] = str(state / "geoip" / "ISP.mmdb")
    return Environment(
        variables,
        state,
        host=variables["HOST"],
        port=port,
        pages_port=port + 2,
        aws_port=aws_port,
        redis_port=redis_port,
        corecipe_port=corecipe_port,
    )


def _port(text: str) -> int:
    # The servers beside the web process take the four ports after it.
    if not text.isdecimal() or not 0 < int(text) <= 65_531:
        raise BadEnvironment(f"PORT is {text!r}: it has to be a number from 1 to 65531, such as 5000")
    return int(text)


def _defaults(state: Path) -> dict[str, str]:
    return {
        "ENV": "development",
        "HOST": "localhost",
        "ADMIN_PATH": "admin/",
        "WEB_CONCURRENCY": "2",
        "TRUSTED_PROXIES": "127.0.0.1,::1",
        "DEV_CLIENT_IP": DEV_CLIENT_IP,
        "DATABASE_URL": f"sqlite:///{state / 'co-traffic.sqlite3'}",
        "ENCRYPTION_KEY": DEMO_ENCRYPTION_KEY,
        "DEFAULT_OFFER_ID": str(DEFAULT_OFFER_ID),
        "DEFAULT_CAMPAIGN_ID": str(DEFAULT_CAMPAIGN_ID),
        "NETWORK_ID": "1",
        "URL_HASH_SECRET": "demo-secret",
        "OFFERS_RECIPE_PATH": str(state / "recipe" / "offersRecipe.json.gz"),
        "CAMPAIGNS_RECIPE_PATH": str(state / "recipe" / "campaignsRecipe.json.gz"),
        "CLICK_SPOOL_DIR": str(state / "spool"),
        "CLICK_ARCHIVE_DIR": str(state / "archive"),
        "REPORT_CACHE_DIR": str(state / "report-cache"),
        "S3_OFFERS_RECIPE_PATH": "offersRecipe.json.gz",
        "S3_CAMPAIGNS_RECIPE_PATH": "campaignsRecipe.json.gz",
        "S3_BUCKET_NAME": "co-recipe-staging",
        "AWS_REGION": "us-east-1",
        "AWS_DYNAMODB_REGION": "us-west-2",
        "AWS_DYNAMODB_TABLE_NAME": "customOffers-production",
        "MAXMIND_PATH": "/usr/share/GeoIP/GeoIP2-City.mmdb",
        "MAXMIND_PATH_ISP": "/usr/share/GeoIP/GeoIP2-ISP.mmdb",
    }


def _with_own_aws(variables: dict[str, str], url: str) -> dict[str, str]:
    # Replaced outright: a developer's real account has no business in here.
    kept = {
        name: value
        for name, value in variables.items()
        if not name.startswith(("AWS_PROFILE", "AWS_SESSION"))
    }
    return kept | {
        "AWS_ENDPOINT_URL": url,
        "AWS_DYNAMODB_ENDPOINT": url,
        "AWS_SQS_QUEUE_URL": f"{url}/{DEMO_ACCOUNT}/{QUEUE_NAME}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
