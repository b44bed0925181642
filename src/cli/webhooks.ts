import type { Command } from 'commander';
import type { EndpointStatus } from '../webhooks/status.ts';
import { callAdmin, type GatewayOptions, gatewayOption, tokenOption } from './admin-client.ts';
import { plural } from './configuration.ts';
import { CliError, type CliIo, exitCodes } from './io.ts';

interface Options extends GatewayOptions {
  readonly json?: true;
}

export function addWebhooks(program: Command, io: CliIo, done: (code: number) => void): void {
  const webhooks = program.command('webhooks').description('the webhooks of a running gateway');
  webhooks
    .command('status', { isDefault: true })
    .description('how each endpoint stands: what waits, why it fails, dead letters')
    .option('--json', 'print one line of JSON')
    .option(...gatewayOption)
    .option(...tokenOption)
    .action(async (options: Options) => done(await status(options, io)));
  webhooks
    .command('enable')
    .description('ends what 410 began; of an endpoint that fails, makes the next attempt at once')
    .argument('<name>', 'of the endpoint')
    .option(...gatewayOption)
    .option(...tokenOption)
    .action(async (name: string, options: Options) => done(await order(name, 'enable', {}, { options, io })));
  webhooks
    .command('redeliver')
    .description('sends dead letters again')
    .argument('<name>', 'of the endpoint')
    .argument('[id]', 'of one dead letter; all without it')
    .option(...gatewayOption)
    .option(...tokenOption)
    .action(async (name: string, id: string | undefined, options: Options) =>
      done(await order(name, 'redeliver', id === undefined ? {} : { id }, { options, io })),
    );
}

type Statuses = { readonly webhooks: readonly EndpointStatus[] };

async function status(options: Options, io: CliIo): Promise<number> {
  const result = await statuses(options, io);
  io.stdout.write(options.json === true ? `${JSON.stringify(result)}\n` : shown(result));
  return exitCodes.fine;
}

const statuses = (options: GatewayOptions, io: CliIo): Promise<Statuses> =>
  callAdmin<Statuses>({ method: 'GET', path: '/webhooks', has: 'webhooks' }, options, io);

async function order(
  name: string,
  what: 'enable' | 'redeliver',
  body: object,
  { options, io }: { readonly options: Options; readonly io: CliIo },
): Promise<number> {
  const { webhooks } = await statuses(options, io);
  const found = webhooks.find((each) => each.name === name);
  if (found === undefined) {
    const names = webhooks.map((each) => each.name).join(', ');
    throw new CliError(
      `no webhook is called "${name}": ${names === '' ? 'there is none' : `there is ${names}`}`,
      exitCodes.usage,
    );
  }
  const letter = 'id' in body ? String(body.id) : undefined;
  if (letter !== undefined && !found.dead.some(({ id }) => id === letter)) {
    throw new CliError(`${name} has no dead letter "${letter}": unstale webhooks lists them`, exitCodes.usage);
  }
  const path = `/webhooks/${encodeURIComponent(name)}/${what}`;
  await callAdmin<object>({ method: 'POST', path, body, has: 'accepted' }, options, io);
  io.stdout.write(`${name}: the node that delivers to it is told\n`);
  return exitCodes.fine;
}

function shown({ webhooks }: Statuses): string {
  if (webhooks.length === 0) return 'no webhooks are configured\n';
  return webhooks
    .flatMap(linesOf)
    .map((line) => `${line}\n`)
    .join('');
}

function linesOf({ name, state, waiting, attempts, reason, nextAttemptAt, dead }: EndpointStatus): string[] {
  const lines = [`${name}: ${state}, ${plural(waiting, 'message')} ${waiting === 1 ? 'waits' : 'wait'}`];
  if (reason !== undefined) lines.push(`  ${reason}, after ${plural(attempts, 'attempt')}`);
  if (nextAttemptAt !== undefined) lines.push(`  next attempt: ${nextAttemptAt}`);
  for (const { id, type, failedAt, reason: why } of dead)
    lines.push(`  dead letter ${id}: ${type}, ${failedAt}, ${why}`);
  return lines;
}
