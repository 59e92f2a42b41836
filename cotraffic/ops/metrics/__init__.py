"""The metrics that Prometheus reads at `/metrics`; `docs/metrics.md` says what each means.

Counts of web workers are in small files that they map into memory (`files.py`, `worker.py`), so that they can
be read while Redis is away; figures of the whole instance are collected at each request (`instance.py`).
"""
