// generate: writes a load file of Prometheus remote write 1.0 bodies (protobuf in snappy's block format).
//
//   generate service|objective OUT [--series N] [--per-body N] [--steps N] [--skip N] [--tail N]
//            [--step-ms N] [--end-ms N]
//
// `service`: pods of 20 series (requests by code, a latency histogram, gauges), 5 pods a service, so 100 series a
// service. `objective`: two counters a service, for burn-rate rules with a long history.
// A long load may be cut into files: --skip steps go before this file's and --tail steps after it; the values go on
// from file to file, and the last step of all has the time --end-ms (now by default).
#include <inttypes.h>
#include <snappy-c.h>
#include <string.h>

#include "load.h"

enum { SERIES_PER_POD = 20, SERIES_PER_SERVICE = 100, COUNTERS = 6, BUCKETS = 7, LABELS_MAX = 1024 };

static const char *namespaces[] = {"payments", "checkout", "search",   "identity",
                                   "catalog",  "shipping", "platform", "data"};
static const char *bounds[BUCKETS] = {"0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"};
static const char *methods[] = {"GET", "POST"};
static const char *statuses[] = {"200", "404", "500"};
static const char *gauges[] = {
    "container_cpu_usage_seconds_total",      "container_memory_working_set_bytes",
    "kube_pod_container_status_restarts_total", "aws_alb_target_response_time_average",
    "aws_rds_cpu_utilization_average",        "up",
    "node_load1",
};

static uint64_t random_state = 0x9E3779B97F4A7C15ull;

static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static char *put_varint(char *out, uint64_t value) {
    for (; value >= 128; value >>= 7) *out++ = (char)(value | 128);
    *out++ = (char)value;
    return out;
}

// A label message; all names and values here are shorter than 100 bytes, so lengths take one byte each.
static char *put_label(char *out, const char *name, const char *value) {
    size_t name_length = strlen(name), value_length = strlen(value);
    *out++ = 0x0A;
    out = put_varint(out, name_length + value_length + 4);
    *out++ = 0x0A;
    *out++ = (char)name_length;
    memcpy(out, name, name_length);
    out += name_length;
    *out++ = 0x12;
    *out++ = (char)value_length;
    memcpy(out, value, value_length);
    return out + value_length;
}

static char *objective_labels(char *out, uint32_t index) {
    char service[32];
    snprintf(service, sizeof service, "svc-%05u", index / 2);
    out = put_label(out, "__name__", "slo_requests_total");
    out = put_label(out, "code", index % 2 ? "err" : "ok");
    out = put_label(out, "job", "slo-exporter");
    out = put_label(out, "namespace", namespaces[index / 2 % 8]);
    return put_label(out, "service", service);
}

static char *service_labels(char *out, uint32_t index) {
    uint32_t pod = index / SERIES_PER_POD, kind = index % SERIES_PER_POD;
    uint32_t service = index / SERIES_PER_SERVICE, hash = pod * 2654435761u;
    int is_counter = kind < COUNTERS, is_bucket = !is_counter && kind < COUNTERS + BUCKETS;
    char service_name[32], pod_name[64], instance[64];
    snprintf(service_name, sizeof service_name, "svc-%05u", service);
    snprintf(pod_name, sizeof pod_name, "svc-%05u-%08x-%05x", service, (service + 7) * 2246822519u,
             hash >> 12);
    snprintf(instance, sizeof instance, "10.%u.%u.%u:9100", hash >> 24 & 255, hash >> 16 & 255,
             hash >> 8 & 255);
    out = put_label(out, "__name__",
                    is_counter  ? "http_requests_total"
                    : is_bucket ? "http_request_duration_seconds_bucket"
                                : gauges[kind - COUNTERS - BUCKETS]);
    out = put_label(out, "container", "app");
    out = put_label(out, "instance", instance);
    out = put_label(out, "job",
                    is_counter || is_bucket ? "eks-pods"
                    : kind == 16            ? "aws-alb"
                    : kind == 17            ? "aws-rds"
                                            : "kubelet");
    if (is_bucket) out = put_label(out, "le", bounds[kind - COUNTERS]);
    if (is_counter) out = put_label(out, "method", methods[kind / 3]);
    out = put_label(out, "namespace", namespaces[service % 8]);
    out = put_label(out, "pod", pod_name);
    out = put_label(out, "service", service_name);
    if (is_counter) out = put_label(out, "status", statuses[kind % 3]);
    return out;
}

// The next value of every series: counters grow, buckets are cumulative, gauges wander.
static void advance(double *values, uint32_t series, int is_objective) {
    double cumulated = 0;
    for (uint32_t index = 0; index < series; index++) {
        uint64_t random = next_random();
        uint32_t kind = index % SERIES_PER_POD;
        double *value = &values[index];
        if (is_objective) {
            *value += index % 2 ? (random & 31) == 0 : 20 + (double)(random & 63);
            continue;
        }
        if (kind < COUNTERS) {
            *value += kind % 3 == 0   ? 30 + (double)(random & 127)
                      : kind % 3 == 1 ? (double)(random & 3)
                                      : (random & 15) == 0;
        } else if (kind < COUNTERS + BUCKETS) {
            int is_first = kind == COUNTERS, is_last = kind == COUNTERS + BUCKETS - 1;
            cumulated = (is_first ? 0 : cumulated) + (is_last ? 1 : (double)(random & 31));
            *value += cumulated;
        } else {
            switch (kind) {
                case 13: *value += (double)(random & 1023) / 100; break;
                case 14:
                    if (random & 1) *value = 2e8 + (double)(random >> 8 & 0xFFFF) * 4096;
                    break;
                case 15: *value += (random & 4095) == 0; break;
                case 16: *value = (double)(20 + random % 180) / 1000; break;
                case 17: *value = (double)(random % 9000) / 100; break;
                case 18: *value = 1; break;
                default: *value = (double)(random % 800) / 100; break;
            }
        }
    }
}

