# The site as one image: `docker build -t co-traffic .`, then give it the variables of .env.example.

FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev
COPY manage.py gunicorn.conf.py ./
COPY cotraffic cotraffic
COPY offers offers
COPY recipes recipes

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /home/cotraffic cotraffic
COPY --from=build /app /app
# Recipe files, spool and database live in here; everything else is read only.
RUN mkdir /app/var && chown cotraffic /app/var
WORKDIR /app
USER cotraffic
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 HOST=0.0.0.0 PORT=5000
EXPOSE 5000
CMD ["gunicorn", "cotraffic.asgi:application"]
