#!/usr/bin/env bash
# Puts the log shippers and clients that the tests of _bulk and OTLP drive into .build/clients, each in a folder of
# its own, since their versions (and, for rsyslog and syslog-ng, their packages) exclude each other. Nothing is installed.
# Does nothing, and touches no network, for what is there already.
#
# What cannot be had is said on stderr; its tests then say that they skip.
set -uo pipefail
cd "$(dirname "$0")/.."
clients=.build/clients

python_client() { # FOLDER REQUIREMENT
    local folder=$clients/$1 requirement=$2 said
    [ "$(cat "$folder/.installed" 2>/dev/null)" = "$requirement" ] && return
    rm -rf "$folder"
    echo "Fetching $requirement into $folder (a client that sends logs)"
    # What pip says of other packages does not concern a folder of its own.
    if said=$(.venv/bin/pip install --quiet --disable-pip-version-check --target "$folder" "$requirement" 2>&1); then
        echo "$requirement" >"$folder/.installed"
    else
        rm -rf "$folder"
        echo "$requirement cannot be had; the tests with it will skip: $said" >&2
    fi
}

debian_client() { # FOLDER PROGRAM PACKAGE...
    local folder=$clients/$1 program=$2
    shift 2
    [ -f "$folder/.installed" ] && return
    rm -rf "$folder"
    mkdir -p "$folder/debs"
    echo "Unpacking $* into $folder (a log shipper)"
    # Libraries that the system lacks come along; those it has are left out.
    local needed
    needed=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
        --no-enhances "$@" 2>/dev/null | grep -E '^[a-z0-9]' | sort -u)
    local wanted=("$@") package
    for package in $needed; do
        case $package in lib*) ;; *) continue ;; esac
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || wanted+=("$package")
    done
    mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | sort -u)
    if (cd "$folder/debs" && apt-get download -qq "${wanted[@]}") >/dev/null 2>&1; then
        for package in "$folder"/debs/*.deb; do dpkg -x "$package" "$folder"; done
    fi
    rm -rf "$folder/debs"
    if [ -x "$folder/$program" ]; then
        touch "$folder/.installed"
    else
        rm -rf "$folder"
        echo "$* cannot be had; the tests with it will skip" >&2
    fi
}

python_client elasticsearch-7 "elasticsearch==7.17.*"
python_client elasticsearch-8 "elasticsearch==8.*"
python_client elasticsearch-9 "elasticsearch==9.*"
python_client opensearch "opensearch-py==3.*"
python_client opentelemetry "opentelemetry-exporter-otlp-proto-http==1.*"
debian_client rsyslog usr/sbin/rsyslogd rsyslog rsyslog-elasticsearch
debian_client syslog-ng usr/sbin/syslog-ng syslog-ng-core syslog-ng-mod-http syslog-ng-scl
exit 0
