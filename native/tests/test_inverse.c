/* SPDX-License-Identifier: Apache-2.0 */
/* Division steps against the definition, one by one, and inverses against libcrypto. */
#include "inverse.h"

#include "numbers.h"

/* 59 steps as they are defined, on numbers of 128 bits: the lowest 64 bits of f and g decide. */
static void test_steps(int64_t minus_delta, int64_t f, int64_t g) {
    struct divsteps_matrix t;
    int128 a = f, b = g, u = 1, v = 0, q = 0, r = 1; /* 2^i a = u f + v g, 2^i b = q f + r g */
    int64_t delta2 = -2 * minus_delta - 1;           /* 2 delta */
    int64_t after = divsteps_59(minus_delta, f, g, &t);
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
    CHECK((int128)t.u == 8 * u && (int128)t.v == 8 * v && (int128)t.q == 8 * q && (int128)t.r == 8 * r);
    CHECK(-2 * after - 1 == delta2);
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
    for (int bit = 0; bit < 64 * LIMBS - 1; bit++) { /* powers of 2 and their opposites: many steps of one kind in a row */
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
    int rounds = argc > 1 ? atoi(argv[1]) : 200;
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
