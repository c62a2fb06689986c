"""A stand-in for Elasticsearch and OpenSearch as far as reading by points in time goes, as strict as their documents.

What the real ones refuse is refused here: an index in the path beside a point in time, parameters and keys that are
not known, sort values that do not fit the sort, fields without a mapping, wrong credentials. Signatures are computed anew
by botocore. Documents are searchable once they are refreshed, points in time are frozen, their ids change with each
answer, and a test may have any request fail.
"""

import base64
import datetime
import hashlib
import json
import re
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import botocore.auth
import botocore.awsrequest
import botocore.credentials
from harness import HOST


class Refusal(Exception):
    def __init__(self, status, type_, reason, headers=None, body=None):
        self.status, self.headers = status, headers or {}
        cause = {"type": type_, "reason": reason}
        self.body = body or {"error": {"root_cause": [cause], **cause}, "status": status}


def milliseconds(text):
    if isinstance(text, (int, float)):
        return int(text)
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


def basic(user, password):
    return {"kind": "basic", "value": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def api_key(identity, key):
    return {"kind": "api_key", "value": "ApiKey " + base64.b64encode(f"{identity}:{key}".encode()).decode()}


def sigv4(access_key, secret, region, service, token=None):
    return {
        "kind": "sigv4",
        "credentials": botocore.credentials.Credentials(access_key, secret, token),
        "region": region,
        "service": service,
    }


class Document:
    def __init__(self, index, id_, source, number):
        self.index, self.id, self.source, self.number = index, id_, source, number
        self.searchable = False


class SearchStandIn:
    """`product` is elasticsearch or opensearch; `rotates`: ids of points in time change with each answer."""

    SHARDS = 3

    def __init__(self, product="elasticsearch", version=None, auth=None, rotates=True, answers_root=True, port=0, tls=None):
        self.product = product
        self.version = version or ("8.17.0" if product == "elasticsearch" else "2.11.0")
        self.auth, self.rotates, self.answers_root = auth, rotates, answers_root
        self.lock = threading.RLock()
        self.documents = {}
        self.mappings = {}
        self.points = {}
        self.number = 0
        # What the next searches come to, in order: see `_fault`.
        self.faults = []
        self.requests = []
        self.opened = self.closed = self.refused = 0
        self.problems = []
        # Answers 403 to all that is asked, as for a key without privileges.
        self.forbids = self.stopped = False
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                stand_in._handle(self, body)

            do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = any

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass

        self.server = Server((HOST, port), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{HOST}:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        """Connections that are open break with their next request."""
        self.stopped = True
        self.server.shutdown()
        self.server.server_close()

    # What tests do

    def create(self, index, mapped=("@timestamp",)):
        with self.lock:
            self.mappings.setdefault(index, set()).update(mapped)
            self.documents.setdefault(index, [])

    def add(self, index, id_, source, refresh=True):
        """Indexes a document; searchable with the next refresh of it."""
        with self.lock:
            if index not in self.mappings:
                self.create(index)
            document = Document(index, id_, source, self.number)
            self.number += 1
            document.searchable = refresh
            self.documents[index].append(document)

    def refresh(self):
        with self.lock:
            for list_ in self.documents.values():
                for document in list_:
                    document.searchable = True

    def lose_points(self):
        with self.lock:
            self.points.clear()

    def all(self):
        with self.lock:
            return [document for list_ in self.documents.values() for document in list_]

    @property
    def open_points(self):
        with self.lock:
            now = time.monotonic()
            return sum(1 for point in self.points.values() if point["until"] > now)

    # HTTP

    def _handle(self, handler, body):
        status, headers, answer = 200, {}, None
        try:
            if self.stopped:
                raise ConnectionAbortedError
            with self.lock:
                self.requests.append((handler.command, handler.path, body))
                self._authorize(handler, body)
                answer = self._route(handler, body)
        except Refusal as refusal:
            status, headers, answer = refusal.status, refusal.headers, refusal.body
            self.refused += 1
        except ConnectionAbortedError:
            handler.close_connection = True
            handler.connection.close()
            return
        except Exception as error:  # a fault of the stand-in's own must not look like the real thing's
            self.problems.append(repr(error))
            status, answer = 500, {"error": {"type": "stand_in_exception", "reason": repr(error)}, "status": 500}
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        cut = isinstance(answer, bytes) and getattr(handler, "cut", False)
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        if self.product == "elasticsearch":
            handler.send_header("X-elastic-product", "Elasticsearch")
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(text) + (1000 if cut else 0)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(text)
        if cut:
            handler.close_connection = True

    def _authorize(self, handler, body):
        if self.forbids:
            raise Refusal(
                403,
                "security_exception",
                "action [indices:data/read/open_point_in_time] is unauthorized for API key id [k] on indices [logs-*]",
            )
        if not self.auth:
            return
        given = handler.headers.get("Authorization", "")
        if self.auth["kind"] == "sigv4":
            fault = self._signature_fault(handler, body, given)
            if fault:
                raise Refusal(403, "", "", body={"message": fault})
        elif given != self.auth["value"]:
            raise Refusal(
                401,
                "security_exception",
                "unable to authenticate with provided credentials",
                {"WWW-Authenticate": 'Basic realm="security" charset="UTF-8"'},
            )

    def _signature_fault(self, handler, body, given):
        """Computes the signature anew with botocore; None when it is the one that came."""
        match = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
            r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
            given,
        )
        if not match:
            return "Missing Authentication Token"
        key, day, region, service, names, signature = match.groups()
        if (region, service) != (self.auth["region"], self.auth["service"]):
            return f"Credential should be scoped to {self.auth['service']} in {self.auth['region']}"
        names = names.split(";")
        if "host" not in names or "x-amz-date" not in names:
            return "host and x-amz-date must be signed"
        digest = handler.headers.get("X-Amz-Content-SHA256")
        if service == "aoss" and "x-amz-content-sha256" not in names:
            return "x-amz-content-sha256 is required"
        if digest is not None and digest != hashlib.sha256(body).hexdigest():
            return "the digest is not the body's"
        moment = handler.headers["X-Amz-Date"]
        age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(
            tzinfo=datetime.timezone.utc
        )
        if abs(age.total_seconds()) > 300:
            return "Signature expired"
        token = self.auth["credentials"].token
        if token and handler.headers.get("X-Amz-Security-Token") != token:
            return "The security token included in the request is invalid"
        request = botocore.awsrequest.AWSRequest(
            method=handler.command,
            url=f"http://{handler.headers['Host']}{handler.path.split('?')[0]}",
            params=urllib.parse.parse_qsl(urllib.parse.urlsplit(handler.path).query, keep_blank_values=True),
            data=body,
            headers={name: handler.headers[name] for name in names},
        )
        request.context["timestamp"] = moment
        signer = botocore.auth.SigV4Auth(self.auth["credentials"], service, region)
        canonical = signer.canonical_request(request)
        expected = signer.signature(signer.string_to_sign(request, canonical), request)
        if key != self.auth["credentials"].access_key or expected != signature:
            return "The request signature we calculated does not match the signature you provided."
        return None

    def _route(self, handler, body):
        parts = urllib.parse.urlsplit(handler.path)
        parameters = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        path, method = urllib.parse.unquote(parts.path), handler.command
        elastic = self.product == "elasticsearch"
        if path == "/" and method in ("GET", "HEAD"):
            if not self.answers_root:
                raise Refusal(404, "", "", body={"message": "Not Found"})
            version = {"number": self.version, "build_flavor": "default", "lucene_version": "9.12.0"}
            if not elastic:
                version = {"distribution": "opensearch", "number": self.version}
            return {
                "name": "node-1",
                "cluster_name": "stand-in",
                "cluster_uuid": "u",
                "version": version,
                "tagline": "You Know, for Search" if elastic else "The OpenSearch Project: https://opensearch.org/",
            }
        open_path = "_pit" if elastic else "_search/point_in_time"
        if method == "POST" and path.endswith("/" + open_path) and path.count("/") >= 2 and path != "/" + open_path:
            allowed = {"keep_alive", "ignore_unavailable", "expand_wildcards", "preference", "routing"}
            allowed |= {"allow_partial_search_results"} if elastic else {"allow_partial_pit_creation"}
            self._known(path, parameters, allowed)
            return self._open(path[1 : -len(open_path) - 1], parameters, body)
        if method == "DELETE" and path == "/" + open_path:
            self._known(path, parameters, set())
            return self._close(json.loads(body))
        if method in ("POST", "GET") and path.endswith("/_search"):
            allowed = {
                "allow_partial_search_results", "ccs_minimize_roundtrips", "filter_path", "pretty", "request_cache",
                "rest_total_hits_as_int", "search_type", "timeout", "track_total_hits", "typed_keys", "size",
            }  # fmt: skip
            self._known(path, parameters, allowed)
            if path != "/_search":
                raise Refusal(
                    400,
                    "action_request_validation_exception",
                    "Validation Failed: 1: [indices] cannot be used with point in time. Do not specify any index with point in time.;",
                )
            return self._search(handler, parameters, json.loads(body))
        raise Refusal(
            405 if path.startswith("/_") else 400,
            "illegal_argument_exception",
            f"no handler found for uri [{handler.path}] and method [{method}]",
        )

    @staticmethod
    def _known(path, parameters, allowed):
        unknown = sorted(set(parameters) - allowed)
        if unknown:
            raise Refusal(
                400,
                "illegal_argument_exception",
                f"request [{path}] contains unrecognized parameter: [{unknown[0]}]",
            )

    # Points in time

    @staticmethod
    def _duration(text):
        match = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text or "")
        if not match:
            raise Refusal(400, "illegal_argument_exception", f"failed to parse setting [keep_alive] with value [{text}]")
        return int(match[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]

    def _open(self, pattern, parameters, body):
        if "keep_alive" not in parameters:
            raise Refusal(400, "action_request_validation_exception", "Validation Failed: 1: [keep_alive] is not specified;")
        names = []
        for part in pattern.split(","):
            expression = re.compile(re.escape(part).replace("\\*", ".*"))
            found = [name for name in self.mappings if expression.fullmatch(name)]
            if not found and "*" not in part:
                raise Refusal(404, "index_not_found_exception", f"no such index [{part}]")
            names += [name for name in found if name not in names]
        documents = [one for name in names for one in self.documents[name] if one.searchable]
        point = {
            "names": names,
            "documents": [(number, one) for number, one in enumerate(documents)],
            "alive": self._duration(parameters["keep_alive"]),
        }
        self.opened += 1
        id_ = self._register(point)
        shards = {"total": len(names) * self.SHARDS, "successful": len(names) * self.SHARDS, "skipped": 0, "failed": 0}
        if self.product == "elasticsearch":
            return {"id": id_, "_shards": shards}
        return {"pit_id": id_, "_shards": shards, "creation_time": int(time.time() * 1000)}

    def _register(self, point):
        self.number += 1
        id_ = base64.b64encode(f"point-{self.number}-{'x' * 40}".encode()).decode()
        point["until"] = time.monotonic() + point["alive"]
        self.points[id_] = point
        return id_

    def _find(self, id_):
        point = self.points.get(id_)
        if point is None or point["until"] < time.monotonic():
            raise Refusal(
                404,
                "",
                "",
                body={
                    "error": {
                        "root_cause": [
                            {"type": "search_context_missing_exception", "reason": "No search context found for id [7]"}
                        ],
                        "type": "search_phase_execution_exception",
                        "reason": "all shards failed",
                        "phase": "query",
                        "grouped": True,
                        "failed_shards": [
                            {
                                "shard": 0,
                                "index": "logs",
                                "reason": {
                                    "type": "search_context_missing_exception",
                                    "reason": "No search context found for id [7]",
                                },
                            }
                        ],
                    },
                    "status": 404,
                },
            )
        return point

    def _close(self, body):
        if self.product == "elasticsearch":
            if set(body) != {"id"} or not isinstance(body["id"], str):
                raise Refusal(400, "parsing_exception", "Unknown key in the request body")
            found = self.points.pop(body["id"], None) is not None
            self.closed += found
            return {"succeeded": found, "num_freed": self.SHARDS if found else 0}
        if set(body) != {"pit_id"} or not isinstance(body["pit_id"], list):
            raise Refusal(400, "illegal_argument_exception", "pit_id must be an array")
        found = [self.points.pop(id_, None) is not None for id_ in body["pit_id"]]
        self.closed += sum(found)
        return {"pits": [{"pit_id": id_, "successful": one} for id_, one in zip(body["pit_id"], found)]}

    # Searching

    def _search(self, handler, parameters, body):
        allowed = {"size", "query", "sort", "pit", "search_after", "_source", "track_total_hits", "from", "timeout", "fields"}
        for key in body:
            if key not in allowed:
                raise Refusal(400, "parsing_exception", f"Unknown key for a VALUE in [{key}].")
        if "pit" not in body:
            raise Refusal(400, "stand_in_exception", "this stand-in searches points in time alone")
        if not set(body["pit"]) <= {"id", "keep_alive"} or "id" not in body["pit"]:
            raise Refusal(400, "x_content_parse_exception", "[pit] unknown field")
        size = body.get("size", 10)
        if not 0 <= size <= 10_000:
            raise Refusal(400, "illegal_argument_exception", "Result window is too large, from + size must be less than or equal to: [10000]")
        fault = self.faults.pop(0) if self.faults else None
        early = self._fault(handler, fault)
        if early is not None:
            return early
        id_ = body["pit"]["id"]
        point = self._find(id_)
        if "keep_alive" in body["pit"]:
            point["alive"] = self._duration(body["pit"]["keep_alive"])
        point["until"] = time.monotonic() + point["alive"]
        fields = self._sort_fields(body.get("sort", []), point)
        matching = self._query(body.get("query", {"match_all": {}}))
        found = []
        for number, document in point["documents"]:
            if matching(document):
                found.append(([self._sort_value(field, number, document) for field in fields], document))
        found.sort(key=lambda one: one[0])
        after = body.get("search_after")
        if after is not None:
            if len(after) != len(fields):
                raise Refusal(
                    400,
                    "illegal_argument_exception",
                    f"search_after has {len(after)} value(s) but sort has {len(fields)}.",
                )
            found = [one for one in found if one[0] > after]
        found = found[:size]
        if self.rotates:
            self.points[new := self._register(point)] = point
            del self.points[id_]
            id_ = new
        shards = {
            "total": len(point["names"]) * self.SHARDS,
            "successful": len(point["names"]) * self.SHARDS,
            "skipped": 0,
            "failed": 0,
        }
        answer = {"pit_id": id_, "took": 1, "timed_out": False, "_shards": shards}
        if fault in ("partial", "timed_out"):
            if parameters.get("allow_partial_search_results") == "false" and fault == "partial-refused":
                raise Refusal(503, "search_phase_execution_exception", "Partial shards failure")
            found = found[: len(found) // 2]
            if fault == "partial":
                shards.update(
                    successful=shards["total"] - 1,
                    failed=1,
                    failures=[
                        {
                            "shard": 1,
                            "index": "logs",
                            "node": "n1",
                            "reason": {"type": "circuit_breaking_exception", "reason": "[parent] Data too large"},
                        }
                    ],
                )
            else:
                answer["timed_out"] = True
        hits = []
        for values, document in found:
            hit = {"_index": document.index, "_id": document.id, "_score": None}
            if body.get("_source", True) is not False:
                hit["_source"] = document.source
            hit["sort"] = values
            hits.append(hit)
        answer["hits"] = {"max_score": None, "hits": hits}
        if body.get("track_total_hits") is not False:
            answer["hits"]["total"] = {"value": len(hits), "relation": "eq"}
        if fault == "cut":
            handler.cut = True
            return json.dumps(answer).encode()[: -len(hits) - 3]
        return answer

    def _fault(self, handler, fault):
        """What comes in place of an answer; None: the answer."""
        if fault == "429":
            raise Refusal(429, "es_rejected_execution_exception", "rejected execution of coordinating operation", {"Retry-After": "1"})
        if fault == "503":
            raise Refusal(503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];")
        if fault == "500":
            raise Refusal(500, "null_pointer_exception", "something is broken")
        if fault == "reset":
            raise ConnectionAbortedError
        if fault == "expire":
            self.points.clear()
        if fault == "garbage":
            return b'{"hits": {"hits": [{"_index": "a"'
        if fault == "html":
            return b"<html><body>502 Bad Gateway</body></html>"
        return None

    def _sort_fields(self, sort, point):
        fields = []
        for one in sort:
            if not isinstance(one, dict) or len(one) != 1:
                raise Refusal(400, "parsing_exception", "malformed sort")
            (field, options), = one.items()
            if isinstance(options, str):
                options = {"order": options}
            if not set(options) <= {"order", "format", "unmapped_type", "missing", "numeric_type"}:
                raise Refusal(400, "x_content_parse_exception", f"[field_sort] unknown field [{sorted(options)[0]}]")
            if options.get("order", "asc") != "asc":
                raise Refusal(400, "stand_in_exception", "this stand-in sorts ascending")
            fields.append(field)
        version = tuple(int(part) for part in self.version.split(".")[:2])
        knows_shard_doc = version >= ((7, 12) if self.product == "elasticsearch" else (3, 3))
        for field in fields:
            if field == "_id":
                continue
            if field == "_shard_doc":
                if not knows_shard_doc:
                    self._unmapped(field)
                continue
            if any(field not in self.mappings[name] for name in point["names"]):
                self._unmapped(field)
        if self.product == "elasticsearch" and knows_shard_doc and "_shard_doc" not in fields:
            fields.append("_shard_doc")
        return fields

    @staticmethod
    def _unmapped(field):
        reason = f"No mapping found for [{field}] in order to sort on"
        raise Refusal(
            400,
            "",
            "",
            body={
                "error": {
                    "root_cause": [{"type": "query_shard_exception", "reason": reason, "index": "logs"}],
                    "type": "search_phase_execution_exception",
                    "reason": "all shards failed",
                    "failed_shards": [{"shard": 0, "index": "logs", "reason": {"type": "query_shard_exception", "reason": reason}}],
                },
                "status": 400,
            },
        )

    def _sort_value(self, field, number, document):
        if field == "_shard_doc":
            # The shard in the upper half, its own number of the document in the lower, as Elasticsearch makes it.
            return (number % self.SHARDS) << 32 | number // self.SHARDS
        if field == "_id":
            return document.id
        return milliseconds(self._value(document.source, field))

    @staticmethod
    def _value(source, field):
        if field in source:
            return source[field]
        value = source
        for part in field.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _query(self, query):
        if not isinstance(query, dict) or len(query) != 1:
            raise Refusal(400, "parsing_exception", "[query] malformed query, expected one name")
        (kind, what), = query.items()
        if kind == "match_all":
            return lambda document: True
        if kind == "bool":
            if not set(what) <= {"filter", "must", "must_not"}:
                raise Refusal(400, "parsing_exception", f"[bool] query does not support {sorted(what)}")
            parts = {name: [self._query(one) for one in (list_ if isinstance(list_, list) else [list_])] for name, list_ in what.items()}
            return lambda document: all(
                one(document) for one in parts.get("filter", []) + parts.get("must", [])
            ) and not any(one(document) for one in parts.get("must_not", []))
        if kind == "range":
            (field, bounds), = what.items()
            if not set(bounds) <= {"gte", "gt", "lte", "lt", "format", "time_zone"}:
                raise Refusal(400, "parsing_exception", f"[range] query does not support {sorted(bounds)}")
            if bounds.get("format") not in (None, "epoch_millis"):
                raise Refusal(400, "illegal_argument_exception", "Invalid format")
            tests = {"gte": int.__ge__, "gt": int.__gt__, "lte": int.__le__, "lt": int.__lt__}

            def within(document):
                value = self._value(document.source, field)
                return value is not None and all(
                    tests[name](milliseconds(value), int(bound)) for name, bound in bounds.items() if name in tests
                )

            return within
        if kind == "ids":
            values = set(what["values"])
            return lambda document: document.id in values
        if kind == "term":
            (field, value), = what.items()
            value = value["value"] if isinstance(value, dict) else value
            return lambda document: self._value(document.source, field) == value
        if kind == "query_string":
            clauses = [clause.split(":", 1) for clause in what["query"].split(" AND ")]
            if any(len(clause) != 2 for clause in clauses):
                raise Refusal(400, "query_shard_exception", f"Failed to parse query [{what['query']}]")

            def matches(document):
                for field, value in clauses:
                    found = self._value(document.source, field)
                    if value.startswith(">="):
                        if found is None or float(found) < float(value[2:]):
                            return False
                    elif str(found) != value.strip('"'):
                        return False
                return True

            return matches
        raise Refusal(400, "parsing_exception", f"unknown query [{kind}]")
