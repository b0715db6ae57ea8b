/* SPDX-License-Identifier: Apache-2.0 */
/* The one public header of secmod's native part.
 *
 * The lines between the api markers are read twice: by C compilers and, with SECMOD_API removed, by cffi
 * (secmod/_native/build.py).  They hold only comments, integer #defines, structs and prototypes.
 *
 * Conventions.  Functions return SECMOD_OK or a negative SECMOD_E_... code.  Buffers belong to the caller.  Lengths are in
 * bytes.  On any error outputs are zeroed or untouched, never half written.  Nothing here logs. */
#ifndef SECMOD_H
#define SECMOD_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SECMOD_API __attribute__((visibility("default")))
#else
#define SECMOD_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* api: begin */

/* ---- results ------------------------------------------------------------------------------------------------------------ */

#define SECMOD_OK 0
#define SECMOD_E_ARGUMENT -1  /* a length, curve or option that the function does not know */
#define SECMOD_E_HANDLE -2    /* no secret lives under this handle */
#define SECMOD_E_POINT -3     /* not a valid public key of this curve: length, prefix, range or equation (TR-03111 4.3) */
#define SECMOD_E_SIGNATURE -4 /* the signature does not verify */
#define SECMOD_E_SCALAR -5    /* a private scalar outside [1, n-1] */
#define SECMOD_E_FULL -6      /* the vault holds SECMOD_VAULT_SLOTS secrets already */
#define SECMOD_E_RANDOM -7    /* the random generator is in its alarm state */
#define SECMOD_E_LIBRARY -8   /* libcrypto refused; nothing more is known */
#define SECMOD_E_SELF_TEST -9 /* a known-answer test gave another answer */

/* ---- curves ------------------------------------------------------------------------------------------------------------- */

#define SECMOD_MAX_FIELD 64 /* bytes of a coordinate, at most */
#define SECMOD_MAX_POINT 129
#define SECMOD_MAX_SIGNATURE 128
#define SECMOD_MAX_OID 16

/* What the core knows of a curve; curves are numbered 0 .. secmod_curve_count() - 1, in the order of native/curves.toml. */
struct secmod_curve {
    char name[24];                 /* as in RFC 5639 and SEC 2, e.g. brainpoolP256r1 */
    uint8_t oid[SECMOD_MAX_OID];   /* value octets of the object identifier, without tag and length */
    int oid_length;
    int field_bytes;               /* L: a coordinate or Z; points are 1 + 2L, signatures 2L (n has L bytes on every curve here) */
    int bits;                      /* of n */
};

SECMOD_API int secmod_curve_count(void);
SECMOD_API int secmod_curve_get(int curve, struct secmod_curve *out);

/* SECMOD_OK if the `length` bytes are an uncompressed point (04 X Y) on the curve and not infinity, else SECMOD_E_POINT. */
SECMOD_API int secmod_point_check(int curve, const uint8_t *point, size_t length);

/* ---- vault: private keys live here and are never returned ----------------------------------------------------------------- */

#define SECMOD_VAULT_SLOTS 256

typedef struct secmod_vault secmod_vault;

/* A handle is never zero and never given twice, by this vault or another of the process.  A vault may be used from several
 * threads.  SECMOD_E_RANDOM if the operating system gives no entropy. */
SECMOD_API int secmod_vault_new(secmod_vault **vault);
/* A vault whose random numbers and keys come from nothing but a seed of 1 .. SECMOD_SEED_MAX bytes: the same calls give the same
 * outcome.  For replaying sessions; never for real keys. */
#define SECMOD_SEED_MAX 256
SECMOD_API int secmod_vault_new_deterministic(secmod_vault **vault, const uint8_t *seed, size_t length);
SECMOD_API int secmod_vault_is_deterministic(secmod_vault *vault);
/* Wipes and releases every secret, then the vault itself; NULL is allowed. */
SECMOD_API void secmod_vault_free(secmod_vault *vault);
/* Wipes every secret; the vault stays usable. */
SECMOD_API void secmod_vault_clear(secmod_vault *vault);
/* How many secrets live in the vault. */
SECMOD_API int secmod_vault_live(secmod_vault *vault);

/* A fresh key pair (TR-03111 4.1.3); checked pairwise before it is given out. */
SECMOD_API int secmod_key_generate(secmod_vault *vault, int curve, uint64_t *handle);
/* A known private key, for known-answer tests: big-endian, exactly L bytes, in [1, n-1]. */
SECMOD_API int secmod_key_import(secmod_vault *vault, int curve, const uint8_t *scalar, size_t length, uint64_t *handle);
/* The public point 04 X Y of a key; *length comes in as the room in `point`, goes out as 1 + 2L. */
SECMOD_API int secmod_key_public(secmod_vault *vault, uint64_t handle, uint8_t *point, size_t *length);
/* Wipes the key.  SECMOD_E_HANDLE if there is none. */
SECMOD_API int secmod_key_release(secmod_vault *vault, uint64_t handle);

/* ---- ECDSA and ECKA (TR-03111 4.2, 4.3) ------------------------------------------------------------------------------------ */

/* Signs a hash of 1 .. 64 bytes (its leftmost bits up to those of n count); the signature is r || s, 2L bytes.  *length as above. */
SECMOD_API int secmod_ecdsa_sign(secmod_vault *vault, uint64_t handle, const uint8_t *hash, size_t hash_length, uint8_t *signature,
                                 size_t *length);
