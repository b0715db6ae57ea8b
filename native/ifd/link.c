/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "link.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_DEADLINE_MS 2000
#define DEFAULT_PATIENCE_MS 60000
#define MAX_DEADLINE_MS 3600000
#define BACKLOG 64

int64_t link_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- address ------------------------------------------------------------------------------------------------------------ */

static bool parse_number(const char *text, long low, long high, long *out)
{
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < low || value > high)
        return false;
    *out = value;
    return true;
}

static bool parse_group(const char *name, gid_t *out)
{
    struct group entry, *found = NULL;
    char memory[16384];
    long number;
    if (getgrnam_r(name, &entry, memory, sizeof memory, &found) == 0 && found != NULL) {
        *out = found->gr_gid;
        return true;
    }
    if (!parse_number(name, 0, INT_MAX, &number))
        return false;
    *out = (gid_t)number;
    return true;
}

static bool parse_milliseconds(const char *option, const char *what, int *out, char *why, size_t room)
{
    long number;
    if (!parse_number(option + strlen(what) + 1, 1, MAX_DEADLINE_MS, &number)) {
        snprintf(why, room, "%s is no %s: write milliseconds, 1 to %d", option, what, MAX_DEADLINE_MS);
        return false;
    }
    *out = (int)number;
    return true;
}

static bool parse_option(const char *option, struct link_address *out, char *why, size_t room)
{
    if (strncmp(option, "deadline=", 9) == 0)
        return parse_milliseconds(option, "deadline", &out->deadline_ms, why, room);
    if (strncmp(option, "patience=", 9) == 0)
        return parse_milliseconds(option, "patience", &out->patience_ms, why, room);
    if (strncmp(option, "group=", 6) == 0) {
        if (!parse_group(option + 6, &out->group)) {
            snprintf(why, room, "there is no group %s: create it or name another one", option + 6);
            return false;
        }
        out->has_group = true;
        return true;
    }
    snprintf(why, room, "option %s is unknown: there are deadline=MILLISECONDS, patience=MILLISECONDS and group=NAME", option);
    return false;
}

bool link_parse(const char *device, struct link_address *out, char *why, size_t room)
{
    char text[512];
    size_t length = strlen(device);
    *out = (struct link_address){.deadline_ms = DEFAULT_DEADLINE_MS, .patience_ms = DEFAULT_PATIENCE_MS};
    if (length >= 2 && device[0] == '"' && device[length - 1] == '"') { /* pcscd leaves the quotes of reader.conf */
        device++;
        length -= 2;
    }
    if (length >= sizeof text || strncmp(device, "unix:/", 6) != 0) {
        snprintf(why, room, "DEVICENAME %.*s is not understood: write unix:/PATH/OF/SOCKET", (int)(length < 200 ? length : 200), device);
        return false;
    }
    memcpy(text, device, length);
    text[length] = '\0';
    char *rest = text + 5;
    const char *path = strsep(&rest, ":");
    if (strlen(path) >= sizeof out->path) {
        snprintf(why, room, "the socket path %.200s is longer than %zu bytes: choose a shorter one", path, sizeof out->path - 1);
        return false;
    }
    memcpy(out->path, path, strlen(path) + 1);
    for (const char *option; (option = strsep(&rest, ":")) != NULL;)
        if (!parse_option(option, out, why, room))
            return false;
    return true;
}

/* ---- listening ---------------------------------------------------------------------------------------------------------- */

static struct sockaddr_un socket_name(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    memcpy(name.sun_path, path, strnlen(path, sizeof name.sun_path - 1));
    return name;
}

/* True if a file at the path no longer stands in the way: it was a socket of ours that nobody listens on, and is gone. */
static bool clear_way(const char *path, char *why, size_t room)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return true;
    if (!S_ISSOCK(status.st_mode)) {
        snprintf(why, room, "%s exists and is no socket: remove it, or set another DEVICENAME in reader.conf", path);
        return false;
    }
    if (status.st_uid != geteuid()) {
        snprintf(why, room, "socket %s belongs to user %u: remove it, or set another DEVICENAME in reader.conf", path,
                 (unsigned)status.st_uid);
        return false;
    }
    const int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        snprintf(why, room, "no socket to be had: %s", strerror(errno));
        return false;
    }
    const struct sockaddr_un name = socket_name(path);
    const bool stale = connect(probe, (const struct sockaddr *)&name, sizeof name) != 0 && errno == ECONNREFUSED;
    close(probe);
    if (!stale) {
        snprintf(why, room, "another process listens on %s: stop it, or set another DEVICENAME in reader.conf", path);
        return false;
    }
    return unlink(path) == 0 || errno == ENOENT;
}

/* The directory of the socket, one level; /run is empty after a boot. */
static void make_directory(const char *path)
{
    char directory[LINK_PATH];
    const char *slash = strrchr(path, '/');
    const size_t length = (size_t)(slash - path);
    if (length == 0)
        return;
    memcpy(directory, path, length);
    directory[length] = '\0';
    (void)mkdir(directory, 0755); /* if it can not be made, bind says so */
}

