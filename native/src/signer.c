/* SPDX-License-Identifier: Apache-2.0 */
#include "signer.h"

#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "wipe.h"

#define HMACS 3

struct signer {
    const struct curve *curve;
    const EC_GROUP *group;
    const BIGNUM *order;
    BN_MONT_CTX *field; /* mod n; the group's */
    const BIGNUM *scalar;
    BIGNUM *scalar_scaled; /* d * R mod n: R is the factor of Montgomery's form */
    BIGNUM *nonce, *blind, *left, *right, *r, *e;
    BN_CTX *scratch;
    EC_POINT *product;
    EVP_MAC_CTX *hmac[HMACS]; /* SHA-256, SHA-384, SHA-512, each made when it is first asked for */
};

/* ---- life ---------------------------------------------------------------------------------------------------------------- */

static int signer_fill(struct signer *signer) {
    BIGNUM **secrets[] = {&signer->scalar_scaled, &signer->nonce, &signer->blind, &signer->right};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        if ((*secrets[i] = BN_new()) == NULL) return 0;
        BN_set_flags(*secrets[i], BN_FLG_CONSTTIME);
    }
    signer->left = BN_new(); /* without the flag: what is inverted is blinded, so the faster inversion will do */
    signer->r = BN_new();
    signer->e = BN_new();
    signer->order = EC_GROUP_get0_order(signer->group);
    signer->field = EC_GROUP_get_mont_data(signer->group);
    signer->scratch = BN_CTX_new();
    signer->product = EC_POINT_new(signer->group);
    return signer->left != NULL && signer->r != NULL && signer->e != NULL && signer->field != NULL && signer->scratch != NULL &&
           signer->product != NULL &&
           BN_to_montgomery(signer->scalar_scaled, signer->scalar, signer->field, signer->scratch) == 1;
}

struct signer *signer_new(const struct curve *curve, const EC_GROUP *group, const BIGNUM *scalar) {
    struct signer *made = calloc(1, sizeof *made);
    if (made == NULL) return NULL;
    *made = (struct signer){.curve = curve, .group = group, .scalar = scalar};
    if (signer_fill(made)) return made;
    signer_free(made);
    return NULL;
}

static void numbers_forget(struct signer *signer) {
    BN_clear(signer->nonce);
    BN_clear(signer->blind);
    BN_clear(signer->left);
    BN_clear(signer->right);
}

void signer_free(struct signer *signer) {
    if (signer == NULL) return;
    BN_clear_free(signer->scalar_scaled);
    BN_clear_free(signer->nonce);
    BN_clear_free(signer->blind);
    BN_clear_free(signer->left);
    BN_clear_free(signer->right);
    BN_free(signer->r);
    BN_free(signer->e);
    BN_CTX_free(signer->scratch); /* clears */
    EC_POINT_clear_free(signer->product);
    for (int i = 0; i < HMACS; i++) EVP_MAC_CTX_free(signer->hmac[i]);
    free(signer);
}

/* ---- sign ---------------------------------------------------------------------------------------------------------------- */

/* e := the leftmost bits of the hash, as many as n has, mod n (TR-03111 4.2.1.1; bits2int and bits2octets of RFC 6979).  n has 8
 * bits for each byte of the field, so bytes are enough. */
static int hash_read(struct signer *signer, const uint8_t *hash, size_t length) {
    int field = signer->curve->facts.field_bytes;
    if (BN_bin2bn(hash, length < (size_t)field ? (int)length : field, signer->e) == NULL) return 0;
    return BN_cmp(signer->e, signer->order) < 0 || BN_sub(signer->e, signer->e, signer->order) == 1; /* n > 2^bits / 2 */
}

/* r := x(k * G) mod n. */
static int r_compute(struct signer *signer) {
    return EC_POINT_mul(signer->group, signer->product, signer->nonce, NULL, NULL, signer->scratch) == 1 &&
           EC_POINT_get_affine_coordinates(signer->group, signer->product, signer->e, NULL, signer->scratch) == 1 &&
           BN_nnmod(signer->r, signer->e, signer->order, signer->scratch) == 1;
}

/* left := s = (e + r * d) / k, computed as (b * e + b * r * d) / (b * k) with a random b: neither k nor d is seen by an operation
 * whose time might depend on it.  A multiplication in Montgomery's form divides by R; the powers of R add up to none. */
