#!/usr/bin/env bash
# Makes .minerl: the Python that MineRL 1.0 needs, MineRL, and the game, which MineRL builds; then checks that it plays as expected.
#
#     bash scripts/minerl.sh            says what is missing on this machine, all at once; if nothing is, goes on where it stopped
#     bash scripts/minerl.sh --check    only says what is missing
#
# PYTHON names another Python (3.8 to 3.11), JAVA_HOME another JDK 8.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

REPOSITORY=https://github.com/minerllabs/minerl
COMMIT=8268ee99329ab45793859050d95352d35274532b
SOURCE=.minerl/source
JAR=$SOURCE/minerl/MCP-Reborn/build/libs/mcprec-6.13.jar
GIGABYTES=8  # of the disk, with Gradle's downloads
if [ -n "${JAVA_HOME:-}" ]; then export PATH="$JAVA_HOME/bin:$PATH"; fi

have() { command -v "$1" >/dev/null 2>&1; }
say() { echo "minerl: $*"; }

# One line a problem, and what apt-get would install.
problems=()
packages=()
lacks() { problems+=("$1"); packages+=("${@:2}"); }

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3.10 python3.9 python3.8 python3 python; do
    if [ -n "$candidate" ] && "$candidate" -c '
import sys, venv, ensurepip
sys.exit(not (3, 8) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# A program of the JDK must say that it is version 1.8: `java -version` and `javac -version`.
check_java() {
  local program said found
  for program in java javac; do
    if ! have "$program"; then
      lacks "JDK 8: there is no \`$program\` on the PATH" openjdk-8-jdk
    else
      said=$("$program" -version 2>&1) || true
      case $said in
        *"1.8."*) ;;
        *) lacks "JDK 8: \`$program -version\` says $(echo "$said" | head -n 1); Minecraft 1.16.5 is built and run with 1.8 only" openjdk-8-jdk ;;
      esac
    fi
  done
  case ${packages[*]-} in *openjdk*) ;; *) return 0 ;; esac
  for found in /usr/lib/jvm/*8*openjdk* /usr/lib/jvm/*openjdk*8* /usr/lib/jvm/temurin-8* /Library/Java/JavaVirtualMachines/*8*/Contents/Home; do
    if [ -x "$found/bin/javac" ]; then
      problems+=("  (one is in $found: start again after \`export JAVA_HOME=$found PATH=$found/bin:\$PATH\`, which the game needs later, too)")
      return 0
    fi
  done
}

check_disk() {
  local folder free
  for folder in . "${HOME:-.}"; do
    free=$(df -Pk "$folder" | awk 'NR == 2 { print int($4 / 1000000) }')
    if [ "$free" -lt "$GIGABYTES" ]; then lacks "disk: $free GB are free in $(cd "$folder" && pwd), $GIGABYTES GB are needed"; fi
  done
}

check_all() {
  case $(uname -s) in
    Linux)
      if [ -z "${DISPLAY:-}" ] && ! have xvfb-run; then
        lacks "a display: DISPLAY is empty and there is no \`xvfb-run\`, which makes one without a screen" xvfb
      fi ;;
    Darwin) ;;
    *) lacks "Linux or macOS: this is $(uname -s); on Windows, use WSL" ;;
  esac
  check_java
  have git || lacks "git: MineRL comes from its repository" git
  have patch || lacks "patch: MineRL changes the game's source with it" patch
  find_python >/dev/null || lacks "a Python 3.8 to 3.11 with venv: NumPy 1.23, which MineRL needs, runs on no other (PYTHON=/path/to/python names one)" python3.11 python3.11-venv
  check_disk
}

tell_missing() {
  local problem names
  say "missing on this machine:" >&2
  for problem in "${problems[@]}"; do echo "  $problem" >&2; done
  if [ ${#packages[@]} -gt 0 ]; then
    names=$(printf '%s\n' "${packages[@]}" | awk '!seen[$0]++ { printf " %s", $0 }')
    echo "On Ubuntu: sudo apt-get install$names" >&2
    echo "Debian has no openjdk-8-jdk: take Eclipse Temurin 8. Or use scripts/minerl.Dockerfile, which holds all of this." >&2
  fi
}

# What was installed from: when it changes, Python's packages are installed again.
fingerprint() { { cat scripts/minerl.txt; echo "$COMMIT"; } | cksum; }

install_python() {
  local base packages_folder
  base=$(find_python)
  say "making .minerl with $base"
  "$base" -m venv .minerl
  # gym's own set-up needs the older setuptools to be there before it.
  grep -E '^(setuptools|wheel)=' scripts/minerl.txt | .minerl/bin/python -m pip install --quiet --disable-pip-version-check -r /dev/stdin
  .minerl/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -r scripts/minerl.txt
  packages_folder=$(.minerl/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  echo "$PWD/$SOURCE" > "$packages_folder/minerl.pth"
}

fetch_minerl() {
  say "fetching MineRL ($COMMIT)"
  if ! [ -d "$SOURCE/.git" ]; then
    rm -rf "$SOURCE"
    git clone --quiet --no-checkout "$REPOSITORY" "$SOURCE"
  fi
  git -C "$SOURCE" checkout --quiet "$COMMIT"
}

# MineRL's setup.py builds the game whatever it is asked for; asked for the version, it does nothing else.
build_game() {
  say "building the game with Gradle: 10 minutes and more, with downloads that fail at times; what it says is in .minerl/build.log"
  if ! (cd "$SOURCE" && ../bin/python setup.py --version) > .minerl/build.log 2>&1 || ! [ -f "$JAR" ]; then
    tail -n 15 .minerl/build.log >&2
    say "the game was not built; the end of .minerl/build.log is above. Start again: a download may have failed." >&2
    say "docs/minerl.md, under \"The build fails\", lists what is known." >&2
    return 1
  fi
}

case ${1:-} in
  "" | --check) ;;
  *) say "$1: expected nothing, or --check" >&2; exit 2 ;;
esac
check_all
if [ ${#problems[@]} -gt 0 ]; then tell_missing; exit 1; fi
if [ "${1:-}" = --check ]; then say "nothing is missing on this machine"; exit 0; fi

if ! [ -f .minerl/installed ] || [ "$(cat .minerl/installed)" != "$(fingerprint)" ]; then
  install_python
  fetch_minerl
  fingerprint > .minerl/installed
fi
[ -f "$JAR" ] || build_game

ghostkeys=.venv/bin/ghostkeys
if ! [ -x "$ghostkeys" ]; then ghostkeys=$(command -v ghostkeys || true); fi
check=(env check --env ghostkeys/MineRL-v0 --minerl-python .minerl/bin/python)
if [ -z "$ghostkeys" ]; then
  say "MineRL is there. Install ghostkeys (bash scripts/setup.sh), then check it: ghostkeys ${check[*]}"
  exit 0
fi
say "checking: ghostkeys ${check[*]}"
exec "$ghostkeys" "${check[@]}"
