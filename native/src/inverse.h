/* SPDX-License-Identifier: Apache-2.0 */
/* Inversion modulo an odd m by division steps (D. Bernstein, B.-Y. Yang, "Fast constant-time gcd computation and modular inversion",
 * 2019), in the variant that starts with delta = 1/2 (P. Wuille).  Constant time.
 *
 * One step takes odd f and any g to (g, (g - f) / 2), delta := 1 - delta, if delta > 0 and g is odd, else to (f, (g + (g mod 2) f) / 2),
 * delta := 1 + delta.  After enough of them (DIVSTEPS_ROUNDS * 59, see generate_curves.py) g is 0 and f is the gcd or its
 * negative.  59 steps depend on nothing but the lowest 59 bits of f and g, and are one matrix; f and g, and d and e with
 * d x = f * start, e x = g * start mod m, are multiplied by it.
 *
 * f, g, d, e are sums of signed words at 62 bits: all words but the highest are in [0, 2^62), the highest has the sign. */
#ifndef SECMOD_INVERSE_H
#define SECMOD_INVERSE_H

#include "domain.h"
#include "limbs.h"
#include "wipe.h"

#define DIGITS ((64 * LIMBS + 2 + 61) / 62) /* d and e are in (-2m, m) */
#define DIGIT_MASK ((int64_t)(UINT64_MAX >> 2))
typedef __int128 int128;

/* The entries of 2^62 times the matrix of 59 steps: |u| + |v| <= 2^62, |q| + |r| <= 2^62. */
struct divsteps_matrix {
    int64_t u, v, q, r;
};

static inline void digits_from_limbs(int64_t z[DIGITS], const limb x[LIMBS]) {
    for (int i = 0; i < DIGITS; i++) {
        int word = 62 * i / 64, shift = 62 * i % 64;
        limb digit = word < LIMBS ? x[word] >> shift : 0;
        if (shift > 2 && word + 1 < LIMBS) digit |= x[word + 1] << (64 - shift);
        z[i] = (int64_t)(digit & (limb)DIGIT_MASK);
    }
}

/* x is not negative.  A word has bits of two digits, as long as 2 * LIMBS <= 60. */
static inline void digits_to_limbs(limb z[LIMBS], const int64_t x[DIGITS]) {
    for (int i = 0; i < LIMBS; i++) {
        int digit = 64 * i / 62, shift = 64 * i % 62;
        z[i] = (limb)x[digit] >> shift | (limb)x[digit + 1] << (62 - shift);
    }
}

/* ---- up to 20 steps in one word --------------------------------------------------------------------------------------------
 *
 * f and g are kept as their lowest 20 bits, signed, plus 2^20 and 2^42 times the entries of their row of the matrix, so that one
 * addition and one shift work on all three.  Entries start as 2^k or 0 and are halved k times.  The low part stays in
 * [-2^19, 2^19): (g - f) / 2 and (g + f) / 2 lie between the two, or between g and -f, and f is odd.  Each entry is at most 2^k
 * <= 2^20, and of a row only one can be that large, so sums before a shift are below 2^21 * 2^42 + 2^41 + 2^20 and fit: both
 * 2^20 at once would be a matrix without inverse. */

#define PACK_Q 20
#define PACK_R 42

static inline int64_t shift_left(int64_t value, int bits) { return (int64_t)((uint64_t)value << bits); }
static inline int64_t packed_low(int64_t value) { return shift_left(value, 64 - PACK_Q) >> (64 - PACK_Q); }
static inline int64_t packed_q(int64_t packed) {
    return shift_left(packed + (1 << (PACK_Q - 1)), 64 - PACK_R) >> (64 - PACK_R + PACK_Q);
}
static inline int64_t packed_r(int64_t packed) {
    return (packed + ((int64_t)1 << (PACK_R - 1)) + (1 << (PACK_Q - 1))) >> PACK_R;
}

/* Where the steps of one inversion are: minus_delta is -(delta + 1/2), so that delta > 0 is its sign. */
struct divsteps {
    int64_t minus_delta, f, g;
};

/* k steps of `count` independent inversions, 1 or 2: side by side two take little longer than one. */
#ifdef CORE_ADX
void secmod_divsteps_1(struct divsteps *s, int64_t k);
void secmod_divsteps_2(struct divsteps *s, int64_t k);
static inline void divsteps_run(struct divsteps *s, int count, int k) {
    if (count == 1) {
        secmod_divsteps_1(s, k);
    } else {
        secmod_divsteps_2(s, k);
    }
}
#else
static inline void divsteps_run(struct divsteps *s, int count, int k) {
    for (int i = 0; i < k; i++) {
        for (int j = 0; j < count; j++) {
            int64_t odd = (int64_t)limb_mask((limb)s[j].g & 1);
            int64_t positive = s[j].minus_delta >> 63;
            int64_t addend = ((s[j].f ^ positive) - positive) & odd; /* 0, f or -f */
            int64_t swap = positive & odd;
            int64_t sum = s[j].g + addend;
            s[j].f ^= (s[j].f ^ s[j].g) & swap;
            s[j].g = sum >> 1;
            s[j].minus_delta = (s[j].minus_delta ^ swap) - 1;
        }
    }
}
#endif

