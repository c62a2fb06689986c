#!/usr/bin/env bash
# Installs tocsin, sloctl and tocsinctl below a prefix. Another vendor's tool is called sloctl too: a file of
# that name which is not ours is left alone, and tocsinctl is always there.
#
#   scripts/install.sh BIN_FOLDER PREFIX
set -euo pipefail
bin=$1
target="$2/bin"
install -d "$target"
install -s -m 0755 "$bin/tocsin" "$target/tocsin"
install -s -m 0755 "$bin/sloctl" "$target/tocsinctl"
if [ -e "$target/sloctl" ] && ! "$target/sloctl" version 2>/dev/null | grep -qi tocsin; then
    echo "$target/sloctl is another product's: left as it is. Use tocsinctl." >&2
else
    install -s -m 0755 "$bin/sloctl" "$target/sloctl"
fi
echo "Installed tocsin, tocsinctl in $target"
