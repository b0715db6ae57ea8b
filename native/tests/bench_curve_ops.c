/* SPDX-License-Identifier: Apache-2.0 */
/* The curve core beside libcrypto's EVP, interleaved round by round: operations per second and ratios (medians), cycles where the
 * CPU has a counter.  Run it pinned:  taskset -c 0 bench_curve_ops [rounds] [milliseconds a slot]   (Makefile: make bench) */
#define _POSIX_C_SOURCE 200809L
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <time.h>

#include "curve_ops.h"

#include "check.h"
#include "paths.h"

#define ROUNDS_MAX 101
enum operation { SIGN, KEY_PAIR, AGREE, VERIFY, VERIFY_KEPT, KEPT_MAKE, CHECK_POINT, OPERATIONS };
static const char *const operation_names[] = {"sign", "key pair", "ECDH", "verify", "verify kept", "make kept", "check point"};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

struct subject {
    const struct curve *c;
    EVP_PKEY *pair, *peer;
    EVP_PKEY_CTX *sign, *verify, *derive, *generate;
    uint8_t d[SECMOD_MAX_FIELD], k[SECMOD_MAX_FIELD], q[SECMOD_MAX_POINT], hash[SECMOD_MAX_FIELD];
    uint8_t plain[SECMOD_MAX_SIGNATURE], der[150];
    size_t der_length;
    kept_table *kept;
};

static void subject_start(struct subject *s, const struct curve *c) {
    s->c = c;
    const char *name = strcmp(c->facts.name, "secp256r1") == 0 ? "prime256v1" : c->facts.name;
    s->pair = EVP_EC_gen(name);
    s->peer = EVP_EC_gen(name);
    s->sign = EVP_PKEY_CTX_new_from_pkey(NULL, s->pair, NULL);
    s->verify = EVP_PKEY_CTX_new_from_pkey(NULL, s->pair, NULL);
    s->derive = EVP_PKEY_CTX_new_from_pkey(NULL, s->pair, NULL);
    s->generate = EVP_PKEY_CTX_new_from_pkey(NULL, s->pair, NULL);
    CHECK(EVP_PKEY_sign_init(s->sign) == 1 && EVP_PKEY_verify_init(s->verify) == 1);
    CHECK(EVP_PKEY_derive_init(s->derive) == 1 && EVP_PKEY_keygen_init(s->generate) == 1);
    CHECK(EVP_PKEY_derive_set_peer_ex(s->derive, s->peer, 0) == 1);
    memset(s->d, 0x5A, sizeof s->d);
    memset(s->k, 0x37, sizeof s->k);
    memset(s->hash, 0xC4, sizeof s->hash);
    s->der_length = sizeof s->der;
    CHECK(EVP_PKEY_sign(s->sign, s->der, &s->der_length, s->hash, curve_field_bytes(c)) == 1);
    s->kept = aligned_alloc(64, 1 << 18);
}

static void subject_end(struct subject *s) {
    EVP_PKEY_CTX_free(s->sign);
    EVP_PKEY_CTX_free(s->verify);
    EVP_PKEY_CTX_free(s->derive);
    EVP_PKEY_CTX_free(s->generate);
    EVP_PKEY_free(s->pair);
    EVP_PKEY_free(s->peer);
    free(s->kept);
}

