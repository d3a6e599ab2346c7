#!/usr/bin/env bash
# Builds everything from a fresh clone on a fresh machine, and runs it:
#   ./build.sh         the WASM bundles (pkg/cpu, pkg/webgpu, pkg/dicom, pkg/learn) and the page (pkg/site)
#   ./build.sh serve   builds what is stale and serves the page on localhost
#   ./build.sh test    runs every test
# What is missing (the wasm32 standard library, wasm-bindgen, node packages, chromium, a software Vulkan) goes to .tools/ and
# www/node_modules, or is installed by apt where only that can. Running it again does no work twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly tools="$PWD/.tools"
readonly target=wasm32-unknown-unknown
# SIMD, and threads that share up to 4 GiB of memory, each with a stack and thread-locals of its own.
readonly threads="-C target-feature=+simd128,+atomics,+bulk-memory,+mutable-globals \
  -C link-arg=--shared-memory -C link-arg=--import-memory -C link-arg=--max-memory=4294967296 \
  -C link-arg=--export=__wasm_init_tls -C link-arg=--export=__tls_size -C link-arg=--export=__tls_align -C link-arg=--export=__tls_base"

say() { printf '\n== %s\n' "$*"; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# The version of a package in Cargo.lock.
locked() { awk -v name="$1" '$0 == "name = \"" name "\"" { getline; gsub(/[^0-9.]/, ""); print }' Cargo.lock; }

# A standard library for wasm32 and its sources, of which the CPU bundle builds one with threads: rustup's, or Debian's compiler with
# its own library sources, unpacked to a folder.
get_wasm_target() {
  if [ -x "$tools/rust-web/usr/bin/rustc" ]; then return; fi
  if timeout 120 rustup target add "$target" >/dev/null 2>&1 && timeout 120 rustup component add rust-src >/dev/null 2>&1; then return; fi
  say "getting a wasm32 standard library from Debian's packages"
  command -v apt-get >/dev/null || { echo "error: run 'rustup target add $target' and 'rustup component add rust-src' and try again" >&2; exit 1; }
  mkdir -p "$tools/debs"
  as_root apt-get update -qq
  local std lld
  std=$(apt-cache depends libstd-rust-web-dev | awk '/Depends: libstd-rust-web-[0-9]/ { print $2; exit }')
  lld=$(apt-cache search --names-only '^lld-[0-9]+$' | awk '{ print $1 }' | sort -V | tail -n 1)
  (cd "$tools/debs" && apt-get download -qq rustc-web libstd-rust-web-dev "$std" rust-web-src "$lld" "libllvm${lld#lld-}")
  for deb in "$tools"/debs/*.deb; do dpkg -x "$deb" "$tools/rust-web.part"; done
  mv "$tools/rust-web.part" "$tools/rust-web"
  rm -r "$tools/debs"
}

get_wasm_bindgen() {
  local version
  version=$(locked wasm-bindgen)
  if "$tools/bin/wasm-bindgen" --version 2>/dev/null | grep -qx "wasm-bindgen $version"; then return; fi
  say "building wasm-bindgen $version (3 minutes)"
  # Its other programs, and TLS for them, are not needed.
  cargo install wasm-bindgen-cli --version "$version" --no-default-features --bin wasm-bindgen --root "$tools" --quiet
}

get_node_packages() {
  if [ www/node_modules/.package-lock.json -nt www/package-lock.json ]; then return; fi
  say "installing node packages"
  npm --prefix www ci --no-audit --no-fund
}

get_chromium() {
  if [ -x /usr/bin/chromium ]; then return; fi
  say "installing chromium for the browser tests"
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends chromium
}

# For the tests of the GPU's kernels, where there is no GPU.
get_vulkan() {
  if compgen -G '/usr/share/vulkan/icd.d/*.json' >/dev/null; then return; fi
  say "installing a software Vulkan for the tests of the GPU's kernels"
  as_root apt-get update -qq
  as_root apt-get install -y -qq --no-install-recommends mesa-vulkan-drivers
}

# cargo for wasm32, with the compiler that get_wasm_target found. The variables are for this one command: they would break others.
# Building a standard library is not stable Rust yet, hence RUSTC_BOOTSTRAP; rustup's own has no threads.
wasm_cargo() {
  if [ -x "$tools/rust-web/usr/bin/rustc" ]; then
    local root="$tools/rust-web/usr" linker
    linker=$(find "$root/bin" -name 'wasm-ld-*' | sort -V | tail -n 1)
    LD_LIBRARY_PATH="$root/lib/x86_64-linux-gnu" RUSTC="$root/bin/rustc" RUSTC_BOOTSTRAP=1 \
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$linker" cargo "$@" -Z build-std=std,panic_abort
  elif [[ $RUSTFLAGS == *+atomics* ]]; then
    RUSTC_BOOTSTRAP=1 cargo "$@" -Z build-std=std,panic_abort
  else
    cargo "$@"
  fi
}

# One bundle of the crate: bundle NAME FEATURES OPT_LEVEL RUSTFLAGS. Those that compute on the CPU are built for speed, the others for
# size: the GPU does the WebGPU bundle's work, and the DICOM bundle only reads and writes files.
bundle() {
  local name=$1 features=$2 opt_level=$3 flags=$4 dir="pkg/$1" built="target/wasm-$1/$target/wasm/sam2rad.wasm"
  say "building $dir"
  CARGO_TARGET_DIR="target/wasm-$name" CARGO_PROFILE_WASM_OPT_LEVEL=$opt_level RUSTFLAGS="$flags" \
    wasm_cargo build --target "$target" --profile wasm -p sam2rad --lib --locked --no-default-features --features "$features"
  if [ "$dir/sam2rad_bg.wasm" -nt "$built" ]; then return; fi
  rm -rf "$dir.part"
  "$tools/bin/wasm-bindgen" --target web --remove-name-section --remove-producers-section \
    --out-dir "$dir.part" --out-name sam2rad "$built"
  # Further passes make the WebGPU bundle smaller, but larger once it is compressed. With ssa-nomerge threads hang at their start.
  local optimise=(-O3 --skip-pass=ssa-nomerge)
  [ "$opt_level" = 3 ] || optimise=(-O1)
  # The learning bundle gains nothing: its steps take as long, and it is 6 % larger once it is compressed.
  [ "$name" = learn ] || www/node_modules/.bin/wasm-opt "${optimise[@]}" --enable-threads --enable-bulk-memory --enable-simd \
    --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals --enable-reference-types --enable-multivalue \
    "$dir.part/sam2rad_bg.wasm" -o "$dir.part/sam2rad_bg.wasm"
  rm -rf "$dir"
  mv "$dir.part" "$dir"
}

page() {
  say "building pkg/site"
  rm -rf www/public/wasm
  mkdir -p www/public/wasm
  cp -r pkg/cpu pkg/webgpu pkg/dicom pkg/learn www/public/wasm/
  node www/scripts/ship.mjs
  npm --prefix www run --silent build
}

build() {
  get_wasm_target
  get_wasm_bindgen
  get_node_packages
  mkdir -p pkg
  # All at once, for much of a bundle is built by one core. What runs in the background knows of an interrupt by this alone.
  trap 'kill 0' INT
  bundle cpu cpu,rayon 3 "$threads" &
  bundle webgpu webgpu s '' &
  bundle dicom dicom s '' &
  bundle learn learn,rayon 3 "$threads" &
  for job in $(jobs -p); do wait "$job"; done
  page
  say "sizes"
  node www/scripts/sizes.mjs
}

# One list of features for all native steps: another one builds burn again.
readonly native_features=dicom,gpu

run_tests() {
  get_vulkan
  say "native: format, lints, tests"
  cargo fmt --all --check
  cargo clippy --release --locked --all-targets --features "$native_features" -- -D warnings
  cargo test --release --locked --features "$native_features"
  cargo run --release --locked --features "$native_features" --example segment -- weights/hip.safetensors tests/fixtures/frame.png
  RUSTDOCFLAGS='-D warnings' cargo doc --release --locked --no-deps --features "$native_features"
  build
  get_chromium
  say "what a frame asks of a GPU"
  XDG_RUNTIME_DIR=/tmp VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json node www/scripts/webgpu-counts.mjs
  say "browser tests"
  mkdir -p target/browser
  cargo run --release --locked --features "$native_features" --example formula_model -- target/browser
  npm --prefix www run --silent test
}

case "${1:-build}" in
  build) build ;;
  serve) build && npm --prefix www run --silent preview ;;
  test) run_tests ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
