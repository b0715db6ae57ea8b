/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "slot.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <debuglog.h>

#include "link.h"

#pragma weak log_msg /* pcscd exports it; elsewhere nothing is logged */

#define NEWCOMERS 4            /* connections that have not said hello yet */
#define HANDSHAKE_MS 2000      /* for a hello, and for the second connection of a pair */
#define LISTEN_AGAIN_MS 1000
#define ACCEPT_AGAIN_MS 100     /* after pcscd has run out of descriptors */
#define HOLD_MS 100            /* see card_out */
#define SENTENCE 512

struct newcomer {
    int fd; /* -1: free */
    int64_t until;
};

struct slot {
    pthread_mutex_t requests; /* one request at a time; taken before `lock` */
    pthread_mutex_t lock;     /* everything below; never held while waiting */
    bool open;
    DWORD lun;

    struct link_address address;
    struct link_listener listener;
    bool usable; /* the address was understood */
    int64_t listen_again;
    int64_t accept_again; /* 0: now */
    int wake; /* eventfd: slot_wait shall look again */
    bool interrupted;
    struct newcomer newcomers[NEWCOMERS];

    int data, events;          /* -1: not connected; events only together with data */
    int64_t events_until;      /* until then the event connection must have come */
    uint8_t token[LINK_TOKEN]; /* of the pair */
    pid_t pid;

    uint32_t sequence; /* of the last request */
    uint32_t answered; /* last one that was answered; those in between have timed out */
    bool busy;         /* a request uses `data` */
    int gone;          /* eventfd: the card a request waits for was taken out */
    bool gone_raised;
    int64_t hold_until; /* no insertion is read before; 0: any */

    bool present, told; /* the card; and what slot_wait's caller knows of it */
    uint32_t insertion; /* counts them */
    bool powered;
    uint8_t protocol;
    uint8_t atr[MAX_ATR_SIZE];
    size_t atr_length;
};

static struct slot slots[SLOTS];
static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER; /* opening and closing */

