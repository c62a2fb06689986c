#!/usr/bin/env bash
# Measures Tocsin and, when it is installed, Prometheus beside it; see bench.py.
#
#   TOCSIN_BIN=FOLDER Tests/Benchmarks/run.sh [ingest] [memory] [evaluation] [latency]
set -euo pipefail
cd "$(dirname "$0")/../.."
environment=.venv-bench
stamp=$environment/requirements.installed
requirements=Tests/Benchmarks/requirements.txt
if ! { [ -f "$stamp" ] && cmp -s "$requirements" "$stamp"; }; then
    echo "Installing into $environment (cramjam: snappy for the load generator)" >&2
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$stamp"
fi
exec "$environment/bin/python" Tests/Benchmarks/bench.py "$@"
