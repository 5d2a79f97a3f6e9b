// LD_PRELOAD for an engine under test: the n-th call that changes the file system of FAULT_ROOT fails with an error of
// choice. What it does is said in a file that is mapped by both sides (FAULT_CONTROL), so that a test arms it while the
// engine runs and reads how many calls there were. The engine knows nothing of it.
// Both spellings of a call are wrapped: one must not become the other.
#undef _FILE_OFFSET_BITS
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// tests/support/fault_disk.py writes and reads the same five numbers.
struct control {
    _Atomic uint32_t fail_at;  // the call that fails, counted from 1; 0: none
    _Atomic uint32_t error;    // errno
    _Atomic uint32_t onwards;  // 1: what takes room fails from that call on
    _Atomic uint32_t count;    // calls so far
    _Atomic uint32_t failed;   // of them
};

static struct control* control;
static dev_t device;
static char last_name[64];

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULT_CONTROL"), *root = getenv("FAULT_ROOT");
    if (!path || !root) return;
    struct stat info;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || stat(root, &info) != 0) abort();
    void* mapped = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) abort();
    syscall(SYS_close, fd);
    device = info.st_dev;
    control = mapped;
}

static int counts(const char* name, int takes_room) {
    uint32_t at = atomic_fetch_add(&control->count, 1) + 1;
    uint32_t wanted = atomic_load(&control->fail_at);
    int fails = wanted != 0 && (at == wanted || (at > wanted && takes_room && atomic_load(&control->onwards)));
    if (!fails) return 0;
    if (atomic_fetch_add(&control->failed, 1) == 0) {
        strncpy(last_name, name, sizeof last_name - 1);
        memcpy((char*)control + 64, last_name, sizeof last_name);  // for the test's report
    }
    errno = (int)atomic_load(&control->error);
    return 1;
}
static int by_fd(int fd, const char* name, int takes_room) {
    struct stat info;
    int kept = errno;
    if (!control || fstat(fd, &info) != 0 || info.st_dev != device || !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
        errno = kept;
        return 0;
    }
    errno = kept;
    return counts(name, takes_room);
}
// Of a path the folder it lies in counts.
static int by_path(int folder, const char* path, const char* name, int takes_room) {
    struct stat info;
    int kept = errno;
    if (!control) return 0;
    char parent[4096];
    const char* slash = strrchr(path, '/');
    size_t size = slash ? (size_t)(slash - path) : 0;
    if (size >= sizeof parent) return 0;
    memcpy(parent, path, size);
    parent[size] = 0;
    const char* where = slash && size == 0 ? "/" : size == 0 ? "." : parent;
    int found = fstatat(folder, where, &info, 0) == 0 && info.st_dev == device;
    errno = kept;
    return found && counts(name, takes_room);
}

