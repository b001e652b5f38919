#!/usr/bin/env bash
# Draw the mini set and train its networks: bash bench/mini/make.sh WORK, from the repository's root.
#
# WORK keeps the training images and the checkpoints. After an interruption the same command continues.
# It takes a quarter of an hour on two cores, and trains two networks at a time.
#
# Two parts of the recipes are left out. Colour distortion, because colour helps to tell the classes apart here.
# Auxiliary heads, because they need larger feature maps than such small inputs give.
set -euo pipefail
work=$1
export OMP_NUM_THREADS=1

python -m bench.mini.draw bench/mini/mini_val.tar --images 1000 --seed 2012
[ -f "$work/train/labels.txt" ] || python -m bench.mini.draw "$work/train/mini_train.tar" --images 4500 --seed 2011

train() {  # NETWORK FILE EPOCHS RECIPE PARTS-LEFT-OUT
    inception-bench train --model "$1" --recipe "$4" --without "$5" --data "$work/train/mini_train.tar" \
        --epochs "$3" --workers 0 --out "$work/$1"
    cp "$work/$1/$(printf 'epoch-%04d.safetensors' "$3")" "bench/mini/$2.safetensors"
}

train mini-v1 mini-bn-googlenet 30 googlenet auxiliary,distortion & other=$!
train mini-ir-v2 mini-inception-resnet-v2 22 inception-v4 distortion
wait "$other"
train mini-v3 mini-inception-v3 40 rethinking auxiliary,distortion & other=$!
train mini-v4 mini-inception-v4 50 inception-v4 distortion
wait "$other"
