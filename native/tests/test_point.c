/* SPDX-License-Identifier: Apache-2.0 */
/* The group law on the twin, with its exceptions, and the parts of the multiplications, against affine formulas in libcrypto's integers. */
#include "mul.h"
#include "numbers.h"

/* ---- the judge: affine points as integers ------------------------------------------------------------------------------- */

struct plain {
    BIGNUM *x, *y; /* both NULL for infinity */
};

struct judge {
    const struct domain *c;
    BN_CTX *context;
    BIGNUM *p, *n, *r_inverse;
};

static BIGNUM *fe_number(struct judge *j, const fe x) {
    BIGNUM *z = BN_new();
    bn_from_limbs(z, x);
    BN_mod_mul(z, z, j->r_inverse, j->p, j->context);
    return z;
}

static struct plain plain_of(struct judge *j, const affine *p) { return (struct plain){fe_number(j, p->x), fe_number(j, p->y)}; }

static void plain_free(struct plain p) {
    BN_free(p.x);
    BN_free(p.y);
}

static struct plain plain_copy(struct plain p) {
    return p.x == NULL ? (struct plain){NULL, NULL} : (struct plain){BN_dup(p.x), BN_dup(p.y)};
}

static struct plain plain_add(struct judge *j, struct plain p, struct plain q) {
    if (p.x == NULL) return plain_copy(q);
    if (q.x == NULL) return plain_copy(p);
    BIGNUM *top = BN_new(), *bottom = BN_new();
    struct plain z = {NULL, NULL};
    if (BN_cmp(p.x, q.x) == 0) {
        BN_mod_sqr(top, p.x, j->p, j->context);
        BN_sub_word(top, 1);
        BN_mul_word(top, 3);
        BN_mod_add(bottom, p.y, q.y, j->p, j->context); /* 0 if opposite */
    } else {
        BN_mod_sub(top, p.y, q.y, j->p, j->context);
        BN_mod_sub(bottom, p.x, q.x, j->p, j->context);
    }
    if (!BN_is_zero(bottom)) {
        z = (struct plain){BN_new(), BN_new()};
        BN_mod_inverse(bottom, bottom, j->p, j->context);
        BN_mod_mul(top, top, bottom, j->p, j->context);
        BN_mod_sqr(z.x, top, j->p, j->context);
        BN_mod_sub(z.x, z.x, p.x, j->p, j->context);
        BN_mod_sub(z.x, z.x, q.x, j->p, j->context);
        BN_mod_sub(z.y, p.x, z.x, j->p, j->context);
        BN_mod_mul(z.y, z.y, top, j->p, j->context);
        BN_mod_sub(z.y, z.y, p.y, j->p, j->context);
    }
    BN_free(top);
    BN_free(bottom);
    return z;
}

static struct plain plain_mul(struct judge *j, const BIGNUM *k, struct plain p) {
    struct plain z = {NULL, NULL};
    for (int i = BN_num_bits(k) - 1; i >= 0; i--) {
        struct plain twice = plain_add(j, z, z);
        plain_free(z);
        z = BN_is_bit_set(k, i) ? plain_add(j, twice, p) : plain_copy(twice);
        plain_free(twice);
    }
    return z;
}

/* ---- comparisons -------------------------------------------------------------------------------------------------------- */

static void expect_affine(struct judge *j, const affine *got, struct plain expected) {
    struct plain p = plain_of(j, got);
    CHECK(expected.x != NULL && BN_cmp(p.x, expected.x) == 0 && BN_cmp(p.y, expected.y) == 0);
    plain_free(p);
}

static void expect_jacobian(struct judge *j, const jacobian *got, struct plain expected) {
    affine p;
    CHECK(fe_is_zero(got->z) == (expected.x == NULL ? UINT64_MAX : 0));
    if (expected.x == NULL) return;
    pt_to_affine(&j->c->p, &p, got);
    expect_affine(j, &p, expected);
}

static void expect_extended(struct judge *j, const extended *got, struct plain expected) {
    affine p;
    CHECK(fe_is_zero(got->zz) == (expected.x == NULL ? UINT64_MAX : 0));
    if (expected.x == NULL) return;
    xt_to_affine(&j->c->p, &p, got);
    expect_affine(j, &p, expected);
}

/* Other coordinates of the same point. */
static void scale(const field *f, jacobian *z, const jacobian *p, const fe by) {
    fe t;
    fe_mul(f, z->z, p->z, by);
    fe_sqr(f, t, by);
    fe_mul(f, z->x, p->x, t);
    fe_mul(f, t, t, by);
    fe_mul(f, z->y, p->y, t);
}

static void xt_from_jacobian(const field *f, extended *z, const jacobian *p) {
    fe_copy(z->x, p->x);
    fe_copy(z->y, p->y);
    fe_sqr(f, z->zz, p->z);
    fe_mul(f, z->zzz, z->zz, p->z);
}

/* ---- the tests ---------------------------------------------------------------------------------------------------------- */

