#!/usr/bin/env bash
# Draw the pictures of the pages, from the repository's root: bash docs/images/make.sh
set -euo pipefail
cd docs/images

python scene.py scene.png
for crops in native 1 10 12 144 dense; do
    inception-bench crops scene.png --crops "$crops" -o "crops-$crops.webp"
done
python - crops-144.webp crops-dense.webp <<'END'
import sys

from PIL import Image

for path in sys.argv[1:]:  # the large ones, so that a page loads quickly
    sheet = Image.open(path)
    sheet.thumbnail((1100, 1100))
    sheet.save(path, quality=50, method=6)
END
python first_picture.py first-picture.png
