#!/usr/bin/env bash
# Runs fuzz harnesses: run.sh SECONDS [NAME...]; without names all of them. README.md here says what a harness is.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?usage: run.sh SECONDS [NAME...]}
shift
if [ $# -eq 0 ]; then
    for harness in Tests/Fuzzing/*/Harness.swift; do set -- "$@" "$(basename "$(dirname "$harness")")"; done
fi

scratch=.build/fuzz
libraries="-lz -lzstd -lsnappy -lyaml -lre2 -lstdc++ -lcurl -lssl -lcrypto -lsqlite3"
sanitize="-sanitize=fuzzer,address"

failed=0
for name in "$@"; do
    harness=Tests/Fuzzing/$name
    targets=$(tr -d '[:space:]' <"$harness/targets")
    # Built apart for each harness: the targets' objects are linked whole, so nothing else may lie beside them.
    build=$scratch/$name
    TOCSIN_ONLY=$targets swift build -q -c release --scratch-path "$build" -Xswiftc $sanitize
    # Objects of sources that were renamed or removed stay behind and would be linked too.
    find "$build/release/" -path '*.build/*' -name '*.swift.o' | while read -r object; do
        [ -n "$(find Sources Tests -name "$(basename "$object" .o)" -print -quit)" ] || rm "$object"
    done
    # `package` declarations are open to code of the same package name, which SwiftPM takes from the folder.
    package=$(grep -o '"-package-name","[^"]*"' "$build/release.yaml" | head -1 | cut -d'"' -f4)
    objects=$(find "$build/release/" -path '*.build/*' -name '*.o')
    modules=$(find "$build/release/" Sources/System -name module.modulemap -printf '-Xcc -fmodule-map-file=%p ')
    # shellcheck disable=SC2086
    swiftc -O -use-ld=lld -parse-as-library $sanitize -package-name "$package" -I "$build/release/Modules" \
        $modules \
        "$harness/Harness.swift" $objects $libraries $(cat "$harness/flags" 2>/dev/null) -o "$build/harness"
    corpus=$build/corpus
    findings=$scratch/findings/$name
    mkdir -p "$corpus" "$findings" "$harness/seeds"
    options=(-max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1
        -artifact_prefix="$findings/")
    [ -f "$harness/dictionary" ] && options+=(-dict="$harness/dictionary")
    echo "fuzz $name: $seconds s"
    if SWIFT_BACKTRACE=enable=no "$build/harness" "${options[@]}" "$corpus" "$harness/seeds" >"$build/log" 2>&1; then
        grep -E 'stat::number_of_executed_units|^#.*DONE' "$build/log" | sed 's/^/    /'
    else
        failed=1
        grep -E 'ERROR|SUMMARY|Fatal|precondition|Test unit written' "$build/log" | sed 's/^/    /' | head -20
        echo "    the whole story: $build/log"
    fi
done
exit $failed
