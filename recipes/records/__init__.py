"""Offer, Campaign and their parts, read from raw records; knows no Redis and no click."""
