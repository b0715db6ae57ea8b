/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic modulo p or n in eight lanes at once: one number a lane, LIMBS limbs of 52 bits, limb i of all lanes in one vector.
 *
 * A number is kept below 2^(52 * LIMBS), not below the modulus m; bounds are written as multiples of m and checked for every
 * curve and formula by native/tests/lanes_bounds.py.  With w = R / m (16 on secp256r1, 24 on brainpoolP256r1, above 380 on the
 * others) and x < c * m, y < d * m: x * y / R mod m comes out below (c * d / w + 1) * m,   LIMBS = 5  (two closing steps) below
 * (c * d / w + 2) * m,   LIMBS > 5  (one) vpmadd52 reads the lower 52 bits of its factors and no more: factors have their carries
 * propagated, sums before that have not. Everything here is free of branches and addresses that depend on numbers. */
#ifndef LIMBS
#error "LIMBS is set by the file that includes this one"
#endif

#define MASK52 ((UINT64_C(1) << 52) - 1)
#define CLOSING (LIMBS == 5 ? 2 : 1)

struct fe {
    vec limb[LIMBS];
};

LANES_INLINE vec vec_all(uint64_t word) { return _mm512_set1_epi64((long long)word); }

/* ---- carries ------------------------------------------------------------------------------------------------------------ */

/* Limbs of 64 bits with sign become limbs of 52 bits; the top limb takes what is left. */
LANES_INLINE void fe_carry(struct fe *z) {
    const vec mask = vec_all(MASK52);
    LANES_UNROLL
    for (int i = 0; i < LIMBS - 1; i++) {
        z->limb[i + 1] = _mm512_add_epi64(z->limb[i + 1], _mm512_srai_epi64(z->limb[i], 52));
        z->limb[i] = _mm512_and_epi64(z->limb[i], mask);
    }
}

/* z - k * m where the top limb shows that z is not below it; at least k * m and a little is left otherwise.  Before or after the
 * carries, for those change the top limb by less than 16. */
LANES_INLINE void fe_weak(struct fe *z, int k, const struct lanes_modulus *m) {
    __mmask8 above = _mm512_cmpgt_epi64_mask(z->limb[LIMBS - 1], vec_all(m->times[k][LIMBS - 1] + 16));
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) z->limb[i] = _mm512_mask_sub_epi64(z->limb[i], above, z->limb[i], vec_all(m->times[k][i]));
}

/* ---- sums without carries ------------------------------------------------------------------------------------------------- */

LANES_INLINE void raw_add(struct fe *z, const struct fe *x, const struct fe *y) {
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) z->limb[i] = _mm512_add_epi64(x->limb[i], y->limb[i]);
}

LANES_INLINE void raw_sub(struct fe *z, const struct fe *x, const struct fe *y) {
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) z->limb[i] = _mm512_sub_epi64(x->limb[i], y->limb[i]);
}

/* z + k * m */
LANES_INLINE void raw_add_multiple(struct fe *z, int k, const struct lanes_modulus *m) {
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) z->limb[i] = _mm512_add_epi64(z->limb[i], vec_all(m->times[k][i]));
}

LANES_INLINE void fe_add(struct fe *z, const struct fe *x, const struct fe *y) {
    raw_add(z, x, y);
    fe_carry(z);
}

/* x - y + k * m, for y not above k * m. */
LANES_INLINE void fe_sub(struct fe *z, const struct fe *x, const struct fe *y, int k, const struct lanes_modulus *m) {
    raw_sub(z, x, y);
    raw_add_multiple(z, k, m);
    fe_carry(z);
}

/* k * m - x */
LANES_INLINE void fe_negate(struct fe *z, const struct fe *x, int k, const struct lanes_modulus *m) {
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) z->limb[i] = _mm512_sub_epi64(vec_all(m->times[k][i]), x->limb[i]);
    fe_carry(z);
}

/* ---- constants, selection, comparison ---------------------------------------------------------------------------------------
 */

