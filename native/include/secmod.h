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
#define SECMOD_E_MISMATCH -10 /* a password or token is wrong, or a public key that must differ is the same */
#define SECMOD_E_STATE -11 /* a step out of its order */
#define SECMOD_E_SM_MISSING -12 /* a secure messaging data object is missing (6987) */
#define SECMOD_E_SM_WRONG -13 /* a secure messaging data object is wrong (6988), or these bytes are no command or response */
#define SECMOD_E_SEAL -14 /* not what was sealed or tagged: other bytes, another key, another context */
#define SECMOD_E_FILE -15 /* a key file that can not be read or written, or has another length */
#define SECMOD_E_FAULT -16 /* the outcome was checked and is wrong: the machine made a mistake, or was made to.  Nothing came out */

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

/* The code that curves are computed with: "portable"; "adx" on x86-64 CPUs with BMI2, ADX and AVX2; "lanes" on those with AVX512-IFMA
 * too.  It is the fastest of this CPU, or what the environment variable SECMOD_CORE names, if the CPU has it. */
SECMOD_API const char *secmod_core(void);

/* SECMOD_OK if the `length` bytes are an uncompressed point (04 X Y) on the curve and not infinity, else SECMOD_E_POINT. */
SECMOD_API int secmod_point_check(int curve, const uint8_t *point, size_t length);

/* ---- vault: secrets live here and are never returned --------------------------------------------------------------------- */

#define SECMOD_VAULT_SLOTS 256

typedef struct secmod_vault secmod_vault;

/* A handle is never zero and never given twice, by this vault or another of the process.  A vault may be used from several
 * threads.  It is cheap: its generator is seeded at power-on, or when it is first asked for something; memory comes as secrets do.
 *
 * Secrets are in pages that stay out of core dumps, and out of swap where the process may lock them; what libcrypto needs to work
 * with one (the AES keys of a session) is in its own memory.  All are wiped when released, and at exit.  A copy of the process by
 * fork has the same vaults, whole, also if other threads were at work in them; the two never draw the same random numbers. */
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
/* Whether signatures are checked before they leave the vault; they are, unless this has been called with 0.  The check computes
 * (2k) G for the nonce k, compares its x with that of 2R for the R with x(R) = r, and s k + r (n - d) with the hash, with another copy
 * of the key and, where the CPU has lanes, other code: any single fault in key, nonce, hash, arithmetic, tables or signature shows,
 * and one that comes twice, too, unless it makes the same mistake in both.  It costs one base multiplication, 0.3 to 0.5 of a
 * signature.
 *
 * Always checked: a new private key's public point, in the same way; and, since that costs less than 0.03 of it, the multiplication
 * of ECKA and PACE: digits of the scalar and points of the table are read twice, and the outcome is a point of the curve.  That
 * shows faults in arithmetic, tables and digits, also a point that was moved to another curve; not a step left out.  A batch's
 * agreements are not checked.
 *
 * SECMOD_E_FAULT raises the alarm of the vault's generator. */
SECMOD_API int secmod_vault_check_signatures(secmod_vault *vault, int on);
/* How many secrets live in the vault. */
SECMOD_API int secmod_vault_live(secmod_vault *vault);

/* The pages of this process that are set aside for secrets. */
struct secmod_secret_memory {
    size_t bytes;
    size_t locked; /* of these, kept out of swap */
    int dumped;    /* 1 if the kernel can not keep them out of core dumps */
};
SECMOD_API void secmod_secret_memory(struct secmod_secret_memory *out);

/* Wipes the secret under a handle, whatever it is.  SECMOD_E_HANDLE if there is none. */
SECMOD_API int secmod_secret_release(secmod_vault *vault, uint64_t handle);

/* A fresh key pair (TR-03111 4.1.3); checked pairwise before it is given out. */
SECMOD_API int secmod_key_generate(secmod_vault *vault, int curve, uint64_t *handle);
/* A known private key, for known-answer tests: big-endian, exactly L bytes, in [1, n-1]. */
SECMOD_API int secmod_key_import(secmod_vault *vault, int curve, const uint8_t *scalar, size_t length, uint64_t *handle);
/* The public point 04 X Y of a key; *length comes in as the room in `point`, goes out as 1 + 2L. */
SECMOD_API int secmod_key_public(secmod_vault *vault, uint64_t handle, uint8_t *point, size_t *length);

/* ---- ECDSA and ECKA (TR-03111 4.2, 4.3) ------------------------------------------------------------------------------------ */

