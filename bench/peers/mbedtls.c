/* SPDX-License-Identifier: Apache-2.0 */
/* mbedTLS 2.28; its generator is CTR_DRBG over its own entropy. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/entropy.h>

#include "peer.h"

struct work {
    size_t bytes;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context drbg;
    mbedtls_ecp_group group;
    mbedtls_mpi d, r, s;
    mbedtls_ecp_point q;
    uint8_t hash[64], point[129], out[32];
};

static bool sign(void *state)
{
    struct work *w = state;
    mbedtls_mpi r, s;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    const bool done = mbedtls_ecdsa_sign(&w->group, &r, &s, &w->d, w->hash, w->bytes, mbedtls_ctr_drbg_random, &w->drbg) == 0;
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return done;
}

static bool verify(void *state)
{
    struct work *w = state;
    return mbedtls_ecdsa_verify(&w->group, w->hash, w->bytes, &w->q, &w->r, &w->s) == 0;
}

static bool verify_new(void *state)
{
    struct work *w = state;
    mbedtls_ecp_point q;
    mbedtls_ecp_point_init(&q);
    const bool done = mbedtls_ecp_point_read_binary(&w->group, &q, w->point, 1 + 2 * w->bytes) == 0 &&
                      mbedtls_ecp_check_pubkey(&w->group, &q) == 0 &&
                      mbedtls_ecdsa_verify(&w->group, w->hash, w->bytes, &q, &w->r, &w->s) == 0;
    mbedtls_ecp_point_free(&q);
    return done;
}

static bool agree(void *state)
{
    struct work *w = state;
    mbedtls_ecp_point q;
    mbedtls_mpi z;
    mbedtls_ecp_point_init(&q);
    mbedtls_mpi_init(&z);
    /* the multiplication finds out whether the point is on the curve */
    const bool done = mbedtls_ecp_point_read_binary(&w->group, &q, w->point, 1 + 2 * w->bytes) == 0 &&
                      mbedtls_ecdh_compute_shared(&w->group, &z, &q, &w->d, mbedtls_ctr_drbg_random, &w->drbg) == 0;
    mbedtls_ecp_point_free(&q);
    mbedtls_mpi_free(&z);
    return done;
}

static bool generate(void *state)
{
    struct work *w = state;
    mbedtls_ecp_point q;
    mbedtls_mpi d;
    mbedtls_ecp_point_init(&q);
    mbedtls_mpi_init(&d);
    const bool done = mbedtls_ecp_gen_keypair(&w->group, &d, &q, mbedtls_ctr_drbg_random, &w->drbg) == 0;
    mbedtls_ecp_point_free(&q);
    mbedtls_mpi_free(&d);
    return done;
}

static bool random_bytes(void *state)
{
    struct work *w = state;
    return mbedtls_ctr_drbg_random(&w->drbg, w->out, sizeof w->out) == 0;
}

static bool prepare(size_t curve, void *state)
{
    static const mbedtls_ecp_group_id groups[PEER_CURVES] = {MBEDTLS_ECP_DP_BP256R1, MBEDTLS_ECP_DP_BP384R1, MBEDTLS_ECP_DP_BP512R1,
                                                             MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1};
    struct work *w = state;
    size_t length;
    w->bytes = peer_bytes[curve];
    mbedtls_entropy_init(&w->entropy);
    mbedtls_ctr_drbg_init(&w->drbg);
    mbedtls_ecp_group_init(&w->group);
    mbedtls_ecp_point_init(&w->q);
    mbedtls_mpi_init(&w->d);
    mbedtls_mpi_init(&w->r);
    mbedtls_mpi_init(&w->s);
    return mbedtls_ctr_drbg_seed(&w->drbg, mbedtls_entropy_func, &w->entropy, NULL, 0) == 0 &&
           mbedtls_ctr_drbg_random(&w->drbg, w->hash, w->bytes) == 0 && mbedtls_ecp_group_load(&w->group, groups[curve]) == 0 &&
           mbedtls_ecp_gen_keypair(&w->group, &w->d, &w->q, mbedtls_ctr_drbg_random, &w->drbg) == 0 &&
           mbedtls_ecp_point_write_binary(&w->group, &w->q, MBEDTLS_ECP_PF_UNCOMPRESSED, &length, w->point, sizeof w->point) == 0 &&
           mbedtls_ecdsa_sign(&w->group, &w->r, &w->s, &w->d, w->hash, w->bytes, mbedtls_ctr_drbg_random, &w->drbg) == 0;
}

int main(int argc, char **argv)
{
    static const struct peer_operation operations[] = {{"sign", sign},         {"verify", verify},       {"verify-new", verify_new}, {"agree", agree},
                                                       {"generate", generate}, {"random", random_bytes}, {NULL, NULL}};
    static struct work work;
    return peer_main(argc, argv, operations, prepare, &work);
}
