# One instance as one image: `docker build -t co-traffic .`; README.md says how to run it.

FROM python:3.13-slim-trixie AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --extra postgresql && rm -f .venv/.lock
COPY manage.py gunicorn.conf.py ./
COPY cotraffic cotraffic
COPY lib lib
COPY offers offers
COPY recipes recipes
COPY deploy deploy
RUN .venv/bin/python deploy/slim_packages.py .venv/lib/python3.13/site-packages
# Compiled here: what runs cannot write, and would compile these modules anew at each start. Nothing of the key gets
# into what is collected.
RUN .venv/bin/python -m compileall -q cotraffic lib offers recipes \
    && ENV=production SECRET_KEY=of-the-build-alone .venv/bin/python manage.py collectstatic --no-input

FROM python:3.13-slim-trixie
# The newest fixes of Debian's stable release, instead of a version that is gone from its mirrors next month.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends valkey-server \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --home-dir /home/cotraffic cotraffic \
    && install --directory --owner cotraffic --group cotraffic /data
# All of it belongs to root: what runs can change nothing but /data.
COPY --from=build /app /app
WORKDIR /app
USER 10001
# The commit that the image is made of: docker build --build-arg REVISION="$(git rev-parse HEAD)"
ARG REVISION=unknown
LABEL org.opencontainers.image.title=co-traffic \
    org.opencontainers.image.version=1.0.0 \
    org.opencontainers.image.revision=$REVISION \
    org.opencontainers.image.licenses=MIT
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 ENV=production HOST=0.0.0.0 PORT=5000 DATA_DIR=/data \
    REVISION=$REVISION
# Redis' append-only file, the spool, the last good recipe files and the accounts of staff.
VOLUME /data
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 CMD ["deploy/healthcheck"]
ENTRYPOINT ["deploy/entrypoint"]
