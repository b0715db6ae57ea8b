/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded before libc (LD_PRELOAD): every call that changes files beneath one folder is counted, written to a log if one is wanted,
 * and the one with a given number ends as it would on a bad day: the process is killed, the disk is full, or broken.
 *
 * SECMOD_FAULTS_DIR     the folder, an absolute path without links
 * SECMOD_FAULTS_AT      the number of the first call that fails, from 1 on; 0: none
 * SECMOD_FAULTS_ACTION  what happens to it, as enum action
 * SECMOD_FAULTS_COUNT   how many calls fail, from that one on
 * SECMOD_FAULTS_LOG     a file that every call is appended to, as struct entry
 *
 * A process that has loaded it can set the same by storage_faults_arm and storage_faults_log. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define DESCRIPTORS 1024

enum action { ACT_NONE, ACT_KILL_BEFORE, ACT_KILL_AFTER, ACT_NO_SPACE, ACT_IO_ERROR, ACT_SHORT, ACT_TORN };

enum call { CALL_CREATE, CALL_WRITE, CALL_TRUNCATE, CALL_SYNC, CALL_SYNC_FOLDER, CALL_REMOVE, CALL_RENAME, CALL_FOLDER, CALL_MODE, CALL_MARK };

/* What stands in the log before the paths and the data of a call. */
struct entry {
    uint32_t call, path_length, other_length, data_length;
    uint64_t inode, offset;
};

static char folder[PATH_MAX];
static size_t folder_length;
static long fail_at, fail_count, calls;
static int fail_action, log_fd = -1;
static uint8_t ours[DESCRIPTORS]; /* 1: a file beneath the folder, 2: a folder */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the real ones ------------------------------------------------------------------------------------------------------ */

/* A pointer to a function out of one to data, which ISO C does not convert. */
#define REAL(type, name, ...)                                          \
    static type (*real)(__VA_ARGS__);                                  \
    if (real == NULL) {                                                \
        void *found = dlsym(RTLD_NEXT, name);                          \
        memcpy(&real, &found, sizeof real);                            \
    }

static ssize_t real_write(int fd, const void *data, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t)
    return real(fd, data, length);
}

/* ---- set-up ------------------------------------------------------------------------------------------------------------- */

static long number_of(const char *name) {
    const char *text = getenv(name);
    return text == NULL ? 0 : strtol(text, NULL, 10);
}

/* Calls from `at` on fail, `count` of them; the numbers begin again at 1. */
EXPORT void storage_faults_arm(long at, int action, long count) {
    pthread_mutex_lock(&lock);
    calls = 0;
    fail_at = at;
    fail_action = action;
    fail_count = count;
    pthread_mutex_unlock(&lock);
}

/* How many calls there were since that. */
EXPORT long storage_faults_calls(void) { return calls; }

/* Calls go to this descriptor; -1: nowhere. */
EXPORT void storage_faults_log(int fd) { log_fd = fd; }