/* One operation of libcrypto (no ops) or ours; 0 if libcrypto has no such thing. */
static int once(struct subject *s, const struct curve_ops *ops, enum operation operation) {
    uint8_t out[SECMOD_MAX_POINT + 30];
    size_t field = curve_field_bytes(s->c), length = sizeof out;
    if (ops != NULL) {
        switch (operation) {
            case SIGN: return ops->sign(s->c, s->d, s->k, s->hash, field, s->plain);
            case KEY_PAIR: return ops->base_mul(s->c, s->d, out);
            case AGREE: return ops->point_check_vartime(s->c, s->q) && ops->point_mul(s->c, s->k, s->q, out);
            case VERIFY:
                return ops->point_check_vartime(s->c, s->q) && ops->verify_vartime(s->c, NULL, s->q, s->hash, field, s->plain);
            case VERIFY_KEPT: return ops->verify_vartime(s->c, s->kept, s->q, s->hash, field, s->plain);
            case KEPT_MAKE: return ops->kept_make_vartime(s->c, s->q, s->kept), 1;
            default: return ops->point_check_vartime(s->c, s->q);
        }
    }
    EVP_PKEY *key = NULL;
    switch (operation) {
        case SIGN: return EVP_PKEY_sign(s->sign, out, &length, s->hash, field) == 1;
        case KEY_PAIR: (void)EVP_PKEY_keygen(s->generate, &key); EVP_PKEY_free(key); return 1;
        case AGREE: return EVP_PKEY_derive(s->derive, out, &length) == 1;
        case VERIFY:
        case VERIFY_KEPT: return EVP_PKEY_verify(s->verify, s->der, s->der_length, s->hash, field) == 1;
        default: return 0;
    }
}

/* Operations per second over a slot of time. */
static double rate(struct subject *s, const struct curve_ops *ops, enum operation operation, double seconds) {
    double start = now(), end = start;
    int done = 0;
    if (!once(s, ops, operation)) return 0;
    start = now();
    do {
        for (int i = 0; i < 4; i++) (void)once(s, ops, operation);
        done += 4;
        end = now();
    } while (end - start < seconds);
    return done / (end - start);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

#if defined(__x86_64__)
/* Cycles of the core per second, by a chain of dependent additions of one cycle each. */
static double clock_rate(void) {
    double start = now();
    uint64_t x = 1;
    for (int i = 0; i < 2000000; i++) __asm__ volatile("add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\t" : "+r"(x));
    return 8e6 / (now() - start);
}
#else
static double clock_rate(void) { return 0; }
#endif

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 7;
    double slot = (argc > 2 ? atof(argv[2]) : 20) / 1000;
    if (rounds > ROUNDS_MAX) rounds = ROUNDS_MAX;
    printf("%-16s %-12s %-9s %10s %10s %8s %6s..%-6s %9s\n", "curve", "operation", "path", "ours/s", "libcrypto/s", "ratio", "min", "max", "kcycles");
    for (int number = 0; number < secmod_curve_count(); number++) {
        struct subject s = {0};
        subject_start(&s, curve_at(number));
        for (int operation = 0; operation < OPERATIONS; operation++) {
            double theirs[ROUNDS_MAX], ours[PATHS][ROUNDS_MAX], ratios[PATHS][ROUNDS_MAX], hertz[ROUNDS_MAX];
            for (int round = 0; round < rounds; round++) {
                hertz[round] = clock_rate();
                theirs[round] = rate(&s, NULL, operation, slot);
                for (size_t path = 0; path < PATHS; path++) {
                    const struct curve_ops *ops = curve_ops_of_path(s.c, path_names[path]);
                    if (ops == NULL) continue;
                    CHECK(ops->base_mul(s.c, s.d, s.q) == 1);
                    CHECK(ops->sign(s.c, s.d, s.k, s.hash, curve_field_bytes(s.c), s.plain) == 1);
                    ops->kept_make_vartime(s.c, s.q, s.kept);
                    ours[path][round] = rate(&s, ops, operation, slot);
                    ratios[path][round] = theirs[round] > 0 ? ours[path][round] / theirs[round] : 0;
                }
            }
            double clock = median(hertz, rounds), libcrypto = median(theirs, rounds);
            for (size_t path = 0; path < PATHS; path++) {
                if (curve_ops_of_path(s.c, path_names[path]) == NULL) continue;
                double per_second = median(ours[path], rounds), ratio = median(ratios[path], rounds);
                printf("%-16s %-12s %-9s %10.0f %10.0f %8.2f %6.2f..%-6.2f %9.1f\n", s.c->facts.name, operation_names[operation],
                       path_names[path], per_second, libcrypto, ratio, ratios[path][0], ratios[path][rounds - 1], clock / per_second / 1e3);
            }
            fflush(stdout);
        }
        subject_end(&s);
    }
    return check_end();
}