/* Signs a hash of 1 .. 64 bytes (its leftmost bits up to those of n count); the signature is r || s, 2L bytes.  *length as above.
 * The nonce is that of RFC 6979, from key and hash, with fresh random bytes mixed in (clause 3.6), by HMAC-SHA-256 then, unless the
 * vault is deterministic: no failure of the generator makes two hashes share one. */
SECMOD_API int secmod_ecdsa_sign(secmod_vault *vault, uint64_t handle, const uint8_t *hash, size_t hash_length, uint8_t *signature,
                                 size_t *length);
/* The same with a scalar that is given, for known-answer tests: with this nonce, or, if it has no bytes, with that of RFC 6979. */
SECMOD_API int secmod_ecdsa_sign_known(int curve, const uint8_t *scalar, size_t scalar_length, const uint8_t *nonce,
                                       size_t nonce_length, const uint8_t *hash, size_t hash_length, uint8_t *signature,
                                       size_t *length);
/* SECMOD_OK, SECMOD_E_SIGNATURE, or SECMOD_E_POINT for a bad key.  Variable time: all inputs are public. */
SECMOD_API int secmod_ecdsa_verify(int curve, const uint8_t *point, size_t point_length, const uint8_t *hash, size_t hash_length,
                                   const uint8_t *signature, size_t signature_length);
/* The shared value Z = x(d * Q), L bytes, leading zeros kept; the foreign point is validated first.  *length as above. */
SECMOD_API int secmod_ecka_agree(secmod_vault *vault, uint64_t handle, const uint8_t *point, size_t point_length, uint8_t *z,
                                 size_t *length);

/* ---- batches ------------------------------------------------------------------------------------------------------------- */

/* Many operations in one call, eight at a time on CPUs with AVX512-IFMA, one by one elsewhere.  Any count; of any curves, keys and
 * vaults, and the same key more than once.  Each job gets the `result` that the single operation has; one that fails leaves the
 * others alone, and its outcome is zeroes.  Lengths are those of the single operation. */

struct secmod_sign_job {
    secmod_vault *vault;
    uint64_t key;
    int hash_length;
    int result;
    uint8_t hash[64];
    uint8_t signature[SECMOD_MAX_SIGNATURE]; /* comes out: r || s */
};
SECMOD_API void secmod_ecdsa_sign_many(struct secmod_sign_job *jobs, size_t count);

struct secmod_verify_job {
    int curve;
    int point_length, hash_length, signature_length;
    int result;
    uint8_t point[SECMOD_MAX_POINT];
    uint8_t hash[64];
    uint8_t signature[SECMOD_MAX_SIGNATURE];
};
SECMOD_API void secmod_ecdsa_verify_many(struct secmod_verify_job *jobs, size_t count);

struct secmod_agree_job {
    secmod_vault *vault;
    uint64_t key;
    int point_length;
    int result;
    uint8_t point[SECMOD_MAX_POINT];
    uint8_t z[SECMOD_MAX_FIELD]; /* comes out */
};
SECMOD_API void secmod_ecka_agree_many(struct secmod_agree_job *jobs, size_t count);

struct secmod_generate_job {
    secmod_vault *vault;
    uint64_t key; /* comes out */
    int curve;
    int result;
    uint8_t point[SECMOD_MAX_POINT]; /* comes out: the public point */
};
SECMOD_API void secmod_key_generate_many(struct secmod_generate_job *jobs, size_t count);

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

/* Runs the known-answer tests of the mask; *failed gets the mask of those that gave another answer.  Those of `broken` do, as they
 * would with broken algorithms: 0, except to see what happens then. */
SECMOD_API int secmod_self_test(int tests, int broken, int *failed);

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

/* ---- passwords --------------------------------------------------------------------------------------------------------- */

#define SECMOD_MAX_PASSWORD 32

/* A password of 1 .. SECMOD_MAX_PASSWORD bytes, as the key derivation takes it (a PIN's digits in ASCII). */
SECMOD_API int secmod_password_store(secmod_vault *vault, const uint8_t *value, size_t length, uint64_t *handle);
/* SECMOD_OK, or SECMOD_E_MISMATCH.  The time tells neither where nor in what length they differ. */
SECMOD_API int secmod_password_compare(secmod_vault *vault, uint64_t handle, const uint8_t *value, size_t length);

/* Zeroes a caller's own copy of a secret when its work is done. */
SECMOD_API void secmod_wipe(uint8_t *bytes, size_t length);

/* ---- sealing: secrets outside the vault ------------------------------------------------------------------------------------ */

