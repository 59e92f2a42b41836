"""Settings are what is written: the settings module read in a process of its own, variable by variable."""

import json
import os
import subprocess
import sys
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from cotraffic import variables
from cotraffic.variables import Variables
from devstack.environment import PROJECT
from offers.landing import LandingBuilder
from recipes.records.landing_page import compile_page

PRINT = (
    "import json, sys, cotraffic.settings as s; print(json.dumps({n: getattr(s, n) for n in sys.argv[1:]}))"
)
STRANGE = [
    "$ecret-of-the-network",
    "$HOME",
    "$$",
    "$",
    r"\$ecret",
    "${HOME}",
    "a#b # c",
    "'single'",
    '"double"',
    " spaces ",
    "100%(ENV_HOME)s",
    "ünïcode",
    r"back\slash\n",
]
TEXTS = ("SECRET_KEY", "ENCRYPTION_KEY", "URL_HASH_SECRET", "NETWORK_ID", "REDIS_URL", "S3_BUCKET_NAME")
# A file's own quotes are not part of the value; these two are about the value itself.
QUOTED = ("'single'", '"double"')


def read(*names: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the settings module with these variables and nothing of ours besides."""
    return subprocess.run(
        [sys.executable, "-c", PRINT, *names],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "HOME": "/home/somebody", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def values(*names: str, **variables: str) -> dict[str, Any]:
    ended = read(*names, **variables)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("value", STRANGE)
def test_a_text_is_what_is_written(value: str) -> None:
    assert values(*TEXTS, **dict.fromkeys(TEXTS, value)) == dict.fromkeys(TEXTS, value)


def test_the_old_spelling_of_the_key_is_what_is_written() -> None:
    assert values("ENCRYPTION_KEY", ENCRIPTION_KEY="$2345678")["ENCRYPTION_KEY"] == "$2345678"


def test_the_entries_of_a_list_are_what_is_written() -> None:
    found = values("ALLOWED_HOSTS", "AD_TOKEN_KEYS", ALLOWED_HOSTS="$HOST,b,,c$", AD_TOKEN_KEYS="$1:aa")
    assert found == {"ALLOWED_HOSTS": ["$HOST", "b", "c$"], "AD_TOKEN_KEYS": ["$1:aa"]}


def test_blanks_around_the_entries_of_a_list_are_no_part_of_them() -> None:
    assert values("ALLOWED_HOSTS", ALLOWED_HOSTS=" a.example, b.example , ")["ALLOWED_HOSTS"] == [
        "a.example",
        "b.example",
    ]


@pytest.mark.parametrize(
    ("name", "word"),
    [("AD_TOKEN_V1", "refuse"), ("CLICKS_UNWRITABLE", "refuse"), ("AUTOMATED_CLICKS", "count")],
)
def test_a_word_is_read_in_any_case(name: str, word: str) -> None:
    assert values(name, **{name: f" {word.capitalize()} "})[name] == word


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WEB_CONCURRENCY", "0", "at least 1"),
        ("RECIPE_SYNC_SECONDS", "0", "at least 0.1"),
        ("CATALOG_CACHE_RECORDS", "-1", "at least 1"),
        ("CLICK_COMMIT_TIMEOUT_MS", "0", "at least 1"),
        ("LOG_LEVEL", "verbose", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ],
)
def test_a_value_with_which_nothing_could_work_is_refused_by_name(name: str, value: str, said: str) -> None:
    ended = read(name, **{name: value})
    assert ended.returncode != 0
    assert f"{name} must be {said}" in ended.stderr.splitlines()[-1]


def test_a_log_level_is_read_in_any_case() -> None:
    assert read("LOGGING", LOG_LEVEL="warning").returncode == 0


def test_the_password_of_a_database_url_is_what_is_written() -> None:
    url = "postgres://us$er:$pa$$word@db.example:5432/$name"
    database = values("DATABASES", DATABASE_URL=url)["DATABASES"]["default"]
    assert (database["USER"], database["PASSWORD"], database["NAME"]) == ("us$er", "$pa$$word", "$name")


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("PORT", "$5", "a whole number"),
        ("PORT", "$PORT_OF_ANOTHER", "a whole number"),
        ("PORT", "", "a whole number"),
        ("DEFAULT_OFFER_ID", "1.5", "a whole number"),
        ("RECIPE_SYNC_SECONDS", "$60", "a number"),
        ("RECIPE_SYNC_SECONDS", "60 s", "a number"),
        ("RECIPE_SYNC_SECONDS", "nan", "a number"),
        ("HTTPS_ONLY", "$true", "true or false"),
        ("HTTPS_ONLY", "2", "true or false"),
    ],
)
def test_a_number_or_boolean_that_cannot_be_read_is_refused_by_name(name: str, value: str, kind: str) -> None:
    ended = read(name, **{name: value})
    assert ended.returncode != 0
    assert f"{name} must be {kind}" in ended.stderr.splitlines()[-1]


def test_a_database_without_its_driver_is_refused_and_the_hint_names_the_driver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(variables, "find_spec", lambda _: None)
    monkeypatch.setenv("DATABASE_URL", "postgres://sam:hush@db.example/staff")
    with pytest.raises(ImproperlyConfigured) as refused:
        Variables().database("DATABASE_URL", default="")
    assert "DATABASE_URL names a database whose driver psycopg is not installed" in str(refused.value)
    assert "sqlite:////data/" in str(refused.value)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "hush://db.example/staff",
        "redis://hush@db.example/0",
        "mysql://sam:hush@db.example/staff",
    ],
)
def test_a_url_of_no_database_is_refused_by_name(url: str) -> None:
    ended = read("DATABASES", DATABASE_URL=url)
    assert ended.returncode != 0
    assert "DATABASE_URL must be the URL of a database of SQLite " in ended.stderr.splitlines()[-1]
    assert "hush" not in ended.stderr


@pytest.mark.parametrize("path", ["/data/staff.sqlite3", "var/staff.sqlite3", ":memory:"])
def test_a_sqlite_database_is_taken(path: str) -> None:
    separator = "//" if path == ":memory:" else "///"
    database = values("DATABASES", DATABASE_URL=f"sqlite:{separator}{path}")["DATABASES"]["default"]
    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.sqlite3", path)


def test_a_value_that_cannot_be_read_is_not_shown() -> None:
    assert "hush" not in read("PORT", PORT="hush").stderr


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("ON", True),
        (" yes ", True),
        ("1", True),
        ("false", False),
        ("Off", False),
        ("", False),
    ],
)
def test_a_boolean_may_be_written_in_several_words(text: str, value: bool) -> None:
    assert values("HTTPS_ONLY", HTTPS_ONLY=text)["HTTPS_ONLY"] is value


def test_a_number_is_read_exactly() -> None:
    found = values("RECIPE_SYNC_SECONDS", "PORT", RECIPE_SYNC_SECONDS="1.5e3", PORT=" 5001 ")
    assert found == {"RECIPE_SYNC_SECONDS": 1500.0, "PORT": 5001}


@pytest.mark.parametrize("value", [value for value in STRANGE if value not in QUOTED])
@pytest.mark.parametrize("quote", ["", "'"])
def test_a_line_of_a_dotenv_file_is_what_is_written(
    value: str, quote: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", environment)
    monkeypatch.setattr(Variables, "ENVIRON", environment)
    (tmp_path / ".env").write_text(f"# a comment\nURL_HASH_SECRET={quote}{value}{quote}\n")
    Variables.read_env(tmp_path / ".env")
    assert Variables().str("URL_HASH_SECRET", default="") == value


@pytest.mark.parametrize("value", STRANGE)
def test_a_line_of_the_containers_environment_file_is_what_is_written(value: str, tmp_path: Path) -> None:
    quote = '"' if value in QUOTED else ""
    (tmp_path / "environment").write_text(f"URL_HASH_SECRET={quote}{value}{quote}\n")
    script = f'. deploy/environment.sh && exec {sys.executable} -c "$0" URL_HASH_SECRET'
    ended = subprocess.run(
        ["/bin/bash", "-c", script, PRINT],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "ENVIRONMENT_FILE": str(tmp_path / "environment")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ended.stdout) == {"URL_HASH_SECRET": value}


def test_a_secret_that_begins_with_a_dollar_gives_a_hash() -> None:
    secret = values("URL_HASH_SECRET", URL_HASH_SECRET="$ecret")["URL_HASH_SECRET"]
    builder = LandingBuilder("", secret)
    landing = builder.build(builder.route(compile_page("https://shop.example/"), None, 2, 1), "", "", "a-lid")
    url, _, signature = landing.location.partition("&hash=")
    assert signature == md5(f"{url}|$ecret".encode(), usedforsecurity=False).hexdigest()
