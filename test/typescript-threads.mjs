/** For `node --import`: reads TypeScript in worker threads too, where tsx's own `--import` does not. */
import { register } from "tsx/esm/api";

register();
