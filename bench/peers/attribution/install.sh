#!/bin/sh
# Makes the Python environment of the attribution benches in the folder given (default .cache/peers-attribution).
# Apart from install.sh one folder up, because continuous integration has no use for it. The interpreter comes
# from PEERS_PYTHON; it must be the one that Debian's python3-torch belongs to.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-.cache/peers-attribution}
python=${PEERS_PYTHON:-/usr/bin/python3}
"$python" -m venv --system-site-packages "$folder"
if ! "$folder/bin/python" -c 'import torch, yaml' 2>/dev/null; then
  echo 'No torch found: install python3-torch, python3-yaml and libopenblas0-pthread.' >&2
  exit 1
fi
"$folder/bin/pip" install --quiet --no-deps -r "$here/requirements.txt"
