"""All configuration, and the only place that reads the environment.

`.env.example` explains every variable; `cotraffic/checks/` refuses settings that cannot work.
"""

import socket
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from csp.constants import NONE, SELF

from cotraffic import __version__
from cotraffic.logs.settings import logging_settings
from cotraffic.ops.cpu_count import usable_cores
from cotraffic.variables import Variables, demand
from offers.click_paths import ClickPaths, read_aliases

BASE_DIR = Path(__file__).resolve().parent.parent

env = Variables()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

# --- where and how this instance runs ---
VERSION = __version__
REVISION = env.str("REVISION", default="unknown")
INSTANCE_NAME = env.str("INSTANCE_NAME", default="") or socket.gethostname()
ENV = env.str("ENV", default="development")
DEVELOPMENT = ENV == "development"
DEBUG = False
HOST = env.str("HOST", default="localhost")
PORT = env.int("PORT", default=5000)
WEB_CONCURRENCY = env.int("WEB_CONCURRENCY", default=usable_cores())
WEB_MAX_REQUESTS = env.int("WEB_MAX_REQUESTS", default=0)
SECRET_KEY = env.str("SECRET_KEY", default="development-only-secret-key" if DEVELOPMENT else "")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEVELOPMENT else [HOST])
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
ADMIN_PATH = env.str("ADMIN_PATH", default="admin/").strip("/") + "/"
HTTPS_ONLY = env.bool("HTTPS_ONLY", default=not DEVELOPMENT)
HSTS_SECONDS = env.int("HSTS_SECONDS", default=3600)
LOGIN_FAILURE_LIMIT = env.int("LOGIN_FAILURE_LIMIT", default=5)
LOGIN_WAIT_MINUTES = env.int("LOGIN_WAIT_MINUTES", default=15)
DEV_CLIENT_IP = env.str("DEV_CLIENT_IP", default="") if DEVELOPMENT else ""

# --- links ---
ENCRYPTION_KEY = env.str("ENCRYPTION_KEY", default="") or env.str("ENCRIPTION_KEY", default="")
AD_TOKEN_V1 = env.str("AD_TOKEN_V1", default="accept").strip().lower()
AD_TOKEN_KEYS = env.list("AD_TOKEN_KEYS", default=[])
CLICK_ALIASES = env.list("CLICK_ALIASES", default=[])
DEFAULT_OFFER_ID = env.int("DEFAULT_OFFER_ID", default=0)
DEFAULT_CAMPAIGN_ID = env.int("DEFAULT_CAMPAIGN_ID", default=0)
DEFAULT_REDIRECT_URL = env.str("DEFAULT_REDIRECT_URL", default="https://google.com/")
NOT_FOUND_REDIRECT_URL = env.str("NOT_FOUND_REDIRECT_URL", default="")
NETWORK_ID = env.str("NETWORK_ID", default="")
URL_HASH_SECRET = env.str("URL_HASH_SECRET", default="")

# --- this instance's Redis ---
REDIS_URL = env.str("REDIS_URL", default="redis://localhost:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "django",
        # Time-outs, so that a Redis that hangs does not hang commands and pages.
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 2, "SOCKET_TIMEOUT": 10},
    }
}
CATALOG_CACHE_RECORDS = env.int("CATALOG_CACHE_RECORDS", default=20_000)
VISITOR_CACHE_ENTRIES = env.int("VISITOR_CACHE_ENTRIES", default=10_000)
TOKEN_CACHE_ENTRIES = env.int("TOKEN_CACHE_ENTRIES", default=20_000)

