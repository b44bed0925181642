import { z } from 'zod';
import { choice, text } from './scalar.ts';
import { checkedPattern, template } from './templates.ts';
import { ValueError } from './value-error.ts';

/** RFC 9110 §9.2.1: these change nothing, so no rule can follow from them. */
const safeMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE'];

export interface On {
  readonly methods: readonly string[];
  readonly pattern: string;
}

/** `PUT|PATCH|DELETE /accommodations/:id`; `*` is any unsafe method. @throws ValueError */
function parseOn(on: string): On {
  const [, written = '', pattern = ''] = /^(\S+)\s+(\S.*)$/.exec(on) ?? [];
  if (pattern === '') {
    const hint = on.startsWith('/') ? `write "* ${on}" for any write` : 'write PUT|PATCH|DELETE /accommodations/:id';
    throw new ValueError(`"${on}" is not methods and a pattern`, hint);
  }
  const methods = written.split('|');
  if (written !== '*') methods.forEach(checkMethod);
  const twice = methods.find((method, i) => methods.indexOf(method) !== i);
  if (twice !== undefined) throw new ValueError(`${twice} stands twice`, 'name each method once');
  return { methods, pattern: checkedPattern(pattern) };
}

function checkMethod(method: string): void {
  if (method === '*') throw new ValueError('"*" is any unsafe method already', 'leave out the others');
  // RFC 9110 §9.1: methods are case-sensitive, so `put` would never match anything.
  if (!/^[A-Z][A-Z0-9_-]*$/.test(method)) {
    const upper = method.toUpperCase();
    const hint = /^[A-Z][A-Z0-9_-]*$/.test(upper) ? `write ${upper}` : 'methods are joined by "|": PUT|PATCH';
    throw new ValueError(`"${method}" is not a method`, hint);
  }
  if (safeMethods.includes(method)) {
    throw new ValueError(
      `${method} changes nothing, so it invalidates nothing`,
      'name unsafe methods: POST, PUT, PATCH, DELETE',
    );
  }
}

/** Names that `EventSource` or the protocol use for something else: clients would take them for a lost connection. */
const reservedEvents: readonly string[] = ['open', 'error', 'resync'];

function parseEvent(event: string): string {
  if (!/^[A-Za-z][A-Za-z0-9._:-]*$/.test(event)) {
    throw new ValueError(`"${event}" is not the name of an event`, 'letters, digits and "._:-": accommodation.changed');
  }
  if (reservedEvents.includes(event)) {
    throw new ValueError(`"${event}" means something else to clients`, 'say what changed: accommodation.changed');
  }
  return event;
}

function parseName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return name;
  throw new ValueError(`"${name}" is not the name of a rule`, 'letters, digits and "._-": accommodation-in-step');
}

const targetSchema = z.union([
  template('path', { pattern: '^/', examples: ['/steps/{before.stepId, response.stepId}'] }),
  z.strictObject({
    tag: template('tag', { examples: ['accommodation:{id}'] }).meta({
      description: 'All responses that carry this tag.',
    }),
  }),
]);

export const ruleSchema = z.strictObject({
  name: text({}, parseName).meta({ description: 'In logs, events and metrics. No two rules have the same.' }),
  on: text({ examples: ['PUT|PATCH|DELETE /accommodations/:id'] }, parseOn).meta({
    description: 'Methods joined by "|", then a pattern; "*" is any unsafe method.',
  }),
  invalidate: z
    .array(targetSchema)
    .min(1)
    .meta({ description: 'Paths (every variant and query string of them), or tags, with {placeholders}.' }),
  event: text({ examples: ['accommodation.changed'] }, parseEvent)
    .optional()
    .meta({ description: 'Type of the event that clients get. Absent: invalidate.' }),
  unresolved: choice(['widen', 'ignore', 'reject']).prefault('widen').meta({
    description: 'A placeholder that yields no value: stands for any, drops its target, or refuses the write.',
  }),
  before: choice(['read', 'stored', 'off']).prefault('read').meta({
    description:
      'The written resource as it was: read from the origin where none is stored, only where stored, or never.',
  }),
});

export type RuleSettings = z.output<typeof ruleSchema>;
