/** The package has no types of its own. */
declare module "har-validator" {
  /** Resolves with what it was given when that is an archive by the schema of HAR 1.2; rejects with why not. */
  export function har(archive: unknown): Promise<unknown>;
}
