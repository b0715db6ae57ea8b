/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic modulo p and n on every pair of edge numbers, against libcrypto's integers; one width and path. */
#include "field.h"

#include "numbers.h"

struct judge {
    BN_CTX *context;
    BIGNUM *m, *r_inverse, *half, *x, *y, *z, *v, *w;
};

static struct judge judge_new(const limb m[LIMBS]) {
    struct judge j = {BN_CTX_new(), BN_new(), BN_new(), BN_new(), BN_new(), BN_new(), BN_new(), BN_new(), BN_new()};
    bn_from_limbs(j.m, m);
    BN_set_bit(j.r_inverse, 64 * LIMBS);
    BN_mod_inverse(j.r_inverse, j.r_inverse, j.m, j.context);
    BN_set_word(j.half, 2);
    BN_mod_inverse(j.half, j.half, j.m, j.context);
    return j;
}

static void judge_free(struct judge *j) {
    BN_CTX_free(j->context);
    BIGNUM *all[] = {j->m, j->r_inverse, j->half, j->x, j->y, j->z, j->v, j->w};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) BN_free(all[i]);
}

static void expect(struct judge *j, const limb got[LIMBS], const char *what) {
    limb expected[LIMBS];
    bn_to_limbs(expected, j->z);
    if (memcmp(got, expected, sizeof expected) != 0) fprintf(stderr, "%s, %d limbs: ", what, LIMBS);
    CHECK(memcmp(got, expected, sizeof expected) == 0);
}

static limb v[LIMBS], w[LIMBS]; /* the pair before, below the modulus of now */

static void test_pair(struct judge *j, const modulus *m, const limb x[LIMBS], const limb y[LIMBS]) {
    limb z[LIMBS];
    bn_from_limbs(j->x, x);
    bn_from_limbs(j->y, y);

    BN_mod_add(j->z, j->x, j->y, j->m, j->context);
    mod_add(m, z, x, y);
    expect(j, z, "add");
    limbs_copy(z, x);
    mod_add(m, z, z, y);
    expect(j, z, "add, z = x");
    limbs_copy(z, y);
    mod_add(m, z, x, z);
    expect(j, z, "add, z = y");

    BN_mod_sub(j->z, j->x, j->y, j->m, j->context);
    mod_sub(m, z, x, y);
    expect(j, z, "sub");
    limbs_copy(z, x);
    mod_sub(m, z, z, y);
    expect(j, z, "sub, z = x");
    limbs_copy(z, y);
    mod_sub(m, z, x, z);
    expect(j, z, "sub, z = y");

    BN_mod_mul(j->z, j->x, j->y, j->m, j->context);
    BN_mod_mul(j->z, j->z, j->r_inverse, j->m, j->context);
    mont_mul(m, z, x, y);
    expect(j, z, "mul");
    limbs_copy(z, x);
    mont_mul(m, z, z, y);
    expect(j, z, "mul, z = x");
    limbs_copy(z, y);
    mont_mul(m, z, x, z);
    expect(j, z, "mul, z = y");

    bn_from_limbs(j->v, v);
    bn_from_limbs(j->w, w);
    BN_mod_mul(j->v, j->v, j->w, j->m, j->context);
    BN_mod_mul(j->v, j->v, j->r_inverse, j->m, j->context);
    BN_mod_add(j->z, j->z, j->v, j->m, j->context);
    mont_mul_add(m, z, x, y, v, w);
    expect(j, z, "mul_add");
    mont_mul_add(m, z, w, v, y, x);
    expect(j, z, "mul_add");
    limbs_copy(z, v);
    mont_mul_add(m, z, x, y, z, w);
    expect(j, z, "mul_add, z = v");
    limbs_copy(v, x);
    limbs_copy(w, y);

    CHECK(limbs_equal(x, y) == (memcmp(x, y, ELEMENT_BYTES) == 0 ? UINT64_MAX : 0));
    CHECK(limbs_less(x, y) == (BN_cmp(j->x, j->y) < 0 ? UINT64_MAX : 0));
    limbs_select(UINT64_MAX, z, x, y);
    CHECK(memcmp(z, x, sizeof z) == 0);
    limbs_select(0, z, x, y);
    CHECK(memcmp(z, y, sizeof z) == 0);
}

