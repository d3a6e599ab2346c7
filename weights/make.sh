#!/usr/bin/env bash
# Makes the demo weights and cines from nothing: simulated ultrasound alone, seeds fixed.
#   weights/make.sh         a base on simulated hips, then from it a model for each preset, two at a time
#   weights/make.sh judge   measures the models in weights/ on simulated pictures of unseen seeds; reports go to target/weights
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly presets=(hip wrist shoulder) work=../target/weights
cargo build --release --locked
sam2rad=$(realpath "${CARGO_TARGET_DIR:-../target}/release/sam2rad")
mkdir -p "$work"

# One thread each: on so small a network two trainings on two cores are quicker than one.
train() { RAYON_NUM_THREADS=1 "$sam2rad" train --config "$1" --out "$work/$2"; }

# configure PRESET STEPS SEED RATE
configure() {
  sed "s/PRESET/$1/; s/STEPS/$2/; s/SEED/$3/g; s/RATE/$4/" demo.toml >"$work/$1.toml"
}

make() {
  train base.toml base
  train hip.toml hips
  configure hip 1400 3 5e-4
  configure shoulder 3600 2 8e-4
  cp wrist.toml "$work"
  # The paths in a configuration are those of the folder it is used in.
  printf '%s\n' wrist shoulder hip | xargs -P 2 -I {} env RAYON_NUM_THREADS=1 "$sam2rad" train --config "$work/{}.toml" --out "$work/{}"
  for preset in "${presets[@]}"; do
    "$sam2rad" convert "$work/$preset/model.safetensors" "$preset.safetensors" --dtype q8
    "$sam2rad" phantom --preset "$preset" --sweep --frames 90 --seed 7 --out "$work/$preset-sweep" --cine "$preset.cine"
  done
}

judge() {
  for preset in "${presets[@]}"; do
    if [ ! -e "$preset.safetensors" ]; then continue; fi
    for ranges in standard shifted; do
      data="$work/$preset-$ranges"
      "$sam2rad" phantom --preset "$preset" --ranges "$ranges" --count 200 --seed 5000000 --split Test --out "$data"
      "$sam2rad" eval --model "$preset.safetensors" --data "$data" --out "$work/judged/$preset-$ranges"
    done
  done
}

case "${1:-make}" in
  make) make ;;
  judge) judge ;;
  *) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
