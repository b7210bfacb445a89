import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { keyLogEnvironment } from "../../src/engine/key-log-environment.js";

const PIPE = "/tmp/f/keys";

test.each([
  [{}, { SSLKEYLOGFILE: PIPE, NODE_OPTIONS: `--tls-keylog=${PIPE}` }],
  [
    { NODE_OPTIONS: "--max-old-space-size=4096 --require ./a.js" },
    {
      SSLKEYLOGFILE: PIPE,
      NODE_OPTIONS: `--tls-keylog=${PIPE} --max-old-space-size=4096 --require ./a.js`,
    },
  ],
  [{ NODE_OPTIONS: "--tls-keylog=/home/ana/keys" }, { SSLKEYLOGFILE: PIPE }],
  [{ NODE_OPTIONS: '--no-warnings "--tls-keylog=/home/ana/my keys"' }, { SSLKEYLOGFILE: PIPE }],
  [{ SSLKEYLOGFILE: "/home/ana/keys" }, { NODE_OPTIONS: `--tls-keylog=${PIPE}` }],
  [{ SSLKEYLOGFILE: "" }, { SSLKEYLOGFILE: PIPE, NODE_OPTIONS: `--tls-keylog=${PIPE}` }],
  [{ SSLKEYLOGFILE: "/k", NODE_OPTIONS: "--tls-keylog /k" }, {}],
])("to an environment of %j are added %j", (env: Record<string, string>, variables) => {
  const { means, ...added } = keyLogEnvironment(PIPE, env);
  expect(added).toEqual({ variables });
  expect([...means].sort()).toEqual(
    [
      "NODE_OPTIONS" in variables ? "--tls-keylog" : "",
      "SSLKEYLOGFILE" in variables ? "SSLKEYLOGFILE" : "",
    ].filter(Boolean),
  );
});

test.each(["/tmp/a folder/keys", '/tmp/a "folder"/keys', "/tmp/a\\folder/keys"])(
  "Node finds the path %s in its options",
  (path) => {
    const { variables } = keyLogEnvironment(path, { NODE_OPTIONS: "--title=kept" });
    const { status, stdout } = spawnSync(
      process.execPath,
      [
        "--expose-internals",
        "-p",
        "process.title + require('internal/options').getOptionValue('--tls-keylog')",
      ],
      { env: { NODE_OPTIONS: variables.NODE_OPTIONS }, encoding: "utf8" },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: `kept${path}\n` });
  },
);
