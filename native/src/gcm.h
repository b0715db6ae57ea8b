/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256 in Galois counter mode (SP 800-38D), one message per call, with a nonce of 96 bits. */
#ifndef SECMOD_GCM_H
#define SECMOD_GCM_H

#include "aes.h"

#define GCM_KEY 32
#define GCM_NONCE 12
#define GCM_TAG 16

/* Associated data, in two parts that follow each other. */
struct gcm_context {
    const uint8_t *header, *context;
    size_t header_length, context_length;
};

int gcm_encrypt(const uint8_t key[GCM_KEY], const uint8_t nonce[GCM_NONCE], const struct gcm_context *with, const uint8_t *plain,
                size_t length, uint8_t *cipher, uint8_t tag[GCM_TAG]);
/* SECMOD_E_SEAL, and zeroes, if anything is not what was encrypted. */
int gcm_decrypt(const uint8_t key[GCM_KEY], const uint8_t nonce[GCM_NONCE], const struct gcm_context *with, const uint8_t *cipher,
                size_t length, const uint8_t tag[GCM_TAG], uint8_t *plain);

#endif
