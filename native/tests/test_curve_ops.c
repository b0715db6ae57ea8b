/* SPDX-License-Identifier: Apache-2.0 */
/* Every curve and code path against libcrypto, on edge scalars and points and on random ones.  The argument says how many random ones;
 * from 100 on every edge is tried in every place, below that every third, and under memcheck or an emulator every fortieth. */
#include "curve_ops.h"

#include "check.h"
#include "judge.h"
#include "paths.h"

/* ---- edges -------------------------------------------------------------------------------------------------------------- */

#define EDGES 200

struct edges {
    int count;
    uint8_t scalars[EDGES][SECMOD_MAX_FIELD];
};

static void add_edge(struct edges *e, struct judge *j, const BIGNUM *value) {
    if (BN_is_negative(value) || BN_num_bytes(value) > j->bytes || e->count == EDGES) return;
    BN_bn2binpad(value, e->scalars[e->count++], j->bytes);
}

/* Small numbers, their distance to n, powers of 2 and neighbours, runs of ones, and what meets exceptions of additions. */
static void edges_fill(struct edges *e, struct judge *j) {
    BIGNUM *x = BN_new(), *y = BN_new();
    e->count = 0;
    for (int i = -3; i <= 40; i++) {
        BN_set_word(x, (BN_ULONG)(i < 0 ? -i : i));
        if (i >= 0) add_edge(e, j, x);
        if (i < 0) BN_add(y, j->n, x); else BN_sub(y, j->n, x);
        add_edge(e, j, y);
    }
    for (int window = 4; window <= 7; window++) { /* k = n - 2 (n mod 2^w): the last addition doubles */
        BN_set_word(x, BN_mod_word(j->n, 1U << window));
        BN_lshift1(x, x);
        BN_sub(y, j->n, x);
        add_edge(e, j, y);
    }
    for (int bits = 5; bits < 8 * j->bytes; bits += bits < 72 ? 5 : 61) {
        BN_zero(x);
        BN_set_bit(x, bits);
        add_edge(e, j, x);
        BN_sub_word(x, 1);
        add_edge(e, j, x);
        BN_sub(y, j->n, x);
        add_edge(e, j, y);
    }
    BN_rshift1(x, j->n);
    add_edge(e, j, x);
    BN_add_word(x, 1);
    add_edge(e, j, x);
    add_edge(e, j, j->p);
    memset(e->scalars[e->count++], 0xFF, SECMOD_MAX_FIELD);
    memset(e->scalars[e->count++], 0xAA, SECMOD_MAX_FIELD);
    memset(e->scalars[e->count++], 0x55, SECMOD_MAX_FIELD);
    BN_free(x);
    BN_free(y);
}

/* ---- the tests ---------------------------------------------------------------------------------------------------------- */

struct test {
    int stride; /* over the edges */
    const struct curve *c;
    const struct curve_ops *ops;
    struct judge judge;
    struct edges edges;
    kept_table *kept;
};

static void check_base_mul(struct test *t, const uint8_t *k) {
    uint8_t point[SECMOD_MAX_POINT], expected[SECMOD_MAX_POINT];
    int good = judge_in_range(&t->judge, k);
    CHECK(t->ops->scalar_in_range(t->c, k) == good);
    memset(point, 0xEE, sizeof point);
    CHECK(t->ops->base_mul(t->c, k, point) == good);
    memset(expected, 0, sizeof expected);
    if (good) judge_sum(&t->judge, k, NULL, NULL, NULL, expected);
    CHECK(memcmp(point, expected, curve_point_bytes(t->c)) == 0);
    CHECK(curve_point_bytes(t->c) == SECMOD_MAX_POINT || point[curve_point_bytes(t->c)] == 0xEE);
    if (good) CHECK(t->ops->point_check_vartime(t->c, point) == 1);
}

static void check_point_mul(struct test *t, const uint8_t *k, const uint8_t *q) {
    uint8_t point[SECMOD_MAX_POINT], expected[SECMOD_MAX_POINT];
    int good = judge_in_range(&t->judge, k);
    CHECK(t->ops->point_mul(t->c, k, q, point) == good);
    memset(expected, 0, sizeof expected);
    if (good) judge_sum(&t->judge, NULL, k, q, NULL, expected);
    CHECK(memcmp(point, expected, curve_point_bytes(t->c)) == 0);
}

