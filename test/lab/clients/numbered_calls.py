"""Chat calls over connections of their own, each with a text of its own; prints how many got it back: HOST NAME COUNT."""
import http.client, json, ssl, sys

host, name, count = sys.argv[1:4]
context = ssl.create_default_context()
right = 0
for number in range(int(count)):
    content = f"{name} says {number}"
    connection = http.client.HTTPSConnection(host, context=context)
    body = json.dumps({"model": "gpt-4", "messages": [{"role": "user", "content": content}]})
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    answer = json.load(connection.getresponse())
    right += answer["choices"][0]["message"]["content"] == content
    connection.close()
print(right)
