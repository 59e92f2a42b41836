"""The names of the recipe's keys in this instance's Redis; nothing else knows them.

A generation is one hash, record id -> record as its file has it; `live` names the generation that counts, and
`changed` beside it has the version at which each record was last written after its file, for indexes to
follow. Every change of the live records raises `recipe:version` and is published in the same step.

The journal holds the newest update of each record, with its time, so that a load can replay updates that its
file does not contain yet. Digests of the record before its updates show whether a file was made before them,
whatever its time. The time at which a record was last deleted, by the sender's clock, shows that a delete is
a repetition.
"""

from recipes.records.kinds import RecipeKind

VERSION = "recipe:version"
CHANGES_CHANNEL = "recipe:changes"
LISTENER = "recipe:listener"
S3 = "recipe:s3"
PREVIEW = "recipe:preview"


def prefix(kind: RecipeKind) -> str:
    """Return what the keys of a kind begin with."""
    return f"recipe:{kind}:"


def live(kind: RecipeKind) -> str:
    """Holds the number of the live generation."""
    return f"recipe:{kind}:live"


def generation(kind: RecipeKind, number: int) -> str:
    """Holds the records of a generation."""
    return f"recipe:{kind}:{number}"


def changed(kind: RecipeKind, number: int) -> str:
    """Holds the version at which each record of a generation was last written after its file."""
    return f"recipe:{kind}:{number}:changed"


def last_generation(kind: RecipeKind) -> str:
    """Holds the number of the newest generation, live or not."""
    return f"recipe:{kind}:generations"


def meta(kind: RecipeKind) -> str:
    """Holds the metadata of the live generation."""
    return f"recipe:{kind}:meta"


def journal(kind: RecipeKind) -> list[str]:
    """Hold the newest update of each record, their times, and the time of the live generation's file."""
    return [f"recipe:{kind}:journal", f"recipe:{kind}:journal-times", f"recipe:{kind}:file-time"]


def digests(kind: RecipeKind) -> str:
    """Holds for each journaled record the digest of its update, then those of its earlier versions."""
    return f"recipe:{kind}:journal-digests"


def deletes(kind: RecipeKind) -> str:
    """Holds the time of each record's last delete by an update, by the sender's clock."""
    return f"recipe:{kind}:journal-deletes"


def syncs(kind: RecipeKind) -> str:
    """Holds the number of syncs of the kind since the beginning, by outcome."""
    return f"recipe:{kind}:syncs"


def review(kind: RecipeKind) -> str:
    """Holds who reviews the preview of the kind; syncs wait meanwhile."""
    return f"recipe:{kind}:review"


def left(kind: RecipeKind) -> str:
    """Holds the decision against a file of the kind; named as in 1.0.0, whose decisions still count."""
    return f"recipe:{kind}:hold"


def lock(kind: RecipeKind, name: str) -> str:
    """Holds a lock on syncs of the kind."""
    return f"recipe:{kind}:lock-{name}"