LANES_INLINE void fe_all(struct fe *z, const uint64_t constant[LANES_ROOM]) {
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) z->limb[i] = vec_all(constant[i]);
}

LANES_INLINE void fe_small(struct fe *z, uint64_t word) {
    z->limb[0] = vec_all(word);
    LANES_UNROLL
    for (int i = 1; i < LIMBS; i++) z->limb[i] = _mm512_setzero_si512();
}

/* z := x in the lanes of the mask. */
LANES_INLINE void fe_select(struct fe *z, __mmask8 lanes, const struct fe *x) {
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) z->limb[i] = _mm512_mask_mov_epi64(z->limb[i], lanes, x->limb[i]);
}

/* The lanes where x < k * m, x with its carries. */
LANES_INLINE __mmask8 fe_below(const struct fe *x, int k, const struct lanes_modulus *m) {
    struct fe z;
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) z.limb[i] = _mm512_sub_epi64(x->limb[i], vec_all(m->times[k][i]));
    fe_carry(&z);
    return _mm512_movepi64_mask(z.limb[LIMBS - 1]);
}

/* The lanes where every limb is zero. */
LANES_INLINE __mmask8 fe_is_zero(const struct fe *x) {
    vec seen = x->limb[0];
    LANES_UNROLL
    for (int i = 1; i < LIMBS; i++) seen = _mm512_or_epi64(seen, x->limb[i]);
    return _mm512_testn_epi64_mask(seen, seen);
}

/* z mod m in [0, m), for z < 16 * m with its carries. */
LANES_CALL void fe_canonical(struct fe *z, const struct lanes_modulus *m) {
    for (int k = 8; k > 0; k /= 2) {
        struct fe less;
        LANES_UNROLL
        for (int i = 0; i < LIMBS; i++) less.limb[i] = _mm512_sub_epi64(z->limb[i], vec_all(m->times[k][i]));
        fe_carry(&less);
        fe_select(z, (__mmask8)~_mm512_movepi64_mask(less.limb[LIMBS - 1]), &less);
    }
}

/* The lanes where x is 0 mod m, for x < 16 * m. */
LANES_INLINE __mmask8 fe_vanishes(const struct fe *x, const struct lanes_modulus *m) {
    struct fe z = *x;
    fe_canonical(&z, m);
    return fe_is_zero(&z);
}

/* ---- products -----------------------------------------------------------------------------------------------------------------
 */

/* Sums of products in 2 * LIMBS columns of weight 2^52: a product adds at most 2 * LIMBS numbers below 2^52 to a column, and so
 * does the reduction, with one carry: 60 * 2^52 + 2^12 < 2^58 for the two products of fe_mul_add in ten limbs.  Where registers
 * allow, lower and upper halves have columns of their own (HIGH): that halves the chains of vpmadd52, which take four clocks
 * each. */
struct columns {
    vec at[2 * LIMBS];
#if LIMBS == 5
    vec high[2 * LIMBS];
#define HIGH high
#else
#define HIGH at
#endif
};

#if LIMBS == 5
#define COLUMN(t, i) _mm512_add_epi64((t)->at[i], (t)->high[i])
#else
#define COLUMN(t, i) (t)->at[i]
#endif

LANES_INLINE void columns_clear(struct columns *t) {
    LANES_UNROLL
    for (int i = 0; i < 2 * LIMBS; i++) t->at[i] = _mm512_setzero_si512();
#if LIMBS == 5
    LANES_UNROLL
    for (int i = 0; i < 2 * LIMBS; i++) t->high[i] = _mm512_setzero_si512();
#endif
}

LANES_INLINE void columns_mul(struct columns *t, const struct fe *x, const struct fe *y) {
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) {
        LANES_UNROLL
        for (int j = 0; j < LIMBS; j++) {
            t->at[i + j] = _mm512_madd52lo_epu64(t->at[i + j], x->limb[j], y->limb[i]);
            t->HIGH[i + j + 1] = _mm512_madd52hi_epu64(t->HIGH[i + j + 1], x->limb[j], y->limb[i]);
        }
    }
}

