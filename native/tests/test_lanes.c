/* SPDX-License-Identifier: Apache-2.0 */
/* Eight lanes against libcrypto: random and extreme numbers, good and bad jobs side by side.  LANES_ROUNDS=n for more of them.
 * Scalars are secret; memcheck sees to that in the emulated build of this test (emulated_avx512.h, make ct-lanes), which is
 * small. With the argument `leak` a branch depends on one: the control. */
#define OPENSSL_SUPPRESS_DEPRECATED /* EC_KEY: a bare point and a bare signature */
#include "lanes.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/rand.h>

#include "check.h"
#include "secrets.h"

#if defined(LANES_EMULATED)
#define JOBS 5
#else
#define JOBS 19 /* two full vectors and a rest */
#endif

struct peer {
    const struct curve *curve;
    EC_GROUP *group;
    const BIGNUM *n, *p;
    BN_CTX *bn;
    size_t bytes;
};

static struct peer peer_made(int number) {
    struct peer peer = {.curve = curve_at(number), .bn = BN_CTX_new()};
    uint8_t der[2 + SECMOD_MAX_OID] = {0x06, (uint8_t)peer.curve->facts.oid_length};
    memcpy(der + 2, peer.curve->facts.oid, SECMOD_MAX_OID);
    const uint8_t *at = der;
    ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &at, 2 + peer.curve->facts.oid_length);
    peer.group = EC_GROUP_new_by_curve_name(OBJ_obj2nid(oid));
    ASN1_OBJECT_free(oid);
    peer.bytes = curve_field_bytes(peer.curve);
    peer.n = EC_GROUP_get0_order(peer.group);
    peer.p = EC_GROUP_get0_field(peer.group);
    return peer;
}

static void peer_end(struct peer *peer) {
    EC_GROUP_free(peer->group);
    BN_CTX_free(peer->bn);
}

