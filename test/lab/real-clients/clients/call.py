"""One call by a way that Python has: `call.py WAY [ROOTS]`. Given ROOTS, those alone are trusted, as certifi's are."""
import json, os, sys

way, roots = sys.argv[1], (sys.argv[2:] or [None])[0]
HOST, PATH = "api.openai.com", "/v1/chat/completions"
URL = f"https://{HOST}{PATH}"
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
BODY = json.dumps(QUESTION).encode()
HEADERS = {"authorization": "Bearer " + os.environ["API_KEY"], "content-type": "application/json"}


def context():
    import ssl

    return ssl.create_default_context(cafile=roots)


def urllib_request():
    import urllib.request

    request = urllib.request.Request(URL, BODY, HEADERS)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def http_client():
    import http.client

    connection = http.client.HTTPSConnection(HOST, context=context())
    connection.request("POST", PATH, BODY, HEADERS)
    return json.load(connection.getresponse())


def ssl_socket():
    import socket

    with socket.create_connection((HOST, 443)) as plain:
        with context().wrap_socket(plain, server_hostname=HOST) as secure:
            head = [f"POST {PATH} HTTP/1.1", f"host: {HOST}", f"content-length: {len(BODY)}", "connection: close"]
            head += [f"{name}: {value}" for name, value in HEADERS.items()]
            secure.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + BODY)
            answer = b""
            while chunk := secure.recv(65536):
                answer += chunk
    return json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])


def requests():
    import requests as package

    return package.post(URL, json=QUESTION, headers=HEADERS, **({"verify": roots} if roots else {})).json()


def httpx(http2=False):
    import httpx as package

    with package.Client(http2=http2, verify=context() if roots else True) as client:
        answer = client.post(URL, json=QUESTION, headers=HEADERS)
        assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        return answer.json()


def aiohttp():
    import asyncio, aiohttp as package

    async def ask():
        async with package.ClientSession() as session:
            ssl = {"ssl": context()} if roots else {}
            async with session.post(URL, json=QUESTION, headers=HEADERS, **ssl) as answer:
                return await answer.json()

    return asyncio.run(ask())


def websockets():
    import asyncio, websockets as package

    async def ask():
        url = f"wss://{HOST}/v1/responses"
        async with package.connect(url, extra_headers=HEADERS) as socket:
            await socket.send(json.dumps({"type": "response.create", "model": "gpt-4o", "input": "Hello"}))
            async for message in socket:
                if json.loads(message)["type"] == "response.completed":
                    return {"choices": []}

    return asyncio.run(ask())


WAYS = [urllib_request, http_client, ssl_socket, requests, httpx, aiohttp, websockets]
ways = {one.__name__: one for one in WAYS} | {"httpx_http2": lambda: httpx(http2=True)}
assert isinstance(ways[way]()["choices"], list)
print("ok")
