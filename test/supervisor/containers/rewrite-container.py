"""A container's network, for connect-rewrite.test.ts: servers at its own addresses, and clients that obey lines of JSON."""
import ctypes, json, select, socket, struct, subprocess, sys, threading

ctypes.CDLL(None).unshare(0x40000000)  # CLONE_NEWNET
ADDRESSES = ["203.0.113.7", "2001:db8:113::7"]
for words in [
    "link set lo up",
    "link add eth0 type veth peer name far",
    "link set far up",
    "link set eth0 up",
    "addr add 203.0.113.7/24 dev eth0",
    "addr add 2001:db8:113::7/64 dev eth0 nodad",
    "route add default via 203.0.113.1",
    "-6 route add default via 2001:db8:113::1",
]:
    subprocess.run(["ip", *words.split()], check=True)


def serve(server):
    while True:
        accepted, _ = server.accept()
        accepted.recv(4096)
        accepted.sendall(b"hello")
        accepted.close()


for port in [443, 80, 8443]:
    for address in ADDRESSES:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = socket.socket(family)
        server.bind((address, port))
        server.listen()
        threading.Thread(target=serve, args=[server], daemon=True).start()


open_clients = []


def listener_port():
    for line in open("/proc/self/net/tcp"):
        words = line.split()
        if words[3] == "0A" and words[1].startswith("0100007F:"):
            return int(words[1].split(":")[1], 16)


def call(to, port=443, ipv6=False, mark=0, device="", source="", first="", fast_open=False,
         non_blocking=False, only_begin=False, stays=False):
    client = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 10, 0))
    if mark:
        client.setsockopt(socket.SOL_SOCKET, 36, mark)  # SO_MARK
    if device:
        client.setsockopt(socket.SOL_SOCKET, 25, device.encode())  # SO_BINDTODEVICE
    if source:
        client.bind((source, 0))
    if first:  # a port that nobody listens at
        try:
            client.connect((first, 9))
        except ConnectionRefusedError:
            pass
    where = (to, listener_port() if port == "listener" else port)
    request = b"GET / HTTP/1.1\r\n\r\n"
    if fast_open:
        client.sendto(request, 0x20000000, where)  # MSG_FASTOPEN
    else:
        if non_blocking:
            client.setblocking(False)
            client.connect_ex(where)
            if only_begin:
                return {"peer": client.getpeername()[:2]}
            select.select([], [client], [], 10)
            client.setblocking(True)
        else:
            client.connect(where)
        client.sendall(request)
    told = {"peer": client.getpeername()[:2], "own": client.getsockname()[1]}
    told["cookie"] = str(int.from_bytes(client.getsockopt(socket.SOL_SOCKET, 57, 8), sys.byteorder))  # SO_COOKIE
    told["answer"] = client.recv(100).decode()
    open_clients.append(client) if stays else client.close()
    return told


print("ready", flush=True)
for line in sys.stdin:
    try:
        told = call(**json.loads(line))
    except OSError as error:
        told = {"error": type(error).__name__}
    print(json.dumps(told), flush=True)
