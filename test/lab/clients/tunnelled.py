"""One question to https://api.openai.com by urllib, with the context that its one argument names:

default    ssl.create_default_context(), which logs keys when it is told to; it trusts the machine's roots alone
bare       ssl.SSLContext(), which does not log; it trusts what the environment names
orphan     as `default`, asked by a process that was left behind, when the file of the second argument is there; it
           answers into the third
"""
import json, os, ssl, sys, time, urllib.request


def ask(context):
    body = json.dumps({"model": sys.argv[1], "messages": [{"role": "user", "content": "Hello"}]}).encode()
    request = urllib.request.Request(
        "https://api.openai.com/v1/chat/completions", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


def default_context():
    return ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")


if sys.argv[1] == "default":
    print(ask(default_context()))
elif sys.argv[1] == "bare":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    print(ask(context))
elif sys.argv[1] == "orphan":
    if os.fork() > 0:
        sys.exit()
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
    for fd in range(3):
        os.close(fd)
    while not os.path.exists(sys.argv[2]):
        time.sleep(0.05)
    default_context()
    with open(sys.argv[3] + ".new", "w") as answer:
        answer.write("opened")
    os.rename(sys.argv[3] + ".new", sys.argv[3])
