import { CogplanError } from '../../errors.ts';

const USER_INFO = /^((?:git\+)?[a-z][a-z0-9+.-]*:\/\/)([^\s/]*)@/i;
const VARIABLE = /\$\{([A-Z0-9_]+)\}/g;

/** The environment variables that stand in the text anywhere but in the user info of its URLs. */
export function foreignVariable(text: string): string | undefined {
  const rest = text.replace(/([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/]*@/gi, '$1');
  return /\$\{([A-Z0-9_]+)\}/.exec(rest)?.[1];
}

/**
 * The URL with `${NAME}` in its user info replaced, for a request. Values are credentials: the result must reach no lock, log or message. A
 * variable that is not set is COGPLAN_REQUIREMENT_VARIABLE.
 */
export function expandUserInfo(url: string, env: Readonly<Record<string, string | undefined>>): string {
  return url.replace(USER_INFO, (_, scheme: string, userInfo: string) => {
    const expanded = userInfo.replace(VARIABLE, (__, name: string) => {
      const value = env[name];
      if (value === undefined) {
        throw new CogplanError(
          'COGPLAN_REQUIREMENT_VARIABLE',
          `a URL needs the environment variable ${name}, which is not set`,
          {
            subject: name,
            hint: `Set ${name}, or give the credentials through ~/.netrc.`,
          },
        );
      }
      // A value must not end the user info.
      return value.replace(/[\s/?#@\\]/g, (character) => encodeURIComponent(character));
    });
    return `${scheme}${expanded}@`;
  });
}
