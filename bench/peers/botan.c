/* SPDX-License-Identifier: Apache-2.0 */
/* Botan 2 through its C interface; its nonces are those of RFC 6979. */
#include <botan/ffi.h>

#include "peer.h"

struct work {
    const char *curve;
    size_t bytes, signature_length;
    botan_rng_t rng;
    botan_pk_op_sign_t sign;
    botan_pk_op_verify_t verify;
    botan_pk_op_ka_t agree;
    uint8_t hash[64], point[129], other[129], signature[160], out[160];
};

static bool sign(void *state)
{
    struct work *w = state;
    size_t length = sizeof w->out;
    return botan_pk_op_sign_update(w->sign, w->hash, w->bytes) == 0 && botan_pk_op_sign_finish(w->sign, w->rng, w->out, &length) == 0;
}

static bool verify_by(const struct work *w, botan_pk_op_verify_t operation)
{
    return botan_pk_op_verify_update(operation, w->hash, w->bytes) == 0 &&
           botan_pk_op_verify_finish(operation, w->signature, w->signature_length) == 0;
}

static bool verify(void *state)
{
    const struct work *w = state;
    return verify_by(w, w->verify);
}

static bool verify_new(void *state)
{
    const struct work *w = state;
    botan_mp_t x, y;
    botan_pubkey_t key;
    botan_pk_op_verify_t operation;
    if (botan_mp_init(&x) != 0 || botan_mp_init(&y) != 0 || botan_mp_from_bin(x, w->point + 1, w->bytes) != 0 ||
        botan_mp_from_bin(y, w->point + 1 + w->bytes, w->bytes) != 0 || botan_pubkey_load_ecdsa(&key, x, y, w->curve) != 0 ||
        botan_pk_op_verify_create(&operation, key, "Raw", 0) != 0)
        return false;
    const bool done = verify_by(w, operation);
    return botan_pk_op_verify_destroy(operation) == 0 && botan_pubkey_destroy(key) == 0 && botan_mp_destroy(x) == 0 &&
           botan_mp_destroy(y) == 0 && done;
}

static bool agree(void *state)
{
    struct work *w = state;
    size_t length = sizeof w->out;
    return botan_pk_op_key_agreement(w->agree, w->out, &length, w->other, 1 + 2 * w->bytes, NULL, 0) == 0;
}

static bool generate(void *state)
{
    struct work *w = state;
    botan_privkey_t key;
    return botan_privkey_create(&key, "ECDSA", w->curve, w->rng) == 0 && botan_privkey_destroy(key) == 0;
}

static bool random_bytes(void *state)
{
    struct work *w = state;
    return botan_rng_get(w->rng, w->out, 32) == 0;
}

/* One coordinate, all its leading zeros kept. */
static bool coordinate(botan_pubkey_t key, const char *name, uint8_t *out, size_t bytes)
{
    botan_mp_t value;
    size_t length;
    if (botan_mp_init(&value) != 0 || botan_pubkey_get_field(value, key, name) != 0 || botan_mp_num_bytes(value, &length) != 0 || length > bytes)
        return false;
    memset(out, 0, bytes - length);
    return botan_mp_to_bin(value, out + bytes - length) == 0 && botan_mp_destroy(value) == 0;
}

static bool prepare(size_t curve, void *state)
{
    static const char *const names[PEER_CURVES] = {"brainpool256r1", "brainpool384r1", "brainpool512r1", "secp256r1", "secp384r1"};
    struct work *w = state;
    botan_privkey_t key, mine, theirs;
    botan_pubkey_t public;
    size_t length = sizeof w->other;
    w->curve = names[curve];
    w->bytes = peer_bytes[curve];
    w->signature_length = sizeof w->signature;
    w->point[0] = 4;
    return botan_rng_init(&w->rng, "user") == 0 && botan_rng_get(w->rng, w->hash, w->bytes) == 0 &&
           botan_privkey_create(&key, "ECDSA", w->curve, w->rng) == 0 && botan_privkey_export_pubkey(&public, key) == 0 &&
           coordinate(public, "public_x", w->point + 1, w->bytes) && coordinate(public, "public_y", w->point + 1 + w->bytes, w->bytes) &&
           botan_pk_op_sign_create(&w->sign, key, "Raw", 0) == 0 && botan_pk_op_verify_create(&w->verify, public, "Raw", 0) == 0 &&
           botan_pk_op_sign_update(w->sign, w->hash, w->bytes) == 0 &&
           botan_pk_op_sign_finish(w->sign, w->rng, w->signature, &w->signature_length) == 0 &&
           botan_privkey_create(&mine, "ECDH", w->curve, w->rng) == 0 && botan_privkey_create(&theirs, "ECDH", w->curve, w->rng) == 0 &&
           botan_pk_op_key_agreement_create(&w->agree, mine, "Raw", 0) == 0 &&
           botan_pk_op_key_agreement_export_public(theirs, w->other, &length) == 0;
}

int main(int argc, char **argv)
{
    static const struct peer_operation operations[] = {{"sign", sign},         {"verify", verify},       {"verify-new", verify_new}, {"agree", agree},
                                                       {"generate", generate}, {"random", random_bytes}, {NULL, NULL}};
    static struct work work;
    return peer_main(argc, argv, operations, prepare, &work);
}
