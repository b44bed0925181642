import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { OpenApiError } from '../openapi/document.ts';
import { draftConfig } from '../openapi/draft.ts';
import { writeDraft } from '../openapi/write-draft.ts';
import { plural } from './configuration.ts';
import { CliError, type CliIo, exitCodes } from './io.ts';

interface Options {
  readonly openapi: string;
  readonly output?: string;
  readonly force?: true;
}

export function addInit(program: Command, io: CliIo, done: (code: number) => void): void {
  program
    .command('init')
    .description('draft a configuration from an API description; comments say what each part was inferred from')
    .requiredOption('--openapi <file>', 'an OpenAPI 3 document, YAML or JSON')
    .option('-o, --output <file>', 'the file to write; default: standard output')
    .option('--force', 'overwrite an existing file')
    .action((options: Options) => done(init(options, io)));
}

function init({ openapi, output, force }: Options, io: CliIo): number {
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
    draft = draftConfig(text);
  } catch (error) {
    if (!(error instanceof OpenApiError)) throw error;
    const at = error.line === undefined ? openapi : `${openapi}:${error.line}`;
    throw new CliError(`${at}: ${error.message}\n  hint: ${error.hint}`, exitCodes.failed);
  }
  const written = writeDraft(draft, openapi);
  if (output === undefined) {
    io.stdout.write(written);
  } else {
    writeFileSync(output, written);
    const { routes, rules } = draft;
    io.stdout.write(
      `${output}: ${plural(routes.length, 'route')}, ${plural(rules.length, 'rule')}. Review it, then run: unstale check -c ${output}\n`,
    );
  }
  return exitCodes.fine;
}
