#!/usr/bin/env bash
# Makes .venv with the Python clients and servers that the integration tests talk to.
# Does nothing, and touches no network, when it is already there and fits Tests/Integration/requirements.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
requirements=Tests/Integration/requirements.txt
stamp=.venv/requirements.installed
if [ -f "$stamp" ] && cmp -s "$requirements" "$stamp"; then exit 0; fi
echo "Installing Python test clients into .venv (moto: CloudWatch server; boto3: AWS client;"
echo "fluent-logger: log shipper; standardwebhooks: signature check; pytest: runner; jsonschema: contract check)"
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check -r "$requirements"
# The reference for imported rules; of what it would bring along its rule classes need little.
.venv/bin/pip install --quiet --disable-pip-version-check --no-deps "elastalert2==2.19.*"
cp "$requirements" "$stamp"
