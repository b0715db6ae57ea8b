/* SPDX-License-Identifier: Apache-2.0 */
/* Is there a secret in the time?  Welch's t-test over two classes of secrets, in the manner of dudect (Reparaz, Balasch, Verbauwhede,
 * "Dude, is my code constant time?", 2017): the class is drawn for each measurement, both classes are prepared in the same way and
 * the same memory, and |t| below 4.5 says that their mean times can not be told apart.
 *
 *   test_dudect               some thousand measurements of each: that all of it works, and that the plainest leak is seen
 *   test_dudect N [NAME]      N measurements of each subject (of the one): |t| must be below 4.5; for the controls, which leak, above
 *
 * The slowest measurements are what else the machine does, so t is taken of all of them, and again of those below the 99th, 95th, 80th
 * and 50th percentile of the first ones; the greatest |t| counts.  Run it pinned: make dudect. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <time.h>

#include "check.h"
#include "secmod.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define THRESHOLD 4.5
#define CROPS 5
#define SHORT 2000
#define FIRST_MAX 20000 /* measurements that only say where to crop; cold caches are among them */
#define FIELD 32
#define LONG_INPUT 2048 /* of the first control */

static const double crop_at[CROPS] = {1, 0.99, 0.95, 0.80, 0.50};

static uint64_t ticks(void) {
#if defined(__x86_64__)
    _mm_lfence();
    const uint64_t now = __rdtsc();
    _mm_lfence();
    return now;
#else
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
#endif
}

/* ---- inputs --------------------------------------------------------------------------------------------------------------- */

static uint64_t state = 0x9E3779B97F4A7C15U; /* xorshift64*: classes and inputs need no secrecy */

static uint64_t draw(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545F4914F6CDD1DU;
}

static void draw_bytes(uint8_t *out, size_t length) {
    for (size_t i = 0; i < length; i++) out[i] = (uint8_t)(draw() >> 56);
}

/* One or the other, without a trace of which in branches or addresses. */
static void choose(uint8_t *out, const uint8_t *zero, const uint8_t *one, size_t length, int class) {
    const uint8_t mask = (uint8_t)-class;
    for (size_t i = 0; i < length; i++) out[i] = (uint8_t)((zero[i] & ~mask) | (one[i] & mask));
}

struct bench {
    secmod_vault *vault, *seeded;
    int curve, nist;         /* brainpoolP256r1; secp256r1, on which no random scalar is refused */
    uint64_t key, password, session, made;
    uint8_t fixed[FIELD], chosen[FIELD], nonce[FIELD], point[SECMOD_MAX_POINT], hash[FIELD];
    uint8_t out[SECMOD_MAX_SIGNATURE], plain[64], message[64], pin[16], input[LONG_INPUT], expected[LONG_INPUT];
    size_t message_length;
};

/* Class 0 the fixed scalar, class 1 a random one; all of them below n. */
static void choose_scalar(struct bench *b, int class) {
    uint8_t random[FIELD];
    draw_bytes(random, FIELD);
    random[0] &= 0x7F;
    choose(b->chosen, b->fixed, random, FIELD, class);
}

static void import_chosen(struct bench *b, int class) {
    choose_scalar(b, class);
    CHECK(secmod_key_import(b->vault, b->curve, b->chosen, FIELD, &b->key) == SECMOD_OK);
}

static void release_key(struct bench *b) { CHECK(secmod_secret_release(b->vault, b->key) == SECMOD_OK); }
static void release_made(struct bench *b) { CHECK(secmod_secret_release(b->vault, b->made) == SECMOD_OK); }
static void nothing_after(struct bench *b) { (void)b; }

/* ---- subjects: what is prepared, measured, cleared away ---------------------------------------------------------------------- */

static void sign(struct bench *b) {
    size_t length = sizeof b->out;
    CHECK(secmod_ecdsa_sign(b->vault, b->key, b->hash, FIELD, b->out, &length) == SECMOD_OK);
}

/* Class 0: a nonce whose first 64 bits are zero; class 1: a full one. */
static void choose_nonce(struct bench *b, int class) {
    uint8_t full[FIELD], low[FIELD];
    draw_bytes(full, FIELD);
    full[0] = (uint8_t)((full[0] & 0x7F) | 0x40);
    memcpy(low, full, FIELD);
    memset(low, 0, 8);
    choose(b->nonce, low, full, FIELD, class);
}

static void sign_with_nonce(struct bench *b) {
    size_t length = sizeof b->out;
    CHECK(secmod_ecdsa_sign_known(b->curve, b->fixed, FIELD, b->nonce, FIELD, b->hash, FIELD, b->out, &length) == SECMOD_OK);
}

static void agree(struct bench *b) {
    size_t length = sizeof b->out;
    CHECK(secmod_ecka_agree(b->vault, b->key, b->point, 1 + 2 * FIELD, b->out, &length) == SECMOD_OK);
}

