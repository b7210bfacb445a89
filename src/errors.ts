/** Stable error codes; each is explained in docs/errors.md. */
export const ERROR_CODES = {
  OXIMY_E_USAGE: 2,
  OXIMY_E_CONFIG: 2,
  OXIMY_E_PRIVILEGE: 3,
  OXIMY_E_PLATFORM: 4,
  OXIMY_E_NATIVE_MISSING: 4,
  OXIMY_E_TOOL_MISSING: 4,
  OXIMY_E_PORT_TAKEN: 1,
  OXIMY_E_BUNDLE_UNREADABLE: 1,
  OXIMY_E_BUNDLE_NOT_JSON: 1,
  OXIMY_E_BUNDLE_NO_HOSTS: 1,
  OXIMY_E_BUNDLE_TOO_LARGE: 1,
  OXIMY_E_BUNDLE_FETCH: 1,
  OXIMY_E_OUTPUT_DIR: 1,
  OXIMY_E_CA: 1,
  OXIMY_E_TRUST: 1,
  OXIMY_E_REDIRECT: 1,
  OXIMY_E_SELF_TEST: 1,
  OXIMY_E_PROXY_DIED: 1,
  OXIMY_E_FILE: 1,
  OXIMY_E_INTERNAL: 1,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/**
 * An error for the user: `message` says what happened and why, `advice` what to do.
 * `exitCode` is the process exit code that belongs to the code (docs/errors.md).
 */
export class OximyError extends Error {
  readonly code: ErrorCode;
  readonly advice: string;

  constructor(code: ErrorCode, message: string, advice: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "OximyError";
    this.code = code;
    this.advice = advice;
  }

  get exitCode(): number {
    return ERROR_CODES[this.code];
  }
}
