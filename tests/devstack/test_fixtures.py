"""The fixtures give the rest of the suite what they promise."""

from typing import TYPE_CHECKING

import geoip2.database
import geoip2.errors
import pytest
import redis
from django.conf import settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def test_settings_are_those_of_the_tests() -> None:
    assert settings.DEFAULT_OFFER_ID == 36303
    assert "co-traffic-tests-" in settings.OFFERS_RECIPE_PATH


@pytest.mark.parametrize("key", ["first", "second"])
def test_redis_is_empty(redis_client: redis.Redis, key: str) -> None:
    assert redis_client.dbsize() == 0
    redis_client.set(key, 1)


@pytest.mark.parametrize("key", ["first", "second"])
def test_the_bucket_is_empty(s3: "S3Client", key: str) -> None:
    assert s3.list_objects_v2(Bucket=settings.S3_BUCKET_NAME)["KeyCount"] == 0
    s3.put_object(Bucket=settings.S3_BUCKET_NAME, Key=key, Body=b"")


@pytest.mark.usefixtures("geoip_databases")
def test_conformance_addresses_resolve() -> None:
    with geoip2.database.Reader(settings.MAXMIND_PATH) as city:
        oslo = city.city("62.249.186.121")
        assert (oslo.country.iso_code, oslo.subdivisions[0].iso_code, oslo.city.name) == ("NO", "03", "Oslo")
        assert city.city("2001:4860:4860::8888").city.name == "Mountain View"
        with pytest.raises(geoip2.errors.AddressNotFoundError):
            city.city("10.0.0.1")
    with geoip2.database.Reader(settings.MAXMIND_PATH_ISP) as isp:
        assert isp.isp("10.0.0.1").isp == "Example ISP A"
        assert isp.isp("fe80::1").isp == "Example ISP B"
