/* SPDX-License-Identifier: Apache-2.0 */
/* AES with keys of 16, 24 or 32 bytes (FIPS 197), CBC, and CMAC (SP 800-38B, RFC 4493), out of libcrypto's block cipher.
 *
 * Contexts are fetched and keyed once: that costs as much as some hundred blocks.  CMAC is built on a kept CBC context, because
 * libcrypto's own up to 3.0.2 can not be started again with the key it has (openssl/openssl issue 17811). */
#ifndef SECMOD_AES_H
#define SECMOD_AES_H

#include "libcrypto.h"

#define AES_BLOCK 16

enum aes_direction { AES_DECRYPT_DIRECTION, AES_ENCRYPT_DIRECTION };

/* One block under a key that is used once.  SECMOD_OK, SECMOD_E_ARGUMENT for a key length, SECMOD_E_LIBRARY. */
int aes_block(enum aes_direction direction, const uint8_t *key, size_t key_bytes, const uint8_t in[AES_BLOCK],
              uint8_t out[AES_BLOCK]);

/* Single blocks under one key, for aes_cbc_blocks: without chaining there is nothing to start. */
EVP_CIPHER_CTX *aes_ecb_new(const uint8_t *key, size_t key_bytes);

/* CBC under one key: an initial vector, then any number of whole blocks. */
EVP_CIPHER_CTX *aes_cbc_new(enum aes_direction direction, const uint8_t *key, size_t key_bytes);
int aes_cbc_start(EVP_CIPHER_CTX *context, const uint8_t iv[AES_BLOCK]);
int aes_cbc_blocks(EVP_CIPHER_CTX *context, const uint8_t *in, size_t length, uint8_t *out); /* in == out is allowed */

struct cmac {
    EVP_CIPHER_CTX *cbc;
    uint8_t k1[AES_BLOCK], k2[AES_BLOCK]; /* what is added to a last block that is whole, or padded */
};

int cmac_new(const uint8_t *key, size_t key_bytes, struct cmac *cmac);
void cmac_wipe(struct cmac *cmac);
/* A message is started, given in whole blocks, and ended with its last 0 .. 16 bytes: 16 unless the message has fewer bytes or
 * is no multiple. */
int cmac_start(struct cmac *cmac);
int cmac_blocks(struct cmac *cmac, const uint8_t *data, size_t length);
int cmac_end(struct cmac *cmac, const uint8_t *last, size_t length, uint8_t mac[AES_BLOCK]);

/* The CMAC of one message under a key that is used once. */
int cmac_of(const uint8_t *key, size_t key_bytes, const uint8_t *data, size_t length, uint8_t mac[AES_BLOCK]);

#endif
