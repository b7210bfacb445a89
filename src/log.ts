/** Log messages on standard error: text, or JSON lines by pino. */

import { pino } from "pino";
import { printableText, printError } from "./terminal.js";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface LogOptions {
  readonly json: boolean;
  /** Lowest level that is printed. */
  readonly level: LogLevel;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export function createLog(options: LogOptions): Log {
  if (options.json) {
    // Synchronous, so that messages logged just before an exit are not lost.
    const logger = pino({ level: options.level, base: null }, pino.destination({ fd: 2, sync: true }));
    return {
      debug: (message) => logger.debug(printableText(message)),
      info: (message) => logger.info(printableText(message)),
      warn: (message) => logger.warn(printableText(message)),
      error: (message) => logger.error(printableText(message)),
    };
  }
  const print = (level: LogLevel) => (message: string) => {
    if (RANK[level] < RANK[options.level]) return;
    printError(`${level === "info" ? "" : `${level}: `}${message}`);
  };
  return { debug: print("debug"), info: print("info"), warn: print("warn"), error: print("error") };
}
