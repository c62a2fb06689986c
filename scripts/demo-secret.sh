#!/usr/bin/env bash
# Makes the webhook secret that deploy/local's Tocsin signs with and the demo's pager checks; keeps one that is there.
set -euo pipefail
cd "$(dirname "$0")/.."
secret=var/tocsin/demo-pager.secret
[ ! -s "$secret" ] || exit 0
mkdir -p var/tocsin
umask 077
printf 'whsec_%s\n' "$(head -c 32 /dev/urandom | base64 -w0)" >"$secret"
