"""The recipes app."""

from django.apps import AppConfig


class RecipesConfig(AppConfig):
    """Keeps the recipe in Redis true."""

    name = "recipes"
