"""What Prometheus reads at `/metrics`. `docs/metrics.md` says what each means and what to do about it.

What web workers count lies in small files that they map into memory (`files.py`, `worker.py`), so that it can
be read while Redis is away; what the whole instance shares is asked for when it is read (`instance.py`).
"""