static void check_point_add(struct test *t, const uint8_t *p, const uint8_t *q) {
    uint8_t point[SECMOD_MAX_POINT], expected[SECMOD_MAX_POINT];
    int finite = judge_sum(&t->judge, NULL, NULL, p, q, expected);
    CHECK(t->ops->point_add(t->c, p, q, point) == finite);
    CHECK(memcmp(point, expected, curve_point_bytes(t->c)) == 0);
}

static void check_sign(struct test *t, const uint8_t *d, const uint8_t *k, const uint8_t *hash, size_t length) {
    uint8_t signature[SECMOD_MAX_SIGNATURE], expected[SECMOD_MAX_SIGNATURE], q[SECMOD_MAX_POINT];
    size_t field = curve_field_bytes(t->c);
    memset(expected, 0, sizeof expected);
    int good = judge_in_range(&t->judge, d) && judge_in_range(&t->judge, k) && judge_sign(&t->judge, d, k, hash, length, expected);
    CHECK(t->ops->sign(t->c, d, k, hash, length, signature) == good);
    CHECK(memcmp(signature, expected, 2 * field) == 0);
    if (!good) return;
    CHECK(t->ops->base_mul(t->c, d, q) == 1);
    t->ops->kept_make_vartime(t->c, q, t->kept);
    for (int with = 0; with < 2; with++) {
        const kept_table *kept = with ? t->kept : NULL;
        CHECK(t->ops->verify_vartime(t->c, kept, q, hash, length, signature) == 1);
        size_t at = (size_t)(random_byte() % (2 * field));
        signature[at] ^= 0x10;
        CHECK(t->ops->verify_vartime(t->c, kept, q, hash, length, signature) == 0);
        signature[at] ^= 0x10;
    }
}

/* Signatures made to measure: for wanted u1 and u2, R = u1 G + u2 Q gives r = x(R), s = r / u2, e = u1 s. */
static void check_verify(struct test *t, const uint8_t *u1, const uint8_t *u2, const uint8_t *q) {
    struct judge *j = &t->judge;
    uint8_t point[SECMOD_MAX_POINT], signature[SECMOD_MAX_SIGNATURE] = {0}, hash[SECMOD_MAX_FIELD];
    BIGNUM *a = BN_bin2bn(u1, j->bytes, NULL), *b = BN_bin2bn(u2, j->bytes, NULL), *r = NULL, *s = BN_new();
    BN_nnmod(a, a, j->n, j->context);
    BN_nnmod(b, b, j->n, j->context);
    if (!BN_is_zero(b)) {
        int finite = judge_sum(j, u1, u2, q, NULL, point);
        r = BN_bin2bn(point + 1, j->bytes, NULL);
        if (!finite) BN_one(r); /* the sum is infinity: no r is right */
        BN_nnmod(r, r, j->n, j->context);
        if (BN_is_zero(r)) return;
        BN_mod_inverse(s, b, j->n, j->context);
        BN_mod_mul(s, s, r, j->n, j->context);
        BN_mod_mul(a, a, s, j->n, j->context);
        BN_bn2binpad(r, signature, j->bytes);
        BN_bn2binpad(s, signature + j->bytes, j->bytes);
        BN_bn2binpad(a, hash, j->bytes);
        t->ops->kept_make_vartime(t->c, q, t->kept);
        for (int with = 0; with < 2; with++) {
            CHECK(t->ops->verify_vartime(t->c, with ? t->kept : NULL, q, hash, (size_t)j->bytes, signature) == finite);
        }
        BN_free(r);
    }
    BN_free(a);
    BN_free(b);
    BN_free(s);
}

