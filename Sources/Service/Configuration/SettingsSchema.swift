/// The JSON Schema of `tocsin.yaml`, for editors and for `tocsin config schema`.
package enum SettingsSchema {
    /// JSON Schema draft 2020-12.
    package static let json = """
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "title": "tocsin.yaml",
          "type": "object",
          "additionalProperties": false,
          "$defs": {
            "duration": {"type": "string", "pattern": "^([0-9]+(y|w|d|h|m|s|ms))+$"},
            "bytes": {"type": ["string", "integer"]},
            "address": {"type": "string", "pattern": "^.*:[0-9]+$"}
          },
          "properties": {
            "server": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "listen": {"$ref": "#/$defs/address", "default": "127.0.0.1:9467", "description": "HOST:PORT to serve HTTP on"},
                "external_url": {"type": "string", "description": "the address that links in pages begin with"},
                "max_connections": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 10000, "description": "connections at once; one more is answered 503"},
                "tls": {"type": ["object", "null"], "description": "not in this version yet"},
                "tokens_file": {"type": ["string", "null"], "description": "not in this version yet"}
              }
            },
            "rules": {"type": "array", "items": {"type": "string"}, "default": ["AlertRules"], "description": "rule files or folders"},
            "dashboards": {"type": "array", "items": {"type": "string"}, "description": "Grafana dashboards, JSON files or folders, whose series are pulled from CloudWatch too"},
            "store": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "path": {"type": "string", "default": "var/tocsin", "description": "folder for the state file and the samples"},
                "retention": {"$ref": "#/$defs/duration", "default": "6h", "description": "how long samples stay in the rings"},
                "long_window_max": {"$ref": "#/$defs/duration", "default": "35d", "description": "how long series stay at most, thinned, that a rule reads further back than retention; 0s: none do"},
                "max_series": {"type": "integer", "default": 500000, "description": "over it new series are refused, old ones go on"},
                "reserved_series_percent": {"type": "integer", "minimum": 0, "maximum": 50, "default": 5, "description": "the part of max_series that only recording rules and log metrics may take"},
                "max_series_per_metric": {"type": "integer", "description": "series of one metric name at most; default: max_series"},
                "max_series_per_source": {"type": "integer", "description": "new series of one source at most; default: max_series"},
                "max_memory": {"$ref": "#/$defs/bytes", "default": "2GiB", "description": "memory of the metric rings"},
                "start_runs_max": {"type": "integer", "minimum": 1, "maximum": 100000, "default": 128, "description": "runs of samples with one start timestamp that are told apart for one series; past it the oldest samples have none"},
                "samples_on_disk": {"type": "boolean", "default": true, "description": "samples survive a restart; false: they live in memory alone"},
                "commit_interval": {"type": "string", "pattern": "^(always|([0-9]+(m|s|ms))+)$", "default": "1s", "description": "how much of the samples may be lost with the machine's power, 10ms to 1m; always: a batch is synced before it is acknowledged"},
                "on_corruption": {"enum": ["stop", "cut"], "default": "stop", "description": "when the middle of the sample log is damaged: do not start, or end the log there and put the rest aside"},
                "logs": {
                  "type": "object",
                  "additionalProperties": false,
                  "properties": {
                    "max_memory": {"$ref": "#/$defs/bytes", "default": "256MiB", "description": "memory of the log rings"},
                    "retention": {"$ref": "#/$defs/duration", "default": "1h", "description": "how long log records stay"}
                  }
                }
              }
            },
            "evaluation": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "interval": {"$ref": "#/$defs/duration", "default": "15s", "description": "for groups that name no interval"},
                "settle": {"$ref": "#/$defs/duration", "description": "how much earlier than now rules on CloudWatch series are judged; default: as long as samples take to arrive"},
                "grace_after_start": {"$ref": "#/$defs/duration", "default": "120s", "description": "how long after a start absence is not judged"}
              }
            },
            "state": {"const": "sqlite", "default": "sqlite"},
            "samples": {"const": "embedded", "default": "embedded"},
            "sources": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "cloudwatch": {
                  "type": "array",
                  "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["regions"],
                    "properties": {
                      "regions": {"type": "array", "items": {"type": "string"}},
                      "role_arn": {"type": ["string", "null"], "description": "a role to assume in the account"},
                      "external_id": {"type": ["string", "null"]},
                      "endpoint": {"type": ["string", "null"], "description": "another address than AWS's own"},
                      "period": {"$ref": "#/$defs/duration", "default": "60s"},
                      "delay": {"$ref": "#/$defs/duration", "description": "how long after a period's end it is first asked for; default: the namespace's own"},
                      "reread": {"$ref": "#/$defs/duration", "description": "how far back each poll reads again; default: the namespace's own"},
                      "account_id": {"type": ["string", "null"], "description": "for the account_id label; default: that of the role or of the credentials"},
                      "budget_usd_per_month": {"type": "number", "description": "all regions together: polls slow down to stay under it, P4 first; no limit without it"},
                      "prices": {
                        "type": "object",
                        "additionalProperties": false,
                        "properties": {
                          "metrics_per_1000": {"type": "number", "default": 0.01, "description": "US dollars for 1,000 metrics of GetMetricData"},
                          "requests_per_1000": {"type": "number", "default": 0.01, "description": "US dollars for 1,000 requests of GetMetricStatistics and ListMetrics beyond the free ones"},
                          "free_requests": {"type": "integer", "default": 1000000, "description": "such requests that the account has free in a month; 0 when its other tools use them up"}
                        }
                      },
                      "metric_statistics": {"type": "boolean", "default": true, "description": "use GetMetricStatistics where it is cheaper; false: GetMetricData alone"},
                      "lookups": {"type": "boolean", "default": true, "description": "look up max_connections, instance memory and node maxima while rules read them"},
                      "lookup_endpoint": {"type": ["string", "null"], "description": "another address than AWS's own for RDS, EC2 and Auto Scaling; with endpoint alone nothing is looked up"},
                      "namespaces": {"type": "array", "items": {"type": "string"}, "description": "namespaces beside AWS's well-known ones, such as MyApp"},
                      "list_refresh": {"$ref": "#/$defs/duration", "default": "15m", "description": "how often the list of metrics is renewed"},
                      "backfill_max": {"$ref": "#/$defs/duration", "default": "6h", "description": "how far back a series is read the first time or after an outage"},
                      "max_metrics": {"type": "integer", "default": 5000, "description": "metrics polled in one region; beyond it the least important are left out"}
                    }
                  }
                },
                "firehose": {
                  "type": ["object", "null"],
                  "additionalProperties": false,
                  "required": ["access_key_file"],
                  "properties": {
                    "access_key_file": {"type": "string", "description": "a file with the access key of the Firehose stream's HTTP endpoint; several, one a line, while it is changed"},
                    "arrival": {"$ref": "#/$defs/duration", "default": "5m", "description": "how long after the start of its period a sample has arrived; rules on CloudWatch series are judged that much earlier than now"},
                    "revision_window": {"$ref": "#/$defs/duration", "default": "2h", "description": "how much older than its series' newest sample one may be and still be taken or revised"},
                    "fill_zeros": {"type": "boolean", "default": true, "description": "write 0 for counters of load balancers that are silent when they are zero"},
                    "max_body": {"$ref": "#/$defs/bytes", "default": "64MiB", "description": "a request as it comes"},
                    "max_decoded": {"$ref": "#/$defs/bytes", "default": "64MiB", "description": "a request after decompression"},
                    "max_records": {"type": "integer", "default": 10000, "description": "records of a request"},
                    "max_record": {"$ref": "#/$defs/bytes", "default": "1MiB", "description": "a record"},
                    "max_unpacked": {"$ref": "#/$defs/bytes", "default": "128MiB", "description": "all compressed records of a request after decompression"},
                    "max_points": {"type": "integer", "minimum": 1000, "default": 250000, "description": "data points and log events of a request"},
                    "max_depth": {"type": "integer", "minimum": 4, "maximum": 64, "default": 16, "description": "containers within containers of a record's JSON"},
                    "max_dimensions": {"type": "integer", "default": 30, "description": "dimensions of a metric; a point with more is refused"},
                    "max_metrics": {"type": "integer", "minimum": 1000, "default": 100000, "description": "metrics whose series are remembered; those of others are found anew each time"},
                    "log_ids": {"type": "integer", "minimum": 1000, "default": 500000, "description": "log events that are remembered, so that one sent again is not counted twice"}
                  }
                },
                "forward": {
                  "type": ["object", "null"],
                  "additionalProperties": false,
                  "properties": {
                    "listen": {"$ref": "#/$defs/address", "default": "127.0.0.1:24224"},
                    "host_name": {"type": "string", "default": "tocsin", "description": "what senders are told that this server is called; a sender of the same name refuses it"},
                    "shared_key_file": {"type": ["string", "null"], "description": "a file with the shared key; without it, and without clients, there is no handshake"},
                    "users": {
                      "type": "array",
                      "description": "who may log in; with any, every sender must",
                      "items": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["name", "password_file"],
                        "properties": {
                          "name": {"type": "string"},
                          "password_file": {"type": "string"}
                        }
                      }
                    },
                    "clients": {
                      "type": "array",
                      "description": "senders by network; the first that holds an address decides",
                      "items": {
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["network"],
                        "properties": {
                          "network": {"type": "string", "description": "such as 10.0.0.0/8, or an address"},
                          "shared_key_file": {"type": ["string", "null"], "description": "their own key; default: the common one"},
                          "users": {"type": "array", "items": {"type": "string"}, "description": "who may log in from there; default: all users"}
                        }
                      }
                    },
                    "allow_anonymous_source": {"type": "boolean", "default": true, "description": "whether senders from no network of clients may come"},
                    "tls": {
                      "type": ["object", "null"],
                      "additionalProperties": false,
                      "properties": {
                        "cert_file": {"type": ["string", "null"], "description": "the certificate in PEM, its own first; read again when it changes"},
                        "key_file": {"type": ["string", "null"], "description": "its key in PEM, without a pass phrase"},
                        "client_ca_file": {"type": ["string", "null"], "description": "senders must have a certificate of one of these authorities"}
                      }
                    },
                    "keepalive": {"type": "boolean", "default": true, "description": "false: a connection ends after its message"},
                    "idle_timeout": {"$ref": "#/$defs/duration", "default": "0s", "description": "how long a connection may say nothing between messages; 0s: for ever"},
                    "handshake_timeout": {"$ref": "#/$defs/duration", "default": "10s"},
                    "message_timeout": {"$ref": "#/$defs/duration", "default": "60s", "description": "from the first byte of a message to its last"},
                    "max_message": {"$ref": "#/$defs/bytes", "default": "32MiB", "description": "a longer message is dropped and not acknowledged"},
                    "max_decompressed": {"$ref": "#/$defs/bytes", "default": "64MiB", "description": "of a compressed message"},
                    "max_decoded": {"$ref": "#/$defs/bytes", "default": "256MiB", "description": "memory of the records of one message, by estimate"},
                    "max_entries": {"type": "integer", "minimum": 1, "maximum": 100000000, "default": 1000000, "description": "entries of one message"},
                    "max_depth": {"type": "integer", "minimum": 1, "maximum": 200, "default": 32, "description": "maps and lists within each other; a deeper record is dropped"},
                    "max_chunk_id": {"type": "integer", "minimum": 16, "maximum": 65536, "default": 256, "description": "bytes of a chunk id"},
                    "max_buffered": {"$ref": "#/$defs/bytes", "default": "128MiB", "description": "what all connections together may hold back"},
                    "max_connections": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 10000},
                    "max_connections_per_peer": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 1000, "description": "from one address"},
                    "remembered_chunks": {"type": "integer", "minimum": 1, "maximum": 10000000, "default": 65536, "description": "chunks that are known when they are sent again"}
                  }
                },
                "scrape": {
                  "type": ["object", "null"],
                  "additionalProperties": false,
                  "properties": {
                    "prometheus_files": {"type": "array", "items": {"type": "string"}, "description": "Prometheus's own files, unchanged; their global and scrape_configs are read"},
                    "global": {"type": "object", "description": "as in Prometheus's file: scrape_interval, scrape_timeout and limits"},
                    "scrape_configs": {"type": "array", "items": {"type": "object", "required": ["job_name"]}, "description": "as in Prometheus's file"},
                    "max_concurrent": {"type": "integer", "default": 256, "description": "scrapes under way at once"},
                    "max_targets": {"type": "integer", "default": 20000, "description": "targets of all jobs; over it the later ones are left out"},
                    "max_body": {"$ref": "#/$defs/bytes", "default": "64MiB", "description": "a page, unpacked, of a job without body_size_limit"}
                  }
                },
                "elasticsearch": {
                  "type": "array",
                  "maxItems": 62,
                  "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["index"],
                    "properties": {
                      "name": {"type": "string", "description": "the source's name, which its position is kept under; default: index"},
                      "url": {"type": "string", "pattern": "^https?://", "description": "address of the cluster"},
                      "urls": {"type": "array", "items": {"type": "string", "pattern": "^https?://"}, "description": "addresses of nodes of one cluster, in place of url"},
                      "index": {"type": "string", "description": "names and patterns of indices, aliases or data streams, such as logstash-*"},
                      "time_field": {"type": "string", "default": "@timestamp", "description": "a mapped date that documents are read in the order of"},
                      "query": {"type": ["string", "object", "null"], "description": "what documents must satisfy: a text in query_string's syntax, or a query of the Query DSL"},
                      "product": {"enum": ["auto", "elasticsearch", "opensearch"], "default": "auto", "description": "auto: GET / is asked"},
                      "tie_break": {"type": "string", "description": "a field that no two documents share; default: _shard_doc, or _id where that is not known"},
                      "interval": {"$ref": "#/$defs/duration", "default": "10s", "description": "between two reads"},
                      "overlap": {"$ref": "#/$defs/duration", "default": "2m", "description": "how far back each read looks again for documents that became searchable late"},
                      "delay": {"$ref": "#/$defs/duration", "default": "0s", "description": "how far behind the clock each read ends"},
                      "lookback": {"$ref": "#/$defs/duration", "default": "5m", "description": "how far back the first read begins"},
                      "page_size": {"type": "integer", "minimum": 1, "maximum": 10000, "default": 1000, "description": "documents a request"},
                      "max_documents": {"type": "integer", "minimum": 1000, "default": 500000, "description": "documents within overlap that are remembered, so that none is counted twice; over it the overlap is shorter"},
                      "keep_alive": {"$ref": "#/$defs/duration", "default": "1m", "description": "how long the cluster keeps a point in time between two requests"},
                      "timeout": {"$ref": "#/$defs/duration", "default": "30s", "description": "for one request"},
                      "max_answer": {"$ref": "#/$defs/bytes", "default": "64MiB", "description": "one answer; a longer one is asked for again in smaller pages"},
                      "max_decoded": {"$ref": "#/$defs/bytes", "default": "256MiB", "description": "memory of the documents of one answer, by estimate"},
                      "auth": {
                        "type": ["object", "null"],
                        "additionalProperties": false,
                        "properties": {
                          "basic": {"type": "object", "additionalProperties": false, "required": ["username", "password_file"], "properties": {"username": {"type": "string"}, "password_file": {"type": "string"}}},
                          "api_key_file": {"type": "string", "description": "a file with the key as it was shown, or as id:key"},
                          "bearer_token_file": {"type": "string"},
                          "sigv4": {
                            "type": "object",
                            "additionalProperties": false,
                            "properties": {
                              "service": {"enum": ["es", "aoss"], "default": "es", "description": "es: OpenSearch Service; aoss: OpenSearch Serverless"},
                              "region": {"type": "string", "description": "default: the environment's"},
                              "role_arn": {"type": ["string", "null"], "description": "a role to assume"},
                              "external_id": {"type": ["string", "null"]}
                            }
                          }
                        }
                      },
                      "tls": {
                        "type": ["object", "null"],
                        "additionalProperties": false,
                        "properties": {
                          "ca_file": {"type": "string", "description": "trusted certificates in PEM, in place of the system's"},
                          "cert_file": {"type": "string"},
                          "key_file": {"type": "string"},
                          "server_name": {"type": "string"},
                          "insecure_skip_verify": {"type": "boolean", "default": false}
                        }
                      }
                    }
                  }
                },
                "http_ingest": {
                  "type": "object",
                  "additionalProperties": false,
                  "properties": {
                    "remote_write": {"type": "boolean", "default": true, "description": "POST /api/v1/write"},
                    "max_body": {"$ref": "#/$defs/bytes", "default": "16MiB", "description": "a remote write or OTLP request as it comes"},
                    "max_decoded": {"$ref": "#/$defs/bytes", "default": "64MiB", "description": "a remote write or OTLP request after decompression"},
                    "otlp": {"type": "boolean", "default": true, "description": "OTLP logs (POST /v1/logs) and metrics (/v1/metrics, /otlp/v1/metrics, /api/v1/otlp/v1/metrics)"},
                    "otlp_max_decoded": {"$ref": "#/$defs/bytes", "default": "256MiB", "description": "memory of the records of one OTLP request, by estimate"},
                    "max_delta_series": {"type": "integer", "default": 100000, "description": "series that OTLP's delta points are added up for"},
                    "promote_resource_attributes": {"type": "array", "items": {"type": "string"}, "description": "resource attributes of OTLP that become labels"},
                    "bulk": {"type": "boolean", "default": true, "description": "Elasticsearch's _bulk, and GET / for its clients"},
                    "bulk_max_body": {"$ref": "#/$defs/bytes", "default": "100MiB", "description": "a bulk request as it comes"},
                    "bulk_max_decompressed": {"$ref": "#/$defs/bytes", "default": "256MiB", "description": "a compressed bulk request after decompression"},
                    "bulk_max_decoded": {"$ref": "#/$defs/bytes", "default": "512MiB", "description": "memory of the documents of one bulk request and their answer, by estimate"},
                    "bulk_ids": {"type": "integer", "minimum": 1000, "default": 500000, "description": "ids that are remembered, so that a document sent again is not counted twice"},
                    "elasticsearch_version": {"type": "string", "pattern": "^[0-9]+[.][0-9]+[.][0-9]+$", "default": "8.17.0", "description": "what Elasticsearch's clients are told"}
                  }
                },
                "write_relabel_configs": {"type": "array", "items": {"type": "object"}, "description": "relabel rules, as Prometheus has them, for series that are pushed here"},
                "max_clock_skew": {"$ref": "#/$defs/duration", "default": "10m", "description": "a sample further ahead of this machine's clock is refused"},
                "max_samples_per_second": {"type": "integer", "description": "samples or records a second of one source; no limit without it"},
                "deploys": {
                  "type": ["object", "null"],
                  "additionalProperties": false,
                  "properties": {
                    "github_secret_file": {"type": ["string", "null"], "description": "a file with the secret of GitHub's webhooks; without it they are refused"},
                    "token_file": {"type": ["string", "null"], "description": "a file with the bearer token that other reports need; without it they need none"},
                    "kept": {"type": "integer", "minimum": 100, "default": 10000, "description": "releases kept, the newest"},
                    "max_services": {"type": "integer", "minimum": 1, "default": 1000, "description": "pairs of service and environment"}
                  }
                },
                "heartbeats": {"const": false}
              }
            },
            "incidents": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "file": {"type": "string", "default": "AlertRules/oncall.yaml", "description": "receivers, people, schedules, escalation"}
              }
            }
          }
        }

        """
}
