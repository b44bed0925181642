import type { z } from 'zod';
import { configJsonSchema } from './json-schema.ts';
import { builtInCache, builtInClient } from './policy.ts';
import type { CacheSettings, PolicySettings } from './route-schema.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** One key of the configuration, as docs/configuration.md lists it. */
export interface Setting {
  /** Dotted. `[]` stands for each element of a list, `<name>` for each key of a mapping. */
  readonly key: string;
  readonly type: string;
  readonly default: string;
  /** As it is written in YAML. Empty for a mapping: its keys have examples. */
  readonly example: string;
  readonly meaning: string;
}

/** What a pattern of the JSON Schema stands for. */
const named: Readonly<Record<string, string>> = {
  '^[0-9]+(ms|s|m|h|d)$': 'duration',
  '^([0-9]+(ms|s|m|h|d)|origin)$': 'duration or `origin`',
  '^([0-9]+(ms|s|m|h|d)|off|stop)$': '`off`, `stop` or a duration',
  '^[0-9]+(B|kB|MB|GB|KiB|MiB|GiB)$': 'size',
  '^[0-9]+%$': 'percentage',
};

/** Routes and `defaults` have no defaults in the schema: what neither sets is in policy.ts. */
const policyDefaults: Readonly<
  Record<'cache', Record<keyof Exclude<CacheSettings, 'off'>, string>> &
    Record<'client', Record<keyof NonNullable<PolicySettings['client']>, string>>
> = {
  cache: {
    ttl: '',
    errorTtl: milliseconds(builtInCache.errorTtlMs),
    force: code(builtInCache.force),
    staleWhileRevalidate: windowOf(builtInCache.staleWhileRevalidateMs),
    staleIfError: windowOf(builtInCache.staleIfErrorMs),
    key: '',
    credentials: code(builtInCache.credentials),
    userKey: listOf(builtInCache.userKey),
    cookies: code(builtInCache.cookies),
    setCookie: code(builtInCache.setCookie),
    requestDirectives: code(builtInCache.requestDirectives),
    targetedFields: listOf(builtInCache.targetedFields),
  },
  client: {
    cacheControl: code(builtInClient.cacheControl),
    etag: code(builtInClient.etag),
    encode: listOf(builtInClient.encode),
    tags: code(builtInClient.tags),
  },
};

const keyDefaults: Readonly<Record<string, string>> = {
  order: code(builtInCache.key.order),
  headers: listOf(builtInCache.key.headers),
};

/** Every key of the configuration, each once, in the schema's order. */
export function settings(): Setting[] {
  const all = below('', configJsonSchema());
  return all.filter(({ key }, i) => all.findIndex((other) => other.key === key) === i);
}

/** docs/configuration.md, in Markdown. */
export function configurationReference(): string {
  const all = settings();
  const sections = all.filter(({ key }) => /^\w+$/.test(key)).map((section) => sectionOf(section, all));
  return [introduction, ...sections].join('\n');
}

const introduction = `<!-- Made from the schema in src/config by \`npm run docs\`. Change the schema, not this file. -->

# Configuration

One YAML file. \`unstale check -c gateway.yaml\` reports every problem with its line, its column and a hint: an unknown key,
a bad value, a pattern that nothing reaches. [gateway.example.yaml](../gateway.example.yaml) shows the settings in
context, and [rules/README.md](../rules/README.md) explains rules. After \`npm run build\`, editors complete and check the
file by \`dist/unstale.schema.json\`.

- A duration has a unit: \`250ms\`, \`60s\`, \`10m\`, \`1h\`, \`1d\`. A size too: \`512B\`, \`64KiB\`, \`8MiB\`, \`1GiB\`, and \`kB\`, \`MB\`
  and \`GB\` in powers of 1,000.
- Any value may name environment variables: \`\${NAME}\`, or \`\${NAME:-default}\` for one that may be missing. \`$\${\` is a
  literal \`\${\`.
- In keys, \`[]\` stands for each element of a list and \`<name>\` for a name that you choose.
- A profile is laid over the file by \`--profile NAME\` or \`UNSTALE_PROFILE=NAME\`; see [profiles](#profiles).
- Settings are read at start. To change them, start the gateway again; [deployment.md](deployment.md#upgrades) says how
  several nodes go over to a new configuration.
`;

