#!/usr/bin/env bash
# Compiles the load programs and runs bench.py; README.md here says what is measured and how.
#
#   TOCSIN_BIN=FOLDER Tests/Benchmarks/run.sh [--quick] [PART...]
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=.build/bench
mkdir -p "$tools"
for program in generate blast probe limits logs; do
    source=Tests/Benchmarks/$program.c
    if [ "$source" -nt "$tools/$program" ] || [ Tests/Benchmarks/load.h -nt "$tools/$program" ]; then
        "${CC:-cc}" -O3 -march=native -D_GNU_SOURCE -Wall -Wextra -pthread -o "$tools/$program" "$source" -lsnappy
    fi
done
PYTHONDONTWRITEBYTECODE=1 exec python3 Tests/Benchmarks/bench.py "$@"
