# Sourced by every script here: the environment of an instance, inside a container as outside.
# shellcheck shell=bash

APP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export APP
cd "$APP" || exit 1
if [ -d "$APP/.venv/bin" ]; then export PATH="$APP/.venv/bin:$PATH"; fi

# Variables as a secret store hands them out: a file of NAME=value lines, which counts more than what is set.
# It is read and not run: a value may hold anything.
read_environment_file() {
  local file=$1 line name value number=0
  while IFS= read -r line || [ -n "$line" ]; do
    number=$((number + 1))
    line=${line%$'\r'}
    [[ $line =~ ^[[:space:]]*(#|$) ]] && continue
    if ! [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$ ]]; then
      # The line itself may be half of a secret.
      echo "$file: line $number is not NAME=value; put it right and start again" >&2
      exit 78
    fi
    name=${BASH_REMATCH[2]} value=${BASH_REMATCH[3]}
    if [[ $value =~ ^\"(.*)\"$ || $value =~ ^\'(.*)\'$ ]]; then value=${BASH_REMATCH[1]}; fi
    export "$name=$value"
  done <"$file"
}

environment_file=${ENVIRONMENT_FILE:-/var/run/secrets/environment}
if [ -e "$environment_file" ]; then read_environment_file "$environment_file"; fi

# Everything that has to outlive the container is in one place.
export DATA_DIR=${DATA_DIR:-$APP/var}
export RUN_DIR=${RUN_DIR:-$DATA_DIR/run}
export CLICK_SPOOL_DIR=${CLICK_SPOOL_DIR:-$DATA_DIR/spool}
export CLICK_ARCHIVE_DIR=${CLICK_ARCHIVE_DIR:-$DATA_DIR/archive}
export REPORT_CACHE_DIR=${REPORT_CACHE_DIR:-$DATA_DIR/report-cache}
export DATABASE_URL=${DATABASE_URL:-sqlite:///$DATA_DIR/co-traffic.sqlite3}
export OFFERS_RECIPE_PATH=${OFFERS_RECIPE_PATH:-$DATA_DIR/recipe/offersRecipe.json.gz}
export CAMPAIGNS_RECIPE_PATH=${CAMPAIGNS_RECIPE_PATH:-$DATA_DIR/recipe/campaignsRecipe.json.gz}
export HOST=${HOST:-localhost} PORT=${PORT:-5000} ENV=${ENV-development}
export REDIS_PORT=${REDIS_PORT:-6379} REDIS_MEMORY_PERCENT=${REDIS_MEMORY_PERCENT:-50}

# An instance has a Redis of its own, unless it is told of another.
if [ -z "${REDIS_URL:-}" ]; then
  export OWN_REDIS=true REDIS_URL="redis://127.0.0.1:$REDIS_PORT/0"
else
  export OWN_REDIS=false
fi
