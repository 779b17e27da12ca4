#!/usr/bin/env bash
# What only a GPU can show, on one GPU in at most 9 minutes, the most important parts first. Nothing is downloaded.
#   bench/gpu.sh               on a machine with a GPU; results in $OUT, or in bench/results
#   bench/gpu.sh --rehearse    every part at toy size, without a GPU
# Wheels in .whl/ are installed for this run, where the machine lacks small dependencies (msgspec, pydantic, ...).
set -uo pipefail
cd "$(dirname "$0")/.."
here=$PWD out=${OUT:-$PWD/bench/results} python=${PYTHON:-python3} limit=540 failed=0
mkdir -p "$out"
if compgen -G ".whl/*.whl" >/dev/null; then
  site=$(mktemp -d)
  $python -m pip install -q --no-index --no-deps --no-compile --target "$site" .whl/*.whl || exit 1
  PYTHONPATH=$site${PYTHONPATH:+:$PYTHONPATH}
fi
for folder in libs/* plugins/* .; do PYTHONPATH=$here/$folder${PYTHONPATH:+:$PYTHONPATH}; done
export PYTHONPATH HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
if [ "${1:-}" = --rehearse ]; then
  export CUDA_VISIBLE_DEVICES='' ASTRO_GPU_TESTS_ON=cpu
elif ! $python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
  echo "there is no GPU here; bench/gpu.sh --rehearse runs every part at toy size" >&2
  exit 2
fi

part() { # NAME SECONDS COMMAND...: within its own time and what is left of all time
  local name=$1 seconds=$2 left=$((limit - SECONDS)) began=$SECONDS
  shift 2
  [ "$left" -lt 10 ] && { echo "$name: no time left"; failed=1; return; }
  timeout $((seconds < left ? seconds : left)) "$@" 2>&1 | tee "$out/gpu-$name.log"
  local code=$?
  [ $code = 0 ] || { echo "$name: ended with exit code $code"; failed=1; }
  echo "$name: $((SECONDS - began)) s"
}

part tests 90 $python -m pytest -q -m gpu -p no:cacheprovider plugins/transformers plugins/torch_rl
part speed 90 $python bench/gpu.py speed
part memory 200 $python bench/gpu.py memory
part grpo 90 $python bench/gpu.py grpo
runs=$(mktemp -d)
if [ "${1:-}" = --rehearse ]; then
  part countdown 180 $python -m astro run configs/quickstart.yaml --rehearse --runs "$runs"
else # as far as the time goes
  part countdown 540 $python -m astro run configs/quickstart.yaml --runs "$runs" --set policy.params.processes=1
fi
cp "$runs"/quickstart/{report.html,report.md,usage.json} "$out" 2>/dev/null
[ "$out" = "$here/bench/results" ] || cp bench/results/bench-gpu-*.json "$out"
exit $failed
