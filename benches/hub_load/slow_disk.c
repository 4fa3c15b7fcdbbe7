/* A disk that takes its time: each fdatasync of the program and of those it starts ends 4.8 ms later.
 *
 *     cc -shared -fPIC -O2 -o target/slow_disk.so benches/hub_load/slow_disk.c
 *     LD_PRELOAD=$PWD/target/slow_disk.so target/release/deps/hub_load-* --hub=$PWD/target/release/longwire durable
 *
 * Injected by a tracer, the delay would come with one at every system call.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int fdatasync(int fd)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    struct timespec more = {0, 4800000};
    int done = next(fd);
    nanosleep(&more, 0);
    return done;
}
