/* SPDX-License-Identifier: Apache-2.0 */
#include "aes.h"

#include <string.h>

#include "ct.h"
#include "wipe.h"

#define CHUNK 256 /* bytes whose CBC output is thrown away at once */

/* ---- contexts ----------------------------------------------------------------------------------------------------------- */

static const char *cipher_name(size_t key_bytes, int chained) {
    switch (key_bytes) {
        case 16: return chained ? "AES-128-CBC" : "AES-128-ECB";
        case 24: return chained ? "AES-192-CBC" : "AES-192-ECB";
        case 32: return chained ? "AES-256-CBC" : "AES-256-ECB";
        default: return NULL;
    }
}

static EVP_CIPHER_CTX *context_new(const char *name, enum aes_direction direction, const uint8_t *key) {
    static const uint8_t zeroes[AES_BLOCK];
    EVP_CIPHER *cipher = name == NULL ? NULL : EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *context = cipher == NULL ? NULL : EVP_CIPHER_CTX_new();
    if (context != NULL && (EVP_CipherInit_ex2(context, cipher, key, zeroes, direction == AES_ENCRYPT_DIRECTION, NULL) != 1 ||
                            EVP_CIPHER_CTX_set_padding(context, 0) != 1)) {
        EVP_CIPHER_CTX_free(context); /* clears the key */
        context = NULL;
    }
    EVP_CIPHER_free(cipher);
    return context;
}

int aes_block(enum aes_direction direction, const uint8_t *key, size_t key_bytes, const uint8_t in[AES_BLOCK],
              uint8_t out[AES_BLOCK]) {
    const char *name = cipher_name(key_bytes, 0);
    if (name == NULL) return SECMOD_E_ARGUMENT;
    EVP_CIPHER_CTX *context = context_new(name, direction, key);
    int result = context == NULL ? SECMOD_E_LIBRARY : aes_cbc_blocks(context, in, AES_BLOCK, out);
    EVP_CIPHER_CTX_free(context);
    return result;
}

/* ---- CBC ---------------------------------------------------------------------------------------------------------------- */

EVP_CIPHER_CTX *aes_ecb_new(const uint8_t *key, size_t key_bytes) {
    return context_new(cipher_name(key_bytes, 0), AES_ENCRYPT_DIRECTION, key);
}

EVP_CIPHER_CTX *aes_cbc_new(enum aes_direction direction, const uint8_t *key, size_t key_bytes) {
    return context_new(cipher_name(key_bytes, 1), direction, key);
}

int aes_cbc_start(EVP_CIPHER_CTX *context, const uint8_t iv[AES_BLOCK]) {
    return EVP_CipherInit_ex2(context, NULL, NULL, iv, -1, NULL) == 1 ? SECMOD_OK : SECMOD_E_LIBRARY;
}

int aes_cbc_blocks(EVP_CIPHER_CTX *context, const uint8_t *in, size_t length, uint8_t *out) {
    int written = 0;
    int done = EVP_CipherUpdate(context, out, &written, in, (int)length) == 1 && written == (int)length;
    return done ? SECMOD_OK : SECMOD_E_LIBRARY;
}

/* ---- CMAC --------------------------------------------------------------------------------------------------------------- */

/* out := in times x in GF(2^128), as SP 800-38B clause 6.1 makes its subkeys. */
static void doubled(const uint8_t in[AES_BLOCK], uint8_t out[AES_BLOCK]) {
    const uint8_t carry = (uint8_t)(ct_mask_of(in[0] >> 7) & 0x87);
    for (int i = 0; i < AES_BLOCK - 1; i++) out[i] = (uint8_t)(in[i] << 1 | in[i + 1] >> 7);
    out[AES_BLOCK - 1] = (uint8_t)(in[AES_BLOCK - 1] << 1 ^ carry);
}

int cmac_new(const uint8_t *key, size_t key_bytes, struct cmac *cmac) {
    uint8_t block[AES_BLOCK] = {0};
    memset(cmac, 0, sizeof *cmac);
    cmac->cbc = aes_cbc_new(AES_ENCRYPT_DIRECTION, key, key_bytes);
    int result = cmac->cbc == NULL ? SECMOD_E_LIBRARY : aes_cbc_blocks(cmac->cbc, block, sizeof block, block);
    if (result == SECMOD_OK) {
        doubled(block, cmac->k1);
        doubled(cmac->k1, cmac->k2);
    } else {
        cmac_wipe(cmac);
    }
    wipe(block, sizeof block);
    return result;
}

void cmac_wipe(struct cmac *cmac) {
    EVP_CIPHER_CTX_free(cmac->cbc); /* clears the key */
    wipe(cmac, sizeof *cmac);
}

int cmac_start(struct cmac *cmac) {
    static const uint8_t zeroes[AES_BLOCK];
    return aes_cbc_start(cmac->cbc, zeroes);
}

int cmac_blocks(struct cmac *cmac, const uint8_t *data, size_t length) {
    uint8_t thrown_away[CHUNK];
    int result = SECMOD_OK;
    while (length > 0 && result == SECMOD_OK) {
        const size_t part = length < CHUNK ? length : CHUNK;
        result = aes_cbc_blocks(cmac->cbc, data, part, thrown_away);
        data += part;
        length -= part;
    }
    return result;
}

int cmac_end(struct cmac *cmac, const uint8_t *last, size_t length, uint8_t mac[AES_BLOCK]) {
    uint8_t block[AES_BLOCK] = {0};
    if (length > 0) memcpy(block, last, length);
    if (length < AES_BLOCK) block[length] = 0x80;
    const uint8_t *subkey = length < AES_BLOCK ? cmac->k2 : cmac->k1;
    for (int i = 0; i < AES_BLOCK; i++) block[i] ^= subkey[i];
    int result = aes_cbc_blocks(cmac->cbc, block, sizeof block, mac);
    wipe(block, sizeof block);
    return result;
}

int cmac_of(const uint8_t *key, size_t key_bytes, const uint8_t *data, size_t length, uint8_t mac[AES_BLOCK]) {
    if (cipher_name(key_bytes, 1) == NULL) return SECMOD_E_ARGUMENT;
    struct cmac cmac;
    const size_t whole = length == 0 ? 0 : (length - 1) / AES_BLOCK * AES_BLOCK;
    int result = cmac_new(key, key_bytes, &cmac);
    if (result == SECMOD_OK) result = cmac_start(&cmac);
    if (result == SECMOD_OK) result = cmac_blocks(&cmac, data, whole);
    if (result == SECMOD_OK) result = cmac_end(&cmac, data + whole, length - whole, mac);
    cmac_wipe(&cmac);
    return result;
}