/* k * point, or k * G for NULL; 0 if k is outside [1, n-1]. */
static int peer_mul(const struct peer *peer, const uint8_t *scalar, const uint8_t *point, uint8_t *out) {
    BIGNUM *k = BN_bin2bn(scalar, (int)peer->bytes, NULL);
    EC_POINT *q = EC_POINT_new(peer->group), *r = EC_POINT_new(peer->group);
    int good = !BN_is_zero(k) && BN_cmp(k, peer->n) < 0;
    if (good) {
        if (point == NULL) {
            CHECK(EC_POINT_mul(peer->group, r, k, NULL, NULL, peer->bn) == 1);
        } else {
            CHECK(EC_POINT_oct2point(peer->group, q, point, 1 + 2 * peer->bytes, peer->bn) == 1);
            CHECK(EC_POINT_mul(peer->group, r, NULL, q, k, peer->bn) == 1);
        }
        CHECK(EC_POINT_point2oct(peer->group, r, POINT_CONVERSION_UNCOMPRESSED, out, 1 + 2 * peer->bytes, peer->bn) > 0);
    }
    BN_free(k);
    EC_POINT_free(q);
    EC_POINT_free(r);
    return good;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------------
 */

static void number_out(const struct peer *peer, BIGNUM *number, uint8_t *out) {
    CHECK(BN_bn2binpad(number, out, (int)peer->bytes) == (int)peer->bytes);
}

#define EXTREMES 96

/* Scalars that try the seams: 0, small ones, n - small, n, n + 1, powers of 2 and their neighbours, all ones, long runs. */
static void extreme(const struct peer *peer, unsigned int which, uint8_t *out) {
    BIGNUM *k = BN_new();
    unsigned int bits = (unsigned int)(8 * peer->bytes);
    if (which < 20) {
        BN_set_word(k, which);
    } else if (which < 42) {
        BN_copy(k, peer->n);
        BN_sub_word(k, which - 20); /* n, n - 1, ..., n - 21 */
    } else if (which < 46) {
        BN_copy(k, peer->n);
        BN_add_word(k, which - 41);
    } else if (which < 70) {
        BN_set_bit(k, (int)((which - 46) * bits / 24));
    } else if (which < 80) {
        BN_set_bit(k, (int)((which - 69) * bits / 10 - 1));
        BN_sub_word(k, 1);
    } else if (which < 90) {
        BN_copy(k, peer->n);
        BN_rshift(k, k, (int)(which - 79));
        BN_add_word(k, which & 1);
    } else if (which < 93) { /* twice a last digit away from n, for the equal points of the last addition */
        BN_copy(k, peer->n);
        BN_sub_word(k, which == 90 ? 62U : which == 91 ? 126U : 254U);
    } else {
        memset(out, which == 93 ? 0xFF : which == 94 ? 0x55 : 0xAA, peer->bytes);
        out[0] = which == 93 ? 0xFF : 0x55;
        BN_free(k);
        return;
    }
    number_out(peer, k, out);
    BN_free(k);
}

static void scalar_any(const struct peer *peer, unsigned int round, uint8_t *out) {
    if (round < EXTREMES) {
        extreme(peer, round, out);
        return;
    }
    CHECK(RAND_bytes(out, (int)peer->bytes) == 1); /* above n now and then */
    if (round % 7 == 0) memset(out, 0, peer->bytes / 2);
    if (round % 11 == 0) memset(out + peer->bytes / 2, 0xFF, peer->bytes / 2);
}

static void scalar_good(const struct peer *peer, uint8_t *out) {
    BIGNUM *k = BN_new();
    do {
        CHECK(BN_priv_rand_range(k, peer->n) == 1);
    } while (BN_is_zero(k));
    number_out(peer, k, out);
    BN_free(k);
}

/* ---- multiples ----------------------------------------------------------------------------------------------------------------
 */

static void test_base(const struct peer *peer, unsigned int rounds) {
    for (unsigned int done = 0; done < rounds; done += JOBS) {
        uint8_t scalars[JOBS][64], points[JOBS][129], alone[JOBS][129], expected[129];
        struct base_job jobs[JOBS];
        int ones[JOBS];
        memset(points, 0xEE, sizeof points);
        for (unsigned int i = 0; i < JOBS; i++) {
            scalar_any(peer, done + i, scalars[i]);
            jobs[i] = (struct base_job){.scalar = scalars[i], .point = points[i], .result = 1};
        }
        SECRET(scalars, sizeof scalars);
        lanes_base_mul_many(peer->curve, jobs, JOBS);
        for (unsigned int i = 0; i < JOBS; i++) {
            ones[i] = lanes_base_mul(peer->curve, scalars[i], alone[i]);
        }
        PUBLIC(alone, sizeof alone);
        PUBLIC(ones, sizeof ones);
        PUBLIC(scalars, sizeof scalars);
        PUBLIC(points, sizeof points);
        PUBLIC(jobs, sizeof jobs);
        for (unsigned int i = 0; i < JOBS; i++) {
            CHECK(ones[i] == (jobs[i].result == SECMOD_OK) && memcmp(alone[i], points[i], 1 + 2 * peer->bytes) == 0);
            if (peer_mul(peer, scalars[i], NULL, expected)) {
                CHECK(jobs[i].result == SECMOD_OK && memcmp(points[i], expected, 1 + 2 * peer->bytes) == 0);
            } else {
                CHECK(jobs[i].result == SECMOD_E_SCALAR && check_filled(points[i], 1 + 2 * peer->bytes, 0));
            }
        }
    }
}

/* A point of the curve and, one in three times, what spoils it. */
static int point_any(const struct peer *peer, unsigned int round, uint8_t *point) {
    uint8_t k[64];
    scalar_good(peer, k);
    CHECK(peer_mul(peer, k, NULL, point));
    uint8_t p[64];
    CHECK(BN_bn2binpad(peer->p, p, (int)peer->bytes) > 0);
    switch (round % 24) {
        case 3:
            point[0] = 0x02;
            return 0;
        case 5:
            point[0] = 0x00;
            return 0;
        case 8:
            point[1 + 2 * peer->bytes - 1] ^= 1;
            return 0;
        case 11:
            point[peer->bytes] ^= 0x80;
            return 0;
        case 14:
            memcpy(point + 1, p, peer->bytes);
            return 0; /* x = p */
        case 17:
            memset(point + 1, 0xFF, peer->bytes);
            return 0;
        case 20:
            memset(point + 1, 0, 2 * peer->bytes);
            return 0;
        case 22:
            memset(point, 0, 1 + 2 * peer->bytes);
            return 0;
        case 23:
            memcpy(point + 1 + peer->bytes, p, peer->bytes);
            return 0; /* y = p */
        default:
            return 1;
    }
}

static void test_point(const struct peer *peer, unsigned int rounds) {
    for (unsigned int done = 0; done < rounds; done += JOBS) {
        uint8_t scalars[JOBS][64], points[JOBS][129], out[JOBS][129], expected[129], z[JOBS][64];
        struct point_job jobs[JOBS], agree[JOBS];
        int good[JOBS];
        memset(out, 0xEE, sizeof out);
        memset(z, 0xEE, sizeof z);
        for (unsigned int i = 0; i < JOBS; i++) {
            scalar_any(peer, done + i, scalars[i]);
            good[i] = point_any(peer, done < EXTREMES ? 0 : done + i, points[i]);
            jobs[i] = (struct point_job){.scalar = scalars[i], .point = points[i], .out = out[i], .result = 1};
            agree[i] = (struct point_job){.scalar = scalars[i], .point = points[i], .out = z[i], .result = 1};
        }
        SECRET(scalars, sizeof scalars);
        lanes_point_mul_many(peer->curve, jobs, JOBS);
        lanes_agree_many(peer->curve, agree, JOBS);
        PUBLIC(scalars, sizeof scalars);
        PUBLIC(out, sizeof out);
        PUBLIC(z, sizeof z);
        PUBLIC(jobs, sizeof jobs);
        PUBLIC(agree, sizeof agree);
        for (unsigned int i = 0; i < JOBS; i++) {
            CHECK(agree[i].result == jobs[i].result);
            if (good[i] && peer_mul(peer, scalars[i], points[i], expected)) {
                CHECK(jobs[i].result == SECMOD_OK && memcmp(out[i], expected, 1 + 2 * peer->bytes) == 0);
                CHECK(memcmp(z[i], expected + 1, peer->bytes) == 0);
            } else {
                CHECK(jobs[i].result == (good[i] ? SECMOD_E_SCALAR : SECMOD_E_POINT));
                CHECK(check_filled(out[i], 1 + 2 * peer->bytes, 0) && check_filled(z[i], peer->bytes, 0));
            }
        }
    }
}

/* ---- signatures ---------------------------------------------------------------------------------------------------------------
 */

/* s = (e + r d) / k by BIGNUMs; 0 if a number is out of range. */
static int peer_sign(const struct peer *peer, const struct sign_job *job, uint8_t *signature) {
    uint8_t point[129];
    if (!peer_mul(peer, job->nonce, NULL, point)) return 0;
    BIGNUM *d = BN_bin2bn(job->key, (int)peer->bytes, NULL), *k = BN_bin2bn(job->nonce, (int)peer->bytes, NULL);
    BIGNUM *r = BN_bin2bn(point + 1, (int)peer->bytes, NULL), *s = BN_new();
    size_t used = job->hash_length < peer->bytes ? job->hash_length : peer->bytes;
    BIGNUM *e = BN_bin2bn(job->hash, (int)used, NULL);
    int good = !BN_is_zero(d) && BN_cmp(d, peer->n) < 0;
    BN_nnmod(r, r, peer->n, peer->bn);
    BN_mod_mul(s, r, d, peer->n, peer->bn);
    BN_mod_add(s, s, e, peer->n, peer->bn);
    BN_mod_inverse(k, k, peer->n, peer->bn);
    BN_mod_mul(s, s, k, peer->n, peer->bn);
    good = good && !BN_is_zero(r) && !BN_is_zero(s);
    number_out(peer, r, signature);
    number_out(peer, s, signature + peer->bytes);
    BN_free(d);
    BN_free(k);
    BN_free(r);
    BN_free(s);
    BN_free(e);
    return good;
}

static int peer_verify(const struct peer *peer, const struct verify_job *job) {
    EC_KEY *key = EC_KEY_new();
    EC_POINT *q = EC_POINT_new(peer->group);
    int result = SECMOD_E_POINT;
    if (job->point[0] == 0x04 && EC_POINT_oct2point(peer->group, q, job->point, 1 + 2 * peer->bytes, peer->bn) == 1) {
        ECDSA_SIG *signature = ECDSA_SIG_new();
        CHECK(ECDSA_SIG_set0(signature, BN_bin2bn(job->signature, (int)peer->bytes, NULL),
                             BN_bin2bn(job->signature + peer->bytes, (int)peer->bytes, NULL)) == 1);
        CHECK(EC_KEY_set_group(key, peer->group) == 1 && EC_KEY_set_public_key(key, q) == 1);
        result = ECDSA_do_verify(job->hash, (int)job->hash_length, signature, key) == 1 ? SECMOD_OK : SECMOD_E_SIGNATURE;
        ECDSA_SIG_free(signature);
    }
    EC_POINT_free(q);
    EC_KEY_free(key);
    return result;
}

/* Signs with all sorts of numbers, then verifies what came out, some of it spoilt. */
static void test_signatures(const struct peer *peer, unsigned int rounds) {
    for (unsigned int done = 0; done < rounds; done += JOBS) {
        uint8_t keys[JOBS][64], nonces[JOBS][64], hashes[JOBS][64], signatures[JOBS][128], alone[JOBS][128], expected[128];
        uint8_t points[JOBS][129];
        struct sign_job jobs[JOBS];
        int ones[JOBS];
        struct verify_job checks[JOBS];
        memset(signatures, 0xEE, sizeof signatures);
        CHECK(RAND_bytes(hashes[0], sizeof hashes) == 1);
        for (unsigned int i = 0; i < JOBS; i++) {
            unsigned int round = done + i;
            scalar_any(peer, round, nonces[i]);
            scalar_any(peer, round * 31 + 7, keys[i]);
            if (round % 13 == 0) memset(hashes[i], round % 26 ? 0xFF : 0, sizeof hashes[i]);
            jobs[i] = (struct sign_job){.key = keys[i],
                                              .nonce = nonces[i],
                                              .hash = hashes[i],
                                              .hash_length = round % 5 ? 64 - round % 64 : peer->bytes,
                                              .signature = signatures[i],
                                              .result = 1};
        }
        SECRET(keys, sizeof keys);
        SECRET(nonces, sizeof nonces);
        lanes_sign_many(peer->curve, jobs, JOBS);
        for (unsigned int i = 0; i < JOBS; i++) {
            ones[i] = lanes_sign(peer->curve, keys[i], nonces[i], hashes[i], jobs[i].hash_length, alone[i]);
        }
        PUBLIC(alone, sizeof alone);
        PUBLIC(ones, sizeof ones);
        PUBLIC(keys, sizeof keys);
        PUBLIC(nonces, sizeof nonces);
        PUBLIC(signatures, sizeof signatures);
        PUBLIC(jobs, sizeof jobs);
        for (unsigned int i = 0; i < JOBS; i++) {
            CHECK(ones[i] == (jobs[i].result == SECMOD_OK) && memcmp(alone[i], signatures[i], 2 * peer->bytes) == 0);
            if (peer_sign(peer, &jobs[i], expected)) {
                CHECK(jobs[i].result == SECMOD_OK && memcmp(signatures[i], expected, 2 * peer->bytes) == 0);
            } else {
                CHECK(jobs[i].result == SECMOD_E_SCALAR && check_filled(signatures[i], 2 * peer->bytes, 0));
            }
            if (!peer_mul(peer, keys[i], NULL, points[i])) (void)point_any(peer, 0, points[i]);
            unsigned int spoilt = (done + i) % 17;
            if (spoilt == 1) signatures[i][(done + i) % (2 * peer->bytes)] ^= 4;
            if (spoilt == 3) hashes[i][0] ^= 1;
            if (spoilt == 5) (void)point_any(peer, 8, points[i]);
            if (spoilt == 7) (void)point_any(peer, 0, points[i]);
            if (spoilt == 9) memset(signatures[i], 0, peer->bytes);
            if (spoilt == 11) memset(signatures[i] + peer->bytes, 0, peer->bytes);
            if (spoilt == 13) memcpy(signatures[i] + peer->bytes, peer->curve->order, peer->bytes);
            checks[i] = (struct verify_job){.point = points[i],
                                                  .hash = hashes[i],
                                                  .hash_length = jobs[i].hash_length,
                                                  .signature = signatures[i],
                                                  .result = 1};
        }
        lanes_verify_many_vartime(peer->curve, checks, JOBS);
        for (unsigned int i = 0; i < JOBS; i++) CHECK(checks[i].result == peer_verify(peer, &checks[i]));
    }
}

/* u1 G + u2 Q where the sum is exceptional: Q = t G, any k; r = x(k G), u2 = r / s, and s, e chosen so that u1 G is u2 Q, -u2 Q
 * or infinity. */
static void test_verify_exceptions(const struct peer *peer) {
    for (unsigned int round = 0; round < 48; round++) {
        uint8_t t_bytes[64], point[129], signature[128], hash[64];
        scalar_good(peer, t_bytes);
        if (round % 4 == 3) extreme(peer, 1 + round % 3, t_bytes);
        CHECK(peer_mul(peer, t_bytes, NULL, point));
        BIGNUM *t = BN_bin2bn(t_bytes, (int)peer->bytes, NULL), *r = BN_new(), *s = BN_new(), *e = BN_new(), *k = BN_new();
        uint8_t k_bytes[64], kg[129];
        /* equal: u1 = u2 t, so e = r t, k = 2 u2 t: s = 2 r t / k.  Opposite: e = -r t, any s.  u1 = 0: e = 0, s = r t / k. */
        scalar_good(peer, k_bytes);
        BN_bin2bn(k_bytes, (int)peer->bytes, k);
        CHECK(peer_mul(peer, k_bytes, NULL, kg));
        BN_bin2bn(kg + 1, (int)peer->bytes, r);
        BN_nnmod(r, r, peer->n, peer->bn);
        BN_mod_mul(e, r, t, peer->n, peer->bn);
        BN_mod_inverse(s, k, peer->n, peer->bn);
        BN_mod_mul(s, s, e, peer->n, peer->bn);
        if (round % 3 == 0) BN_mod_add(s, s, s, peer->n, peer->bn);
        if (round % 3 == 1) BN_sub(e, peer->n, e);
        if (round % 3 == 2) BN_zero(e);
        number_out(peer, r, signature);
        number_out(peer, s, signature + peer->bytes);
        number_out(peer, e, hash);
        struct verify_job job = {.point = point, .hash = hash, .hash_length = peer->bytes, .signature = signature};
        lanes_verify_many_vartime(peer->curve, &job, 1);
        CHECK(job.result == peer_verify(peer, &job));
        CHECK(job.result == (round % 3 == 1 ? SECMOD_E_SIGNATURE : SECMOD_OK));
        BN_free(t);
        BN_free(r);
        BN_free(s);
        BN_free(e);
        BN_free(k);
    }
}

/* Each number of jobs from 0 to 17, in memory of exact size. */
static void test_counts(const struct peer *peer) {
    for (size_t count = 0; count < 18; count++) {
        struct base_job *jobs = calloc(count + 1, sizeof *jobs);
        uint8_t *room = malloc((count + 1) * (1 + 3 * peer->bytes)), expected[129];
        for (size_t i = 0; i <= count; i++) {
            uint8_t *at = room + i * (1 + 3 * peer->bytes);
            scalar_good(peer, at);
            jobs[i] = (struct base_job){.scalar = at, .point = at + peer->bytes, .result = 1};
        }
        lanes_base_mul_many(peer->curve, jobs, count);
        for (size_t i = 0; i < count; i++) {
            CHECK(peer_mul(peer, jobs[i].scalar, NULL, expected) && jobs[i].result == SECMOD_OK);
            CHECK(memcmp(jobs[i].point, expected, 1 + 2 * peer->bytes) == 0);
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
        struct peer peer = peer_made(number);
        test_base(&peer, rounds);
        test_point(&peer, rounds);
        test_signatures(&peer, rounds);
        if (JOBS > 8) {
            test_verify_exceptions(&peer);
            test_counts(&peer);
        }
        peer_end(&peer);
    }
    return check_end();
}
