"""The recipes app."""

from django.apps import AppConfig


class RecipesConfig(AppConfig):
    """Keeps the recipe in Redis in sync with co-recipe."""

    name = "recipes"
