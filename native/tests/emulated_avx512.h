/* SPDX-License-Identifier: Apache-2.0 */
/* The AVX-512 instructions of native/src/lanes_*.h, eight words in plain C (LANES_EMULATED).  For memcheck, which stops at the
 * real ones: a branch or an address of the lanes that depends on a secret shows here as well, for the source is the same.  So
 * nothing in this file branches on words either.  Also for other CPUs. */
#ifndef SECMOD_TESTS_EMULATED_AVX512_H
#define SECMOD_TESTS_EMULATED_AVX512_H

#include <stdint.h>
#include <string.h>

typedef struct {
    _Alignas(64) uint64_t word[8];
} vec;
typedef uint8_t __mmask8;

#define EMULATED static inline __attribute__((unused))
#define EACH(value)                                                \
    do {                                                           \
        vec z;                                                     \
        for (int i = 0; i < 8; i++) z.word[i] = (uint64_t)(value); \
        return z;                                                  \
    } while (0)
#define EACH_BIT(value)                                                            \
    do {                                                                           \
        unsigned int z = 0;                                                        \
        for (int i = 0; i < 8; i++) z |= (unsigned int)((uint64_t)(value)&1) << i; \
        return (__mmask8)z;                                                        \
    } while (0)
#define X x.word[i]
#define Y y.word[i]
#define PICKED (0 - emulated_barrier((uint64_t)(m >> i & 1)))
#define WHERE(yes, no) ((PICKED & (yes)) | (~PICKED & (no)))
#define LOW52(x) ((x) & ((UINT64_C(1) << 52) - 1))

/* The compiler may not see what a bit is for, or it makes a branch of it (native/src/ct.h). */
EMULATED uint64_t emulated_barrier(uint64_t x) {
    __asm__("" : "+r"(x));
    return x;
}
EMULATED uint64_t emulated_nonzero(uint64_t x) { return emulated_barrier((x | (0 - x)) >> 63); }
/* n is not 0 */
EMULATED uint64_t emulated_sra(uint64_t x, int n) { return x >> n | (0 - (x >> 63)) << (64 - n); }

EMULATED vec _mm512_setzero_si512(void) { EACH(0); }
EMULATED vec _mm512_set1_epi64(long long x) { EACH(x); }
EMULATED vec _mm512_load_si512(const void *from) {
    vec z;
    memcpy(&z, from, sizeof z);
    return z;
}
EMULATED void _mm512_store_si512(void *to, vec x) { memcpy(to, &x, sizeof x); }
EMULATED vec _mm512_add_epi64(vec x, vec y) { EACH(X + Y); }
EMULATED vec _mm512_sub_epi64(vec x, vec y) { EACH(X - Y); }
EMULATED vec _mm512_and_epi64(vec x, vec y) { EACH(X & Y); }
EMULATED vec _mm512_or_epi64(vec x, vec y) { EACH(X | Y); }
EMULATED vec _mm512_mullo_epi64(vec x, vec y) { EACH(X * Y); }
EMULATED vec _mm512_abs_epi64(vec x) { EACH((X ^ (0 - (X >> 63))) + (X >> 63)); }
EMULATED vec _mm512_srli_epi64(vec x, int n) { EACH(X >> n); }
EMULATED vec _mm512_slli_epi64(vec x, int n) { EACH(X << n); }
EMULATED vec _mm512_srai_epi64(vec x, int n) { EACH(emulated_sra(X, n)); }
EMULATED int _mm_cvtsi32_si128(int n) { return n; }
EMULATED vec _mm512_srl_epi64(vec x, int n) { EACH(X >> n); }
EMULATED vec _mm512_sll_epi64(vec x, int n) { EACH(X << n); }
EMULATED vec _mm512_madd52lo_epu64(vec z0, vec x, vec y) {
    EACH(z0.word[i] + LOW52((uint64_t)((unsigned __int128)LOW52(X) * LOW52(Y))));
}
EMULATED vec _mm512_madd52hi_epu64(vec z0, vec x, vec y) {
    EACH(z0.word[i] + (uint64_t)((unsigned __int128)LOW52(X) * LOW52(Y) >> 52));
}
/* only the table of x ? y : z */
EMULATED vec _mm512_ternarylogic_epi64(vec x, vec y, vec z0, int table) {
    (void)table;
    EACH((X & Y) | (~X & z0.word[i]));
}
EMULATED vec _mm512_mask_mov_epi64(vec z0, __mmask8 m, vec x) { EACH(WHERE(X, z0.word[i])); }
EMULATED vec _mm512_mask_add_epi64(vec z0, __mmask8 m, vec x, vec y) { EACH(WHERE(X + Y, z0.word[i])); }
EMULATED vec _mm512_mask_sub_epi64(vec z0, __mmask8 m, vec x, vec y) { EACH(WHERE(X - Y, z0.word[i])); }
EMULATED vec _mm512_mask_xor_epi64(vec z0, __mmask8 m, vec x, vec y) { EACH(WHERE(X ^ Y, z0.word[i])); }
EMULATED vec _mm512_permutex2var_epi64(vec x, vec index, vec y) {
    vec z;
    for (int i = 0; i < 8; i++) {
        z.word[i] = 0;
        for (uint64_t j = 0; j < 16; j++) {
            uint64_t other = emulated_nonzero((index.word[i] & 15) ^ j);
            z.word[i] |= (other - 1) & (j < 8 ? x.word[j] : y.word[j - 8]);
        }
    }
    return z;
}
EMULATED vec _mm512_alignr_epi64(vec x, vec y, int n) { EACH(i + n < 8 ? y.word[i + n] : x.word[i + n - 8]); }
EMULATED vec _mm512_permutex_epi64(vec x, int order) { EACH(x.word[(i & 4) + (order >> 2 * (i & 3) & 3)]); }
EMULATED __mmask8 _mm512_movepi64_mask(vec x) { EACH_BIT(X >> 63); }
EMULATED __mmask8 _mm512_test_epi64_mask(vec x, vec y) { EACH_BIT(emulated_nonzero(X & Y)); }
EMULATED __mmask8 _mm512_testn_epi64_mask(vec x, vec y) { EACH_BIT(emulated_nonzero(X & Y) ^ 1); }
EMULATED __mmask8 _mm512_cmpeq_epi64_mask(vec x, vec y) { EACH_BIT(emulated_nonzero(X ^ Y) ^ 1); }
/* x > y with sign: the borrow of y - x, both moved to 0 .. 2^64 - 1 */
EMULATED __mmask8 _mm512_cmpgt_epi64_mask(vec x, vec y) {
    EACH_BIT((((~(Y ^ UINT64_C(0x8000000000000000))) & (X ^ UINT64_C(0x8000000000000000))) | ((~((Y ^ X))) & (Y - X))) >> 63);
}

#undef EMULATED
#undef EACH
#undef EACH_BIT
#undef X
#undef Y
#undef PICKED
#undef WHERE
#undef LOW52

#endif
