/* A layer between the gateway and its computer, loaded before the C library: the disk refuses what it is told to refuse and forgets
 * what nobody asked it to keep; the wall clock jumps; the computer says that it was started anew.
 *
 * HAZGATE_JUDGE_CONTROL    a file of four numbers (struct control), which may change at any time
 * HAZGATE_JUDGE_DIRECTORY  the data directory: only files in it are meddled with
 * HAZGATE_JUDGE_KEPT       a directory that holds each of these files as the disk surely has it: what a power cut leaves of it at least;
 *                          and beside it, in NAME.written, which blocks were written since
 * HAZGATE_JUDGE_START      a file that is read in place of the kernel's id of the computer's start */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char START[] = "/proc/sys/kernel/random/boot_id";

struct control {
    int64_t clock_us;       /* the wall clock goes ahead by so much */
    int64_t disk_bytes_max; /* what the files may take together; no limit if 0 */
    int64_t short_writes;   /* one write in so many stops half way and fails; none if 0 */
    int64_t lost_syncs;     /* one fsync in so many fails; none if 0 */
};

/* What a disk writes whole or not at all; and as many of them as a file may have here. */
enum { BLOCK = 512, BLOCKS_MAX = 1 << 17 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile struct control *control;
static const char *directory, *kept, *start;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("HAZGATE_JUDGE_CONTROL");
    int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR) : -1;
    if (file < 0) {
        fputs("the judge's layer has no control file\n", stderr);
        abort();
    }
    control = mmap(NULL, sizeof *control, PROT_READ, MAP_SHARED, file, 0);
    directory = getenv("HAZGATE_JUDGE_DIRECTORY");
    kept = getenv("HAZGATE_JUDGE_KEPT");
    start = getenv("HAZGATE_JUDGE_START");
    if (control == MAP_FAILED || !directory || !kept || !start) abort();
}

static int chance(int64_t one_in) {
    static __thread unsigned seed;
    if (one_in <= 0) return 0;
    if (!seed) seed = (unsigned)(getpid() ^ (intptr_t)&seed);
    return rand_r(&seed) % one_in == 0;
}

/* The name of an open file in the data directory; NULL of any other. The log's index is memory, not disk. */
static const char *name_of(int file, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    size_t front = strlen(directory);
    if (length < 0 || (size_t)length <= front + 1) return NULL;
    path[length] = 0;
    if (strncmp(path, directory, front) || path[front] != '/') return NULL;
    const char *name = path + front + 1;
    const char *suffix = strrchr(name, '-');
    return suffix && !strcmp(suffix, "-shm") ? NULL : name;
}

