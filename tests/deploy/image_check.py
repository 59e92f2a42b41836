"""`make image-check`: builds the image of the Dockerfile and runs it as its ordinary user, without Docker.

buildah builds it on a base that is made here from Debian's packages under the name that the Dockerfile has,
for machines that reach no registry of images. What runs is the unchanged Dockerfile's.
"""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx

from devstack.geoip import write_databases
from devstack.services import LOCALHOST, Service, aws_command, free_port
from offers.links.tokens import encrypt
from tests.environment import ENCRYPTION_KEY
from tests.processes import PROJECT, wait_until

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

BASE, IMAGE, USER = "python:3.13-slim-trixie", "co-traffic", "10001"
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "ca-certificates,python3,python3-venv,python3-pip"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
MEGABYTE = 1024 * 1024
# Python's packages and ours; 195 MB were measured, of which DuckDB's library is 66.
MOST_MEGABYTES = 205
LABELS = "org.opencontainers.image."


class NotHere(Exception):
    """This machine cannot do it; the message says why."""


class Buildah:
    """buildah with images of its own below a directory, and with the isolation that needs no runtime."""

    def __init__(self, directory: Path) -> None:
        self._command = [
            *("buildah", "--storage-driver", "vfs"),
            *("--root", str(directory / "storage"), "--runroot", str(directory / "run")),
        ]

    def __call__(self, *arguments: str) -> str:
        """Run a command; returns what it prints. Raises `CalledProcessError`."""
        done = subprocess.run(
            self.command(*arguments), check=True, cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.strip()

    def command(self, *arguments: str) -> list[str]:
        """The command line of a command."""
        return [*self._command, *arguments]


def prepare() -> None:
    """Install what is missing. Raises `NotHere`."""
    if os.geteuid() != 0:
        raise NotHere("it needs root, to make a base and to run another user's processes")
    missing = [name for name in ("buildah", "debootstrap") if not shutil.which(name)]
    if missing:
        if not shutil.which("apt-get"):
            raise NotHere(f"{' and '.join(missing)} are missing, and there is no apt-get to install them")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            subprocess.run([_tool("apt-get"), "-qq", *command], check=True, env=environment)


def _tool(name: str) -> str:
    """Return where a program is. Raises `NotHere`."""
    found = shutil.which(name)
    if not found:
        raise NotHere(f"there is no {name}")
    return found


def make_base(buildah: Buildah, directory: Path) -> None:
    """Make an image of the base's name from Debian's packages."""
    root = directory / "base"
    subprocess.run(
        [_tool("debootstrap"), "--variant=minbase", f"--include={PACKAGES}", "trixie", root, MIRROR],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    for name in ("python", "python3"):
        (root / "usr/local/bin" / name).symlink_to("/usr/bin/python3")
    # This machine's authorities: a proxy that it trusts may stand before the packages.
    if Path(CERTIFICATES).exists():
        shutil.copy(CERTIFICATES, root / CERTIFICATES.lstrip("/"))
    container = buildah("from", "scratch")
    buildah("copy", "--quiet", container, str(root), "/")
    trust = [f"{name}={CERTIFICATES}" for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")]
    variables = ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "PIP_BREAK_SYSTEM_PACKAGES=1", *trust]
    buildah("config", *(word for one in variables for word in ("--env", one)), container)
    buildah("commit", "--quiet", "--rm", container, BASE)
    shutil.rmtree(root)


def build(buildah: Buildah) -> None:
    """Build the unchanged Dockerfile; its HEALTHCHECK is in Docker's format alone."""
    revision = subprocess.run(
        [_tool("git"), "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=False
    ).stdout.strip()
    buildah(
        *("build", "--format", "docker", "--isolation", "chroot", "--pull-never", "--quiet"),
        *("--build-arg", f"REVISION={revision or 'unknown'}", "--tag", IMAGE, "."),
    )
    found = buildah(
        "inspect",
        "--type",
        "image",
        "--format",
        "{{.Docker.Config.Labels}} {{.Docker.Config.Healthcheck}}",
        IMAGE,
    )
    print(f"labels and health check: {found}")
    assert f"{LABELS}revision:{revision or 'unknown'}" in found, found
    assert "deploy/healthcheck" in found, found


def check_contents(buildah: Buildah, container: str) -> None:
    """See that the user can write to nothing but /data, and how large the application is."""
    mounted = Path(buildah("mount", container))
    size = sum(path.lstat().st_size for path in (mounted / "app").rglob("*") if not path.is_dir()) / MEGABYTE
    print(f"size: {size:.0f} MB in /app")
    assert size <= MOST_MEGABYTES, f"{size:.0f} MB in /app"
    search = ["find", "/", "-xdev", "-writable", "-not", "-type", "l", "-not", "-path", "/proc/*"]
    found = subprocess.run(
        buildah.command("run", "--isolation", "chroot", "--user", USER, container, "--", *search),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    ).stdout.split()
    places = ("/data", "/home/cotraffic", "/tmp", "/var/tmp", "/dev", "/run/lock", "/proc", "/sys")  # noqa: S108
    others = [path for path in found if not path.startswith(places)]
    assert "/data" in found, found
    assert others == [], others
    print("writable for its user: /data, its home and what is temporary")


def run(buildah: Buildah, container: str, directory: Path) -> None:
    """Run the image as its user: ready, a click, its delivery, health, the end."""
    aws_port, port, redis_port = free_port(), free_port(), free_port()
    data, geoip = directory / "data", directory / "geoip"
    data.mkdir()
    os.chown(data, int(USER), int(USER))
    write_databases([], geoip / "GeoIP2-City.mmdb", geoip / "GeoIP2-ISP.mmdb")
    endpoint = f"http://{LOCALHOST}:{aws_port}"
    variables = {
        **{"HOST": LOCALHOST, "PORT": port, "REDIS_PORT": redis_port, "CELERY_CONCURRENCY": 2},
        **{
            "SECRET_KEY": "of-the-image-check-alone-fifty-characters-or-more-0",
            "ENCRYPTION_KEY": ENCRYPTION_KEY,
        },
        **{
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DYNAMODB_ENDPOINT": endpoint,
            "AWS_DYNAMODB_TABLE_NAME": "clicks",
        },
        **{"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "S3_BUCKET_NAME": "recipe"},
        **{"SOCKET_HOST": "http://127.0.0.1:9", "CLICK_COMMIT_TIMEOUT_MS": 5000},
    }
    # Not at its usual place, over which this isolation mounts a directory of its own.
    (data / "environment").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    mounts = (f"{data}:/data", f"{geoip}:/usr/share/GeoIP:ro")
    options = [word for mount in mounts for word in ("--volume", mount)]
    in_container = buildah.command(
        *("run", "--isolation", "chroot", "--user", USER, "--env", "ENVIRONMENT_FILE=/data/environment"),
        *(*options, container, "--"),
    )
    with Service("moto", aws_command(aws_port), aws_port):
        table = create_aws(endpoint)
        process = subprocess.Popen([*in_container, "deploy/entrypoint"], stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: _status(port, "/ready") == 200, what="readiness")
            print("ready: 200")
            lid = click(port)
            wait_until(lambda: "Item" in table.get_item(Key={"lid": lid}), what="delivery")
            print(f"click {lid}: 302, delivered")
            subprocess.run([*in_container, "deploy/healthcheck"], check=True)
            print("health check: 0")
            _end(data)
            code = process.wait(120)
            assert code == 0, code
            print("SIGTERM: drained, exit code 0")
        finally:
            if process.poll() is None:
                with suppress(OSError):
                    _end(data)
                process.wait(120)


def create_aws(endpoint: str) -> "Table":
    """Make bucket, recipe and table; returns the table."""
    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=endpoint)
    s3.create_bucket(Bucket="recipe")
    offer = b'{"offerId": 1, "status": "public", "type": "regular", "landingPageUrl": "https://a.example/"}'
    campaign = b'{"campaignId": 1, "affiliateId": 1, "campaignStatus": "active"}'
    for key, record in (("offersRecipe", offer), ("campaignsRecipe", campaign)):
        s3.put_object(Bucket="recipe", Key=f"{key}.json.gz", Body=gzip.compress(b"[" + record + b"]"))
    return boto3.resource("dynamodb", region_name="us-west-2", endpoint_url=endpoint).create_table(
        TableName="clicks",
        KeySchema=[{"AttributeName": "lid", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "lid", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def click(port: int) -> str:
    """Click a link; returns the click's lid."""
    answer = httpx.get(f"http://{LOCALHOST}:{port}/offer?ad={encrypt(1, 1, ENCRYPTION_KEY)}")
    assert answer.next_request is not None, answer.status_code
    return str(answer.next_request.url.params["lid"])


def _status(port: int, path: str) -> int:
    try:
        return httpx.get(f"http://{LOCALHOST}:{port}{path}", timeout=30).status_code
    except httpx.TransportError:
        return 0


def _end(data: Path) -> None:
    """Send SIGTERM to supervisord, as an engine does; without a runtime its id is one of this machine."""
    os.kill(int((data / "run" / "supervisord.pid").read_text()), signal.SIGTERM)


def main() -> int:
    """Check, and tell each step; returns 0 where it cannot be done here, too, and says why."""
    os.environ.update(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing")
    try:
        prepare()
    except NotHere as why:
        print(f"image-check: not here, {why}")
        return 0
    with tempfile.TemporaryDirectory(prefix="co-traffic-image-") as name:
        directory = Path(name)
        # Other users have to reach what is mounted from here.
        directory.chmod(0o755)
        buildah = Buildah(directory)
        make_base(buildah, directory)
        build(buildah)
        container = buildah("from", "--pull-never", IMAGE)
        try:
            check_contents(buildah, container)
            run(buildah, container, directory)
        finally:
            buildah("rm", container)
    print("image-check: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
