/** What a registry answers an unauthorised request with: how to become authorised. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service?: string; readonly scope?: string };

const TOKEN = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";
const PARAMETER = new RegExp(`\\s*(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))\\s*(?:,|$)`, 'y');
const SCHEME = new RegExp(`\\s*(${TOKEN})(?:\\s+|$)`, 'y');
const MOST_CHARACTERS = 16 * 1024;

/**
 * The challenges of a WWW-Authenticate header (RFC 9110, section 11.6.1) that registries use; Bearer first, as it is the one that
 * a registry with both means. https://distribution.github.io/distribution/spec/auth/token/
 */
export function parseChallenges(header: string | undefined): readonly Challenge[] {
  const text = (header ?? '').slice(0, MOST_CHARACTERS);
  const challenges: Challenge[] = [];
  for (let at = 0; at < text.length; ) {
    SCHEME.lastIndex = at;
    const scheme = SCHEME.exec(text);
    if (scheme === null) break;
    at = SCHEME.lastIndex;
    const parameters = new Map<string, string>();
    for (;;) {
      PARAMETER.lastIndex = at;
      const parameter = PARAMETER.exec(text);
      if (parameter === null) break;
      at = PARAMETER.lastIndex;
      const [, name = '', quoted, plain = ''] = parameter;
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
    }
    const challenge = challengeOf(scheme[1]?.toLowerCase() ?? '', parameters);
    if (challenge !== undefined) challenges.push(challenge);
  }
  return challenges.sort((a, b) => Number(a.scheme === 'basic') - Number(b.scheme === 'basic'));
}

function challengeOf(scheme: string, parameters: ReadonlyMap<string, string>): Challenge | undefined {
  if (scheme === 'basic') return { scheme };
  const realm = parameters.get('realm');
  if (scheme !== 'bearer' || realm === undefined) return undefined;
  const [service, scope] = [parameters.get('service'), parameters.get('scope')];
  return { scheme, realm, ...(service === undefined ? {} : { service }), ...(scope === undefined ? {} : { scope }) };
}
