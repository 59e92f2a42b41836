"""The Django project: how the rooms are wired, nothing about clicks or recipes."""
