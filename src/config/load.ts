import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { assemble } from './assemble.ts';
import { type FileAccess, includedFiles, reasonOf } from './include.ts';
import { lintCoherence } from './lint-coherence.ts';
import { lintEvents } from './lint-events.ts';
import { lintOwnReads } from './lint-own-reads.ts';
import { lintReads, onOf } from './lint-reads.ts';
import { type Located, lintPolicy, lintRoutes, type RouteContext } from './lint-routes.ts';
import { lintRules } from './lint-rules.ts';
import { lintSettings } from './lint-settings.ts';
import {
  lintKeyedCredentials,
  lintSpellings,
  lintStoredCookies,
  lintUserKey,
  lintWrittenUserKey,
} from './lint-sharing.ts';
import { lintSnapshot } from './lint-snapshot.ts';
import { lintValidation } from './lint-validation.ts';
import { lintWebhooks } from './lint-webhooks.ts';
import { lintWrites } from './lint-writes.ts';
import type { GatewayConfig } from './model.ts';
import { DEFAULT_ORIGIN } from './origins.ts';
import { ConfigError, inOrder, type Problem } from './problem.ts';
import { routeSchema } from './route-schema.ts';
import { withNames } from './rule-names.ts';
import { ruleSchema } from './rule-schema.ts';
import { configSchema, packSchema } from './schema.ts';
import { checkShape, soundPart, valueAt } from './shape.ts';
import { SourceDocument } from './source-document.ts';
import { writeSchema } from './writes-schema.ts';

export interface LoadedConfig {
  readonly config: GatewayConfig;
  /** The profile that was laid over the file. */
  readonly profile: string | undefined;
  /** Sorted by file, then line. */
  readonly warnings: readonly Problem[];
}

/**
 * Reads and validates a configuration with all files that it includes.
 * @param file relative to the working directory; problems show it as given
 * @param profile default: `UNSTALE_PROFILE`; empty: none
 * @throws ConfigError with every problem of every file
 */
export function loadConfig(file: string, env: NodeJS.ProcessEnv, profile?: string): LoadedConfig {
  const readFile = (path: string): string => readFileSync(path, 'utf8');
  return parseConfig(readMain(file), { file, env, profile, readFile, readFolder });
}

/** The names of the profiles of a configuration. None if it cannot be read. */
export function profileNames(file: string, env: NodeJS.ProcessEnv): readonly string[] {
  try {
    return new SourceDocument(readFileSync(file, 'utf8'), { file, env, profiles: { chosen: undefined } }).profiles;
  } catch {
    // `loadConfig` says why.
    return [];
  }
}

/** @throws ConfigError */
function readMain(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([
      {
        file,
        line: 1,
        column: 1,
        message: `the file cannot be read (${reasonOf(error)})`,
        hint: 'name a configuration with -c; gateway.example.yaml is an example',
        severity: 'error',
        excerpt: '',
      },
    ]);
  }
}

/** The names in a folder; none if it does not exist. */
function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(reasonOf(error))) return [];
    throw error;
  }
}

interface ParseOptions extends FileAccess {
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  readonly profile?: string | undefined;
}

/**
 * As `loadConfig` for a text. Finds included files with `readFolder` and reads them with `readFile`.
 * @throws ConfigError with every problem of every file
 */
