#!/usr/bin/env bash
# Makes the weights and cines that ship, seeds fixed. Stopped, it goes on where it was.
#   weights/make.sh              wrist and shoulder, from simulated ultrasound alone
#   weights/make.sh real FOLDER  hip, nerve_vessel, muscle and heart, with the real sets in FOLDER (weights/README.md says where from)
#   weights/make.sh judge        measures the models on simulated pictures of unseen seeds; reports go to target/weights
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly presets=(hip wrist shoulder) work=../target/weights
declare -rA sweep_seeds=([hip]=6 [wrist]=6 [shoulder]=1)
cargo build --release --locked
sam2rad=$(realpath "${CARGO_TARGET_DIR:-../target}/release/sam2rad")
mkdir -p "$work"

# train NAME...: one after the other by $work/NAME.toml, each from its checkpoint where it has one.
# One thread each: on so small a network two trainings on two cores are quicker than one.
train() {
  for name in "$@"; do
    local resume=()
    if [ -e "$work/$name/checkpoint" ]; then resume=(--resume); else rm -rf "${work:?}/$name"; fi
    RAYON_NUM_THREADS=1 "$sam2rad" train --config "$work/$name.toml" --out "$work/$name" "${resume[@]}"
  done
}
export -f train
export sam2rad work

