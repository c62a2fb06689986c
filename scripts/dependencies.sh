#!/usr/bin/env bash
# Installs what a build, the tests or the benchmarks need from Debian or Ubuntu, and says what and why.
# Prints nothing and touches no network when everything is there.
#
#   scripts/dependencies.sh build|test|bench
set -euo pipefail

build=(
    "libcurl4-openssl-dev:outbound HTTP (CloudWatch, pagers)"
    "libssl-dev:TLS, request signatures, webhook signatures"
    "libnghttp2-dev:HTTP/2 (the server's next protocol; libcurl speaks it already)"
    "zlib1g-dev:gzip bodies"
    "libsnappy-dev:Prometheus remote write"
    "libzstd-dev:zstd chunks of Fluentd"
    "libsqlite3-dev:incidents, outbox and error budgets on disk"
    "libyaml-dev:rule and settings files"
    "libre2-dev:regular expressions in linear time"
    "pkg-config:finds the libraries above"
    "g++:compiles the small C++ layer over RE2"
)
test=(
    "curl:a client of the HTTP server in a test"
    "openssl:certificates, and a TLS server for the HTTP client, in tests"
    "prometheus:writes to Tocsin in a test; its promtool checks /metrics"
    "prometheus-alertmanager:its amtool reads what we send"
    "prometheus-node-exporter:is scraped by Tocsin and by Prometheus in a test"
    "python3-venv:a place of the project's own for the Python test clients"
)
bench=(
    "prometheus:a peer that figures are compared with"
    "victoria-metrics:another; vmalert, which evaluates its rules, comes with it"
    "libsnappy-dev:the load generator's remote write bodies"
    "gcc:compiles the load generator"
    "python3:drives the benchmark"
)

case "${1:-build}" in
    build) wanted=("${build[@]}") ;;
    test) wanted=("${build[@]}" "${test[@]}") ;;
    bench) wanted=("${build[@]}" "${bench[@]}") ;;
    *) echo "usage: $0 build|test|bench" >&2; exit 64 ;;
esac

if ! command -v swift >/dev/null; then
    echo "Swift is not on PATH. Install Swift 6.3 from https://www.swift.org/install/linux/ and try again." >&2
    exit 69
fi

libc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
if [ -n "$libc" ] && [ "$(printf '%s\n' 2.36 "$libc" | sort -V | head -n 1)" != 2.36 ]; then
    echo "glibc 2.36 or later is needed (Debian 12, Ubuntu 24.04); this system has $libc." >&2
    exit 69
fi

missing=()
for entry in "${wanted[@]}"; do
    package=${entry%%:*}
    if ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
        if [ ${#missing[@]} -eq 0 ]; then echo "Installing from your distribution:"; fi
        printf '  %-24s %s\n' "$package" "${entry#*:}"
        missing+=("$package")
    fi
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "This system has no apt-get. Install the packages above by your own means and try again." >&2
    exit 69
fi
root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Run as root once, so that apt-get may install: apt-get install ${missing[*]}" >&2
        exit 77
    fi
    root=(sudo)
fi
"${root[@]}" apt-get update -qq
# The servers among the packages are started by the tests themselves, never as system services.
"${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
