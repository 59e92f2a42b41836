"""Proof that an answered click is never lost: the whole system, one fault at a time, and the bookkeeping."""
