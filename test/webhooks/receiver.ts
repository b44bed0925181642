import { Webhook } from 'standardwebhooks';
import { until } from '../support/barrier.ts';
import { type ScriptedOrigin, type SeenRequest, scriptedOrigin } from '../support/scripted-origin.ts';

export const SECRET = `whsec_${Buffer.alloc(32, 'a').toString('base64')}`;
export const NEXT_SECRET = `whsec_${Buffer.alloc(32, 'b').toString('base64')}`;

export interface Delivered {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: { readonly paths?: string[]; readonly tags?: string[] } & Readonly<Record<string, unknown>>;
}

/** A receiver that checks what it gets with the library of Standard Webhooks. */
export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** What it has been sent, in order of arrival, verified with `secret`. */
  readonly delivered: readonly Delivered[];
  /** The messages but the resync that each endpoint begins with. */
  readonly events: readonly Delivered[];
  /** What it answers from now on. */
  answer(status: number, headers?: Readonly<Record<string, string>>): void;
  until(predicate: (delivered: readonly Delivered[]) => boolean): Promise<void>;
  close(): Promise<void>;
}

export async function startReceiver(secret = SECRET): Promise<Receiver> {
  const origin: ScriptedOrigin = await scriptedOrigin();
  const delivered: Delivered[] = [];
  let answered: { status: number; headers: Readonly<Record<string, string>> } = { status: 204, headers: {} };
  origin.on(
    () => true,
    (_request, response, seen) => {
      delivered.push(verified(seen, secret));
      response.writeHead(answered.status, answered.headers).end();
    },
  );
  return {
    url: `${origin.url}/hook`,
    port: origin.port,
    delivered,
    get events() {
      return delivered.filter(({ type }) => type !== 'resync');
    },
    answer: (status, headers = {}) => {
      answered = { status, headers };
    },
    until: (predicate) => until(() => predicate(delivered), 'deliveries'),
    close: () => origin.close(),
  };
}

function headersOf({ rawHeaders }: SeenRequest): Record<string, string> {
  return Object.fromEntries(
    rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1] ?? '']] : [])),
  );
}

/** @throws if it is not signed with this secret */
function verified(seen: SeenRequest, secret: string): Delivered {
  const headers = headersOf(seen);
  const message = new Webhook(secret).verify(seen.body, headers) as Omit<Delivered, 'id'>;
  return { id: headers['webhook-id'] ?? '', ...message };
}

/** Settings of an endpoint at this receiver, which is on the loopback interface. */
export function endpointAt({ url }: Receiver, more = ''): string {
  const settings = `name: partner, url: "${url}", secret: "${SECRET}", allowHttp: true, allow: [127.0.0.1]`;
  return `{ ${settings}${more === '' ? '' : `, ${more}`} }`;
}