__attribute__((format(printf, 3, 4))) static void say(int priority, const struct slot *s, const char *format, ...)
{
    char sentence[SENTENCE];
    va_list arguments;
    if (log_msg == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    log_msg(priority, "secmod reader %lu: %s", (unsigned long)(s->lun >> 16), sentence);
}

static void raise_event(int fd)
{
    const uint64_t one = 1;
    (void)!write(fd, &one, sizeof one); /* a full counter is raised already */
}

static void clear_event(int fd)
{
    uint64_t count;
    (void)!read(fd, &count, sizeof count);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- opening and closing ------------------------------------------------------------------------------------------------ */

struct slot *slot_find(DWORD lun)
{
    struct slot *found = NULL;
    pthread_mutex_lock(&table);
    for (size_t i = 0; i < SLOTS && found == NULL; i++)
        if (slots[i].open && slots[i].lun == lun)
            found = &slots[i];
    pthread_mutex_unlock(&table);
    return found;
}

static void try_listen(struct slot *s, int priority)
{
    char why[SENTENCE];
    if (link_listen(&s->address, &s->listener, why, sizeof why))
        say(PCSC_LOG_INFO, s, "waits for a card process on %s", s->address.path);
    else
        say(priority, s, "%s; the reader stays empty", why);
    s->listen_again = link_clock() + LISTEN_AGAIN_MS;
}

static bool prepare(struct slot *s, DWORD lun)
{
    *s = (struct slot){.lun = lun, .listener.fd = -1, .data = -1, .events = -1, .protocol = 1};
    for (size_t i = 0; i < NEWCOMERS; i++)
        s->newcomers[i].fd = -1;
    s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    s->gone = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->wake >= 0 && s->gone >= 0) {
        pthread_mutex_init(&s->requests, NULL);
        pthread_mutex_init(&s->lock, NULL);
        return true;
    }
    close_fd(&s->wake);
    close_fd(&s->gone);
    return false;
}

struct slot *slot_open(DWORD lun, const char *device)
{
    char why[SENTENCE];
    struct slot *s = NULL;
    pthread_mutex_lock(&table);
    for (size_t i = 0; i < SLOTS; i++) {
        if (slots[i].open && slots[i].lun == lun) {
            s = NULL;
            break;
        }
        if (!slots[i].open && s == NULL)
            s = &slots[i];
    }
    if (s != NULL && prepare(s, lun)) {
        s->usable = link_parse(device, &s->address, why, sizeof why);
        if (s->usable)
            try_listen(s, PCSC_LOG_CRITICAL);
        else
            say(PCSC_LOG_CRITICAL, s, "%s; the reader stays empty", why);
        s->open = true;
    } else {
        s = NULL;
    }
    pthread_mutex_unlock(&table);
    return s;
}

/* ---- the link ----------------------------------------------------------------------------------------------------------- */

/* The card is out, and whoever waits for it knows.
 *
 * pcscd itself notes "empty" when a command ends for want of a card, some time after the command has returned and under no lock.
 * A card that was in again by then would stay unseen until it was taken out: so the next insertion is held back a little. */
static void card_out(struct slot *s)
{
    s->present = false;
    s->powered = false;
    if (s->busy) {
        s->hold_until = link_clock() + HOLD_MS;
        if (!s->gone_raised) {
            s->gone_raised = true;
            raise_event(s->gone);
        }
    }
}

/* Ends the link.  A running request closes the data connection itself: its number must not be given away before that. */
static void drop_link(struct slot *s, int priority, const char *reason)
{
    if (s->data < 0)
        return;
    say(priority, s, "card process %d: %s; the reader is empty", (int)s->pid, reason);
    shutdown(s->data, SHUT_RDWR);
    if (!s->busy)
        close(s->data);
    s->data = -1;
    close_fd(&s->events);
    card_out(s);
}

void slot_close(struct slot *s)
{
    pthread_mutex_lock(&table);
    pthread_mutex_lock(&s->lock);
    drop_link(s, PCSC_LOG_INFO, "the reader is closed");
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&s->requests); /* the last request is over */
    pthread_mutex_unlock(&s->requests);
    link_unlisten(&s->address, &s->listener);
    for (size_t i = 0; i < NEWCOMERS; i++)
        close_fd(&s->newcomers[i].fd);
    close_fd(&s->wake);
    close_fd(&s->gone);
    s->open = false;
    pthread_mutex_unlock(&table);
}

static void refuse(struct slot *s, int fd, uint8_t reason, const char *sentence)
{
    uint8_t payload[SENTENCE];
    const size_t length = strnlen(sentence, sizeof payload - 1);
    payload[0] = reason;
    memcpy(payload + 1, sentence, length);
    (void)link_send(fd, FRAME_REFUSED, 0, payload, length + 1);
    say(PCSC_LOG_ERROR, s, "refused a connection: %s", sentence);
    close(fd);
}

/* Takes the connection as one half of a pair, or says why not. */
static void admit(struct slot *s, int fd, struct link_peer peer, uint8_t role, const uint8_t token[LINK_TOKEN])
{
    char sentence[SENTENCE];
    const uint32_t deadline = (uint32_t)s->address.deadline_ms;
    const uint8_t welcome[LINK_WELCOME_PAYLOAD] = {
        LINK_VERSION, 0, (uint8_t)deadline, (uint8_t)(deadline >> 8), (uint8_t)(deadline >> 16), (uint8_t)(deadline >> 24)};
    const bool ours = s->data >= 0 && memcmp(token, s->token, LINK_TOKEN) == 0;
    if (s->data >= 0 && !ours) {
        snprintf(sentence, sizeof sentence, "process %d serves the reader on %s already; stop it or choose another socket", (int)s->pid,
                 s->address.path);
        refuse(s, fd, REFUSAL_BUSY, sentence);
    } else if (role == ROLE_DATA && !ours && link_send(fd, FRAME_WELCOME, 0, welcome, sizeof welcome) == LINK_OK) {
        memcpy(s->token, token, LINK_TOKEN);
        s->data = fd;
        s->pid = peer.pid;
        s->answered = s->sequence;
        s->events_until = link_clock() + HANDSHAKE_MS;
    } else if (role == ROLE_EVENTS && ours && s->events < 0 && link_send(fd, FRAME_WELCOME, 0, welcome, sizeof welcome) == LINK_OK) {
        s->events = fd;
        say(PCSC_LOG_INFO, s, "card process %d connected", (int)s->pid);
    } else {
        refuse(s, fd, REFUSAL_HELLO, "connections come in pairs: first data, then events with the same token");
    }
}

