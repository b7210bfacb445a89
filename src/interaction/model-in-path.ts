/**
 * The model that a path names, without the `:method` that Google appends: Gemini and Vertex `/models/{model}`,
 * Bedrock `/model/{id}`, Azure OpenAI `/deployments/{deployment}`.
 */
export function modelInPath(path: string): string | undefined {
  const segment = /\/(?:models?|deployments)\/([^/]+)/.exec(path)?.[1];
  if (segment === undefined) return undefined;
  const name = segment.replace(/:[a-zA-Z]+$/, "");
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // a lone % is meant literally
  }
}
