import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { canonicalJson } from '../rules/canonical-json.ts';
import { linearPattern } from './linear-pattern.ts';
import type { SchemaObject } from './subschemas.ts';
import { escapedToken, MAX_VIOLATIONS, type Violation, violation } from './violation.ts';

export type Draft = '2020-12' | 'draft-07';

/**
 * The keyword that counts how often schemas are applied by reference. Schemas that refer to each other, with a choice
 * at each step, can be applied exponentially often to a body of a few bytes.
 */
const COUNTED = 'x-unstale-counted';
/** How often that may be: for a small body, and for each byte of a large one. No schema in use comes near. */
const LEAST_APPLICATIONS = 10_000;
const APPLICATIONS_PER_BYTE = 8;
const MOST_APPLICATIONS = 1_000_000;
/**
 * What patterns, formats and `uniqueItems` may cost together, in steps of some 20 ns. A pattern of a thousand
 * instructions takes 20 µs for each character.
 */
const MOST_STEPS = 20_000_000;
const STEPS_PER_CANONICAL_CHARACTER = 4;
/** Of the square of a text's length: some formats have regular expressions that take quadratic time. */
const STEPS_PER_FORMAT_SQUARE = 1 / 32;
/** A longer text has none of the formats that are told by a regular expression. Some of these take quadratic time. */
const MAX_FORMAT_LENGTH = 2_048;
/** Of a longer body the first violation is told alone: to find all of them takes time and memory. */
const MAX_BYTES_FOR_ALL = 64 * 1024;

const base: Options = {
  // Unknown keywords and formats are annotations, as the specification has it.
  strict: false,
  logger: false,
  // Without it, `required: [constructor]` would hold for every object.
  ownProperties: true,
  // 1.1 is a multiple of 0.01.
  multipleOfPrecision: 8,
  inlineRefs: false,
  // `schemaFaults` says it in full.
  validateSchema: false,
};

/** Schemas of one configuration entry, compiled. */
export class Engine {
  readonly #first: Ajv;
  readonly #all: Ajv;
  #applicationsLeft = 0;
  /** Endless but for what clients send: schemas are checked by patterns, too. */
  #stepsLeft = Number.POSITIVE_INFINITY;

