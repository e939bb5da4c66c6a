/* LD_PRELOAD: makes every fsync and fdatasync slower by SLOW_FSYNC_US microseconds, as on an SD card. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int slowly(const char *name, int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *delay = getenv("SLOW_FSYNC_US");
    usleep(delay ? (useconds_t)atoi(delay) : 5000);
    return real(fd);
}

int fsync(int fd) { return slowly("fsync", fd); }
int fdatasync(int fd) { return slowly("fdatasync", fd); }
