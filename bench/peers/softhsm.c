/* SPDX-License-Identifier: Apache-2.0 */
/* SoftHSM2 in this process through PKCS #11, key and signature in one session.  SOFTHSM2_CONF names an empty directory for tokens. */
#include <p11-kit/pkcs11.h>

#include "peer.h"

#define LABEL_BYTES 32

struct work {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE public, secret;
    CK_ULONG bytes, signature_length;
    CK_BYTE parameters[16], hash[64], signature[128], out[128];
    CK_ULONG parameters_length;
};

static CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0}, key_pair = {CKM_EC_KEY_PAIR_GEN, NULL, 0};

static bool sign(void *state)
{
    struct work *w = state;
    CK_ULONG length = sizeof w->out;
    return C_SignInit(w->session, &ecdsa, w->secret) == CKR_OK && C_Sign(w->session, w->hash, w->bytes, w->out, &length) == CKR_OK;
}

static bool verify(void *state)
{
    struct work *w = state;
    return C_VerifyInit(w->session, &ecdsa, w->public) == CKR_OK &&
           C_Verify(w->session, w->hash, w->bytes, w->signature, w->signature_length) == CKR_OK;
}

static bool generate_to(struct work *w, CK_OBJECT_HANDLE *public, CK_OBJECT_HANDLE *secret)
{
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ATTRIBUTE of_public[] = {{CKA_EC_PARAMS, w->parameters, w->parameters_length}, {CKA_TOKEN, &no, sizeof no}, {CKA_VERIFY, &yes, sizeof yes}};
    CK_ATTRIBUTE of_secret[] = {{CKA_TOKEN, &no, sizeof no}, {CKA_PRIVATE, &yes, sizeof yes}, {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_SIGN, &yes, sizeof yes}};
    return C_GenerateKeyPair(w->session, &key_pair, of_public, 3, of_secret, 4, public, secret) == CKR_OK;
}

static bool generate(void *state)
{
    struct work *w = state;
    CK_OBJECT_HANDLE public, secret;
    return generate_to(w, &public, &secret) && C_DestroyObject(w->session, public) == CKR_OK && C_DestroyObject(w->session, secret) == CKR_OK;
}

static bool random_bytes(void *state)
{
    struct work *w = state;
    return C_GenerateRandom(w->session, w->out, 32) == CKR_OK;
}

/* A token of our own, and a session of its user. */
static bool log_in(struct work *w)
{
    CK_SLOT_ID slot;
    CK_ULONG slots = 1;
    CK_UTF8CHAR pin[] = "0000", label[LABEL_BYTES];
    memset(label, ' ', sizeof label);
    return C_Initialize(NULL) == CKR_OK && C_GetSlotList(CK_FALSE, &slot, &slots) == CKR_OK && slots == 1 &&
           C_InitToken(slot, pin, sizeof pin - 1, label) == CKR_OK &&
           C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &w->session) == CKR_OK &&
           C_Login(w->session, CKU_SO, pin, sizeof pin - 1) == CKR_OK && C_InitPIN(w->session, pin, sizeof pin - 1) == CKR_OK &&
           C_Logout(w->session) == CKR_OK && C_Login(w->session, CKU_USER, pin, sizeof pin - 1) == CKR_OK;
}

static bool prepare(size_t curve, void *state)
{
    static const char *const identifiers[PEER_CURVES] = {"06092B2403030208010107", "06092B240303020801010B", "06092B240303020801010D",
                                                         "06082A8648CE3D030107", "06052B81040022"};
    struct work *w = state;
    w->bytes = peer_bytes[curve];
    w->parameters_length = from_hex(identifiers[curve], w->parameters, sizeof w->parameters);
    w->signature_length = sizeof w->signature;
    return log_in(w) && C_GenerateRandom(w->session, w->hash, w->bytes) == CKR_OK && generate_to(w, &w->public, &w->secret) &&
           C_SignInit(w->session, &ecdsa, w->secret) == CKR_OK &&
           C_Sign(w->session, w->hash, w->bytes, w->signature, &w->signature_length) == CKR_OK;
}

int main(int argc, char **argv)
{
    static const struct peer_operation operations[] = {
        {"sign", sign}, {"verify", verify}, {"generate", generate}, {"random", random_bytes}, {NULL, NULL}};
    static struct work work;
    return peer_main(argc, argv, operations, prepare, &work);
}
