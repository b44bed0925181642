/** The warnings of `check`. `# unstale-ignore routes-overlap` on the line or the one above silences one. */
export const warnings = {
  'no-partition': 'onPartition without Redis',
  'short-token': 'an admin token that can be guessed',
  'routes-overlap': 'two routes with different policies take some of the same paths: which one comes first decides',
  'target-without-route': 'a rule invalidates paths that no route is for, and that no rule is for writes to',
  'tag-without-route': 'a rule invalidates a tag that no route gives its responses',
  'tag-never-invalidated': 'a route gives its responses a tag that no rule invalidates',
  'element-tags-alone': 'rules find the responses of a route only by what they list: not what is added',
  'cascade-dead-end': 'a cascade goes no further, for want of a tag that says who the responses of a route are',
  'widens-to-everything': 'a target that covers everything, or does so once its placeholders have no value',
  'per-user-data-shared': 'a route looks like it is about one user, and its responses are kept for all',
  'user-key-incomplete': 'a userKey leaves out something that requests may say of whose they are',
  'user-key-written-by-clients': 'a userKey names a cookie in which a client can put anybody',
  'cookie-stored': 'a Set-Cookie for one client is stored, and sent to all',
  'credential-in-key': 'a cache key shows credentials',
  'other-spellings': 'another spelling of a path that is kept from being shared is cached',
  'client-host': 'an origin with a public name gets the Host of clients',
  'redis-without-tls': 'a Redis on another machine, without TLS',
  'own-reads-announced': 'an event shows anybody what the gateway has read with its own credentials',
  'rule-never-applies': 'reads says that the writes of a rule only read',
  'snapshot-trusted': 'what a snapshot brings back is served although the origin has not confirmed it',
  'snapshot-not-trusted': 'load: trust where a snapshot cannot be trusted',
  'snapshot-without-key': 'responses of perUser routes are left out of snapshots',
  'settle-defeats': 'refresh and patch do nothing while what a rule covers is quarantined',
  'webhook-event-unknown': 'a webhook asks for a type of events that no rule announces',
  'unknown-ignore': 'a comment silences a code that there is not',
} as const;

export type WarningCode = keyof typeof warnings;

/** The codes that comments silence, by the line that they apply to. */
export interface Silenced {
  has(line: number, code: WarningCode): boolean;
  /** Unknown codes, with their offset in the text. */
  readonly unknown: readonly { readonly code: string; readonly offset: number }[];
}

const comment = /#\s*unstale-ignore[ \t]+([^\r\n#]*)/g;

export function silencedBy(text: string): Silenced {
  const byLine = new Map<number, Set<string>>();
  const unknown: { code: string; offset: number }[] = [];
  const lines = text.split('\n');
  let start = 0;
  for (const [i, line] of lines.entries()) {
    for (const match of line.matchAll(comment)) {
      const codes = (match[1] ?? '').split(/[,\s]+/).filter((code) => code !== '');
      // A comment on its own line applies to the next line with content.
      const alone = line.trimStart().startsWith('#');
      const next = lines.findIndex((other, j) => j > i && !/^\s*(?:#.*)?\r?$/.test(other));
      const about = (alone ? next : i) + 1;
      const silenced = byLine.get(about) ?? new Set();
      for (const code of codes) {
        silenced.add(code);
        if (!Object.hasOwn(warnings, code)) unknown.push({ code, offset: start + line.indexOf(code, match.index) });
      }
      byLine.set(about, silenced);
    }
    start += line.length + 1;
  }
  return { has: (line, code) => byLine.get(line)?.has(code) === true, unknown };
}