#define SECMOD_STORE_KEY 32
#define SECMOD_STORE_SALT 16
#define SECMOD_STORE_TAG 32
#define SECMOD_PASSPHRASE_MAX 1024
#define SECMOD_CONTEXT_MAX 65536
#define SECMOD_MAX_SEALED 111

/* A store key is a secret of the vault, of 32 bytes, that never reaches the caller: fresh; from a passphrase by scrypt (RFC 7914)
 * with N = 2^log2_n, at most 1 GiB of memory; read from a file that holds just these bytes, or made and written to one, which
 * then is on its disk; or copied from another vault. */
SECMOD_API int secmod_store_key_generate(secmod_vault *vault, uint64_t *handle);
SECMOD_API int secmod_store_key_derive(secmod_vault *vault, const uint8_t *passphrase, size_t length, const uint8_t salt[16],
                                       int log2_n, int r, int p, uint64_t *handle);
SECMOD_API int secmod_store_key_read(secmod_vault *vault, int fd, uint64_t *handle);
SECMOD_API int secmod_store_key_write(secmod_vault *vault, int fd, uint64_t *handle);
SECMOD_API int secmod_store_key_copy(secmod_vault *vault, uint64_t handle, secmod_vault *to, uint64_t *copy);

#define SECMOD_SEALED_KEY 1
#define SECMOD_SEALED_PASSWORD 2
#define SECMOD_SEALED_STORE_KEY 3

/* What came out of a seal; curve is -1 and length 0 where they say nothing. */
struct secmod_unsealed {
    uint64_t handle;
    int kind;   /* SECMOD_SEALED_... */
    int curve;  /* of a private key */
    int length; /* of a password */
};

/* Seals a private key or a password, by AES-256-GCM: format, kind, curve and the caller's context are authenticated with it.  How
 * long the outcome is tells kind and curve and nothing else; *length as above, room for SECMOD_MAX_SEALED always is enough. */
SECMOD_API int secmod_seal(secmod_vault *vault, uint64_t store_key, uint64_t secret, const uint8_t *context, size_t context_length,
                           uint8_t *blob, size_t *length);
/* SECMOD_E_SEAL if key, context or any bit is another.  A private key's public point is computed anew. */
SECMOD_API int secmod_unseal(secmod_vault *vault, uint64_t store_key, const uint8_t *blob, size_t length, const uint8_t *context,
                             size_t context_length, struct secmod_unsealed *out);
/* The same for another store key. */
SECMOD_API int secmod_wrap(secmod_vault *vault, uint64_t store_key, uint64_t other, const uint8_t *context, size_t context_length,
                           uint8_t *blob, size_t *length);
SECMOD_API int secmod_unwrap(secmod_vault *vault, uint64_t store_key, const uint8_t *blob, size_t length, const uint8_t *context,
                             size_t context_length, uint64_t *handle);
/* What is sealed or wrapped under one key, under another, with another context. */
SECMOD_API int secmod_reseal(secmod_vault *vault, uint64_t store_key, const uint8_t *blob, size_t length, const uint8_t *context,
                             size_t context_length, uint64_t new_key, const uint8_t *new_context, size_t new_context_length,
                             uint8_t *new_blob, size_t *new_length);

/* Authenticates bytes that are no secret, together with a context: HMAC-SHA-256.  SECMOD_E_SEAL if the tag is another. */
SECMOD_API int secmod_store_tag(secmod_vault *vault, uint64_t store_key, const uint8_t *data, size_t length, const uint8_t *context,
                                size_t context_length, uint8_t tag[32]);
SECMOD_API int secmod_store_check(secmod_vault *vault, uint64_t store_key, const uint8_t tag[32], const uint8_t *data, size_t length,
                                  const uint8_t *context, size_t context_length);

/* ---- PACE, generic mapping over elliptic curves (TR-03110-3) ------------------------------------------------------------- */

#define SECMOD_PACE_CARD 0
#define SECMOD_PACE_HOST 1

/* A run for one end.  key_bytes is 16, 24 or 32; oid the value octets of the protocol's identifier.  The functions that follow are
 * called in the order in which they stand here, each once; SECMOD_E_STATE otherwise.  Any error wipes the handshake: the handle is
 * gone. */
SECMOD_API int secmod_pace_new(secmod_vault *vault, int end, int curve, int key_bytes, const uint8_t *oid, size_t oid_length,
                               uint64_t password, uint64_t *handle);