/* SECMOD_OK, SECMOD_E_SIGNATURE, or SECMOD_E_POINT for a bad key.  Variable time: all inputs are public. */
SECMOD_API int secmod_ecdsa_verify(int curve, const uint8_t *point, size_t point_length, const uint8_t *hash, size_t hash_length,
                                   const uint8_t *signature, size_t signature_length);
/* The shared value Z = x(d * Q), L bytes, leading zeros kept; the foreign point is validated first.  *length as above. */
SECMOD_API int secmod_ecka_agree(secmod_vault *vault, uint64_t handle, const uint8_t *point, size_t point_length, uint8_t *z,
                                 size_t *length);

/* ---- random numbers, hashes ------------------------------------------------------------------------------------------------ */

#define SECMOD_RANDOM_MAX 65536 /* bytes in one call */

/* CTR_DRBG (AES-256, derivation function, SP 800-90A), one per vault.  Its seeds are the SHA-512 of bytes of the operating system
 * and of timing noise, both under the health tests of SP 800-90B.  It is seeded anew at power-on, before more than 1024 requests
 * or 65536 bytes, before every key that lives long, on request, and in a copy of the process (fork, snapshot). */
SECMOD_API int secmod_random(secmod_vault *vault, uint8_t *out, size_t length);
/* The same with prediction resistance: seeded anew for this request. */
SECMOD_API int secmod_random_fresh(secmod_vault *vault, uint8_t *out, size_t length);
SECMOD_API int secmod_random_reseed(secmod_vault *vault);

/* A failed health test raises the alarm: whatever needs random numbers returns SECMOD_E_RANDOM.  Power-on ends the first alarm, if
 * the sources pass their start-up test; after the second, no key of the vault is used again. */
#define SECMOD_RANDOM_READY 0
#define SECMOD_RANDOM_ALARM 1
#define SECMOD_RANDOM_REFUSED 2
SECMOD_API int secmod_random_state(secmod_vault *vault);
/* At power-on and reset of a card: start-up test of the sources, then a new seed.  SECMOD_E_RANDOM if that failed. */
SECMOD_API int secmod_random_power_on(secmod_vault *vault);
/* The health tests on demand, over 1024 samples of each source. */
SECMOD_API int secmod_random_test(secmod_vault *vault);
/* Raises the alarm, as a failed self-test does, or a test of what then happens. */
SECMOD_API int secmod_random_alarm(secmod_vault *vault);

#define SECMOD_SOURCE_SYSTEM 0 /* bytes of the operating system */
#define SECMOD_SOURCE_JITTER 1 /* how long a walk through memory takes */
/* A fault, for tests: the next `count` samples of a source are `value`. */
SECMOD_API int secmod_random_stick(secmod_vault *vault, int source, int value, size_t count);
/* SECMOD_E_RANDOM if these samples of a source fail its health tests (repetition count, adaptive proportion). */
SECMOD_API int secmod_health_test(int source, const uint8_t *samples, size_t length);

#define SECMOD_SHA256 1
#define SECMOD_SHA384 2
#define SECMOD_SHA512 3

/* SHA-2; `digest` has room for 32, 48 or 64 bytes. */
SECMOD_API int secmod_hash(int algorithm, const uint8_t *data, size_t length, uint8_t *digest);

/* ---- self-test ------------------------------------------------------------------------------------------------------------- */

#define SECMOD_TEST_AES 1
#define SECMOD_TEST_CMAC 2
#define SECMOD_TEST_SHA 4
#define SECMOD_TEST_DRBG 8
#define SECMOD_TEST_ECDSA 16
#define SECMOD_TEST_ECKA 32
#define SECMOD_TEST_ALL 63

/* Runs the known-answer tests of the mask; *failed gets the mask of those that gave another answer. */
SECMOD_API int secmod_self_test(int tests, int *failed);

/* Version text of the libcrypto in use, as it names itself; valid for ever. */
SECMOD_API const char *secmod_libcrypto_version(void);

/* ---- APDU (ISO/IEC 7816-4) -------------------------------------------------------------------------------------------------- */

/* A parsed command header and where its data lies.  `status` is 0x9000, or the status word a card answers to such bytes: 0x6700
 * for every malformed length, 0x6E00 for a reserved class byte; all else is zero then.  Nothing but ints: secmod.apdu reads them
 * in one go. */
struct secmod_command {
    int status;
    int cla, ins, p1, p2;
    int channel;       /* 0 .. 19 */
    int proprietary;   /* 1 if b8 of CLA is set */
    int chaining;      /* 1 if not the last command of a chain */
    int secure;        /* secure messaging: 0 none, 1 proprietary, 2 header not in MAC (or not said: channels 4..19), 3 in it */
    int extended;      /* 1 if Lc or Le is in extended form */
    int data_offset;   /* of the command data in the APDU: 5 or 7; 4 if there is none */
    int nc;            /* bytes of command data, 0 .. 65535 */
    int ne;            /* bytes expected, 0 .. 65536 */
};

/* Reads any bytes as a command APDU; returns out->status.  Any length is allowed; apdu may be NULL if it is 0. */
SECMOD_API int secmod_command_parse(const uint8_t *apdu, size_t length, struct secmod_command *out);

/* One BER-TLV data object at the start of `data`: tag (up to 3 bytes, big-endian), where the value starts and how long it is.
 * SECMOD_E_ARGUMENT for a truncated, indefinite or non-minimal coding, and for tag 00. */
struct secmod_tlv {
    uint32_t tag;
    int constructed;
    size_t value_offset;
    size_t value_length;
};
SECMOD_API int secmod_tlv_parse(const uint8_t *data, size_t length, struct secmod_tlv *out);

/* api: end */

#ifdef __cplusplus
}
#endif

#endif
