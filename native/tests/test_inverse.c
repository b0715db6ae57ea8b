/* SPDX-License-Identifier: Apache-2.0 */
/* Division steps against the definition, one by one, and inverses against libcrypto. */
#include "inverse.h"

#include "numbers.h"

/* 59 steps as they are defined, on numbers of 128 bits: the lowest 64 bits of f and g decide. */
static void check_steps(int64_t minus_delta, int64_t f, int64_t g, int64_t after, const struct divsteps_matrix *t) {
    int128 a = f, b = g, u = 1, v = 0, q = 0, r = 1; /* 2^i a = u f + v g, 2^i b = q f + r g */
    int64_t delta2 = -2 * minus_delta - 1;           /* 2 delta */
    for (int i = 0; i < 59; i++) {
        int odd = (int)(b & 1);
        if (delta2 > 0 && odd) {
            int128 before = a, before_u = u, before_v = v;
            a = b;
            u = 2 * q;
            v = 2 * r;
            b = (b - before) / 2;
            q -= before_u;
            r -= before_v;
            delta2 = 2 - delta2;
        } else {
            b = (b + (odd ? a : 0)) / 2;
            if (odd) {
                q += u;
                r += v;
            }
            u *= 2;
            v *= 2;
            delta2 += 2;
        }
    }
    CHECK((int128)t->u == 8 * u && (int128)t->v == 8 * v && (int128)t->q == 8 * q && (int128)t->r == 8 * r);
    CHECK(-2 * after - 1 == delta2);
}

/* One alone, and beside another. */
static void test_steps(int64_t minus_delta, int64_t f, int64_t g) {
    static int64_t other_f = 1, other_g = 77, other_delta = -1;
    for (int count = 1; count <= 2; count++) {
        struct divsteps s[2] = {{.minus_delta = minus_delta}, {.minus_delta = other_delta}};
        struct divsteps_matrix t[2];
        int64_t fs[2] = {f, other_f}, gs[2] = {g, other_g};
        divsteps_59(s, count, fs, gs, t);
        check_steps(minus_delta, f, g, s[0].minus_delta, &t[0]);
        if (count == 2) check_steps(other_delta, other_f, other_g, s[1].minus_delta, &t[1]);
    }
    other_f = f;
    other_g = g;
    other_delta = minus_delta;
}

static void test_number(const modulus *m, const limb x[LIMBS]) {
    BN_CTX *context = BN_CTX_new();
    BIGNUM *number = BN_new(), *order = BN_new(), *start = BN_new();
    const limb one[LIMBS] = {1}, *starts[] = {one, m->one, m->r2};
    limb z[LIMBS], expected[LIMBS];
    bn_from_limbs(number, x);
    bn_from_limbs(order, m->m);
    if (!BN_is_zero(number)) CHECK(BN_mod_inverse(number, number, order, context) != NULL);
    for (int i = 0; i < 3; i++) {
        bn_from_limbs(start, starts[i]);
        BN_mod_mul(start, start, number, order, context);
        bn_to_limbs(expected, start);
        mod_inv(m, z, x, starts[i]);
        CHECK(memcmp(z, expected, sizeof z) == 0);
        limb w[LIMBS];
        mod_inv_pair(m, w, x, starts[i], &domains[0].n, z, one, domains[0].n.one);
        CHECK(memcmp(w, expected, sizeof w) == 0 && memcmp(z, domains[0].n.one, sizeof z) == 0);
        mod_inv_pair(&domains[0].p, z, one, one, m, w, x, starts[i]);
        CHECK(memcmp(w, expected, sizeof w) == 0 && memcmp(z, one, sizeof z) == 0);
    }
    BN_free(number);
    BN_free(order);
    BN_free(start);
    BN_CTX_free(context);
}

static void test_modulus(const modulus *m, int rounds) {
    static limb numbers[NUMBERS][LIMBS];
    elements_fill(numbers, m->m);
    for (int i = 0; i < NUMBERS; i++) test_number(m, numbers[i]);
    for (int bit = 0; bit < 64 * LIMBS - 1; bit += THIN) { /* powers of 2 and their opposites: many steps of one kind in a row */
        limb power[LIMBS] = {0};
        power[bit / 64] = (limb)1 << bit % 64;
        test_number(m, power);
        (void)limbs_sub(power, m->m, power);
        test_number(m, power);
    }
    for (int i = 0; i < rounds; i++) {
        limb x[LIMBS];
        for (int j = 0; j < LIMBS; j++) x[j] = random_limb();
        if (!limbs_less(x, m->m)) (void)limbs_sub(x, x, m->m);
        test_number(m, x);
    }
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 200 / THIN;
    if (!runnable()) return EXIT_SUCCESS;
    static const int64_t edges[] = {0, 1, -1, 2, 3, -3, INT64_MAX, INT64_MIN, INT64_MIN + 1, 0x7FFFF, 0x80000, 0x80001, -0x80000, -0x7FFFF,
                                    0xFFFFF, 0x100000, (int64_t)1 << 39, (int64_t)1 << 59, 0x5555555555555555, -0x5555555555555555};
    const int count = sizeof edges / sizeof edges[0];
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < count; j++) {
            for (int64_t delta = -60; delta < 60; delta += 7) test_steps(delta, edges[i] | 1, edges[j]);
        }
    }
    for (int i = 0; i < 20 * rounds; i++) test_steps((int64_t)(random_limb() % 200) - 100, (int64_t)random_limb() | 1, (int64_t)random_limb());
    for (size_t i = 0; i < DOMAINS; i++) {
        test_modulus(&domains[i].p, rounds);
        test_modulus(&domains[i].n, rounds);
    }
    return check_end();
}