/* Step 1.  The card makes a nonce and gives it encrypted; the host takes it. */
SECMOD_API int secmod_pace_nonce(secmod_vault *vault, uint64_t handle, uint8_t z[16]);
SECMOD_API int secmod_pace_set_nonce(secmod_vault *vault, uint64_t handle, const uint8_t z[16]);
/* Step 2.  The own key for mapping (*length as above), then the other end's: SECMOD_E_POINT if it is no valid key or maps to no
 * good generator, SECMOD_E_MISMATCH if it is the own one. */
SECMOD_API int secmod_pace_map_key(secmod_vault *vault, uint64_t handle, uint8_t *point, size_t *length);
SECMOD_API int secmod_pace_map(secmod_vault *vault, uint64_t handle, const uint8_t *point, size_t length);
/* Step 3.  The same over the mapped generator; then both ends have the session keys. */
SECMOD_API int secmod_pace_agree_key(secmod_vault *vault, uint64_t handle, uint8_t *point, size_t *length);
SECMOD_API int secmod_pace_agree(secmod_vault *vault, uint64_t handle, const uint8_t *point, size_t length);
/* Step 4.  The own token, which a card keeps to itself until the host's is right; then the other end's: SECMOD_E_MISMATCH if it is
 * wrong.  The handshake is gone in any case; if all is well a session lives, with its counter at 0. */
SECMOD_API int secmod_pace_token(secmod_vault *vault, uint64_t handle, uint8_t token[8]);
SECMOD_API int secmod_pace_finish(secmod_vault *vault, uint64_t handle, const uint8_t token[8], uint64_t *session);

#define SECMOD_PACE_INJECT_NONCE 0 /* 16 bytes; of use for the card */
#define SECMOD_PACE_INJECT_MAP 1   /* the private scalar of step 2, L bytes */
#define SECMOD_PACE_INJECT_AGREE 2 /* that of step 3 */
/* A known value instead of a random one, before step 1.  For known-answer tests. */
SECMOD_API int secmod_pace_inject(secmod_vault *vault, uint64_t handle, int what, const uint8_t *value, size_t length);

/* ---- secure messaging with AES (TR-03110-3 F, ISO/IEC 7816-4 clause 10) ---------------------------------------------------- */

/* A session with known keys of 16, 24 or 32 bytes and a known counter.  For known-answer tests. */
SECMOD_API int secmod_session_import(secmod_vault *vault, const uint8_t *enc, const uint8_t *mac, size_t key_bytes,
                                     const uint8_t ssc[16], uint64_t *handle);

#define SECMOD_SM_ALLOW_PLAIN 1 /* option: a message may carry plain data in 81, protected by the MAC alone */
#define SECMOD_SM_OVERHEAD 40   /* bytes that protection adds to an APDU, at most */

/* In what follows *length comes in as the room for the outcome, which must not overlap the input, and goes out as what it took.
 * The counter goes up with every message.  SECMOD_E_SM_MISSING and SECMOD_E_SM_WRONG end the session and wipe its keys. */

/* Card: the plain command in a protected one, with the chaining bit and the form of Le that it had, and parsed.  Room for `length`
 * bytes is needed.  On an error out->status is the status word that the card answers, plain: 6987, 6988, or, where the outer bytes
 * are no command or leave no room for an answer, 6700 or 6E00. */
SECMOD_API int secmod_unprotect_command(secmod_vault *vault, uint64_t session, int options, const uint8_t *apdu, size_t length,
                                        uint8_t *plain, size_t *plain_length, struct secmod_command *out);
/* Card: data, if the status word is no error's, and status word, protected; `odd` is 1 if INS of the command is odd.  What is too
 * long for Le of the last protected command becomes 6700. */
SECMOD_API int secmod_protect_response(secmod_vault *vault, uint64_t session, int odd, const uint8_t *plain, size_t length,
                                       uint8_t *out, size_t *out_length);
/* Host: a plain command (first interindustry or proprietary class), protected.  SECMOD_E_ARGUMENT if it is none, or becomes too
 * long; then nothing has happened.  The outer form is extended if the plain one is, if Lc asks for it, or if a response with all
 * the data that Le allows would not fit a short one. */
SECMOD_API int secmod_protect_command(secmod_vault *vault, uint64_t session, const uint8_t *plain, size_t length, uint8_t *out,
                                      size_t *out_length);
/* Host: data and status word of a protected response.  Room for `length` bytes is needed. */
SECMOD_API int secmod_unprotect_response(secmod_vault *vault, uint64_t session, int options, int odd, const uint8_t *apdu,
                                         size_t length, uint8_t *out, size_t *out_length);

/* api: end */

#ifdef __cplusplus
}
#endif

#endif
