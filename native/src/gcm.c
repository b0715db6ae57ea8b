/* SPDX-License-Identifier: Apache-2.0 */
#include "gcm.h"

#include <string.h>

#include "wipe.h"

static int associate(EVP_CIPHER_CTX *context, const uint8_t *data, size_t length) {
    int written;
    return length == 0 || EVP_CipherUpdate(context, NULL, &written, data, (int)length) == 1;
}

/* A context that has taken key, nonce and associated data; NULL if libcrypto has no such cipher. */
static EVP_CIPHER_CTX *begun(enum aes_direction direction, const uint8_t *key, const uint8_t *nonce, const struct gcm_context *with) {
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *context = cipher == NULL ? NULL : EVP_CIPHER_CTX_new();
    if (context != NULL && (EVP_CipherInit_ex2(context, cipher, key, nonce, direction == AES_ENCRYPT_DIRECTION, NULL) != 1 ||
                            !associate(context, with->header, with->header_length) ||
                            !associate(context, with->context, with->context_length))) {
        EVP_CIPHER_CTX_free(context); /* clears the key */
        context = NULL;
    }
    EVP_CIPHER_free(cipher);
    return context;
}

int gcm_encrypt(const uint8_t key[GCM_KEY], const uint8_t nonce[GCM_NONCE], const struct gcm_context *with, const uint8_t *plain,
                size_t length, uint8_t *cipher, uint8_t tag[GCM_TAG]) {
    int written = 0, rest = 0;
    EVP_CIPHER_CTX *context = begun(AES_ENCRYPT_DIRECTION, key, nonce, with);
    int done = context != NULL && EVP_CipherUpdate(context, cipher, &written, plain, (int)length) == 1 &&
               EVP_CipherFinal_ex(context, cipher + written, &rest) == 1 &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag) == 1;
    EVP_CIPHER_CTX_free(context);
    return done ? SECMOD_OK : SECMOD_E_LIBRARY;
}

int gcm_decrypt(const uint8_t key[GCM_KEY], const uint8_t nonce[GCM_NONCE], const struct gcm_context *with, const uint8_t *cipher,
                size_t length, const uint8_t tag[GCM_TAG], uint8_t *plain) {
    int written = 0, rest = 0;
    uint8_t expected[GCM_TAG];
    memcpy(expected, tag, GCM_TAG); /* libcrypto asks for one that it may write to */
    EVP_CIPHER_CTX *context = begun(AES_DECRYPT_DIRECTION, key, nonce, with);
    int done = context != NULL && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, expected) == 1 &&
               EVP_CipherUpdate(context, plain, &written, cipher, (int)length) == 1;
    int right = done && EVP_CipherFinal_ex(context, plain + written, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!right) wipe(plain, length);
    return right ? SECMOD_OK : done ? SECMOD_E_SEAL : SECMOD_E_LIBRARY;
}
