#!/bin/sh
# Makes the Python environment of the peers in the folder given (default .cache/peers), and llama.cpp beside it.
# The interpreter comes from PEERS_PYTHON; it must be the one that Debian's python3-torch belongs to.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-.cache/peers}
python=${PEERS_PYTHON:-/usr/bin/python3}
"$python" -m venv --system-site-packages "$folder"
if ! "$folder/bin/python" -c 'import torch' 2>/dev/null; then
  echo 'No torch found: install python3-torch and libopenblas0-pthread, or a +cpu build of torch.' >&2
  exit 1
fi
"$folder/bin/pip" install --quiet --no-deps -r "$here/requirements.txt"
# Only this platform's library: the others are optional packages of hundreds of megabytes.
mkdir -p "$folder/llamacpp"
cp "$here/llamacpp/package.json" "$folder/llamacpp/"
npm install --prefix "$folder/llamacpp" --omit=optional --no-package-lock --ignore-scripts --silent