/* Column by column, for the sake of few live registers: twice the mixed products, then the square. */
LANES_INLINE void columns_square(struct columns *t, const struct fe *x) {
    LANES_UNROLL
    for (int k = 0; k < 2 * LIMBS; k++) {
        vec low = _mm512_setzero_si512(), high = _mm512_setzero_si512();
        LANES_UNROLL
        for (int i = 0; i < LIMBS; i++) {
            if (k - i > i && k - i < LIMBS) low = _mm512_madd52lo_epu64(low, x->limb[i], x->limb[k - i]);
            if (k - 1 - i > i && k - 1 - i < LIMBS) high = _mm512_madd52hi_epu64(high, x->limb[i], x->limb[k - 1 - i]);
        }
        low = _mm512_add_epi64(low, low);
        high = _mm512_add_epi64(high, high);
        if (k % 2 == 0) {
            low = _mm512_madd52lo_epu64(low, x->limb[k / 2], x->limb[k / 2]);
        } else {
            high = _mm512_madd52hi_epu64(high, x->limb[k / 2], x->limb[k / 2]);
        }
        t->at[k] = _mm512_add_epi64(low, high);
    }
}

/* z := t / R mod m.  Most steps take the lowest limb q away and add q * (2^-52 mod m) to the limbs above: no factor has to be
 * found first.  Such a step leaves the sum up to 2^52 * m too large, so the last ones (CLOSING) are Montgomery's. */
LANES_INLINE void columns_reduce(struct fe *z, struct columns *t, const struct lanes_modulus *m) {
    LANES_UNROLL
    for (int i = 0; i < LIMBS - CLOSING; i++) {
        const vec q = COLUMN(t, i);
        t->HIGH[i + 1] = _mm512_add_epi64(t->HIGH[i + 1], _mm512_srli_epi64(q, 52));
        LANES_UNROLL
        for (int j = 0; j < LIMBS; j++) {
            t->at[i + 1 + j] = _mm512_madd52lo_epu64(t->at[i + 1 + j], q, vec_all(m->shift[j]));
            t->HIGH[i + 2 + j] = _mm512_madd52hi_epu64(t->HIGH[i + 2 + j], q, vec_all(m->shift[j]));
        }
    }
    LANES_UNROLL
    for (int i = LIMBS - CLOSING; i < LIMBS; i++) {
        const vec lowest = COLUMN(t, i);
        const vec q = _mm512_madd52lo_epu64(_mm512_setzero_si512(), lowest, vec_all(m->negated_inverse));
        /* the lowest limb of q * m completes that of t to 0 or 2^52 */
        const vec carry = _mm512_srli_epi64(_mm512_add_epi64(lowest, vec_all(MASK52)), 52);
        t->HIGH[i + 1] = _mm512_madd52hi_epu64(_mm512_add_epi64(t->HIGH[i + 1], carry), q, vec_all(m->times[1][0]));
        LANES_UNROLL
        for (int j = 1; j < LIMBS; j++) {
            t->at[i + j] = _mm512_madd52lo_epu64(t->at[i + j], q, vec_all(m->times[1][j]));
            t->HIGH[i + j + 1] = _mm512_madd52hi_epu64(t->HIGH[i + j + 1], q, vec_all(m->times[1][j]));
        }
    }
    LANES_UNROLL
    for (int i = 0; i < LIMBS; i++) z->limb[i] = COLUMN(t, LIMBS + i);
    fe_carry(z);
}

/* z := x * y / R mod m; z may be x or y. */
LANES_INLINE void fe_mul_here(struct fe *z, const struct fe *x, const struct fe *y, const struct lanes_modulus *m) {
    struct columns t;
    columns_clear(&t);
    columns_mul(&t, x, y);
    columns_reduce(z, &t, m);
}

LANES_INLINE void fe_square_here(struct fe *z, const struct fe *x, const struct lanes_modulus *m) {
    struct columns t;
    columns_clear(&t);
    columns_square(&t, x);
    columns_reduce(z, &t, m);
}