static void import(struct bench *b) { CHECK(secmod_key_import(b->vault, b->curve, b->chosen, FIELD, &b->made) == SECMOD_OK); }

/* Class 0: a generator from a fixed seed; class 1: from a random one. */
static void choose_seed(struct bench *b, int class) {
    choose_scalar(b, class);
    CHECK(secmod_vault_new_deterministic(&b->seeded, b->chosen, FIELD) == SECMOD_OK);
}

static void generate(struct bench *b) { CHECK(secmod_key_generate(b->seeded, b->nist, &b->made) == SECMOD_OK); }
static void end_seeded(struct bench *b) { secmod_vault_free(b->seeded); }

/* A wrong PIN.  Class 0: all digits right but the last; class 1: all wrong. */
static void choose_pin(struct bench *b, int class) {
    uint8_t near[sizeof b->pin] = "012345678X", far[sizeof b->pin] = "XXXXXXXXXX";
    choose(b->pin, near, far, sizeof b->pin, class);
}

static void compare_pin(struct bench *b) { CHECK(secmod_password_compare(b->vault, b->password, b->pin, 10) == SECMOD_E_MISMATCH); }

/* A protected command with a wrong MAC.  Class 0: all bytes right but the last; class 1: all wrong. */
static void choose_mac(struct bench *b, int class) {
    static const uint8_t plain[] = {0x00, 0x84, 0x00, 0x00, 0x08}, enc[16] = {1}, mac[16] = {2}, ssc[16] = {0};
    uint8_t near[8], far[8];
    uint64_t host;
    b->message_length = sizeof b->message;
    CHECK(secmod_session_import(b->vault, enc, mac, 16, ssc, &host) == SECMOD_OK);
    CHECK(secmod_protect_command(b->vault, host, plain, sizeof plain, b->message, &b->message_length) == SECMOD_OK);
    CHECK(secmod_secret_release(b->vault, host) == SECMOD_OK);
    uint8_t *sent = b->message + b->message_length - 1 - sizeof near; /* before Le */
    for (size_t i = 0; i < sizeof near; i++) near[i] = sent[i], far[i] = (uint8_t)~sent[i];
    near[sizeof near - 1] ^= 1;
    choose(sent, near, far, sizeof near, class);
    CHECK(secmod_session_import(b->vault, enc, mac, 16, ssc, &b->session) == SECMOD_OK);
}

static void compare_mac(struct bench *b) {
    size_t length = sizeof b->plain;
    struct secmod_command command;
    CHECK(secmod_unprotect_command(b->vault, b->session, 0, b->message, b->message_length, b->plain, &length, &command) ==
          SECMOD_E_SM_WRONG);
}

/* ---- controls ------------------------------------------------------------------------------------------------------------- */

/* Class 0: the first byte differs; class 1: the last. */
static void choose_input(struct bench *b, int class) {
    static uint8_t first[LONG_INPUT], last[LONG_INPUT];
    memcpy(first, b->expected, LONG_INPUT);
    memcpy(last, b->expected, LONG_INPUT);
    first[0] ^= 1;
    last[LONG_INPUT - 1] ^= 1;
    choose(b->input, first, last, LONG_INPUT, class);
}

static void leaking_compare(struct bench *b) {
    volatile const uint8_t *a = b->input, *e = b->expected;
    size_t i = 0;
    while (i < LONG_INPUT && a[i] == e[i]) i++;
    CHECK(i < LONG_INPUT);
}

/* A signature, and then some steps for each leading zero byte of the nonce: about a hundredth of the time, and no more. */
static void leaking_sign(struct bench *b) {
    sign_with_nonce(b);
    volatile unsigned int steps = 0;
    for (size_t i = 0; i < FIELD && b->nonce[i] == 0; i++) {
        for (int j = 0; j < 50; j++) steps++;
    }
}

enum leak { NONE, PLAIN, SLIGHT }; /* a slight one takes more measurements than the short form has */

static const struct subject {
    const char *name;
    enum leak leak;
    void (*prepare)(struct bench *b, int class);
    void (*work)(struct bench *b);
    void (*after)(struct bench *b);
} subjects[] = {
    {"sign, fixed against random key", NONE, import_chosen, sign, release_key},
    {"sign, nonce with 64 leading zero bits against full", NONE, choose_nonce, sign_with_nonce, nothing_after},
    {"ECDH, fixed against random key", NONE, import_chosen, agree, release_key},
    {"key pair from fixed against random scalar", NONE, choose_scalar, import, release_made},
    {"key generation, fixed against random seed", NONE, choose_seed, generate, end_seeded},
    {"PIN comparison, last digit wrong against all", NONE, choose_pin, compare_pin, nothing_after},
    {"MAC comparison, last byte wrong against all", NONE, choose_mac, compare_mac, nothing_after},
    {"control: comparison that ends at the first difference", PLAIN, choose_input, leaking_compare, nothing_after},
    {"control: signature and some steps for each leading zero byte of the nonce", SLIGHT, choose_nonce, leaking_sign, nothing_after},
};
#define SUBJECTS (sizeof subjects / sizeof subjects[0])

