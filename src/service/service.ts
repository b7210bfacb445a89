/** The service that the system starts: `oximy local` for one user's home, with the settings given at installation. */

export interface Service {
  /** Absolute paths: a service has no PATH to search. */
  readonly node: string;
  readonly main: string;
  /** Flags of `oximy local`. */
  readonly args: readonly string[];
  /** The user whose events these are, as sudo would report it. */
  readonly invokingUser: { readonly uid: number; readonly gid: number; readonly user?: string };
  /** `OXIMY_HOME`, `OXIMY_STATE_DIR`, if set. */
  readonly variables: Readonly<Record<string, string>>;
}

export const SERVICE_NAME = "oximy";
/** In the first lines of our files, to recognize them as ours. */
export const SERVICE_MARK = "Made by `oximy service install`; `oximy service uninstall` removes it.";

/** The variables that sudo would set, and those given at installation. */
export function environmentOf({
  invokingUser,
  variables,
}: Service): ReadonlyArray<readonly [string, string]> {
  const { uid, gid, user } = invokingUser;
  const sudo = uid === 0 ? {} : { SUDO_UID: `${uid}`, SUDO_GID: `${gid}`, ...(user && { SUDO_USER: user }) };
  return Object.entries({ ...sudo, ...variables });
}

/** Rejects control characters, which could break one line of the generated file into several. */
export function whyUnfit({ node, main, args, variables }: Service): string | undefined {
  const foreign = [node, main, ...args, ...Object.values(variables)].find((text) =>
    /[\x00-\x1f\x7f]/.test(text),
  );
  return foreign === undefined ? undefined : `there is a control character in ${JSON.stringify(foreign)}`;
}
