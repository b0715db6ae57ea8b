/* SPDX-License-Identifier: Apache-2.0 */
/* Eight lanes against libcrypto: random and extreme numbers, good and bad jobs side by side.  LANES_ROUNDS=n for more of them.
 * Scalars are secret; memcheck sees to that in the emulated build of this test (emulated_avx512.h, make ct-lanes), which is
 * small. With the argument `leak` a branch depends on one: the control. */
#include "lanes.h"

#include "check.h"
#include "judge.h"
#include "secrets.h"

#include <openssl/rand.h>

#if defined(LANES_EMULATED)
#define JOBS 5
#else
#define JOBS 19 /* two full vectors and a rest */
#endif

struct test {
    const struct curve *c;
    struct judge judge;
    size_t bytes; /* of a coordinate */
};

/* k * point, or k * G for NULL; 0 if k is outside [1, n-1]. */
static int expect_mul(struct judge *j, const uint8_t *scalar, const uint8_t *point, uint8_t *out) {
    return judge_in_range(j, scalar) && judge_sum(j, point == NULL ? scalar : NULL, scalar, point, NULL, out);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------------ */

static void number_out(struct test *t, BIGNUM *number, uint8_t *out) {
    CHECK(BN_bn2binpad(number, out, t->judge.bytes) == t->judge.bytes);
}

#define EXTREMES 96

/* Scalars that try the seams: 0, small ones, n - small, n, n + 1, powers of 2 and their neighbours, all ones, long runs. */
static void extreme(struct test *t, unsigned int which, uint8_t *out) {
    BIGNUM *k = BN_new();
    unsigned int bits = (unsigned int)(8 * t->bytes);
    if (which < 20) {
        BN_set_word(k, which);
    } else if (which < 42) {
        BN_copy(k, t->judge.n);
        BN_sub_word(k, which - 20); /* n, n - 1, ..., n - 21 */
    } else if (which < 46) {
        BN_copy(k, t->judge.n);
        BN_add_word(k, which - 41);
    } else if (which < 70) {
        BN_set_bit(k, (int)((which - 46) * bits / 24));
    } else if (which < 80) {
        BN_set_bit(k, (int)((which - 69) * bits / 10 - 1));
        BN_sub_word(k, 1);
    } else if (which < 90) {
        BN_copy(k, t->judge.n);
        BN_rshift(k, k, (int)(which - 79));
        BN_add_word(k, which & 1);
    } else if (which < 93) { /* twice a last digit away from n, for the equal points of the last addition */
        BN_copy(k, t->judge.n);
        BN_sub_word(k, which == 90 ? 62U : which == 91 ? 126U : 254U);
    } else {
        memset(out, which == 93 ? 0xFF : which == 94 ? 0x55 : 0xAA, t->bytes);
        out[0] = which == 93 ? 0xFF : 0x55;
        BN_free(k);
        return;
    }
    number_out(t, k, out);
    BN_free(k);
}

static void scalar_any(struct test *t, unsigned int round, uint8_t *out) {
    if (round < EXTREMES) {
        extreme(t, round, out);
        return;
    }
    CHECK(RAND_bytes(out, t->judge.bytes) == 1); /* above n now and then */
    if (round % 7 == 0) memset(out, 0, t->bytes / 2);
    if (round % 11 == 0) memset(out + t->bytes / 2, 0xFF, t->bytes / 2);
}

static void scalar_good(struct test *t, uint8_t *out) {
    BIGNUM *k = BN_new();
    do {
        CHECK(BN_priv_rand_range(k, t->judge.n) == 1);
    } while (BN_is_zero(k));
    number_out(t, k, out);
    BN_free(k);
}

/* ---- multiples ---------------------------------------------------------------------------------------------------------------- */

static void test_base(struct test *t, unsigned int rounds) {
    for (unsigned int done = 0; done < rounds; done += JOBS) {
        uint8_t scalars[JOBS][64], points[JOBS][129], alone[JOBS][129], expected[129];
        struct base_job jobs[JOBS];
        int ones[JOBS];
        memset(points, 0xEE, sizeof points);
        for (unsigned int i = 0; i < JOBS; i++) {
            scalar_any(t, done + i, scalars[i]);
            jobs[i] = (struct base_job){.scalar = scalars[i], .point = points[i], .checked = (done + i) / 8 % 2, .result = 1};
        }
        SECRET(scalars, sizeof scalars);
        lanes_base_mul_many(t->c, jobs, JOBS);
        for (unsigned int i = 0; i < JOBS; i++) {
            ones[i] = (i % 2 ? lanes_base_mul : lanes_base_mul_checked)(t->c, scalars[i], alone[i]);
        }
        PUBLIC(alone, sizeof alone);
        PUBLIC(ones, sizeof ones);
        PUBLIC(scalars, sizeof scalars);
        PUBLIC(points, sizeof points);
        PUBLIC(jobs, sizeof jobs);
        for (unsigned int i = 0; i < JOBS; i++) {
            CHECK(ones[i] == (jobs[i].result == SECMOD_OK) && memcmp(alone[i], points[i], 1 + 2 * t->bytes) == 0);
            if (expect_mul(&t->judge, scalars[i], NULL, expected)) {
                CHECK(jobs[i].result == SECMOD_OK && memcmp(points[i], expected, 1 + 2 * t->bytes) == 0);
            } else {
                CHECK(jobs[i].result == SECMOD_E_SCALAR && check_filled(points[i], 1 + 2 * t->bytes, 0));
            }
        }
    }
}

/* A point of the curve and, one in three times, what spoils it. */
static int point_any(struct test *t, unsigned int round, uint8_t *point) {
    uint8_t k[64];
    scalar_good(t, k);
    CHECK(expect_mul(&t->judge, k, NULL, point));
    uint8_t p[64];
    CHECK(BN_bn2binpad(t->judge.p, p, t->judge.bytes) > 0);
    switch (round % 24) {
        case 3:
            point[0] = 0x02;
            return 0;
        case 5:
            point[0] = 0x00;
            return 0;
        case 8:
            point[1 + 2 * t->bytes - 1] ^= 1;
            return 0;
        case 11:
            point[t->bytes] ^= 0x80;
            return 0;
        case 14:
            memcpy(point + 1, p, t->bytes);
            return 0; /* x = p */
        case 17:
            memset(point + 1, 0xFF, t->bytes);
            return 0;
        case 20:
            memset(point + 1, 0, 2 * t->bytes);
            return 0;
        case 22:
            memset(point, 0, 1 + 2 * t->bytes);
            return 0;
        case 23:
            memcpy(point + 1 + t->bytes, p, t->bytes);
            return 0; /* y = p */
        default:
            return 1;
    }
}

static void test_point(struct test *t, unsigned int rounds) {
    for (unsigned int done = 0; done < rounds; done += JOBS) {
        uint8_t scalars[JOBS][64], points[JOBS][129], out[JOBS][129], expected[129], z[JOBS][64];
        struct point_job jobs[JOBS], agree[JOBS];
        int good[JOBS];
        memset(out, 0xEE, sizeof out);
        memset(z, 0xEE, sizeof z);
        for (unsigned int i = 0; i < JOBS; i++) {
            scalar_any(t, done + i, scalars[i]);
            good[i] = point_any(t, done < EXTREMES ? 0 : done + i, points[i]);
            jobs[i] = (struct point_job){.scalar = scalars[i], .point = points[i], .out = out[i], .result = 1};
            agree[i] = (struct point_job){.scalar = scalars[i], .point = points[i], .out = z[i], .result = 1};
        }
        SECRET(scalars, sizeof scalars);
        lanes_point_mul_many(t->c, jobs, JOBS);
        lanes_agree_many(t->c, agree, JOBS);
        PUBLIC(scalars, sizeof scalars);
        PUBLIC(out, sizeof out);
        PUBLIC(z, sizeof z);
        PUBLIC(jobs, sizeof jobs);
        PUBLIC(agree, sizeof agree);
        for (unsigned int i = 0; i < JOBS; i++) {
            CHECK(agree[i].result == jobs[i].result);
            if (good[i] && expect_mul(&t->judge, scalars[i], points[i], expected)) {
                CHECK(jobs[i].result == SECMOD_OK && memcmp(out[i], expected, 1 + 2 * t->bytes) == 0);
                CHECK(memcmp(z[i], expected + 1, t->bytes) == 0);
            } else {
                CHECK(jobs[i].result == (good[i] ? SECMOD_E_SCALAR : SECMOD_E_POINT));
                CHECK(check_filled(out[i], 1 + 2 * t->bytes, 0) && check_filled(z[i], t->bytes, 0));
            }
        }
    }
}

/* ---- signatures --------------------------------------------------------------------------------------------------------------- */

static int expect_sign(struct judge *j, const struct sign_job *job, uint8_t *signature) {
    return judge_in_range(j, job->key) && judge_in_range(j, job->nonce) &&
           judge_sign(j, job->key, job->nonce, job->hash, job->hash_length, signature);
}

static int expect_verify(struct judge *j, const struct verify_job *job) {
    return judge_verify(j, job->point, job->hash, job->hash_length, job->signature);
}

/* n - key, or what is not that, for the check of a signature; NULL: none. */
static const uint8_t *negative_of(struct test *t, unsigned int round, const uint8_t *key, uint8_t *negative) {
    BIGNUM *d = BN_bin2bn(key, t->judge.bytes, NULL);
    if (BN_cmp(d, t->judge.n) < 0) BN_sub(d, t->judge.n, d);
    number_out(t, d, negative);
    BN_free(d);
    if (round % 4 == 2) negative[round % t->bytes] ^= (uint8_t)(1U << round % 8);
    return round % 4 == 0 ? NULL : negative;
}

/* How a job ends that is good but for its negative. */
static int negative_result(unsigned int round) { return round % 4 == 2 ? SECMOD_E_FAULT : SECMOD_OK; }

/* Signs with all sorts of numbers, checked and unchecked side by side, then verifies what came out, some of it spoilt. */
static void test_signatures(struct test *t, unsigned int rounds) {
    for (unsigned int done = 0; done < rounds; done += JOBS) {
        uint8_t keys[JOBS][64], nonces[JOBS][64], hashes[JOBS][64], signatures[JOBS][128], alone[JOBS][128], expected[128];
        uint8_t points[JOBS][129], negatives[JOBS][64];
        struct sign_job jobs[JOBS];
        int ones[JOBS];
        struct verify_job checks[JOBS];
        memset(signatures, 0xEE, sizeof signatures);
        CHECK(RAND_bytes(hashes[0], sizeof hashes) == 1);
        for (unsigned int i = 0; i < JOBS; i++) {
            unsigned int round = done + i;
            scalar_any(t, round, nonces[i]);
            scalar_any(t, round * 31 + 7, keys[i]);
            if (round % 13 == 0) memset(hashes[i], round % 26 ? 0xFF : 0, sizeof hashes[i]);
            jobs[i] = (struct sign_job){.key = keys[i],
                                              .nonce = nonces[i],
                                              .negative = negative_of(t, round, keys[i], negatives[i]),
                                              .hash = hashes[i],
                                              .hash_length = round % 5 ? 64 - round % 64 : t->bytes,
                                              .signature = signatures[i],
                                              .result = 1};
        }
        SECRET(keys, sizeof keys);
        SECRET(nonces, sizeof nonces);
        SECRET(negatives, sizeof negatives);
        lanes_sign_many(t->c, jobs, JOBS);
        for (unsigned int i = 0; i < JOBS; i++) {
            struct sign_job one = jobs[i];
            one.signature = alone[i];
            lanes_sign_checked(t->c, &one);
            ones[i] = one.result;
        }
        PUBLIC(alone, sizeof alone);
        PUBLIC(ones, sizeof ones);
        PUBLIC(keys, sizeof keys);
        PUBLIC(nonces, sizeof nonces);
        PUBLIC(negatives, sizeof negatives);
        PUBLIC(signatures, sizeof signatures);
        PUBLIC(jobs, sizeof jobs);
        for (unsigned int i = 0; i < JOBS; i++) {
            CHECK(ones[i] == jobs[i].result && memcmp(alone[i], signatures[i], 2 * t->bytes) == 0);
            if (expect_sign(&t->judge, &jobs[i], expected)) {
                CHECK(jobs[i].result == negative_result(done + i) && memcmp(signatures[i], expected, 2 * t->bytes) == 0);
            } else {
                CHECK(jobs[i].result == SECMOD_E_SCALAR && check_filled(signatures[i], 2 * t->bytes, 0));
            }
            if (!expect_mul(&t->judge, keys[i], NULL, points[i])) (void)point_any(t, 0, points[i]);
            unsigned int spoilt = (done + i) % 17;
            if (spoilt == 1) signatures[i][(done + i) % (2 * t->bytes)] ^= 4;
            if (spoilt == 3) hashes[i][0] ^= 1;
            if (spoilt == 5) (void)point_any(t, 8, points[i]);
            if (spoilt == 7) (void)point_any(t, 0, points[i]);
            if (spoilt == 9) memset(signatures[i], 0, t->bytes);
            if (spoilt == 11) memset(signatures[i] + t->bytes, 0, t->bytes);
            if (spoilt == 13) memcpy(signatures[i] + t->bytes, t->c->order, t->bytes);
            checks[i] = (struct verify_job){.point = points[i],
                                                  .hash = hashes[i],
                                                  .hash_length = jobs[i].hash_length,
                                                  .signature = signatures[i],
                                                  .result = 1};
        }
        lanes_verify_many_vartime(t->c, checks, JOBS);
        for (unsigned int i = 0; i < JOBS; i++) CHECK(checks[i].result == expect_verify(&t->judge, &checks[i]));
    }
}

/* u1 G + u2 Q where the sum is exceptional: Q = x G, any k; r = X(k G), u2 = r / s, and s, e chosen so that u1 G is u2 Q, -u2 Q
 * or infinity. */
static void test_verify_exceptions(struct test *t) {
    for (unsigned int round = 0; round < 48; round++) {
        uint8_t x_bytes[64], point[129], signature[128], hash[64];
        scalar_good(t, x_bytes);
        if (round % 4 == 3) extreme(t, 1 + round % 3, x_bytes);
        CHECK(expect_mul(&t->judge, x_bytes, NULL, point));
        BIGNUM *x = BN_bin2bn(x_bytes, t->judge.bytes, NULL), *r = BN_new(), *s = BN_new(), *e = BN_new(), *k = BN_new();
        uint8_t k_bytes[64], kg[129];
        /* equal: u1 = u2 x, so e = r x, k = 2 u2 x: s = 2 r x / k.  Opposite: e = -r x, any s.  u1 = 0: e = 0, s = r x / k. */
        scalar_good(t, k_bytes);
        BN_bin2bn(k_bytes, t->judge.bytes, k);
        CHECK(expect_mul(&t->judge, k_bytes, NULL, kg));
        BN_bin2bn(kg + 1, t->judge.bytes, r);
        BN_nnmod(r, r, t->judge.n, t->judge.context);
        BN_mod_mul(e, r, x, t->judge.n, t->judge.context);
        BN_mod_inverse(s, k, t->judge.n, t->judge.context);
        BN_mod_mul(s, s, e, t->judge.n, t->judge.context);
        if (round % 3 == 0) BN_mod_add(s, s, s, t->judge.n, t->judge.context);
        if (round % 3 == 1) BN_sub(e, t->judge.n, e);
        if (round % 3 == 2) BN_zero(e);
        number_out(t, r, signature);
        number_out(t, s, signature + t->bytes);
        number_out(t, e, hash);
        struct verify_job job = {.point = point, .hash = hash, .hash_length = t->bytes, .signature = signature};
        lanes_verify_many_vartime(t->c, &job, 1);
        CHECK(job.result == expect_verify(&t->judge, &job));
        CHECK(job.result == (round % 3 == 1 ? SECMOD_E_SIGNATURE : SECMOD_OK));
        BN_free(x);
        BN_free(r);
        BN_free(s);
        BN_free(e);
        BN_free(k);
    }
}

/* Each number of jobs from 0 to 17, in memory of exact size. */
static void test_counts(struct test *t) {
    for (size_t count = 0; count < 18; count++) {
        struct base_job *jobs = calloc(count + 1, sizeof *jobs);
        uint8_t *room = malloc((count + 1) * (1 + 3 * t->bytes)), expected[129];
        for (size_t i = 0; i <= count; i++) {
            uint8_t *at = room + i * (1 + 3 * t->bytes);
            scalar_good(t, at);
            jobs[i] = (struct base_job){.scalar = at, .point = at + t->bytes, .result = 1};
        }
        lanes_base_mul_many(t->c, jobs, count);
        for (size_t i = 0; i < count; i++) {
            CHECK(expect_mul(&t->judge, jobs[i].scalar, NULL, expected) && jobs[i].result == SECMOD_OK);
            CHECK(memcmp(jobs[i].point, expected, 1 + 2 * t->bytes) == 0);
        }
        CHECK(jobs[count].result == 1);
        free(room);
        free(jobs);
    }
}

static int leak(void) {
    uint8_t scalar[32] = {1};
    SECRET(scalar, sizeof scalar);
    return scalar[0] & 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "leak") == 0) return leak();
    if (!lanes_available()) {
        puts("no AVX512-IFMA here: the lanes are not tested");
        return EXIT_SUCCESS;
    }
    const char *wanted = getenv("LANES_ROUNDS");
    unsigned int rounds = wanted != NULL ? (unsigned int)atoi(wanted) : JOBS > 8 ? 160 : 1;
    for (int number = 0; number < secmod_curve_count(); number++) {
        struct test t = {.c = curve_at(number), .bytes = curve_field_bytes(curve_at(number))};
        judge_start(&t.judge, t.c);
        test_base(&t, rounds);
        test_point(&t, rounds);
        test_signatures(&t, rounds);
        if (JOBS > 8) {
            test_verify_exceptions(&t);
            test_counts(&t);
        }
        judge_end(&t.judge);
    }
    return check_end();
}