/* p + q in each of the ways, p with Z other than 1. */
static void test_add(struct judge *j, const affine *p, int infinite, const affine *q) {
    const field *f = &j->c->p;
    jacobian a, z;
    extended b, w;
    struct plain x = infinite ? (struct plain){NULL, NULL} : plain_of(j, p), y = plain_of(j, q), sum = plain_add(j, x, y), twice = plain_add(j, x, x);
    int equal = x.x != NULL && BN_cmp(x.x, y.x) == 0 && BN_cmp(x.y, y.y) == 0;
    pt_from_affine(f, &a, p);
    scale(f, &a, &a, f->r2);
    if (infinite) memset(a.z, 0, sizeof a.z);
    xt_from_jacobian(f, &b, &a);

    pt_double(f, &z, &a);
    expect_jacobian(j, &z, twice);
    z = a;
    pt_double(f, &z, &z);
    expect_jacobian(j, &z, twice);
    if (!infinite) {
        CHECK(pt_add_affine(f, &z, &a, q) == (equal ? UINT64_MAX : 0));
        if (!equal) expect_jacobian(j, &z, sum);
        z = a;
        (void)pt_add_affine(f, &z, &z, q);
        if (!equal) expect_jacobian(j, &z, sum);
        CHECK(xt_add_affine(f, &w, &b, q) == (equal ? UINT64_MAX : 0));
        if (!equal) expect_extended(j, &w, sum);
        w = b;
        (void)xt_add_affine(f, &w, &w, q);
        if (!equal) expect_extended(j, &w, sum);
    }
    pt_add_affine_complete(f, &z, &a, q);
    expect_jacobian(j, &z, sum);
    z = a;
    pt_add_affine_complete(f, &z, &z, q);
    expect_jacobian(j, &z, sum);
    z = a;
    pt_add_vartime(f, &z, q);
    expect_jacobian(j, &z, sum);
    xt_add_affine_complete(f, &w, &b, q);
    expect_extended(j, &w, sum);
    w = b;
    xt_add_affine_complete(f, &w, &w, q);
    expect_extended(j, &w, sum);
    w = b;
    xt_add_vartime(f, &w, q);
    expect_extended(j, &w, sum);
    plain_free(x);
    plain_free(y);
    plain_free(sum);
    plain_free(twice);
}

/* The digits of k in each width of window give k again. */
static void test_digits(const limb k[LIMBS]) {
    static const int windows[] = {KEPT_WINDOW, MUL_WINDOW, COMB_WINDOW, 2, 3, 8};
    BIGNUM *expected = BN_new(), *sum = BN_new(), *part = BN_new();
    struct digits digits;
    bn_from_limbs(expected, k);
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        int w = windows[i];
        if ((w * WINDOWS(w) - 1) / 64 > LIMBS) continue;
        digits_of(&digits, w, k);
        BN_zero(sum);
        for (int at = WINDOWS(w) - 1; at >= 0; at--) {
            limb negative, index = digit_index(&digits, w, at, &negative);
            CHECK(index < (limb)ROW(w));
            BN_set_word(part, 2 * index + 1);
            BN_set_negative(part, negative != 0);
            BN_lshift(sum, sum, w);
            BN_add(sum, sum, part);
        }
        CHECK(BN_cmp(sum, expected) == 0);
    }
    BN_free(expected);
    BN_free(sum);
    BN_free(part);
}

static void test_naf(int window, const limb k[LIMBS]) {
    int8_t digits[64 * LIMBS + 1];
    BIGNUM *expected = BN_new(), *sum = BN_new();
    int length = naf_digits_vartime(digits, window, k), since = window;
    bn_from_limbs(expected, k);
    for (int i = length - 1; i >= 0; i--) {
        BN_lshift1(sum, sum);
        since++;
        if (digits[i] == 0) continue;
        CHECK(digits[i] % 2 != 0 && digits[i] < ROW(window) && digits[i] > -ROW(window) && since >= window);
        since = 0;
        if (digits[i] > 0) {
            BN_add_word(sum, (BN_ULONG)digits[i]);
        } else {
            BN_sub_word(sum, (BN_ULONG)-digits[i]);
        }
    }
    CHECK(BN_cmp(sum, expected) == 0);
    BN_free(expected);
    BN_free(sum);
}

