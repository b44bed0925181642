import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import type { Command } from 'commander';
import { OpenApiError } from '../openapi/descriptions.ts';
import { draftConfig } from '../openapi/draft.ts';
import { writeDraft } from '../openapi/write-draft.ts';
import { plural } from './configuration.ts';
import { CliError, type CliIo, exitCodes } from './io.ts';

interface Options {
  readonly openapi: string;
  readonly output?: string;
  readonly force?: true;
  readonly only: readonly string[];
}

export function addInit(program: Command, io: CliIo, done: (code: number) => void): void {
  program
    .command('init')
    .description('draft a configuration from an API description; comments say what each part was inferred from')
    .requiredOption(
      '--openapi <file>',
      'an OpenAPI 3 or Swagger 2.0 document, YAML or JSON; the files it refers to are read in its directory',
    )
    .option('-o, --output <file>', 'the file to write; default: standard output')
    .option('--only <pattern>', 'draft these routes alone, /v1/customers/** for instance; may be repeated', several, [])
    .option('--force', 'overwrite an existing file')
    .action((options: Options) => done(init(options, io)));
}

const several = (pattern: string, earlier: readonly string[]): readonly string[] => [...earlier, pattern];

function init({ openapi, output, force, only }: Options, io: CliIo): number {
  let text: string;
  try {
    text = readFileSync(openapi, 'utf8');
  } catch (error) {
    throw new CliError(`${openapi} cannot be read: ${error instanceof Error ? error.message : error}`, exitCodes.usage);
  }
  if (output !== undefined && force !== true && existsSync(output)) {
    throw new CliError(`${output} already exists: choose another file, or add --force`, exitCodes.usage);
  }
  let draft: ReturnType<typeof draftConfig>;
  try {
    draft = draftConfig(text, { read: readBeside(openapi), only });
  } catch (error) {
    if (!(error instanceof OpenApiError)) throw error;
    const at = error.line === undefined ? openapi : `${openapi}:${error.line}`;
    throw new CliError(`${at}: ${error.message}\n  hint: ${error.hint}`, exitCodes.failed);
  }
  if (draft.routes.length === 0 && draft.rules.length === 0 && only.length > 0)
    throw new CliError(`no path of ${openapi} matches --only ${only.join(' --only ')}`, exitCodes.usage);
  const written = writeDraft(draft, openapi);
  if (output === undefined) {
    io.stdout.write(written);
  } else {
    writeFileSync(output, written);
    const { routes, rules } = draft;
    io.stdout.write(
      `${draft.summary.join('\n')}\n${output}: ${plural(routes.length, 'route')}, ${plural(rules.length, 'rule')}. Review it, then run: unstale check -c ${output}\n`,
    );
  }
  return exitCodes.fine;
}

/** Reads files in the directory of the description and below it, and none that a link places elsewhere. */
function readBeside(openapi: string): (path: string) => string | undefined {
  const root = realpathSync(dirname(openapi));
  return (path) => {
    try {
      const file = realpathSync(join(root, path));
      return file.startsWith(root + sep) ? readFileSync(file, 'utf8') : undefined;
    } catch {
      // It does not exist, or is no file: the draft says that the reference was not followed.
      return undefined;
    }
  };
}
