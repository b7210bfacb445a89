/**
 * AI apps that accept only the certificates of their vendor, whatever the system trusts. An app is added with a public
 * source and the date it was seen: an app that is listed by mistake is never captured.
 */

export interface PinningApp {
  /** The app's id in the bundle. */
  readonly app: string;
  readonly name: string;
  readonly platform: "linux" | "darwin" | "any";
  /** URL of the evidence. */
  readonly source: string;
  /** Date of the source, YYYY-MM-DD. */
  readonly date: string;
}

export const PINNING_APPS: readonly PinningApp[] = [
  {
    app: "chatgpt",
    name: "ChatGPT for macOS",
    platform: "darwin",
    source: "https://lumia.security/blog/openai-limits-data-inspection-for-most-organizations",
    date: "2025-11-20",
  },
];

export function pinningApp(
  app: string | undefined,
  platform: NodeJS.Platform = process.platform,
  apps: readonly PinningApp[] = PINNING_APPS,
): PinningApp | undefined {
  if (app === undefined) return undefined;
  return apps.find((entry) => entry.app === app && (entry.platform === "any" || entry.platform === platform));
}
