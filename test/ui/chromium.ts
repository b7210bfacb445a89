/** A headless Chromium that is spoken to over its DevTools protocol (chromedevtools.github.io/devtools-protocol). */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { WebSocket } from "ws";
import { temporaryFolder } from "../temporary-folder.js";

const CHROMIUM = "/usr/bin/chromium";
const WAIT_MS = 30_000;

export interface Told {
  readonly method: string;
  readonly params: Record<string, unknown>;
}

interface Message extends Partial<Told> {
  readonly id?: number;
  readonly result?: Record<string, unknown>;
  readonly error?: unknown;
}

export interface View {
  readonly width: number;
  readonly height?: number;
  readonly scheme: "light" | "dark";
}

/** One tab. */
export class Chromium {
  /** What the tab told: requests, errors, dialogs. */
  readonly told: Told[] = [];
  private readonly waiting = new Map<number, (message: Message) => void>();
  private last = 0;
  private tab: string | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly socket: WebSocket,
  ) {
    socket.on("message", (data) => this.take(JSON.parse(String(data)) as Message));
  }

  static async start(): Promise<Chromium> {
    const profile = temporaryFolder();
    const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
    const child = spawn(
      CHROMIUM,
      [...flags, "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"],
      { stdio: ["ignore", "ignore", "pipe"], env: { PATH: process.env.PATH, HOME: profile } },
    );
    const socket = new WebSocket(await addressOf(child));
    await once(socket, "open");
    const chromium = new Chromium(child, socket);
    // A context that keeps its cache in memory: what is on the disk after a test is looked through.
    const { browserContextId } = await chromium.ask("Target.createBrowserContext");
    const { targetId } = await chromium.ask("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await chromium.ask("Target.attachToTarget", { targetId, flatten: true });
    chromium.tab = String(sessionId);
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await chromium.ask(`${domain}.enable`);
    return chromium;
  }

  async close(): Promise<void> {
    const gone = once(this.child, "exit");
    this.socket.close();
    this.child.kill("SIGKILL");
    await gone;
  }

  /** Where it serves the code of its own developer tools. */
  get developerTools(): string {
    return `http://${new URL(this.socket.url).host}/devtools`;
  }

  ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${JSON.stringify(error)}`));
      });
      this.socket.send(JSON.stringify({ id, method, params, ...(this.tab && { sessionId: this.tab }) }));
    });
  }

  async show({ width, height = 800, scheme }: View): Promise<void> {
    const size = { width, height, deviceScaleFactor: 1, mobile: width < 500 };
    await this.ask("Emulation.setDeviceMetricsOverride", size);
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await this.ask("Emulation.setEmulatedMedia", { features });
  }

  async open(address: string): Promise<void> {
    await this.ask("Page.navigate", { url: address });
  }

  /** The value of an expression; a promise's when it is one. Throws what the expression throws. */
  async evaluate<T>(expression: string): Promise<T> {
    const asked = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.ask("Runtime.evaluate", asked);
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** Resolves when an expression is true, asked at each frame. */
  async until(condition: string): Promise<void> {
    const isSo = await this.evaluate<boolean>(`new Promise((resolve) => {
      const end = performance.now() + ${WAIT_MS};
      const look = () => {
        if (${condition}) resolve(true);
        else if (performance.now() > end) resolve(false);
        else setTimeout(look, 20);
      };
      look();
    })`);
    if (!isSo) throw new Error(`it did not come to be: ${condition}`);
  }

  async press(key: string): Promise<void> {
    const text = key === "Enter" ? "\r" : key.length === 1 ? key : undefined;
    const code = { Enter: 13, Escape: 27 }[key];
    const pressed = { key, ...(code && { windowsVirtualKeyCode: code }) };
    await this.ask("Input.dispatchKeyEvent", { type: "keyDown", ...pressed, ...(text && { text }) });
    await this.ask("Input.dispatchKeyEvent", { type: "keyUp", ...pressed });
  }

  private take({ id, method, params = {}, ...rest }: Message): void {
    if (method !== undefined) this.told.push({ method, params });
    if (id === undefined) return;
    this.waiting.get(id)?.(rest);
    this.waiting.delete(id);
  }
}

/** It prints where it listens. */
function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = "";
    child.once("exit", () => reject(new Error(`Chromium ended: ${printed}`)));
    child.stderr!.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      const [, address] = /DevTools listening on (ws:\S+)/.exec(printed) ?? [];
      if (address !== undefined) resolve(address);
    });
  });
}
