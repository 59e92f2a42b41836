"""The part of S3, as the last syncs found it."""

from collections.abc import Iterable

from django.conf import settings

from cotraffic.diagnostics.overview.component import Component, Fact, Light, Sources, seconds


def parts(sources: Sources) -> Iterable[Component]:
    """Describe the bucket of the recipes. Raises `RedisError`."""
    outcome = sources.store.s3_outcome()
    bucket = f"s3://{settings.S3_BUCKET_NAME}"
    if outcome is None:
        hint = "The Celery worker does it every minute; sync now (Actions) does it at once."
        yield Component("s3", "S3", Light.WARNING, f"Nobody has looked into {bucket} yet.", hint)
        return
    facts = (
        Fact("Bucket", bucket),
        Fact("Last look", at_s=seconds(outcome.at_ms)),
        Fact("Last well", at_s=seconds(outcome.well_at_ms)),
    )
    if outcome.error is None:
        yield Component("s3", "S3", Light.OK, f"{bucket} answers.", facts=facts)
    else:
        hint = (
            "What is live stays live, and updates from co-recipe are applied; it is tried again every minute."
        )
        yield Component("s3", "S3", Light.ERROR, f"{outcome.error}.", hint, facts)
