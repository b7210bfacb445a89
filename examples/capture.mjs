// Starts a capture in this process, sends a request to OpenAI through it, and shows the event.
//
//   OPENAI_API_KEY=… node examples/capture.mjs
//
// In a program of your own, import from "oximy".
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { startCapture } from "../dist/index.js";

const capture = await startCapture({ onEvent: (event) => console.log(JSON.stringify(event, null, 2)) });
console.log(`Proxy on port ${capture.port}, events in ${capture.outputDir}`);

// Not execFileSync: the proxy runs in this very process.
await promisify(execFile)("curl", [
  ...["-sS", "-x", `http://127.0.0.1:${capture.port}`, "--cacert", capture.certificatePath],
  ...[
    "-H",
    "content-type: application/json",
    "-H",
    `authorization: Bearer ${process.env.OPENAI_API_KEY ?? ""}`,
  ],
  ...["-d", '{"model":"gpt-4","messages":[{"role":"user","content":"Hello"}]}'],
  "https://api.openai.com/v1/chat/completions",
]);

await capture.flush();
await capture.stop();
