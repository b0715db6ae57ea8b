/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of eight, and single operations spread over the lanes, beside libcrypto, round by round: medians of the ratios of times
 * per operation, with min and max. Arguments: number of rounds (15).  Pin it: taskset -c 1 build/native/gcc/bench_lanes. */
#define _POSIX_C_SOURCE 200809L /* clocks: of this thread, for the machines are shared */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lanes.h"

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { SIGN, VERIFY, ECDH, BASE, SIGN_ONE, BASE_ONE, OPERATIONS };
static const char *const names[OPERATIONS] = {"sign", "verify", "ecdh", "key pair", "1 sign", "1 key"};

struct setting {
    const struct curve *curve;
    EVP_PKEY *key, *peer;
    EVP_PKEY_CTX *sign, *verify, *derive, *generate;
    uint8_t hash[64], der[160];
    size_t der_length, bytes;
    uint8_t keys[8][64], nonces[8][64], points[8][129], signatures[8][128], out[8][129];
    struct sign_job sign_jobs[8];
    struct verify_job verify_jobs[8];
    struct point_job point_jobs[8];
    struct base_job base_jobs[8];
};

static void ours(struct setting *s, int operation) {
    if (operation == SIGN) lanes_sign_many(s->curve, s->sign_jobs, 8);
    if (operation == VERIFY) lanes_verify_many_vartime(s->curve, s->verify_jobs, 8);
    if (operation == ECDH) lanes_agree_many(s->curve, s->point_jobs, 8);
    if (operation == SIGN_ONE) (void)lanes_sign(s->curve, s->keys[0], s->nonces[0], s->hash, s->bytes, s->signatures[0]);
    if (operation == BASE_ONE) (void)lanes_base_mul(s->curve, s->keys[0], s->points[0]);
    if (operation == BASE) lanes_base_mul_many(s->curve, s->base_jobs, 8);
}

static void theirs(struct setting *s, int operation) {
    uint8_t out[160];
    size_t length = sizeof out;
    EVP_PKEY *made = NULL;
    int done = 0;
    if (operation == SIGN || operation == SIGN_ONE) done = EVP_PKEY_sign(s->sign, out, &length, s->hash, s->bytes);
    if (operation == VERIFY) done = EVP_PKEY_verify(s->verify, s->der, s->der_length, s->hash, s->bytes);
    if (operation == ECDH)
        done = EVP_PKEY_derive_set_peer_ex(s->derive, s->peer, 0) == 1 && EVP_PKEY_derive(s->derive, out, &length) == 1;
    if (operation == BASE || operation == BASE_ONE) done = EVP_PKEY_generate(s->generate, &made);
    EVP_PKEY_free(made);
    if (done != 1) abort();
}

static double each(struct setting *s, int operation, int mine, double least) {
    double start = now(), end = start;
    unsigned int count = 0;
    while (end - start < least) {
        for (int i = 0; i < 4; i++) (mine ? ours : theirs)(s, operation);
        count += 4;
        end = now();
    }
    return (end - start) / count / (mine && operation < SIGN_ONE ? 8 : 1);
}

static void prepare(struct setting *s, int number) {
    memset(s, 0, sizeof *s);
    s->curve = curve_at(number);
    s->bytes = curve_field_bytes(s->curve);
    const char *name = strcmp(s->curve->facts.name, "secp256r1") == 0 ? "prime256v1" : s->curve->facts.name;
    s->key = EVP_EC_gen(name);
    s->peer = EVP_EC_gen(name);
    s->sign = EVP_PKEY_CTX_new(s->key, NULL);
    s->verify = EVP_PKEY_CTX_new(s->key, NULL);
    s->derive = EVP_PKEY_CTX_new(s->key, NULL);
    s->generate = EVP_PKEY_CTX_new(s->key, NULL);
    if (EVP_PKEY_sign_init(s->sign) != 1 || EVP_PKEY_verify_init(s->verify) != 1 || EVP_PKEY_derive_init(s->derive) != 1 ||
        EVP_PKEY_keygen_init(s->generate) != 1) {
        abort();
    }
    (void)RAND_bytes(s->hash, sizeof s->hash);
    s->der_length = sizeof s->der;
    if (EVP_PKEY_sign(s->sign, s->der, &s->der_length, s->hash, s->bytes) != 1) abort();
    (void)RAND_bytes(s->keys[0], sizeof s->keys);
    (void)RAND_bytes(s->nonces[0], sizeof s->nonces);
    for (int i = 0; i < 8; i++) {
        s->keys[i][0] &= 0x7F;
        s->nonces[i][0] &= 0x7F;
        s->base_jobs[i] = (struct base_job){s->keys[i], s->points[i], 1};
        s->sign_jobs[i] = (struct sign_job){s->keys[i], s->nonces[i], s->hash, s->bytes, s->signatures[i], 1};
        s->point_jobs[i] = (struct point_job){s->nonces[i], s->points[i], s->out[i], 1};
        s->verify_jobs[i] = (struct verify_job){s->points[i], s->hash, s->signatures[i], s->bytes, 1};
    }
    for (int operation = OPERATIONS - 1; operation >= 0; operation--) ours(s, operation);
    ours(s, VERIFY);
    ours(s, ECDH);
    for (int i = 0; i < 8; i++) {
        if (s->base_jobs[i].result || s->sign_jobs[i].result || s->point_jobs[i].result || s->verify_jobs[i].result) abort();
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 15;
    double *ratios = calloc((size_t)rounds, sizeof *ratios), *mine = calloc((size_t)rounds, sizeof *mine),
           *other = calloc((size_t)rounds, sizeof *other);
    struct setting *s = calloc(1, sizeof *s);
    if (!lanes_available() || rounds < 1 || ratios == NULL || mine == NULL || other == NULL || s == NULL) return 1;
    printf("%-16s %-9s %12s %12s %9s %9s %9s\n", "curve", "batch 8", "lanes ops/s", "OpenSSL", "ratio", "min", "max");
    for (int number = 0; number < secmod_curve_count(); number++) {
        prepare(s, number);
        for (int operation = 0; operation < OPERATIONS; operation++) {
            for (int round = 0; round < rounds; round++) {
                mine[round] = each(s, operation, 1, 0.004);
                other[round] = each(s, operation, 0, 0.008);
                ratios[round] = other[round] / mine[round];
            }
            qsort(ratios, (size_t)rounds, sizeof *ratios, ascending);
            qsort(mine, (size_t)rounds, sizeof *mine, ascending);
            qsort(other, (size_t)rounds, sizeof *other, ascending);
            printf("%-16s %-9s %12.0f %12.0f %9.1f %9.1f %9.1f\n", s->curve->facts.name, names[operation], 1 / mine[rounds / 2],
                   1 / other[rounds / 2], ratios[rounds / 2], ratios[0], ratios[rounds - 1]);
        }
    }
    return 0;
}
