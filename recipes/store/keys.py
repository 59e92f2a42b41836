"""The names of the recipe's keys in this instance's Redis; only `store.py` and `reader.py` use them.

A generation is one hash, record id -> record as its file has it; `live` names the generation that counts, and
`changed` beside it the version at which each record was last written after its file, for indexes to follow.
Every change of what is live raises `recipe:version` and is published, in the same step as the change itself.
The journal holds the newest update of each record, with its time, so that a load can replay what its file
does not know yet. Beside it stand digests of what the record was before its updates, by which a load tells a
file that was made before them, whatever its time; and when a record was last deleted, by the sender's clock,
by which a repeated delete is told.
"""

from recipes.records.kinds import RecipeKind

VERSION = "recipe:version"
CHANGES_CHANNEL = "recipe:changes"
LISTENER = "recipe:listener"
S3 = "recipe:s3"
PREVIEW = "recipe:preview"


def prefix(kind: RecipeKind) -> str:
    """What the keys of a kind begin with."""
    return f"recipe:{kind}:"


def live(kind: RecipeKind) -> str:
    """The number of the live generation."""
    return f"recipe:{kind}:live"


def generation(kind: RecipeKind, number: int) -> str:
    """The records of a generation."""
    return f"recipe:{kind}:{number}"


def changed(kind: RecipeKind, number: int) -> str:
    """When each record of a generation was last written after its file, as a version."""
    return f"recipe:{kind}:{number}:changed"


def last_generation(kind: RecipeKind) -> str:
    """The number of the newest generation, live or not."""
    return f"recipe:{kind}:generations"


def meta(kind: RecipeKind) -> str:
    """What is known of the live generation."""
    return f"recipe:{kind}:meta"


def journal(kind: RecipeKind) -> list[str]:
    """The newest update of each record, their times, and the time of the live generation's file."""
    return [f"recipe:{kind}:journal", f"recipe:{kind}:journal-times", f"recipe:{kind}:file-time"]


def digests(kind: RecipeKind) -> str:
    """For each journaled record the digest of its update, then those of what it was before."""
    return f"recipe:{kind}:journal-digests"


def deletes(kind: RecipeKind) -> str:
    """When each record was last deleted by an update, by the sender's clock."""
    return f"recipe:{kind}:journal-deletes"


def hold(kind: RecipeKind) -> str:
    """Why syncs of the kind wait for a person."""
    return f"recipe:{kind}:hold"


def lock(kind: RecipeKind, name: str) -> str:
    """A lock on syncs of the kind."""
    return f"recipe:{kind}:lock-{name}"
