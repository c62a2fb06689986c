#pragma once
// What Glibc's Swift module does not expose: epoll, eventfd, timerfd, signalfd and a few calls beside them.
#include <malloc.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "crc32c.h"
#include "dns.h"
#include "filestamp.h"

/// accept4 with SOCK_NONBLOCK | SOCK_CLOEXEC; a descriptor, or -errno.
int tocsin_accept_nonblocking(int listener, struct sockaddr *address, socklen_t *length);

/// Names the calling thread for ps and gdb (15 bytes are kept).
void tocsin_name_thread(const char *name);

/// epoll's user data is a union; these read and write its 64-bit member.
static inline uint64_t tocsin_epoll_tag(const struct epoll_event *event) { return event->data.u64; }
static inline struct epoll_event tocsin_epoll_event(uint32_t events, uint64_t tag) {
    struct epoll_event event = {.events = events, .data = {.u64 = tag}};
    return event;
}

static inline void tocsin_prefetch(const void *address) { __builtin_prefetch(address); }
