/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <pthread.h>
#include <string.h>

#include "ct.h"
#include "wipe.h"

/* ---- libcrypto's objects of each curve: made on first use, kept as long as the process lives ----------------------------- */

struct curve_objects {
    EC_GROUP *group;
    EVP_PKEY *domain; /* a key with domain parameters only: copying it is four times as fast as naming the curve again */
};

static struct curve_objects objects[CURVE_COUNT];
static pthread_once_t objects_once = PTHREAD_ONCE_INIT;

/* libcrypto's number for an object identifier, NID_undef if it knows none. */
static int nid_of(const struct secmod_curve *facts) {
    uint8_t der[2 + SECMOD_MAX_OID] = {V_ASN1_OBJECT, (uint8_t)facts->oid_length};
    memcpy(der + 2, facts->oid, (size_t)facts->oid_length);
    const uint8_t *at = der;
    ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, 2 + facts->oid_length);
    int nid = OBJ_obj2nid(object);
    ASN1_OBJECT_free(object);
    return nid;
}

static EVP_PKEY *pkey_from(int selection, OSSL_PARAM params[]) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (context != NULL && EVP_PKEY_fromdata_init(context) == 1) (void)EVP_PKEY_fromdata(context, &key, selection, params);
    EVP_PKEY_CTX_free(context);
    return key; /* NULL unless fromdata succeeded */
}

/* The name by which libcrypto's parameters know a curve. */
static OSSL_PARAM group_param(const struct secmod_curve *facts, char name[64]) {
    const char *known = OBJ_nid2sn(nid_of(facts));
    OPENSSL_strlcpy(name, known == NULL ? "" : known, 64);
    return OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0);
}

static void objects_make(void) {
    for (int i = 0; i < CURVE_COUNT; i++) {
        char name[64];
        OSSL_PARAM params[] = {group_param(&curve_at(i)->facts, name), OSSL_PARAM_construct_end()};
        objects[i].group = EC_GROUP_new_by_curve_name(nid_of(&curve_at(i)->facts));
        objects[i].domain = pkey_from(EVP_PKEY_KEY_PARAMETERS, params);
    }
}

/* NULL if this libcrypto does not offer the curve. */
static const struct curve_objects *objects_of(const struct curve *curve) {
    pthread_once(&objects_once, objects_make);
    const struct curve_objects *found = &objects[curve->number];
    return found->group == NULL || found->domain == NULL ? NULL : found;
}

const EC_GROUP *curve_group(const struct curve *curve) {
    const struct curve_objects *known = objects_of(curve);
    return known == NULL ? NULL : known->group;
}

/* ---- public keys -------------------------------------------------------------------------------------------------------- */

int public_key_new(const struct curve *curve, const uint8_t *point, size_t length, EVP_PKEY **key) {
    const struct curve_objects *known = objects_of(curve);
    if (known == NULL) return SECMOD_E_LIBRARY;
    /* length and prefix first: libcrypto would also take compressed and hybrid forms and the point at infinity */
    if (length != curve_point_bytes(curve) || point[0] != POINT_CONVERSION_UNCOMPRESSED) return SECMOD_E_POINT;
    EVP_PKEY *copy = EVP_PKEY_dup(known->domain);
    if (copy == NULL) return SECMOD_E_LIBRARY;
    if (EVP_PKEY_set1_encoded_public_key(copy, point, length) != 1) { /* decoding checks range and equation */
        EVP_PKEY_free(copy);
        return SECMOD_E_POINT;
    }
    *key = copy;
    return SECMOD_OK;
}

int secmod_point_check(int curve, const uint8_t *point, size_t length) {
    const struct curve *row = curve_at(curve);
    if (row == NULL) return SECMOD_E_ARGUMENT;
    EVP_PKEY *key = NULL;
    ERR_set_mark();
    int result = public_key_new(row, point, length, &key);
    EVP_PKEY_free(key);
    ERR_pop_to_mark();
    return result;
}