# --- the recipe: where it comes from, and when a file is held back ---
SOCKET_HOST = env.str("SOCKET_HOST", default="http://localhost:3001")
SOCKET_HOST_SLAVE = env.str("SOCKET_HOST_SLAVE", default="")
OFFERS_RECIPE_PATH = env.str("OFFERS_RECIPE_PATH", default="/tmp/co-recipe-traffic/offersRecipe.json.gz")  # noqa: S108
CAMPAIGNS_RECIPE_PATH = env.str(
    "CAMPAIGNS_RECIPE_PATH",
    default="/tmp/co-recipe-traffic/campaignsRecipe.json.gz",  # noqa: S108
)
S3_BUCKET_NAME = env.str("S3_BUCKET_NAME", default="co-recipe-staging")
S3_OFFERS_RECIPE_PATH = env.str("S3_OFFERS_RECIPE_PATH", default="offersRecipe.json.gz")
S3_CAMPAIGNS_RECIPE_PATH = env.str("S3_CAMPAIGNS_RECIPE_PATH", default="campaignsRecipe.json.gz")
RECIPE_MAX_DROP_PERCENT = env.float("RECIPE_MAX_DROP_PERCENT", default=50.0)
RECIPE_MAX_DEFECT_RISE_PERCENT = env.float("RECIPE_MAX_DEFECT_RISE_PERCENT", default=5.0)
RECIPE_MAX_BYTES = env.int("RECIPE_MAX_BYTES", default=4 * 1024**3)
RECIPE_CHECK_SECONDS = env.float("RECIPE_CHECK_SECONDS", default=20.0)
RECIPE_UPDATE_OVERLAP_SECONDS = env.float("RECIPE_UPDATE_OVERLAP_SECONDS", default=300.0)
RECIPE_DELETE_GRACE_SECONDS = env.float("RECIPE_DELETE_GRACE_SECONDS", default=120.0)
RECIPE_SYNC_SECONDS = env.float("RECIPE_SYNC_SECONDS", default=60.0)
RECIPE_RELOAD_SECONDS = env.float("RECIPE_RELOAD_SECONDS", default=120.0)
RECIPE_STALE_SECONDS = env.float("RECIPE_STALE_SECONDS", default=900.0)

# --- clicks: from their answer to DynamoDB ---
CLICK_COMMIT_TIMEOUT_MS = env.int("CLICK_COMMIT_TIMEOUT_MS", default=250)
CLICK_SPOOL_DIR = env.str("CLICK_SPOOL_DIR", default=str(BASE_DIR / "var" / "spool"))
CLICK_SPOOL_RESERVE_BYTES = env.int("CLICK_SPOOL_RESERVE_BYTES", default=16 * 1024**2)
CLICKS_UNWRITABLE = env.str("CLICKS_UNWRITABLE", default="answer").strip().lower()
AUTOMATED_CLICKS = env.str("AUTOMATED_CLICKS", default="mark").strip().lower()
CLICK_LOG_MEMORY_PERCENT = env.float("CLICK_LOG_MEMORY_PERCENT", default=85.0)
CLICK_LOG_KEEP_BYTES = env.int("CLICK_LOG_KEEP_BYTES", default=256 * 1024**2)
DEAD_LETTERS_KEEP = env.int("DEAD_LETTERS_KEEP", default=10_000)
DEAD_LETTERS_KEEP_BYTES = env.int("DEAD_LETTERS_KEEP_BYTES", default=64 * 1024**2)
CLICK_LOG_KEEP = env.int("CLICK_LOG_KEEP", default=100_000)
CLICK_ARCHIVE = env.str("CLICK_ARCHIVE", default="on").strip().lower()
CLICK_ARCHIVE_DIR = env.str("CLICK_ARCHIVE_DIR", default=str(BASE_DIR / "var" / "archive"))
CLICK_ARCHIVE_BUCKET = env.str("CLICK_ARCHIVE_BUCKET", default="")
CLICK_ARCHIVE_DAYS = env.float("CLICK_ARCHIVE_DAYS", default=14.0)
REPORT_CACHE_DIR = env.str("REPORT_CACHE_DIR", default=str(BASE_DIR / "var" / "report-cache"))
REPORT_CACHE_BYTES = env.int("REPORT_CACHE_BYTES", default=2 * 1000**3)
SHARED_REDIS_URL = env.str("SHARED_REDIS_URL", default="")
LIVE_CAPS = env.bool("LIVE_CAPS", default=False)

# --- monitoring and staff ---
METRICS_ALLOW = env.list("METRICS_ALLOW", default=["127.0.0.1", "::1"])

# --- background work ---
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=REDIS_URL)
CELERY_CONCURRENCY = env.int("CELERY_CONCURRENCY", default=4)

# --- AWS: boto3 itself reads the standard variables (keys, profiles, roles, AWS_ENDPOINT_URL) ---
AWS_REGION = env.str("AWS_REGION", default="us-east-1")
AWS_DYNAMODB_REGION = env.str("AWS_DYNAMODB_REGION", default="us-west-2")
AWS_DYNAMODB_ENDPOINT = env.str("AWS_DYNAMODB_ENDPOINT", default="dynamodb.us-west-2.amazonaws.com")
AWS_DYNAMODB_TABLE_NAME = env.str("AWS_DYNAMODB_TABLE_NAME", default="customOffers-production")
# The queue of conversion messages; if it is empty, none are sent.
AWS_SQS_QUEUE_URL = env.str("AWS_SQS_QUEUE_URL", default="")

