"""The staff page: the state of this instance, and tools to look into it. It reads what the apps publish."""
