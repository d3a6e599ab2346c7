#!/usr/bin/env bash
# Few-shot learning as the paper has it, with the hip model's encoder. Tables are printed, and kept in target/weights.
#   weights/few_shot.sh echo      the left ventricle of a real recording: each labelled frame is left out in turn
#   weights/few_shot.sh phantoms  simulated shoulders from 10, 20 and 50 labelled pictures, beside a network from nothing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly work=target/weights
cargo build --release --locked
readonly sam2rad="${CARGO_TARGET_DIR:-target}/release/sam2rad"
mkdir -p "$work"

# The trainings that standard input names, two at a time with one thread each; one that is done is not done again, and one that was
# stopped begins anew.
train() {
  if [ ! -e "$work/$1/model.safetensors" ]; then
    rm -rf "${work:?}/$1"
    RAYON_NUM_THREADS=1 "$sam2rad" train --config "$work/$1.toml" --out "$work/$1" >"$work/$1.log"
  fi
}
export -f train
export sam2rad work
train_all() { xargs -P 2 -I {} bash -euc "train {}"; }

# mean and standard deviation of a column of numbers
mean() { awk '{ n++; sum += $1; squares += $1 * $1 } END { mean = sum / n; printf "%.3f ± %.3f", mean, sqrt(squares / n - mean * mean) }'; }

echo_lv() {
  local modes=(peft ppn-only decoder scratch) frames=(000 008 016 024 032 040 048 056)
  for mode in "${modes[@]}"; do
    for frame in "${frames[@]}"; do
      sed "s/^mode = .*/mode = \"$mode\"/; s/^validation_share = .*/validation_names = [\"$frame.png\"]/" weights/echo_lv.toml >"$work/echo-$mode-$frame.toml"
      echo "echo-$mode-$frame"
    done
  done | train_all
  {
    echo "| mode | leave-one-out Dice |"
    echo "|---|---|"
    for mode in "${modes[@]}"; do
      echo "| $mode | $(for frame in "${frames[@]}"; do tail -n 1 "$work/echo-$mode-$frame/validation.csv" | cut -d, -f2; done | mean) |"
    done
  } | tee "$work/echo_lv.md"
}

phantoms() {
  local counts=(10 20 50) modes=(ppn-only peft scratch) data="$work/few-shot-data"
  if [ ! -e "$data/Test" ]; then
    "$sam2rad" phantom --preset shoulder --count 50 --seed 7000000 --split Train --out "$data"
    "$sam2rad" phantom --preset shoulder --count 60 --seed 8000000 --split Test --out "$data"
  fi
  for mode in "${modes[@]}"; do
    for count in "${counts[@]}"; do
      # From nothing there is no model to start from, and nothing to adapt.
      if [ "$mode" = scratch ]; then start='s/^init = .*/init = "scratch"/; s/micro_conv_adapter/micro_conv/; s/sam2_lora/sam2/'; else start=; fi
      # Each picture is seen 80 times, however many there are.
      steps=$((40 * count))
      sed "s/^mode = .*/mode = \"$mode\"/; s#^folder = .*#folder = \"$data\"\nlimit = $count#; s/^steps = .*/steps = $steps/; s/^validate_every = .*/validate_every = $steps/; $start" \
        weights/echo_lv.toml >"$work/few-$mode-$count.toml"
      echo "few-$mode-$count"
    done
  done | train_all
  local rows=() lines=()
  for mode in "${modes[@]}"; do
    local dice=()
    for count in "${counts[@]}"; do
      "$sam2rad" eval --model "$work/few-$mode-$count/model.safetensors" --data "$data" --out "$work/judged/few-$mode-$count" >/dev/null
      dice+=("$(autonomous_dice "$work/judged/few-$mode-$count/report.md")")
    done
    rows+=("| $mode | ${dice[0]} | ${dice[1]} | ${dice[2]} |")
    lines+=("  line [$(IFS=,; echo "${dice[*]}")]")
  done
  # The plot is text that a Markdown viewer draws.
  {
    echo "| Dice, by labelled pictures | 10 | 20 | 50 |"
    echo "|---|---|---|---|"
    printf '%s\n' "${rows[@]}"
    printf '\n```mermaid\nxychart-beta\n  title "Dice by labelled pictures: %s"\n  x-axis [10, 20, 50]\n  y-axis 0 --> 1\n' "${modes[*]}"
    printf '%s\n' "${lines[@]}" '```'
  } | tee "$work/few_shot.md"
}

# Over all structures of all pictures, with no prompt.
autonomous_dice() { awk -F ' *[|] *' '$2 == "autonomous" { split($5, dice, " ") } END { print dice[1] }' "$1"; }

case "${1:-}" in
  echo) echo_lv ;;
  phantoms) phantoms ;;
  *) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
