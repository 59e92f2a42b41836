"""Takes out of the image's packages what no instance reads: `slim_packages.py SITE_PACKAGES`.

botocore describes every service of AWS, Django brings translations into a hundred languages, and some
packages ship their tests.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

# What we call (offers/delivery, recipes/file), and what botocore asks for credentials.
AWS_SERVICES = {"dynamodb", "s3", "sqs", "signin", "sso", "sso-oidc", "sts"}
LANGUAGES = {"en"}


def unused(packages: Path) -> Iterator[Path]:
    """Yield the directories that can go."""
    yield from (path for path in (packages / "botocore/data").iterdir() if path.name not in AWS_SERVICES)
    for locale in packages.glob("**/locale"):
        yield from (path for path in locale.iterdir() if path.name not in LANGUAGES)
    for name in ("test", "tests"):
        yield from packages.glob(f"*/{name}")


def main() -> None:
    """Delete them. Files of botocore that lie beside its services stay."""
    packages = Path(sys.argv[1])
    for path in list(unused(packages)):
        if path.is_dir() and path != packages / "django/test":
            shutil.rmtree(path)


if __name__ == "__main__":
    main()
