/**
 * Starts a capture behind an explicit proxy, tells how that went, and stops it. It ends by itself when nothing
 * was left behind: no thread, no timer, no socket.
 */
import { startExplicitCapture } from "../../src/engine/explicit-capture.js";
import { createLog } from "../../src/log.js";
import { defaultSettings } from "../../src/user/settings.js";

const [home, bundleFile, outputDir, port] = process.argv.slice(2);
try {
  const capture = await startExplicitCapture({
    settings: { ...defaultSettings(home!), bundleFile: bundleFile!, outputDir: outputDir! },
    host: "127.0.0.1",
    port: Number(port),
    log: createLog({ json: false, level: "error" }),
  });
  console.log("started");
  await capture.flush();
  console.log("stopped", JSON.stringify(await capture.stop(0)));
} catch (error) {
  console.log((error as { code?: string }).code ?? (error as Error).stack);
}
