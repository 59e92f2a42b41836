"""The faults: what may go wrong, one thing at a time, while clicks come in."""

import time

from tests.faults import of_dynamodb, of_limits, of_programs, of_redis
from tests.faults.fault import Fault

ONE_DISK_BYTES = 96 * 1024 * 1024

FAULTS = (
    Fault("none", "no fault", lambda _, scale: time.sleep(scale.after)),
    Fault("worker-killed", "a web worker is killed", of_programs.kill_worker),
    Fault("master-killed", "gunicorn's master is killed", of_programs.kill_master),
    Fault("celery-killed", "Celery is killed", of_programs.kill_celery),
    Fault("celery-stopped", "Celery is stopped in good order", of_programs.stop_celery),
    Fault("beat-killed", "beat is killed", of_programs.kill_beat),
    Fault("redis-killed", "Redis is killed and stays away", of_redis.kill_redis),
    Fault(
        "redis-killed-busy", "Redis is killed while its disk is busy", of_redis.kill_redis_with_a_busy_disk
    ),
    Fault(
        "redis-killed-full",
        "Redis is killed and reads its data for long",
        of_redis.reread,
        prepare=of_redis.fill_redis,
    ),
    Fault("redis-hangs", "Redis hangs for 3 s", of_redis.hang_redis),
    Fault("everything-killed", "everything is killed at once", of_programs.kill_everything),
    Fault("dynamodb-refuses", "DynamoDB refuses connections", of_dynamodb.refuse),
    Fault("dynamodb-throttles", "DynamoDB leaves half of each batch", of_dynamodb.throttle),
    Fault("dynamodb-throttles-all", "DynamoDB refuses every batch as too much", of_dynamodb.throttle_all),
    Fault("dynamodb-fails", "DynamoDB answers 500", of_dynamodb.fail),
    Fault("dynamodb-garbage", "DynamoDB answers 200 with garbage", of_dynamodb.answer_garbage),
    Fault("dynamodb-hangs", "DynamoDB accepts and does not answer", of_dynamodb.hang_dynamodb),
    Fault("dynamodb-away", "DynamoDB is away for long", of_dynamodb.stay_away),
    Fault("disk-full", "the spool's disk is full while Redis is away", of_redis.fill_disk, loses=True),
    Fault("redis-memory", "Redis' memory is used up while DynamoDB is away", of_limits.fill_memory),
    Fault("redis-full", "Redis refuses what needs memory", of_limits.fill_memory_entirely),
    Fault("redis-read-only", "Redis is read-only", of_limits.make_read_only),
    Fault("descriptors", "no descriptor is left, and Redis is killed", of_limits.use_up_descriptors),
    Fault(
        "one-disk",
        "log and spool share a disk, which is full",
        of_limits.fill_the_one_disk,
        disk_bytes=ONE_DISK_BYTES,
    ),
    Fault(
        "one-disk-refused",
        "the same beyond the reserve, clicks are refused",
        of_limits.fill_the_one_disk_until_clicks_are_refused,
        refuses=True,
        disk_bytes=ONE_DISK_BYTES,
        variables={"CLICKS_UNWRITABLE": "refuse", "CLICK_SPOOL_RESERVE_BYTES": "65536"},
    ),
    Fault("archive-away", "the archive's directory is gone for a while", of_programs.take_archive_away),
    Fault("geoip-overwritten", "the GeoIP file is overwritten in place", of_programs.overwrite_geoip),
    Fault("web-reloaded", "gunicorn reloads (SIGHUP)", of_programs.reload_web, drains=True),
    Fault("web-stopped", "gunicorn is stopped (SIGTERM) and started", of_programs.stop_web, drains=True),
    Fault(
        "backlog",
        "a long backlog is delivered",
        of_dynamodb.deliver_backlog,
        prepare=of_dynamodb.preload_backlog,
    ),
)
