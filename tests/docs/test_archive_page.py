"""The page of the archive: its tables have every column, in the type that fits, and no other."""

import re

import duckdb
import pytest

from devstack.environment import PROJECT
from offers.archive.columns import AMOUNT, COLUMNS, TIMESTAMP

PAGE = (PROJECT / "docs" / "archive.md").read_text()
ATHENA = {
    "VARCHAR": "string",
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    AMOUNT: "decimal(38,10)",
    TIMESTAMP: "timestamp",
}
CLICKHOUSE = {
    "VARCHAR": "String",
    "BIGINT": "Int64",
    "BOOLEAN": "Bool",
    AMOUNT: "Decimal(38, 10)",
    TIMESTAMP: "DateTime64(6, 'UTC')",
}


def section(title: str) -> str:
    """The SQL of a section."""
    return PAGE.split(f"## {title}\n")[1].split("```sql\n")[1].split("```")[0]


@pytest.mark.parametrize(
    ("title", "types", "form"), [("Athena", ATHENA, "{} {}"), ("ClickHouse", CLICKHOUSE, "{} Nullable({})")]
)
def test_a_table_has_every_column_in_its_type(title: str, types: dict[str, str], form: str) -> None:
    body = re.sub(r"\s+", " ", re.split(r"\(\n|\n\)", section(title))[1]).strip()
    assert body == ", ".join(form.format(column.name, types[column.type]) for column in COLUMNS)


def test_the_query_is_one_of_duckdbs() -> None:
    (statement,) = duckdb.connect().extract_statements(section("DuckDB"))
    assert statement.type == duckdb.StatementType.SELECT
