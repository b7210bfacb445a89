"""Tries what a process that was taken over might try, and prints how each attempt ends: its errno's name, or "done"."""
import ctypes, errno, json, os, socket, subprocess, sys

supervisor, proxy, foreign, of_root = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, PTRACE_DETACH = 16, 17


def attempt(action):
    try:
        action()
        return "done"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))


def read(path):
    with open(path, "rb", buffering=0) as file:
        file.read(1)


def attach(pid):
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(pid, 0)
    libc.ptrace(PTRACE_DETACH, pid, None, None)


def peek(pid):
    """process_vm_readv(2), which needs the same right as ptrace."""
    buffer = ctypes.create_string_buffer(8)

    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    ours = Vector(ctypes.cast(buffer, ctypes.c_void_p), 8)
    with open("/proc/self/maps") as maps:
        start = int(maps.readline().split("-")[0], 16)
    theirs = Vector(start, 8)
    if libc.process_vm_readv(pid, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0) < 0:
        raise OSError(ctypes.get_errno(), "process_vm_readv")


def tool(*command):
    def run():
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if ended.returncode != 0:
            raise OSError(errno.EPERM if "ermitted" in ended.stderr or "enied" in ended.stderr else errno.EIO, ended.stderr)

    return run


def raw_socket():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 6).close()


def mark():
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, 36, 1)  # SO_MARK



print(json.dumps({
    "another user's file": attempt(lambda: read(foreign)),
    "a file of root's": attempt(lambda: read(of_root)),
    "a signal to root's process": attempt(lambda: os.kill(supervisor, 0)),
    "the environment of root's process": attempt(lambda: read(f"/proc/{supervisor}/environ")),
    "the memory of root's process": attempt(lambda: read(f"/proc/{supervisor}/mem")),
    "the descriptors of root's process": attempt(lambda: os.listdir(f"/proc/{supervisor}/fd")),
    "ptrace of root's process": attempt(lambda: attach(supervisor)),
    "a look into root's memory": attempt(lambda: peek(supervisor)),
    "the memory of the proxy": attempt(lambda: read(f"/proc/{proxy}/mem")),
    "the descriptors of the proxy": attempt(lambda: os.listdir(f"/proc/{proxy}/fd")),
    "ptrace of the proxy": attempt(lambda: attach(proxy)),
    "a look into the proxy's memory": attempt(lambda: peek(proxy)),
    "the rules, to look": attempt(tool("nft", "list", "ruleset")),
    "the rules, to change": attempt(tool("nft", "delete", "table", "inet", "oximy")),
    "an interface": attempt(tool("ip", "link", "set", "lo", "down")),
    "a raw socket": attempt(raw_socket),
    "a mark of a socket": attempt(mark),
    "root again, by setuid": attempt(lambda: os.setuid(0)),
    "root again, by setgroups": attempt(lambda: os.setgroups([0])),
    "the group of another": attempt(lambda: os.setgid(0)),
}))
