import { z } from 'zod';
import { safeMethods } from '../http/methods.ts';
import { roots } from '../rules/source.ts';
import { choice, duration, flag, text, textOrNumber } from './scalar.ts';
import {
  checkedBody,
  checkedPath,
  checkedPattern,
  checkedPlace,
  checkedSource,
  readTemplate,
  template,
} from './templates.ts';
import { ValueError } from './value-error.ts';

export interface On {
  readonly methods: readonly string[];
  readonly pattern: string;
}

/** `PUT|PATCH|DELETE /accommodations/:id`; `*` is any unsafe method. @throws ValueError */
export function parseOn(on: string): On {
  const [, written = '', pattern = ''] = /^(\S+)\s+(\S.*)$/.exec(on) ?? [];
  if (pattern === '') {
    const hint = on.startsWith('/') ? `write "* ${on}" for any write` : 'write PUT|PATCH|DELETE /accommodations/:id';
    throw new ValueError(`"${on}" is not a list of methods and a pattern`, hint);
  }
  const methods = written.split('|');
  if (written !== '*') methods.forEach(checkMethod);
  const twice = methods.find((method, i) => methods.indexOf(method) !== i);
  if (twice !== undefined) throw new ValueError(`${twice} occurs twice`, 'name each method once');
  return { methods, pattern: checkedPattern(pattern) };
}

function checkMethod(method: string): void {
  if (method === '*') throw new ValueError('"*" already includes every unsafe method', 'remove the others');
  // RFC 9110 §9.1: methods are case-sensitive, so `put` would never match anything.
  if (!/^[A-Z][A-Z0-9_-]*$/.test(method)) {
    const upper = method.toUpperCase();
    const hint = /^[A-Z][A-Z0-9_-]*$/.test(upper) ? `write ${upper}` : 'join methods with "|": PUT|PATCH';
    throw new ValueError(`"${method}" is not a method`, hint);
  }
  // RFC 9110 §9.2.1: these change nothing, so no rule and no protection can follow from them.
  if (safeMethods.has(method)) {
    throw new ValueError(`${method} only reads`, 'name unsafe methods: POST, PUT, PATCH, DELETE');
  }
}

/** Names that `EventSource` or the protocol reserve: clients would mistake them for a lost connection, for example. */
const reservedEvents: readonly string[] = ['open', 'error', 'resync'];

function parseEvent(event: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._:-]*$/.test(event)) {
    throw new ValueError(
      `"${event}" is not a valid event name`,
      'begin with a letter or a digit, and use letters, digits and "._:-": accommodation.changed',
    );
  }
  if (reservedEvents.includes(event)) {
    throw new ValueError(`"${event}" is reserved`, 'name what changed: accommodation.changed');
  }
  return event;
}

function parseName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return name;
  throw new ValueError(`"${name}" is not a valid rule name`, 'use letters, digits and "._-": accommodation-in-step');
}

const cascade = flag()
  .prefault(false)
  .meta({ description: 'Also invalidate what embeds the target, directly or not.' });

const targetSchema = z.union([
  template('path', { pattern: '^/', examples: ['/steps/{before.stepId, response.stepId}'] }),
  z.strictObject({
    tag: template('tag', { examples: ['accommodation:{id}'] }).meta({
      description: 'All responses that carry this tag.',
    }),
    cascade,
  }),
  z.strictObject({
    path: template('path', { pattern: '^/', examples: ['/steps/{response.stepId}'] }).meta({
      description: 'A path target.',
      examples: ['/steps/{response.stepId}'],
    }),
    cascade,
  }),
]);

/** Conditions and payloads name sources without braces. */
const source = text({ examples: ['response.stepId'] }, checkedSource);
const sources = oneOrMore(source);

function oneOrMore<T extends z.ZodType>(one: T) {
  return z.union([one, z.array(one).min(1)]).transform((value) => (Array.isArray(value) ? value : [value]));
}

function parseStatus(status: string): string {
  if (/^[1-5](?:xx|[0-9][0-9])$/.test(status)) return status;
  throw new ValueError(`"${status}" is not a status`, 'write a code or a class: 201, 2xx');
}

const status = textOrNumber({ pattern: '^[1-5]([0-9][0-9]|xx)$', examples: ['2xx'] }, parseStatus);

const scalarValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);

const whenSchema = z.strictObject({
  status: oneOrMore(status)
    .optional()
    .meta({ description: 'Status codes or classes of the response; one of them must match.', examples: ['2xx'] }),
  present: sources.optional().meta({ description: 'Sources that must have a value.' }),
  absent: sources.optional().meta({ description: 'Sources that must have no value.' }),
  equals: z
    .record(source, oneOrMore(scalarValue))
    .optional()
    .meta({
      description: 'Source: the value, or the values, one of which it must have.',
      examples: [{ 'response.kind': ['hotel', 'inn'] }],
    }),
  changed: oneOrMore(text({ examples: ['stepId'] }, checkedPath))
    .optional()
    .meta({ description: 'Fields, at least one of which must differ between before and response.' }),
});

