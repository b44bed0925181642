import { GatewayError } from '../../errors.ts';
import { askOrigin } from '../ask-origin.ts';
import { decodedBody, readAnswerUpTo } from '../body.ts';
import { forwardFields } from '../forward.ts';
import type { BeforeAddress } from './before.ts';
import { type Current, currentOf } from './document.ts';

/**
 * Reads the current representation from the origin, with the writer's credentials and preferences: never a copy, which
 * may be older than the last write. Undefined if there is none.
 * @throws GatewayError currentUnreadable: the write must not be forwarded; OriginError
 */
export async function readCurrent({ get, route }: BeforeAddress, maxBytes: number): Promise<Current | undefined> {
  const accepted = get.headers.has('accept') ? [] : ['Accept', 'application/json, */*;q=0.1'];
  const headers = [
    ...forwardFields(get, route.policy.client),
    ...accepted,
    // The octets themselves are compared and merged. A cache before the origin must not answer for it.
    ...['Accept-Encoding', 'identity', 'Cache-Control', 'no-cache'],
  ];
  const answer = await askOrigin({ request: get, route }, { headers, asOriginTags: true });
  const { status } = answer;
  if (status !== 200) {
    answer.body.destroy();
    if (status === 404 || status === 410) return undefined;
    throw new GatewayError('currentUnreadable', `the API answered a GET of this resource with ${status}`);
  }
  const read = await readAnswerUpTo(answer.body, maxBytes);
  if (!('whole' in read)) {
    answer.body.destroy();
    throw new GatewayError('currentUnmergeable', `it is longer than ${maxBytes} bytes`);
  }
  const body = decodedBody(read.whole, answer.headers);
  if (body === undefined) throw new GatewayError('currentUnmergeable', 'it has a content coding that cannot be undone');
  return currentOf(body, answer.headers);
}
