#!/usr/bin/env bash
# The main job on the embedded world, from nothing to a report: record, train the IDM, label, train the policy and the
# generator, evaluate. Read it from top to bottom: every stage is a `ghostkeys` command that you can run yourself.
#
#   bash scripts/demo.sh              everything, 25 to 35 minutes on 2 cores; started again, it goes on where it stopped
#   bash scripts/demo.sh --quick      the same code on less, about 3 minutes (it learns little)
#   bash scripts/demo.sh --budget 4   four times the training steps
#   bash scripts/demo.sh --seeds 3    three trainings of each policy, pooled in the report; a run with fewer goes on
#   bash scripts/demo.sh --fresh      begins anew
set -euo pipefail
cd "$(dirname "$0")/.."

size=full budget=1 seeds=1 fresh=no
fail() { echo "demo: $1" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) size=quick ;;
    --fresh) fresh=yes ;;
    --budget) budget="${2-}"; shift $(($# > 1)) ;;
    --seeds) seeds="${2-}"; shift $(($# > 1)) ;;
    --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "there is no option $1; see bash scripts/demo.sh --help" ;;
  esac
  shift
done
[[ "$budget" =~ ^[0-9]*[.]?[0-9]+$ && "$budget" =~ [1-9] ]] || fail "--budget needs a factor above 0, such as 2 or 0.5, not '$budget'"
[[ "$seeds" =~ ^[1-9][0-9]?$ ]] || fail "--seeds needs a number from 1 to 99, not '$seeds'"
source scripts/setup.sh

case "$size" in
  full)  labelled=24 heldout=4  unlabelled=24 idm=2600 policy=1200 vae=400 dit=900 episodes=48 ticks=600 pairs=100 confidence=
         look=2 validate=240 clips=256 ;;
  quick) labelled=1  heldout=1 unlabelled=1  idm=40   policy=40   vae=30  dit=30  episodes=4  ticks=100 pairs=5   confidence=0
         look=1 validate=10 clips=32 ;;
esac
steps() { python -c 'import sys; print(max(1, round(int(sys.argv[1]) * float(sys.argv[2]))))' "$1" "$budget"; }

# One run lives in runs/demo. Asked for other settings, the run there is put aside, to come back when it is asked for again.
run=runs/demo settings="$size-$budget"
mkdir -p runs
[ $fresh = no ] || rm -rf "$run"
if [ -d $run ] && [ "$(cat $run/settings 2>/dev/null)" != "$settings" ]; then
  aside="$run-$(cat $run/settings 2>/dev/null || echo unfinished)"
  rm -rf "$aside" && mv "$run" "$aside" && echo "demo: the run with other settings now lies in $aside"
  [ ! -d "$run-$settings" ] || mv "$run-$settings" "$run"
fi
mkdir -p $run/stages && echo "$settings" > $run/settings

# stage NAME COMMAND…: runs a command once, and keeps its wall seconds for the report (those of a stopped try too).
stage() {
  local name=$1 begin=$SECONDS status=0
  shift
  [ ! -f "$run/stages/$name.done" ] || return 0
  printf '\n\033[1m== %s\033[0m\n' "$name"
  "$@" || status=$?
  echo $((SECONDS - begin)) >> "$run/stages/$name.seconds"
  [ $status = 0 ] || exit $status
  touch "$run/stages/$name.done"
}

world=ghostkeys/Voxel-v0

# 1. Record: a small labelled set in two styles, a larger set to label in a third, and held-out play in all of them. The
#    true actions of the set to label are seen by the scores and the comparison policy alone; no model is trained on, or
#    calibrated with, held-out play.
record() { ghostkeys record --player scripted --style "$1" --minutes "$2" --seed "$3" --output "$run/$4"; }
stage record.labelled         record explorer,explorer,everyday $labelled 0 labelled
stage record.unlabelled       record gatherer $unlabelled 10000 unlabelled
stage record.heldout          record explorer $heldout    5000  heldout
stage record.heldout-everyday record everyday $heldout    6000  heldout-everyday
stage record.heldout-gatherer record gatherer $look       15000 heldout-gatherer

# 2. Train the inverse dynamics model on the labelled set, and score it on play it never saw.
stage idm.fit      ghostkeys idm fit --config idm/configs/tiny.yaml --data.root $run/labelled --output $run/idm \
  --trainer.max_steps "$(steps $idm)" --trainer.val_check_interval "$(steps $validate)"
stage idm.validate ghostkeys idm validate --checkpoint $run/idm --data.root $run/heldout --json $run/idm/scores.json

# 3. Label the unlabelled videos in bulk, and the held-out ones to score the labels.
label() {
  ghostkeys label "$run/$1" --checkpoint $run/idm --output "$run/$2" --fps native ${confidence:+--low-confidence $confidence} --json "$run/$3.json"
}
stage label                  label unlabelled       labels                  label
stage label.heldout          label heldout          labels-heldout          label-heldout
stage label.heldout-everyday label heldout-everyday labels-heldout-everyday label-heldout-everyday
stage label.heldout-gatherer label heldout-gatherer labels-heldout-gatherer label-heldout-gatherer

# 4. Three policies of equal budget. They share the decoded frames: two see the same videos, with other actions. All are
#    validated on the true actions of held-out play in the style of the unlabelled set.
fit_policy() {
  ghostkeys agent fit --config agents/configs/tiny.yaml --data.root "$run/$2" --output "$run/policy-$1" --data.cache $run/.frames \
    --seed_everything "$seed" --data.seed "$seed" --trainer.max_steps "$(steps $policy)" \
    --data.validation_root $run/heldout-gatherer --trainer.val_check_interval "$(steps $validate)"
}
# What names end in for training seed $seed; those of the first are plain.
ending() { if [ $seed != 0 ]; then echo "-seed$seed"; fi; }
for ((seed = 0; seed < seeds; seed++)); do
  stage policy.labelled-only$(ending) fit_policy labelled-only$(ending) labelled
  stage policy.pseudo-labels$(ending) fit_policy pseudo-labels$(ending) labels
  stage policy.true-actions$(ending)  fit_policy true-actions$(ending)  unlabelled
done

# 5. Train the video generator on the pseudo-labelled video, and score it on held-out play.
stage generator.fit ghostkeys generator fit --config generator/configs/tiny.yaml --data.root $run/labels --output $run/generator \
  --model.vae_steps "$(steps $vae)" --trainer.max_steps "$(steps $((vae + dit)))" \
  --data.validation_root $run/heldout-gatherer --trainer.val_check_interval "$(steps $((validate / 2)))"
stage generator.validate ghostkeys generator validate --checkpoint $run/generator --data.root $run/heldout --clips $clips --pairs $pairs \
  --json $run/generator/scores.json

# 6. Evaluate: who gets a log within half a minute?
evaluate() {
  ghostkeys evaluate --agent "$2" --env $world --episodes $episodes --seed 20000 --max-ticks $ticks --until log --size $3 \
    --json "$run/evaluate/$1.json" --video "$run/videos/$1.mp4" --video-failure "$run/videos/$1-failure.mp4"
}
mkdir -p $run/evaluate $run/videos
for ((seed = 0; seed < seeds; seed++)); do
  for name in labelled-only pseudo-labels true-actions; do
    stage evaluate.$name$(ending) evaluate $name$(ending) $run/policy-$name$(ending) "108 192"
  done
done
# These two do not look at the picture: a small one saves a minute.
stage evaluate.random   evaluate random random "36 64"
stage evaluate.scripted evaluate scripted scripted "36 64"

# 7. Report.
python scripts/report.py $run
if [ -t 1 ] && [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname)" = Darwin ]; then
  python -m webbrowser "file://$PWD/$run/report.html" >/dev/null 2>&1 || true
fi
