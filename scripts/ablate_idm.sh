#!/usr/bin/env bash
# Which parts of the small inverse dynamics model pay for their processor time: trains it with each of them taken out or
# put in, scores all on held-out recordings, and prints a table. Started again, it goes on where it stopped.
#
#   bash scripts/ablate_idm.sh RECORDINGS HELD_OUT OUTPUT             400 steps, one seed
#   STEPS=1300 SEEDS="0 1 2" bash scripts/ablate_idm.sh …              more of both
#   ONLY="as-it-is no-flip" bash scripts/ablate_idm.sh …               some of them
#   ONLY="narrow as-it-is wider" STEPS="325 650 1300 2600" bash …      three sizes: loss (nats a tick) against compute
#
# The processor seconds are those of training, with the decoding and the fixed motion features of the first run in it.
set -euo pipefail
[ $# = 3 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
recordings=$(realpath "$1") held=$(realpath "$2") output=$(realpath -m "$3")
cd "$(dirname "$0")/.."
source scripts/setup.sh
steps=${STEPS:-400} seeds=${SEEDS:-0} only=${ONLY:-}

# A name, and what it changes of idm/configs/tiny.yaml.
variants() {
  cat <<'END'
as-it-is
no-dilation         --model.network.temporal_dilation 1
no-rare-share       --data.rare_share 0
no-flow             --model.network.flow []
cells-alone         --model.network.flow_channels []
no-phase            --model.network.phase []
exact-flow          --model.network.flow [{grid:[16,16],iterations:16}]
no-changes          --model.network.changes []
no-cursor           --model.network.cursor_outputs 0
image-network       --model.network.appearance pairs
no-flip             --model.flip false
no-weights          --model.network.positive_weight_power 0
narrow-camera       --model.network.camera.max_degrees 10 --model.network.camera.bin_size 2 --model.network.camera.mu 10
dropout-.1          --model.network.dropout 0.1
narrow              --model.network.width 96 --model.network.motion_outputs 96 --model.network.flow_channels [12,16]
wider               --model.network.width 384 --model.network.motion_outputs 384 --model.network.flow_channels [48,64]
a-transformer-block --model.network.depth 1
rate-1e-3           --model.learning_rate 1e-3
rate-4e-3           --model.learning_rate 4e-3
averaged-weights    --ema 0.998
past-only           --model.network.causal true
augmented           --data.augment 1
END
}

train() {  # NAME SEED STEPS OPTIONS…
  local run="$output/$1-steps$3-seed$2" TIMEFORMAT='%U %S' seed=$2 steps=$3
  shift 3
  mkdir -p "$run"
  if [ ! -f "$run/seconds" ]; then
    { time ghostkeys idm fit --config idm/configs/tiny.yaml --data.root "$recordings" --data.cache "$output/.frames" --output "$run" \
      --seed_everything "$seed" --data.seed 0 --trainer.max_steps "$steps" --trainer.val_check_interval "$steps" "$@" \
      >> "$run/log" 2>&1; } 2> "$run/time" || { tail -5 "$run/log" >&2; return 1; }
    mv "$run/time" "$run/seconds"
  fi
  [ -f "$run/scores.json" ] || ghostkeys idm validate --checkpoint "$run" --data.root "$held" --json "$run/scores.json" >> "$run/log" 2>&1
}

while read -r name options; do
  [ -z "$only" ] || [[ " $only " = *" $name "* ]] || continue
  for seed in $seeds; do
    for number in $steps; do
      echo "ablation: $name, seed $seed, $number steps" >&2
      # shellcheck disable=SC2086  # the options are words
      train "$name" "$seed" "$number" $options
    done
  done
done < <(variants)
python scripts/ablation.py "$output"
