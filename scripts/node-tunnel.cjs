/**
 * Preloaded by `oximy run` into every Node (NODE_OPTIONS=--require): TLS connections go through the proxy of the run,
 * whatever opens them, and their secrets go into the run's key log, a named pipe. Node before 22.21 and 24.5 knows no proxy variables; newer ones follow them in `http`, `https` and
 * `fetch` only, not in `http2`, `ws` or gRPC. All of them call `tls.connect`, which is the one thing replaced here.
 *
 * The variables keep their meaning: a process that was given another proxy, or none, is left alone, and so are the hosts
 * that NO_PROXY names. Where the proxy is gone (a daemon that outlives the run), connections go directly.
 */
"use strict";

const { closeSync, constants, fstatSync, openSync, writeSync } = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");
const net = require("node:net");
const { Duplex } = require("node:stream");
const tls = require("node:tls");

const PROXY = process.env.OXIMY_RUN_PROXY;
const KEY_LOG = process.env.OXIMY_RUN_KEY_LOG;
/** A pipe that is full is tried again after so many milliseconds, so often. */
const FULL_PIPE = { pauseMs: 10, tries: 200 };
/** Ours sends a few lines. */
const MAX_HEAD_BYTES = 64 * 1024;

const connectTls = tls.connect;
const connectTcp = net.connect;

if (PROXY) {
  tls.connect = connect;
  // For `import { connect } from "node:tls"`.
  syncBuiltinESMExports();
}

/** `tls.connect`, in all of its forms. */
function connect(...args) {
  const options = optionsOf(args);
  if (!isTunnelled(options)) return logged(connectTls.apply(this, args));
  const tunnel = new Tunnel(options);
  const callback = args.find((arg) => typeof arg === "function");
  const socket = logged(connectTls.call(this, { ...options, socket: tunnel }, callback));
  // Those of a socket with a stream beneath that is not a handle do nothing.
  for (const name of ["ref", "unref", "setKeepAlive", "setNoDelay"]) {
    socket[name] = (...rest) => {
      tunnel.carrier[name](...rest);
      return socket;
    };
  }
  if (options.timeout) socket.setTimeout(options.timeout);
  return socket;
}

function logged(socket) {
  if (KEY_LOG) socket.on("keylog", (line) => logSecret(line, FULL_PIPE.tries));
  return socket;
}

