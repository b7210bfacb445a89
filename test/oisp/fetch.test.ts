import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { fetchDocument } from "../../src/oisp/fetch.js";
import { serveHttp, serveHttps } from "./bundle-server.js";

const failure = (url: string, options = {}): Promise<{ code: string; message: string }> =>
  fetchDocument(url, options).then(
    () => ({ code: "none", message: "" }),
    (error) => error,
  );

it("fetches over https with a certificate that is trusted", async () => {
  const { url, ca } = await serveHttps((_, response) => response.setHeader("etag", '"1"').end("{}"));
  expect(await fetchDocument(url, { ca })).toEqual({ kind: "fetched", document: "{}", etag: '"1"' });
});

it("refuses a certificate that is not trusted, whatever the environment says", async () => {
  const { url } = await serveHttps((_, response) => response.end("{}"));
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  try {
    expect(await failure(url)).toMatchObject({
      code: "OXIMY_E_BUNDLE_FETCH",
      message: expect.stringMatching(/certificate/),
    });
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
});

it("asks with the etag of the copy that is there", async () => {
  const url = await serveHttp((request, response) => {
    response.statusCode = request.headers["if-none-match"] === '"1"' ? 304 : 200;
    response.end();
  });
  expect(await fetchDocument(url, { etag: '"1"' })).toEqual({ kind: "not_modified" });
});

it("reads a compressed answer", async () => {
  const url = await serveHttp((_, response) =>
    response.setHeader("content-encoding", "gzip").end(gzipSync('{"a":1}')),
  );
  expect(await fetchDocument(url)).toMatchObject({ document: '{"a":1}' });
});

describe("gives up", () => {
  it("on more than 64 MiB, also when they come compressed", async () => {
    const bomb = gzipSync(Buffer.alloc(65 << 20, " "));
    const url = await serveHttp((_, response) => response.setHeader("content-encoding", "gzip").end(bomb));
    expect(await failure(url)).toMatchObject({ code: "OXIMY_E_BUNDLE_TOO_LARGE" });
  });

  it("on an answer that does not end in time", async () => {
    const url = await serveHttp((_, response) => void response.write("{"));
    const error = await failure(url, { timeout: 100 });
    expect(error).toMatchObject({
      code: "OXIMY_E_BUNDLE_FETCH",
      message: expect.stringMatching(/timed out/),
    });
  });

  it("on an answer that breaks off", async () => {
    const url = await serveHttp((_, response) => {
      response.setHeader("content-length", 100);
      response.write("{", () => response.destroy());
    });
    expect(await failure(url)).toMatchObject({ code: "OXIMY_E_BUNDLE_FETCH" });
  });

  it("on an error of the server", async () => {
    const url = await serveHttp((_, response) => response.writeHead(503).end());
    expect(await failure(url)).toMatchObject({ message: expect.stringMatching(/503/) });
  });

  it("on redirects without end", async () => {
    const url = await serveHttp((_, response) => response.writeHead(302, { location: "/again" }).end());
    expect(await failure(url)).toMatchObject({ message: expect.stringMatching(/too many redirects/) });
  });

  it.each(["http://oisp.dev/bundle.json", "ftp://oisp.dev/bundle.json", "file:///etc/passwd", "no url"])(
    "on %s, which is not secure",
    async (url) => expect(await failure(url)).toMatchObject({ code: "OXIMY_E_BUNDLE_FETCH" }),
  );

  it("on a redirect to what is not secure", async () => {
    const url = await serveHttp((_, response) =>
      response.writeHead(302, { location: "http://oisp.dev/b" }).end(),
    );
    expect(await failure(url)).toMatchObject({ message: expect.stringMatching(/only https/) });
  });
});
