import type { Command } from 'commander';
import { CliError, type CliIo, exitCodes } from './io.ts';

interface Options {
  readonly url: string;
  readonly match: readonly string[];
  readonly tag: readonly string[];
  readonly since?: string;
  readonly json?: true;
}

/** Between two attempts to reconnect. */
const RETRY_MS = 1_000;
/** Of one incomplete event. A gateway never sends more, so the peer is something else. */
const MAX_BLOCK_LENGTH = 4 * 1024 * 1024;

export function addTail(program: Command, io: CliIo, done: (code: number) => void): void {
  const collect = (value: string, earlier: readonly string[]): string[] => [...earlier, value];
  program
    .command('tail')
    .description(
      'print the events of a running gateway, one per line, until interrupted; reconnects without missing any',
    )
    .option(
      '--url <url>',
      'the URL of the gateway, including events.path unless it is /_unstale/events',
      'http://127.0.0.1:8080',
    )
    .option('--match <pattern>', 'only events about paths that match, for example /steps/:id; repeatable', collect, [])
    .option('--tag <tag>', 'only events about this tag; repeatable', collect, [])
    .option('--since <id>', 'start after the event with this id')
    .option('--json', 'print each event as one line of JSON')
    .action(async (options: Options) => done(await tail(options, io)));
}

/** 0 when interrupted; 1 if the gateway refuses or was never reachable. */
async function tail(options: Options, io: CliIo): Promise<number> {
  const url = eventsUrl(options);
  const abort = new AbortController();
  const ignore = io.onSignal(() => abort.abort());
  let lastEventId = options.since;
  let connected = false;
  try {
    while (!abort.signal.aborted) {
      try {
        const response = await connect(url, lastEventId, abort.signal);
        connected = true;
        for await (const event of eventsOf(response)) {
          lastEventId = event.id ?? lastEventId;
          if (event.data !== undefined) io.stdout.write(line(event, options.json === true));
        }
      } catch (error) {
        if (abort.signal.aborted) break;
        if (!connected || error instanceof CliError) throw asCliError(error, url);
      }
      if (abort.signal.aborted) break;
      io.stderr.write('unstale: the stream ended; reconnecting\n');
      await pause(RETRY_MS, abort.signal);
    }
  } finally {
    ignore();
  }
  return exitCodes.fine;
}

function eventsUrl({ url, match, tag }: Options): URL {
  if (!URL.canParse(url)) throw new CliError(`"${url}" is not a URL: write http://127.0.0.1:8080`, exitCodes.usage);
  const found = new URL(url);
  if (found.pathname === '/') found.pathname = '/_unstale/events';
  for (const each of match) found.searchParams.append('match', each);
  for (const each of tag) found.searchParams.append('tag', each);
  return found;
}

async function connect(url: URL, lastEventId: string | undefined, signal: AbortSignal): Promise<Response> {
  const headers = {
    Accept: 'text/event-stream',
    ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
  };
  const response = await fetch(url, { headers, signal });
  if (response.ok && response.headers.get('content-type')?.startsWith('text/event-stream') === true) return response;
  const text = await response.text();
  // Draining, or too many subscribers: try again.
  if (response.status === 503) throw new Error(`it answered ${response.status}`);
  throw new CliError(`${url} answered ${response.status}: ${text.slice(0, 200).trim()}`);
}

interface TailedEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: string | undefined;
}

/**
 * The events of a stream (WHATWG HTML §9.2.6), as far as a gateway sends them: blocks of lines that end in line feeds.
 */
async function* eventsOf(response: Response): AsyncGenerator<TailedEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const last = (name: string): string | undefined =>
        fields.findLast((field) => field.startsWith(`${name}: `))?.slice(name.length + 2);
      yield { id: last('id'), type: last('event') ?? 'message', data: last('data') };
    }
    if (text.length > MAX_BLOCK_LENGTH) throw new CliError('the response is not an event stream');
  }
}

function line({ id, type, data = '' }: TailedEvent, json: boolean): string {
  const about = JSON.parse(data) as {
    paths?: string[];
    tags?: string[];
    at?: string;
    cause?: { method: string; path: string; rule: string | null };
  };
  if (json) return `${JSON.stringify({ id, type, ...about })}\n`;
  const { paths = [], tags = [], at = '', cause } = about;
  const by = cause && `by ${cause.method} ${cause.path}${cause.rule === null ? '' : ` (${cause.rule})`}`;
  const words = [at, type, ...paths, ...tags.map((tag) => `tag:${tag}`), by ?? ''];
  return `${words.filter((word) => word !== '').join(' ')}\n`;
}

function asCliError(error: unknown, url: URL): CliError {
  if (error instanceof CliError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  return new CliError(`cannot reach ${url.origin} (${cause}): set the URL of the gateway with --url`, 1, {
    cause: error,
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
