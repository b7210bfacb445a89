import { once } from "node:events";
import net from "node:net";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { type FinderHints, loadNative } from "../../src/native/native.js";
import { isRoot, listenOn, NOBODY, start, startClient } from "./clients.js";

const native = loadNative();
const NO_HINTS: FinderHints = { candidates: [], uid: null, cgroupId: null };

describe.skipIf(native.implementation !== "linux")("the process of a socket", () => {
  it("is found without hints, with the socket's own hints, and as a candidate", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    await using client = startClient("127.0.0.1", acceptor.port);
    const { inode, uid, cgroupId } = native.socketOwner((await acceptor.accepted()).tuple)!;
    expect(await native.findProcess(inode, NO_HINTS, 5000)).toBe(client.pid);
    expect(await native.findProcess(inode, { candidates: [], uid, cgroupId }, 5000)).toBe(client.pid);
    expect(await native.findProcess(inode, { ...NO_HINTS, candidates: [client.pid] }, 5000)).toBe(client.pid);
  });

  it("is found in spite of hints that mislead", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    await using client = startClient("127.0.0.1", acceptor.port);
    const { inode } = native.socketOwner((await acceptor.accepted()).tuple)!;
    const hints = { candidates: [1, process.pid, 999_999_999, -1], uid: 4_294_967_295, cgroupId: 12345678n };
    expect(await native.findProcess(inode, hints, 5000)).toBe(client.pid);
  });

  it("is the process, when a thread opened it", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    const thread = new Worker(`require("net").connect(${acceptor.port}, "127.0.0.1").on("error", () => {})`, {
      eval: true,
    });
    const { inode } = native.socketOwner((await acceptor.accepted()).tuple)!;
    expect(await native.findProcess(inode, NO_HINTS, 5000)).toBe(process.pid);
    await thread.terminate();
  });

  it("is the child that a shell hands its connection to", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    const script = `exec 3<>/dev/tcp/127.0.0.1/${acceptor.port}; exec 4<&0; (echo $BASHPID; exec cat <&4 >&3)`;
    await using shell = start("bash", ["-c", script]);
    const { tuple } = await acceptor.accepted();
    const child = Number(await shell.line());
    const { inode } = native.socketOwner(tuple)!;
    for (const candidate of [child, shell.pid]) {
      expect(await native.findProcess(inode, { ...NO_HINTS, candidates: [candidate] }, 5000)).toBe(child);
    }
  });

  it("is the worker that a process forked, once it is clear that it will not exec", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    // Perl opens sockets close-on-exec, like Node and Python; the worker speaks when it is 300 ms old.
    const script = `use IO::Socket::INET; my $s = IO::Socket::INET->new("127.0.0.1:${acceptor.port}") or die; $| = 1;
      if (!fork) { select(undef, undef, undef, 0.3); print "$$\\n"; } <STDIN>`;
    await using parent = start("perl", ["-e", script]);
    const { tuple } = await acceptor.accepted();
    const worker = Number(await parent.line());
    const { inode } = native.socketOwner(tuple)!;
    for (const candidate of [worker, parent.pid]) {
      expect(await native.findProcess(inode, { ...NO_HINTS, candidates: [candidate] }, 5000)).toBe(worker);
    }
    process.kill(worker);
  });

  it("is the child that was forked after connecting, when its parent has closed the socket", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    const script = `use IO::Socket::INET; my $s = IO::Socket::INET->new("127.0.0.1:${acceptor.port}") or die; $| = 1;
      <STDIN>; my $child = fork; if (!$child) { sleep 60; exit } close $s; print "$child\n"; <STDIN>`;
    await using parent = start("perl", ["-e", script]);
    const { tuple } = await acceptor.accepted();
    const { inode } = native.socketOwner(tuple)!;
    expect(native.findUserBelow(parent.pid, inode)).toBe(parent.pid);
    parent.process.stdin!.write("\n");
    const child = Number(await parent.line());
    // It has 2 ms, which a busy machine may not give it.
    await expect.poll(() => native.findUserBelow(parent.pid, inode)).toBe(child);
    expect(native.findUserBelow(process.pid, inode)).toBeNull();
    for (const candidate of [parent.pid, child]) {
      expect(await native.findProcess(inode, { ...NO_HINTS, candidates: [candidate] }, 5000)).toBe(child);
    }
    process.kill(child);
  });

  it("is the parent, when several children share its socket", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    const script = `exec 3<>/dev/tcp/127.0.0.1/${acceptor.port}; sleep 60 & a=$!; sleep 61 & b=$!; echo $a; echo $b; read x; kill $a $b`;
    await using shell = start("bash", ["-c", script]);
    const { tuple } = await acceptor.accepted();
    const children = [Number(await shell.line()), Number(await shell.line())];
    const { inode } = native.socketOwner(tuple)!;
    for (const candidate of [...children, shell.pid]) {
      expect(await native.findProcess(inode, { ...NO_HINTS, candidates: [candidate] }, 5000)).toBe(shell.pid);
    }
    shell.process.stdin!.end("\n");
    await once(shell.process, "exit");
  });

  it("is null when nobody holds the socket any more", async () => {
    expect(await native.findProcess(0, NO_HINTS)).toBeNull();
    expect(await native.findProcess(4_000_000_000, NO_HINTS, 5000)).toBeNull();
  });

  it("is null when the time is up", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    const client = net.connect(acceptor.port, "127.0.0.1");
    const { inode } = native.socketOwner((await acceptor.accepted()).tuple)!;
    expect(await native.findProcess(inode, NO_HINTS, 0)).toBeNull();
    client.destroy();
  });

  it.skipIf(!isRoot)("is found for root when it belongs to another user", async () => {
    await using acceptor = await listenOn("127.0.0.1");
    await using client = startClient("127.0.0.1", acceptor.port, { uid: NOBODY, gid: NOBODY });
    const { inode, uid, cgroupId } = native.socketOwner((await acceptor.accepted()).tuple)!;
    expect(await native.findProcess(inode, { candidates: [], uid, cgroupId }, 5000)).toBe(client.pid);
  });
});
