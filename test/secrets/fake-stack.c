/*
 * A program that calls what TLS stacks call, with what the test says, one call a line:
 *
 *   PLACE RANDOM LABEL SECRET
 *
 * RANDOM and SECRET are in hex. PLACE says where the random is and which function is called:
 *   direct N     f(connection, label, secret, length): the random lies at N in the connection
 *   pointer N M  the random lies at M behind the pointer at N in the connection
 *   edge         direct, in a connection that ends with its page, with nothing behind it
 *   log          rustls' log(self, label, random, secret)
 *   frame        rustls' will_log(self, label), the secret in the caller's frame
 *   register     the same, the secret behind a register that outlasts calls
 *   create init  freebl's HMAC_Create and HMAC_Init
 *   cold         direct 64, and the label is a constant that no page table has yet
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SITE __attribute__((noinline, noipa, used, aligned(16)))

SITE void site_keylog(void *connection, const char *label, const uint8_t *secret, uint64_t length) {
  __asm__ volatile("" : : "r"(connection), "r"(label), "r"(secret), "r"(length) : "memory");
}
SITE void site_log(void *self, const char *label, uint64_t label_length, const uint8_t *random, uint64_t random_length,
                   const uint8_t *secret, uint64_t length) {
  __asm__ volatile("" : : "r"(self), "r"(label), "r"(label_length), "r"(random), "r"(random_length), "r"(secret), "r"(length) : "memory");
}
SITE int site_will_log(void *self, const char *label, uint64_t length) {
  __asm__ volatile("" : : "r"(self), "r"(label), "r"(length) : "memory");
  return 0;
}
SITE void site_create(void *hash, const uint8_t *secret, unsigned length) {
  __asm__ volatile("" : : "r"(hash), "r"(secret), "r"(length) : "memory");
}
SITE void site_init(void *context, void *hash, const uint8_t *secret, unsigned length) {
  __asm__ volatile("" : : "r"(context), "r"(hash), "r"(secret), "r"(length) : "memory");
}

struct block {
  uint8_t bytes[64];
  uint64_t used;
};

/* On a page of its own, which only these calls would bring into memory; and they do not look at it. */
__attribute__((aligned(4096))) static const char cold_label[4096] = "SERVER_TRAFFIC_SECRET_0";

static size_t unhex(const char *hex, uint8_t *to) {
  size_t n = 0;
  for (; hex[2 * n] && hex[2 * n + 1]; n++) sscanf(hex + 2 * n, "%2hhx", &to[n]);
  return n;
}

SITE static void call_from_frame(const char *label, const struct block *from) {
  struct block here = *from;
  __asm__ volatile("" : : "r"(&here) : "memory");
  site_will_log(0, label, strlen(label));
  __asm__ volatile("" : : "r"(&here) : "memory");
}

/* r14 keeps the address over the call. */
SITE static void call_with_register(const char *label, const struct block *at) {
#if defined(__x86_64__)
  register const struct block *kept __asm__("r14") = at;
#else
  register const struct block *kept __asm__("x20") = at;
#endif
  __asm__ volatile("" : "+r"(kept));
  site_will_log(0, label, strlen(label));
  __asm__ volatile("" : "+r"(kept));
}

int main(void) {
  static char line[1024];
  madvise((void *)cold_label, sizeof cold_label, MADV_RANDOM);
  madvise((void *)cold_label, sizeof cold_label, MADV_DONTNEED);
  puts("ready");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    char place[16], random_hex[80], label[64], secret_hex[140];
    int first = 0, second = 0, read = 0;
    sscanf(line, "%15s%n", place, &read);
    const char *rest = line + read;
    if (!strcmp(place, "direct") || !strcmp(place, "pointer")) {
      sscanf(rest, "%d%n", &first, &read);
      rest += read;
    }
    if (!strcmp(place, "pointer")) {
      sscanf(rest, "%d%n", &second, &read);
      rest += read;
    }
    if (sscanf(rest, "%79s %63s %139s", random_hex, label, secret_hex) != 3) return 2;
    uint8_t random[32], secret[64];
    unhex(random_hex, random);
    const size_t length = unhex(secret_hex, secret);
    uint8_t *connection = calloc(1, 8192), *other = calloc(1, 4096);

    if (!strcmp(place, "direct")) {
      memcpy(connection + first, random, 32);
      site_keylog(connection, label, secret, length);
    } else if (!strcmp(place, "pointer")) {
      memcpy(connection + first, &other, sizeof other);
      memcpy(other + second, random, 32);
      site_keylog(connection, label, secret, length);
    } else if (!strcmp(place, "edge")) {
      uint8_t *pages = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      munmap(pages + 4096, 4096);
      memcpy(pages + 4096 - 256 + 64, random, 32);
      site_keylog(pages + 4096 - 256, label, secret, length);
      munmap(pages, 4096);
    } else if (!strcmp(place, "cold")) {
      memcpy(connection + 64, random, 32);
      site_keylog(connection, cold_label, secret, length);
    } else if (!strcmp(place, "log")) {
      site_log(0, label, strlen(label), random, 32, secret, length);
    } else if (!strcmp(place, "create")) {
      site_create(0, secret, (unsigned)length);
    } else if (!strcmp(place, "init")) {
      site_init(0, 0, secret, (unsigned)length);
    } else {
      static struct block block;
      memset(&block, 0, sizeof block);
      memcpy(block.bytes, secret, length);
      block.used = length;
      if (!strcmp(place, "frame")) call_from_frame(label, &block);
      if (!strcmp(place, "register")) call_with_register(label, &block);
      memset(&block, 0, sizeof block);
    }
    free(connection);
    free(other);
    memset(secret, 0, sizeof secret);
    puts("called");
    fflush(stdout);
  }
  return 0;
}
