/** A response as it stood on the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly reason: string;
  /** Name, value, name, value, … */
  readonly rawHeaders: readonly string[];
  /** By lower-case name; repeated lines joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Chunks put together. */
  readonly body: Buffer;
  readonly trailers: readonly string[];
  readonly interim: readonly { readonly status: number; readonly rawHeaders: readonly string[] }[];
}

export interface AnswerContext {
  /** The method that is answered: an answer to HEAD has no body, whatever its fields say. */
  readonly method: string;
  /** Nothing more will come: a body without framing is then complete. */
  readonly ended: boolean;
}

interface Head {
  readonly status: number;
  readonly reason: string;
  readonly rawHeaders: string[];
  readonly headers: Record<string, string>;
  readonly end: number;
}

/**
 * Reads one response, and the interim ones before it, from the start of `bytes`. Undefined while it is incomplete.
 * Knows just enough HTTP/1.1 to check a gateway by, and throws on what is not HTTP.
 */
export function parseAnswer(bytes: Buffer, context: AnswerContext): { answer: RawAnswer; rest: Buffer } | undefined {
  const interim: { status: number; rawHeaders: string[] }[] = [];
  let head = parseHead(bytes, 0);
  while (head !== undefined && head.status < 200 && head.status !== 101) {
    interim.push({ status: head.status, rawHeaders: head.rawHeaders });
    head = parseHead(bytes, head.end);
  }
  if (head === undefined) return undefined;
  const body = parseBody(bytes, head, context);
  if (body === undefined) return undefined;
  const { status, reason, rawHeaders, headers } = head;
  const answer = { status, reason, rawHeaders, headers, body: body.bytes, trailers: body.trailers, interim };
  return { answer, rest: bytes.subarray(body.end) };
}

function parseHead(bytes: Buffer, start: number): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n', start);
  if (end === -1) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', start, end).split('\r\n');
  const parts = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(statusLine);
  if (parts === null) throw new Error(`not a status line: ${JSON.stringify(statusLine)}`);
  const rawHeaders = fieldLines(lines);
  return { status: Number(parts[1]), reason: parts[2] ?? '', rawHeaders, headers: combined(rawHeaders), end: end + 4 };
}

function parseBody(
  bytes: Buffer,
  head: Head,
  { method, ended }: AnswerContext,
): { bytes: Buffer; trailers: string[]; end: number } | undefined {
  const bodiless = method === 'HEAD' || head.status === 204 || head.status === 304 || head.status === 101;
  if (bodiless) return { bytes: Buffer.alloc(0), trailers: [], end: head.end };
  if (head.headers['transfer-encoding'] !== undefined) return parseChunks(bytes, head.end);
  const length = head.headers['content-length'];
  if (length === undefined) {
    return ended ? { bytes: bytes.subarray(head.end), trailers: [], end: bytes.byteLength } : undefined;
  }
  const end = head.end + Number(length);
  return end <= bytes.byteLength ? { bytes: bytes.subarray(head.end, end), trailers: [], end } : undefined;
}

function parseChunks(bytes: Buffer, start: number): { bytes: Buffer; trailers: string[]; end: number } | undefined {
  const chunks: Buffer[] = [];
  let position = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', position);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', position, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error('not a chunk size');
    position = lineEnd + 2;
    if (size === 0) break;
    if (bytes.byteLength < position + size + 2) return undefined;
    chunks.push(bytes.subarray(position, position + size));
    position += size + 2;
  }
  const trailers: string[] = [];
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', position);
    if (lineEnd === -1) return undefined;
    const line = bytes.toString('latin1', position, lineEnd);
    position = lineEnd + 2;
    if (line === '') return { bytes: Buffer.concat(chunks), trailers: fieldLines(trailers), end: position };
    trailers.push(line);
  }
}

function fieldLines(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`not a field line: ${JSON.stringify(line)}`);
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}

function combined(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    const value = rawHeaders[i + 1] ?? '';
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
}
