#!/bin/sh
# Starts the stand-in's game, as MineRL starts Minecraft: launchClient.sh -port PORT -env -runDir FOLDER
exec "$GHOSTKEYS_FAKE_PYTHON" -S -E "$(dirname "$0")/game.py" "$@"
