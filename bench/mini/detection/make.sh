#!/usr/bin/env bash
# Draw the mini set of detection and train its networks, from the repository's root:
# bash bench/mini/detection/make.sh WORK
#
# WORK keeps the training regions and the checkpoints. After an interruption the same command continues.
# It takes about eight minutes on two cores, and trains two networks at a time.
#
# The networks differ in their seed alone. Beside the parts that bench/mini/make.sh leaves out, patches are: a
# patch of a region would be another region. Weights are stored in half precision, which halves the files.
set -euo pipefail
work=$1
folder=bench/mini/detection
export OMP_NUM_THREADS=1

python -m bench.mini.detection.draw "$folder/mini_detection.tar" --scenes 200 --seed 2014
[ -f "$work/regions/labels.txt" ] ||
    python -m bench.mini.detection.training_regions "$work/regions/regions.tar" --scenes 400 --seed 2013

half='
import sys
from safetensors.torch import load_file, save_file
state = load_file(sys.argv[1])
save_file({name: value.half() if value.is_floating_point() else value for name, value in state.items()}, sys.argv[2])
'

train() {  # SEED
    inception-bench train --model mini-v1 --recipe googlenet --without auxiliary,distortion,patches --epochs 12 \
        --data "$work/regions/regions.tar" --seed "$1" --workers 0 --out "$work/mini-v1-$1"
    python -c "$half" "$work/mini-v1-$1/epoch-0012.safetensors" "$folder/mini-v1-$1.safetensors"
}

train 1 & other=$!
train 2
wait "$other"
train 3 & other=$!
train 4
wait "$other"