#define REAL(type, name) static __typeof__(type)* real; if (!real) real = (__typeof__(type)*)dlsym(RTLD_NEXT, name)
#define ON_FD(result, name, room, params, args, fd)                                                                    \
    result name params {                                                                                               \
        REAL(result params, #name);                                                                                    \
        if (by_fd(fd, #name, room)) return -1;                                                                         \
        return real args;                                                                                              \
    }
#define ON_PATH(result, name, room, params, args, folder, path)                                                        \
    result name params {                                                                                               \
        REAL(result params, #name);                                                                                    \
        if (by_path(folder, path, #name, room)) return -1;                                                             \
        return real args;                                                                                              \
    }

ON_FD(ssize_t, write, 1, (int fd, const void* data, size_t size), (fd, data, size), fd)
ON_FD(ssize_t, pwrite, 1, (int fd, const void* data, size_t size, off_t at), (fd, data, size, at), fd)
ON_FD(ssize_t, pwrite64, 1, (int fd, const void* data, size_t size, off64_t at), (fd, data, size, at), fd)
ON_FD(ssize_t, writev, 1, (int fd, const struct iovec* data, int count), (fd, data, count), fd)
ON_FD(int, fsync, 0, (int fd), (fd), fd)
ON_FD(int, fdatasync, 0, (int fd), (fd), fd)
ON_FD(int, syncfs, 0, (int fd), (fd), fd)
ON_FD(int, ftruncate, 0, (int fd, off_t size), (fd, size), fd)
ON_FD(int, ftruncate64, 0, (int fd, off64_t size), (fd, size), fd)
ON_FD(int, fallocate, 1, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), fd)
ON_FD(int, fallocate64, 1, (int fd, int mode, off64_t at, off64_t size), (fd, mode, at, size), fd)
ON_FD(int, fchmod, 0, (int fd, mode_t mode), (fd, mode), fd)
ON_FD(int, fchown, 0, (int fd, uid_t user, gid_t group), (fd, user, group), fd)
ON_FD(int, futimens, 0, (int fd, const struct timespec times[2]), (fd, times), fd)
ON_FD(int, fsetxattr, 1, (int fd, const char* name, const void* data, size_t size, int flags),
      (fd, name, data, size, flags), fd)
ON_PATH(int, mkdir, 1, (const char* path, mode_t mode), (path, mode), AT_FDCWD, path)
ON_PATH(int, mkdirat, 1, (int folder, const char* path, mode_t mode), (folder, path, mode), folder, path)
ON_PATH(int, mknodat, 1, (int folder, const char* path, mode_t mode, dev_t number), (folder, path, mode, number), folder,
        path)
ON_PATH(int, symlinkat, 1, (const char* target, int folder, const char* path), (target, folder, path), folder, path)
ON_PATH(int, linkat, 1, (int from, const char* old, int folder, const char* path, int flags),
        (from, old, folder, path, flags), folder, path)
ON_PATH(int, unlink, 0, (const char* path), (path), AT_FDCWD, path)
ON_PATH(int, unlinkat, 0, (int folder, const char* path, int flags), (folder, path, flags), folder, path)
ON_PATH(int, rename, 0, (const char* from, const char* to), (from, to), AT_FDCWD, to)
ON_PATH(int, renameat, 0, (int a, const char* from, int b, const char* to), (a, from, b, to), b, to)
ON_PATH(int, renameat2, 0, (int a, const char* from, int b, const char* to, unsigned flags), (a, from, b, to, flags), b,
        to)
ON_PATH(int, fchmodat, 0, (int folder, const char* path, mode_t mode, int flags), (folder, path, mode, flags), folder,
        path)
ON_PATH(int, fchownat, 0, (int folder, const char* path, uid_t user, gid_t group, int flags),
        (folder, path, user, group, flags), folder, path)
ON_PATH(int, utimensat, 0, (int folder, const char* path, const struct timespec times[2], int flags),
        (folder, path, times, flags), folder, path)

#define OPEN_MODE(flags, last)                                                                                         \
    mode_t mode = 0;                                                                                                   \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                             \
        va_list list;                                                                                                  \
        va_start(list, last);                                                                                          \
        mode = va_arg(list, mode_t);                                                                                   \
        va_end(list);                                                                                                  \
    }
#define OPEN(name)                                                                                                     \
    int name(const char* path, int flags, ...) {                                                                       \
        REAL(int(const char*, int, ...), #name);                                                                   \
        OPEN_MODE(flags, flags)                                                                                        \
        if ((flags & O_CREAT) && by_path(AT_FDCWD, path, #name, 1)) return -1;                                         \
        return real(path, flags, mode);                                                                                \
    }
#define OPENAT(name)                                                                                                   \
    int name(int folder, const char* path, int flags, ...) {                                                           \
        REAL(int(int, const char*, int, ...), #name);                                                              \
        OPEN_MODE(flags, flags)                                                                                        \
        if ((flags & O_CREAT) && by_path(folder, path, #name, 1)) return -1;                                           \
        return real(folder, path, flags, mode);                                                                        \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

long syscall(long number, ...) {
    REAL(long(long, ...), "syscall");
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long),
         e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    if (number == SYS_openat2 && (((struct open_how*)c)->flags & O_CREAT) &&
        by_path((int)a, (const char*)b, "openat2", 1))
        return -1;
    return real(number, a, b, c, d, e, f);
}
