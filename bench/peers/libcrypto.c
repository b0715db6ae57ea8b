/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's libcrypto through its EVP interface; sign and verify with prepared contexts. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "peer.h"

struct work {
    const char *curve;
    EVP_PKEY *key;
    EVP_PKEY_CTX *sign, *verify, *derive, *generate;
    uint8_t hash[64], point[133], signature[160], out[256];
    size_t hash_length, point_length, signature_length;
};

static EVP_PKEY *read_point(const struct work *w)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)w->curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)w->point, w->point_length),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_PKEY_fromdata_init(context) != 1 || EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    return key;
}

static bool sign(void *state)
{
    struct work *w = state;
    size_t length = sizeof w->out;
    return EVP_PKEY_sign(w->sign, w->out, &length, w->hash, w->hash_length) == 1;
}

static bool verify(void *state)
{
    struct work *w = state;
    return EVP_PKEY_verify(w->verify, w->signature, w->signature_length, w->hash, w->hash_length) == 1;
}

static bool verify_new(void *state)
{
    struct work *w = state;
    EVP_PKEY *key = read_point(w);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    const bool done = EVP_PKEY_verify_init(context) == 1 &&
                      EVP_PKEY_verify(context, w->signature, w->signature_length, w->hash, w->hash_length) == 1;
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    return done;
}

static bool agree(void *state)
{
    struct work *w = state;
    size_t length = sizeof w->out;
    EVP_PKEY *peer = read_point(w);
    /* 0: not once more the order of a point that was found on a curve of prime order */
    const bool done = EVP_PKEY_derive_set_peer_ex(w->derive, peer, 0) == 1 && EVP_PKEY_derive(w->derive, w->out, &length) == 1;
    EVP_PKEY_free(peer);
    return done;
}

static bool generate(void *state)
{
    struct work *w = state;
    EVP_PKEY *key = NULL;
    const bool done = EVP_PKEY_generate(w->generate, &key) == 1;
    EVP_PKEY_free(key);
    return done;
}

static bool random_bytes(void *state)
{
    struct work *w = state;
    return RAND_bytes(w->out, 32) == 1;
}

static bool prepare(size_t curve, void *state)
{
    static const char *const names[PEER_CURVES] = {"brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "P-256", "P-384"};
    struct work *w = state;
    w->curve = names[curve];
    w->key = EVP_EC_gen(w->curve);
    if (w->key == NULL)
        return false;
    w->hash_length = peer_bytes[curve];
    w->signature_length = sizeof w->signature;
    w->sign = EVP_PKEY_CTX_new_from_pkey(NULL, w->key, NULL);
    w->verify = EVP_PKEY_CTX_new_from_pkey(NULL, w->key, NULL);
    w->derive = EVP_PKEY_CTX_new_from_pkey(NULL, w->key, NULL);
    w->generate = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    return RAND_bytes(w->hash, sizeof w->hash) == 1 &&
           EVP_PKEY_get_octet_string_param(w->key, OSSL_PKEY_PARAM_PUB_KEY, w->point, sizeof w->point, &w->point_length) == 1 &&
           EVP_PKEY_sign_init(w->sign) == 1 && EVP_PKEY_verify_init(w->verify) == 1 && EVP_PKEY_derive_init(w->derive) == 1 &&
           EVP_PKEY_keygen_init(w->generate) == 1 && EVP_PKEY_CTX_set_group_name(w->generate, w->curve) == 1 &&
           EVP_PKEY_sign(w->sign, w->signature, &w->signature_length, w->hash, w->hash_length) == 1;
}

int main(int argc, char **argv)
{
    static const struct peer_operation operations[] = {{"sign", sign},         {"verify", verify},       {"verify-new", verify_new}, {"agree", agree},
                                                       {"generate", generate}, {"random", random_bytes}, {NULL, NULL}};
    static struct work work;
    return peer_main(argc, argv, operations, prepare, &work);
}
