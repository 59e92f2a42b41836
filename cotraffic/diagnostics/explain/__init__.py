"""Why a link leads where it leads."""
