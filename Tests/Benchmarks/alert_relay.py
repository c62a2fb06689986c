#!/usr/bin/env python3
"""Takes webhooks in Alertmanager's form and posts their alerts as Prometheus posts them to an Alertmanager.

  alert_relay.py NOTIFY PID

Prints the port it listens on, goes on in the background, and ends when process PID has ended.
"""
import http.client
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse


def main():
    target = urllib.parse.urlsplit(sys.argv[1])
    owner = int(sys.argv[2])

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            page = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            firing = [alert for alert in page.get("alerts", []) if alert.get("status") == "firing"]
            connection = http.client.HTTPConnection(target.hostname, target.port, timeout=10)
            try:
                connection.request("POST", target.path.rstrip("/") + "/api/v2/alerts", json.dumps(firing),
                                   {"Content-Type": "application/json"})
                status = connection.getresponse().status
            except OSError:
                status = 502
            finally:
                connection.close()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    if os.fork() != 0:
        os._exit(0)
    # The caller reads our output to its end.
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while os.path.exists(f"/proc/{owner}"):
        time.sleep(1)


main()
