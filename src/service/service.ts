/** What the system starts by itself: `oximy local` for one user's home, with what it was told when it was installed. */

export interface Service {
  /** Absolute paths: a service has no PATH to look through. */
  readonly node: string;
  readonly main: string;
  /** Flags of `oximy local`. */
  readonly args: readonly string[];
  /** Whose events these are, as sudo would tell it. */
  readonly invokingUser: { readonly uid: number; readonly gid: number; readonly user?: string };
  /** `OXIMY_HOME`, `OXIMY_STATE_DIR`, where they are set. */
  readonly variables: Readonly<Record<string, string>>;
}

export const SERVICE_NAME = "oximy";
/** In the first lines of our files, by which they are known to be ours. */
export const SERVICE_MARK = "Made by `oximy service install`; `oximy service uninstall` removes it.";

/** What sudo would set, and what was set. */
export function environmentOf({
  invokingUser,
  variables,
}: Service): ReadonlyArray<readonly [string, string]> {
  const { uid, gid, user } = invokingUser;
  const sudo = uid === 0 ? {} : { SUDO_UID: `${uid}`, SUDO_GID: `${gid}`, ...(user && { SUDO_USER: user }) };
  return Object.entries({ ...sudo, ...variables });
}

/** A line could be more than one in what is made of it. */
export function whyUnfit({ node, main, args, variables }: Service): string | undefined {
  const foreign = [node, main, ...args, ...Object.values(variables)].find((text) =>
    /[\x00-\x1f\x7f]/.test(text),
  );
  return foreign === undefined ? undefined : `a control character stands in ${JSON.stringify(foreign)}`;
}