static void test_one(struct judge *j, const modulus *m, const limb x[LIMBS]) {
    limb z[LIMBS];
    uint8_t bytes[ELEMENT_BYTES];
    bn_from_limbs(j->x, x);

    BN_mod_sqr(j->z, j->x, j->m, j->context);
    BN_mod_mul(j->z, j->z, j->r_inverse, j->m, j->context);
    mont_sqr(m, z, x);
    expect(j, z, "sqr");
    limbs_copy(z, x);
    mont_sqr(m, z, z);
    expect(j, z, "sqr, z = x");
    mont_mul(m, z, x, x);
    expect(j, z, "mul, x = y");
    limbs_copy(z, x);
    mont_mul(m, z, z, z);
    expect(j, z, "mul, z = x = y");

    BN_mod_lshift1(j->z, j->x, j->m, j->context);
    limbs_copy(z, x);
    mod_add(m, z, z, z);
    expect(j, z, "add, z = x = y");
    BN_zero(j->z);
    limbs_copy(z, x);
    mod_sub(m, z, z, z);
    expect(j, z, "sub, z = x = y");
    BN_mod_sub(j->z, j->z, j->x, j->m, j->context);
    mod_neg(m, z, x);
    expect(j, z, "neg");
    BN_mod_mul(j->z, j->x, j->half, j->m, j->context);
    mod_half(m, z, x);
    expect(j, z, "half");

    BN_mod_sqr(j->z, j->x, j->m, j->context);
    BN_mod_mul(j->z, j->z, j->r_inverse, j->m, j->context);
    BN_mod_lshift1(j->z, j->z, j->m, j->context);
    mont_mul_add(m, z, x, x, x, x);
    expect(j, z, "mul_add of squares");
    mont_from_plain(m, z, x);
    mont_to_plain(m, z, z);
    CHECK(memcmp(z, x, sizeof z) == 0);
    CHECK(limbs_is_zero(x) == (BN_is_zero(j->x) ? UINT64_MAX : 0));
    bytes_from_limbs(bytes, x);
    BN_bin2bn(bytes, (int)sizeof bytes, j->z);
    CHECK(BN_cmp(j->x, j->z) == 0);
    bytes_to_limbs(z, bytes);
    CHECK(memcmp(z, x, sizeof z) == 0);
}

/* Any bytes as an element: in range or not, and back. */
static void test_bytes(const field *f, const limb number[LIMBS]) {
    uint8_t in[ELEMENT_BYTES], out[ELEMENT_BYTES];
    fe x;
    bytes_from_limbs(in, number);
    limb below = fe_from_bytes(f, x, in);
    CHECK(below == limbs_less(number, f->m));
    if (!below) return;
    fe_to_bytes(f, out, x);
    CHECK(memcmp(in, out, sizeof in) == 0);
}

static void test_modulus(const modulus *m) {
    static limb numbers[NUMBERS][LIMBS];
    struct judge j = judge_new(m->m);
    CHECK(m->m[0] * m->n0 == UINT64_MAX);
    memset(v, 0, sizeof v);
    numbers_fill(numbers, m->m);
    for (int i = 0; i < NUMBERS; i++) test_bytes(m, numbers[i]);
    elements_fill(numbers, m->m);
    for (int i = 0; i < NUMBERS; i++) {
        test_one(&j, m, numbers[i]);
        for (int k = i % THIN; k < NUMBERS; k += THIN) test_pair(&j, m, numbers[i], numbers[k]);
    }
    /* chains of results, which wander over all of the field */
    limb x[LIMBS], y[LIMBS];
    limbs_copy(x, m->r2);
    limbs_copy(y, m->one);
    for (int i = 0; i < 300; i++) {
        test_one(&j, m, x);
        test_pair(&j, m, x, y);
        mont_mul(m, y, x, y);
        mont_sqr(m, x, x);
        mod_sub(m, x, x, y);
    }
    judge_free(&j);
}

int main(void) {
    if (!runnable()) return EXIT_SUCCESS;
    for (size_t i = 0; i < DOMAINS; i++) {
        test_modulus(&domains[i].p);
        test_modulus(&domains[i].n);
    }
    return check_end();
}
