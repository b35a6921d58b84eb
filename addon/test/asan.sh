#!/bin/sh
# Runs this package's tests on the addon that `npm run test:asan` built with AddressSanitizer and UBSan.
# Node itself is not instrumented, so the runtime is preloaded; what node keeps until its end is no leak of ours,
# hence detect_leaks=0.
set -eu
cd "$(dirname "$0")/.."
LD_PRELOAD="$(${CXX:-g++} -print-file-name=libasan.so)"
LIBBPF_TS_NATIVE="$PWD/build/asan/Release/libbpf_ts.node"
ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:${ASAN_OPTIONS:-}"
UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
export LD_PRELOAD LIBBPF_TS_NATIVE ASAN_OPTIONS UBSAN_OPTIONS
exec node ../node_modules/ava/entrypoints/cli.mjs "$@"