/** Keys that are as those of another section. */
const repeated: readonly { readonly keys: RegExp; readonly section: string; readonly says: string }[] = [
  { keys: /^origins\.<name>\./, section: 'origins', says: 'Each origin has the keys of [`origin`](#origin).' },
  {
    keys: /^routes\[\]\.(?:cache|client)\./,
    section: 'routes',
    says: 'A route’s `cache` and `client` have the keys of [`defaults`](#defaults), which fills in what a route leaves out.',
  },
];

function sectionOf({ key: section, meaning }: Setting, all: readonly Setting[]): string {
  const isIn = (key: string): boolean =>
    key === section || [`${section}.`, `${section}[]`].some((it) => key.startsWith(it));
  const told = all.filter(({ key }) => isIn(key) && !repeated.some(({ keys }) => keys.test(key)));
  // The heading tells what the section is; its keys follow.
  const rows = told.filter(({ key, type }) => key !== section || !type.endsWith('mapping'));
  const repeats = repeated.filter((each) => each.section === section).map(({ says }) => `${says}\n`);
  const notes = [...repeats, ...(explained[section] === undefined ? [] : [explained[section]])];
  return [`## ${section}\n`, `${meaning}\n`, ...notes, ...(rows.length === 0 ? [] : [tableOf(rows)])].join('\n');
}

/** What the keys of a section do not say. */
const explained: Readonly<Record<string, string>> = {
  profiles: `\`\`\`yaml
origin: { url: "http://127.0.0.1:4000", timeout: 5s }
profiles:
  development:
    log: { level: debug }
    defaults: { cache: { staleIfError: 10m } }
  production:
    server: { listen: ":8080" }
    origin: { url: "https://api.example" } # the timeout is still 5s
\`\`\`

- Mappings are merged key by key. A list or a value is replaced as a whole. \`null\` takes a key away, so that it has its
  default; a key without a value is a mistake, as it is everywhere.
- A profile may have every key but \`profiles\`. Its \`routes\`, \`rules\`, \`writes\` and \`include\` replace those of the file;
  what included files have stays, unless \`include\` is replaced. Included files have no profiles.
- \`defaults\` of a profile are defaults, too: what a route says itself, in the file or in an included one, comes first.
- \`--profile\` goes before \`UNSTALE_PROFILE\`, and every command that reads a configuration takes both. A name that the
  file does not have is an error.
- Problems point to where a setting is written, in the profile or in the file. What a profile replaces, and the other
  profiles, are not read: their environment variables need not be set. \`unstale check\` checks the file by itself and
  each profile, and says which one a problem is of; with \`--profile\`, only that one.
`,
};

const header = ['key', 'type', 'default', 'example', 'meaning'];

/** Its columns are aligned, as the formatter has them. */
function tableOf(rows: readonly Setting[]): string {
  const cells = rows.map((row) => [code(row.key), row.type, row.default, row.example, row.meaning]);
  const widths = header.map((name, i) => Math.max(name.length, ...cells.map((row) => (row[i] as string).length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line), ''].join('\n');
}

function below(prefix: string, schema: JsonSchema): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const key = `${prefix}${name}`;
    const inner = property as JsonSchema;
    const isRequired = schema.required?.includes(name) === true;
    return [settingOf(key, inner, isRequired), ...inside(key, inner)];
  });
}

/**
 * The keys of what stands under a key: of a mapping, of the elements of a list, of a mapping with names of one's own.
 */
function inside(key: string, schema: JsonSchema): Setting[] {
  return alternatives(schema).flatMap((each) => {
    if (each.properties !== undefined) return below(`${key}.`, each);
    if (each.type === 'array') return inside(`${key}[]`, each.items as JsonSchema);
    const { additionalProperties: value } = each;
    return typeof value === 'object' ? inside(`${key}.<name>`, value) : [];
  });
}

