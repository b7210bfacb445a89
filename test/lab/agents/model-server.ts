import type { ServerProgram } from "../../../lab/lab-server.js";

/** A call of a model as the server got it. */
export interface ModelRequest {
  readonly host: string;
  readonly path: string;
  /** What it was answered: a text, or which tool to call. */
  readonly answer: string;
}

/** Answers as a model does that agents talk to; see the file. */
export const MODEL_SERVER: ServerProgram<ModelRequest, object> = {
  file: new URL("model-server-main.ts", import.meta.url),
};

/** What a user says to have a part of the work done by a subagent. The word is the user's own. */
export const delegation = (word: string) => `DELEGATE ${word}: let a subagent find the answer, then tell me.`;
/** What the model then says to the subagent. */
export const subPrompt = (word: string) =>
  `Look for everything about ${word} and report what you have found.`;
/** What a user says for the model's window to be nearly full then. */
export const filling = (word: string) => `FILL ${word}: and what else is there about it?`;
