import { type DurationUnit, parseLine } from './access-log.ts';
import { type Entry, ReplayError, type Unreadable } from './entry.ts';
import { MAX_HAR_BYTES, parseHar } from './har.ts';
import { LineSplitter } from './lines.ts';
import { type Ordered, StartOrder } from './order.ts';

const MAX_SHOWN = 3;
const MAX_EXCERPT = 100;
const MAX_HOSTS = 1_000;

export interface ReadOptions {
  /** Reads no more lines, or entries of a HAR, than this. */
  readonly limit?: number | undefined;
  /** Keeps what was asked of this host. */
  readonly host?: string | undefined;
  /** Keeps what started in this time, in milliseconds since 1970; `to` is not included. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly durationUnit?: DurationUnit | undefined;
}

/** What was found in a log. */
export class LogFacts {
  format: 'access log' | 'HAR' = 'access log';
  /** Lines, or entries of a HAR, without empty ones. */
  lines = 0;
  /** Of these, what is replayed. */
  entries = 0;
  /** Left out by `host`, `from` and `to`. */
  leftOut = 0;
  /** Entries with a duration. */
  timed = 0;
  late = 0;
  unreadable = 0;
  readonly firstUnreadable: Unreadable[] = [];
  readonly hosts = new Set<string>();

  cannotRead(at: number, reason: string, text: string): void {
    this.unreadable += 1;
    if (this.firstUnreadable.length >= MAX_SHOWN) return;
    // A line may come from an attacker, and is shown on a terminal.
    const excerpt = text.slice(0, MAX_EXCERPT).replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
    this.firstUnreadable.push({ at, reason, excerpt });
  }
}

/**
 * Reads a log as a stream, and yields its entries in the order in which they started.
 * @throws ReplayError if there is nothing to replay
 */
export async function* readLog(
  input: AsyncIterable<Buffer | string>,
  options: ReadOptions,
  facts: LogFacts,
): AsyncGenerator<Ordered[]> {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  const order = new StartOrder();
  const splitter = new LineSplitter();
  let at = 0;
  const takeAll = (lines: readonly string[]): Ordered[] => {
    const due: Ordered[] = [];
    for (const line of lines) {
      at += 1;
      if (line === '' || facts.lines >= limit) continue;
      facts.lines += 1;
      const parsed = parseLine(line, options.durationUnit);
      if (typeof parsed === 'string') facts.cannotRead(at, parsed, line);
      else if (isWanted(parsed.entry, options, facts)) {
        if (parsed.durationMs !== undefined) facts.timed += 1;
        for (const each of order.line(parsed, at)) due.push(each);
      }
    }
    return due;
  };
  let chunks: (Buffer | string)[] | undefined;
  let bytes = 0;
  let begun = false;
  for await (const chunk of input) {
    if (!begun && chunk.toString().trim() !== '') {
      begun = true;
      if (/^\uFEFF?\s*\{/.test(chunk.toString())) chunks = [];
    }
    if (chunks === undefined) {
      yield takeAll(splitter.push(chunk));
      if (facts.lines >= limit) break;
      continue;
    }
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_HAR_BYTES) {
      throw new ReplayError(`a HAR of more than ${MAX_HAR_BYTES} bytes is not read`, 'give an access log instead');
    }
  }
  if (chunks === undefined) yield takeAll(splitter.end());
  else
    yield entriesOf(
      Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))).toString(),
      order,
      { ...options, limit },
      facts,
    );
  yield order.end();
  facts.late = order.late;
  if (facts.entries === 0) throw nothingIn(facts);
}

function entriesOf(
  text: string,
  order: StartOrder,
  options: ReadOptions & { readonly limit: number },
  facts: LogFacts,
): Ordered[] {
  facts.format = 'HAR';
  const due: Ordered[] = [];
  for (const [i, entry] of parseHar(text.replace(/^\uFEFF/, '')).entries()) {
    if (facts.lines >= options.limit) break;
    facts.lines += 1;
    if (typeof entry === 'string') facts.cannotRead(i + 1, entry, '');
    else if (isWanted(entry, options, facts)) {
      facts.timed += 1;
      for (const each of order.entry(entry, i + 1)) due.push(each);
    }
  }
  return due;
}

function isWanted(entry: Entry, { host, from, to }: ReadOptions, facts: LogFacts): boolean {
  const { startedAt } = entry;
  if (entry.host !== undefined && facts.hosts.size < MAX_HOSTS) facts.hosts.add(entry.host);
  const isWithin = startedAt >= (from ?? Number.NEGATIVE_INFINITY) && startedAt < (to ?? Number.POSITIVE_INFINITY);
  const wanted = isWithin && (host === undefined || entry.host === host.toLowerCase());
  if (wanted) facts.entries += 1;
  else facts.leftOut += 1;
  return wanted;
}

function nothingIn({ lines, unreadable, leftOut, firstUnreadable }: LogFacts): ReplayError {
  if (lines === 0) return new ReplayError('the log is empty', 'give an access log in the combined format, or a HAR');
  if (leftOut > 0) {
    return new ReplayError('nothing of the log is left', '--host, --from and --to leave out every line of it');
  }
  const [first] = firstUnreadable;
  const shown = first === undefined ? '' : `; ${first.at}: ${first.reason}: ${first.excerpt}`;
  return new ReplayError(
    `none of ${unreadable} lines can be read${shown}`,
    'the common and the combined format of nginx and Apache are read, and HAR; zcat FILE | unstale replay - for .gz',
  );
}