static void check_points(struct test *t, const uint8_t *q) {
    struct judge *j = &t->judge;
    uint8_t wrong[SECMOD_MAX_POINT];
    size_t field = curve_field_bytes(t->c);
    CHECK(t->ops->point_check_vartime(t->c, q) == 1);
    for (int prefix = 0; prefix < 256; prefix++) {
        memcpy(wrong, q, sizeof wrong);
        wrong[0] = (uint8_t)prefix;
        CHECK(t->ops->point_check_vartime(t->c, wrong) == (prefix == 4));
    }
    for (size_t i = 1; i < curve_point_bytes(t->c); i++) {
        memcpy(wrong, q, sizeof wrong);
        wrong[i] ^= (uint8_t)(1U << (i % 8));
        CHECK(t->ops->point_check_vartime(t->c, wrong) == 0);
    }
    for (int which = 0; which < 2; which++) { /* x + p and y + p, where they have room, are no other way to write x and y */
        memcpy(wrong, q, sizeof wrong);
        BIGNUM *x = BN_bin2bn(q + 1 + (which ? field : 0), (int)field, NULL);
        BN_add(x, x, j->p);
        if (BN_num_bytes(x) <= (int)field) {
            BN_bn2binpad(x, wrong + 1 + (which ? field : 0), (int)field);
            CHECK(t->ops->point_check_vartime(t->c, wrong) == 0);
        }
        BN_free(x);
    }
    memset(wrong, 0, sizeof wrong);
    wrong[0] = 4;
    CHECK(t->ops->point_check_vartime(t->c, wrong) == 0);
}

/* Points of x = 0, 1, 2 .. and p - 1, p - 2 ..: edges of the field, that no scalar leads to. */
static void each_edge_point(struct test *t, void (*check)(struct test *, const uint8_t *)) {
    struct judge *j = &t->judge;
    EC_POINT *point = EC_POINT_new(j->group);
    BIGNUM *x = BN_new();
    uint8_t q[SECMOD_MAX_POINT];
    for (unsigned int i = 0; i < 12; i++) {
        BN_set_word(x, i / 2);
        if (i % 2) BN_sub(x, j->p, x);
        if (i == 1 || EC_POINT_set_compressed_coordinates(j->group, point, x, (int)(i & 1), j->context) != 1) continue;
        EC_POINT_point2oct(j->group, point, POINT_CONVERSION_UNCOMPRESSED, q, sizeof q, j->context);
        check(t, q);
    }
    EC_POINT_free(point);
    BN_free(x);
}

static void test_edge_point(struct test *t, const uint8_t *q) {
    check_points(t, q);
    for (int i = 0; i < t->edges.count; i += 5 * t->stride) check_point_mul(t, t->edges.scalars[i], q);
    for (int i = 0; i < t->edges.count; i += 7 * t->stride) {
        const uint8_t *u1 = t->edges.scalars[i], *u2 = t->edges.scalars[(i * 31 + 1) % t->edges.count];
        check_verify(t, u1, u2, q);
    }
}

static void test_edges(struct test *t) {
    struct judge *j = &t->judge;
    uint8_t d[SECMOD_MAX_FIELD], q[SECMOD_MAX_POINT], r[SECMOD_MAX_POINT], hash[SECMOD_MAX_FIELD], g[SECMOD_MAX_POINT];
    uint8_t one[SECMOD_MAX_FIELD] = {0};
    one[j->bytes - 1] = 1;
    judge_sum(j, one, NULL, NULL, NULL, g);
    random_scalar(j, d);
    judge_sum(j, d, NULL, NULL, NULL, q);
    for (int i = 0; i < j->bytes; i++) hash[i] = random_byte();
    for (int i = 0; i < t->edges.count; i++) check_base_mul(t, t->edges.scalars[i]);
    for (int i = 0; i < t->edges.count; i += t->stride) {
        const uint8_t *edge = t->edges.scalars[i];
        check_point_mul(t, edge, i % 2 ? q : g);
        check_sign(t, d, edge, hash, (size_t)j->bytes);
        check_sign(t, edge, d, hash, (size_t)j->bytes);
        check_sign(t, d, d, edge, (size_t)j->bytes);
        check_verify(t, edge, d, q);
        check_verify(t, d, edge, g);
        check_verify(t, edge, t->edges.scalars[(i * 7 + 3) % t->edges.count], i % 2 ? q : g);
        if (judge_in_range(j, edge)) {
            judge_sum(j, edge, NULL, NULL, NULL, r);
            check_point_add(t, q, r);
            check_point_add(t, r, r);
            check_point_add(t, r, g);
            uint8_t negative[SECMOD_MAX_POINT];
            memcpy(negative, r, sizeof negative);
            BIGNUM *y = BN_bin2bn(r + 1 + j->bytes, j->bytes, NULL);
            BN_sub(y, j->p, y);
            BN_bn2binpad(y, negative + 1 + j->bytes, j->bytes);
            check_point_add(t, r, negative);
            BN_free(y);
        }
    }
    for (size_t length = 0; length <= SECMOD_MAX_FIELD; length += (size_t)t->stride) check_sign(t, d, t->edges.scalars[60], t->edges.scalars[40], length);
    check_points(t, q);
    check_points(t, g);
    each_edge_point(t, test_edge_point);
}