# --- the visitor ---
MAXMIND_PATH = env.str("MAXMIND_PATH", default="/usr/share/GeoIP/GeoIP2-City.mmdb")
MAXMIND_PATH_ISP = env.str("MAXMIND_PATH_ISP", default="/usr/share/GeoIP/GeoIP2-ISP.mmdb")

demand(
    globals(),
    {
        **dict.fromkeys(("WEB_CONCURRENCY", "CELERY_CONCURRENCY", "PORT", "CLICK_COMMIT_TIMEOUT_MS"), 1),
        **dict.fromkeys(("CATALOG_CACHE_RECORDS", "VISITOR_CACHE_ENTRIES", "TOKEN_CACHE_ENTRIES"), 1),
        **dict.fromkeys(("RECIPE_CHECK_SECONDS", "RECIPE_SYNC_SECONDS", "RECIPE_RELOAD_SECONDS"), 0.1),
        **dict.fromkeys(("LOGIN_FAILURE_LIMIT", "LOGIN_WAIT_MINUTES"), 1),
    },
)

# --- Django ---
INSTALLED_APPS = [
    "cotraffic.diagnostics.apps.SiteConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "axes",
    "cotraffic.apps.CotrafficConfig",
    "cotraffic.diagnostics.apps.DiagnosticsConfig",
    "recipes.apps.RecipesConfig",
    "offers.apps.OffersConfig",
]
if DEVELOPMENT and find_spec("devstack"):
    INSTALLED_APPS.append("devstack.apps.DevstackConfig")
MIDDLEWARE = [
    "cotraffic.middleware.request_id.RequestIds",
    "cotraffic.middleware.edge.Edge",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "cotraffic.middleware.static_files.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "cotraffic.middleware.edge.StaffHosts",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": env.database("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'var' / 'co-traffic.sqlite3'}")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "cotraffic.urls"
ASGI_APPLICATION = "cotraffic.asgi.application"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
# Collected files are served compressed, and browsers keep them for good. Without them the source files are
# served, so that a checkout needs no further step.
STATIC_COLLECTED = not DEVELOPMENT and (STATIC_ROOT / "staticfiles.json").is_file()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "cotraffic.middleware.static_files.CollectedStorage"
    },
}
WHITENOISE_USE_FINDERS = not STATIC_COLLECTED
WHITENOISE_AUTOREFRESH = DEVELOPMENT
WHITENOISE_ALLOW_ALL_ORIGINS = False
# Scripts and styles come only from our own files, and no page loads anything from another host.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"

# --- staff pages: HTTPS, cookies, signing in ---
# `Edge` removes this header unless a trusted proxy has set it.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = HTTPS_ONLY
# Clicks and probes are not redirected: they arrive over either scheme.
SECURE_REDIRECT_EXEMPT = [
    *ClickPaths(read_aliases(CLICK_ALIASES).parameters).patterns(),
    r"^(health|ready|metrics)$",
]
SECURE_HSTS_SECONDS = HSTS_SECONDS if HTTPS_ONLY else 0
# Both stay off, because they would decide for other host names of the domain, too.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
CSRF_FAILURE_VIEW = "cotraffic.diagnostics.errors.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
LOGIN_URL = "admin:login"
# The page after signing in, if the link names none of this site.
LOGIN_REDIRECT_URL = "admin:index"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = LOGIN_FAILURE_LIMIT
AXES_COOLOFF_TIME = timedelta(minutes=LOGIN_WAIT_MINUTES)
AXES_LOCKOUT_PARAMETERS = ["ip_address"]
AXES_CLIENT_IP_CALLABLE = "cotraffic.middleware.login_throttle.client_address"
AXES_LOCKOUT_CALLABLE = "cotraffic.middleware.login_throttle.locked_out"
# Attempts during the wait do not prolong it: the page has said how long it is.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# Names are not logged: one may be a password in the wrong field. Addresses are, so that they can be banned.
AXES_SENSITIVE_PARAMETERS = ["username"]
# Our forms are small; our HTTP protocol refuses larger bodies before Django sees them.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024**2
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

LOGGING_CONFIG = "cotraffic.logs.format.configure"
LOGGING = logging_settings(env.log_level("LOG_LEVEL", default="INFO"), readable=DEVELOPMENT)