/* Which blocks of a file were written since its last fsync, a byte for each. In a file, as they outlive a process that dies. */
static unsigned char *marks_of(const char *name) {
    static struct { char name[64]; unsigned char *marks; } files[16];
    for (int i = 0; i < 16; i++) {
        if (files[i].marks && strcmp(files[i].name, name)) continue;
        if (!files[i].marks) {
            char path[PATH_MAX];
            snprintf(path, sizeof path, "%s/%s.written", kept, name);
            int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
            if (file < 0 || syscall(SYS_ftruncate, file, BLOCKS_MAX)) abort();
            void *marks = mmap(NULL, BLOCKS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            if (marks == MAP_FAILED) abort();
            close(file);
            snprintf(files[i].name, sizeof files[i].name, "%s", name);
            files[i].marks = marks;
        }
        return files[i].marks;
    }
    abort();
}

/* So much was written there. */
static void mark(const char *name, int64_t place, int64_t length) {
    pthread_mutex_lock(&lock);
    unsigned char *marks = marks_of(name);
    for (int64_t i = place / BLOCK; i < BLOCKS_MAX && i * BLOCK < place + length; i++) marks[i] = 1;
    pthread_mutex_unlock(&lock);
}

static int64_t bytes_taken(void) {
    static const char *const FILES[] = {"hazgate.db", "hazgate.db-wal", "hazgate.reserve"};
    int64_t bytes = 0;
    for (int i = 0; i < 3; i++) {
        char path[PATH_MAX];
        struct stat found;
        snprintf(path, sizeof path, "%s/%s", directory, FILES[i]);
        if (!stat(path, &found)) bytes += found.st_size;
    }
    return bytes;
}

/* How much of a write the disk takes: all of it, or less, and then `errno` says why. */
static size_t taken(int file, size_t length, int64_t place) {
    char path[PATH_MAX];
    struct stat found;
    if (!name_of(file, path)) return length;
    if (chance(control->short_writes)) {
        errno = EIO;
        return length / 2;
    }
    int64_t most = control->disk_bytes_max;
    if (most <= 0 || fstat(file, &found)) return length;
    int64_t growth = place + (int64_t)length - found.st_size, room = most - bytes_taken();
    if (growth <= 0 || growth <= room) return length;
    errno = ENOSPC;
    int64_t some = (int64_t)length - growth + (room > 0 ? room : 0);
    return some > 0 ? (size_t)some : 0;
}

static ssize_t write_at(int file, const void *bytes, size_t length, int64_t place) {
    char path[PATH_MAX];
    size_t some = taken(file, length, place);
    int why = errno;
    ssize_t written = syscall(SYS_pwrite64, file, bytes, some, place);
    const char *name = name_of(file, path);
    if (name && written > 0) mark(name, place, written);
    if (some == length) return written;
    errno = why;
    return -1;
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t place) {
    return write_at(file, bytes, length, place);
}

ssize_t write(int file, const void *bytes, size_t length) {
    char path[PATH_MAX];
    if (!name_of(file, path)) return syscall(SYS_write, file, bytes, length);
    int64_t place = (int64_t)syscall(SYS_lseek, file, 0, SEEK_CUR);
    ssize_t written = write_at(file, bytes, length, place);
    if (written > 0) syscall(SYS_lseek, file, place + written, SEEK_SET);
    return written;
}

/* Takes to the disk what was written to a file and not yet taken there, and cuts it to its present length. */
static int keep(int file, const char *name, unsigned char *marks) {
    char to[PATH_MAX], block[BLOCK];
    struct stat found;
    snprintf(to, sizeof to, "%s/%s", kept, name);
    int copy = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT, 0600);
    if (copy < 0 || fstat(file, &found)) return -1;
    for (int64_t i = 0; i < BLOCKS_MAX && i * BLOCK < found.st_size; i++) {
        if (!marks[i]) continue;
        ssize_t got = syscall(SYS_pread64, file, block, sizeof block, i * BLOCK);
        if (got > 0 && syscall(SYS_pwrite64, copy, block, got, i * BLOCK) != got) abort();
    }
    if (syscall(SYS_ftruncate, copy, found.st_size)) abort();
    return close(copy);
}

static int sync_file(int file) {
    char path[PATH_MAX];
    const char *name = name_of(file, path);
    if (!name) return 0;
    int outcome = 0;
    pthread_mutex_lock(&lock);
    unsigned char *marks = marks_of(name);
    if (chance(control->lost_syncs)) {
        outcome = -1;
    } else {
        /* Not every file can be read through the descriptor that writes it. */
        int again = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
        if (again >= 0) {
            outcome = keep(again, name, marks);
            close(again);
        }
    }
    /* Of what could not be taken to the disk the kernel says from now on that it is there: nobody will write it again. */
    memset(marks, 0, BLOCKS_MAX);
    pthread_mutex_unlock(&lock);
    if (outcome) errno = EIO;
    return outcome;
}

int fsync(int file) { return sync_file(file); }

int fdatasync(int file) { return sync_file(file); }

int clock_gettime(clockid_t clock, struct timespec *time) {
    int outcome = (int)syscall(SYS_clock_gettime, clock, time);
    if (outcome == 0 && clock == CLOCK_REALTIME) {
        int64_t us = time->tv_sec * 1000000LL + time->tv_nsec / 1000 + control->clock_us;
        time->tv_sec = us / 1000000;
        time->tv_nsec = us % 1000000 * 1000 + time->tv_nsec % 1000;
    }
    return outcome;
}

int open64(const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    const char *real = start && !strcmp(path, START) ? start : path;
    return (int)syscall(SYS_openat, AT_FDCWD, real, flags, mode);
}
