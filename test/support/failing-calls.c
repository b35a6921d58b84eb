/* Loaded into an agent by LD_PRELOAD: makes one call to the kernel fail.
 *
 * Counted are bpf(2), what goes through netlink sockets, and the calls on files below the folders of
 * ENCAP_FAILING_PATHS (parted by colons), in the order in which they come. The file of
 * ENCAP_FAILING_CONTROL is shared with the test: a struct control. Nothing else is touched, and
 * child processes are not counted.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* In the order of its bytes; host order. */
struct control {
	uint32_t at;     /* the number of the call that fails, from 1; 0: none */
	int32_t error;   /* its errno; 0: the process is killed in its place */
	uint32_t paused; /* calls are not counted while the test looks around */
	uint32_t count;  /* how many there were */
	uint32_t failed; /* how many were made to fail */
	char what[108];  /* which one that was */
};
_Static_assert(sizeof(struct control) == 128, "failing-calls.ts knows the size");

static struct control *control;
static char *folders[16];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The C library's own; looked for once. */
#define REAL(name)                                                     \
	({                                                             \
		static __typeof__(&name) real;                         \
		if (!real)                                             \
			real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
		real;                                                  \
	})

__attribute__((constructor)) static void begin(void)
{
	const char *file = getenv("ENCAP_FAILING_CONTROL");
	char *paths = getenv("ENCAP_FAILING_PATHS");
	int fd = file ? (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC) : -1;
	size_t n = 0;

	unsetenv("LD_PRELOAD");
	if (fd < 0)
		return;
	paths = strdup(paths ? paths : "");
	for (char *part = strtok(paths, ":"); part && n < 15; part = strtok(NULL, ":"))
		folders[n++] = part;
	void *shared = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (shared != MAP_FAILED)
		control = shared;
}

/* Whether this call fails; errno says how. */
static int fails(const char *kind, const char *what)
{
	int error = -1;

	if (!control)
		return 0;
	pthread_mutex_lock(&lock);
	if (!control->paused && ++control->count == control->at) {
		control->failed++;
		snprintf(control->what, sizeof control->what, "%s %s", kind, what);
		error = control->error;
	}
	pthread_mutex_unlock(&lock);
	if (error == 0)
		raise(SIGKILL);
	if (error <= 0)
		return 0;
	errno = error;
	return 1;
}

static int is_ours(const char *path)
{
	for (size_t i = 0; path && i < 16 && folders[i]; i++)
		if (strncmp(path, folders[i], strlen(folders[i])) == 0)
			return 1;
	return 0;
}

static int path_fails(const char *call, const char *path)
{
	char what[100];

	if (!control || !is_ours(path))
		return 0;
	snprintf(what, sizeof what, "%s %s", call, path);
	return fails("file", what);
}

static int fd_fails(const char *call, int fd)
{
	char link[32], path[200];
	ssize_t length;

	if (!control)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof path - 1);
	if (length < 0)
		return 0;
	path[length] = 0;
	return path_fails(call, path);
}

static int netlink_fails(const char *call, int fd)
{
	int domain = 0;
	socklen_t size = sizeof domain;

	if (!control || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
		return 0;
	return domain == AF_NETLINK && fails("netlink", call);
}

long syscall(long number, ...)
{
	va_list list;
	long a[6];
	char what[32];

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_bpf) {
		snprintf(what, sizeof what, "command %ld", a[0]);
		if (fails("bpf", what))
			return -1;
	}
	if (number == SYS_statx && path_fails("statx", (const char *)a[1]))
		return -1;
	return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int socket(int domain, int type, int protocol)
{
	if (domain == AF_NETLINK && fails("netlink", "socket"))
		return -1;
	return REAL(socket)(domain, type, protocol);
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
	return netlink_fails("bind", fd) ? -1 : REAL(bind)(fd, address, size);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t length)
{
	return netlink_fails("sendto", fd) ? -1 : REAL(sendto)(fd, data, size, flags, to, length);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	return netlink_fails("send", fd) ? -1 : REAL(send)(fd, data, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return netlink_fails("sendmsg", fd) ? -1 : REAL(sendmsg)(fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	return netlink_fails("recvmsg", fd) ? -1 : REAL(recvmsg)(fd, message, flags);
}

/* open(2) takes its mode where it makes a file. */
#define OPEN(name)                                                     \
	int name(const char *path, int flags, ...)                     \
	{                                                              \
		va_list list;                                          \
		va_start(list, flags);                                 \
		mode_t mode = va_arg(list, mode_t);                    \
		va_end(list);                                          \
		return path_fails("open", path) ? -1 : REAL(name)(path, flags, mode); \
	}

OPEN(open)
OPEN(open64)

int mkdir(const char *path, mode_t mode)
{
	return path_fails("mkdir", path) ? -1 : REAL(mkdir)(path, mode);
}

int rename(const char *from, const char *to)
{
	return path_fails("rename", from) ? -1 : REAL(rename)(from, to);
}

int unlink(const char *path)
{
	return path_fails("unlink", path) ? -1 : REAL(unlink)(path);
}

int rmdir(const char *path)
{
	return path_fails("rmdir", path) ? -1 : REAL(rmdir)(path);
}

int access(const char *path, int mode)
{
	return path_fails("access", path) ? -1 : REAL(access)(path, mode);
}

int scandir64(const char *path, struct dirent64 ***names, int (*select)(const struct dirent64 *),
	      int (*compare)(const struct dirent64 **, const struct dirent64 **))
{
	return path_fails("scandir", path) ? -1 : REAL(scandir64)(path, names, select, compare);
}

int statfs64(const char *path, struct statfs64 *found)
{
	return path_fails("statfs", path) ? -1 : REAL(statfs64)(path, found);
}

int fsync(int fd)
{
	return fd_fails("fsync", fd) ? -1 : REAL(fsync)(fd);
}

ssize_t write(int fd, const void *data, size_t size)
{
	return fd_fails("write", fd) ? -1 : REAL(write)(fd, data, size);
}

ssize_t read(int fd, void *data, size_t size)
{
	return fd_fails("read", fd) ? -1 : REAL(read)(fd, data, size);
}