/** A word that can be the root of a source. */
function parseLookupName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    throw new ValueError(`"${name}" is not a valid lookup name`, 'use letters, digits and "_": step');
  }
  if (roots.some((root) => root === name))
    throw new ValueError(`"${name}" is reserved in placeholders`, 'choose another name');
  return name;
}

function parsePointer(pointer: string): string {
  if (/^(?:\/(?:[^~/]|~[01])*)*$/.test(pointer)) return pointer;
  throw new ValueError(`"${pointer}" is not a JSON Pointer`, 'write it as in RFC 6901: /accommodations');
}

const patchSchema = z.strictObject({
  path: text({ pattern: '^/', examples: ['/steps/{response.stepId}'] }, checkedPlace).meta({
    description: 'The parents. Those that only `before` names lose the element.',
  }),
  at: text({ examples: ['/accommodations'] }, parsePointer).meta({
    description: 'JSON Pointer in the parent: to the array that contains the element, or to the element itself.',
  }),
  key: text({}, String)
    .prefault('id')
    .meta({ description: 'The member that identifies an element.', examples: ['id'] }),
  with: text({ examples: ['response'] }, checkedBody)
    .prefault('response')
    .meta({
      description: 'The new representation: response, request, or a path below one.',
    }),
  add: choice(['end', 'start', 'never'])
    .prefault('end')
    .meta({
      description: 'Where to add a new element; never: invalidate the parent instead.',
      examples: ['start'],
    }),
});

const DAY_MS = 24 * 60 * 60 * 1000;
/** Each costs a request to the origin before the write is answered. */
const MAX_LOOKUPS = 4;

export const ruleSchema = z.strictObject({
  name: text({}, parseName)
    .optional()
    .meta({
      description:
        'A unique name, shown in logs, events and metrics. Default: made of on, PUT-PATCH-accommodations-id.',
      examples: ['accommodation-in-step'],
    }),
  on: text({ examples: ['PUT|PATCH|DELETE /accommodations/:id'] }, parseOn).meta({
    description: 'Methods joined by "|", then a pattern as in match; "*" means any unsafe method.',
  }),
  when: whenSchema.optional().meta({ description: 'The rule applies only if all of these conditions hold.' }),
  lookup: z
    .record(text({}, parseLookupName), readTemplate())
    .optional()
    .refine((lookup) => Object.keys(lookup ?? {}).length <= MAX_LOOKUPS, {
      error: `a rule can have at most ${MAX_LOOKUPS} lookups`,
      params: { hint: 'use fewer lookups, or let the other placeholders fall back to a wildcard' },
    })
    .meta({
      description: 'Reads from the origin after the write, to follow the parent; each name is a root for placeholders.',
      examples: [{ step: 'GET /steps/{response.stepId}' }],
    }),
  invalidate: z
    .array(targetSchema)
    .min(1)
    .optional()
    .meta({
      description: 'Paths (with every variant and query string) or tags, with {placeholders}.',
      examples: [['/steps/{response.stepId}', { tag: 'accommodation:{id}' }]],
    }),
  refresh: z
    .array(text({ pattern: '^/', examples: ['/steps/{response.stepId}'] }, checkedPlace))
    .min(1)
    .optional()
    .meta({ description: 'Paths to invalidate and, if they were stored, to fetch again at once.' }),
  patch: z.array(patchSchema).min(1).optional().meta({
    description: 'Stored parents to update in place where that is certain to be correct.',
  }),
  onlyIfChanged: z
    .union([
      flag(),
      z.strictObject({
        ignoring: z
          .array(text({ examples: ['updatedAt'] }, checkedPath))
          .min(1)
          .meta({ description: 'Fields that may differ: JSONPaths without the leading "$".' }),
      }),
    ])
    .optional()
    .meta({ description: 'A write that does not change the representation invalidates nothing and sends no event.' }),
  settle: duration({ min: 0, max: DAY_MS })
    .optional()
    .meta({ description: 'How long after the write nothing that the rule covers is stored.', examples: ['5s'] }),
  event: z
    .union([
      text({ examples: ['accommodation.changed'] }, parseEvent),
      z.strictObject({
        type: text({ examples: ['accommodation.changed'] }, parseEvent).meta({
          description: 'The event type that clients listen for.',
        }),
        payload: z
          .record(z.string(), source)
          .optional()
          .meta({
            description:
              'Member of data.payload: the source of its value. A source with several values gives an array.',
            examples: [{ id: 'response.id' }],
          }),
      }),
    ])
    .optional()
    .meta({ description: 'The type of the event, or its type and payload. Default: invalidate.' }),
  unresolved: choice(['widen', 'ignore', 'reject']).prefault('widen').meta({
    description: 'A placeholder without a value: fall back to a wildcard, drop the target, or refuse the write (422).',
  }),
  before: choice(['read', 'stored', 'off']).prefault('read').meta({
    description:
      'The representation before the write: read from the origin if not stored, used only if stored, or never used.',
  }),
});

export type WrittenRule = z.output<typeof ruleSchema>;
export type RuleSettings = WrittenRule & { readonly name: string };