/* r or s of 0, n and above is refused whatever else it is. */
static void test_refused(struct test *t) {
    struct judge *j = &t->judge;
    uint8_t d[SECMOD_MAX_FIELD], q[SECMOD_MAX_POINT], hash[32] = {1}, good[SECMOD_MAX_SIGNATURE], bad[SECMOD_MAX_SIGNATURE];
    random_scalar(j, d);
    judge_sum(j, d, NULL, NULL, NULL, q);
    CHECK(t->ops->sign(t->c, d, d, hash, sizeof hash, good) == 1);
    t->ops->kept_make_vartime(t->c, q, t->kept);
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < t->edges.count; i += t->stride) {
            memcpy(bad, good, sizeof bad);
            memcpy(bad + half * j->bytes, t->edges.scalars[i], (size_t)j->bytes);
            CHECK(t->ops->verify_vartime(t->c, NULL, q, hash, sizeof hash, bad) == 0);
            CHECK(t->ops->verify_vartime(t->c, t->kept, q, hash, sizeof hash, bad) == 0);
        }
        BIGNUM *x = BN_bin2bn(good + half * j->bytes, j->bytes, NULL);
        BN_add(x, x, j->n);
        if (BN_num_bytes(x) <= j->bytes) { /* r + n, s + n */
            memcpy(bad, good, sizeof bad);
            BN_bn2binpad(x, bad + half * j->bytes, j->bytes);
            CHECK(t->ops->verify_vartime(t->c, NULL, q, hash, sizeof hash, bad) == 0);
        }
        BN_free(x);
    }
}

static void test_random(struct test *t, int rounds) {
    struct judge *j = &t->judge;
    uint8_t d[SECMOD_MAX_FIELD], k[SECMOD_MAX_FIELD], q[SECMOD_MAX_POINT], r[SECMOD_MAX_POINT], hash[SECMOD_MAX_FIELD];
    for (int i = 0; i < rounds; i++) {
        random_scalar(j, d);
        random_scalar(j, k);
        for (size_t b = 0; b < sizeof hash; b++) hash[b] = random_byte();
        check_base_mul(t, d);
        judge_sum(j, d, NULL, NULL, NULL, q);
        check_point_mul(t, k, q);
        check_sign(t, d, k, hash, 1 + (size_t)i % sizeof hash);
        judge_sum(j, k, NULL, NULL, NULL, r);
        check_point_add(t, q, r);
        check_verify(t, d, k, q);
    }
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : RUNNING_SLOWLY ? 1 : 20;
    for (int number = 0; number < secmod_curve_count(); number++) {
        struct test t = {.c = curve_at(number), .stride = RUNNING_SLOWLY ? 40 : rounds < 100 ? 3 : 1};
        judge_start(&t.judge, t.c);
        edges_fill(&t.edges, &t.judge);
        CHECK(curve_ops_of(t.c) != NULL);
        CHECK(curve_ops_of_path(t.c, "none") == NULL);
        for (size_t i = 0; i < PATHS; i++) {
            t.ops = curve_ops_of_path(t.c, path_names[i]);
            if (t.ops == NULL) continue;
            CHECK(strcmp(t.ops->path, path_names[i]) == 0);
            t.kept = aligned_alloc(64, (t.ops->kept_bytes + 63) / 64 * 64);
            test_edges(&t);
            test_refused(&t);
            test_random(&t, rounds);
            free(t.kept);
        }
        judge_end(&t.judge);
    }
    return check_end();
}
