"""The configuration page says what `.env.example` says."""

from tests.docs.configuration import EXAMPLE, REFERENCE, Variables, read_example, reference


def test_the_page_is_the_newest() -> None:
    written = REFERENCE.read_text()
    assert written == reference(EXAMPLE.read_text()), "run `make docs` and commit docs/configuration.md"


def test_every_variable_of_the_example_has_a_meaning_and_a_section() -> None:
    explained = read_example(EXAMPLE.read_text())
    assert [variables for variables in explained if not variables.meaning or not variables.section] == []


def test_variables_below_one_comment_share_its_meaning() -> None:
    text = "# --- Here ---\n\n# Two\n# of them.\nA=1\n#B=\n# One.\nC=\n"
    assert read_example(text) == [
        Variables("Here", {"A": "1", "B": None}, "Two of them."),
        Variables("Here", {"C": ""}, "One."),
    ]


def test_a_commented_variable_has_no_default() -> None:
    assert "| `B` |  | Why. |" in reference("# --- Here ---\n# Why.\n#B=\n")