/* k <= 20 steps, from the lowest bits of f[j] and g[j]. */
static inline void divsteps_packed(int k, struct divsteps *s, int count, const int64_t *f, const int64_t *g, struct divsteps_matrix *t) {
    for (int j = 0; j < count; j++) {
        s[j].f = packed_low(f[j]) + ((int64_t)1 << (PACK_Q + k));
        s[j].g = packed_low(g[j]) + ((int64_t)1 << (PACK_R + k));
    }
    divsteps_run(s, count, k);
    for (int j = 0; j < count; j++) {
        t[j].u = packed_q(s[j].f);
        t[j].v = packed_r(s[j].f);
        t[j].q = packed_q(s[j].g);
        t[j].r = packed_r(s[j].g);
    }
}

/* z := x * y; the products of 20, 40 and 59 steps have entries of no more bits. */
static inline void matrix_mul(struct divsteps_matrix *z, const struct divsteps_matrix *x, const struct divsteps_matrix *y) {
    struct divsteps_matrix product = {
        .u = x->u * y->u + x->v * y->q,
        .v = x->u * y->v + x->v * y->r,
        .q = x->q * y->u + x->r * y->q,
        .r = x->q * y->v + x->r * y->r,
    };
    *z = product;
}

/* f and g := their lowest bits after the k steps of t; k bits of theirs are lost at the top. */
static inline void low_after(const struct divsteps_matrix *t, int k, int64_t *f, int64_t *g) {
    uint64_t next_f = (uint64_t)t->u * (uint64_t)*f + (uint64_t)t->v * (uint64_t)*g;
    uint64_t next_g = (uint64_t)t->q * (uint64_t)*f + (uint64_t)t->r * (uint64_t)*g;
    *f = (int64_t)next_f >> k;
    *g = (int64_t)next_g >> k;
}

/* 59 steps; f and g are lost. */
static inline void divsteps_59(struct divsteps *s, int count, int64_t *f, int64_t *g, struct divsteps_matrix *t) {
    struct divsteps_matrix part[2];
    divsteps_packed(20, s, count, f, g, t);
    for (int j = 0; j < count; j++) low_after(&t[j], 20, &f[j], &g[j]);
    divsteps_packed(20, s, count, f, g, part);
    for (int j = 0; j < count; j++) {
        low_after(&part[j], 20, &f[j], &g[j]);
        matrix_mul(&t[j], &part[j], &t[j]);
    }
    divsteps_packed(19, s, count, f, g, part);
    for (int j = 0; j < count; j++) {
        struct divsteps_matrix scaled = {part[j].u * 8, part[j].v * 8, part[j].q * 8, part[j].r * 8};
        matrix_mul(&t[j], &scaled, &t[j]);
    }
}

/* f, g := t * (f, g) / 2^62, without remainder.  Each sum is below 2 * 2^62 * 2^62 plus a carry. */
static inline void update_fg(int64_t f[DIGITS], int64_t g[DIGITS], const struct divsteps_matrix *t) {
    int128 carry_f = (int128)t->u * f[0] + (int128)t->v * g[0];
    int128 carry_g = (int128)t->q * f[0] + (int128)t->r * g[0];
    carry_f >>= 62;
    carry_g >>= 62;
    for (int i = 1; i < DIGITS; i++) {
        carry_f += (int128)t->u * f[i] + (int128)t->v * g[i];
        carry_g += (int128)t->q * f[i] + (int128)t->r * g[i];
        f[i - 1] = (int64_t)carry_f & DIGIT_MASK;
        g[i - 1] = (int64_t)carry_g & DIGIT_MASK;
        carry_f >>= 62;
        carry_g >>= 62;
    }
    f[DIGITS - 1] = (int64_t)carry_f;
    g[DIGITS - 1] = (int64_t)carry_g;
}

/* d, e := t * (d, e) / 2^62 mod m, in (-2m, m) as before.
 *
 * With m added to a negative d and e they are in (-m, m), so u d + v e is in (-2^62 m, 2^62 m); a multiple of m in (-2^62 m, 0] makes
 * the lowest 62 bits zero.  Each sum is below 2^62 * 2^62 + 2^63 * 2^62 plus a carry. */