/* ---- private keys ------------------------------------------------------------------------------------------------------- */

uint32_t scalar_in_range(const struct curve *curve, const uint8_t *scalar) {
    size_t length = curve_field_bytes(curve);
    return ~ct_is_zero(scalar, length) & ct_less(scalar, curve->order, length);
}

/* Q = d * G as 04 X Y. */
static int base_multiply(const struct curve *curve, const EC_GROUP *group, const BIGNUM *scalar, uint8_t *point) {
    EC_POINT *product = EC_POINT_new(group);
    int done = product != NULL && EC_POINT_mul(group, product, scalar, NULL, NULL, NULL) == 1 &&
               EC_POINT_point2oct(group, product, POINT_CONVERSION_UNCOMPRESSED, point, curve_point_bytes(curve), NULL) ==
                   curve_point_bytes(curve);
    EC_POINT_clear_free(product);
    return done;
}

static EVP_PKEY *pair_new(const struct curve *curve, const BIGNUM *scalar, uint8_t *point) {
    char name[64];
    uint8_t native[SECMOD_MAX_FIELD]; /* the scalar in the byte order of this machine, as OSSL_PARAM wants it */
    if (BN_bn2nativepad(scalar, native, curve->facts.field_bytes) < 0) return NULL;
    OSSL_PARAM params[] = {
        group_param(&curve->facts, name),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, curve_point_bytes(curve)),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, curve_field_bytes(curve)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *pair = pkey_from(EVP_PKEY_KEYPAIR, params);
    wipe(native, sizeof native);
    return pair;
}

/* Q once more: libcrypto blinds each multiplication anew, so a slip in one of the two shows.  (EVP_PKEY_pairwise_check would
 * also compute n * Q, which cofactor 1 makes needless.) */
static int pairwise_check(const struct curve *curve, const EC_GROUP *group, const BIGNUM *scalar, const uint8_t *point) {
    uint8_t again[SECMOD_MAX_POINT];
    return base_multiply(curve, group, scalar, again) && ct_equal(again, point, curve_point_bytes(curve));
}

static int context_prepare(struct private_key *key) {
    key->derive = EVP_PKEY_CTX_new_from_pkey(NULL, key->pair, NULL);
    return key->derive != NULL && EVP_PKEY_derive_init(key->derive) == 1;
}

static int key_fill(struct private_key *key, const EC_GROUP *group, const uint8_t *scalar) {
    BIGNUM *number = key->scalar = BN_secure_new();
    if (number == NULL) return 0;
    BN_set_flags(number, BN_FLG_CONSTTIME);
    return BN_bin2bn(scalar, key->curve->facts.field_bytes, number) != NULL &&
           base_multiply(key->curve, group, number, key->point) && pairwise_check(key->curve, group, number, key->point) &&
           (key->pair = pair_new(key->curve, number, key->point)) != NULL && context_prepare(key);
}

int private_key_new(const struct curve *curve, const uint8_t *scalar, struct private_key *key) {
    memset(key, 0, sizeof *key);
    key->curve = curve;
    const struct curve_objects *known = objects_of(curve);
    if (known == NULL) return SECMOD_E_LIBRARY;
    if (!scalar_in_range(curve, scalar)) return SECMOD_E_SCALAR; /* whether a scalar is refused is public */
    if (key_fill(key, known->group, scalar)) return SECMOD_OK;
    private_key_wipe(key);
    return SECMOD_E_LIBRARY;
}

struct signer *private_key_signer(struct private_key *key) {
    if (key->signer == NULL) key->signer = signer_new(key->curve, objects_of(key->curve)->group, key->scalar);
    return key->signer;
}

void private_key_wipe(struct private_key *key) {
    signer_free(key->signer);
    EVP_PKEY_CTX_free(key->derive);
    BN_clear_free(key->scalar);
    EVP_PKEY_free(key->pair); /* libcrypto clears the scalar before it frees it */
    wipe(key, sizeof *key);
}
