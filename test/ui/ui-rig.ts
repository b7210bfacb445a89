import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { OximyEvent } from "../../src/event/event.js";
import { serveUi, type UiServer } from "../../src/ui/server/server.js";
import { temporaryFolder } from "../temporary-folder.js";

/** A folder of events. */
export function folderOf(files: { readonly [name: string]: readonly OximyEvent[] }): string {
  const folder = join(temporaryFolder(), "traces");
  mkdirSync(folder);
  for (const [name, events] of Object.entries(files)) writeFileSync(join(folder, name), textOf(events));
  return folder;
}

export const textOf = (events: readonly OximyEvent[]): string =>
  events.map((event) => `${JSON.stringify(event)}\n`).join("");

export interface Client {
  readonly server: UiServer;
  /** Path of the page, and the cookie. */
  readonly place: string;
  readonly cookie: string;
  /** Asks for a path after the place. */
  get(path: string, signal?: AbortSignal): Promise<Response>;
  /** The values of an answer that has one a line. */
  lines<T>(path: string): Promise<T[]>;
}

/** A server over a folder, and a client that came by its address; ends with the test. */
export async function startUi(folder: string): Promise<Client> {
  const server = await serveUi({ folder, port: 0, certificate: "/home/ana/.oximy/ca/oximy-ca-cert.pem" });
  onTestFinished(() => server.close());
  const exchanged = await fetch(server.address, { redirect: "manual" });
  const place = exchanged.headers.get("location")!;
  const cookie = exchanged.headers.get("set-cookie")!.split(";")[0]!;
  const get = (path: string, signal?: AbortSignal) =>
    fetch(`http://127.0.0.1:${server.port}${place}${path}`, {
      headers: { cookie },
      ...(signal && { signal }),
    });
  const lines = async <T>(path: string) =>
    (await (await get(path)).text())
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as T);
  return { server, place, cookie, get, lines };
}

/** Status of a request whose target and headers are as given: fetch sends its own. */
export function statusOf(port: number, target: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path: target, headers }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on("error", reject)
      .end();
  });
}
