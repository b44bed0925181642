/** The warnings of `check`. `# unstale-ignore routes-overlap` on the line or the one above silences one. */
export const warnings = {
  'no-partition': 'onPartition without Redis',
  'short-token': 'an admin token that is short enough to be guessed',
  'routes-overlap': 'two routes with different policies overlap: the first one applies',
  'target-without-route': 'a rule invalidates paths that match no route, and writes to which match no rule',
  'tag-without-route': 'a rule invalidates a tag that no route declares',
  'tag-never-invalidated': 'a route declares a tag that no rule invalidates',
  'cascade-dead-end': 'a cascade stops because no tag identifies the responses of a route',
  'widens-to-everything': 'a target that covers everything, possibly only after a wildcard fallback',
  'per-user-data-shared': 'a route looks like data of one user, but its responses are shared',
  'settle-defeats': 'refresh and patch have no effect during settle',
  'unknown-ignore': 'a comment silences an unknown code',
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