export function parseConfig(text: string, { file, env, profile: asked, ...files }: ParseOptions): LoadedConfig {
  const profile = (asked ?? env.UNSTALE_PROFILE) || undefined;
  const document = new SourceDocument(text, { file, env, profiles: { chosen: profile } });
  if (document.value === undefined) throw new ConfigError(inOrder(document.problems));
  const settings = checkShape(document, configSchema);
  const packs = readPacks(document, env, files);
  const documents = [document, ...packs];
  const routes = partsOf(documents, 'routes', routeSchema);
  const rules = withNames(partsOf(documents, 'rules', ruleSchema));
  const writes = partsOf(documents, 'writes', writeSchema);

  lintSettings(document, configSchema);
  lintEvents(document, configSchema, files);
  lintWebhooks(document, configSchema, rules);
  const context = contextOf(document);
  lintPolicy({ settings: context.defaults, document, path: ['defaults'] }, context);
  lintRoutes(routes, context);
  lintRules(rules);
  lintSnapshot(document, configSchema, { routes, context });
  const reads = soundPart(document, configSchema.shape.reads, ['reads']) ?? [];
  lintReads(reads, { rules, document, context });
  lintWrites(writes, reads.map(onOf));
  const schemas = lintValidation(writes, files);
  const isSound = documents.every((each) => each.problems.every(({ severity }) => severity === 'warning'));
  // Of half a configuration, what is missing cannot be told from what is wrong.
  if (settings !== undefined && isSound) {
    lintCoherence(routes, rules, context);
    lintOwnReads(rules, document);
    const defaults = { settings: context.defaults, document, path: ['defaults'] };
    for (const each of [defaults, ...routes]) {
      lintUserKey(each, context);
      lintWrittenUserKey(each);
      lintStoredCookies(each, context);
      lintKeyedCredentials(each, context);
    }
    lintSpellings(routes, document, context);
  }

  const problems = inOrder([...documents.flatMap((each) => each.problems), ...schemas.problems]);
  if (settings === undefined || problems.some(({ severity }) => severity === 'error')) throw new ConfigError(problems);
  return {
    config: assemble(settings, { routes, rules, writes, schemas: schemas.documents }, dirname(file)),
    profile,
    warnings: problems,
  };
}

function readPacks(document: SourceDocument, env: NodeJS.ProcessEnv, files: FileAccess): SourceDocument[] {
  const entries = valueAt(document.value, ['include']);
  if (!Array.isArray(entries)) return [];
  return includedFiles(document, entries, files).flatMap(({ file, index }) => {
    let text: string;
    try {
      text = files.readFile(file);
    } catch (error) {
      const message = `"${file}" cannot be read (${reasonOf(error)})`;
      document.report(['include', index], { message, hint: 'the path is relative to this file' });
      return [];
    }
    const pack = new SourceDocument(text, { file, env });
    if (pack.value !== undefined) lintPack(pack);
    return [pack];
  });
}

function lintPack(pack: SourceDocument): void {
  for (const key of Object.keys(configSchema.shape)) {
    if (Object.hasOwn(packSchema.shape, key) || valueAt(pack.value, [key]) === undefined) continue;
    const hint = `move ${key} to the file that includes this one`;
    pack.refuse([key], { message: 'an included file can have only routes, rules and writes', hint, atKey: true });
  }
  checkShape(pack, packSchema);
}

/** The valid elements of a list in every document, those of the including file first. */
function partsOf<Schema extends z.ZodType>(
  documents: readonly SourceDocument[],
  key: string,
  schema: Schema,
): Located<z.output<Schema>>[] {
  return documents.flatMap((document) => {
    const elements = valueAt(document.value, [key]);
    if (!Array.isArray(elements)) return [];
    return elements.flatMap((_, i) => {
      const settings = soundPart(document, schema, [key, i]);
      return settings === undefined ? [] : [{ settings, document, path: [key, i] }];
    });
  });
}

function contextOf(document: SourceDocument): RouteContext {
  const { shape } = configSchema;
  const defaults = soundPart(document, shape.defaults, ['defaults']) ?? {};
  const credentials = {
    headers: soundPart(document, shape.credentialHeaders, ['credentialHeaders']) ?? [],
    params: soundPart(document, shape.credentialParams, ['credentialParams']) ?? [],
  };
  const one = valueAt(document.value, ['origin']);
  const several = valueAt(document.value, ['origins']);
  // Neither or both: already reported, and the names are unclear.
  if ((one === undefined) === (several === undefined)) return { defaults, credentials, origins: undefined };
  if (one !== undefined) return { defaults, credentials, origins: [DEFAULT_ORIGIN] };
  return { defaults, credentials, origins: Object.keys(Object(several)) };
}