static char *put_series(char *out, const char *labels, uint32_t length, double value, int64_t time) {
    char sample[24], *end = sample;
    *end++ = 0x09;
    memcpy(end, &value, 8);
    end = put_varint(end + 8, 0x10);
    end = put_varint(end, (uint64_t)time);
    uint32_t sample_length = (uint32_t)(end - sample);
    *out++ = 0x0A;
    out = put_varint(out, length + 2 + sample_length);
    memcpy(out, labels, length);
    out += length;
    *out++ = 0x12;
    *out++ = (char)sample_length;
    memcpy(out, sample, sample_length);
    return out + sample_length;
}

static void write_record(FILE *file, const char *body, record_header header) {
    if (fwrite(&header, sizeof header, 1, file) != 1 ||
        fwrite(body, header.length, 1, file) != 1) {
        perror("write");
        exit(1);
    }
}

int main(int count, char **arguments) {
    int is_objective = count > 1 && strcmp(arguments[1], "objective") == 0;
    if (count < 3 || (!is_objective && strcmp(arguments[1], "service") != 0)) {
        fprintf(stderr, "usage: generate service|objective OUT [--series N] [--per-body N] [--steps N] "
                        "[--skip N] [--tail N] [--step-ms N] [--end-ms N]\n");
        return 2;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t series = 100000, per_body = 2000, steps = 40, skip = 0, tail = 0, step_ms = 15000;
    int64_t end_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    struct {
        const char *name;
        int64_t *value;
    } options[] = {{"--series", &series}, {"--per-body", &per_body}, {"--steps", &steps},
                   {"--skip", &skip},     {"--tail", &tail},         {"--step-ms", &step_ms},
                   {"--end-ms", &end_ms}};
    for (int index = 3; index < count; index += 2) {
        int64_t *value = NULL;
        for (size_t each = 0; each < sizeof options / sizeof *options; each++)
            if (strcmp(options[each].name, arguments[index]) == 0) value = options[each].value;
        if (!value || index + 1 == count) {
            fprintf(stderr, "generate: unknown option or missing value: %s\n", arguments[index]);
            return 2;
        }
        *value = atoll(arguments[index + 1]);
    }
    if (series < 1 || series > 50000000 || per_body < 1 || per_body > 100000) {
        fprintf(stderr, "generate: --series 1...50000000, --per-body 1...100000\n");
        return 2;
    }
    FILE *file = fopen(arguments[2], "wb");
    if (!file) {
        perror(arguments[2]);
        return 1;
    }
    setvbuf(file, NULL, _IOFBF, 1 << 20);

    // The labels of a series are the same in each body, so they are encoded once, one behind the other.
    size_t labels_room = (size_t)series * 512;
    char *labels = room_for(labels_room + LABELS_MAX), *labels_end = labels;
    uint32_t *lengths = room_for((size_t)series * sizeof *lengths);
    double *values = room_for((size_t)series * sizeof *values);
    for (uint32_t index = 0; index < series; index++) {
        char *start = labels_end;
        labels_end = is_objective ? objective_labels(start, index) : service_labels(start, index);
        lengths[index] = (uint32_t)(labels_end - start);
        values[index] = is_objective ? 0 : (double)(next_random() & 0xFFFFF);
    }
    for (int64_t step = 0; step < skip; step++) advance(values, (uint32_t)series, is_objective);

    size_t body_room = (size_t)per_body * (LABELS_MAX + 64);
    char *body = room_for(body_room), *packed = room_for(snappy_max_compressed_length(body_room));
    uint64_t body_bytes = 0, packed_bytes = 0, bodies = 0;
    for (int64_t step = 0; step < steps; step++) {
        advance(values, (uint32_t)series, is_objective);
        int64_t time = end_ms - (steps + tail - 1 - step) * step_ms;
        const char *label = labels;
        uint32_t shard = 0;
        for (uint32_t index = 0; index < series; shard++) {
            char *end = body;
            uint32_t samples = 0;
            for (; samples < per_body && index < series; samples++, index++) {
                end = put_series(end, label, lengths[index], values[index], time);
                label += lengths[index];
            }
            size_t packed_length = snappy_max_compressed_length((size_t)(end - body));
            if (snappy_compress(body, (size_t)(end - body), packed, &packed_length) != SNAPPY_OK) {
                fprintf(stderr, "generate: snappy failed\n");
                return 1;
            }
            write_record(file, packed,
                         (record_header){(uint32_t)packed_length, samples, (uint32_t)(step + skip), shard});
            body_bytes += (uint64_t)(end - body);
            packed_bytes += packed_length;
            bodies++;
        }
    }
    printf("{\"bodies\": %" PRIu64 ", \"samples\": %" PRId64 ", \"body_bytes\": %" PRIu64
           ", \"packed_bytes\": %" PRIu64 "}\n",
           bodies, series * steps, body_bytes, packed_bytes);
    if (fclose(file) != 0) {
        perror(arguments[2]);
        return 1;
    }
    return 0;
}
