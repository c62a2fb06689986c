"""Reads an index by a point in time with an official client: search_client.py PACKAGE URL INDEX SIZE USER PASSWORD.

Prints the ids it read, one a line: what the stand-in of test_elasticsearch.py gives must satisfy the clients of the real ones.
"""

import sys

package, url, index, size, user, password = sys.argv[1:7]
size = int(size)
query = {"match_all": {}}
if package == "opensearchpy":
    from opensearchpy import OpenSearch

    client = OpenSearch(url, http_auth=(user, password))
    point = client.create_pit(index=index, params={"keep_alive": "1m"})["pit_id"]
    sort = [{"@timestamp": "asc"}, {"_id": "asc"}]
else:
    from elasticsearch import Elasticsearch, __version__

    is_old = __version__[0] < 8
    client = Elasticsearch(url, **{"http_auth" if is_old else "basic_auth": (user, password)})
    point = client.open_point_in_time(index=index, keep_alive="1m")["id"]
    sort = [{"@timestamp": "asc"}]
after = None
while True:
    body = {"size": size, "query": query, "sort": sort, "pit": {"id": point, "keep_alive": "1m"}, "track_total_hits": False}
    if after:
        body["search_after"] = after
    answer = client.search(body=body) if package == "opensearchpy" or is_old else client.search(**body)
    point = answer["pit_id"]
    hits = answer["hits"]["hits"]
    for hit in hits:
        print(hit["_id"])
    if len(hits) < size:
        break
    after = hits[-1]["sort"]
if package == "opensearchpy":
    client.delete_pit(body={"pit_id": [point]})
elif is_old:
    client.close_point_in_time(body={"id": point})
else:
    client.close_point_in_time(id=point)
print("closed")
