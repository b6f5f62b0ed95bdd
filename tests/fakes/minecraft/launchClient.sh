#!/usr/bin/env bash
# Starts the stand-in for Minecraft, in the way in which MineRL starts the game: launchClient.sh -port P -env -runDir D
#
# Environment: GHOSTKEYS_FAKE_PYTHON, a Python with ghostkeys (python3); GHOSTKEYS_FAKE_ROOT, the checkout, where this
# file is a copy; GHOSTKEYS_FAKE_FAULTS, a file to read faults from; GHOSTKEYS_FAKE_OPTIONS, more options of the server;
# GHOSTKEYS_FAKE_LAUNCH, how the launch goes: normal, never (prints nothing), dies, hangs (half-way), children (leaves
# processes in sessions of their own).
set -u
port=0
while [ $# -gt 0 ]; do
    if [ "$1" = -port ]; then port=$2; shift; fi
    shift
done
case ${GHOSTKEYS_FAKE_LAUNCH:-normal} in
    normal) ;;
    never) exec sleep 1000 ;;
    dies) echo "Error: the game could not be started"; exit 1 ;;
    hangs) echo "***** Start MalmoEnvServer on port $port"; exec sleep 1000 ;;
    children) for _ in 1 2; do (setsid sleep 1000 >/dev/null 2>&1 </dev/null &); done ;;
    *) echo "GHOSTKEYS_FAKE_LAUNCH is $GHOSTKEYS_FAKE_LAUNCH; expected normal, never, dies, hangs or children"; exit 2 ;;
esac
root=${GHOSTKEYS_FAKE_ROOT:-$(cd "$(dirname "$(readlink -f "$0")")/../../.." && pwd)}
cd "$root" || exit 1
faults=()
if [ -n "${GHOSTKEYS_FAKE_FAULTS:-}" ]; then faults=(--faults "$GHOSTKEYS_FAKE_FAULTS"); fi
unset PYTHONHOME VIRTUAL_ENV
# shellcheck disable=SC2086  # options are words
PYTHONPATH=$root exec "${GHOSTKEYS_FAKE_PYTHON:-python3}" -m tests.fakes.minecraft_server \
    --port "$port" "${faults[@]}" ${GHOSTKEYS_FAKE_OPTIONS:-}