/* ---- statistics ------------------------------------------------------------------------------------------------------------- */

struct moments {
    double count, mean, squares; /* squares: sum of squared distances from the mean */
};

static void add(struct moments *m, double x) {
    const double distance = x - m->mean;
    m->count++;
    m->mean += distance / m->count;
    m->squares += distance * (x - m->mean);
}

static double welch(const struct moments m[2]) {
    if (m[0].count < 2 || m[1].count < 2) return 0;
    const double error = m[0].squares / (m[0].count - 1) / m[0].count + m[1].squares / (m[1].count - 1) / m[1].count;
    return error > 0 ? (m[0].mean - m[1].mean) / sqrt(error) : 0;
}

static int compare_times(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t measure_once(struct bench *b, const struct subject *subject, int class) {
    subject->prepare(b, class);
    const uint64_t start = ticks();
    subject->work(b);
    const uint64_t end = ticks();
    subject->after(b);
    return end - start;
}

static int next_class(void) { return (int)(draw() >> 63); }

/* The greatest |t| of all crops. */
static double measure(struct bench *b, const struct subject *subject, long samples) {
    static uint64_t first[FIRST_MAX];
    const size_t firsts = samples / 4 < FIRST_MAX ? (size_t)samples / 4 + 1 : FIRST_MAX;
    uint64_t limits[CROPS];
    struct moments moments[CROPS][2] = {0};
    double worst = 0;
    for (size_t i = 0; i < firsts; i++) first[i] = measure_once(b, subject, next_class());
    qsort(first, firsts, sizeof *first, compare_times);
    for (int crop = 0; crop < CROPS; crop++) {
        limits[crop] = crop_at[crop] < 1 ? first[(size_t)(crop_at[crop] * (double)firsts)] : UINT64_MAX;
    }
    for (long i = 0; i < samples; i++) {
        const int class = next_class();
        const uint64_t time = measure_once(b, subject, class);
        for (int crop = 0; crop < CROPS; crop++) {
            if (time <= limits[crop]) add(&moments[crop][class], (double)time);
        }
    }
    printf("%-74s", subject->name);
    for (int crop = 0; crop < CROPS; crop++) {
        const double t = welch(moments[crop]);
        printf(" %8.2f", t);
        if (fabs(t) > worst) worst = fabs(t);
    }
    printf("   %s\n", worst < THRESHOLD ? "no difference" : "DIFFERS");
    fflush(stdout);
    return worst;
}

static int curve_named(const char *name) {
    struct secmod_curve curve;
    int number = 0;
    while (secmod_curve_get(number, &curve) == SECMOD_OK && strcmp(curve.name, name) != 0) number++;
    return number;
}

static void begin(struct bench *b) {
    static const uint8_t pin[] = "0123456789";
    size_t length = sizeof b->point;
    uint64_t other;
    CHECK(secmod_vault_new(&b->vault) == SECMOD_OK);
    b->curve = curve_named("brainpoolP256r1");
    b->nist = curve_named("secp256r1");
    draw_bytes(b->fixed, FIELD);
    draw_bytes(b->hash, FIELD);
    b->fixed[0] &= 0x7F;
    CHECK(secmod_password_store(b->vault, pin, 10, &b->password) == SECMOD_OK);
    CHECK(secmod_key_generate(b->vault, b->curve, &other) == SECMOD_OK);
    CHECK(secmod_key_public(b->vault, other, b->point, &length) == SECMOD_OK);
}

int main(int argc, char **argv) {
    static struct bench b;
    const int is_long = argc > 1;
    const long samples = is_long ? atol(argv[1]) : SHORT;
    int bad = 0;
    begin(&b);
    if (is_long) printf("%-74s %8s %8s %8s %8s %8s\n", "t of", "all", "99 %", "95 %", "80 %", "50 %");
    for (size_t i = 0; i < SUBJECTS; i++) {
        if (argc > 2 && strstr(subjects[i].name, argv[2]) == NULL) continue;
        const double t = measure(&b, &subjects[i], samples);
        if (!is_long && subjects[i].leak != PLAIN) continue;
        if ((t >= THRESHOLD) != (subjects[i].leak != NONE)) bad++;
    }
    secmod_vault_free(b.vault);
    if (bad > 0) fprintf(stderr, "%d of the times are not as they must be\n", bad);
    return bad > 0 ? EXIT_FAILURE : check_end();
}