/** At once: a program may exit right after its answer. Never waits, and makes no file where the pipe is gone. */
function logSecret(line, tries) {
  try {
    const { O_WRONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
    const pipe = openSync(KEY_LOG, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
    try {
      // When the run is over, somebody else could put something in its place.
      const found = fstatSync(pipe);
      if (found.isFIFO() && found.uid === process.getuid()) writeSync(pipe, line);
    } finally {
      closeSync(pipe);
    }
  } catch (error) {
    if (error.code === "EAGAIN" && tries > 0)
      setTimeout(() => logSecret(line, tries - 1), FULL_PIPE.pauseMs).unref();
  }
}

/** (options), (path, options) or (port, host, options), each with a callback or without. */
function optionsOf(args) {
  const given = args.filter((arg) => typeof arg === "object" && arg !== null);
  if (typeof args[0] === "object") return Object.assign({}, ...given);
  const [first, second] = args;
  if (typeof first === "string" && !/^\d+$/.test(first)) return Object.assign({ path: first }, ...given);
  return Object.assign({ port: first }, typeof second === "string" && { host: second }, ...given);
}

function isTunnelled({ socket, path, port, localAddress, host = "localhost" }) {
  if (socket || path || localAddress || !port) return false;
  const proxy = process.env.HTTPS_PROXY || process.env.https_proxy;
  return proxy === PROXY && !isLoopback(host) && !isExempt(host, Number(port));
}

const isLoopback = (host) => /^(localhost|127(\.\d+){3}|::1)$/i.test(host);

/** By NO_PROXY: `*`, or names with all beneath them, each with a port or without. */
function isExempt(host, port) {
  const names = (process.env.NO_PROXY || process.env.no_proxy || "").split(/[\s,]+/).filter(Boolean);
  return names.some((name) => {
    const [, domain, only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(name);
    if (only !== undefined && Number(only) !== port) return false;
    return domain === "" || host === domain || host.toLowerCase().endsWith(`.${domain.toLowerCase()}`);
  });
}

/** Bytes to and from a host through the proxy. What is written before the proxy has answered waits. */
class Tunnel extends Duplex {
  /** The connection that carries it, to the proxy or to the host. */
  carrier;
  #options;
  #isOpen = false;
  #head = Buffer.alloc(0);
  #waiting;

  constructor(options) {
    super();
    this.#options = options;
    const { hostname, port } = new URL(PROXY);
    this.#carryBy(connectTcp({ host: hostname, port: Number(port), allowHalfOpen: true }));
    this.carrier.once("connect", () => this.#resolve((host) => this.#ask(host)));
  }

  #carryBy(carrier) {
    this.carrier = carrier.setNoDelay(true);
    const isMine = () => this.carrier === carrier;
    carrier.on("data", (bytes) => (this.#isOpen ? this.#take(bytes) : this.#readHead(bytes)));
    carrier.on("end", () => this.#ended());
    carrier.on("close", () => isMine() && this.destroy());
    carrier.on("error", (error) => {
      if (!isMine()) return;
      const isProxyGone =
        error.code === "ECONNREFUSED" && !this.#isOpen && error.port === Number(new URL(PROXY).port);
      if (isProxyGone) this.#goDirectly();
      else this.destroy(error);
    });
  }

  #goDirectly() {
    const { host, port, family, lookup, autoSelectFamily = net.getDefaultAutoSelectFamily() } = this.#options;
    const carrier = connectTcp({ host, port, family, lookup, autoSelectFamily, allowHalfOpen: true });
    this.#carryBy(carrier);
    carrier.once("connect", () => this.#open());
  }

  /** A program that resolves names by itself goes where it says. */
  #resolve(next) {
    const { host, lookup, family } = this.#options;
    if (typeof lookup !== "function" || net.isIP(host)) return next(host);
    lookup(host, { family: family ?? 0, all: false }, (error, address) => {
      if (error) return this.destroy(error);
      const first = Array.isArray(address) ? address[0]?.address : address;
      next(first ?? host);
    });
  }

  #ask(host) {
    const authority = `${net.isIPv6(host) ? `[${host}]` : host}:${this.#options.port}`;
    this.carrier.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  }

  #readHead(bytes) {
    this.#head = Buffer.concat([this.#head, bytes]);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end === -1) {
      if (this.#head.length > MAX_HEAD_BYTES) this.#fail("The proxy's answer has no end");
      return;
    }
    const status = this.#head.toString("latin1", 0, this.#head.indexOf("\r\n"));
    if (!/^HTTP\/1\.[01] 2\d\d(?: |$)/.test(status))
      return this.#fail(`The proxy answered ${JSON.stringify(status)}`);
    const rest = this.#head.subarray(end + 4);
    this.#head = undefined;
    this.#open();
    if (rest.length > 0) this.#take(rest);
  }

  /** As Node words a connection that came to nothing: that is what programs look for. */
  #fail(why) {
    const { host, port } = this.#options;
    const error = new Error(`connect ECONNREFUSED ${host}:${port}: ${why}`);
    this.destroy(
      Object.assign(error, { code: "ECONNREFUSED", syscall: "connect", address: host, port: Number(port) }),
    );
  }

  #open() {
    this.#isOpen = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  #take(bytes) {
    if (!this.push(bytes)) this.carrier.pause();
  }

  #ended() {
    if (this.#isOpen) this.push(null);
    else this.#fail("The proxy closed the connection");
  }

  _read() {
    this.carrier.resume();
  }

  _write(chunk, _encoding, done) {
    const write = () => this.carrier.write(chunk, done);
    if (this.#isOpen) write();
    else this.#waiting = write;
  }

  _final(done) {
    const end = () => this.carrier.end(done);
    if (this.#isOpen) end();
    else this.#waiting = end;
  }

  _destroy(error, done) {
    this.carrier.destroy();
    done(error);
  }
}
