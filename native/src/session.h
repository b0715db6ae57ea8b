/* SPDX-License-Identifier: Apache-2.0 */
/* A secure messaging session: two AES keys and the send sequence counter (TR-03110-3 F.3). */
#ifndef SECMOD_SESSION_H
#define SECMOD_SESSION_H

#include "aes.h"

#define SESSION_MAC 8 /* bytes of the MAC that are sent */

struct session {
    EVP_CIPHER_CTX *block; /* ECB under KSenc, for initial vectors */
    EVP_CIPHER_CTX *encrypt, *decrypt;
    struct cmac mac;
    uint8_t ssc[AES_BLOCK]; /* of the last message, sent or received */
    int room;               /* bytes that the next response may have before its status word: Ne of the command, outside */
};

int session_new(const uint8_t *enc, const uint8_t *mac, size_t key_bytes, const uint8_t ssc[AES_BLOCK], struct session *session);
void session_wipe(struct session *session);

/* Counts one message.  SECMOD_E_SM_WRONG if the counter has no more values: 2^128 - 1 is never used. */
int session_count(struct session *session);

/* The MAC over SSC, the padded header (4 bytes, NULL for a response) and the padded data objects, which are left out if there
 * are none. */
int session_mac(struct session *session, const uint8_t *header, const uint8_t *objects, size_t length, uint8_t mac[SESSION_MAC]);

/* Length of the cryptogram of so many bytes: padding is always added. */
static inline size_t session_padded(size_t length) { return (length / AES_BLOCK + 1) * AES_BLOCK; }

/* The cryptogram of 1 or more bytes under the counter's initial vector: session_padded(length) bytes. */
int session_encrypt(struct session *session, const uint8_t *plain, size_t length, uint8_t *cryptogram);
/* The reverse; *length comes in as that of the cryptogram, goes out as that of the plain data, of which there is at least 1 byte.
 * SECMOD_E_SM_WRONG for bad padding. */
int session_decrypt(struct session *session, const uint8_t *cryptogram, size_t *length, uint8_t *plain);

#endif
