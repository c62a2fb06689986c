// probe: asks one question over one keep-alive connection again and again, and times the whole answers.
//
//   probe PATH --port N [--times 100] [--core N]
//
// Prints one JSON object and after it, on the next line, the last answer's body.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "load.h"

enum { TIMES_MAX = 100000, SECONDS_MAX = 60 };

static char *answer;
static size_t answer_room = 1 << 20, answer_length;

// Reads more; ends the program when there is no more.
static void read_more(int descriptor) {
    if (answer_length + 1 == answer_room) {
        answer_room *= 2;
        answer = realloc(answer, answer_room);
        if (!answer) exit(1);
    }
    ssize_t got = read(descriptor, answer + answer_length, answer_room - 1 - answer_length);
    if (got <= 0) {
        fprintf(stderr, "probe: the server closed the connection or took longer than %d s\n", SECONDS_MAX);
        exit(1);
    }
    answer_length += (size_t)got;
    answer[answer_length] = 0;
}

// Reads one whole answer; gives where its body begins.
static size_t read_answer(int descriptor) {
    answer_length = 0;
    answer[0] = 0;
    char *head_end;
    while (!(head_end = strstr(answer, "\r\n\r\n"))) read_more(descriptor);
    size_t body = (size_t)(head_end - answer) + 4;
    char *length = strcasestr(answer, "\r\nContent-Length:");
    char *chunked = strcasestr(answer, "\r\nTransfer-Encoding: chunked");
    if (chunked && chunked < head_end) {
        while (answer_length < body + 5 || memcmp(answer + answer_length - 5, "0\r\n\r\n", 5) != 0)
            read_more(descriptor);
    } else {
        size_t wanted = length && length < head_end ? (size_t)atol(length + 17) : 0;
        while (answer_length < body + wanted) read_more(descriptor);
    }
    return body;
}

// Prints a body, without the sizes that stand between its chunks.
static void print_body(char *body, char *end, int is_chunked) {
    while (is_chunked && body < end) {
        size_t size = strtoul(body, &body, 16);
        body += 2;
        if (size == 0) break;
        fwrite(body, 1, size, stdout);
        body += size + 2;
    }
    if (!is_chunked) fwrite(body, 1, (size_t)(end - body), stdout);
    fputc('\n', stdout);
}

int main(int count, char **arguments) {
    long port = 0, times = 100, core = -1;
    for (int index = 2; index + 1 < count; index += 2) {
        if (strcmp(arguments[index], "--port") == 0) port = atol(arguments[index + 1]);
        else if (strcmp(arguments[index], "--times") == 0) times = atol(arguments[index + 1]);
        else if (strcmp(arguments[index], "--core") == 0) core = atol(arguments[index + 1]);
        else port = 0;
    }
    if (count < 4 || count % 2 || port <= 0 || times < 1 || times > TIMES_MAX) {
        fprintf(stderr, "usage: probe PATH --port N [--times 1...%d] [--core N]\n", TIMES_MAX);
        return 2;
    }
    pin_to((int)core);
    answer = room_for(answer_room);
    double *latencies = room_for((size_t)times * sizeof *latencies);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval patience = {.tv_sec = SECONDS_MAX};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (descriptor < 0 || connect(descriptor, (void *)&address, sizeof address) != 0) {
        perror("connect");
        return 1;
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    size_t request_room = strlen(arguments[1]) + 128;
    char *request = room_for(request_room);
    size_t request_length = (size_t)snprintf(
        request, request_room, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%ld\r\n\r\n", arguments[1], port);
    size_t body = 0;
    int status = 0;
    for (long index = 0; index < times; index++) {
        double began = now_seconds();
        if (write(descriptor, request, request_length) != (ssize_t)request_length) {
            perror("write");
            return 1;
        }
        body = read_answer(descriptor);
        latencies[index] = (now_seconds() - began) * 1e3;
        status = atoi(answer + 9);
    }
    qsort(latencies, (size_t)times, sizeof *latencies, compare_doubles);
    char *chunked = strcasestr(answer, "\r\nTransfer-Encoding: chunked");
    printf("{\"status\": %d, \"min_ms\": %.4f, \"p50_ms\": %.4f, \"p95_ms\": %.4f, \"times\": %ld}\n", status,
           latencies[0], latencies[times / 2], latencies[times * 95 / 100], times);
    print_body(answer + body, answer + answer_length, chunked && chunked < answer + body);
    return 0;
}