static void greet(struct slot *s, int fd, const uint8_t *hello, size_t length)
{
    const struct link_peer peer = link_peer(fd, &s->address);
    char sentence[SENTENCE];
    if (!peer.allowed) {
        snprintf(sentence, sizeof sentence, "process %d is neither the owner's nor in the group of %s; run it as the user of pcscd, or set "
                 "group=NAME in reader.conf", (int)peer.pid, s->address.path);
        refuse(s, fd, REFUSAL_FOREIGN, sentence);
    } else if (length < 10 || memcmp(hello, LINK_MAGIC, 8) != 0) {
        snprintf(sentence, sizeof sentence, "process %d did not say hello on %s; only secmod's card process connects here", (int)peer.pid,
                 s->address.path);
        refuse(s, fd, REFUSAL_HELLO, sentence);
    } else if (hello[8] != LINK_VERSION || hello[9] != 0) {
        snprintf(sentence, sizeof sentence, "the driver speaks protocol version %d, process %d speaks %d; install both from one release",
                 LINK_VERSION, (int)peer.pid, hello[8] | hello[9] << 8);
        refuse(s, fd, REFUSAL_VERSION, sentence);
    } else if (length != LINK_HELLO_PAYLOAD || hello[11] != 0) {
        refuse(s, fd, REFUSAL_HELLO, "the hello has a wrong length or reserved byte");
    } else {
        admit(s, fd, peer, hello[10], hello + 12);
    }
}

/* A newcomer has said something, or has gone. */
static void hear_newcomer(struct slot *s, struct newcomer *n)
{
    uint8_t hello[64];
    struct link_frame frame;
    const int fd = n->fd;
    const enum link_result result = link_receive(fd, &frame, hello, sizeof hello);
    if (result == LINK_AGAIN)
        return;
    n->fd = -1;
    if (result == LINK_CLOSED)
        close(fd);
    else
        greet(s, fd, hello, result == LINK_OK && frame.type == FRAME_HELLO ? frame.length : 0);
}

static void take_newcomer(struct slot *s)
{
    bool exhausted;
    const int fd = link_accept(s->listener.fd, &exhausted);
    struct newcomer *place = &s->newcomers[0];
    if (exhausted)
        s->accept_again = link_clock() + ACCEPT_AGAIN_MS; /* it stays in the queue, and would wake us at once */
    if (fd < 0)
        return;
    for (size_t i = 0; i < NEWCOMERS; i++) { /* a free place, else that of the one who has been silent longest */
        if (s->newcomers[i].fd < 0) {
            place = &s->newcomers[i];
            break;
        }
        if (s->newcomers[i].until < place->until)
            place = &s->newcomers[i];
    }
    if (place->fd >= 0)
        refuse(s, place->fd, REFUSAL_HELLO, "too many connections without a hello; this one was silent longest");
    *place = (struct newcomer){.fd = fd, .until = link_clock() + HANDSHAKE_MS};
}

