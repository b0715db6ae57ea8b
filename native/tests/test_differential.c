/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations of every path beside libcrypto: multiples, agreements, signatures and their verification, one by one and in
 * batches with bad jobs among the good.  Arguments: groups of 8 jobs a curve, each for 4 operations (20); the curve, or all (-1);
 * where random numbers start.  `make differential` does a million operations a curve, which takes most of an hour. */
#include "curve_ops.h"

#include "judge.h"
#include "paths.h"

#define JOBS 8
#define PORTABLE_EVERY 8 /* of the groups, in long runs: the slowest path */

struct group {
    uint8_t keys[JOBS][SECMOD_MAX_FIELD], nonces[JOBS][SECMOD_MAX_FIELD], hashes[JOBS][SECMOD_MAX_FIELD];
    size_t hash_lengths[JOBS];
    uint8_t points[JOBS][SECMOD_MAX_POINT];         /* of the keys, some spoilt */
    uint8_t tried[JOBS][SECMOD_MAX_SIGNATURE];      /* to be verified: some spoilt */
    uint8_t multiples[JOBS][SECMOD_MAX_POINT];      /* nonce * G */
    uint8_t agreed[JOBS][SECMOD_MAX_POINT];         /* nonce * point */
    uint8_t signatures[JOBS][SECMOD_MAX_SIGNATURE]; /* by the key with the nonce */
    int nonce_good[JOBS], sign_good[JOBS], point_good[JOBS], verified[JOBS];
};

struct state {
    struct judge judge;
    const struct curve *c;
    uint8_t key[SECMOD_MAX_FIELD], point[SECMOD_MAX_POINT]; /* the next job's: the last nonce and its multiple */
};

