import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { explainWrite } from '../exchange/inspect/explain-write.ts';
import { given, type ProposedWrite } from '../exchange/inspect/proposed-write.ts';
import type { Explanation, TargetCount } from '../exchange/ports.ts';
import { type FieldLines, valuesByName } from '../http/fields.ts';
import { TargetError } from '../route/path.ts';
import { compileRules } from '../rules/compile.ts';
import { compileSpellings } from '../rules/spellings.ts';
import { saidOfWrites } from '../wire-protection.ts';
import { callAdmin, type GatewayOptions, gatewayOption, tokenOption } from './admin-client.ts';
import {
  type ConfigurationOptions,
  configOption,
  profileOption,
  readConfiguration,
  showProblems,
} from './configuration.ts';
import { formatExplanation } from './format-explanation.ts';
import { CliError, type CliIo, exitCodes } from './io.ts';

interface Options extends GatewayOptions, ConfigurationOptions {
  readonly request?: string;
  readonly response?: string;
  readonly before?: string;
  readonly current?: string;
  readonly body?: string;
  readonly status: string;
  readonly lookup: readonly string[];
  readonly header: readonly string[];
  readonly responseHeader: readonly string[];
  readonly all?: true;
  readonly json?: true;
}

export function addExplain(program: Command, io: CliIo, done: (code: number) => void): void {
  const collect = (value: string, earlier: readonly string[]): string[] => [...earlier, value];
  program
    .command('explain')
    .description('explain what a write would invalidate: rules, ids and their sources, targets, events')
    .argument('<method>', 'for example PUT')
    .argument('<path>', 'for example /accommodations/42, with its query')
    .option(...configOption)
    .option(...profileOption)
    .option('--request <json>', 'the request body: JSON, or @file')
    .option('--response <json>', 'the response body: JSON, or @file')
    .option('--before <json>', 'the representation before the write: JSON, or @file')
    .option('--current <json>', 'what a protected write (writes) would replace: JSON, or @file; "" if nothing')
    .option('--body <json>', 'the same as --request')
    .option('--status <code>', 'the status of the response', '200')
    .option(
      '--lookup <name=json>',
      'the response of a lookup: step={"tripId":1}, or step=@file; repeatable',
      collect,
      [],
    )
    .option('--header <line>', 'a header field of the request, "Name: value"; repeatable', collect, [])
    .option('--response-header <line>', 'a header field of the response; repeatable', collect, [])
    .option('--all', 'also list the rules that do not match, with the reason')
    .option('--json', 'print one line of JSON')
    .option(...gatewayOption)
    .option(...tokenOption)
    .action(async (method: string, path: string, options: Options) => done(await explain(method, path, options, io)));
}

type Shown = Explanation & { readonly stored?: readonly TargetCount[] };

async function explain(method: string, path: string, options: Options, io: CliIo): Promise<number> {
  const write = proposed(method, path, options);
  const explanation: Shown | undefined =
    options.gateway === undefined ? await explainHere(write, options, io) : await askGateway(write, options, io);
  if (explanation === undefined) return exitCodes.usage;
  io.stdout.write(options.json === true ? `${JSON.stringify(explanation)}\n` : formatExplanation(explanation));
  return exitCodes.fine;
}

/** Explains by what a running gateway has stored. */
function askGateway(write: ProposedWrite, options: Options, io: CliIo): Promise<Shown> {
  const body = { ...bodyOf(write), all: options.all === true };
  return callAdmin({ path: '/explain', body, has: 'targets' }, options, io);
}

/** Explains from a configuration, without a gateway; undefined if the configuration is invalid. */
async function explainHere(write: ProposedWrite, options: Options, io: CliIo): Promise<Shown | undefined> {
  const result = readConfiguration(options, io);
  if (!('config' in result)) {
    showProblems(result.problems, io);
    return undefined;
  }
  const rules = compileRules(result.config.rules, result.config.routes, compileSpellings(result.config));
  try {
    const all = options.all === true;
    const asked = { before: given(write.before), all, said: saidOfWrites(result.config) };
    return (await explainWrite(rules, write, asked)).explanation;
  } catch (error) {
    if (error instanceof TargetError) throw new CliError(`${write.target}: ${error.message}`, exitCodes.usage);
    throw error;
  }
}

/** @throws CliError for an invalid write */
function proposed(method: string, target: string, options: Options): ProposedWrite {
  if (!/^[A-Za-z-]+$/.test(method)) throw new CliError(`"${method}" is not a method: write PUT`, exitCodes.usage);
  if (!target.startsWith('/')) throw new CliError(`"${target}" is not a path: write /${target}`, exitCodes.usage);
  if (!/^[2-5][0-9]{2}$/.test(options.status)) {
    throw new CliError(`"${options.status}" is not a status: write --status 204`, exitCodes.usage);
  }
  const lookups = options.lookup.map((text) => {
    const [, name, json] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? [];
    if (name === undefined) throw new CliError(`--lookup ${text}: write name={…} or name=@file`, exitCodes.usage);
    return [name, bodyText(`--lookup ${name}`, json)] as const;
  });
  return {
    method: method.toUpperCase(),
    target,
    status: Number(options.status),
    request: bodyText('--request', options.request ?? options.body),
    response: bodyText('--response', options.response),
    before: bodyText('--before', options.before),
    current: bodyText('--current', options.current),
    lookups: Object.fromEntries(lookups.map(([name, json]) => [name, json ?? ''])),
    requestHeaders: options.header.flatMap((line) => fieldOf('--header', line)),
    responseHeaders: options.responseHeader.flatMap((line) => fieldOf('--response-header', line)),
  };
}

function bodyText(option: string, written: string | undefined): string | undefined {
  if (written === undefined) return undefined;
  let text = written;
  if (written.startsWith('@')) {
    try {
      text = readFileSync(written.slice(1), 'utf8');
    } catch (error) {
      throw new CliError(`${option}: ${error instanceof Error ? error.message : written}`, exitCodes.usage);
    }
  }
  const json = given(text);
  if ('value' in json || json.missing === 'absent') return text;
  throw new CliError(`${option} is ${json.missing}: write JSON in single quotes, or @file`, exitCodes.usage);
}

function fieldOf(option: string, line: string): string[] {
  const [, name, value] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n]*)$/.exec(line) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw new CliError(`${option} "${line}": write "Name: value"`, exitCodes.usage);
}

/** The form that the admin port takes. */
function bodyOf({ target, requestHeaders, responseHeaders, ...write }: ProposedWrite): object {
  const named = (lines: FieldLines): object => Object.fromEntries(valuesByName(lines));
  return { ...write, path: target, requestHeaders: named(requestHeaders), responseHeaders: named(responseHeaders) };
}
