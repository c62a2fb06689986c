#!/usr/bin/env bash
# Starts the demo environment and Tocsin side by side; Ctrl-C stops both cleanly.
#
#   TOCSIN_BIN=path/to/tocsin deploy/local/run.sh [tocsin serve options]
set -euo pipefail
cd "$(dirname "$0")/../.."
tocsin=${TOCSIN_BIN:-tocsin}
# Credentials that the stand-in knows; they open nothing else.
export AWS_ACCESS_KEY_ID=AKIADEMODEMODEMODEMO AWS_SECRET_ACCESS_KEY=demo-secret-of-the-stand-in
export AWS_EC2_METADATA_DISABLED=true
scripts/demo-secret.sh

"$tocsin" demo &
demo=$!
"$tocsin" serve --config deploy/local/tocsin.yaml "$@" &
server=$!
stop() {
    trap '' INT TERM
    kill -TERM "$server" "$demo" 2>/dev/null || true
    wait "$server" "$demo" 2>/dev/null || true
}
trap 'stop; exit 0' INT TERM
set +e
wait -n "$server" "$demo"
status=$?
stop
exit "$status"
