"""Python's http.client: two requests on one connection."""
import hashlib, http.client, ssl, sys

host = sys.argv[1]
connection = http.client.HTTPSConnection(host, context=ssl.create_default_context())
for method, path, body in [("POST", "/a?b", b"body"), ("GET", "/download/300000", None)]:
    connection.request(method, path, body, {"X-oDD-case": "kept"})
    answer = connection.getresponse()
    print(answer.status, [name for name, _ in answer.getheaders()], hashlib.sha256(answer.read()).hexdigest())
connection.close()
