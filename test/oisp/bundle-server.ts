import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openCa } from "../../src/certificates/ca.js";
import { makeLeaf } from "../../src/certificates/leaf.js";
import { temporaryFolder } from "../temporary-folder.js";

/** A real HTTPS server whose certificate is for localhost, of a CA that nobody but `ca` trusts. */
export async function serveHttps(listener: RequestListener): Promise<{ url: string; ca: string }> {
  const authority = openCa(join(temporaryFolder(), "ca"));
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const cert = makeLeaf(authority, "localhost", publicKey);
  const key = privateKey.export({ type: "pkcs8", format: "pem" });
  const port = await listening(createServer({ key, cert }, listener));
  return { url: `https://localhost:${port}/bundle.json`, ca: authority.certificate.toString() };
}

export async function serveHttp(listener: RequestListener): Promise<string> {
  return `http://localhost:${await listening(createHttpServer(listener))}/bundle.json`;
}

async function listening(
  server: ReturnType<typeof createHttpServer> | ReturnType<typeof createServer>,
): Promise<number> {
  server.listen(0, "localhost");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
