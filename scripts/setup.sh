#!/usr/bin/env bash
# Makes .venv and installs ghostkeys in it, with the versions it was tested with. Needs Python 3.11+ only; quick when nothing changed.
# demo.sh and test.sh source this file and then find `python` and `ghostkeys` on their PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  echo "setup: no Python 3.11 or newer found on the PATH. Install one, or name it: PYTHON=/path/to/python bash $0" >&2
  return 1
}

# What was installed from: when it changes, setup installs again.
fingerprint() { cat pyproject.toml constraints.txt | cksum; }

install() {
  local base
  base=$(find_python)
  if ! [ -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    echo "setup: making .venv with $base"
    if ! "$base" -m venv --clear .venv; then
      echo "setup: $base cannot make a virtual environment; on Debian and Ubuntu install the package python3-venv." >&2
      return 1
    fi
  fi
  echo "setup: installing ghostkeys and what it needs (the first time: some minutes, 1 to 4 GB)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[report,docs,dev]"
  # opencv-python needs libGL and libglib from the system; the headless build is the same module without windows.
  if ! .venv/bin/python -c 'import cv2' 2>/dev/null; then
    local opencv
    opencv=$(.venv/bin/python -c 'from importlib.metadata import version; print(version("opencv-python"))')
    echo "setup: this machine lacks the libraries opencv-python needs for windows; installing opencv-python-headless $opencv instead"
    .venv/bin/python -m pip uninstall --quiet --yes opencv-python
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "opencv-python-headless==$opencv"
    .venv/bin/python -c 'import cv2'
  fi
  # LitData asks for torchvision and works without. A build for another torch, as the package index has it beside a torch
  # for CPUs, cannot be imported, and then neither can lightning.
  if ! .venv/bin/python -c 'import torchvision' 2>/dev/null; then
    .venv/bin/python -m pip uninstall --quiet --yes torchvision
  fi
  fingerprint > .venv/installed
}

if ! [ -f .venv/installed ] || [ "$(cat .venv/installed)" != "$(fingerprint)" ]; then install; fi
export PATH="$PWD/.venv/bin:$PATH"