static void test_multiples(struct judge *j, const sc k, const affine *q) {
    jacobian z;
    extended w;
    BIGNUM *number = BN_new();
    bn_from_limbs(number, k);
    struct plain base = plain_of(j, (const affine *)j->c->comb), point = plain_of(j, q);
    struct plain kg = plain_mul(j, number, base), kq = plain_mul(j, number, point), sum = plain_add(j, kg, point);
    base_mul(j->c, &w, k);
    expect_extended(j, &w, kg);
    point_mul(j->c, &z, k, q);
    expect_jacobian(j, &z, kq);
    affine row[NAF_ROW];
    sc other;
    row_make(&j->c->p, row, q, NAF_ROW);
    sc_reduce(&j->c->n, other, j->c->p.m);
    for (int i = 0; i < 3; i++) { /* times G, times q, or both */
        static const sc zero = {0};
        const limb *a = i == 1 ? zero : i == 2 ? other : k, *b = i == 0 ? zero : k;
        double_mul_vartime(j->c, &z, a, b, row);
        bn_from_limbs(number, a);
        struct plain ag = plain_mul(j, number, base);
        bn_from_limbs(number, b);
        struct plain bq = plain_mul(j, number, point), both = plain_add(j, ag, bq);
        expect_jacobian(j, &z, both);
        plain_free(ag);
        plain_free(bq);
        plain_free(both);
    }
    xt_from_affine(&j->c->p, &w, q);
    comb_add_vartime(j->c, &w, (const affine *)j->c->comb, COMB_WINDOW, k);
    expect_extended(j, &w, sum);
    plain_free(base);
    plain_free(point);
    plain_free(kg);
    plain_free(kq);
    plain_free(sum);
    BN_free(number);
}

static void test_tables(struct judge *j, const affine *q) {
    affine row[ROW(MUL_WINDOW)], one;
    struct kept_table *kept = malloc(sizeof *kept);
    struct plain point = plain_of(j, q);
    BIGNUM *k = BN_new();
    row_make(&j->c->p, row, q, ROW(MUL_WINDOW));
    for (int i = 0; i < ROW(MUL_WINDOW); i++) {
        BN_set_word(k, (BN_ULONG)(2 * i + 1));
        struct plain expected = plain_mul(j, k, point);
        expect_affine(j, &row[i], expected);
        row_read((limb *)&one, (const limb *)row, ROW(MUL_WINDOW), (limb)i);
        CHECK(memcmp(&one, &row[i], sizeof one) == 0);
        plain_free(expected);
    }
    kept_make(j->c, kept, q);
    for (int i = 0; i < WINDOWS(KEPT_WINDOW); i += THIN) {
        for (int column = 0; column < ROW(KEPT_WINDOW); column += 1 + (i % 3)) {
            BN_set_word(k, (BN_ULONG)(2 * column + 1));
            BN_lshift(k, k, KEPT_WINDOW * i);
            struct plain expected = plain_mul(j, k, point);
            expect_affine(j, &kept->rows[i][column], expected);
            plain_free(expected);
        }
    }
    BN_free(k);
    plain_free(point);
    free(kept);
}

static void test_domain(const struct domain *c) {
    static limb numbers[NUMBERS][LIMBS];
    struct judge j = {c, BN_CTX_new(), BN_new(), BN_new(), BN_new()};
    const affine *comb = (const affine *)c->comb, *g = comb, *g3 = comb + 1, *far = comb + 5 * ROW(COMB_WINDOW) + 7;
    affine negative = *far, wrong = *far;
    bn_from_limbs(j.p, c->p.m);
    bn_from_limbs(j.n, c->n.m);
    BN_set_bit(j.r_inverse, 64 * LIMBS);
    BN_mod_inverse(j.r_inverse, j.r_inverse, j.p, j.context);

    CHECK(pt_on_curve(&c->p, c->b, far) == UINT64_MAX);
    wrong.x[0] ^= 1;
    CHECK(pt_on_curve(&c->p, c->b, &wrong) == 0);
    pt_negate_if(&c->p, UINT64_MAX, &negative);
    CHECK(pt_on_curve(&c->p, c->b, &negative) == UINT64_MAX);
    pt_negate_if(&c->p, 0, &negative);
    test_add(&j, g, 0, g3);
    test_add(&j, far, 0, g);
    test_add(&j, far, 0, far);
    test_add(&j, far, 0, &negative);
    test_add(&j, &negative, 0, far);
    test_add(&j, far, 1, g);
    test_add(&j, g, 1, g);
    test_tables(&j, far);

    elements_fill(numbers, c->n.m);
    for (int i = 0; i < NUMBERS; i++) {
        test_naf(NAF_WINDOW, numbers[i]);
        test_naf(COMB_WINDOW + 1, numbers[i]);
        limb odd[LIMBS];
        limbs_copy(odd, numbers[i]);
        odd[0] |= 1;
        test_digits(odd);
        if (i % (4 * THIN) == 0) test_multiples(&j, numbers[i], i % 8 ? far : g);
    }
    test_digits(c->n.m);
    limb opposite[LIMBS]; /* n - 2 (n mod 2^w), n - 2, n - 4: where the last additions double or end at infinity */
    for (limb window = 0; window < 9; window += (limb)THIN) {
        limb twice[LIMBS] = {window < 2 ? 2 * window + 2 : 2 * (c->n.m[0] & ((1U << window) - 1))};
        (void)limbs_sub(opposite, c->n.m, twice);
        test_multiples(&j, opposite, far);
        test_multiples(&j, opposite, g);
    }
    BN_free(j.p);
    BN_free(j.n);
    BN_free(j.r_inverse);
    BN_CTX_free(j.context);
}

int main(void) {
    if (!runnable()) return EXIT_SUCCESS;
    for (size_t i = 0; i < DOMAINS; i++) test_domain(&domains[i]);
    return check_end();
}