# others [KEY VALUE]...: what sed makes of a configuration, so that its keys have these values
others() {
  while [ $# -gt 0 ]; do
    printf 's/^%s = .*/%s = %s/; ' "$1" "$1" "$2"
    shift 2
  done
}

# configure NAME PRESET INIT STEPS SEED FIRST RATE [KEY VALUE]...: a configuration from demo.toml with other values
configure() {
  local name=$1 values="s/PRESET/$2/; s/INIT/$3/; s/STEPS/$4/; s/SEED/$5/; s/FIRST/$6/; s/RATE/$7/"
  shift 7
  sed "$values; $(others "$@")" demo.toml >"$work/$name.toml"
}

make() {
  cp base.toml hips.toml "$work"
  train base hips
  local noisier=(gain_p 0.6 gain_levels 60 speckle_p 0.6 speckle_std 0.5)
  local stronger=("${noisier[@]}" affine_degrees 25 affine_shift 0.1 depth_p 0.4)
  # The wrist's two structures look alike, and place tells them apart: its pictures stay where they are. Those of the others' last steps
  # do too; two in five are made smaller in the end, for on a wide probe everything is small.
  local still=(flip_p 0 affine_p 0 crop_p 0 centred_crop_p 0 depth_p 0)
  local smaller=(crop_p 0.7 crop_min 0.8 crop_max 2.2 depth_p 0.3)
  configure wrist-1 wrist hips 3000 2 2000000 1e-3 count 1600 "${still[@]}"
  configure wrist-2 wrist wrist-1 1800 8 11000000 8e-4 count 3600 learned 0.7 box 0.6 points 0.4 "${still[@]}" "${noisier[@]}"
  configure wrist-3 wrist wrist-2 1200 9 12000000 6e-4 learned 0.8 box 0.6 points 0.4 "${still[@]}" "${noisier[@]}"
  configure wrist wrist wrist-3 1800 11 14000000 4e-4 count 3600 learned 0.9 box 0.4 points 0.2 "${still[@]}" "${noisier[@]}"
  configure shoulder-1 shoulder hips 3600 2 2000000 8e-4
  configure shoulder-2 shoulder shoulder-1 3600 4 4000000 6e-4 \
    depth_p 0.4 gain_p 0.6 gain_levels 50 speckle_p 0.5 speckle_std 0.4
  configure shoulder-3 shoulder shoulder-2 4800 5 6000000 7e-4 count 3000 box 0.6 "${stronger[@]}"
  configure shoulder-4 shoulder shoulder-3 1600 10 13000000 3e-4 count 3200 learned 0.85 points 0.3 "${still[@]}" "${noisier[@]}"
  configure shoulder shoulder shoulder-4 1600 12 15000000 3e-4 count 3200 learned 0.85 points 0.3 "${still[@]}" "${noisier[@]}" "${smaller[@]}"
  printf '%s\n' "shoulder-1 shoulder-2 shoulder-3 shoulder-4 shoulder" "wrist-1 wrist-2 wrist-3 wrist" |
    xargs -P 2 -I {} bash -euc "train {}"
  for preset in "${presets[@]}"; do
    # The hip that ships has seen real ones: `real` makes it.
    if [ "$preset" != hip ]; then "$sam2rad" convert "$work/$preset/model.safetensors" "$preset.safetensors" --dtype q8; fi
    if [ ! -e "$work/$preset-sweep/dataset.json" ]; then
      rm -rf "$work/$preset-sweep" "$preset.cine"
      "$sam2rad" phantom --preset "$preset" --sweep --frames 90 --seed "${sweep_seeds[$preset]}" --out "$work/$preset-sweep" --cine "$preset.cine"
    fi
  done
}

# tune NAME FROM STEPS SEED RATE FLIP SET NAMES ORIGIN HELD [KEY VALUE]...: a configuration from tune.toml with other values. HELD
# are the pictures to validate on.
tune() {
  local name=$1 values="s|INIT|$2|; s|STEPS|$3|; s|SEED|$4|; s|RATE|$5|; s|FLIP|$6|; s|FOLDER|$7|; s|NAMES|$8|; s|ORIGIN|$9|; s|HELD|${10}|"
  shift 10
  sed "$values; s|REAL|$real|; $(others "$@")" tune.toml >"$work/$name.toml"
}

# with_phantoms NAME SHARE COUNT: simulated hips beside the real ones. What was learnt of them is not to be forgotten.
with_phantoms() {
  cat >>"$work/$1.toml" <<EOF

[[data.sources]]
share = $2
source = "phantom"
preset = "hip"
ranges = "standard"
count = $3
first_seed = 23000000
validation_count = 0
validation_first_seed = 900000000
EOF
}

real() {
  real=$(realpath "$1")
  readonly real
  local hips="hips of infants (repository hidden-ops/NHBS-Net_SPJ_dataset, Apache-2.0; outlined for this project, not by clinicians)"
  local nerves="nerves and vessels of volunteers, one Mindray TE7 (repository tmkand/usgra-seg, CC-BY 4.0)"
  local muscles="leg muscles, several machines (repository njcronin/DL_Track, Apache-2.0)"
  local hearts="an apical four-chamber cine (pydicom's test data, MIT; outlined for this project, not by an expert)"
  local five='validation_names = ["hip_06.png", "hip_12.png", "hip_20.png", "hip_31.png", "hip_40.png"]'
  local eighth="validation_share = 0.12" kept_ids kept
  # The eighth that the common network's seed kept apart: the same for every step.
  kept_ids=(0003 0016 0022 0032 0033 0035 0064 0071 0074 0078 0079 0083 0093 0096 0115 0119 0129 0134 0149 0160 0179 0188 0195 0231)
  kept="validation_names = [$(printf '"%s.jpg", ' "${kept_ids[@]}")]"
  sed "s|REAL|$real|" real.toml >"$work/real.toml"
  # The first step of the hip learns the predictor's prompts; the others answer each picture to a person's alone as well.
  tune hip-1 real 900 21 8e-4 0 hip_real '"ilium", "femoral head"' "$hips" "$five" learned 0.7 points 0.3 manual 0
  with_phantoms hip-1 1 400
  tune hip-2 hip-1 450 41 6e-4 0 hip_real '"ilium", "femoral head"' "$hips" "$five"
  with_phantoms hip-2 1 400
  tune hip-3 hip-2 280 61 2.5e-4 0 hip_real '"ilium", "femoral head"' "$hips" "$five"
  with_phantoms hip-3 2 300
  # What came last: the image features themselves are taught to show the structures.
  local deep=(deep_supervision 1 mask_size 128)
  local alone=("${deep[@]}" learned 1.0 manual 0 corrections 0)
  tune hip hip-3 380 71 3e-4 0 hip_real '"ilium", "femoral head"' "$hips" "$five" "${deep[@]}"
  with_phantoms hip 2 300
  tune nerve_vessel-1 real 700 21 8e-4 0.4 nerve_vessel '"nerve", "vessel"' "$nerves" "$kept"
  tune nerve_vessel-2 nerve_vessel-1 300 21 6e-4 0.4 nerve_vessel '"nerve", "vessel"' "$nerves" "$kept" "${alone[@]}"
  tune nerve_vessel-3 nerve_vessel-2 1200 21 1e-3 0.4 nerve_vessel '"nerve", "vessel"' "$nerves" "$kept" "${alone[@]}" \
    final_learning_rate 5e-5
  tune nerve_vessel-4 nerve_vessel-3 2400 22 1e-3 0.4 nerve_vessel '"nerve", "vessel"' "$nerves" "$kept" "${alone[@]}" \
    final_learning_rate 5e-5 validate_every 200
  tune nerve_vessel nerve_vessel-4 360 23 3e-4 0.4 nerve_vessel '"nerve", "vessel"' "$nerves" "$kept" "${deep[@]}" validate_every 90
  tune muscle-1 real 220 21 6e-4 0.4 aponeurosis '"aponeurosis"' "$muscles" "$eighth"
  tune muscle muscle-1 250 21 4e-4 0.4 aponeurosis '"aponeurosis"' "$muscles" "$eighth" "${deep[@]}"
  tune heart real 160 21 3e-4 0 echo_lv '"left ventricle"' "$hearts" "validation_share = 0"
  train real
  printf '%s\n' "hip-1 hip-2 hip-3 hip" "nerve_vessel-1 nerve_vessel-2 nerve_vessel-3 nerve_vessel-4 nerve_vessel muscle-1 muscle heart" | xargs -P 2 -I {} bash -euc "train {}"
  # What the common network saw is in each of them.
  local -A seen=([hip]="15 $hips, beside simulated hips" [nerve_vessel]="179 pictures of $nerves" [muscle]="158 pictures of $muscles"
    [heart]="8 frames of $hearts")
  local before="before that nerves and vessels (tmkand/usgra-seg, CC-BY 4.0), leg muscles (njcronin/DL_Track, Apache-2.0), a heart (pydicom, MIT)"
  for name in "${!seen[@]}"; do
    "$sam2rad" convert "$work/$name/model.safetensors" "$name.safetensors" --dtype q8 \
      --training-data "${seen[$name]}; $before and simulated ultrasound; not for clinical use"
  done
}

judge() {
  for preset in "${presets[@]}"; do
    if [ ! -e "$preset.safetensors" ]; then continue; fi
    for ranges in standard shifted; do
      data="$work/$preset-$ranges"
      if [ ! -e "$data/dataset.json" ]; then
        rm -rf "$data"
        "$sam2rad" phantom --preset "$preset" --ranges "$ranges" --count 200 --seed 5000000 --split Test --out "$data"
      fi
      "$sam2rad" eval --model "$preset.safetensors" --data "$data" --out "$work/judged/$preset-$ranges"
    done
  done
}

case "${1:-make}" in
  make) make ;;
  real) real "${2:?name the folder of the real sets}" ;;
  judge) judge ;;
  *) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