/* Reads one event; the next one stays in the socket until this one has been told. */
static void hear_event(struct slot *s)
{
    struct link_frame frame;
    uint8_t nothing[1];
    const enum link_result result = link_receive(s->events, &frame, nothing, sizeof nothing);
    if (result == LINK_AGAIN)
        return;
    if (result == LINK_CLOSED)
        drop_link(s, PCSC_LOG_INFO, "the connection has ended");
    else if (result != LINK_OK || frame.length != 0 || (frame.type != FRAME_INSERTED && frame.type != FRAME_REMOVED))
        drop_link(s, PCSC_LOG_ERROR, "garbage on the event connection");
    else if ((frame.type == FRAME_INSERTED) == s->present)
        drop_link(s, PCSC_LOG_ERROR, "an insertion or removal came twice");
    else if (frame.type == FRAME_REMOVED)
        card_out(s);
    else {
        s->present = true;
        s->insertion++;
    }
}

static void expire(struct slot *s, int64_t now)
{
    for (size_t i = 0; i < NEWCOMERS; i++)
        if (s->newcomers[i].fd >= 0 && s->newcomers[i].until <= now) {
            refuse(s, s->newcomers[i].fd, REFUSAL_HELLO, "no hello within two seconds; only secmod's card process connects here");
            s->newcomers[i].fd = -1;
        }
    if (s->data >= 0 && s->events < 0 && s->events_until <= now)
        drop_link(s, PCSC_LOG_ERROR, "opened no event connection within two seconds");
    if (s->accept_again <= now)
        s->accept_again = 0;
    if (s->hold_until <= now)
        s->hold_until = 0;
    if (s->usable && s->listener.fd < 0 && s->listen_again <= now)
        try_listen(s, PCSC_LOG_DEBUG); /* said loudly when it failed first */
}

static int64_t next_expiry(const struct slot *s, int64_t end)
{
    for (size_t i = 0; i < NEWCOMERS; i++)
        if (s->newcomers[i].fd >= 0 && s->newcomers[i].until < end)
            end = s->newcomers[i].until;
    if (s->data >= 0 && s->events < 0 && s->events_until < end)
        end = s->events_until;
    if (s->accept_again != 0 && s->accept_again < end)
        end = s->accept_again;
    if (s->hold_until != 0 && s->hold_until < end)
        end = s->hold_until;
    if (s->usable && s->listener.fd < 0 && s->listen_again < end)
        end = s->listen_again;
    return end;
}

enum { AT_WAKE, AT_LISTENER, AT_DATA, AT_EVENTS, AT_NEWCOMERS, AT_END = AT_NEWCOMERS + NEWCOMERS };

/* Waits without the lock, then serves what has moved; the link first, so that a successor finds its place free. */
static void serve_once(struct slot *s, int64_t until)
{
    struct pollfd watched[AT_END] = {
        [AT_WAKE] = {s->wake, POLLIN, 0},
        [AT_LISTENER] = {s->accept_again == 0 ? s->listener.fd : -1, POLLIN, 0},
        [AT_DATA] = {s->data, 0, 0}, /* only its end: answers belong to the request */
        [AT_EVENTS] = {s->events, s->hold_until == 0 ? POLLIN : 0, 0},
    };
    for (size_t i = 0; i < NEWCOMERS; i++)
        watched[AT_NEWCOMERS + i] = (struct pollfd){s->newcomers[i].fd, POLLIN, 0};
    const int64_t left = until - link_clock();
    pthread_mutex_unlock(&s->lock);
    const int moved = poll(watched, AT_END, left > 0 ? (int)left : 0);
    pthread_mutex_lock(&s->lock);
    if (moved <= 0)
        return;
    if (watched[AT_WAKE].revents != 0)
        clear_event(s->wake);
    /* a request may have dropped the link meanwhile */
    if (watched[AT_EVENTS].revents != 0 && watched[AT_EVENTS].fd == s->events) {
        if ((watched[AT_EVENTS].revents & POLLIN) != 0)
            hear_event(s);
        else
            drop_link(s, PCSC_LOG_INFO, "the connection has ended");
    }
    if (watched[AT_DATA].revents != 0 && watched[AT_DATA].fd == s->data)
        drop_link(s, PCSC_LOG_INFO, "the connection has ended");
    for (size_t i = 0; i < NEWCOMERS; i++)
        if (watched[AT_NEWCOMERS + i].revents != 0)
            hear_newcomer(s, &s->newcomers[i]);
    if (watched[AT_LISTENER].revents != 0)
        take_newcomer(s);
}

