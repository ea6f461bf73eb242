#!/bin/sh
# Benchmarks of Nudge on this machine's GPU, without network, Node or browser.
#
#   ./run.sh                       everything; reports go to results/
#   ./run.sh kernels [options]     kernels; --help lists the options
#   ./run.sh deepfool [options]    DeepFool in images a second
#
# Uses nothing but the shell's own words, the C library and the GPU's driver.

case "$0" in
  */*) here=${0%/*} ;;
  *) here=. ;;
esac
here=$(cd "$here" && pwd) || exit 1

LD_LIBRARY_PATH="$here/lib/native${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
# Containers with NVIDIA's driver mount its libraries where the linker does not look.
for folder in /usr/local/nvidia/lib64 /usr/local/nvidia/lib; do
  if [ -d "$folder" ]; then LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$folder"; fi
done
export LD_LIBRARY_PATH

# A user without a name or home folder is no reason to stop.
HOME=${HOME:-$here}
export HOME

# Where the C++ library is missing or too old, the pack's serves.
if ! "$here/bin/node" --version >/dev/null 2>&1; then
  LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$here/lib/fallback"
fi
if ! "$here/bin/node" -e "require(process.argv[1])" "$here/lib/dist/linux-x64/dawn.node" >/dev/null 2>&1; then
  LD_LIBRARY_PATH="$here/lib/fallback:$LD_LIBRARY_PATH"
fi

exec "$here/bin/node" "$here/lib/bench.mjs" "$@"
