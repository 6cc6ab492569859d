/*
 * Makes the LED of an ESP8266 board (GPIO2, lit when low) grow brighter, over and over; a later VERSION does it slower.
 * It needs no SDK: the registers are those of the chip, and the table makes the image as large as firmware is.
 *
 * blink.image, for machines without the compiler, is this file with a short table:
 *   xtensa-lx106-elf-gcc -Os -mtext-section-literals -nostdlib -s -Wl,-e,start -Wl,-Ttext=0x40210010 \
 *     -DVERSION=1 -DSHORT -o blink.image blink.c
 */
#define REGISTER(address) (*(volatile unsigned *)(address))
#define GPIO_SET REGISTER(0x60000304)
#define GPIO_CLEAR REGISTER(0x60000308)
#define GPIO_ENABLE REGISTER(0x60000310)
#define LED (1u << 2)

#define LIT(n) ((n) * (n) / 4096u * VERSION)
#define X8(n) LIT(n), LIT(n + 1), LIT(n + 2), LIT(n + 3), LIT(n + 4), LIT(n + 5), LIT(n + 6), LIT(n + 7)
#define X64(n) X8(n), X8(n + 8), X8(n + 16), X8(n + 24), X8(n + 32), X8(n + 40), X8(n + 48), X8(n + 56)
#define X512(n) X64(n), X64(n + 64), X64(n + 128), X64(n + 192), X64(n + 256), X64(n + 320), X64(n + 384), X64(n + 448)
#define X4K(n) X512(n), X512(n + 512), X512(n + 1024), X512(n + 1536), X512(n + 2048), X512(n + 2560), X512(n + 3072), X512(n + 3584)

/* How long the LED is lit at each step. Flash is read 32 bits at a time, so these are words. */
static const unsigned lit[] = {
  X4K(0u), X4K(4096u),
#ifndef SHORT
  X4K(8192u), X4K(12288u), X4K(16384u), X4K(20480u), X4K(24576u), X4K(28672u),
#endif
};

enum { STEPS = sizeof lit / sizeof *lit };

static void hold(unsigned ticks) {
  while (ticks--) __asm__ volatile("nop");
}

void start(void) {
  GPIO_ENABLE = LED;
  for (;;) {
    for (unsigned step = 0; step < STEPS; step++) {
      GPIO_CLEAR = LED;
      hold(lit[step]);
      GPIO_SET = LED;
      hold(lit[STEPS - 1] - lit[step]);
    }
  }
}
