/**
 * The model in a path: Gemini and Vertex `/models/{model}:method`, Bedrock `/model/{id}`, and Azure OpenAI deployments.
 */
export function modelInPath(path: string): string | undefined {
  return deploymentInPath(path) ?? segmentAfter(/\/(?:models?|tunedModels|endpoints)\/([^/]+)/, path);
}

/** Azure OpenAI has the deployment in the path, and often no model in the body. */
export function deploymentInPath(path: string): string | undefined {
  return segmentAfter(/\/(?:deployments|engines)\/([^/]+)/, path);
}

function segmentAfter(pattern: RegExp, path: string): string | undefined {
  const name = pattern.exec(path)?.[1]?.replace(/:[a-zA-Z]+$/, "");
  if (name === undefined) return undefined;
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // a stray % is literal
  }
}
