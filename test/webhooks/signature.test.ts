import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { signatureFields, signingKeyOf } from '../../src/webhooks/signature.ts';
import { NEXT_SECRET, SECRET } from './receiver.ts';

const body = '{"type":"invalidate","data":{"paths":["/caf%C3%A9","/é"]}}';
const fields = (...secrets: string[]): Record<string, string> =>
  signatureFields({ id: 'e-1', timestamp: Math.floor(Date.now() / 1_000), body }, secrets.map(signingKeyOf));

describe('a signature', () => {
  test('is the one of the Standard Webhooks library', () => {
    const at = new Date(1_700_000_000_000);
    const signed = signatureFields({ id: 'e-1', timestamp: 1_700_000_000, body }, [signingKeyOf(SECRET)]);
    expect(signed['webhook-signature']).toBe(new Webhook(SECRET).sign('e-1', at, body));
  });

  test('is accepted by receivers with either secret during a rotation', () => {
    for (const secret of [SECRET, NEXT_SECRET]) {
      expect(new Webhook(secret).verify(body, fields(SECRET, NEXT_SECRET))).toEqual(JSON.parse(body));
    }
    expect(fields(SECRET, NEXT_SECRET)['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
  });

  test.each([
    ['another secret', NEXT_SECRET, body, {}],
    ['another body', SECRET, `${body} `, {}],
    ['another id', SECRET, body, { 'webhook-id': 'e-2' }],
    ['another time', SECRET, body, { 'webhook-timestamp': String(Math.floor(Date.now() / 1_000) + 60) }],
  ])('is refused with %s', (_, secret, received, changed) => {
    expect(() => new Webhook(secret).verify(received, { ...fields(SECRET), ...changed })).toThrow(
      'No matching signature',
    );
  });
});
