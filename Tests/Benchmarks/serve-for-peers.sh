#!/usr/bin/env bash
# Starts Tocsin as harnesses start Prometheus: with a port, a data folder, a Prometheus rules file and where alerts go.
# The process becomes the server, so that its CPU and memory can be read and signals reach it; SIGHUP re-reads the rules.
#
#   serve-for-peers.sh PORT DATA RULES NOTIFY [INTERVAL]
#
# NOTIFY is the base URL of an Alertmanager (or empty): each page's alerts are posted to NOTIFY/api/v2/alerts, by a small
# relay beside the server, for Tocsin's own webhooks carry whole incidents.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
port=${1:?usage: serve-for-peers.sh PORT DATA RULES NOTIFY [INTERVAL]}
data=${2:?} rules=${3:?} notify=${4-} interval=${5:-15s}
binary=${TOCSIN_BIN:-$here/../../.build/release}/tocsin
folder=$data/settings
mkdir -p "$folder"
relay_port=9
if [ -n "$notify" ]; then
    # Ends with this process, which becomes the server.
    relay_port=$(python3 "$here/alert_relay.py" "$notify" $$)
fi
config=$(cd "$here" && PYTHONDONTWRITEBYTECODE=1 python3 -c '
import sys, servers
folder, port, rules, page_port, interval, data = sys.argv[1:]
print(servers.write_tocsin_config(folder, port, rules, page_port, interval.rstrip("s"), data, "alertmanager"))
' "$folder" "$port" "$(realpath "$rules")" "$relay_port" "$interval" "$(realpath "$data")")
exec "$binary" serve --config "$config"
