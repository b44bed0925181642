import { describe, expect, test } from 'vitest';
import { KEY_OVERHEAD_BYTES } from '../../src/idempotency/key-store.ts';
import { MemoryKeys } from '../../src/idempotency/memory-keys.ts';
import { answer, claimOf, keyStoreContract } from './key-contract.ts';

let now = 0;
const clock = { monotonic: () => now };

describe('keys in memory', () => {
  keyStoreContract(
    () => new MemoryKeys(1024 * 1024, clock),
    (ms) => {
      now += ms;
    },
  );

  const body = Buffer.alloc(KEY_OVERHEAD_BYTES);
  const large = { ...answer, lines: [], body };
  const address = undefined;

  test('where answers do not fit, the oldest are dropped, and their keys stay', async () => {
    const store = new MemoryKeys(5 * KEY_OVERHEAD_BYTES, clock);
    const claims = ['a', 'b', 'c'].map((id) => claimOf({ id, address }));
    for (const claim of claims) {
      await store.claim(claim);
      await store.settle(claim, { kind: 'answered', answer: large });
    }
    const [a, b, c] = await Promise.all(claims.map(({ id }) => store.claim(claimOf({ id }))));
    expect(a).toEqual({ kind: 'answered', answer: { status: 201, lines: [], body: undefined } });
    expect([b, c]).toEqual([
      { kind: 'answered', answer: large },
      { kind: 'answered', answer: large },
    ]);
    expect(store.bytes).toBe(5 * KEY_OVERHEAD_BYTES);
  });

  test('where keys do not fit, new ones are refused, and none is forgotten', async () => {
    const store = new MemoryKeys(3 * KEY_OVERHEAD_BYTES, clock);
    for (const id of ['a', 'b', 'c']) expect(await store.claim(claimOf({ id, address }))).toEqual({ kind: 'first' });
    expect(await store.claim(claimOf({ id: 'd', address }))).toEqual({ kind: 'full' });
    expect(await store.claim(claimOf({ id: 'a', address }))).toEqual({ kind: 'underWay' });
  });

  test('one address takes half of the room at most', async () => {
    const store = new MemoryKeys(4 * KEY_OVERHEAD_BYTES, clock);
    const verdicts = [];
    for (const id of ['a', 'b', 'c']) verdicts.push((await store.claim(claimOf({ id, address: '192.0.2.1' }))).kind);
    expect(verdicts).toEqual(['first', 'first', 'full']);
    expect(await store.claim(claimOf({ id: 'd', address: '192.0.2.2' }))).toEqual({ kind: 'first' });
  });

  test('expired keys are removed, however long others are kept', async () => {
    const store = new MemoryKeys(64 * KEY_OVERHEAD_BYTES, clock);
    await store.claim(claimOf({ id: 'long', keepMs: 1_000_000, address }));
    for (let i = 0; i < 12; i++) await store.claim(claimOf({ id: `short-${i}`, keepMs: 10, leaseMs: 1, address }));
    expect(store.size).toBe(13);
    now += 11;
    await store.claim(claimOf({ id: 'last', address }));
    expect(store.size).toBe(2);
    expect(store.bytes).toBe(2 * KEY_OVERHEAD_BYTES);
  });
});
