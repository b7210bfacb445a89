"""Python's urllib."""
import sys, urllib.request

request = urllib.request.Request(f"https://{sys.argv[1]}/a?b", b"body", {"X-oDD-case": "kept"})
with urllib.request.urlopen(request) as answer:
    print(answer.status, [name for name, _ in answer.getheaders()], answer.read().decode())
