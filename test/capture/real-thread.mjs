/** The capture thread as it is, from its TypeScript source. */
import { tsImport } from "tsx/esm/api";

await tsImport("../../src/capture/thread.ts", import.meta.url);
