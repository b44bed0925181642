import type { Draft, DraftRoute, DraftRule, DraftTarget } from './draft-model.ts';

/** A draft as the text of a configuration, commented for whoever makes it theirs. */
export function writeDraft({ origin, routes, rules, notes }: Draft, source: string): string {
  const lines = [
    '# yaml-language-server: $schema=https://unpkg.com/unstale/dist/unstale.schema.json',
    '#',
    `# Drafted by "unstale init" from ${oneLine(source)}. What was inferred, and from what, stands beside it: read it, correct it, and`,
    '# ask "unstale check" and "unstale explain" what becomes of it.',
    ...notes.map((note) => `# TODO: ${oneLine(note)}`),
    '',
    'origin:',
    ...(origin.note === undefined ? [] : [`  # TODO: ${oneLine(origin.note)}`]),
    `  url: ${scalar(origin.url)}`,
    '  # TODO: [case, parameters] if it takes /A or /a;x for /a: what is not to be cached there is not cached under other names, either',
    '  ignoreInPaths: []',
    '',
  ];
  if (routes.length > 0)
    lines.push(
      '# The first match wins. Freshness is what the API says; add cache: { ttl: 60s } where it says nothing, or too much.',
      'routes:',
    );
  for (const route of routes) lines.push(...routeLines(route));
  if (rules.length > 0)
    lines.push('', '# All that match apply. A path stands for every query and variant of it.', 'rules:');
  for (const rule of rules) lines.push(...ruleLines(rule), '');
  return `${lines.join('\n').trimEnd()}\n`;
}

function routeLines({ comments, match, off, tags, before }: DraftRoute): string[] {
  const lines = [...comments.map((comment) => `  # ${oneLine(comment)}`), `  - match: ${scalar(match)}`];
  if (off) lines.push('    cache: off');
  if (before !== undefined) lines.push(`    before: ${scalar(before)}`);
  if (tags.length > 0) lines.push('    tags:', ...tags.map((tag) => `      - ${scalar(tag)}`));
  return lines;
}

function ruleLines({ comments, name, methods, pattern, before, lookups, targets, event }: DraftRule): string[] {
  const lines = comments.map((comment) => `  # ${oneLine(comment)}`);
  lines.push(`  - name: ${scalar(name)}`, `    on: ${scalar(`${methods.join('|')} ${pattern}`)}`);
  // Nothing asks for it where no placeholder does.
  if (!before) lines.push('    before: off');
  const found = Object.entries(lookups);
  if (found.length > 0)
    lines.push('    lookup:', ...found.map(([root, path]) => `      ${root}: ${scalar(`GET ${path}`)}`));
  lines.push('    invalidate:', ...targets.map(targetLine), `    event: ${scalar(event)}`);
  return lines;
}

function targetLine({ kind, text, comment }: DraftTarget): string {
  return `      - ${kind === 'tag' ? 'tag: ' : ''}${scalar(text)} # ${oneLine(comment)}`;
}

/** JSON texts are YAML; what can do without quotes has none. */
function scalar(text: string): string {
  return /^[A-Za-z/][A-Za-z0-9/._|~:{}*[\], -]*$/.test(text) &&
    !/[:,] |: *$|^[A-Za-z]+$| $/.test(text.replace(/\{[^}]*\}/g, ''))
    ? text
    : JSON.stringify(text);
}

const oneLine = (text: string): string => text.replace(/[\r\n\p{Cc}]+/gu, ' ');
