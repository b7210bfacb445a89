import type { TrustStore } from "./trust-store.js";

/** The default password of every JDK (keytool, "The cacerts Certificates File"). */
const KEYSTORE = ["-cacerts", "-storepass", "changeit"];

/**
 * The cacerts of the Java with this keytool (Java 9 and newer). Debian's Java follows the system's store by itself, and
 * names our certificate `debian:oximy-ca-….pem`.
 */
export function javaStore(keytool: string): TrustStore {
  return {
    id: "java",
    location: `${keytool} -cacerts`,
    owner: "root",
    advice: "It is part of the Java that was found.",
    listing: {
      kind: "tool",
      file: keytool,
      args: ["-list", ...KEYSTORE],
      names: (output) => [...output.matchAll(/^(\S+), .*trustedCertEntry/gm)].map(([, alias]) => alias!),
    },
    install: ({ name, pem }) => [
      {
        kind: "run",
        file: keytool,
        args: ["-importcert", ...KEYSTORE, "-noprompt", "-alias", name],
        input: pem,
      },
    ],
    remove: (alias) => [{ kind: "run", file: keytool, args: ["-delete", ...KEYSTORE, "-alias", alias] }],
  };
}
