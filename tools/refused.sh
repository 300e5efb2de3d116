#!/usr/bin/env bash
# Expect set-up to refuse: within a second, in one line with the given words, and creating nothing.
# Usage: tools/refused.sh WORDS [PYTHON]
set -euo pipefail
cd "$(dirname "$0")/.."
begun=${EPOCHREALTIME/[.,]/}
if said=$("${2:-python3}" -B tools/set_up.py 2>&1); then
  echo "set-up does not refuse: $said"
  exit 1
fi
milliseconds=$(((${EPOCHREALTIME/[.,]/} - begun) / 1000))
echo "after $milliseconds ms: $said"
((milliseconds < 1000))
(($(wc -l <<<"$said") == 1))
[[ $said == "set-up cannot go on: "*"$1"* ]]
[[ ! -e .venv && ! -e .local ]]
