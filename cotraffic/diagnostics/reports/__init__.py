"""Reports: how many clicks went where, and why, over the archive and what is not in it yet."""