function settingOf(key: string, schema: JsonSchema, isRequired: boolean): Setting {
  // A default that depends on something else is told in words, at the end of the description.
  const [, meaning = '', inWords] = /^(.*?)(?: (?:Default|Absent): (.+)\.)?$/.exec(schema.description ?? '') ?? [];
  return {
    key,
    type: typeOf(schema),
    default: isRequired ? '**required**' : (inWords ?? defaultOf(key, schema)),
    example: exampleOf(schema),
    meaning: meaning.replaceAll('|', '\\|'),
  };
}

/** The forms that a value may have. In each an environment variable may stand, so that one is not told. */
function alternatives(schema: JsonSchema): JsonSchema[] {
  const forms = (schema.anyOf ?? [schema]) as JsonSchema[];
  const plain = forms.filter(({ pattern }) => pattern?.startsWith('\\$\\{') !== true);
  return plain.flatMap((form) => (form.anyOf === undefined ? [form] : alternatives(form)));
}

function typeOf(schema: JsonSchema): string {
  const forms = alternatives(schema);
  const [first, second] = forms;
  if (forms.length === 2 && second?.type === 'array' && first !== undefined) {
    const one = formOf(first);
    if (formOf(second) === `list of ${one}`) return `${one}, or a list of them`;
  }
  return [...new Set(forms.map(formOf))].join(' or ');
}

function formOf(form: JsonSchema): string {
  if (form.const !== undefined) return code(form.const);
  if (form.enum !== undefined) return form.enum.map(code).join(' or ');
  if (form.type === 'array') return `list of ${typeOf(form.items as JsonSchema)}`;
  if (form.type === 'integer') return `integer from ${grouped(form.minimum)} to ${grouped(form.maximum)}`;
  if (form.type === 'object') return 'mapping';
  if (form.pattern !== undefined && named[form.pattern] !== undefined) return named[form.pattern] as string;
  return [form.type].flat().includes('string') ? 'text' : String(form.type);
}

function defaultOf(key: string, schema: JsonSchema): string {
  const [, group = '', name = '', part = ''] =
    /^(?:defaults|routes\[\])\.(cache|client)\.(\w+)(?:\.(\w+))?$/.exec(key) ?? [];
  if (group === 'cache' && name === 'key' && part !== '') return keyDefaults[part] ?? '';
  if (group !== '')
    return (policyDefaults[group as 'cache' | 'client'] as Readonly<Record<string, string>>)[name] ?? '';
  const value: unknown = schema.default;
  if (/\.(?:cache|client)$/.test(key)) return '';
  if (value === undefined) return alternatives(schema).every(isMapping) ? '' : 'none';
  if (Array.isArray(value)) return listOf(value);
  return typeof value === 'object' ? '' : code(value);
}

const isMapping = (form: JsonSchema): boolean => form.type === 'object';

function exampleOf(schema: JsonSchema): string {
  const forms = alternatives(schema);
  const written: unknown = (schema.examples ?? forms[0]?.examples)?.[0];
  if (written !== undefined) return code(typeof written === 'object' ? flow(written) : written);
  const [first] = forms;
  if (first?.enum !== undefined) return code(first.enum.find((word) => word !== schema.default));
  if (first?.const !== undefined) return code(first.const);
  if (first?.type === 'boolean') return code(true);
  if (first?.type !== 'array') return '';
  const [item] = alternatives(first.items as JsonSchema);
  const words = (first.items as JsonSchema).examples ?? item?.enum ?? item?.examples ?? [];
  return words.length === 0 ? '' : code(flow(words));
}

/** YAML on one line. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value !== 'object' || value === null)
    return /[{}[\],:*]/.test(String(value)) ? `"${value}"` : String(value);
  const members = Object.entries(value).map(([name, inner]) => `${name}: ${flow(inner)}`);
  return `{ ${members.join(', ')} }`;
}

function code(value: unknown): string {
  return `\`${String(value).replaceAll('|', '\\|')}\``;
}

function listOf(values: readonly unknown[]): string {
  return values.length === 0 ? 'none' : code(`[${values.join(', ')}]`);
}

function windowOf(ms: number | undefined): string {
  return ms === undefined ? '`origin`' : milliseconds(ms);
}

function milliseconds(ms: number): string {
  return code(ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`);
}

const grouped = (number: number | undefined): string => (number ?? 0).toLocaleString('en-US');