EXPORT void storage_faults_folder(const char *path) {
    folder_length = strlen(path);
    if (folder_length >= sizeof folder) abort();
    memcpy(folder, path, folder_length + 1);
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("SECMOD_FAULTS_DIR"), *log = getenv("SECMOD_FAULTS_LOG");
    if (path != NULL) storage_faults_folder(path);
    storage_faults_arm(number_of("SECMOD_FAULTS_AT"), (int)number_of("SECMOD_FAULTS_ACTION"), number_of("SECMOD_FAULTS_COUNT"));
    if (log != NULL) log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* ---- which files are meant ---------------------------------------------------------------------------------------------- */

static int beneath(const char *path) {
    return folder_length > 0 && strncmp(path, folder, folder_length) == 0 && (path[folder_length] == '/' || path[folder_length] == 0);
}

/* The path that a descriptor was opened by, or "". */
static void path_of(int fd, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
}

/* A path as it is seen from a folder's descriptor, absolute. */
static void path_from(int at, const char *name, char path[PATH_MAX]) {
    path[0] = 0;
    if (name[0] != '/') {
        if (at == AT_FDCWD) {
            if (getcwd(path, PATH_MAX) == NULL) path[0] = 0;
        } else {
            path_of(at, path);
        }
        strncat(path, "/", PATH_MAX - strlen(path) - 1);
    }
    strncat(path, name, PATH_MAX - strlen(path) - 1);
}

static int is_ours(int fd) { return fd >= 0 && fd < DESCRIPTORS && ours[fd]; }

static void opened(int fd) {
    char path[PATH_MAX];
    struct stat facts;
    if (fd < 0 || fd >= DESCRIPTORS || folder_length == 0) return;
    int before = errno;
    path_of(fd, path);
    ours[fd] = beneath(path) && fstat(fd, &facts) == 0 ? (S_ISDIR(facts.st_mode) ? 2 : S_ISREG(facts.st_mode) ? 1 : 0) : 0;
    errno = before;
}

/* ---- what happens to a call --------------------------------------------------------------------------------------------- */

static void note(enum call call, const char *path, const char *other, uint64_t inode, uint64_t offset, const void *data, size_t length) {
    if (log_fd < 0) return;
    struct entry entry = {.call = call,
                          .path_length = (uint32_t)strlen(path),
                          .other_length = (uint32_t)strlen(other),
                          .data_length = data == NULL ? 0 : (uint32_t)length,
                          .inode = inode,
                          .offset = data == NULL ? length : offset};
    struct iovec parts[] = {{&entry, sizeof entry}, {(void *)(uintptr_t)path, entry.path_length},
                            {(void *)(uintptr_t)other, entry.other_length}, {(void *)(uintptr_t)data, entry.data_length}};
    int before = errno;
    REAL(ssize_t, "writev", int, const struct iovec *, int)
    (void)real(log_fd, parts, 4);
    errno = before;
}

/* A sign in the log: something else has happened, of this number. */
EXPORT void storage_faults_mark(long number) { note(CALL_MARK, "", "", 0, 0, NULL, (size_t)number); }

/* What is to happen to the call at hand. */
static enum action next(void) {
    pthread_mutex_lock(&lock);
    calls++;
    enum action action = fail_at > 0 && calls >= fail_at && calls < fail_at + fail_count ? (enum action)fail_action : ACT_NONE;
    pthread_mutex_unlock(&lock);
    return action;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* True if the call must not be made: errno says why. */
static int refused(enum action action) {
    if (action == ACT_KILL_BEFORE) die();
    if (action != ACT_NO_SPACE && action != ACT_IO_ERROR) return 0;
    errno = action == ACT_NO_SPACE ? ENOSPC : EIO;
    return 1;
}

static uint64_t inode_of(int fd) {
    struct stat facts;
    return fstat(fd, &facts) == 0 ? (uint64_t)facts.st_ino : 0;
}

static uint64_t inode_at(const char *path) {
    struct stat facts;
    return stat(path, &facts) == 0 ? (uint64_t)facts.st_ino : 0;
}

static void note_fd(enum call call, int fd, uint64_t offset, const void *data, size_t length) {
    char path[PATH_MAX];
    if (log_fd < 0) return;
    path_of(fd, path);
    note(call, path, "", inode_of(fd), offset, data, length);
}

/* ---- opening and closing ------------------------------------------------------------------------------------------------ */

static int open_file(int at, const char *name, int flags, mode_t mode) {
    REAL(int, "openat64", int, const char *, int, ...)
    char path[PATH_MAX];
    enum action action = ACT_NONE;
    int makes = 0;
    if (folder_length > 0 && (flags & (O_CREAT | O_TRUNC)) != 0) {
        path_from(at, name, path);
        makes = beneath(path) && ((flags & O_TRUNC) != 0 || access(path, F_OK) != 0);
    }
    if (makes && refused(action = next())) return -1;
    int fd = real(at, name, flags, mode);
    opened(fd);
    if (makes && fd >= 0) {
        note_fd(CALL_CREATE, fd, 0, NULL, (flags & O_TRUNC) != 0);
        if (action == ACT_KILL_AFTER || action == ACT_TORN) die();
    }
    return fd;
}

/* The mode is there only with O_CREAT. */
#define MODE(flags)                                   \
    mode_t mode = 0;                                  \
    if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {     \
        va_list more;                                 \
        va_start(more, flags);                        \
        mode = (mode_t)va_arg(more, unsigned);        \
        va_end(more);                                 \
    }

EXPORT int open(const char *path, int flags, ...) {
    MODE(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...) {
    MODE(flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

EXPORT int openat(int at, const char *path, int flags, ...) {
    MODE(flags)
    return open_file(at, path, flags, mode);
}

EXPORT int openat64(int at, const char *path, int flags, ...) {
    MODE(flags)
    return open_file(at, path, flags, mode);
}

EXPORT int creat(const char *path, mode_t mode) { return open_file(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

EXPORT int close(int fd) {
    REAL(int, "close", int)
    if (fd >= 0 && fd < DESCRIPTORS) ours[fd] = 0;
    return real(fd);
}

/* ---- writing ------------------------------------------------------------------------------------------------------------ */

/* Positions are explicit here: write() goes where the descriptor stands, or at the end. */
static ssize_t put(int fd, const void *data, size_t length, off_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t)
    enum action action = next();
    if (refused(action)) return -1;
    size_t some = (action == ACT_SHORT || action == ACT_TORN) && length > 1 ? length / 2 : length;
    ssize_t done = real(fd, data, some, offset);
    if (done > 0) note_fd(CALL_WRITE, fd, (uint64_t)offset, data, (size_t)done);
    if (action == ACT_KILL_AFTER || action == ACT_TORN) die();
    return done;
}

static off_t position(int fd) {
    return lseek(fd, 0, (fcntl(fd, F_GETFL) & O_APPEND) != 0 ? SEEK_END : SEEK_CUR);
}

EXPORT ssize_t write(int fd, const void *data, size_t length) {
    if (!is_ours(fd)) return real_write(fd, data, length);
    ssize_t done = put(fd, data, length, position(fd));
    if (done > 0) (void)lseek(fd, done, SEEK_CUR);
    return done;
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)
    return is_ours(fd) ? put(fd, data, length, offset) : real(fd, data, length, offset);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)
    return is_ours(fd) ? put(fd, data, length, offset) : real(fd, data, length, offset);
}

/* Part by part: each is a call of its own, and a short one ends it. */
static ssize_t put_parts(int fd, const struct iovec *parts, int count, off_t offset) {
    ssize_t sum = 0;
    for (int i = 0; i < count; i++) {
        ssize_t done = put(fd, parts[i].iov_base, parts[i].iov_len, offset + sum);
        if (done < 0) return sum > 0 ? sum : -1;
        sum += done;
        if ((size_t)done < parts[i].iov_len) break;
    }
    return sum;
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int)
    if (!is_ours(fd)) return real(fd, parts, count);
    ssize_t done = put_parts(fd, parts, count, position(fd));
    if (done > 0) (void)lseek(fd, done, SEEK_CUR);
    return done;
}

EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL(ssize_t, "pwritev", int, const struct iovec *, int, off_t)
    return is_ours(fd) ? put_parts(fd, parts, count, offset) : real(fd, parts, count, offset);
}

/* Every other call that changes a file, a folder or their names: `made` is its result. */
#define CHANGE(call_made, remembered)                                \
    enum action action = next();                                     \
    if (refused(action)) return -1;                                  \
    int made = (call_made);                                          \
    if (made == 0) remembered;                                       \
    if (action == ACT_KILL_AFTER || action == ACT_TORN) die();       \
    return made;

static int shorten(int fd, off_t length) {
    REAL(int, "ftruncate64", int, off_t)
    CHANGE(real(fd, length), note_fd(CALL_TRUNCATE, fd, 0, NULL, (size_t)length))
}

EXPORT int ftruncate(int fd, off_t length) {
    REAL(int, "ftruncate", int, off_t)
    return is_ours(fd) ? shorten(fd, length) : real(fd, length);
}

EXPORT int ftruncate64(int fd, off64_t length) {
    REAL(int, "ftruncate64", int, off64_t)
    return is_ours(fd) ? shorten(fd, length) : real(fd, length);
}

static int grow(int fd, off_t offset, off_t length) {
    REAL(int, "posix_fallocate64", int, off_t, off_t)
    enum action action = next();
    if (refused(action)) return errno;
    int made = real(fd, offset, length);
    if (made == 0) note_fd(CALL_TRUNCATE, fd, 0, NULL, (size_t)(offset + length));
    if (action == ACT_KILL_AFTER || action == ACT_TORN) die();
    return made;
}

EXPORT int posix_fallocate(int fd, off_t offset, off_t length) {
    REAL(int, "posix_fallocate", int, off_t, off_t)
    return is_ours(fd) ? grow(fd, offset, length) : real(fd, offset, length);
}

EXPORT int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    REAL(int, "posix_fallocate64", int, off64_t, off64_t)
    return is_ours(fd) ? grow(fd, offset, length) : real(fd, offset, length);
}

/* ---- making durable ----------------------------------------------------------------------------------------------------- */

#define SYNC(name)                                                                                            \
    EXPORT int name(int fd) {                                                                                 \
        REAL(int, #name, int)                                                                                 \
        if (!is_ours(fd)) return real(fd);                                                                    \
        CHANGE(real(fd), note_fd(ours[fd] == 2 ? CALL_SYNC_FOLDER : CALL_SYNC, fd, 0, NULL, 0))               \
    }
SYNC(fsync)
SYNC(fdatasync)

EXPORT int msync(void *start_, size_t length, int flags) {
    REAL(int, "msync", void *, size_t, int)
    return real(start_, length, flags);
}

/* ---- names -------------------------------------------------------------------------------------------------------------- */

static int drop(int at, const char *name, int flags) {
    REAL(int, "unlinkat", int, const char *, int)
    char path[PATH_MAX];
    path_from(at, name, path);
    if (!beneath(path)) return real(at, name, flags);
    CHANGE(real(at, name, flags), note(CALL_REMOVE, path, "", 0, 0, NULL, 0))
}

EXPORT int unlink(const char *path) { return drop(AT_FDCWD, path, 0); }
EXPORT int unlinkat(int at, const char *path, int flags) { return drop(at, path, flags); }
EXPORT int rmdir(const char *path) { return drop(AT_FDCWD, path, AT_REMOVEDIR); }
EXPORT int remove(const char *path) {
    struct stat facts;
    return drop(AT_FDCWD, path, lstat(path, &facts) == 0 && S_ISDIR(facts.st_mode) ? AT_REMOVEDIR : 0);
}

static int move(int from, const char *old, int to, const char *new, unsigned flags) {
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned)
    char source[PATH_MAX], target[PATH_MAX];
    path_from(from, old, source);
    path_from(to, new, target);
    if (!beneath(source) && !beneath(target)) return real(from, old, to, new, flags);
    CHANGE(real(from, old, to, new, flags), note(CALL_RENAME, source, target, inode_at(target), 0, NULL, 0))
}

EXPORT int rename(const char *old, const char *new) { return move(AT_FDCWD, old, AT_FDCWD, new, 0); }
EXPORT int renameat(int from, const char *old, int to, const char *new) { return move(from, old, to, new, 0); }
EXPORT int renameat2(int from, const char *old, int to, const char *new, unsigned flags) { return move(from, old, to, new, flags); }

static int connect_name(int from, const char *old, int to, const char *new, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int)
    char source[PATH_MAX], target[PATH_MAX];
    path_from(from, old, source);
    path_from(to, new, target);
    if (!beneath(target)) return real(from, old, to, new, flags);
    CHANGE(real(from, old, to, new, flags), note(CALL_CREATE, target, "", inode_at(target), 0, NULL, 0))
}

EXPORT int link(const char *old, const char *new) { return connect_name(AT_FDCWD, old, AT_FDCWD, new, 0); }
EXPORT int linkat(int from, const char *old, int to, const char *new, int flags) { return connect_name(from, old, to, new, flags); }

static int make_folder(int at, const char *name, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t)
    char path[PATH_MAX];
    path_from(at, name, path);
    if (!beneath(path)) return real(at, name, mode);
    CHANGE(real(at, name, mode), note(CALL_FOLDER, path, "", inode_at(path), 0, NULL, 0))
}

EXPORT int mkdir(const char *path, mode_t mode) { return make_folder(AT_FDCWD, path, mode); }
EXPORT int mkdirat(int at, const char *path, mode_t mode) { return make_folder(at, path, mode); }

EXPORT int fchmod(int fd, mode_t mode) {
    REAL(int, "fchmod", int, mode_t)
    if (!is_ours(fd)) return real(fd, mode);
    CHANGE(real(fd, mode), note_fd(CALL_MODE, fd, 0, NULL, mode))
}
