#!/bin/sh
# Resolve every dependency again and write the pinned lists beside this file. `make lock` calls it, with the Python that has uv.
# One list serves Linux on x86_64 and arm64 and macOS on Apple silicon: differences are markers on its lines.
set -eu
cd "$(dirname "$0")/.."
lock() {
    output=$1
    shift
    "$PYTHON" -m uv pip compile pyproject.toml --group setup --universal --python-version 3.11 --upgrade --quiet \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --output-file "locks/$output" "$@"
    echo "locks/$output: $(grep -c == "locks/$output") packages"
}
lock cpu.lock --extra cpu --extra train --extra deepspeed --extra dev --excludes locks/cpu-excludes.txt --override locks/cpu-overrides.txt
# The same versions wherever they can be the same: what is tested is what runs.
lock bot.lock --constraint locks/cpu.lock
lock gpu.lock --extra gpu --extra train --extra deepspeed
