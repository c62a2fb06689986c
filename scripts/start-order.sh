#!/usr/bin/env bash
# Writes scripts/start-order.txt: the functions that a start of `tocsin serve` calls, in the order of their first call.
# The linker puts them side by side, so that a start maps few pages of the program: 5 MB less stay resident. What is
# renamed since is passed over, so run this from time to time, after `make build`. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 69; }
program=$(swift build -c release --static-swift-stdlib --show-bin-path)/tocsin
scripts/demo-secret.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Valgrind does not read all of Swift's debug information; names are enough.
strip -g -o "$work/tocsin" "$program"
cat >"$work/tocsin.yaml" <<END
server: {listen: "127.0.0.1:0"}
rules: [AlertRules]
store: {path: $work/data, max_series: 10000, max_memory: 64MiB}
incidents: {file: AlertRules/oncall.yaml}
END
valgrind --tool=callgrind --callgrind-out-file="$work/calls" --demangle=no \
    "$work/tocsin" serve --config "$work/tocsin.yaml" >"$work/log" 2>&1 &
started=$!
until grep -q "Tocsin is up" "$work/log"; do
    kill -0 "$started" 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 1
done
kill -TERM "$started"
wait "$started" || true
nm "$work/tocsin" | awk '{print $3}' >"$work/symbols"
grep -E '^c?fn=' "$work/calls" | sed -E "s/^c?fn=\([0-9]*\) *//; s/'[0-9]+\$//" |
    awk 'NR == FNR {ours[$1]; next} NF && ($1 in ours) && !seen[$1]++' "$work/symbols" - >scripts/start-order.txt
wc -l scripts/start-order.txt
