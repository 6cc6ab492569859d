#!/bin/sh
# What the builder image does with the source in the folder that it starts in: what the source's own build.sh or Makefile
# says, or else every C file into one image. Images are to be left in $OUT as <name>.<board>.image.
set -e
if [ -f build.sh ]; then
  exec sh ./build.sh
fi
if [ -f Makefile ] && command -v make >/dev/null; then
  exec make
fi
find . -name '*.c' -print0 | xargs -0 -r -t xtensa-lx106-elf-gcc -Os -mtext-section-literals -nostdlib -s \
  -Wl,-e,start -Wl,-Ttext=0x40210010 -o "$OUT/firmware.$BOARD.image" -lgcc
