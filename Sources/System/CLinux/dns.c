#define _GNU_SOURCE
#include "dns.h"

#include <netdb.h>
#include <netinet/in.h>
#include <arpa/nameser.h>
#include <resolv.h>
#include <string.h>

int tocsin_dns_query(const char *name, int type, unsigned char *answer, int size) {
    struct __res_state state;
    memset(&state, 0, sizeof state);
    if (res_ninit(&state) != 0) return -NO_RECOVERY;
    int length = res_nsearch(&state, name, ns_c_in, type, answer, size);
    int reason = state.res_h_errno;
    res_nclose(&state);
    if (length < 0) return reason > 0 ? -reason : -NO_RECOVERY;
    return length < size ? length : size;
}
