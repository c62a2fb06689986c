"""Sends documents with one of the official clients' bulk helpers; run with its packages' folder on PYTHONPATH.

    bulk_client.py elasticsearch|opensearch URL INDEX FILE CHUNK

FILE holds a document a line, whose `id` becomes its `_id`. A chunk that failed in whatever way is sent again, as
shippers do; after each chunk that was acknowledged the number of documents so far is printed.
"""

import importlib
import json
import sys
import time


def main(package, url, index, path, chunk_size):
    library = importlib.import_module({"elasticsearch": "elasticsearch", "opensearch": "opensearchpy"}[package])
    helpers = importlib.import_module(f"{library.__name__}.helpers")
    if package == "opensearch":
        client = library.OpenSearch(url)
    else:
        client = library.Elasticsearch(url)
    print(f"version {library.__versionstr__}", flush=True)
    with open(path) as lines:
        documents = [json.loads(line) for line in lines]
    acknowledged = 0
    for start in range(0, len(documents), chunk_size):
        actions = [
            {"_op_type": "index", "_index": index, "_id": one["id"], "_source": one}
            for one in documents[start : start + chunk_size]
        ]
        end = time.monotonic() + 45
        while True:
            try:
                done, errors = helpers.bulk(client, actions, chunk_size=chunk_size)
                assert (done, errors) == (len(actions), []), errors
                break
            except AssertionError:
                raise
            except Exception as failure:  # each version has exceptions of its own; all mean "not acknowledged"
                if time.monotonic() > end:
                    raise
                print(f"again: {type(failure).__name__} {str(failure)[:200]}", flush=True)
                time.sleep(0.05)
        acknowledged += len(actions)
        print(f"acknowledged {acknowledged}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]))