static unsigned int random_below(unsigned int bound) {
    unsigned int word = 0;
    for (int i = 0; i < 4; i++) word = word << 8 | random_byte();
    return word % bound;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------ */

/* Mostly random ones; some with few bits or few gaps, long runs, near 0, near n.  A few are 0 or not below n. */
static void draw_scalar(const struct judge *j, uint8_t *out) {
    const unsigned int kind = random_below(20);
    const size_t bytes = (size_t)j->bytes;
    for (size_t i = 0; i < bytes; i++) out[i] = random_byte();
    if (kind == 0 || kind == 1) { /* Hamming weight of 1 to 4, or of all but so many */
        memset(out, kind == 0 ? 0 : 0xFF, bytes);
        for (unsigned int i = 0; i <= random_below(4); i++) out[random_below((unsigned int)bytes)] ^= (uint8_t)(1U << random_below(8));
        if (kind == 1) out[0] &= 0x7F;
    } else if (kind == 2) {
        for (size_t i = 0; i < bytes; i += 4) {
            if (random_below(3) > 0) memset(out + i, random_below(2) ? 0xFF : 0, 4);
        }
    } else if (kind == 3 || kind == 4) { /* n - 60000 ... n + 5535, or below 65536 */
        BIGNUM *x = BN_new();
        const unsigned int small = random_below(2) ? random_below(65536) : random_below(70);
        if (kind == 3) {
            BN_copy(x, j->n);
            BN_sub_word(x, random_below(16) ? small % 60000 : 0);
            if (random_below(16) == 0) BN_add_word(x, small % 5536);
        } else {
            BN_set_word(x, small);
        }
        BN_bn2binpad(x, out, j->bytes);
        BN_free(x);
    } else if (random_below(16) > 0) {
        out[0] &= 0x7F; /* below n on every curve */
    }
}

static void spoil_point(const struct judge *j, uint8_t *point) {
    const unsigned int kind = random_below(5), bytes = (unsigned int)j->bytes;
    if (kind == 0) point[0] = (uint8_t)random_below(8);
    if (kind == 1) point[1 + random_below(2 * bytes)] ^= (uint8_t)(1U << random_below(8));
    if (kind == 2) BN_bn2binpad(j->p, point + 1 + random_below(2) * bytes, j->bytes);
    if (kind == 3) memset(point + 1, 0xFF, bytes);
    if (kind == 4) memset(point + 1, 0, 2 * bytes);
}

static void spoil_signature(const struct judge *j, uint8_t *signature, uint8_t *hash) {
    const unsigned int kind = random_below(6), bytes = (unsigned int)j->bytes;
    uint8_t *half = signature + random_below(2) * bytes;
    if (kind == 0) signature[random_below(2 * bytes)] ^= (uint8_t)(1U << random_below(8));
    if (kind == 1) hash[0] ^= 1;
    if (kind == 2) memset(half, 0, bytes);
    if (kind == 3) BN_bn2binpad(j->n, half, j->bytes);
    if (kind == 4) memset(half, 0xFF, bytes);
    if (kind == 5) { /* n - s is as good as s */
        BIGNUM *s = BN_bin2bn(signature + bytes, j->bytes, NULL);
        if (BN_cmp(s, j->n) < 0) BN_sub(s, j->n, s);
        BN_bn2binpad(s, signature + bytes, j->bytes);
        BN_free(s);
    }
}

/* Everything about a job, as libcrypto sees it.  The key is the nonce of the job before, so one multiple serves both. */
static void draw(struct state *s, struct group *g, int i) {
    struct judge *j = &s->judge;
    memcpy(g->keys[i], s->key, sizeof s->key);
    memcpy(g->points[i], s->point, sizeof s->point);
    draw_scalar(j, g->nonces[i]);
    for (size_t b = 0; b < sizeof g->hashes[i]; b++) g->hashes[i][b] = random_byte();
    if (random_below(32) == 0) memset(g->hashes[i], random_below(2) ? 0xFF : 0, sizeof g->hashes[i]);
    g->hash_lengths[i] = random_below(2) ? (size_t)j->bytes : 1 + random_below(64);
    memset(g->multiples[i], 0, sizeof g->multiples[i]);
    memset(g->signatures[i], 0, sizeof g->signatures[i]);
    memset(g->agreed[i], 0, sizeof g->agreed[i]);
    g->nonce_good[i] = judge_in_range(j, g->nonces[i]);
    if (g->nonce_good[i]) CHECK(judge_sum(j, g->nonces[i], NULL, NULL, NULL, g->multiples[i]) == 1);
    g->sign_good[i] = g->nonce_good[i] && judge_sign_at(j, g->multiples[i], g->keys[i], g->nonces[i], g->hashes[i],
                                                         g->hash_lengths[i], g->signatures[i]);
    memcpy(g->tried[i], g->signatures[i], sizeof g->tried[i]);
    if (g->nonce_good[i]) { /* of the next job; this one's point may be spoilt */
        memcpy(s->key, g->nonces[i], sizeof s->key);
        memcpy(s->point, g->multiples[i], sizeof s->point);
    }
    if (random_below(16) == 0) spoil_point(j, g->points[i]);
}

/* The rest, which needs a good point and a hash that may be spoilt once the signature is made. */
static void judge_rest(struct state *s, struct group *g, int i, uint8_t *hash) {
    struct judge *j = &s->judge;
    memcpy(hash, g->hashes[i], sizeof g->hashes[i]);
    if (random_below(4) == 0) spoil_signature(j, g->tried[i], hash);
    g->verified[i] = judge_verify(j, g->points[i], hash, g->hash_lengths[i], g->tried[i]);
    g->point_good[i] = g->verified[i] != SECMOD_E_POINT;
    if (g->point_good[i] && g->nonce_good[i]) CHECK(judge_sum(j, NULL, g->nonces[i], g->points[i], NULL, g->agreed[i]) == 1);
}

/* ---- ours --------------------------------------------------------------------------------------------------------------- */

static int ours_verify(const struct state *s, const struct curve_ops *ops, const kept_table *kept, const struct group *g,
                       const uint8_t *hash, int i) {
    if (!ops->point_check_vartime(s->c, g->points[i])) return SECMOD_E_POINT;
    return ops->verify_vartime(s->c, kept, g->points[i], hash, g->hash_lengths[i], g->tried[i]) ? SECMOD_OK : SECMOD_E_SIGNATURE;
}

static void negate(const struct judge *j, const uint8_t *key, uint8_t *negative) {
    BIGNUM *d = BN_bin2bn(key, j->bytes, NULL);
    BN_sub(d, j->n, d);
    CHECK(BN_bn2binpad(d, negative, j->bytes) == j->bytes);
    BN_free(d);
}

/* As sign and sign_check: done and right, and wrong for a wrong negative. */
static void check_sign_checked(const struct state *s, const struct curve_ops *ops, const struct group *g, const uint8_t *negative, int i) {
    uint8_t signature[SECMOD_MAX_SIGNATURE], wrong[SECMOD_MAX_FIELD];
    struct sign_job job = {.key = g->keys[i],
                           .nonce = g->nonces[i],
                           .negative = negative,
                           .hash = g->hashes[i],
                           .hash_length = g->hash_lengths[i],
                           .signature = signature,
                           .result = 1};
    ops->sign_checked(s->c, &job);
    CHECK(job.result == SECMOD_OK && memcmp(signature, g->signatures[i], curve_signature_bytes(s->c)) == 0);
    memcpy(wrong, negative, sizeof wrong);
    wrong[random_below((unsigned int)s->judge.bytes)] ^= (uint8_t)(1U << random_below(8));
    job.negative = wrong;
    ops->sign_checked(s->c, &job);
    CHECK(job.result == SECMOD_E_FAULT);
}

/* The checks before something leaves the vault: right for what is right, wrong after any bit. */
static void check_checks(const struct state *s, const struct curve_ops *ops, const struct group *g, int i) {
    uint8_t negative[SECMOD_MAX_FIELD], signature[SECMOD_MAX_SIGNATURE], point[SECMOD_MAX_POINT];
    const struct judge *j = &s->judge;
    const unsigned int bytes = (unsigned int)j->bytes;
    memcpy(signature, g->signatures[i], sizeof signature);
    memcpy(point, g->multiples[i], sizeof point);
    CHECK(ops->base_check(s->c, g->nonces[i], point) == g->nonce_good[i]);
    point[1 + random_below(2 * bytes)] ^= (uint8_t)(1U << random_below(8));
    CHECK(ops->base_check(s->c, g->nonces[i], point) == 0);
    CHECK(ops->base_mul_checked(s->c, g->nonces[i], point) == g->nonce_good[i]);
    CHECK(memcmp(point, g->multiples[i], 1 + 2 * bytes) == 0);
    if (!g->sign_good[i]) return;
    negate(j, g->keys[i], negative);
    CHECK(ops->sign_check(s->c, negative, g->nonces[i], g->hashes[i], g->hash_lengths[i], signature) == 1);
    check_sign_checked(s, ops, g, negative, i);
    signature[random_below(2 * bytes)] ^= (uint8_t)(1U << random_below(8));
    CHECK(ops->sign_check(s->c, negative, g->nonces[i], g->hashes[i], g->hash_lengths[i], signature) == 0);
}

static void check_single(const struct state *s, const struct curve_ops *ops, const struct group *g, uint8_t hashes[JOBS][SECMOD_MAX_FIELD],
                         kept_table *kept) {
    const size_t field = curve_field_bytes(s->c);
    uint8_t point[SECMOD_MAX_POINT], signature[SECMOD_MAX_SIGNATURE];
    for (int i = 0; i < JOBS; i++) {
        CHECK(ops->base_mul(s->c, g->nonces[i], point) == g->nonce_good[i] && memcmp(point, g->multiples[i], 1 + 2 * field) == 0);
        int done = ops->sign(s->c, g->keys[i], g->nonces[i], g->hashes[i], g->hash_lengths[i], signature);
        CHECK(done == g->sign_good[i] && memcmp(signature, g->signatures[i], 2 * field) == 0);
        check_checks(s, ops, g, i);
        CHECK(ours_verify(s, ops, NULL, g, hashes[i], i) == g->verified[i]);
        if (!g->point_good[i]) continue;
        CHECK(ops->point_mul(s->c, g->nonces[i], g->points[i], point) == g->nonce_good[i]);
        CHECK(memcmp(point, g->agreed[i], 1 + 2 * field) == 0);
        if (i != 0) continue;
        ops->kept_make_vartime(s->c, g->points[i], kept); /* as long as ten verifications: for one of eight */
        CHECK(ours_verify(s, ops, kept, g, hashes[i], i) == g->verified[i]);
    }
}

static void check_batch(const struct state *s, const struct curve_ops *ops, const struct group *g,
                        uint8_t hashes[JOBS][SECMOD_MAX_FIELD]) {
    const size_t field = curve_field_bytes(s->c);
    uint8_t points[JOBS][SECMOD_MAX_POINT], signatures[JOBS][SECMOD_MAX_SIGNATURE], z[JOBS][SECMOD_MAX_FIELD];
    uint8_t negatives[JOBS][SECMOD_MAX_FIELD];
    struct base_job bases[JOBS];
    struct sign_job signs[JOBS];
    struct point_job agrees[JOBS];
    struct verify_job verifies[JOBS];
    for (int i = 0; i < JOBS; i++) {
        if (g->sign_good[i]) negate(&s->judge, g->keys[i], negatives[i]);
        bases[i] = (struct base_job){.scalar = g->nonces[i], .point = points[i], .checked = i % 2};
        signs[i] = (struct sign_job){.key = g->keys[i],
                                     .nonce = g->nonces[i],
                                     .negative = g->sign_good[i] && i % 3 ? negatives[i] : NULL,
                                     .hash = g->hashes[i],
                                     .hash_length = g->hash_lengths[i],
                                     .signature = signatures[i],
                                     .result = 1};
        agrees[i] = (struct point_job){.scalar = g->nonces[i], .point = g->points[i], .out = z[i]};
        verifies[i] = (struct verify_job){g->points[i], hashes[i], g->tried[i], g->hash_lengths[i], 1};
    }
    ops->base_mul_many(s->c, bases, JOBS);
    ops->sign_many(s->c, signs, JOBS);
    ops->agree_many(s->c, agrees, JOBS);
    ops->verify_many_vartime(s->c, verifies, JOBS);
    for (int i = 0; i < JOBS; i++) {
        CHECK(bases[i].result == (g->nonce_good[i] ? SECMOD_OK : SECMOD_E_SCALAR));
        CHECK(memcmp(points[i], g->multiples[i], 1 + 2 * field) == 0);
        CHECK(signs[i].result == (g->sign_good[i] ? SECMOD_OK : SECMOD_E_SCALAR));
        CHECK(memcmp(signatures[i], g->signatures[i], 2 * field) == 0);
        CHECK(agrees[i].result == (!g->point_good[i] ? SECMOD_E_POINT : g->nonce_good[i] ? SECMOD_OK : SECMOD_E_SCALAR));
        CHECK(memcmp(z[i], g->agreed[i] + 1, field) == 0);
        CHECK(verifies[i].result == g->verified[i]);
    }
}

static void test_group(struct state *s, int number, int groups, kept_table *kept) {
    static struct group g;
    uint8_t hashes[JOBS][SECMOD_MAX_FIELD]; /* those to verify with */
    for (int i = 0; i < JOBS; i++) draw(s, &g, i);
    for (int i = 0; i < JOBS; i++) judge_rest(s, &g, i, hashes[i]);
    for (size_t i = 0; i < PATHS; i++) {
        const struct curve_ops *ops = curve_ops_of_path(s->c, path_names[i]);
        if (ops == NULL || (i == 0 && groups > 100 && number % PORTABLE_EVERY != 0)) continue;
        check_single(s, ops, &g, hashes, kept);
        if (ops->sign_many != NULL) check_batch(s, ops, &g, hashes);
    }
}

static void test_curve(int number, int groups) {
    struct state s = {.c = curve_at(number)};
    kept_table *kept = aligned_alloc(64, 1 << 18);
    judge_start(&s.judge, s.c);
    random_scalar(&s.judge, s.key);
    CHECK(judge_sum(&s.judge, s.key, NULL, NULL, NULL, s.point) == 1);
    for (int i = 0; i < groups && check_failures == 0; i++) test_group(&s, i, groups, kept);
    judge_end(&s.judge);
    free(kept);
    if (groups > 100) {
        printf("%s: %d operations on each path, %d wrong\n", s.c->facts.name, 4 * JOBS * groups, check_failures);
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    const int groups = argc > 1 ? atoi(argv[1]) : RUNNING_SLOWLY ? 1 : 20, wanted = argc > 2 ? atoi(argv[2]) : -1;
    if (argc > 3) random_state = strtoull(argv[3], NULL, 0) | 1;
    if (groups > 100) printf("random numbers from 0x%llx\n", (unsigned long long)random_state);
    for (int number = 0; number < secmod_curve_count(); number++) {
        if (wanted < 0 || wanted == number) test_curve(number, groups);
    }
    return check_end();
}
