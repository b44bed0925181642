import type { DraftCredentials } from './draft-credentials.ts';
import type { Draft, DraftRoute, DraftRule, DraftTarget } from './draft-model.ts';
import { covers } from './pattern-sets.ts';

/** A draft as the text of a configuration, with comments for its future owner. */
export function writeDraft(
  { origin, credentials, routes, reads, rules, notes, summary }: Draft,
  source: string,
): string {
  const lines = [
    '# yaml-language-server: $schema=https://unpkg.com/unstale/dist/unstale.schema.json',
    '#',
    `# Drafted by "unstale init" from ${oneLine(source)}. Comments say what each part was inferred from.`,
    '# Review and correct it, then run "unstale check" and "unstale explain".',
    '#',
    ...summary.map((line) => `# ${oneLine(line)}`),
    ...notes.map((note) => `# TODO: ${oneLine(note)}`),
    '',
    'origin:',
    ...(origin.note === undefined ? [] : [`  # TODO: ${oneLine(origin.note)}`]),
    `  url: ${scalar(origin.url)}`,
    ...hostLines(origin.url),
    '  # Does the API take /Users/me or /users/me;x.css for /users/me? Then list it: [case, parameters, extension].',
    '  ignoreInPaths: []',
    '',
    ...(credentials === undefined ? [] : credentialLines(credentials)),
  ];
  if (routes.length > 0)
    lines.push('# The first match wins. The API decides freshness; add cache: { ttl: 60s } to override it.', 'routes:');
  for (const route of routes) lines.push(...routeLines(route, rules));
  if (reads.length > 0) {
    lines.push('', '# POSTs that only read, by name and description: no write, so nothing is invalidated.', 'reads:');
    lines.push(...reads.map(({ pattern, comment }) => `  - ${scalar(`POST ${pattern}`)} # ${oneLine(comment)}`));
  }
  if (rules.length > 0)
    lines.push('', '# All matching rules apply. A path covers all its queries and variants.', 'rules:');
  for (const rule of rules) lines.push(...ruleLines(rule), '');
  return `${lines.join('\n').trimEnd()}\n`;
}

/** A service that is known by name answers to that name only; for https it is the default. */
function hostLines(url: string): string[] {
  const { protocol, hostname } = new URL(url);
  const isNamed = /[a-z]/i.test(hostname) && hostname.includes('.') && !hostname.startsWith('[');
  return protocol === 'http:' && isNamed ? ['  host: origin'] : [];
}

function credentialLines({ headers, params, userKey }: DraftCredentials): string[] {
  const list = (names: readonly string[]): string => `[${names.map(inFlow).join(', ')}]`;
  return [
    '# By what the API knows its clients (securitySchemes).',
    ...(headers.length === 0 ? [] : [`credentialHeaders: ${list(headers)}`]),
    ...(params.length === 0 ? [] : [`credentialParams: ${list(params)}`]),
    'defaults:',
    '  # Each user has responses of their own. Where they are the same for all who may see them: credentials: shared.',
    `  cache: { credentials: perUser, userKey: ${list(userKey)} }`,
    '',
  ];
}

const inFlow = (name: string): string => (/^[A-Za-z][A-Za-z0-9_-]*$/.test(name) ? name : JSON.stringify(name));

function routeLines(route: DraftRoute, rules: readonly DraftRule[]): string[] {
  const { comments, match, off, tags, before } = route;
  const silenced = isOnlyRead(route, rules) ? ' # no write adds to it # unstale-ignore element-tags-alone' : '';
  const lines = [...comments.map((comment) => `  # ${oneLine(comment)}`), `  - match: ${scalar(match)}`];
  if (off) lines.push('    cache: off');
  if (before !== undefined) lines.push(`    before: ${scalar(before)}`);
  if (tags.length > 0) lines.push('    tags:', ...tags.map((tag) => `      - ${scalar(tag)}${silenced}`));
  return lines;
}

/** Its tags are those of what it lists, and no write of the description is at its path: none adds to it. */
function isOnlyRead({ match, tags }: DraftRoute, rules: readonly DraftRule[]): boolean {
  const isWritten = rules.some(({ pattern }) => covers(pattern, match) || covers(pattern, `${match}/:item`));
  return !isWritten && tags.every((tag) => /\[[*?]/.test(tag));
}

function ruleLines({ comments, name, methods, pattern, before, lookups, targets, event }: DraftRule): string[] {
  const lines = comments.map((comment) => `  # ${oneLine(comment)}`);
  lines.push(`  - name: ${scalar(name)}`, `    on: ${scalar(`${methods.join('|')} ${pattern}`)}`);
  // Not needed unless a placeholder uses it.
  if (!before) lines.push('    before: off');
  const found = Object.entries(lookups);
  if (found.length > 0)
    lines.push('    lookup:', ...found.map(([root, path]) => `      ${root}: ${scalar(`GET ${path}`)}`));
  lines.push('    invalidate:', ...targets.map(targetLine), `    event: ${scalar(event)}`);
  return lines;
}

function targetLine({ kind, text, comment }: DraftTarget): string {
  // A tenant, or a collection, that only a body names is all of the path.
  const isOpen = kind === 'path' && /^(?:\/(?:\*\*?|\{[^}]*[.,[][^}]*\}))+$/.test(text);
  const silenced = isOpen ? ' # unstale-ignore widens-to-everything' : '';
  return `      - ${kind === 'tag' ? 'tag: ' : ''}${scalar(text)} # ${oneLine(comment)}${silenced}`;
}

/** JSON strings are valid YAML; simple words need no quotes. */
function scalar(text: string): string {
  return /^[A-Za-z/][A-Za-z0-9/._|~:{}*[\], -]*$/.test(text) &&
    !/[:,] |: *$|^[A-Za-z]+$| $/.test(text.replace(/\{[^}]*\}/g, ''))
    ? text
    : JSON.stringify(text);
}

const oneLine = (text: string): string => text.replace(/[\r\n\p{Cc}]+/gu, ' ');
