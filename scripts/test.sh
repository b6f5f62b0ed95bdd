#!/usr/bin/env bash
# Sets up, then checks everything: formatting, lint, types, the direction of imports, the documentation (which it leaves
# in site/), and every test.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/setup.sh

ruff format --check --quiet . || { echo "test: some files are not formatted; run: ruff format ." >&2; exit 1; }
ruff check --quiet .
mypy
lint-imports
zensical build --strict --clean
if grep -rlE '<(script|link|img)[^>]*(src|href)="https?:' site --include='*.html'; then
  echo "test: these pages of the documentation fetch something from the network" >&2
  exit 1
fi
export OMP_NUM_THREADS=1
# One test process more than there are cores, as many tests wait.
processes=$(python -c 'import os; print(1 + (os.cpu_count() or 1))')
python -m pytest -n "$processes" --dist loadfile "$@"
