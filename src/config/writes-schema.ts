import { z } from 'zod';
import { belowRoot, compileJsonPath, SelectorError } from '../rules/jsonpath.ts';
import { parseOn } from './rule-schema.ts';
import { choice, duration, flag, text } from './scalar.ts';
import { ValueError } from './value-error.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Each is looked up in every write. */
const MAX_PRESERVED = 64;

/** A member by its path: `stats.views`, `["odd name"].x`. Parsed to its names. @throws ValueError */
function parseMember(written: string): readonly string[] {
  try {
    return compileJsonPath(belowRoot(written)).map((step) => {
      if (step.kind === 'name') return step.name;
      throw new ValueError(
        `"${written}" does not name one member: it goes through an array, or selects several`,
        'preserve the whole array by its name, or let the API protect its elements',
      );
    });
  } catch (error) {
    if (error instanceof SelectorError) throw new ValueError(error.message, error.hint, error.offset);
    throw error;
  }
}

const member = text({ examples: ['createdAt', 'stats.views'] }, parseMember);
const members = z
  .array(member)
  .min(1)
  .refine((paths) => paths.length <= MAX_PRESERVED, {
    error: `an entry can preserve at most ${MAX_PRESERVED} members`,
    params: { hint: 'name the object that holds them' },
  });

const preserveSchema = z.union([
  members,
  z.strictObject({
    paths: members.meta({ description: 'Members by path, through objects only.', examples: [['createdAt']] }),
    onPatch: choice(['refuse', 'drop'])
      .prefault('refuse')
      .meta({
        description: 'A patch that would change a preserved member: refused with 422, or sent without that change.',
        examples: ['drop'],
      }),
  }),
]);

const fileName = text({}, (written) => {
  if (written !== '' && !/^[a-z][a-z0-9+.-]+:\/\//i.test(written)) return written;
  throw new ValueError(`"${written}" is not a file`, 'name a file, relative to this one: ./settings.schema.json');
});

const mode = choice(['enforce', 'log'])
  .prefault('enforce')
  .meta({ description: 'enforce: 422 for a body that is not valid; log: count and log it only.', examples: ['log'] });

const validateSchema = z.union([
  z.strictObject({
    schema: fileName.meta({
      description: 'A JSON Schema, 2020-12 or draft-07. References to files below its folder are followed.',
      examples: ['./settings.schema.json'],
    }),
    mode,
  }),
  z.strictObject({
    openapi: fileName.meta({
      description: 'An OpenAPI 3.0 or 3.1 description: bodies, and parameters.',
      examples: ['./spec.yaml'],
    }),
    mode,
  }),
]);

const idempotencySchema = z.strictObject({
  key: choice(['required', 'optional']).meta({
    description: 'Whether a request without an Idempotency-Key is refused with 400.',
    examples: ['required'],
  }),
  keep: duration({ min: 1_000, max: 30 * DAY_MS })
    .prefault('24h')
    .meta({
      description: 'How long the first answer is kept: in Redis, or in memory, where a restart forgets it.',
      examples: ['1h'],
    }),
});

export const writeSchema = z.strictObject({
  on: text({ examples: ['PUT|PATCH /settings'] }, parseOn).meta({
    description: 'Methods joined by "|", then a pattern as in match; "*" means any unsafe method.',
  }),
  merge: flag().prefault(false).meta({
    description: 'Members that the body of a PUT leaves out keep their current values.',
  }),
  preserve: preserveSchema.optional().meta({
    description: 'Members that keep their current values, whatever the body says; or these with what a patch may do.',
    examples: [['createdAt', 'updatedBy', 'stats.views']],
  }),
  precondition: choice(['required', 'honour', 'off'])
    .optional()
    .meta({
      description:
        'If-Match and the other conditions: required (428 without), evaluated if sent, or passed on. Default: honour with merge, preserve or unchanged: skip, otherwise off.',
      examples: ['required'],
    }),
  unchanged: choice(['send', 'skip']).prefault('send').meta({
    description: 'A body that changes nothing: sent to the API all the same, or answered without it.',
  }),
  validate: validateSchema.optional().meta({ description: 'Checks bodies before the API gets them.' }),
  idempotency: idempotencySchema
    .optional()
    .meta({ description: 'A request that is sent again with the same Idempotency-Key gets the first answer again.' }),
});

export type WriteSettings = z.output<typeof writeSchema>;