/* z := (x * y + u * v) / R mod m: two products, one reduction. */
LANES_INLINE void fe_mul_add_here(struct fe *z, const struct fe *x, const struct fe *y, const struct fe *u, const struct fe *v,
                                  const struct lanes_modulus *m) {
    struct columns t;
    columns_clear(&t);
    columns_mul(&t, x, y);
    columns_mul(&t, u, v);
    columns_reduce(z, &t, m);
}

LANES_CALL void fe_mul(struct fe *z, const struct fe *x, const struct fe *y, const struct lanes_modulus *m) {
    fe_mul_here(z, x, y, m);
}

LANES_CALL void fe_square(struct fe *z, const struct fe *x, const struct lanes_modulus *m) { fe_square_here(z, x, m); }

LANES_CALL void fe_mul_add(struct fe *z, const struct fe *x, const struct fe *y, const struct fe *u, const struct fe *v,
                           const struct lanes_modulus *m) {
    fe_mul_add_here(z, x, y, u, v, m);
}

/* In the two hot formulas (lanes_point.h) five limbs stay in registers from one product to the next; more do not fit. */
#if LIMBS == 5 && !LANES_COMPACT
#define HOT(name) name##_here
#else
#define HOT(name) name
#endif

/* z := x * constant / R mod m */
LANES_CALL void fe_mul_constant(struct fe *z, const struct fe *x, const uint64_t constant[LANES_ROOM],
                                const struct lanes_modulus *m) {
    struct fe y;
    fe_all(&y, constant);
    fe_mul(z, x, &y, m);
}

/* z := x / R mod m: out of Montgomery form. */
LANES_CALL void fe_mul_one(struct fe *z, const struct fe *x, const struct lanes_modulus *m) {
    struct fe y;
    fe_small(&y, 1);
    fe_mul(z, x, &y, m);
}

/* ---- bytes ---------------------------------------------------------------------------------------------------------------- */

/* Big-endian numbers of `length` bytes, a multiple of 8, one a lane; or the first of them in all lanes. */
LANES_CALL void fe_load(struct fe *z, const uint8_t *const bytes[8], size_t length, int same) {
    _Alignas(64) uint64_t rows[LIMBS][8];
    for (int lane = 0; lane < (same ? 1 : 8); lane++) {
        uint64_t words[LIMBS + 1] = {0};
        for (size_t i = 0; i < length / 8; i++) {
            uint64_t word;
            memcpy(&word, bytes[lane] + length - 8 * (i + 1), 8);
            words[i] = __builtin_bswap64(word);
        }
        for (int i = 0; i < LIMBS; i++) {
            const int at = 52 * i / 64, off = 52 * i % 64;
            uint64_t high = off > 12 ? words[at + 1] << (64 - off) : 0; /* positions are public */
            rows[i][lane] = (words[at] >> off | high) & MASK52;
        }
    }
    for (int i = 0; i < LIMBS; i++) z->limb[i] = same ? vec_all(rows[i][0]) : _mm512_load_si512(rows[i]);
    wipe(rows, sizeof rows);
}

/* Canonical numbers below 2^(8 * length), a multiple of 8, of the first `count` lanes. */
LANES_CALL void fe_store(uint8_t *const *bytes, size_t count, const struct fe *x, size_t length) {
    _Alignas(64) uint64_t rows[LIMBS][8];
    for (int i = 0; i < LIMBS; i++) _mm512_store_si512(rows[i], x->limb[i]);
    for (size_t lane = 0; lane < count; lane++) {
        for (int i = 0; i < (int)length / 8; i++) {
            const int at = 64 * i / 52, off = 64 * i % 52; /* two limbs make a word, or three */
            uint64_t word = rows[at][lane] >> off;
            if (at + 1 < LIMBS) word |= rows[at + 1][lane] << (52 - off);
            if (at + 2 < LIMBS && off > 40) word |= rows[at + 2][lane] << (104 - off);
            word = __builtin_bswap64(word);
            memcpy(bytes[lane] + length - 8 * ((size_t)i + 1), &word, 8);
        }
    }
    wipe(rows, sizeof rows);
}
