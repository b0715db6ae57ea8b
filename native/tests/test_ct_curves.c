/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of curve_ops.h that takes a secret, on every curve and path, with the secrets poisoned: under memcheck a branch or an
 * address that depends on one is an error.  Results are compared with those of the same calls unpoisoned.  The argument `leak` reads a
 * table at a secret index instead, for which memcheck must report an error: the control. */
#include "check.h"
#include "paths.h"
#include "curve_ops.h"
#include "keys.h"
#include "secrets.h"

struct results {
    int answers[8];
    uint8_t range, public_point[SECMOD_MAX_POINT], product[SECMOD_MAX_POINT], sum[SECMOD_MAX_POINT], signature[SECMOD_MAX_SIGNATURE];
    uint8_t checked_point[SECMOD_MAX_POINT], checked_signature[SECMOD_MAX_SIGNATURE];
};

struct secrets {
    uint8_t d[SECMOD_MAX_FIELD], negative[SECMOD_MAX_FIELD], k[SECMOD_MAX_FIELD], hash[SECMOD_MAX_FIELD], p[SECMOD_MAX_POINT], q[SECMOD_MAX_POINT];
};

static void run(const struct curve_ops *ops, const struct curve *c, const struct secrets *given, int secret, struct results *r) {
    struct secrets s = *given;
    if (secret) SECRET(&s, sizeof s);
    memset(r, 0, sizeof *r);
    r->answers[0] = ops->scalar_in_range(c, s.d);
    r->answers[1] = ops->base_mul(c, s.d, r->public_point);
    r->answers[2] = ops->point_mul(c, s.k, s.q, r->product);
    r->answers[3] = ops->point_add(c, s.p, s.q, r->sum);
    r->answers[4] = ops->sign(c, s.d, s.k, s.hash, curve_field_bytes(c), r->signature);
    r->answers[5] = ops->base_mul_checked(c, s.d, r->checked_point);
    struct sign_job job = {.key = s.d,
                           .nonce = s.k,
                           .negative = s.negative,
                           .hash = s.hash,
                           .hash_length = curve_field_bytes(c),
                           .signature = r->checked_signature};
    ops->sign_checked(c, &job);
    r->answers[6] = job.result;
    if (secret) PUBLIC(r, sizeof *r);
}

static void test(const struct curve_ops *ops, const struct curve *c) {
    struct secrets s;
    struct results plain, poisoned;
    size_t field = curve_field_bytes(c);
    uint8_t one[SECMOD_MAX_FIELD] = {0};
    one[field - 1] = 1;
    CHECK(ops->base_mul(c, one, s.p) == 1);
    memset(s.d, 0x5A, sizeof s.d);
    scalar_negate(c, s.d, s.negative);
    memset(s.hash, 0xE7, sizeof s.hash);
    CHECK(ops->base_mul(c, s.d, s.q) == 1);
    for (int nonce = 0; nonce < 4; nonce++) { /* even, odd, out of range, P = Q */
        memset(s.k, nonce == 2 ? 0xFF : 0x36, sizeof s.k);
        s.k[field - 1] |= (uint8_t)(nonce & 1);
        if (nonce == 3) memcpy(s.p, s.q, sizeof s.p);
        run(ops, c, &s, 0, &plain);
        run(ops, c, &s, 1, &poisoned);
        CHECK(memcmp(&plain, &poisoned, sizeof plain) == 0);
        CHECK(plain.answers[1] == 1 && plain.answers[4] == (nonce != 2));
        CHECK(plain.answers[5] == 1 && plain.answers[6] == (nonce != 2 ? SECMOD_OK : SECMOD_E_SCALAR));
        CHECK(memcmp(plain.signature, plain.checked_signature, sizeof plain.signature) == 0);
    }
}

static int leak(void) {
    static const uint8_t table[256] = {1, 2, 3};
    uint8_t secret = 1;
    SECRET(&secret, 1);
    return table[secret] == 2 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "leak") == 0) return leak();
    for (int number = 0; number < secmod_curve_count(); number++) {
        for (size_t i = 0; i < PATHS; i++) {
            const struct curve_ops *ops = curve_ops_of_path(curve_at(number), path_names[i]);
            if (ops != NULL) test(ops, curve_at(number));
        }
    }
    return check_end();
}