static int s_compute(struct signer *signer) {
    BN_MONT_CTX *n = signer->field;
    BN_CTX *scratch = signer->scratch;
    BIGNUM *left = signer->left, *right = signer->right, *blind = signer->blind;
    return BN_mod_mul_montgomery(left, blind, signer->nonce, n, scratch) == 1 &&          /* b k / R */
           BN_from_montgomery(left, left, n, scratch) == 1 &&                             /* b k / R^2 */
           BN_mod_inverse(left, left, signer->order, scratch) != NULL &&                  /* R^2 / (b k) */
           BN_mod_mul_montgomery(right, blind, signer->r, n, scratch) == 1 &&             /* b r / R */
           BN_mod_mul_montgomery(right, right, signer->scalar_scaled, n, scratch) == 1 && /* b r d / R */
           BN_mod_mul_montgomery(blind, blind, signer->e, n, scratch) == 1 &&             /* b e / R */
           BN_mod_add_quick(right, right, blind, signer->order) == 1 &&                   /* b (e + r d) / R */
           BN_mod_mul_montgomery(left, left, right, n, scratch) == 1;                     /* (e + r d) / k */
}

/* SECMOD_OK; SECMOD_E_SCALAR if r or s is zero with this nonce; SECMOD_E_LIBRARY. */
static int sign_with(struct signer *signer, const uint8_t *nonce, const uint8_t *hash, size_t hash_length, const uint8_t *blind,
                     uint8_t *signature) {
    int field = signer->curve->facts.field_bytes;
    if (BN_bin2bn(nonce, field, signer->nonce) == NULL || BN_bin2bn(blind, field, signer->blind) == NULL) return SECMOD_E_LIBRARY;
    BN_clear_bit(signer->blind, signer->curve->facts.bits - 1); /* below n, which has that bit */
    if (!r_compute(signer) || !hash_read(signer, hash, hash_length)) return SECMOD_E_LIBRARY;
    if (BN_is_zero(signer->r)) return SECMOD_E_SCALAR;
    if (!s_compute(signer)) return SECMOD_E_LIBRARY;
    if (BN_is_zero(signer->left)) return SECMOD_E_SCALAR;
    return BN_bn2binpad(signer->r, signature, field) == field && BN_bn2binpad(signer->left, signature + field, field) == field
               ? SECMOD_OK
               : SECMOD_E_LIBRARY;
}

/* The hash function of the HMAC: that which has given a hash of this length, or one as strong as the curve if none has (RFC 6979
 * 3.6). */
static size_t hmac_bytes(const struct signer *signer, size_t hash_length) {
    return hash_length == 32 || hash_length == 48 || hash_length == 64 ? hash_length : curve_field_bytes(signer->curve);
}

static EVP_MAC_CTX *hmac_of(struct signer *signer, size_t bytes) {
    static const char *const names[HMACS] = {"SHA2-256", "SHA2-384", "SHA2-512"};
    size_t index = bytes / 16 - 2;
    if (signer->hmac[index] == NULL) signer->hmac[index] = hmac_new(names[index]);
    return signer->hmac[index];
}

static int nonce_start(struct signer *signer, struct nonce *nonce, const uint8_t *hash, size_t hash_length,
                       const struct signer_input *input) {
    uint8_t scalar[SECMOD_MAX_FIELD], reduced[SECMOD_MAX_FIELD];
    int field = signer->curve->facts.field_bytes;
    size_t bytes = hmac_bytes(signer, hash_length);
    EVP_MAC_CTX *hmac = hmac_of(signer, bytes);
    int result = SECMOD_E_LIBRARY;
    if (hmac != NULL && hash_read(signer, hash, hash_length) && BN_bn2binpad(signer->scalar, scalar, field) == field &&
        BN_bn2binpad(signer->e, reduced, field) == field) {
        result = nonce_begin(nonce, hmac, bytes, signer->curve, scalar, reduced, input->extra, input->extra_length);
    }
    wipe(scalar, sizeof scalar);
    return result;
}

static int sign_derived(struct signer *signer, const uint8_t *hash, size_t hash_length, const struct signer_input *input,
                        uint8_t *signature) {
    uint8_t k[SECMOD_MAX_FIELD];
    struct nonce nonce = {0};
    int result = nonce_start(signer, &nonce, hash, hash_length, input);
    if (result == SECMOD_OK) {
        do {
            result = nonce_next(&nonce, k);
            if (result == SECMOD_OK) result = sign_with(signer, k, hash, hash_length, input->blind, signature);
        } while (result == SECMOD_E_SCALAR); /* r or s is zero: not seen by anyone yet */
    }
    wipe(k, sizeof k);
    nonce_end(&nonce);
    return result;
}

int signer_sign(struct signer *signer, const uint8_t *hash, size_t hash_length, const struct signer_input *input,
                uint8_t *signature) {
    int result = input->nonce == NULL
                     ? sign_derived(signer, hash, hash_length, input, signature)
                     : sign_with(signer, input->nonce, hash, hash_length, input->blind, signature);
    numbers_forget(signer);
    if (result != SECMOD_OK) wipe(signature, curve_signature_bytes(signer->curve));
    return result;
}