void slot_wait(struct slot *s, int timeout_ms)
{
    const int64_t end = link_clock() + timeout_ms;
    pthread_mutex_lock(&s->lock);
    while (s->told == s->present && !s->interrupted) {
        const int64_t now = link_clock();
        if (now >= end)
            break;
        expire(s, now);
        serve_once(s, s->told == s->present ? next_expiry(s, end) : now);
    }
    s->interrupted = false;
    s->told = s->present;
    pthread_mutex_unlock(&s->lock);
}

void slot_interrupt(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    s->interrupted = true;
    raise_event(s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* ---- state -------------------------------------------------------------------------------------------------------------- */

bool slot_present(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    const bool present = s->told && s->present;
    pthread_mutex_unlock(&s->lock);
    return present;
}

struct slot_facts slot_facts(struct slot *s)
{
    pthread_mutex_lock(&s->lock);
    struct slot_facts facts = {
        .present = s->told && s->present, .powered = s->powered, .protocol = s->protocol, .atr_length = s->powered ? s->atr_length : 0};
    memcpy(facts.atr, s->atr, sizeof facts.atr);
    pthread_mutex_unlock(&s->lock);
    return facts;
}

/* ---- requests ----------------------------------------------------------------------------------------------------------- */

enum outcome { ANSWERED, FAULTED, TIMED_OUT, CARD_OUT, LOST, GARBAGE, TOO_LONG };

struct request {
    uint8_t type;
    bool needs_card; /* a removal ends it */
    const uint8_t *command;
    size_t command_length;
    bool unawaited;  /* the answer is of no interest: it comes before that of the next request, and is thrown away */
    bool sent;
    uint8_t *answer; /* room for at least one byte: a fault's */
    size_t room;
    size_t least; /* a shorter answer is garbage */
    size_t length;
    uint8_t fault;
    uint32_t insertion; /* the card that was asked */
};

/* Waits for the connection, the removal and the deadline together. */
static enum outcome await(const struct slot *s, const struct request *r, int fd, short events, int64_t until)
{
    struct pollfd watched[2] = {{fd, events, 0}, {r->needs_card ? s->gone : -1, POLLIN, 0}};
    for (;;) {
        const int64_t left = until - link_clock();
        const int moved = poll(watched, 2, left > 0 ? (int)left : 0);
        if (moved < 0 && errno == EINTR)
            continue;
        if (moved <= 0)
            return TIMED_OUT;
        return watched[1].revents != 0 ? CARD_OUT : ANSWERED;
    }
}

static enum outcome send_request(const struct slot *s, struct request *r, int fd, uint32_t sequence, int64_t until)
{
    for (;;) {
        const enum link_result sent = link_send(fd, r->type, sequence, r->command, r->command_length);
        r->sent = sent == LINK_OK;
        if (sent != LINK_AGAIN)
            return sent == LINK_OK ? ANSWERED : LOST;
        if (r->unawaited)
            return TIMED_OUT;
        const enum outcome ready = await(s, r, fd, POLLOUT, until);
        if (ready != ANSWERED)
            return ready;
    }
}

/* What a frame means to the request `sequence`; *more if another one has to be waited for. */
static enum outcome judge(struct request *r, const struct link_frame *f, enum link_result result, uint32_t sequence, uint32_t *answered,
                          bool *more)
{
    const uint32_t open = sequence - *answered; /* this request and those that timed out before it: 1 or more */
    const uint32_t place = f->sequence - *answered;
    *more = true;
    if (f->type == FRAME_KEEP_ALIVE && f->length == 0 && (int32_t)(f->sequence - sequence) <= 0)
        return ANSWERED; /* may have crossed its answer */
    if (place < 1 || place > open)
        return GARBAGE;
    *answered = f->sequence;
    if (f->sequence != sequence)
        return ANSWERED; /* too late: thrown away */
    *more = false;
    if (f->type == FRAME_FAULT && f->length == 1) {
        r->fault = r->answer[0];
        return FAULTED;
    }
    if (f->type != r->type)
        return GARBAGE;
    if (result == LINK_NO_ROOM)
        return TOO_LONG;
    r->length = f->length;
    return f->length >= r->least ? ANSWERED : GARBAGE;
}

static enum outcome exchange(const struct slot *s, struct request *r, int fd, uint32_t sequence, uint32_t *answered)
{
    int64_t until = link_clock() + s->address.deadline_ms;
    const int64_t end = link_clock() + s->address.patience_ms; /* signs of life are no answer for ever */
    enum outcome outcome = send_request(s, r, fd, sequence, until);
    bool more = !r->unawaited;
    while (outcome == ANSWERED && more) {
        struct link_frame frame;
        outcome = await(s, r, fd, POLLIN, until);
        if (outcome != ANSWERED)
            break;
        const enum link_result result = link_receive(fd, &frame, r->answer, r->room);
        if (result == LINK_AGAIN)
            continue;
        if (result == LINK_CLOSED)
            return LOST;
        if (result == LINK_GARBAGE)
            return GARBAGE;
        outcome = judge(r, &frame, result, sequence, answered, &more);
        if (outcome == ANSWERED && more) { /* it works, or has just become free */
            const int64_t now = link_clock();
            until = now + s->address.deadline_ms < end ? now + s->address.deadline_ms : end;
            if (now >= end)
                outcome = TIMED_OUT; /* not by await, which prefers what is there to the clock */
        }
    }
    return outcome;
}

static enum outcome settle(struct slot *s, const struct request *r, int fd, uint32_t sequence, uint32_t answered, enum outcome outcome)
{
    s->busy = false;
    if (fd != s->data) { /* dropped meanwhile */
        close(fd);
        return LOST;
    }
    if (r->sent)
        s->sequence = sequence;
    s->answered = answered;
    if (outcome == LOST)
        drop_link(s, PCSC_LOG_INFO, "the connection has ended");
    else if (outcome == GARBAGE)
        drop_link(s, PCSC_LOG_ERROR, "garbage on the data connection");
    else if (outcome == TOO_LONG && r->type != FRAME_TRANSMIT && r->type != FRAME_ESCAPE)
        drop_link(s, PCSC_LOG_ERROR, "an answer is too long");
    else
        return outcome;
    raise_event(s->wake); /* slot_wait tells the removal */
    return LOST;
}

/* Sends a request and waits for its answer, with the locks around it. */
static enum outcome ask(struct slot *s, struct request *r)
{
    pthread_mutex_lock(&s->lock);
    const int fd = s->data;
    if (fd < 0 || s->events < 0 || (r->needs_card && !(s->told && s->present))) {
        const bool out = fd >= 0 && s->events >= 0 && !s->present;
        if (out)
            s->hold_until = link_clock() + HOLD_MS;
        pthread_mutex_unlock(&s->lock);
        return out ? CARD_OUT : LOST;
    }
    if (s->gone_raised) {
        clear_event(s->gone);
        s->gone_raised = false;
    }
    s->busy = true;
    r->insertion = s->insertion;
    const uint32_t sequence = s->sequence + 1;
    uint32_t answered = s->answered;
    pthread_mutex_unlock(&s->lock);

    enum outcome outcome = exchange(s, r, fd, sequence, &answered);

    pthread_mutex_lock(&s->lock);
    outcome = settle(s, r, fd, sequence, answered, outcome);
    if (r->needs_card && outcome == ANSWERED && !(s->present && s->insertion == r->insertion))
        outcome = CARD_OUT;
    pthread_mutex_unlock(&s->lock);
    return outcome;
}

RESPONSECODE slot_power_up(struct slot *s, bool reset, uint8_t atr[MAX_ATR_SIZE], size_t *length)
{
    uint8_t answer[MAX_ATR_SIZE]; /* pcscd's buffer is read by its other threads: only an ATR goes there */
    struct request r = {
        .type = reset ? FRAME_RESET : FRAME_POWER_UP, .needs_card = true, .answer = answer, .room = sizeof answer, .least = 2};
    pthread_mutex_lock(&s->requests);
    const bool up = ask(s, &r) == ANSWERED;
    pthread_mutex_lock(&s->lock);
    s->powered = up && s->present && s->insertion == r.insertion;
    s->atr_length = s->powered ? r.length : 0;
    s->protocol = 1;
    if (s->powered)
        memcpy(s->atr, answer, r.length);
    *length = s->atr_length;
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->requests);
    memcpy(atr, answer, *length);
    return *length > 0 ? IFD_SUCCESS : IFD_ERROR_POWER_ACTION;
}

/* Succeeds without a card as well: then there is no power either.  Nor does it wait for the card: whoever connects next would
 * have to wait as well. */
RESPONSECODE slot_power_down(struct slot *s)
{
    uint8_t nothing[1];
    struct request r = {.type = FRAME_POWER_DOWN, .needs_card = true, .unawaited = true, .answer = nothing, .room = 1};
    pthread_mutex_lock(&s->requests);
    pthread_mutex_lock(&s->lock);
    s->powered = false;
    pthread_mutex_unlock(&s->lock);
    (void)ask(s, &r);
    pthread_mutex_unlock(&s->requests);
    return IFD_SUCCESS;
}

RESPONSECODE slot_protocol(struct slot *s, uint8_t protocol)
{
    uint8_t nothing[1];
    struct request r = {
        .type = FRAME_PROTOCOL, .needs_card = true, .command = &protocol, .command_length = 1, .answer = nothing, .room = 1};
    pthread_mutex_lock(&s->requests);
    const enum outcome outcome = ask(s, &r);
    if (outcome == ANSWERED) {
        pthread_mutex_lock(&s->lock);
        s->protocol = protocol;
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_unlock(&s->requests);
    if (outcome == FAULTED && r.fault == FAULT_NOT_SUPPORTED)
        return IFD_PROTOCOL_NOT_SUPPORTED;
    return outcome == ANSWERED ? IFD_SUCCESS : IFD_ERROR_PTS_FAILURE;
}

RESPONSECODE slot_transmit(struct slot *s, const uint8_t *command, size_t command_length, uint8_t *response, size_t *length)
{
    struct request r = {.type = FRAME_TRANSMIT, .needs_card = true, .command = command, .command_length = command_length,
                        .answer = response, .room = *length, .least = 2};
    *length = 0;
    pthread_mutex_lock(&s->requests);
    const enum outcome outcome = ask(s, &r);
    pthread_mutex_unlock(&s->requests);
    switch (outcome) {
    case ANSWERED:
        *length = r.length;
        return IFD_SUCCESS;
    case TIMED_OUT:
        return IFD_RESPONSE_TIMEOUT;
    case CARD_OUT: /* slot_wait tells the removal, so pcscd does not stay at "empty" */
        return IFD_ICC_NOT_PRESENT;
    case TOO_LONG:
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    default:
        return IFD_COMMUNICATION_ERROR;
    }
}

RESPONSECODE slot_escape(struct slot *s, const uint8_t *command, size_t command_length, uint8_t *response, size_t *length)
{
    struct request r = {
        .type = FRAME_ESCAPE, .command = command, .command_length = command_length, .answer = response, .room = *length};
    *length = 0;
    pthread_mutex_lock(&s->requests);
    const enum outcome outcome = ask(s, &r);
    pthread_mutex_unlock(&s->requests);
    if (outcome == ANSWERED) {
        *length = r.length;
        return IFD_SUCCESS;
    }
    if (outcome == FAULTED && r.fault == FAULT_NOT_SUPPORTED)
        return IFD_ERROR_NOT_SUPPORTED;
    if (outcome == TOO_LONG)
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    return outcome == TIMED_OUT ? IFD_RESPONSE_TIMEOUT : IFD_COMMUNICATION_ERROR;
}