  /** `coerce`: texts of parameters become the numbers and booleans that they stand for. */
  constructor(draft: Draft, { coerce }: { readonly coerce: boolean }) {
    const options = { ...base, coerceTypes: coerce, code: { regExp: this.#patterns() } };
    const create = (more: Options): Ajv => {
      const made = { ...options, ...more };
      return this.#completed(draft === 'draft-07' ? new Ajv(made) : (new Ajv2020(made) as unknown as Ajv));
    };
    this.#first = create({});
    this.#all = create({ allErrors: true });
  }

  /** What is wrong with a schema, by its meta-schema. */
  faults(schema: SchemaObject): readonly SchemaFault[] {
    if (this.#first.validateSchema(schema) === true) return [];
    return (this.#first.errors ?? []).map(({ instancePath, message = 'is wrong' }) => ({
      pointer: instancePath,
      message,
    }));
  }

  /** A document that others refer to by this URI. */
  add(uri: string, schema: SchemaObject): void {
    for (const ajv of [this.#first, this.#all]) ajv.addSchema(schema, uri, undefined, false);
  }

  /**
   * @throws PatternError, and what ajv throws for a reference that leads nowhere
   */
  compile(schema: SchemaObject): CompiledSchema {
    const first = this.#first.compile(schema);
    // Compiled for the first body that is not valid: most never meet one, and it takes as long again.
    let all: ValidateFunction | undefined;
    if ('$async' in first) throw new Error('"$async" is not supported');
    const check: CompiledSchema = (value, where, bytes) => {
      const found = this.#violations(first, value, where, bytes);
      if (found.length === 0 || found[0]?.message === ENDLESS || bytes > MAX_BYTES_FOR_ALL) return found;
      all ??= this.#all.compile(schema);
      return this.#violations(all, value, where, bytes);
    };
    for (const value of [null, '', [], {}]) {
      if (this.#violations(first, value, 'body', 0).some(({ message }) => message === ENDLESS)) {
        throw new Error('to check even an empty value takes too long: a schema refers to itself, or to many others');
      }
    }
    return check;
  }

  #violations(validate: ValidateFunction, value: unknown, where: Violation['in'], bytes: number): Violation[] {
    const applications = Math.max(LEAST_APPLICATIONS, APPLICATIONS_PER_BYTE * bytes);
    this.#applicationsLeft = Math.min(MOST_APPLICATIONS, applications);
    this.#stepsLeft = MOST_STEPS;
    try {
      if (validate(value)) return [];
    } catch (error) {
      // The stack may end before the count does.
      if (!(error instanceof TooMuch) && !(error instanceof RangeError)) throw error;
      return [violation(where, '', ENDLESS)];
    } finally {
      this.#stepsLeft = Number.POSITIVE_INFINITY;
    }
    // Alternatives often find the same.
    const found = new Map<string, Violation>();
    for (const error of validate.errors ?? []) {
      if (found.size >= MAX_VIOLATIONS) break;
      const each = violationOf(where, error);
      found.set(JSON.stringify(each), each);
    }
    return [...found.values()];
  }

  #completed(ajv: Ajv): Ajv {
    formats.default(ajv);
    for (const [name, format] of Object.entries(fullFormats))
      if (!unbounded.has(name)) ajv.addFormat(name, this.#bounded(format));
    ajv.addKeyword({
      keyword: COUNTED,
      schemaType: 'boolean',
      errors: false,
      validate: () => {
        this.#applicationsLeft -= 1;
        if (this.#applicationsLeft < 0) throw new TooMuch();
        return true;
      },
    });
    // ajv compares each element with each other one.
    ajv.removeKeyword('uniqueItems');
    ajv.addKeyword({
      keyword: 'uniqueItems',
      type: 'array',
      schemaType: 'boolean',
      error: { message: 'must NOT have duplicate items' },
      validate: (wanted: boolean, items: readonly unknown[]) =>
        !wanted || new Set(items.map((value) => this.#canonical(value))).size === items.length,
    });
    return ajv;
  }

  /** @throws TooMuch */
  #spend(steps: number): void {
    this.#stepsLeft -= steps;
    if (this.#stepsLeft < 0) throw new TooMuch();
  }

  /** A schema that refers to itself asks for it again at each level. */
  #canonical(value: unknown): string {
    const text = canonicalJson({ value });
    this.#spend(text.length * STEPS_PER_CANONICAL_CHARACTER);
    return text;
  }

  /** For ajv, which knows what it has compiled by its text. */
  #patterns(): RegExpMaker {
    const compile = (pattern: string) => {
      const { test, stepsPerCharacter } = linearPattern(pattern);
      const counting = (text: string): boolean => {
        this.#spend(text.length * stepsPerCharacter);
        return test(text);
      };
      return { test: counting, toString: () => pattern };
    };
    // Would be the source of a stand-alone module, which is never made.
    return Object.assign(compile, { code: 'linearPattern' }) as unknown as RegExpMaker;
  }

  #bounded(format: Format): Format {
    const shortOnly = (matches: (text: string) => unknown) => (text: string) => {
      if (text.length > MAX_FORMAT_LENGTH) return false;
      this.#spend(text.length * text.length * STEPS_PER_FORMAT_SQUARE);
      return matches(text) === true;
    };
    if (format instanceof RegExp) return shortOnly((text) => format.test(text));
    if (typeof format === 'function') return shortOnly(format);
    if (typeof format !== 'object' || format.type === 'number' || format.async === true) return format;
    const { validate } = format;
    if (typeof validate === 'string') return format;
    return shortOnly(
      validate instanceof RegExp ? (text) => validate.test(text) : (validate as (text: string) => unknown),
    );
  }
}

const ENDLESS = 'takes too long to be checked';

export interface SchemaFault {
  /** A JSON Pointer. */
  readonly pointer: string;
  readonly message: string;
}

/**
 * One for each draft, which has the meta-schema and nothing else: a meta-schema takes ten times as long to compile as
 * most of the schemas that are checked by it.
 */
const metaSchemas = new Map<Draft, Engine>();

/** What is wrong with a schema, by the meta-schema of its draft. */
export function schemaFaults(draft: Draft, schema: SchemaObject): readonly SchemaFault[] {
  const engine = metaSchemas.get(draft) ?? new Engine(draft, { coerce: false });
  metaSchemas.set(draft, engine);
  return engine.faults(schema);
}

/** What of a value violates the schema; `bytes` is the size of its text. */
export type CompiledSchema = (value: unknown, where: Violation['in'], bytes: number) => readonly Violation[];

class TooMuch extends Error {}

/** Has each application of this schema, which refers to another, counted. */
export function counted(schema: SchemaObject): void {
  schema[COUNTED] = true;
}

type RegExpMaker = NonNullable<NonNullable<Options['code']>['regExp']>;

/** These have no regular expression that takes more than linear time, and their texts may be long. */
const unbounded = new Set(['byte', 'binary', 'password']);

type Format = Parameters<Ajv['addFormat']>[1];

function violationOf(where: Violation['in'], { instancePath, keyword, message, params }: ErrorObject): Violation {
  const { additionalProperty, unevaluatedProperty } = params as Readonly<Record<string, unknown>>;
  const extra = additionalProperty ?? unevaluatedProperty;
  if (typeof extra === 'string') {
    return violation(where, `${instancePath}/${escapedToken(extra)}`, 'is not allowed here');
  }
  return violation(where, instancePath, message ?? `violates ${keyword}`);
}
