"""Answering one click."""
