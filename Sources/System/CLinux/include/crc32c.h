#pragma once
// CRC-32C (Castagnoli) by the processor's own instruction, where it has one; ask tocsin_has_crc32c first.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)

static inline int tocsin_has_crc32c(void) { return __builtin_cpu_supports("sse4.2") != 0; }

/// Goes on from `crc`, which is neither inverted before nor after.
__attribute__((target("sse4.2"))) static inline uint32_t tocsin_crc32c(
    uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *at = (const unsigned char *)bytes;
    uint64_t wide = crc;
    for (; count >= 8; count -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; count > 0; count--, at++) crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}

#elif defined(__aarch64__)

#include <sys/auxv.h>

static inline int tocsin_has_crc32c(void) { return (getauxval(AT_HWCAP) & (1UL << 7)) != 0; }

/// Goes on from `crc`, which is neither inverted before nor after.
__attribute__((target("crc"))) static inline uint32_t tocsin_crc32c(
    uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *at = (const unsigned char *)bytes;
    for (; count >= 8; count -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        crc = __builtin_arm_crc32cd(crc, word);
    }
    for (; count > 0; count--, at++) crc = __builtin_arm_crc32cb(crc, *at);
    return crc;
}

#else

static inline int tocsin_has_crc32c(void) { return 0; }

static inline uint32_t tocsin_crc32c(uint32_t crc, const void *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return crc;
}

#endif