/* The hardened units of newer pcscd packages kill it for changing an owner; they leave it no capability either. */
static bool may_change_group(void)
{
    return prctl(PR_GET_SECCOMP) <= 0 || prctl(PR_CAPBSET_READ, CAP_CHOWN) == 1;
}

/* The group gets the socket, if its directory has not seen to that by its set-group-ID bit. */
static bool give_to_group(const struct link_address *address)
{
    struct stat status;
    if (lstat(address->path, &status) != 0)
        return false;
    if (status.st_gid != address->group) {
        if (!may_change_group()) {
            errno = EPERM;
            return false;
        }
        if (lchown(address->path, (uid_t)-1, address->group) != 0)
            return false;
    }
    return chmod(address->path, 0660) == 0;
}

static bool bind_private(int fd, const struct link_address *address)
{
    const struct sockaddr_un name = socket_name(address->path);
    /* Linux gives the file the mode that the unbound socket has, so it is never open to others, not even for a moment. */
    if (fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)&name, sizeof name) != 0)
        return false;
    if (!address->has_group || give_to_group(address))
        return true;
    const int reason = errno;
    unlink(address->path);
    errno = reason;
    return false;
}

bool link_listen(const struct link_address *address, struct link_listener *out, char *why, size_t room)
{
    struct stat status;
    out->fd = -1;
    if (!clear_way(address->path, why, room))
        return false;
    make_directory(address->path);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !bind_private(fd, address) || listen(fd, BACKLOG) != 0 || lstat(address->path, &status) != 0) {
        snprintf(why, room, "can not listen on %s: %s; its directory must be writable for pcscd, and with group= belong to the group with "
                 "mode 2775 (packaging/README.md)", address->path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    *out = (struct link_listener){.fd = fd, .device = status.st_dev, .inode = status.st_ino};
    return true;
}

void link_unlisten(const struct link_address *address, struct link_listener *listener)
{
    struct stat status;
    if (listener->fd < 0)
        return;
    if (lstat(address->path, &status) == 0 && status.st_dev == listener->device && status.st_ino == listener->inode)
        unlink(address->path);
    close(listener->fd);
    listener->fd = -1;
}

int link_accept(int listener, bool *exhausted)
{
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    *exhausted = fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
    return fd;
}

static bool in_group(int fd, gid_t wanted)
{
    gid_t groups[1024];
    socklen_t size = sizeof groups;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
        return false;
    for (size_t i = 0; i < size / sizeof groups[0]; i++)
        if (groups[i] == wanted)
            return true;
    return false;
}

struct link_peer link_peer(int fd, const struct link_address *address)
{
    struct ucred who;
    socklen_t size = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        return (struct link_peer){0};
    const bool owner = who.uid == 0 || who.uid == geteuid();
    const bool member = address->has_group && (who.gid == address->group || in_group(fd, address->group));
    return (struct link_peer){.pid = who.pid, .allowed = owner || member};
}

/* ---- frames ------------------------------------------------------------------------------------------------------------- */

enum link_result link_send(int fd, uint8_t type, uint32_t sequence, const void *payload, size_t length)
{
    uint8_t header[LINK_HEADER] = {
        type, 0, 0, 0, (uint8_t)sequence, (uint8_t)(sequence >> 8), (uint8_t)(sequence >> 16), (uint8_t)(sequence >> 24)};
    /* sendmsg only reads; iovec has no const */
    struct iovec parts[2] = {{header, sizeof header}, {(void *)(uintptr_t)payload, length}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return LINK_OK;
    return errno == EAGAIN || errno == ENOBUFS ? LINK_AGAIN : LINK_CLOSED;
}

enum link_result link_receive(int fd, struct link_frame *frame, void *payload, size_t room)
{
    uint8_t header[LINK_HEADER];
    struct iovec parts[2] = {{header, sizeof header}, {payload, room}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t got;
    do
        got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_TRUNC); /* MSG_TRUNC: the true length, even if it did not fit */
    while (got < 0 && errno == EINTR);
    *frame = (struct link_frame){0};
    if (got < 0)
        return errno == EAGAIN ? LINK_AGAIN : LINK_CLOSED;
    if (got == 0)
        return LINK_CLOSED;
    if (got < LINK_HEADER || got > LINK_MAX_FRAME || header[1] != 0 || header[2] != 0 || header[3] != 0)
        return LINK_GARBAGE;
    frame->type = header[0];
    frame->sequence = (uint32_t)header[4] | (uint32_t)header[5] << 8 | (uint32_t)header[6] << 16 | (uint32_t)header[7] << 24;
    frame->length = (size_t)got - LINK_HEADER;
    return frame->length > room ? LINK_NO_ROOM : LINK_OK;
}