static inline void update_de(const int64_t m[DIGITS], int64_t m_inverse, int64_t d[DIGITS], int64_t e[DIGITS],
                             const struct divsteps_matrix *t) {
    int64_t sign_d = d[DIGITS - 1] >> 63, sign_e = e[DIGITS - 1] >> 63;
    int64_t times_d = (t->u & sign_d) + (t->v & sign_e);
    int64_t times_e = (t->q & sign_d) + (t->r & sign_e);
    int128 carry_d = (int128)t->u * d[0] + (int128)t->v * e[0];
    int128 carry_e = (int128)t->q * d[0] + (int128)t->r * e[0];
    times_d -= (int64_t)(((uint64_t)m_inverse * (uint64_t)carry_d + (uint64_t)times_d) & (uint64_t)DIGIT_MASK);
    times_e -= (int64_t)(((uint64_t)m_inverse * (uint64_t)carry_e + (uint64_t)times_e) & (uint64_t)DIGIT_MASK);
    carry_d += (int128)m[0] * times_d;
    carry_e += (int128)m[0] * times_e;
    carry_d >>= 62;
    carry_e >>= 62;
    for (int i = 1; i < DIGITS; i++) {
        carry_d += (int128)t->u * d[i] + (int128)t->v * e[i] + (int128)m[i] * times_d;
        carry_e += (int128)t->q * d[i] + (int128)t->r * e[i] + (int128)m[i] * times_e;
        d[i - 1] = (int64_t)carry_d & DIGIT_MASK;
        e[i - 1] = (int64_t)carry_e & DIGIT_MASK;
        carry_d >>= 62;
        carry_e >>= 62;
    }
    d[DIGITS - 1] = (int64_t)carry_d;
    e[DIGITS - 1] = (int64_t)carry_e;
}

static inline void digits_carry(int64_t x[DIGITS]) {
    for (int i = 0; i + 1 < DIGITS; i++) {
        x[i + 1] += x[i] >> 62;
        x[i] &= DIGIT_MASK;
    }
}

/* d in (-2m, m), negated if sign is all ones, to [0, m). */
static inline void digits_normalise(int64_t d[DIGITS], int64_t sign, const int64_t m[DIGITS]) {
    int64_t negative = d[DIGITS - 1] >> 63;
    for (int i = 0; i < DIGITS; i++) d[i] = ((d[i] + (m[i] & negative)) ^ sign) - sign; /* (-m, m) */
    digits_carry(d);
    negative = d[DIGITS - 1] >> 63;
    for (int i = 0; i < DIGITS; i++) d[i] += m[i] & negative;
    digits_carry(d);
}

struct inversion {
    int64_t m_inverse;
    int64_t m[DIGITS], f[DIGITS], g[DIGITS], d[DIGITS], e[DIGITS];
};

static inline void inversion_start(struct inversion *state, const modulus *m, const limb x[LIMBS], const limb start[LIMBS]) {
    state->m_inverse = (int64_t)((0U - m->n0) & (limb)DIGIT_MASK);
    digits_from_limbs(state->m, m->m);
    digits_from_limbs(state->f, m->m);
    digits_from_limbs(state->g, x);
    memset(state->d, 0, sizeof state->d);
    digits_from_limbs(state->e, start);
}

/* The lowest 64 bits of a number in digits. */
static inline int64_t digits_low(const int64_t x[DIGITS]) { return x[0] | shift_left(x[1], 62); }

static inline void inversion_run(struct inversion *states, int count) {
    struct divsteps s[2] = {{.minus_delta = -1}, {.minus_delta = -1}}; /* delta = 1/2 */
    struct divsteps_matrix t[2];
    int64_t f[2], g[2];
    for (int i = 0; i < DIVSTEPS_ROUNDS; i++) {
        for (int j = 0; j < count; j++) {
            f[j] = digits_low(states[j].f);
            g[j] = digits_low(states[j].g);
        }
        divsteps_59(s, count, f, g, t);
        for (int j = 0; j < count; j++) {
            update_de(states[j].m, states[j].m_inverse, states[j].d, states[j].e, &t[j]);
            update_fg(states[j].f, states[j].g, &t[j]);
        }
    }
    wipe(s, sizeof s);
    wipe(t, sizeof t);
}

static inline void inversion_end(struct inversion *state, limb z[LIMBS]) {
    digits_normalise(state->d, state->f[DIGITS - 1] >> 63, state->m);
    digits_to_limbs(z, state->d);
}

/* z := start / x mod m, 0 if x is 0; start < m.  With R^2 mod m the inverse of a Montgomery form is one again. */
static OUT_OF_LINE void mod_inv(const modulus *m, limb z[LIMBS], const limb x[LIMBS], const limb start[LIMBS]) {
    struct inversion state;
    inversion_start(&state, m, x, start);
    inversion_run(&state, 1);
    inversion_end(&state, z);
    wipe(&state, sizeof state);
}

/* Two of them, modulo m and modulo n. */
static OUT_OF_LINE void mod_inv_pair(const modulus *m, limb z[LIMBS], const limb x[LIMBS], const limb start[LIMBS], const modulus *n,
                                     limb w[LIMBS], const limb y[LIMBS], const limb begin[LIMBS]) {
    struct inversion states[2];
    inversion_start(&states[0], m, x, start);
    inversion_start(&states[1], n, y, begin);
    inversion_run(states, 2);
    inversion_end(&states[0], z);
    inversion_end(&states[1], w);
    wipe(states, sizeof states);
}

#endif
